//! What stands between this machine and a cancelled operation.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countermand_core::{
    Endpoint, Error, ErrorKind, OperationName, Policy, Timestamp, Transmit, TransportErrorKind,
    chain,
};
use http::header::DATE;
use tokio::time::{Instant, timeout_at};

use crate::authorized::Authorized;
use crate::client::Client;
use crate::config::HyperConfig;
use crate::connect::{Connection, Connector};
use crate::finding::{Check, Finding, Grade};
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
/// The API is asked for an operation, by default one that cannot exist: also its refusal tells
/// whether it takes the token. With `name`, whether its enterprise may be managed is known as well.
pub async fn checkup(
    endpoint: &Endpoint,
    tokens: Arc<dyn TokenSource>,
    config: &HyperConfig,
    name: Option<OperationName>,
) -> Vec<Finding> {
    let mut checkup = Checkup {
        deadline: Instant::now() + LIMIT,
        findings: Vec::new(),
    };
    let there = checkup.name(endpoint, config).await && checkup.connection(endpoint, config).await;
    match checkup.token(endpoint, &*tokens).await {
        Some(token) if there => {
            checkup.api(endpoint, tokens, token, config, name).await;
        }
        _ => {
            for check in [Check::Api, Check::Scope, Check::Quota, Check::Clock] {
                checkup.find(check, Grade::Skipped, "because of the above");
            }
        }
    }
    checkup.findings
}

struct Checkup {
    deadline: Instant,
    findings: Vec<Finding>,
}

impl Checkup {
    fn find(&mut self, check: Check, grade: Grade, message: impl Into<String>) {
        self.findings.push(Finding {
            check,
            grade,
            message: message.into(),
            denied: false,
        });
    }

    async fn name(&mut self, endpoint: &Endpoint, config: &HyperConfig) -> bool {
        let host = endpoint.host().trim_matches(['[', ']']);
        if host.parse::<IpAddr>().is_ok() {
            self.find(Check::Name, Grade::Good, format!("{host} is an address"));
            return true;
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
                self.find(Check::Name, Grade::Good, message);
                return true;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        // Where a proxy is the way, it is the proxy that knows the name.
        let unused = config.proxy.unused(endpoint).map(proxy::told_unused);
        let unused = unused.map_or_else(String::new, |told| format!(" ({told})"));
        let message = format!("{host}: {problem}{unused}");
        self.find(Check::Name, Grade::Bad, message);
        self.find(Check::Connection, Grade::Skipped, "because of the above");
        false
    }

    async fn connection(&mut self, endpoint: &Endpoint, config: &HyperConfig) -> bool {
        let begun = Instant::now();
        // The same rules as for every request; what they forbid is said by them.
        let connecting = async {
            Hyper::new(endpoint, config.clone()).map_err(|error| chain(&error))?;
            let connector = Connector::new(endpoint, config).map_err(|error| chain(&error))?;
            let connected = connector.connect().await;
            connected.map_err(|failure| chain(&countermand_core::TransportError::from(failure)))
        };
        let problem = match timeout_at(self.deadline, connecting).await {
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
                self.find(Check::Connection, Grade::Good, message);
                return true;
            }
            Ok(Err(problem)) => problem,
            Err(_) => format!("{endpoint}: no connection in time"),
        };
        self.find(Check::Connection, Grade::Bad, problem);
        false
    }

