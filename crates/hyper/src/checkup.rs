//! What stands between this machine and a cancelled operation.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countermand_core::{
    Endpoint, Error, ErrorKey, ExitClass, Policy, Resource, Service, Timestamp, Transmit,
    TransportError, TransportErrorKind, chain,
};
use http::header::DATE;
use tokio::time::{Instant, timeout_at};

use crate::authorized::Authorized;
use crate::check::{Check, CheckName, CheckResult};
use crate::client::Client;
use crate::config::HyperConfig;
use crate::connect::{Connection, Connector};
use crate::hyper::Hyper;
use crate::proxy;
use crate::token::{Token, TokenSource, check_universe, token_fn};
use crate::transport::Transport;

/// The time for everything.
const LIMIT: Duration = Duration::from_millis(9_500);

/// The most requests to the API.
const MOST_CALLS: u32 = 3;

/// A clock that is further off makes Google refuse the claims of service accounts.
const SKEW: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));

/// Looks at name resolution, connection, token, the API's answer to it, quota and clock, within
/// 10 s and with 3 requests to the API at most.
///
/// The API is asked for `target`: an operation itself, one operation of a device, one device of an
/// enterprise; by default for an operation that cannot exist. A check is good or bad by evidence of
/// the answer only; with a target, its answer tells whether the enterprise may be managed.
pub async fn checkup(
    endpoint: &Endpoint,
    tokens: Arc<dyn TokenSource>,
    config: &HyperConfig,
    target: Option<Resource>,
) -> Vec<CheckResult> {
    let mut checkup = Checkup {
        deadline: Instant::now() + LIMIT,
        findings: Vec::new(),
    };
    let there = checkup.name(endpoint, config).await && checkup.connection(endpoint, config).await;
    match checkup.token(endpoint, &*tokens).await {
        Some(token) if there => {
            checkup.api(endpoint, tokens, token, config, target).await;
        }
        _ => {
            for check in [
                CheckName::Api,
                CheckName::Scope,
                CheckName::Quota,
                CheckName::Clock,
            ] {
                checkup.find(check, Check::Skipped, "because of the above");
            }
        }
    }
    checkup.findings
}

struct Checkup {
    deadline: Instant,
    findings: Vec<CheckResult>,
}

impl Checkup {
    fn find(&mut self, check: CheckName, outcome: Check, message: impl Into<String>) {
        self.findings.push(CheckResult {
            check,
            outcome,
            message: message.into(),
            denied: false,
        });
    }

