//! The settings of a proxy, which the caller or the environment gives.

use std::fmt;

use countermand_core::{Endpoint, TransportError, TransportErrorKind};
use http::uri::PathAndQuery;

use crate::no_proxy::NoProxy;
use crate::proxy_url::ProxyUrl;

/// The variables that name a proxy, in the order in which they are looked at.
const URL: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The proxy of the settings.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// No word of one: everything goes straight to the server.
    #[default]
    None,
    /// The one that the environment names when the transport is made.
    Environment,
    /// This one, except for these hosts.
    Given { url: String, except: String },
}

impl Proxy {
    /// URL and exceptions of the given one.
    pub(crate) fn given(&self) -> Option<(&str, &str)> {
        match self {
            Self::Given { url, except } => Some((url, except)),
            Self::None | Self::Environment => None,
        }
    }

    /// The proxy on the way to a server, if there is to be one.
    ///
    /// Only `https://` takes one: a proxy between here and plain text would read the token.
    pub(crate) fn url(&self, endpoint: &Endpoint) -> Result<Option<ProxyUrl>, TransportError> {
        if endpoint.is_plaintext() {
            return Ok(None);
        }
        let (whence, url, except) = match self {
            Self::None => return Ok(None),
            Self::Environment => match first(&URL) {
                Some((name, url)) => {
                    let except = first(&EXCEPTIONS).map(|(_, list)| list);
                    (format!(" in {name}"), url, except.unwrap_or_default())
                }
                None => return Ok(None),
            },
            Self::Given { url, except } => (String::new(), url.clone(), except.clone()),
        };
        // Neither is repeated, as a URL may hold a password; and what is not understood is not a
        // reason to go past the proxy.
        let unusable =
            |message: String| TransportError::new(TransportErrorKind::NotAllowed, message);
        let proxy = ProxyUrl::parse(&url).map_err(|problem| {
            unusable(format!(
                "the URL of the proxy{whence} {problem}; expected http://host:port or http://user:password@host:port"
            ))
        })?;
        let except = NoProxy::parse(&except)
            .map_err(|problem| unusable(format!("NO_PROXY {problem} (proxy {})", proxy.shown())))?;
        Ok((!covers(&except, endpoint)).then_some(proxy))
    }

    /// The variable that names a proxy for this server, where none is used.
    pub(crate) fn unused(&self, endpoint: &Endpoint) -> Option<&'static str> {
        match self {
            Self::None if !endpoint.is_plaintext() && !endpoint.is_loopback() => {}
            _ => return None,
        }
        let (name, _) = first(&URL)?;
        let except = first(&EXCEPTIONS).and_then(|(_, list)| NoProxy::parse(&list).ok());
        let excepted = except.is_some_and(|except| covers(&except, endpoint));
        (!excepted).then_some(name)
    }
}

/// The words for a variable that names a proxy which is not used.
pub(crate) fn told_unused(variable: &str) -> String {
    format!("{variable} is set and not used; --proxy-from-env (proxy_from_env) uses it")
}

fn covers(except: &NoProxy, endpoint: &Endpoint) -> bool {
    let port = endpoint.uri(PathAndQuery::from_static("/")).port_u16();
    except.covers(endpoint.host(), port.unwrap_or(443))
}

/// The first of these variables that says something, and its value.
fn first(names: &[&'static str]) -> Option<(&'static str, String)> {
    let values = names.iter().filter_map(|name| {
        // A value that is not UTF-8 is refused where it is read.
        let value = std::env::var_os(name)?;
        Some((*name, value.to_string_lossy().trim().to_owned()))
    });
    values.into_iter().find(|(_, value)| !value.is_empty())
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A given URL may hold a password.
        f.write_str(match self {
            Self::None => "None",
            Self::Environment => "Environment",
            Self::Given { .. } => "Given(..)",
        })
    }
}
