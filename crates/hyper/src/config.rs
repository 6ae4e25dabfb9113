//! Configuration of the transport.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use countermand_core::{Endpoint, TransportError, TransportErrorKind};

use crate::proxy::{Proxy, told_unused};
use crate::resolve::Resolver;
use crate::secret_file::SecretFile;

/// Settings of a [`Hyper`](crate::Hyper). The default is right for Google's endpoint.
///
/// ```
/// use std::time::Duration;
/// use countermand_hyper::HyperConfig;
///
/// let config = HyperConfig::default()
///     .connect_timeout(Duration::from_secs(1))
///     .pings(Duration::from_secs(5), Duration::from_secs(2))
///     .proxy("http://proxy.example:3128", "10.0.0.0/8")
///     .user_agent("rescue/1.0");
/// // What `x` sets, `get_x` reads.
/// assert_eq!(config.get_connect_timeout(), Duration::from_secs(1));
/// assert_eq!(config.get_pings(), (Duration::from_secs(5), Duration::from_secs(2)));
/// assert_eq!(config.get_proxy(), Some(("http://proxy.example:3128", "10.0.0.0/8")));
/// assert_eq!(config.get_user_agent(), Some("rescue/1.0"));
/// assert!(!config.get_proxy_from_env() && config.get_ca_file().is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HyperConfig {
    pub(crate) ca_file: Option<SecretFile>,
    pub(crate) connect_timeout: Duration,
    pub(crate) body_cap: usize,
    pub(crate) allow_plaintext: bool,
    pub(crate) user_agent: Option<String>,
    pub(crate) http2_prior_knowledge: bool,
    pub(crate) http1_only: bool,
    pub(crate) connections: usize,
    /// Client certificate and key.
    pub(crate) identity: Option<(SecretFile, SecretFile)>,
    pub(crate) pings: (Duration, Duration),
    pub(crate) proxy: Proxy,
    pub(crate) resolver: Resolver,
}

impl Default for HyperConfig {
    fn default() -> Self {
        Self {
            ca_file: None,
            connect_timeout: Duration::from_secs(3),
            body_cap: 4 << 20,
            allow_plaintext: false,
            user_agent: None,
            http2_prior_knowledge: false,
            http1_only: false,
            connections: 1,
            identity: None,
            pings: (Duration::from_secs(20), Duration::from_secs(10)),
            proxy: Proxy::None,
            resolver: Resolver::default(),
        }
    }
}

impl HyperConfig {
    /// Refuses plain `http://` to another machine, unless it is [allowed](Self::allow_plaintext), and a
    /// [CA file](Self::ca_file) that cannot be opened.
    ///
    /// # Errors
    /// [`NotAllowed`](TransportErrorKind::NotAllowed) and [`Tls`](TransportErrorKind::Tls).
    pub fn check(&self, endpoint: &Endpoint) -> Result<(), TransportError> {
        if endpoint.is_plaintext() && !endpoint.is_loopback() && !self.allow_plaintext {
            return Err(TransportError::new(
                TransportErrorKind::NotAllowed,
                format!(
                    "{endpoint} is plain http to another machine, and the token would travel in the clear: use https, or if you know the way there --allow-plaintext (in Python allow_plaintext=True)"
                ),
            ));
        }
        let Some(file) = &self.ca_file else {
            return Ok(());
        };
        file.check_readable().map_err(|error| {
            let problem = file.problem("the CA file", error);
            TransportError::new(TransportErrorKind::Tls, problem)
        })
    }

    /// A PEM file with certificate authorities to trust besides the platform's: none by default.
    /// For a proxy that inspects TLS, or an emulator. A pipe is read once, for all clones of these
    /// settings.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<SecretFile>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// The PEM file with certificate authorities.
    #[must_use]
    pub const fn get_ca_file(&self) -> Option<&SecretFile> {
        self.ca_file.as_ref()
    }

