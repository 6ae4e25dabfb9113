//! The doctor: checks everything between this machine and a cancelled operation.

use std::env::consts;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countermand::hyper::{Authorized, BoxFuture, Hyper, Transport, check_universe, runtime};
use countermand::{Access, Client, HyperConfig, Token, TokenSource};
use countermand_core::text::{chain, with_article};
use countermand_core::{
    Endpoint, ErrorKey, ExitClass, Ids, NameError, OperationName, Policy, Resource, Service,
    Timestamp, Transmit, TransportError, TransportErrorKind,
};
use http::Version;
use http::header::{DATE, HeaderValue};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use crate::check::{Check, CheckOutcome, CheckResult};
use crate::clock::now;

/// The time for everything.
const LIMIT: Duration = Duration::from_millis(9_500);

/// The time for name resolution.
const NAME_LIMIT: Duration = Duration::from_secs(4);

/// The most requests to the API.
const MOST_CALLS: u32 = 3;

/// The clock's difference that is a warning, and the one with which Google refuses the claims of service
/// accounts.
const SKEW: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));

/// Roles that show operations need not have the permission to cancel them.
const OTHER_PERMISSION: &str = "a cancel can need another permission";

const UNSEEN: &str = "the answer does not show it";

/// An operation that cannot exist, of the first pattern of a service whose operations can be looked at.
fn nowhere(service: &'static Service) -> Option<Resource> {
    let pattern = service.patterns.iter().find(|pattern| pattern.has_get)?;
    let last = pattern.levels.len() - 1;
    let levels = (0..).zip(pattern.levels);
    let level = levels.map(|(at, level)| match (level.ids, at) {
        (Ids::None, _) => level.collection.to_owned(),
        (Ids::Only(id), _) => format!("{}/{id}", level.collection),
        (_, at) if at == last => format!("{}/0", level.collection),
        (_, 0) => format!("{}/countermand-doctor", level.collection),
        _ => format!("{}/none", level.collection),
    });
    let name = OperationName::parse(service, &level.collect::<Vec<_>>().join("/"));
    name.ok().map(Resource::Operation)
}

/// The noun of the resource that is named to check the access to it: the highest one of which a list is read.
fn checked(service: &'static Service) -> &'static str {
    let listed = service.patterns.iter().find(|pattern| pattern.has_list);
    let above = listed.and_then(|pattern| pattern.above().last());
    match (service.lists_parents, above) {
        (true, _) => service.level_above(2).noun,
        (false, Some(above)) => above.noun,
        (false, None) => service.level_above(0).noun,
    }
}

/// The variables that can matter. It is told that they are set, never their values.
const VARIABLES: [&str; 16] = [
    "COUNTERMAND_ENDPOINT",
    "COUNTERMAND_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_QUOTA_PROJECT",
    "GOOGLE_API_USE_CLIENT_CERTIFICATE",
    "GOOGLE_API_USE_MTLS_ENDPOINT",
    "GOOGLE_API_CERTIFICATE_CONFIG",
    "GCE_METADATA_HOST",
    "NO_GCE_CHECK",
    "CLOUDSDK_CONFIG",
    "HOME",
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// The results of all checks. `Display` and JSON hold no secret and can be sent to other people for
/// help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnosis {
    schema: &'static str,
    /// Version of this program.
    pub version: &'static str,
    /// Operating system and processor.
    pub system: String,
    /// Root of the API.
    pub endpoint: String,
    /// Origin of the tokens.
    pub tokens: String,
    /// Variables of the environment that are set and can matter.
    pub variables: Vec<&'static str>,
    /// The checks, in the order in which they were made.
    pub checks: Vec<CheckResult>,
    exit_code: u8,
}

impl Diagnosis {
    fn new(access: &Access, checks: Vec<CheckResult>) -> Self {
        let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let mut diagnosis = Self {
            schema: "countermand.doctor/1",
            version: env!("CARGO_PKG_VERSION"),
            system: format!("{} {}", consts::OS, consts::ARCH),
            endpoint: access.endpoint().to_string(),
            tokens: access.description().to_owned(),
            variables: VARIABLES.into_iter().filter(is_set).collect(),
            checks,
            exit_code: 0,
        };
        diagnosis.exit_code = diagnosis.exit_class().map_or(0, ExitClass::code);
        diagnosis
    }

    /// Checks file modes, name resolution, connection, token, the API's answer to it, quota and clock,
    /// within 10 s and with 3 requests to the API at most.
    ///
    /// The API is asked for `target`: an operation itself, one operation of a device, one device of an
    /// enterprise; by default for an operation that cannot exist. A check is good or bad by evidence of
    /// the answer only; with a target, its answer tells whether the enterprise may be managed, or, of another service,
    /// whether the target can be seen. The
    /// future may be dropped at any time.
    pub async fn of(access: &Access, target: Option<Resource>) -> Self {
        if let Err(error) = runtime::check_io().and_then(|()| runtime::check_time()) {
            let mut examination = Examination::of(access);
            let failed: Found<()> = Err((&error).into());
            examination.found(Check::Connection, failed);
            return Self::new(access, examination.results);
        }
        let mut examination = Examination::of(access);
        examination.all(access, target).await;
        Self::new(access, examination.results)
    }

    /// The worst exit class of all checks; `None` if none failed.
    #[must_use]
    pub fn exit_class(&self) -> Option<ExitClass> {
        self.checks.iter().filter_map(|one| one.exit_class).max()
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "countermand {} on {}", self.version, self.system)?;
        writeln!(f, "endpoint    {}", self.endpoint)?;
        writeln!(f, "tokens      {}", self.tokens)?;
        writeln!(f, "variables   {}", self.variables.join(" "))?;
        self.checks
            .iter()
            .try_for_each(|check| write!(f, "\n{check}"))
    }
}

