//! The place where a request arrived, and the clients that are served there.
//!
//! The emulator asks for no password on its own endpoints, so a web page in a browser on the same machine must not reach it:
//! neither by a request from another origin, nor by a name of its own that it points to this machine (DNS rebinding).

use std::net::IpAddr;

use bytes::Bytes;
use http::uri::Authority;
use http::{HeaderValue, Request, Response, Version, header, request};
use serde_json::json;

use crate::answer::bare;

/// The socket a request arrived at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    pub(crate) address: IpAddr,
    pub(crate) tls: bool,
}

impl Site {
    /// The answer to a request that may have been made by a web page. `hosts`: further names of this server.
    pub(crate) fn refusal(
        self,
        head: &request::Parts,
        hosts: &[String],
    ) -> Option<Response<Bytes>> {
        let asked = authority(&head.uri, &head.headers);
        if asked.is_none() && head.version == Version::HTTP_11 {
            // RFC 9112, 3.2.
            return Some(refuse(
                400,
                "a request of HTTP/1.1 has to have a header Host",
            ));
        }
        if let Some(host) = &asked
            && !host
                .as_deref()
                .is_some_and(|host| self.is_called(host, hosts))
        {
            // The name is not repeated: it is not one of ours.
            return Some(refuse(
                421,
                "the host of this request is neither this machine nor the address the emulator listens on; name it with --allow-host",
            ));
        }
        let mut origins = head.headers.get_all(header::ORIGIN).iter();
        let own = |origin: &HeaderValue| {
            let scheme = if self.tls { "https" } else { "http" };
            let (Some(Some(host)), Ok(origin)) = (&asked, origin.to_str()) else {
                return false;
            };
            origin.eq_ignore_ascii_case(&format!("{scheme}://{host}"))
        };
        if origins.all(own) {
            return None;
        }
        Some(refuse(
            403,
            "the emulator answers no web pages of other origins: this request has a header Origin",
        ))
    }

    fn is_called(self, host: &str, hosts: &[String]) -> bool {
        let Ok(authority) = host.parse::<Authority>() else {
            return false;
        };
        let name = authority.host();
        let bare = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'));
        if let Ok(address) = bare.unwrap_or(name).parse::<IpAddr>() {
            let address = address.to_canonical();
            return address.is_loopback() || address == self.address.to_canonical();
        }
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        name == "localhost"
            || name.ends_with(".localhost")
            || hosts.iter().any(|known| known.eq_ignore_ascii_case(&name))
    }
}

/// The host that a request is for, `Some(None)` when that is unclear; `None` for a request that names none, which no browser
/// sends.
fn authority(uri: &http::Uri, headers: &http::HeaderMap) -> Option<Option<String>> {
    let mut named = headers.get_all(header::HOST).iter();
    let (first, second) = (named.next(), named.next());
    let header = first.map(|host| host.to_str().ok().map(str::to_owned));
    let uri = uri.authority().map(|it| Some(it.as_str().to_owned()));
    match (uri, header) {
        _ if second.is_some() => Some(None),
        (Some(uri), Some(header)) if uri != header => Some(None),
        (uri, header) => uri.or(header),
    }
}

fn refuse(status: u16, problem: &str) -> Response<Bytes> {
    let json = HeaderValue::from_static("application/json; charset=UTF-8");
    // No clock at hand, and no browser that would need the date.
    let mut refusal = bare(
        status,
        json,
        format!("{}\n", json!({"error": problem})).into(),
        0,
    );
    refusal.headers_mut().remove(header::DATE);
    refusal
}

/// The address of the emulator, as the sender sees it: `http://HOST:PORT`. The query `tls` says the scheme where the socket does not.
pub(crate) fn root(request: &Request<Bytes>) -> String {
    let uri = request.uri();
    let tls = request
        .extensions()
        .get::<Site>()
        .is_some_and(|site| site.tls)
        || uri.scheme_str() == Some("https")
        || uri.query() == Some("tls");
    let scheme = if tls { "https" } else { "http" };
    let host = authority(uri, request.headers()).flatten();
    format!("{scheme}://{}", host.as_deref().unwrap_or("localhost"))
}