    /// PEM files of a certificate, with the chain up to its authority, and of its private key, to
    /// show to a server that asks for one (mutual TLS): none by default.
    #[must_use]
    pub fn client_certificate(
        mut self,
        certificate: impl Into<SecretFile>,
        key: impl Into<SecretFile>,
    ) -> Self {
        self.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Shows no client certificate.
    #[must_use]
    pub fn no_client_certificate(mut self) -> Self {
        self.identity = None;
        self
    }

    /// The files of the client certificate and of its key.
    #[must_use]
    pub const fn get_client_certificate(&self) -> Option<&(SecretFile, SecretFile)> {
        self.identity.as_ref()
    }

    /// A sentence about the variable that names a proxy for this endpoint, where no proxy is used.
    #[must_use]
    pub fn unused_proxy(&self, endpoint: &Endpoint) -> Option<String> {
        self.proxy.unused(endpoint).map(told_unused)
    }

    /// Time to resolve the name, connect and finish the TLS handshake: 3 s by default, at least
    /// 1 ms. Much shorter than an attempt, so that a black hole leaves time to try again.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// Time to resolve the name, connect and finish the TLS handshake.
    #[must_use]
    pub const fn get_connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// The longest body that is read, in bytes: 4 MiB by default, at least 1 KiB. The largest page
    /// of operations is far below it. A request may allow less
    /// ([`Transmit::body_cap`](crate::Transmit::body_cap)): a cancel and a get allow 64 KiB. All
    /// longer bodies together take 64 MiB at a time, in which each reserves its length before it is
    /// read.
    #[must_use]
    pub fn body_cap(mut self, bytes: usize) -> Self {
        self.body_cap = bytes.max(1024);
        self
    }

    /// The longest body that is read, in bytes.
    #[must_use]
    pub const fn get_body_cap(&self) -> usize {
        self.body_cap
    }

    /// Allow `http://` to another machine: `false` by default, because every device on the way can
    /// read the token on such a connection. To this machine it is always allowed.
    #[must_use]
    pub const fn allow_plaintext(mut self, allow: bool) -> Self {
        self.allow_plaintext = allow;
        self
    }

    /// True where `http://` to another machine is allowed.
    #[must_use]
    pub const fn get_allow_plaintext(&self) -> bool {
        self.allow_plaintext
    }

    /// Name and version of the program, such as `rescue/1.0`: in the `user-agent` header they stand before
    /// `countermand/` and its version, which is all of it by default.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// Name and version of the program.
    #[must_use]
    pub fn get_user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// Speak HTTP/2 over `http://`: `false` by default, because nothing can be
    /// negotiated there and most servers expect HTTP/1.1.
    #[must_use]
    pub const fn http2_prior_knowledge(mut self, http2: bool) -> Self {
        self.http2_prior_knowledge = http2;
        self
    }

    /// True where HTTP/2 is spoken over `http://`.
    #[must_use]
    pub const fn get_http2_prior_knowledge(&self) -> bool {
        self.http2_prior_knowledge
    }

    /// Offer HTTP/1.1 alone over TLS: `false` by default. For proxies whose HTTP/2 is
    /// broken.
    #[must_use]
    pub const fn http1_only(mut self, http1_only: bool) -> Self {
        self.http1_only = http1_only;
        self
    }

    /// True where HTTP/1.1 alone is offered over TLS.
    #[must_use]
    pub const fn get_http1_only(&self) -> bool {
        self.http1_only
    }

    /// Over how many HTTP/2 connections requests are spread: 1 by default, 1 to 16. Another one is
    /// made only when those there are have as many streams as the server takes at a time. For more
    /// requests in flight than that; Google takes 100 and more on one.
    #[must_use]
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.clamp(1, 16);
        self
    }

    /// The largest number of HTTP/2 connections.
    #[must_use]
    pub const fn get_connections(&self) -> usize {
        self.connections
    }

    /// The interval of pings on an HTTP/2 connection, also when it is idle, and the time for an
    /// answer: 20 s and 10 s by default, at least 1 ms each. A connection that died silently is found
    /// within their sum. HTTP/1.1 has no pings: there the request on a dead
    /// connection takes its whole time-out.
    #[must_use]
    pub fn pings(mut self, interval: Duration, patience: Duration) -> Self {
        let least = Duration::from_millis(1);
        self.pings = (interval.max(least), patience.max(least));
        self
    }

    /// The interval of pings, and the time for an answer.
    #[must_use]
    pub const fn get_pings(&self) -> (Duration, Duration) {
        self.pings
    }

    /// Go to the server through a tunnel that this proxy makes (HTTP CONNECT), `http://host:port`
    /// or `http://user:password@host:port`: none by default, whatever the environment says. `except`
    /// is a list of hosts to go to without it, as [`proxy_from_env`](Self::proxy_from_env) has it.
    ///
    /// The proxy learns the server's name and nothing else: TLS is spoken through it, so it sees
    /// neither tokens nor operations, and `http://` goes past it.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>, except: impl Into<String>) -> Self {
        self.proxy = Proxy::Given {
            url: url.into(),
            except: except.into(),
        };
        self
    }

    /// Take the [proxy](Self::proxy) that `HTTPS_PROXY` names, else `ALL_PROXY`, except for the
    /// hosts in `NO_PROXY`; all three also in lower case. They are read when the transport is made.
    /// `false` by default: a token takes no way that the caller has not asked for.
    ///
    /// `NO_PROXY` is separated by commas or spaces: a domain (or `.domain`) with all below it,
    /// `*.domain` for all below it alone, an address, a network such as `10.0.0.0/8` or `10.*`, each
    /// with `:port` or without, or `*`. An entry of another form is an error.
    #[must_use]
    pub fn proxy_from_env(mut self, from_env: bool) -> Self {
        self.proxy = match from_env {
            true => Proxy::Environment,
            false => Proxy::None,
        };
        self
    }

    /// URL of the [given](Self::proxy) proxy, and the hosts to go to without it.
    #[must_use]
    pub fn get_proxy(&self) -> Option<(&str, &str)> {
        self.proxy.given()
    }

    /// True where the environment names the proxy.
    #[must_use]
    pub const fn get_proxy_from_env(&self) -> bool {
        matches!(self.proxy, Proxy::Environment)
    }

    /// The resolver of the server's name, a function, and so the one setting that cannot be read back: the
    /// operating system by default. For names that
    /// it does not know, such as those of a private service endpoint; certificates are still
    /// checked against the name.
    ///
    /// The connect time-out covers it. Addresses of the first one's family are tried first, the
    /// others 300 ms later beside them.
    ///
    /// ```
    /// # use countermand_hyper::HyperConfig;
    /// let pinned = HyperConfig::default().resolver(|_| async { Ok(vec!["192.0.2.7".parse().unwrap()]) });
    /// ```
    #[must_use]
    pub fn resolver<F, Answer>(mut self, resolve: F) -> Self
    where
        F: Fn(String) -> Answer + Send + Sync + 'static,
        Answer: Future<Output = io::Result<Vec<IpAddr>>> + Send + 'static,
    {
        self.resolver = Resolver::new(resolve);
        self
    }
}
