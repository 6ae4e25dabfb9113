//! The endpoint of an API.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use bytes::Bytes;
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

use crate::service::{GOOGLE, RegionalHosts, Service};
use crate::shown::{looks_secret, shown_excerpt};

/// The place where a service is served: scheme, host and path; Google's root endpoint of the
/// [default service](crate::Service::DEFAULT) by default.
///
/// Parsed once and shared by every request, so that building one copies no more than its path.
/// A URL without a path gets the path of its service.
///
/// ```
/// use countermand_core::{Endpoint, Service};
///
/// let endpoint: Endpoint = "http://127.0.0.1:8080".parse()?;
/// assert_eq!(endpoint.to_string(), "http://127.0.0.1:8080/v1");
/// assert_eq!(Endpoint::default().to_string(), "https://androidmanagement.googleapis.com/v1");
///
/// let translation = Service::named("translate.v3").expect("it is built in");
/// let endpoint = endpoint.of_service(translation);
/// assert_eq!(endpoint.to_string(), "http://127.0.0.1:8080/v3");
/// # Ok::<(), countermand_core::EndpointError>(())
/// ```
#[derive(Clone)]
pub struct Endpoint {
    service: &'static Service,
    scheme: Scheme,
    authority: Authority,
    /// Starts with a slash and does not end with one, or is empty; the service's if there is none.
    prefix: Option<Box<str>>,
}

/// A text that is not the URL of an API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{input}\" is not an endpoint: {reason}; expected something like https://host.example/v1"
)]
pub struct EndpointError {
    input: String,
    reason: &'static str,
}

/// The endpoints of a service, which its description gives.
impl Service {
    /// The root endpoint.
    #[must_use]
    pub fn endpoint(&'static self) -> Endpoint {
        Endpoint::of(self, self.host)
    }

    /// The endpoint for mutual TLS.
    #[must_use]
    pub fn mtls_endpoint(&'static self) -> Endpoint {
        Endpoint::of(self, self.mtls_host)
    }

    /// The location that a host of Google's serves, if the service lists one for it: `LOCATION-LABEL` and
    /// `LABEL.LOCATION.rep` are two spellings of one host.
    pub(crate) fn location_at<'a>(&self, host: &'a str) -> Option<&'a str> {
        let label = host.strip_suffix(GOOGLE)?;
        let own = self.host.strip_suffix(GOOGLE)?;
        let before = |rest: &'a str| rest.strip_suffix('-');
        let between = |rest: &'a str| rest.strip_prefix('.')?.strip_suffix(".rep");
        let location = label.strip_suffix(own).and_then(before);
        let location = location.or_else(|| label.strip_prefix(own).and_then(between))?;
        let mut hosts = self.regional_hosts.iter();
        hosts
            .any(|hosts| hosts.locations.contains(&location))
            .then_some(location)
    }

    /// False if the host ends in `.googleapis.com` and its first label is not that of this service's host,
    /// alone or with a word before or behind it, as regional and private hosts have it. Any other host, such as that of an
    /// emulator, may serve it.
    pub(crate) fn may_be_at(&self, endpoint: &Endpoint) -> bool {
        // First, and without a search for the host: nearly every operation is at this one.
        if endpoint.authority() == self.host {
            return true;
        }
        let host = endpoint.host();
        let end = host.get(host.len().saturating_sub(GOOGLE.len())..);
        if !end.is_some_and(|end| end.eq_ignore_ascii_case(GOOGLE)) {
            return true;
        }
        let label = |host: &str| {
            host.split('.')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase()
        };
        let (own, asked) = (label(self.host), label(host));
        let beside = [format!("{own}-"), format!("-{own}")];
        asked == own || asked.starts_with(&beside[0]) || asked.ends_with(&beside[1])
    }
}

/// The location that a name, or the path of one, has: the segment after `locations` or, as older services say it, `regions`.
pub(crate) fn location(name: &str) -> Option<&str> {
    let mut segments = name.split('/');
    segments.find(|segment| matches!(*segment, "locations" | "regions"))?;
    segments.next()
}

impl Endpoint {
    /// The endpoint at a host of a service.
    pub(crate) fn of(service: &'static Service, host: &'static str) -> Self {
        Self {
            service,
            scheme: Scheme::HTTPS,
            authority: Authority::from_static(host),
            prefix: None,
        }
    }

    /// This endpoint as one of another service: the text of an endpoint does not tell its service.
    #[must_use]
    pub fn of_service(mut self, service: &'static Service) -> Self {
        self.service = service;
        self
    }

    /// The endpoint of a resource, if this is the root endpoint of a service that lists another one for the
    /// location that the name has. A location enters a host only if it is one of the listed ones.
    #[must_use]
    pub fn regional(&self, resource: &str) -> Option<Self> {
        let hosts = self.regional_hosts();
        if hosts.is_empty() {
            return None;
        }
        let location = location(resource)?;
        let template = hosts
            .iter()
            .find(|hosts| hosts.locations.contains(&location))?;
        let host = template.template.replace("{location}", location);
        let authority = Authority::from_maybe_shared(Bytes::from(host))
            .expect("a description has hosts and locations of letters, digits, `-` and `.`");
        Some(self.at(&authority))
    }

