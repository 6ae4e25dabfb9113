//! The emulator: one request in, one decision out.

use std::borrow::Cow;
use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};

use crate::admin;
use crate::answer::{Failure, Style, answer, bare, page};
use crate::api::Api;
use crate::audit::{Audited, Truth, without_secrets};
use crate::batch::{self, Answers};
use crate::call::{Call, Method, Query};
use crate::discovery;
use crate::enterprise::Setup;
use crate::fleet::{Added, Fleet, NewDevice};
use crate::front_end;
use crate::generate;
use crate::identity::{self, Door, Good, Identity};
use crate::meter::Meter;
use crate::percent::decode_query;
use crate::refusal::refusal;
use crate::rng::Rng;
use crate::script::{Fault, Script};
use crate::site;
use crate::{BadInput, Config, Issued, Quirks, QuotaReport, Reply, State};

/// The clock stops there, far from where sums of times would overflow.
const MILLENNIUM: Duration = Duration::from_secs(1000 * 365 * 86_400);

/// Its own endpoints are below this path.
const OWN: &str = "/_emulator/";

const FIELD_MASK: HeaderName = HeaderName::from_static("x-goog-fieldmask");

/// What a request is for.
struct Asked {
    call: Option<Call>,
    door: Option<Door>,
}

impl Asked {
    fn route(request: &Request<Bytes>) -> Self {
        let door = Door::route(request);
        Self {
            call: match door {
                None => Call::route(request),
                Some(_) => None,
            },
            door,
        }
    }
}

/// An Android Management API without a clock and without a socket.
///
/// `now` is the time since the emulator's start; it never goes backwards in a sensible test, but nothing breaks if it does.
#[derive(Debug)]
pub struct Emulator {
    config: Config,
    tokens: HashSet<String>,
    identity: Identity,
    enterprise: String,
    fleet: Fleet,
    setup: Setup,
    script: Script,
    meter: Meter,
    rng: Rng,
    advanced: Duration,
    audit: Vec<Audited>,
}