    async fn name(&mut self, endpoint: &Endpoint, config: &HyperConfig) -> bool {
        let host = endpoint.host().trim_matches(['[', ']']);
        if host.parse::<IpAddr>().is_ok() {
            self.find(CheckName::Name, Check::Ok, format!("{host} is an address"));
            return true;
        }
        // Where a proxy is the way, it is the proxy that knows the name.
        match Connector::new(endpoint, config) {
            Ok(connector) => {
                if let Some(proxy) = connector.proxy() {
                    let message = format!("not looked up here: the proxy {proxy} does");
                    self.find(CheckName::Name, Check::Skipped, message);
                    return true;
                }
            }
            // The same problem is that of the connection.
            Err(_) => {
                self.find(CheckName::Name, Check::Skipped, "because of the connection");
                return true;
            }
        }
        let soon = self.deadline.min(Instant::now() + Duration::from_secs(4));
        let begun = Instant::now();
        let problem = match timeout_at(soon, tokio::net::lookup_host((host, 0))).await {
            Ok(Ok(addresses)) => {
                let addresses: Vec<IpAddr> = addresses.map(|address| address.ip()).collect();
                let (all, six) = (
                    addresses.len(),
                    addresses.iter().filter(|it| it.is_ipv6()).count(),
                );
                let millis = begun.elapsed().as_millis();
                let message = format!(
                    "{host} has {} IPv4 and {six} IPv6 addresses ({millis} ms)",
                    all - six
                );
                self.find(CheckName::Name, Check::Ok, message);
                return true;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        let unused = config.proxy.unused(endpoint).map(proxy::told_unused);
        let unused = unused.map_or_else(String::new, |told| format!(" ({told})"));
        let message = format!("{host}: {problem}{unused}");
        self.find(CheckName::Name, Check::Fail, message);
        self.find(
            CheckName::Connection,
            Check::Skipped,
            "because of the above",
        );
        false
    }

    async fn connection(&mut self, endpoint: &Endpoint, config: &HyperConfig) -> bool {
        let begun = Instant::now();
        // The same rules as for every request; what they forbid is said by them.
        let connecting = async {
            Hyper::new(endpoint, config.clone())?;
            let connector = Connector::new(endpoint, config)?;
            connector.connect().await
        };
        let (problem, denied) = match timeout_at(self.deadline, connecting).await {
            Ok(Ok(connection)) => {
                let protocol = match connection {
                    Connection::Http1(_) => "HTTP/1.1",
                    Connection::Http2(_) => "HTTP/2",
                };
                let tls = match endpoint.is_plaintext() {
                    true => "without TLS",
                    false => "with TLS",
                };
                let millis = begun.elapsed().as_millis();
                let unused = config.proxy.unused(endpoint).map(proxy::told_unused);
                let unused = unused.map_or_else(String::new, |told| format!("; {told}"));
                let message = format!("{endpoint}: {protocol} {tls} ({millis} ms){unused}");
                self.find(CheckName::Connection, Check::Ok, message);
                return true;
            }
            Ok(Err(error)) => {
                let denied = error.kind().key().row().exit == ExitClass::Denied;
                (chain(&error), denied)
            }
            Err(_) => (format!("{endpoint}: no connection in time"), false),
        };
        self.findings.push(CheckResult {
            check: CheckName::Connection,
            outcome: Check::Fail,
            message: problem,
            denied,
        });
        false
    }

    async fn token(&mut self, endpoint: &Endpoint, tokens: &dyn TokenSource) -> Option<Token> {
        if let Err(error) = check_universe(endpoint, tokens) {
            self.find(CheckName::Token, Check::Fail, chain(&error));
            return None;
        }
        let begun = Instant::now();
        let problem = match timeout_at(self.deadline, tokens.token(false)).await {
            Ok(Ok(token)) => {
                let life = match token.remaining() {
                    Some(life) => format!("good for {} s", life.as_secs()),
                    None => "for how long it is good is not known".to_owned(),
                };
                let millis = begun.elapsed().as_millis();
                let message = format!("there is one, {life} ({millis} ms)");
                self.find(CheckName::Token, Check::Ok, message);
                return Some(token);
            }
            Ok(Err(error)) => chain(&error),
            Err(_) => "none in time".to_owned(),
        };
        self.find(CheckName::Token, Check::Fail, problem);
        None
    }

    async fn api(
        &mut self,
        endpoint: &Endpoint,
        tokens: Arc<dyn TokenSource>,
        token: Token,
        config: &HyperConfig,
        target: Option<Resource>,
    ) {
        let nowhere = || NOWHERE.parse().map(Resource::Operation);
        let Ok(asked) = target.clone().map_or_else(nowhere, Ok) else {
            return;
        };
        let hyper = match Hyper::new(endpoint, config.clone()) {
            Ok(hyper) => hyper,
            Err(error) => return self.find(CheckName::Api, Check::Fail, chain(&error)),
        };
        // The one that is there, and only if it is refused another.
        let known_as = tokens.quota_project();
        let source = token_fn(move |fresh| {
            let (tokens, token) = (Arc::clone(&tokens), token.clone());
            async move {
                match fresh {
                    true => tokens.token(true).await,
                    false => Ok(token),
                }
            }
        });
        let authorized = Authorized::new(endpoint.clone(), source, hyper).pays(known_as);
        let watched = Watched::new(authorized);
        let client = Client::new(Arc::clone(&watched))
            .endpoint(endpoint.clone())
            .policy(
                Policy::default()
                    .attempts(2)
                    .attempt_timeout(Duration::from_secs(3))
                    .deadline(self.deadline.saturating_duration_since(Instant::now())),
            );
        let Ok(answered) = timeout_at(self.deadline, client.ask(&asked)).await else {
            self.find(CheckName::Api, Check::Fail, "no answer in time");
            for check in [CheckName::Scope, CheckName::Quota, CheckName::Clock] {
                self.find(check, Check::Skipped, "because of the above");
            }
            return;
        };
        let calls = watched.calls.load(Ordering::Relaxed);
        self.judge(&answered, target.as_ref(), calls);
        let skew = watched.skew.lock().unwrap_or_else(PoisonError::into_inner);
        self.clock(*skew);
    }

    /// What the answer shows of token, scope and quota; what it does not show is skipped.
    fn judge(&mut self, answered: &Result<(), Error>, target: Option<&Resource>, calls: u32) {
        use Check::{Fail, Ok as Good, Skipped};
        use ErrorKey as Key;
        let unnamed =
            "no enterprise was named, so whether it may be managed is not known: name one";
        let manages = match target {
            Some(_) => "the enterprise may be managed".to_owned(),
            None => unnamed.to_owned(),
        };
        let said = |error: &Error| format!("{}; {}", error.kind(), error.advice());
        let key = answered.as_ref().err().map(Error::key);
        let (api, scope, quota, message) = match (answered, key) {
            (Err(error), Some(key)) => match (key, target) {
                // The method looked: token, scope and quota had let the call pass.
                (Key::NotFound | Key::ParentNotFound, None) => (Good, Good, Good, manages),
                (Key::NotFound | Key::ParentNotFound, Some(Resource::Grandparent(_))) => {
                    (Fail, Good, Good, "there is no such enterprise".to_owned())
                }
                (Key::NotFound | Key::ParentNotFound, Some(target)) => {
                    (Good, Good, Good, format!("there is no {target}"))
                }
                // An enterprise that is not there and one of another caller are refused alike.
                (Key::PermissionDenied, None) => (Good, Skipped, Skipped, manages),
                (Key::ScopeInsufficient, _) => (Skipped, Fail, Skipped, said(error)),
                (Key::ResourceExhausted | Key::QuotaFinal, _) => (Good, Skipped, Fail, said(error)),
                (Key::Unauthenticated, _) => {
                    let message = format!("the token is refused: {}", said(error));
                    (Fail, Skipped, Skipped, message)
                }
                _ => (Fail, Skipped, Skipped, said(error)),
            },
            _ => (Good, Good, Good, manages),
        };
        let asked = match calls {
            1 => "1 call was".to_owned(),
            calls => format!("{calls} calls were"),
        };
        let unknown = match key {
            Some(Key::ScopeInsufficient) => "the scope is refused before",
            Some(key) if matches!(key.row().kind, "transport") => "no answer came",
            Some(Key::NotTheApi | Key::Redirected | Key::Gateway) => {
                "something other than the API answered"
            }
            _ => "the answer does not show it",
        };
        let told = |outcome: Check, bad: String, good: &str| match outcome {
            Fail => bad,
            Good => good.to_owned(),
            Skipped | Check::Warn => format!("not known: {unknown}"),
        };
        let answer = format!("{asked} made: {message}");
        let denied = answered
            .as_ref()
            .is_err_and(|error| error.facts().exit_class() == ExitClass::Denied);
        self.findings.push(CheckResult {
            check: CheckName::Api,
            outcome: api,
            message: told(api, answer.clone(), &answer),
            denied: denied && api == Fail,
        });
        let refused = format!(
            "{message}; the token needs the scope {}",
            Service::DEFAULT.scope
        );
        self.find(
            CheckName::Scope,
            scope,
            told(scope, refused, "the token is for this API"),
        );
        let free = format!("{asked} free; how many are left, the API does not tell");
        self.find(CheckName::Quota, quota, told(quota, message, &free));
    }

    fn clock(&mut self, skew: Option<(bool, Duration)>) {
        let Some((ahead, off)) = skew else {
            let message = "the server tells no time";
            return self.find(CheckName::Clock, Check::Skipped, message);
        };
        let outcome = match off {
            off if off > SKEW.1 => Check::Fail,
            off if off > SKEW.0 => Check::Warn,
            _ => Check::Ok,
        };
        let word = if ahead { "ahead of" } else { "behind" };
        let message = format!("{} s {word} the server's", off.as_secs());
        self.find(CheckName::Clock, outcome, message);
    }
}

/// Nobody's operation.
const NOWHERE: &str = "enterprises/countermand-doctor/devices/none/operations/0";

/// A transport that counts, and remembers the difference of the clocks.
struct Watched<T> {
    inner: T,
    calls: AtomicU32,
    /// Whether this machine's clock is ahead, and by how much.
    skew: Mutex<Option<(bool, Duration)>>,
}

impl<T> Watched<T> {
    fn new(inner: T) -> Arc<Self> {
        Arc::new(Self {
            inner,
            calls: AtomicU32::new(0),
            skew: Mutex::new(None),
        })
    }
}

impl<T: Transport> Transport for Watched<T> {
    fn send(
        &self,
        transmit: Transmit,
    ) -> crate::transport::BoxFuture<'_, Result<http::Response<bytes::Bytes>, TransportError>> {
        Box::pin(async move {
            if self.calls.fetch_add(1, Ordering::Relaxed) >= MOST_CALLS {
                let kind = TransportErrorKind::NotAllowed;
                return Err(TransportError::new(kind, "enough calls"));
            }
            let response = self.inner.send(transmit).await?;
            let date = response.headers().get(DATE);
            let date = date.and_then(|date| Timestamp::parse_http_date(date.to_str().ok()?));
            if let (Some(there), Some(here)) = (date, here()) {
                let ahead = here > there;
                let off = if ahead {
                    here.since(there)
                } else {
                    there.since(here)
                };
                *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some((ahead, off));
            }
            Ok(response)
        })
    }
}

/// The time by this machine's clock.
fn here() -> Option<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::from_unix_millis(
        i64::try_from(since.as_millis()).ok()?,
    ))
}
