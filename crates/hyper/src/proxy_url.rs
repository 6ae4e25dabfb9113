//! The URL of a proxy, parsed strictly: a password that is not percent-encoded must neither be
//! printed nor looked up as a host.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countermand_core::text::looks_secret;
use http::{HeaderValue, Uri};
use zeroize::Zeroizing;

/// An HTTP proxy, and the credentials for it.
pub(crate) struct ProxyUrl {
    /// `host:port`, without user and password.
    pub(crate) host: String,
    /// The same as a URL.
    pub(crate) uri: Uri,
    /// True for a host that can be shown: a word alone may be a password that stands in its place.
    shows_host: bool,
    /// `Proxy-Authorization`.
    pub(crate) authorization: Option<HeaderValue>,
}

/// The advice for characters to which a URL gives another meaning.
const ENCODE: &str = "percent-encode them in the user and the password: @ is %40, # is %23, / is %2F, ? is %3F, % is %25, a space is %20";

impl ProxyUrl {
    /// Reads `http://host:port` or `http://user:password@host:port`; the scheme may be left out.
    ///
    /// # Errors
    /// A sentence that repeats nothing of the URL.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => {
                return Err("asks for TLS to the proxy, which is not supported".to_owned());
            }
            Some((scheme, _)) if scheme.to_ascii_lowercase().starts_with("socks") => {
                return Err("asks for SOCKS, which is not supported".to_owned());
            }
            Some(_) => return Err("has a scheme other than http".to_owned()),
            None => url,
        };
        let odd = |char: char| char.is_whitespace() || char.is_control() || !char.is_ascii();
        if rest.contains(odd) {
            return Err(format!("has a space or a character beyond ASCII; {ENCODE}"));
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        if tail.contains('@') || authority.matches('@').count() > 1 {
            return Err(format!(
                "has one of @ # / ? in the user or the password; {ENCODE}"
            ));
        }
        if !matches!(tail, "" | "/") {
            return Err(format!(
                "goes on after host and port; if that is a part of the password, {ENCODE}"
            ));
        }
        let (user, host) = match authority.split_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let bare = host;
        let host = host_and_port(bare)?;
        Ok(Self {
            shows_host: bare.contains([':', '.']) || bare.eq_ignore_ascii_case("localhost"),
            uri: format!("http://{host}/")
                .parse()
                .map_err(|_| "has no host that can be asked".to_owned())?,
            authorization: user.map(basic).transpose()?,
            host,
        })
    }
}

impl ProxyUrl {
    /// Host and port in words that can be shown.
    pub(crate) fn shown(&self) -> &str {
        match self.shows_host {
            true => &self.host,
            false => "that the settings name",
        }
    }

    /// A problem of the connection, without a host that is not shown.
    pub(crate) fn hidden(&self, problem: &str) -> String {
        let host = self.host.split(':').next().unwrap_or_default();
        match self.shows_host {
            true => problem.to_owned(),
            false => problem.replace(host, "(the proxy)"),
        }
    }
}

/// `host:port`, with the port of HTTP where none is given.
fn host_and_port(text: &str) -> Result<String, String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = port.map_or(Some(80), |port| {
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        port.parse::<u16>().ok().filter(|port| digits && *port > 0)
    });
    let port = port.ok_or("has a port that is not one of 1 to 65535")?;
    let literal = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    let good = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && looks_secret(host).is_none()
                && host
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        }
    };
    match good {
        true => Ok(format!("{host}:{port}")),
        false => Err("names no host".to_owned()),
    }
}

/// The header for user and password, which stand percent-encoded in a URL.
fn basic(user: &str) -> Result<HeaderValue, String> {
    let mut plain = Zeroizing::new(Vec::with_capacity(user.len() + 1));
    let mut bytes = user.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            plain.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (high, low) = (digit(), digit());
        let (Some(high), Some(low)) = (high, low) else {
            return Err(format!("has a % without two hexadecimal digits; {ENCODE}"));
        };
        plain.push((high * 16 + low) as u8);
    }
    if !user.contains(':') {
        plain.push(b':');
    }
    let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(&*plain)));
    let mut value = HeaderValue::from_str(&value).map_err(|_| "has an odd user".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_56_a_password_that_is_not_encoded_is_refused_and_not_repeated() {
        for url in [
            "http://alice:canary#2026@127.0.0.1:1",
            "http://alice:can@canary@127.0.0.1:1",
            "http://alice:canary/2026@127.0.0.1:1",
            "http://alice:canary?2026@127.0.0.1:1",
            "http://alice:canary 2026@127.0.0.1:1",
            "http://alice:canary%@127.0.0.1:1",
            "http://alice:canary%2@127.0.0.1:1",
            "http://alice:canary\u{e9}@127.0.0.1:1",
            "alice:canary#2026@127.0.0.1:1",
            "http://127.0.0.1:1/canary",
            "http://127.0.0.1:1?canary",
        ] {
            let Err(problem) = ProxyUrl::parse(url) else {
                panic!("{url}")
            };
            assert!(!problem.contains("canary"), "{problem}");
            assert!(problem.contains("percent-encode"), "{url}: {problem}");
        }
        for url in [
            "",
            "http://",
            "http://alice:canary",
            "http://canary:0",
            "http://canary:99999",
            "http://canary:+1",
            "http://:3128",
            "http://user:canary@",
            "http://[canary]:1",
            "http://can\\ary:1",
            "https://canary:3128",
            "socks5h://user:canary@host",
            "ftp://canary",
            "ya29.canary_token:x",
            "ya29.canary_token",
        ] {
            let Err(problem) = ProxyUrl::parse(url) else {
                panic!("{url}")
            };
            assert!(!problem.contains("canary"), "{problem}");
        }
    }

    #[test]
    fn fault_56_what_a_url_may_hold() {
        for (url, host, authorization) in [
            ("http://proxy:3128", "proxy:3128", None),
            ("HTTP://proxy:3128/", "proxy:3128", None),
            ("proxy:3128", "proxy:3128", None),
            ("http://proxy.example", "proxy.example:80", None),
            ("http://[::1]:8080", "[::1]:8080", None),
            ("http://[::1]", "[::1]:80", None),
            // alice:p@s#/?% :x
            (
                "http://alice:p%40s%23%2F%3f%25%20:x@h:1",
                "h:1",
                Some("Basic YWxpY2U6cEBzIy8/JSA6eA=="),
            ),
            ("http://alice@h:1", "h:1", Some("Basic YWxpY2U6")),
        ] {
            let parsed = ProxyUrl::parse(url).unwrap();
            assert_eq!(parsed.host, host);
            assert_eq!(parsed.uri.authority().unwrap().as_str(), host);
            let found = parsed.authorization.as_ref().map(|it| it.to_str().unwrap());
            assert_eq!(found, authorization, "{url}");
        }
    }
}