impl Emulator {
    /// The emulator that the description stands for.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut rng = Rng::new(config.seed);
        let (fleet, enterprise) = generate::fleet(&config, &mut rng);
        Self {
            tokens: config.tokens.iter().cloned().collect(),
            identity: Identity::default(),
            script: config.script.clone(),
            meter: Meter::new(config.quota.clone()),
            enterprise,
            fleet,
            setup: Setup::default(),
            rng,
            advanced: Duration::ZERO,
            audit: Vec::new(),
            config,
        }
    }

    /// Decides one request, `now` after the start. The time it takes does not depend on the size of the fleet.
    pub fn handle(&mut self, now: Duration, request: &Request<Bytes>) -> Reply {
        let understood = front_end::understand(request);
        if let Some(endpoint) = request.uri().path().strip_prefix(OWN) {
            return Reply::at_once(match understood {
                Ok(request) => admin::handle(self, now, &request, endpoint),
                Err(status) => page(status, self.unix_ms(now)),
            });
        }
        match understood {
            Ok(request) if batch::is_batch(&*request) => self.batch(now, &request),
            Ok(request) if discovery::is_asked(&*request) => {
                let document = discovery::document(&site::root(&request));
                let document = answer(Ok(document), Style::default(), self.unix_ms(now));
                self.told(now, &request, Reply::at_once(document))
            }
            Ok(request) => self.call(now, &request),
            Err(status) => self.refused(now, request, status),
        }
    }

    fn refused(&mut self, now: Duration, request: &Request<Bytes>, status: u16) -> Reply {
        let mut reply = Reply::at_once(self.refuse(now, request, status));
        reply.effect = false;
        reply
    }

    /// The page for a request that cannot be understood, noted in the audit unless it is for the emulator itself.
    pub(crate) fn refuse(
        &mut self,
        now: Duration,
        request: &Request<Bytes>,
        status: u16,
    ) -> Response<Bytes> {
        if !request.uri().path().starts_with(OWN) {
            self.note(now, request, Some(status), false);
        }
        page(status, self.unix_ms(now))
    }

    /// Decides one request that is no batch.
    fn call(&mut self, now: Duration, request: &Request<Bytes>) -> Reply {
        let asked = Asked::route(request);
        let (call, door) = (asked.call.as_ref(), asked.door);
        let reply = match self.script.strike(call, door, &mut self.rng) {
            Some(fault) => self.misbehave(&fault, now, request, &asked),
            None => {
                let response = self.behave(now, request, &asked);
                let effect = response.status().is_success();
                let mut reply = Reply::at_once(response);
                reply.effect = effect;
                reply
            }
        };
        self.told(now, request, reply)
    }

    /// Decides the calls of a batch, one after the other; the slowest one is how long it takes.
    fn batch(&mut self, now: Duration, request: &Request<Bytes>) -> Reply {
        let parts = match batch::parse(request) {
            Ok(parts) => parts,
            Err(problem) => {
                let text = HeaderValue::from_static("text/html; charset=UTF-8");
                let refusal = bare(400, text, problem.into(), self.unix_ms(now));
                let mut reply = Reply::at_once(refusal);
                reply.effect = false;
                return self.told(now, request, reply);
            }
        };
        let mut answers = Answers::default();
        let (mut delay, mut effect) = (Duration::ZERO, false);
        for part in &parts {
            let reply = match front_end::understand(&part.request) {
                Ok(request) => self.call(now, &request),
                Err(status) => self.refused(now, &part.request, status),
            };
            delay = delay.max(reply.delay);
            effect |= reply.effect;
            answers.push(part, reply.action);
        }
        let reply = Reply {
            delay,
            effect,
            action: answers.action(self.unix_ms(now)),
        };
        self.told(now, request, reply)
    }

    /// The same reply, noted in the audit.
    fn told(&mut self, now: Duration, request: &Request<Bytes>, reply: Reply) -> Reply {
        let status = reply.action.status().map(|status| status.as_u16());
        self.note(now, request, status, reply.effect);
        reply
    }

    fn note(&mut self, now: Duration, request: &Request<Bytes>, status: Option<u16>, effect: bool) {
        self.audit.push(Audited {
            n: self.audit.len() as u64 + 1,
            time: self.since_start(now).as_millis() as u64,
            method: request.method().as_str().to_owned(),
            path: without_secrets(request.uri()),
            status,
            had_token: has_token(request),
            effect,
        });
    }

    /// The answer of a server without faults: front end, authorization, quota, parameters, method.
    fn behave(
        &mut self,
        now: Duration,
        request: &Request<Bytes>,
        asked: &Asked,
    ) -> Response<Bytes> {
        let since_start = self.since_start(now);
        let now = self.unix_ms(now);
        if lacks_length(request) {
            return page(411, now);
        }
        if let Some(door) = asked.door {
            return self.identity.answer(door, request, now);
        }
        let Some(call) = &asked.call else {
            return page(404, now);
        };
        let headers = request.headers();
        let field_mask = headers.get(FIELD_MASK).and_then(|mask| mask.to_str().ok());
        let query = Query::parse(call.method, request.uri().query(), field_mask);
        let style = query
            .as_ref()
            .map_or_else(|_| Style::default(), |query| query.style);
        if let Err(failure) = self.authorize(request, now) {
            return answer(Err(failure), style, now);
        }
        if let Err(exceeded) = self.meter.admit(since_start, call) {
            let config = &self.config;
            let failure = refusal(&exceeded, config.quota.hints, config.time_scale);
            return answer(Err(failure), style, now);
        }
        let query = match query {
            Ok(query) => query,
            // Its parameters are not known here either.
            Err(_) if call.method == Method::NotEmulated => Query::default(),
            Err(failure) => return answer(Err(failure), style, now),
        };
        let mut api = Api {
            fleet: &mut self.fleet,
            setup: &mut self.setup,
            quirks: &self.config.quirks,
            issued: self.config.issued,
            now,
        };
        let mut result = api.perform(call, &query, request.body());
        if let (Ok(value), Some(mask), false) =
            (&mut result, &query.fields, self.config.quirks.ignore_fields)
        {
            mask.apply(value);
        }
        answer(result, style, now)
    }

    fn misbehave(
        &mut self,
        fault: &Fault,
        now: Duration,
        request: &Request<Bytes>,
        asked: &Asked,
    ) -> Reply {
        let operation = asked
            .call
            .as_ref()
            .and_then(|call| self.fleet.operation(&call.name));
        if let Some(index) = operation {
            let added = self.unix_ms(now);
            fault.change(&mut self.fleet.operations[index], added);
        }
        let genuine = fault
            .wants_genuine()
            .then(|| self.behave(now, request, asked));
        let effect = genuine
            .as_ref()
            .is_some_and(|response| response.status().is_success());
        Reply {
            delay: fault.delay,
            effect,
            action: fault.action(genuine, self.unix_ms(now)),
        }
    }

    fn authorize(&self, request: &Request<Bytes>, now: u64) -> Result<(), Failure> {
        let token = match request.headers().get(header::AUTHORIZATION) {
            Some(value) => identity::bearer(value).map(Cow::Borrowed),
            None if has_token(request) => token_in_query(request),
            None => return Err(Failure::unauthenticated(false)),
        };
        let Some(token) = token else {
            return Err(Failure::unauthenticated(true));
        };
        let token = &*token;
        match self.identity.look_up(token, now) {
            Good::For(scope) if scope.split(' ').any(|scope| scope == identity::SCOPE) => Ok(()),
            Good::For(_) => Err(Failure::scope_insufficient()),
            Good::Never if self.tokens.contains(token) => Ok(()),
            Good::Expired | Good::Never => Err(Failure::unauthenticated(true)),
        }
    }

    pub(crate) fn unix_ms(&self, now: Duration) -> u64 {
        self.config.start + self.since_start(now).as_millis() as u64
    }

    fn since_start(&self, now: Duration) -> Duration {
        now + self.advanced
    }

    /// The name of the enterprise, `enterprises/LC…`.
    #[must_use]
    pub fn enterprise(&self) -> &str {
        &self.enterprise
    }

    /// An access token that is accepted; empty when none is.
    #[must_use]
    pub fn token(&self) -> &str {
        let first = self
            .config
            .tokens
            .iter()
            .find(|token| self.tokens.contains(*token));
        first.map_or("", String::as_str)
    }

    /// From now on exactly these tokens are accepted, as if the earlier ones had expired.
    pub fn accept_tokens(&mut self, tokens: impl IntoIterator<Item = impl Into<String>>) {
        self.config.tokens = tokens.into_iter().map(Into::into).collect();
        self.tokens = self.config.tokens.iter().cloned().collect();
        self.identity.forget();
    }

    /// The tokens that were given out so far, by the token endpoint and its like.
    #[must_use]
    pub fn issued(&self) -> &[Issued] {
        self.identity.issued()
    }

    /// Replaces the faults.
    pub fn set_script(&mut self, script: Script) {
        self.script = script;
    }

    /// Replaces the quirks, for operations that have none of their own.
    pub const fn set_quirks(&mut self, quirks: Quirks) {
        self.config.quirks = quirks;
    }

    /// Moves the emulator's clock forward, for every later call; a thousand years at most.
    pub fn advance(&mut self, by: Duration) {
        self.advanced = self.advanced.saturating_add(by).min(MILLENNIUM);
    }

    /// The wall clock of the emulator, in Unix milliseconds.
    #[must_use]
    pub fn unix_time(&self, now: Duration) -> u64 {
        self.unix_ms(now)
    }

    /// Adds a device, or operations to one that exists.
    ///
    /// # Errors
    /// What is wrong with the description; the device itself may have been added.
    pub fn add(&mut self, now: Duration, device: NewDevice) -> Result<Added, BadInput> {
        let now = self.unix_ms(now);
        self.fleet.add(device, &self.enterprise, now, &mut self.rng)
    }

    /// The names of the devices, in the order they were added, deleted ones included.
    #[must_use]
    pub fn devices(&self) -> Vec<String> {
        self.fleet
            .devices
            .iter()
            .map(|device| device.name.clone())
            .collect()
    }

    /// The names of the operations that are pending.
    #[must_use]
    pub fn pending(&self, now: Duration) -> Vec<String> {
        let rows = self.truth(now).into_iter();
        rows.filter(|row| row.state == State::Pending)
            .map(|row| row.name)
            .collect()
    }

    /// What is true of every operation, in the order they were added.
    #[must_use]
    pub fn truth(&self, now: Duration) -> Vec<Truth> {
        let now = self.unix_ms(now);
        let operations = self.fleet.operations.iter();
        operations
            .map(|operation| operation.truth(&self.config.quirks, now))
            .collect()
    }

    /// What is true of one operation, or `None` when it never existed.
    #[must_use]
    pub fn truth_of(&self, now: Duration, name: &str) -> Option<Truth> {
        let operation = &self.fleet.operations[self.fleet.operation(name)?];
        Some(operation.truth(&self.config.quirks, self.unix_ms(now)))
    }

    /// What is spent of the quota.
    #[must_use]
    pub fn quota(&self, now: Duration) -> QuotaReport {
        self.meter.report(self.since_start(now))
    }

    /// Every request so far, without those to `/_emulator/`.
    #[must_use]
    pub fn audit(&self) -> &[Audited] {
        &self.audit
    }
}

fn has_token(request: &Request<Bytes>) -> bool {
    request.headers().contains_key(header::AUTHORIZATION) || tokens_in_query(request).count() > 0
}

/// The first token in the query, if it can be decoded.
fn token_in_query(request: &Request<Bytes>) -> Option<Cow<'_, str>> {
    decode_query(tokens_in_query(request).next()?)
}

/// Tokens in the query, which no header has to carry then, as they arrived.
fn tokens_in_query(request: &Request<Bytes>) -> impl Iterator<Item = &str> {
    let pairs = request.uri().query().unwrap_or_default().split('&');
    pairs.filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let key = decode_query(key)?;
        matches!(&*key, "access_token" | "oauth_token").then_some(value)
    })
}

/// Whether this is what front ends answer 411 to: in HTTP/2 the frames say where a body ends, in HTTP/1.1 nothing does.
fn lacks_length(request: &Request<Bytes>) -> bool {
    request.method() == http::Method::POST
        && request.version() <= http::Version::HTTP_11
        && request.body().is_empty()
        && !request.headers().contains_key(header::CONTENT_LENGTH)
        && !request.headers().contains_key(header::TRANSFER_ENCODING)
}