    async fn token(&mut self, endpoint: &Endpoint, tokens: &dyn TokenSource) -> Option<Token> {
        if let Err(error) = check_universe(endpoint, tokens) {
            self.find(Check::Token, Grade::Bad, chain(&error));
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
                self.find(Check::Token, Grade::Good, message);
                return Some(token);
            }
            Ok(Err(error)) => chain(&error),
            Err(_) => "none in time".to_owned(),
        };
        self.find(Check::Token, Grade::Bad, problem);
        None
    }

    async fn api(
        &mut self,
        endpoint: &Endpoint,
        tokens: Arc<dyn TokenSource>,
        token: Token,
        config: &HyperConfig,
        name: Option<OperationName>,
    ) {
        let known = name.is_some();
        let Ok(name) = name.map_or_else(|| NOWHERE.parse(), Ok) else {
            return;
        };
        let hyper = match Hyper::new(endpoint, config.clone()) {
            Ok(hyper) => hyper,
            Err(error) => return self.find(Check::Api, Grade::Bad, chain(&error)),
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
        let answered = match timeout_at(self.deadline, client.get(&name)).await {
            Ok(answered) => answered.map(|_| ()),
            Err(_) => {
                let message = "no answer in time";
                return self.find(Check::Api, Grade::Bad, message);
            }
        };
        self.judge(answered, known, watched.calls.load(Ordering::Relaxed));
        let skew = watched.skew.lock().unwrap_or_else(PoisonError::into_inner);
        self.clock(*skew);
    }

    /// What the answer to a get says of token, scope and quota.
    fn judge(&mut self, answered: Result<(), Error>, known: bool, calls: u32) {
        use Grade::{Bad, Good, Skipped, Warning};
        let enterprise = match known {
            true => "the enterprise may be managed",
            false => "no device was named, so whether its enterprise may be managed is not known",
        };
        let (api, scope, quota, message) = match answered.as_ref().map_err(Error::kind) {
            Ok(()) | Err(ErrorKind::NotFound(_)) => (Good, Good, Good, enterprise.to_owned()),
            Err(ErrorKind::PermissionDenied(answer)) => match answer.reason() {
                Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT") => {
                    (Skipped, Bad, Good, answer.message().to_owned())
                }
                Some(_) => (Bad, Good, Good, answer.to_string()),
                // That is what it says of an enterprise that is not ours.
                None if !known => (Good, Good, Good, enterprise.to_owned()),
                None => (Bad, Good, Good, answer.to_string()),
            },
            Err(ErrorKind::ResourceExhausted(answer)) => (Good, Good, Bad, answer.to_string()),
            Err(ErrorKind::Unauthenticated(answer)) => (
                Bad,
                Skipped,
                Skipped,
                format!("the token is refused: {answer}"),
            ),
            Err(ErrorKind::Transport(error)) => (Bad, Skipped, Skipped, chain(error)),
            Err(kind) => (Bad, Skipped, Skipped, kind.to_string()),
        };
        let asked = match calls {
            1 => "1 call was".to_owned(),
            calls => format!("{calls} calls were"),
        };
        let sort = |grade: Grade, bad: &str, good: &str| match grade {
            Bad => bad.to_owned(),
            Skipped | Warning => "because of something else".to_owned(),
            Good => good.to_owned(),
        };
        let said = format!("{asked} made: {message}");
        self.find(Check::Api, api, sort(api, &said, &said));
        let denied = answered.is_err_and(|error| {
            matches!(
                error.kind(),
                ErrorKind::Unauthenticated(_) | ErrorKind::PermissionDenied(_)
            ) || is_token(&error)
        });
        if let Some(finding) = self.findings.last_mut() {
            finding.denied = denied && api == Bad;
        }
        self.find(
            Check::Scope,
            scope,
            sort(
                scope,
                &format!("{message} The token needs {SCOPE}"),
                "the token is for this API",
            ),
        );
        let free = format!("{asked} free; how many are left, the API does not tell");
        self.find(Check::Quota, quota, sort(quota, &message, &free));
    }

    fn clock(&mut self, skew: Option<(bool, Duration)>) {
        let Some((ahead, off)) = skew else {
            let message = "the server tells no time";
            return self.find(Check::Clock, Grade::Skipped, message);
        };
        let grade = match off {
            off if off > SKEW.1 => Grade::Bad,
            off if off > SKEW.0 => Grade::Warning,
            _ => Grade::Good,
        };
        let word = if ahead { "ahead of" } else { "behind" };
        let message = format!("{} s {word} the server's", off.as_secs());
        self.find(Check::Clock, grade, message);
    }
}

/// Whether a token that was refused could not be replaced.
fn is_token(error: &Error) -> bool {
    let ErrorKind::Transport(error) = error.kind() else {
        return false;
    };
    matches!(
        error.kind(),
        TransportErrorKind::Token | TransportErrorKind::Credentials
    )
}

const SCOPE: &str = "https://www.googleapis.com/auth/androidmanagement";

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
    ) -> crate::transport::BoxFuture<
        '_,
        Result<http::Response<bytes::Bytes>, countermand_core::TransportError>,
    > {
        Box::pin(async move {
            if self.calls.fetch_add(1, Ordering::Relaxed) >= MOST_CALLS {
                let kind = TransportErrorKind::Forbidden;
                return Err(countermand_core::TransportError::new(kind, "enough calls"));
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
