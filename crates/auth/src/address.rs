//! The address of a server that gives tokens, and the requests to it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use countermand_core::text::chain;
use countermand_core::{Endpoint, TransportError, TransportErrorKind};
use countermand_hyper::{Hyper, HyperConfig};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use zeroize::Zeroizing;

use crate::document::Problem;
use crate::error::{rejected, unavailable};

/// Time for one answer: a bit less than for a token, so that it can be told who is late.
const TIMEOUT: Duration = Duration::from_secs(8);

/// The longest answer, in bytes. The largest tokens have some 2,000.
pub(crate) const CAP: usize = 64 << 10;

/// An address that is checked, and how to get there. A connection is made for each request: an
/// hour of silence lies between two of them.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    uri: Uri,
    endpoint: Endpoint,
    /// Plain `http://` may go there, although it is another machine.
    plaintext: bool,
}

impl Address {
    /// An address of a credentials file: `https://`, or this machine.
    pub(crate) fn new(field: &str, url: &str) -> Result<Self, Problem> {
        Self::with(field, url, false)
    }

    /// An address that may be a metadata server's, which speak plain http to their own machine.
    pub(crate) fn local(field: &str, url: &str) -> Result<Self, Problem> {
        Self::with(field, url, true)
    }

    fn with(field: &str, url: &str, plaintext: bool) -> Result<Self, Problem> {
        let no = |what: &str| format!("the field `{field}` {what}, expected an https:// URL");
        let uri: Uri = url.parse().map_err(|_| no("is no URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(no("is not a whole URL"));
        };
        let endpoint: Endpoint = format!("{scheme}://{authority}")
            .parse()
            .map_err(|_| no("names no host that can be asked"))?;
        if endpoint.is_plaintext() && !endpoint.is_loopback() && !plaintext {
            return Err(no("would send secrets in the clear"));
        }
        Ok(Self {
            uri,
            endpoint,
            plaintext,
        })
    }

    /// Scheme, host, port and path, without the query, which may hold a secret.
    pub(crate) fn shown(&self) -> String {
        let authority = self.uri.authority().map_or("", |it| it.as_str());
        let scheme = self.uri.scheme_str().unwrap_or_default();
        format!("{scheme}://{authority}{}", self.uri.path())
    }

    /// An address of a subject token: `https://`, or plain http to this machine or to the
    /// metadata server of one (a link-local address), where nothing but its own marks are sent.
    pub(crate) fn of_subject(
        field: &str,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Self, Problem> {
        let address = Self::local(field, url)?;
        if !address.endpoint.is_plaintext() || address.endpoint.is_loopback() {
            return Ok(address);
        }
        if !is_beside(address.endpoint.host()) {
            return Err(format!(
                "the field `{field}` would fetch a secret in the clear, expected an https:// URL"
            ));
        }
        let marks = ["metadata", "metadata-flavor", "accept"];
        match headers
            .iter()
            .find(|(name, _)| !marks.contains(&name.as_str()))
        {
            None => Ok(address),
            Some((name, _)) => Err(format!(
                "the header `{}` would be sent in the clear, expected an https:// URL",
                countermand_core::text::shown(name.as_str())
            )),
        }
    }

    /// The whole of it.
    pub(crate) fn url(&self) -> String {
        self.uri.to_string()
    }

    /// This address with another path and query.
    pub(crate) fn at(&self, path_and_query: &str) -> Result<Self, Problem> {
        let mut parts = self.uri.clone().into_parts();
        let problem = |_| "it gives no URL".to_owned();
        let path = path_and_query.parse().map_err(problem)?;
        parts.path_and_query = Some(path);
        Ok(Self {
            uri: Uri::from_parts(parts).map_err(|_| "it gives no URL".to_owned())?,
            ..self.clone()
        })
    }

    pub(crate) async fn get(
        &self,
        config: &HyperConfig,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Response<Bytes>, TransportError> {
        self.send(Method::GET, config, headers, Bytes::new()).await
    }

    /// Posts a form; what it is made of is overwritten afterwards.
    pub(crate) async fn post_form(
        &self,
        config: &HyperConfig,
        fields: &[(&str, &str)],
        client: Option<&ClientAuth>,
    ) -> Result<Response<Bytes>, TransportError> {
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut headers = vec![(CONTENT_TYPE, form)];
        headers.extend(client.map(|client| (AUTHORIZATION, client.0.clone())));
        self.send(Method::POST, config, &headers, encode(fields))
            .await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        config: &HyperConfig,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<Response<Bytes>, TransportError> {
        // The certificate of this machine is for the API alone.
        let mut config = config.clone().body_cap(CAP).no_client_certificate();
        if self.plaintext {
            config = config.allow_plaintext(true);
        }
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = self.uri.clone();
        let given = request.headers_mut();
        given.insert(ACCEPT, HeaderValue::from_static("application/json, */*"));
        given.extend(headers.iter().cloned());
        let sent = match Hyper::new(&self.endpoint, config) {
            Ok(hyper) => hyper.call(request, TIMEOUT).await,
            Err(error) => Err(error),
        };
        sent.map_err(|error| {
            // Nothing of the request that needs the token was sent.
            let problem = format!("{}: {}", self.shown(), chain(&error));
            match error.kind() {
                TransportErrorKind::Tls
                | TransportErrorKind::NotAllowed
                | TransportErrorKind::CredentialsRejected => rejected(problem),
                TransportErrorKind::Proxy => {
                    TransportError::new(TransportErrorKind::Proxy, problem)
                }
                _ => unavailable(problem),
            }
        })
    }
}

/// True for the host of the metadata server of a machine.
fn is_beside(host: &str) -> bool {
    use std::net::IpAddr;
    match host.trim_matches(['[', ']']).parse() {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        Ok(IpAddr::V6(address)) => {
            address.is_unicast_link_local() || address.segments()[..2] == [0xfd00, 0x0ec2]
        }
        Err(_) => host.eq_ignore_ascii_case("metadata.google.internal"),
    }
}

/// A client's name and secret, as a header (RFC 6749, 2.3.1).
pub(crate) struct ClientAuth(HeaderValue);

impl ClientAuth {
    pub(crate) fn new(id: &str, secret: &str) -> Result<Self, Problem> {
        let plain = Zeroizing::new(format!("{id}:{secret}"));
        let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(plain.as_bytes())));
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| "the field `client_id` cannot be sent".to_owned())?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

/// `application/x-www-form-urlencoded`, in memory that is overwritten when it has been sent.
fn encode(fields: &[(&str, &str)]) -> Bytes {
    let length = fields
        .iter()
        .map(|(key, value)| key.len() + 3 * value.len() + 2);
    let mut form = Zeroizing::new(Vec::with_capacity(length.sum()));
    for (key, value) in fields {
        if !form.is_empty() {
            form.push(b'&');
        }
        form.extend_from_slice(key.as_bytes());
        form.push(b'=');
        escape(value, &mut form);
    }
    Bytes::from_owner(form)
}

/// A value for a query or a form.
pub(crate) fn escaped(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len());
    escape(value, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn escape(value: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        match byte {
            b'-' | b'.' | b'_' | b'~' => out.push(byte),
            _ if byte.is_ascii_alphanumeric() => out.push(byte),
            _ => out.extend([
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
    }
}

/// Base64 as JSON web tokens have it (RFC 7515, 2).
pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_escaped() {
        let form = encode(&[("a", "x y&z=/+~"), ("b", "ü")]);
        assert_eq!(&form[..], b"a=x%20y%26z%3D%2F%2B~&b=%C3%BC");
    }

    #[test]
    fn secrets_go_to_https_or_to_this_machine() {
        for (url, good) in [
            ("https://oauth2.googleapis.com/token", true),
            ("http://127.0.0.1:8080/token", true),
            ("http://localhost/token", true),
            ("http://oauth2.googleapis.com/token", false),
            ("http://127.0.0.1@evil.example/token", false),
            ("https://user@oauth2.googleapis.com/token", false),
            ("ftp://oauth2.googleapis.com/token", false),
            ("oauth2.googleapis.com", false),
            ("/token", false),
            ("https://", false),
            ("https://h:99999/", false),
            ("", false),
            ("\u{0}", false),
        ] {
            assert_eq!(Address::new("f", url).is_ok(), good, "{url}");
        }
        assert!(Address::local("f", "http://169.254.169.254/x").is_ok());
    }
}
