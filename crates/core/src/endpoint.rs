//! The endpoint of an API.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use crate::shown::{looks_secret, shown_excerpt};

/// Root of an API, host and path; that of the [default service](crate::Service::DEFAULT) by default.
///
/// Parsed once and shared by every request, so that building one copies no more than its path.
/// A URL without a path gets the path of the default service, `/v1`: one of a service with another
/// [prefix](crate::Service::prefix) needs it.
///
/// ```
/// use countermand_core::Endpoint;
///
/// let endpoint: Endpoint = "http://127.0.0.1:8080".parse()?;
/// assert_eq!(endpoint.to_string(), "http://127.0.0.1:8080/v1");
/// assert_eq!(Endpoint::default().to_string(), "https://androidmanagement.googleapis.com/v1");
/// # Ok::<(), countermand_core::EndpointError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    /// Starts with a slash and does not end with one, or is empty.
    prefix: Box<str>,
}

/// The path of a URL that has none: the default service's.
const PREFIX: &str = "/v1";

/// A text that is not the URL of an API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{input}\" is not an endpoint: {reason}; expected something like https://host.example/v1"
)]
pub struct EndpointError {
    input: String,
    reason: &'static str,
}

impl Endpoint {
    /// The endpoint at a host of a service, with the path that its methods begin with.
    pub(crate) fn of(host: &'static str, prefix: &str) -> Self {
        Self {
            scheme: Scheme::HTTPS,
            authority: Authority::from_static(host),
            prefix: prefix.into(),
        }
    }

    /// True where requests travel without TLS.
    #[must_use]
    pub fn is_plaintext(&self) -> bool {
        self.scheme == Scheme::HTTP
    }

    /// True where the host is this machine: `localhost`, `127.0.0.0/8` or `[::1]`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(self.authority.host())
    }

    /// Host name or address, without the port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// True where `uri` has this endpoint's scheme, host and port: the only place a token may go.
    #[must_use]
    pub fn is_origin_of(&self, uri: &Uri) -> bool {
        let port = |authority: &Authority| {
            authority
                .port_u16()
                .unwrap_or(if self.is_plaintext() { 80 } else { 443 })
        };
        let same = |other: &Authority| {
            // As every request of this endpoint has it.
            other.as_str() == self.authority.as_str()
                || other.host().eq_ignore_ascii_case(self.authority.host())
                    && port(other) == port(&self.authority)
                    && !other.as_str().contains('@')
        };
        uri.scheme() == Some(&self.scheme) && uri.authority().is_some_and(same)
    }

    /// Host and port, as they were given.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The URI of a path at this endpoint's origin; the endpoint's own path is not put before it.
    #[must_use]
    pub fn uri(&self, path: PathAndQuery) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).expect("scheme, authority and path are all given")
    }
}

/// True where a host, as it stands in a URL, is this machine.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let refuse = |reason| {
            let input = shown_excerpt(text, 120);
            Err(EndpointError { input, reason })
        };
        if text.len() > 1024 {
            return refuse("it is longer than 1024 bytes");
        }
        // It stands in job files, logs and the command that goes on.
        if looks_secret(text).is_some() && !text.contains(['@', '?']) {
            return refuse("no part of it may be a secret");
        }
        if text.contains('#') {
            return refuse("it has a fragment");
        }
        let Ok(uri) = text.parse::<Uri>() else {
            return refuse("it is not a URL");
        };
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return refuse("it does not start with https://");
        };
        if scheme != Scheme::HTTPS && scheme != Scheme::HTTP {
            return refuse("its scheme is neither https nor http");
        }
        if authority.as_str().contains('@') {
            return refuse("it holds user information");
        }
        if authority.host().is_empty() {
            return refuse("it names no host");
        }
        if authority
            .as_str()
            .rsplit(']')
            .next()
            .is_some_and(|tail| tail.contains(':'))
            && authority.port_u16().is_none_or(|port| port == 0)
        {
            return refuse("its port is not one of 1 to 65535");
        }
        let path = parts.path_and_query.as_ref();
        if path.is_some_and(|path| path.query().is_some()) {
            return refuse("it has a query");
        }
        let prefix = path.map_or("", PathAndQuery::path).trim_end_matches('/');
        if prefix
            .split('/')
            .any(|segment| matches!(segment, "." | ".."))
        {
            return refuse("its path has a `.` or `..` segment");
        }
        Ok(Self {
            scheme,
            authority: share(&authority),
            prefix: match prefix {
                "" => PREFIX,
                prefix => prefix,
            }
            .into(),
        })
    }
}

/// The same authority in bytes of its own: a slice of the parsed URL would keep all of it alive.
fn share(authority: &Authority) -> Authority {
    Authority::from_maybe_shared(bytes::Bytes::copy_from_slice(authority.as_str().as_bytes()))
        .expect("it was an authority already")
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_has_that_of_the_default_service() {
        assert_eq!(PREFIX, crate::Service::DEFAULT.prefix);
    }

    #[test]
    fn refuses_what_is_not_an_api_root() {
        for (text, reason) in [
            ("", "not a URL"),
            ("/v1", "https://"),
            ("androidmanagement.googleapis.com", "https://"),
            ("ftp://h/v1", "scheme"),
            ("https://user:pw@h/v1", "user information"),
            ("https://h/v1?x=1", "query"),
            ("https://h/v1#x", "fragment"),
            ("https://h/../v1", "segment"),
            ("https://h:99999/v1", "port"),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn knows_its_origin() {
        let endpoint: Endpoint = "https://Api.example:443/x/".parse().unwrap();
        assert_eq!(endpoint.to_string(), "https://Api.example:443/x");
        assert_eq!(
            format!("{endpoint:?}"),
            "Endpoint(https://Api.example:443/x)"
        );
        for (uri, expected) in [
            ("https://api.example/other", true),
            ("https://api.example:443/", true),
            ("https://api.example:444/", false),
            ("http://api.example/", false),
            ("https://u@api.example/", false),
            ("https://evil.example/", false),
        ] {
            assert_eq!(
                endpoint.is_origin_of(&uri.parse().unwrap()),
                expected,
                "{uri}"
            );
        }
    }

    #[test]
    fn knows_this_machine() {
        for (url, expected) in [
            ("http://localhost:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:80", true),
            ("http://127.0.0.1.example", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(
                url.parse::<Endpoint>().unwrap().is_loopback(),
                expected,
                "{url}"
            );
        }
    }
}
