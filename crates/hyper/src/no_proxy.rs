//! The hosts that are reached without a proxy, as `NO_PROXY` names them.

use std::net::IpAddr;

use countermand_core::text::shown;
use ipnet::IpNet;

/// The entries of a list.
#[derive(Debug, Default)]
pub(crate) struct NoProxy(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Debug)]
enum Hosts {
    All,
    /// A domain and all below it.
    Domain(String),
    /// All below a domain.
    Below(String),
    /// The addresses of a network, which may be a single one.
    Network(IpNet),
}

impl NoProxy {
    /// Reads entries that are separated by commas or white space.
    ///
    /// # Errors
    /// The entry that is not understood: ignoring it would send its host through the proxy.
    pub(crate) fn parse(list: &str) -> Result<Self, String> {
        let entries = list.split(|char: char| char == ',' || char.is_whitespace());
        let entries = entries.filter(|entry| !entry.is_empty());
        let parsed = entries.map(|entry| {
            parse(&entry.to_ascii_lowercase()).ok_or_else(|| {
                format!(
                    "has the entry {}, expected *, a domain, .domain, *.domain, an address, a network such as 10.0.0.0/8 or 10.*, each with :port or without",
                    shown(entry)
                )
            })
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// Tells whether a host, as it stands in a URL, is reached without a proxy.
    pub(crate) fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.trim_matches(['[', ']']).trim_end_matches('.');
        let host = host.to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        let below = |domain: &str| {
            let rest = host.strip_suffix(domain);
            address.is_none() && rest.is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        };
        self.0.iter().any(|entry| {
            entry.port.is_none_or(|only| only == port)
                && match &entry.hosts {
                    Hosts::All => true,
                    Hosts::Domain(domain) => host == *domain || below(domain),
                    Hosts::Below(domain) => below(domain),
                    Hosts::Network(network) => {
                        address.is_some_and(|address| network.contains(&address))
                    }
                }
        })
    }
}

fn parse(entry: &str) -> Option<Entry> {
    let whole = |hosts| Some(Entry { hosts, port: None });
    if entry == "*" {
        return whole(Hosts::All);
    }
    if let Some(network) = network(entry) {
        return whole(Hosts::Network(network));
    }
    let (host, port) = match entry.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port > 0)?)),
        None => (entry, None),
    };
    let hosts = match network(host) {
        Some(network) if host.starts_with('[') || !host.contains(':') => Hosts::Network(network),
        _ => domain(host)?,
    };
    Some(Entry { hosts, port })
}

/// An address, `ADDRESS/BITS`, or the beginning of one as in `127.*`.
fn network(entry: &str) -> Option<IpNet> {
    let bare = entry.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    if let Ok(address) = bare.unwrap_or(entry).parse::<IpAddr>() {
        return Some(address.into());
    }
    if let Ok(network) = entry.parse() {
        return Some(network);
    }
    let parts: Vec<&str> = entry.split('.').collect();
    let known = parts.iter().take_while(|part| **part != "*").count();
    if !(1..=3).contains(&known) || parts.len() > 4 || parts.len() == known {
        return None;
    }
    let mut octets = [0; 4];
    for (octet, part) in octets.iter_mut().zip(&parts[..known]) {
        *octet = part.parse().ok()?;
    }
    let rest = parts[known..].iter().all(|part| *part == "*");
    let bits = u8::try_from(8 * known).ok()?;
    IpNet::new(octets.into(), bits).ok().filter(|_| rest)
}

fn domain(host: &str) -> Option<Hosts> {
    let (below, name) = match host.strip_prefix("*.") {
        Some(name) => (true, name),
        None => (false, host.strip_prefix('.').unwrap_or(host)),
    };
    let name = name.trim_end_matches('.');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if name.is_empty() || name.starts_with('.') || !name.bytes().all(plain) {
        return None;
    }
    Some(match below {
        true => Hosts::Below(name.to_owned()),
        false => Hosts::Domain(name.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_56_each_form_of_an_entry_is_honoured() {
        for (list, covered, not) in [
            ("*", "a.example:443", ""),
            ("example.com", "example.com:443", "notexample.com:443"),
            ("example.com", "a.b.Example.COM:443", "example.com.evil:443"),
            (".example.com", "a.example.com:443", "xexample.com:443"),
            ("*.example.com", "a.example.com:443", "example.com:443"),
            ("a, example.com:8443", "example.com:8443", "example.com:443"),
            ("a example.com.", "example.com.:443", "b:443"),
            ("127.*", "127.9.8.7:443", "128.0.0.1:443"),
            ("10.1.*.*", "10.1.2.3:443", "10.2.0.0:443"),
            ("10.0.0.0/9", "10.127.0.1:443", "10.128.0.1:443"),
            ("0.0.0.0/0", "8.8.8.8:443", "example.com:443"),
            ("127.0.0.1", "127.0.0.1:443", "127.0.0.2:443"),
            ("127.0.0.1:8443", "127.0.0.1:8443", "127.0.0.1:443"),
            ("::1", "[::1]:443", "[::2]:443"),
            ("[::1]", "[::1]:443", "[::2]:443"),
            ("[::1]:8443", "[::1]:8443", "[::1]:443"),
            ("fd00::/8", "[fd12::1]:443", "[fe80::1]:443"),
            ("0.1", "x.0.1:443", "10.0.0.1:443"),
            ("", "", "example.com:443"),
        ] {
            let parsed = NoProxy::parse(list).unwrap();
            let covers = |place: &str| {
                let (host, port) = place.rsplit_once(':').unwrap();
                parsed.covers(host, port.parse().unwrap())
            };
            assert!(covered.is_empty() || covers(covered), "{list} {covered}");
            assert!(not.is_empty() || !covers(not), "{list} {not}");
        }
    }

    #[test]
    fn fault_56_no_entry_is_ignored_silently() {
        for entry in [
            "<local>",
            "https://x",
            "a*b",
            "10.*.0.1",
            "*.*",
            "x:0",
            "x:y",
            "10.0.0.0/33",
            "300.*",
            ".",
            "..x",
            "*.",
            "x/8",
            "a@b",
        ] {
            let problem = NoProxy::parse(&format!("ok.example,{entry}")).unwrap_err();
            assert!(problem.contains(entry), "{entry}: {problem}");
        }
        let problem = NoProxy::parse("ya29.canary/x").unwrap_err();
        assert!(!problem.contains("canary"), "{problem}");
    }
}