/// The finding of a check, with what it gives if it is good.
type Found<T> = Result<(T, String), Problem>;

/// A check that failed.
struct Problem {
    message: String,
    exit_class: ExitClass,
}

impl Problem {
    /// A failure that the table of errors calls so.
    fn new(key: ErrorKey, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            exit_class: key.row().exit,
        }
    }
}

impl From<&TransportError> for Problem {
    fn from(error: &TransportError) -> Self {
        Self::new(error.kind().key(), chain(error))
    }
}

/// The checks while they are made.
struct Examination<'a> {
    endpoint: &'a Endpoint,
    config: &'a HyperConfig,
    deadline: Instant,
    results: Vec<CheckResult>,
}

impl<'a> Examination<'a> {
    fn of(access: &'a Access) -> Self {
        Self {
            endpoint: access.endpoint(),
            config: access.config(),
            deadline: Instant::now() + LIMIT,
            results: Vec::new(),
        }
    }

    /// Adds a check that did not fail.
    fn add(&mut self, check: Check, outcome: CheckOutcome, message: impl Into<String>) {
        self.results.push(CheckResult {
            check,
            outcome,
            message: message.into(),
            exit_class: None,
        });
    }

    fn fail(&mut self, check: Check, problem: Problem) {
        self.results.push(CheckResult {
            check,
            outcome: CheckOutcome::Fail,
            message: problem.message,
            exit_class: Some(problem.exit_class),
        });
    }

    fn skip(&mut self, checks: &[Check], reason: &str) {
        for check in checks {
            self.add(
                *check,
                CheckOutcome::Skipped,
                format!("not checked: {reason}"),
            );
        }
    }

    /// Adds the finding of a check that is good or bad; what it gives if it is good.
    fn found<T>(&mut self, check: Check, found: Found<T>) -> Option<T> {
        match found {
            Ok((given, message)) => {
                self.add(check, CheckOutcome::Ok, message);
                Some(given)
            }
            Err(problem) => {
                self.fail(check, problem);
                None
            }
        }
    }

    async fn all(&mut self, access: &Access, target: Option<Resource>) {
        use Check::{Api, Clock, Connection, Files, Name, Quota, Scope, Token};
        const NO_CONNECTION: &str = "there is no connection";
        for problem in access.warnings() {
            self.add(Files, CheckOutcome::Warn, problem);
        }
        if self.results.is_empty() {
            self.add(
                Files,
                CheckOutcome::Ok,
                "no warning of a file with a secret",
            );
        }
        let named = match self.not_looked_up() {
            Some((outcome, reason)) => {
                self.add(Name, outcome, reason);
                Some(())
            }
            None => {
                let name = self.name().await;
                self.found(Name, name)
            }
        };
        let there = match named {
            Some(()) => {
                let connection = self.connection().await;
                self.found(Connection, connection)
            }
            None => {
                self.skip(&[Connection], "the name has no address");
                None
            }
        };
        let tokens = access.tokens();
        match (self.token(&*tokens).await, there) {
            (Ok((token, found)), Some(())) => {
                self.api(Held { token, tokens }, &found, target).await;
            }
            (Ok((_, found)), None) => {
                let message = format!("{found}, which was not tried: {NO_CONNECTION}");
                self.add(Token, CheckOutcome::Skipped, message);
                self.skip(&[Api, Scope, Quota, Clock], NO_CONNECTION);
            }
            (Err(problem), _) => {
                self.fail(Token, problem);
                self.skip(&[Api, Scope, Quota, Clock], "there is no token");
            }
        }
    }