    /// The regional hosts beside the host: a root endpoint stands for these as well.
    fn regional_hosts(&self) -> &'static [RegionalHosts] {
        match self.service.regional_hosts {
            hosts if hosts.is_empty() || self.is_plaintext() => &[],
            hosts if self.authority.as_str() == self.service.host => hosts,
            _ => &[],
        }
    }

    /// True where the server is Google's: its host is one that Google serves this service at, the root, that for
    /// mutual TLS, or a regional one.
    #[must_use]
    pub fn is_googles(&self) -> bool {
        let is_google = || self.authority.as_str().ends_with(GOOGLE);
        self.scheme == Scheme::HTTPS
            && self.service.is_googles()
            && is_google()
            && self.service.may_be_at(self)
    }

    /// The service that is served there.
    #[must_use]
    pub const fn service(&self) -> &'static Service {
        self.service
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

    /// True where `uri` has this endpoint's scheme, host and port, or those of a [regional](Self::regional)
    /// endpoint: the only places a token may go.
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
        let is_regional = |authority: &Authority| {
            let host = authority.as_str();
            self.regional_hosts().iter().any(|hosts| hosts.has(host))
        };
        let here = |authority: &Authority| same(authority) || is_regional(authority);
        uri.scheme() == Some(&self.scheme) && uri.authority().is_some_and(here)
    }

    /// True if host and port are these, as they were given.
    #[must_use]
    pub fn is_at(&self, authority: &Authority) -> bool {
        self.authority == *authority
    }

    /// The same at another host.
    #[must_use]
    pub fn at(&self, authority: &Authority) -> Self {
        Self {
            authority: authority.clone(),
            ..self.clone()
        }
    }

    /// Host and port, as they were given.
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    pub(crate) fn prefix(&self) -> &str {
        self.prefix_of(self.service)
    }

    /// The path before the names of a service: its own, unless another one was given.
    pub(crate) fn prefix_of(&self, service: &'static Service) -> &str {
        match &self.prefix {
            Some(prefix) => prefix,
            None => service.prefix,
        }
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
        if authority.host().trim_end_matches('.').is_empty() || authority.host().ends_with("..") {
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
            service: Service::DEFAULT,
            authority: spelled(&authority, &scheme),
            scheme,
            prefix: (!prefix.is_empty()).then(|| prefix.into()),
        })
    }
}

/// The one spelling of an authority: small letters, no dot at the end, no port that is the scheme's own. What
/// may be at a host is decided by comparing hosts. In bytes of its own: a slice of the parsed URL would keep
/// all of it alive.
fn spelled(authority: &Authority, scheme: &Scheme) -> Authority {
    let usual = if *scheme == Scheme::HTTP { 80 } else { 443 };
    let host = authority.host().to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    let text = match authority.port_u16() {
        Some(port) if port != usual => format!("{host}:{port}"),
        _ => host.to_owned(),
    };
    Authority::from_maybe_shared(Bytes::from(text)).unwrap_or_else(|_| authority.clone())
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        (self.service, &self.scheme, &self.authority, self.prefix())
            == (
                other.service,
                &other.scheme,
                &other.authority,
                other.prefix(),
            )
    }
}

impl Eq for Endpoint {}

impl Hash for Endpoint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.scheme, &self.authority, self.prefix()).hash(state);
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix())
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
        let endpoint: Endpoint = "https://Api.example.:443/x/".parse().unwrap();
        assert_eq!(endpoint.to_string(), "https://api.example/x");
        assert_eq!(format!("{endpoint:?}"), "Endpoint(https://api.example/x)");
        assert_eq!(endpoint, "https://API.example/x".parse().unwrap());
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
    fn knows_googles_servers() {
        let vertex = Service::named("aiplatform.v1").unwrap();
        for (url, expected) in [
            ("https://aiplatform.googleapis.com", true),
            ("https://AIPLATFORM.googleapis.com.:443/v1", true),
            ("https://aiplatform.mtls.googleapis.com", true),
            ("https://europe-west4-aiplatform.googleapis.com", true),
            ("https://aiplatform.us.rep.googleapis.com", true),
            ("http://aiplatform.googleapis.com", false),
            ("https://aiplatform.googleapis.com:8443", false),
            ("https://documentai.googleapis.com", false),
            ("https://aiplatform.googleapis.com.evil.example", false),
            ("https://aiplatform-googleapis.com", false),
            ("https://127.0.0.1", false),
        ] {
            let endpoint: Endpoint = url.parse().unwrap();
            assert_eq!(endpoint.of_service(vertex).is_googles(), expected, "{url}");
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