    /// The reason why the name of the host is not looked up here.
    fn not_looked_up(&self) -> Option<(CheckOutcome, String)> {
        if self.host().parse::<IpAddr>().is_ok() {
            return Some((CheckOutcome::Ok, format!("{} is an address", self.host())));
        }
        match Hyper::new(self.endpoint, self.config.clone()) {
            // It is the proxy that knows the name.
            Ok(hyper) => {
                let proxy = hyper.proxy()?;
                let reason = format!("not checked: the proxy {proxy} looks it up");
                Some((CheckOutcome::Skipped, reason))
            }
            // The same problem is that of the connection.
            Err(_) => Some((
                CheckOutcome::Skipped,
                "not checked: no connection is allowed".to_owned(),
            )),
        }
    }

    fn host(&self) -> &str {
        self.endpoint.host().trim_matches(['[', ']'])
    }

    async fn name(&self) -> Found<()> {
        let host = self.host();
        let (soon, begun) = (
            self.deadline.min(Instant::now() + NAME_LIMIT),
            Instant::now(),
        );
        let problem = match timeout_at(soon, tokio::net::lookup_host((host, 0))).await {
            Ok(Ok(addresses)) => {
                let addresses: Vec<_> = addresses.collect();
                let six = addresses.iter().filter(|it| it.is_ipv6()).count();
                let (four, millis) = (addresses.len() - six, begun.elapsed().as_millis());
                let found =
                    format!("{host} has {four} IPv4 and {six} IPv6 addresses ({millis} ms)");
                return Ok(((), found));
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        let unused = self.config.unused_proxy(self.endpoint);
        let unused = unused.map_or_else(String::new, |unused| format!(" ({unused})"));
        let problem = format!("{host}: {problem}{unused}");
        Err(Problem::new(ErrorKey::Connect, problem))
    }

    async fn connection(&self) -> Found<()> {
        let (endpoint, begun) = (self.endpoint, Instant::now());
        // The same rules as for every request; what they forbid is said by them.
        let connecting = async {
            let hyper = Hyper::new(endpoint, self.config.clone())?;
            hyper.try_connect().await
        };
        let connected = timeout_at(self.deadline, connecting).await;
        let version = connected.map_err(|_| {
            let message = format!("{endpoint}: no connection in time");
            Problem::new(ErrorKey::Connect, message)
        })?;
        let version = version.map_err(|error| Problem::from(&error))?;
        let protocol = match version {
            Version::HTTP_2 => "HTTP/2",
            _ => "HTTP/1.1",
        };
        let tls = match endpoint.is_plaintext() {
            true => "without TLS",
            false => "with TLS",
        };
        let millis = begun.elapsed().as_millis();
        let unused = self.config.unused_proxy(endpoint);
        let unused = unused.map_or_else(String::new, |unused| format!("; {unused}"));
        Ok((
            (),
            format!("{endpoint}: {protocol} {tls} ({millis} ms){unused}"),
        ))
    }

    async fn token(&self, tokens: &dyn TokenSource) -> Found<Token> {
        check_universe(self.endpoint, tokens).map_err(|error| Problem::from(&error))?;
        let begun = Instant::now();
        let fetched = timeout_at(self.deadline, tokens.token(false)).await;
        let late = |_| Problem::new(ErrorKey::TokenUnavailable, "none in time");
        let token = fetched.map_err(late)?;
        let token = token.map_err(|error| Problem::from(&error))?;
        let life = match token.remaining() {
            Some(life) => format!("good for {} s", life.as_secs()),
            None => "it does not say for how long".to_owned(),
        };
        let millis = begun.elapsed().as_millis();
        Ok((
            token,
            format!("there is one ({life}; fetched in {millis} ms)"),
        ))
    }

    /// Asks the API; `found` tells of the token.
    async fn api(&mut self, tokens: Held, found: &str, target: Option<Resource>) {
        // What the service has no method for is not asked: another call tells of the token.
        let (target, unasked) = match target.map(|target| (target.check_method(), target)) {
            Some((Ok(()), target)) => (Some(target), None),
            Some((Err(error), _)) => (None, Some(error)),
            None => (None, None),
        };
        let asked = target.clone();
        let Some(asked) = asked.or_else(|| nowhere(self.endpoint.service())) else {
            return self.nothing_to_ask(found, unasked.as_ref());
        };
        let hyper = match Hyper::new(self.endpoint, self.config.clone()) {
            Ok(hyper) => hyper,
            Err(error) => return self.fail(Check::Api, (&error).into()),
        };
        let authorized = Authorized::new(self.endpoint.clone(), tokens, hyper);
        let watched = Watched::new(authorized);
        let client = Client::new(Arc::clone(&watched))
            .endpoint(self.endpoint.clone())
            .policy(
                Policy::default()
                    .max_attempts(2)
                    .attempt_timeout(Duration::from_secs(3))
                    .deadline(self.deadline.saturating_duration_since(Instant::now())),
            );
        let answered = timeout_at(self.deadline, client.check(&asked)).await;
        let answered = match &answered {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err((error.key(), format!("{}; {}", error.kind(), error.advice()))),
            Err(_) => Err((ErrorKey::TimedOut, "no answer in time".to_owned())),
        };
        let calls = watched.calls.load(Ordering::Relaxed);
        self.judge(answered, found, (target.as_ref(), unasked.as_ref()), calls);
        let skew = watched.skew.lock().unwrap_or_else(PoisonError::into_inner);
        self.clock(*skew);
    }

    /// The service shows nothing of what could be asked for.
    fn nothing_to_ask(&mut self, found: &str, unasked: Option<&NameError>) {
        use Check::{Api, Clock, Quota, Scope, Token};
        let title = self.endpoint.service().title;
        let reason = format!("{title} has no method that shows an operation");
        let token = format!("{found}; whether the API accepts it is not known: {reason}");
        self.add(Token, CheckOutcome::Skipped, token);
        let name = unasked.map_or_else(|| reason.clone(), NameError::to_string);
        self.skip(&[Api], &name);
        self.skip(&[Scope, Quota, Clock], &reason);
    }

    /// Reads token, access, scope and quota from the answer; a check of which it says nothing is skipped.
    fn judge(
        &mut self,
        answered: Result<(), (ErrorKey, String)>,
        found: &str,
        (target, unasked): (Option<&Resource>, Option<&NameError>),
        calls: u32,
    ) {
        use Check::{Api, Quota, Scope, Token};
        use ErrorKey as Key;
        let calls = match calls {
            1 => "1 call was".to_owned(),
            calls => format!("{calls} calls were"),
        };
        let api = format!("{calls} made: ");
        let token = format!("{found}, and the API accepts it");
        let first = checked(self.endpoint.service());
        let is_default = *self.endpoint.service() == *Service::DEFAULT;
        let (unnamed, answers) = match unasked {
            Some(error) => (format!("not checked: {error}"), CheckOutcome::Skipped),
            None => {
                let first = with_article(first);
                (
                    format!("name {first} to check the access to it"),
                    CheckOutcome::Ok,
                )
            }
        };
        let unnamed = format!("the API answered; {unnamed}");
        let (key, said) = match (answered, target) {
            (Ok(()), Some(target)) => {
                self.add(Token, CheckOutcome::Ok, token);
                let seen = match target {
                    // One permission is for all of it.
                    _ if is_default => format!("the {first} may be managed"),
                    Resource::Operation(_) => format!("{target} was shown; {OTHER_PERMISSION}"),
                    _ => format!("the list of {target} was read; {OTHER_PERMISSION}"),
                };
                self.add(Api, CheckOutcome::Ok, api + &seen);
                return self.passed(&calls);
            }
            // The method looked for what cannot be there: token, scope and quota had let the call pass.
            (Ok(()) | Err((Key::NotFound | Key::ParentNotFound, _)), None) => {
                self.add(Token, CheckOutcome::Ok, token);
                self.add(Api, answers, api + &unnamed);
                return self.passed(&calls);
            }
            (Err((key @ (Key::NotFound | Key::ParentNotFound), _)), Some(target)) => {
                self.add(Token, CheckOutcome::Ok, token);
                let missing = match target {
                    Resource::Grandparent(_) => format!("there is no such {first}"),
                    _ => format!("there is no {target}"),
                };
                self.fail(Api, Problem::new(key, api + &missing));
                return self.passed(&calls);
            }
            (Err((Key::PermissionDenied, _)), None) => {
                // An enterprise that is not there and one of another caller are refused alike.
                self.add(Token, CheckOutcome::Ok, token);
                self.add(Api, answers, api + &unnamed);
                return self.skip(&[Scope, Quota], UNSEEN);
            }
            (Err(problem), _) => problem,
        };
        if key.row().kind == "permission_denied" {
            self.add(Token, CheckOutcome::Ok, token);
        }
        let untried =
            |reason: &str| format!("{found}; whether the API accepts it is not known: {reason}");
        self.refused(key, said, &api, untried);
    }

    /// Reads them from an answer that says no, or from none; `untried` is said of the token if nothing
    /// shows that it is accepted.
    fn refused(
        &mut self,
        key: ErrorKey,
        said: String,
        api: &str,
        untried: impl Fn(&str) -> String,
    ) {
        use Check::{Api, Quota, Scope, Token};
        use ErrorKey as Key;
        match key {
            Key::Unauthenticated => {
                let refused = format!("the API refuses it: {said}");
                self.fail(Token, Problem::new(key, refused));
                self.skip(&[Api, Scope, Quota], "the token is refused");
            }
            Key::ScopeInsufficient => {
                self.skip(&[Api], "the scope is refused before");
                let needs = format!(
                    "{said}; the token needs the scope {}",
                    self.endpoint.service().scope
                );
                self.fail(Scope, Problem::new(key, needs));
                self.skip(&[Quota], "the scope is refused before");
            }
            Key::ResourceExhausted | Key::QuotaFinal => {
                self.add(Token, CheckOutcome::Skipped, untried(UNSEEN));
                self.skip(&[Api, Scope], "the call is refused for the quota before");
                self.fail(Quota, Problem::new(key, api.to_owned() + &said));
            }
            key if key.row().kind == "permission_denied" => {
                self.fail(Api, Problem::new(key, api.to_owned() + &said));
                self.skip(&[Scope, Quota], UNSEEN);
            }
            key => {
                let reason = match key {
                    Key::NotTheApi | Key::Redirected | Key::Gateway => {
                        "something other than the API answered"
                    }
                    key if key.row().kind == "transport" => "no answer came",
                    _ => UNSEEN,
                };
                self.add(Token, CheckOutcome::Skipped, untried(reason));
                self.fail(Api, Problem::new(key, api.to_owned() + &said));
                self.skip(&[Scope, Quota], reason);
            }
        }
    }

    /// Scope and quota have let the call pass.
    fn passed(&mut self, calls: &str) {
        self.add(Check::Scope, CheckOutcome::Ok, "the token is for this API");
        let free = format!("{calls} free; how many are left, the API does not tell");
        self.add(Check::Quota, CheckOutcome::Ok, free);
    }

    /// Compares the clocks; `skew` is positive if this machine's is ahead.
    fn clock(&mut self, skew: Option<i64>) {
        let Some(skew) = skew else {
            return self.skip(&[Check::Clock], "the server tells no time");
        };
        let off = Duration::from_millis(skew.unsigned_abs());
        let word = if skew > 0 { "ahead of" } else { "behind" };
        let message = format!("{} s {word} the server's", off.as_secs());
        let exit_class = ExitClass::Failed;
        match off {
            off if off > SKEW.1 => self.fail(
                Check::Clock,
                Problem {
                    message,
                    exit_class,
                },
            ),
            off if off > SKEW.0 => self.add(Check::Clock, CheckOutcome::Warn, message),
            _ => self.add(Check::Clock, CheckOutcome::Ok, message),
        }
    }
}

/// Hands out the token that is there, and another one only if that is refused.
struct Held {
    token: Token,
    tokens: Arc<dyn TokenSource>,
}

impl TokenSource for Held {
    fn token(&self, fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        match fresh {
            true => self.tokens.token(true),
            false => Box::pin(std::future::ready(Ok(self.token.clone()))),
        }
    }

    fn quota_project(&self) -> Option<HeaderValue> {
        self.tokens.quota_project()
    }
}

/// A transport that counts, and remembers the difference of the clocks.
struct Watched<T> {
    inner: T,
    calls: AtomicU32,
    /// The milliseconds by which this machine's clock is ahead of the server's.
    skew: Mutex<Option<i64>>,
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
    ) -> BoxFuture<'_, Result<http::Response<bytes::Bytes>, TransportError>> {
        Box::pin(async move {
            if self.calls.fetch_add(1, Ordering::Relaxed) >= MOST_CALLS {
                let kind = TransportErrorKind::NotAllowed;
                return Err(TransportError::new(kind, "enough calls"));
            }
            let response = self.inner.send(transmit).await?;
            let date = response.headers().get(DATE);
            let date = date.and_then(|date| Timestamp::parse_http_date(date.to_str().ok()?));
            if let Some(there) = date {
                let skew = now().unix_millis().saturating_sub(there.unix_millis());
                *self.skew.lock().unwrap_or_else(PoisonError::into_inner) = Some(skew);
            }
            Ok(response)
        })
    }
}
