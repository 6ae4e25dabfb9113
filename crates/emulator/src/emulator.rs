//! The emulator: one request in, one decision out.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{ParentName, Service};
use http::{HeaderName, Request, Response, header};
use serde_json::Value;

use crate::answer::{Failure, Style, answer, page};
use crate::api::Api;
use crate::audit::{Audited, without_secrets};
use crate::bad_input::BadInput;
use crate::call::{Call, Query};
use crate::config::Config;
use crate::discovery;
use crate::extras::Extras;
use crate::fleet::{Added, Fleet, NewParent};
use crate::generate;
use crate::identity::{self, Door, Good, Identity, Issued};
use crate::meter::Meter;
use crate::method::{Method, Methods};
use crate::percent::decode_query;
use crate::quirks::Quirks;
use crate::quota_report::QuotaReport;
use crate::refusal::refusal;
use crate::reply::Reply;
use crate::rng::Rng;
use crate::script::{Fault, Script};
use crate::services;
use crate::truth::{State, Truth};
use crate::world::World;

/// The clock stops there, far from where sums of times would overflow.
const MILLENNIUM: Duration = Duration::from_secs(1000 * 365 * 86_400);

/// Its own endpoints are below this path.
pub(crate) const OWN: &str = "/_emulator/";

const FIELD_MASK: HeaderName = HeaderName::from_static("x-goog-fieldmask");

/// The target of a request.
struct Asked {
    call: Option<Call>,
    door: Option<Door>,
}

/// The API of a service, without a clock and without a socket.
///
/// `now` is the time since the emulator's start; it never goes backwards in a sensible test, but nothing breaks if it does.
#[derive(Debug)]
pub struct Emulator {
    config: Config,
    extras: &'static Extras,
    methods: Methods,
    tokens: HashSet<String>,
    identity: Identity,
    grandparent: String,
    fleet: Fleet,
    /// Resources of collections beside the described ones, by name.
    resources: BTreeMap<String, Value>,
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
        let service = config.service;
        let extras = services::extras(service);
        let mut rng = Rng::new(config.seed);
        let (fleet, grandparent) = generate::fleet(&config, extras, &mut rng);
        Self {
            extras,
            methods: services::methods(service),
            tokens: config.tokens.iter().cloned().collect(),
            identity: Identity::new(service.scope),
            script: config.script.clone(),
            meter: Meter::new(config.quota.clone(), service.quota_levels),
            grandparent,
            fleet,
            resources: BTreeMap::new(),
            rng,
            advanced: Duration::ZERO,
            audit: Vec::new(),
            config,
        }
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
    pub(crate) fn call(&mut self, now: Duration, request: &Request<Bytes>) -> Reply {
        let door = Door::route(request);
        let call = match door {
            None => {
                let is_known = |name: &str| self.fleet.operation(name).is_some();
                Call::route(self.config.service, &self.methods, request, is_known)
            }
            Some(_) => None,
        };
        let asked = Asked { call, door };
        let call = asked.call.as_ref();
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

    /// The same reply, noted in the audit.
    pub(crate) fn told(&mut self, now: Duration, request: &Request<Bytes>, reply: Reply) -> Reply {
        let status = reply.action.response();
        let status = status.map(|response| response.status().as_u16());
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
        let query = Query::parse(&call.query, request.uri().query(), field_mask);
        let style = query
            .as_ref()
            .map_or_else(|_| Style::default(), |query| query.style);
        if let Err(failure) = self.authorize(request, now) {
            return answer(Err(failure), style, now);
        }
        if let Err(exceeded) = self.meter.admit(since_start, call) {
            let config = &self.config;
            let failure = refusal(
                config.service,
                &exceeded,
                config.quota.hints,
                config.time_scale,
            );
            return answer(Err(failure), style, now);
        }
        let query = match query {
            Ok(query) => query,
            // Its parameters are not known here either.
            Err(_) if call.method == Method::NotEmulated => Query::default(),
            Err(failure) => return answer(Err(failure), style, now),
        };
        let world = World {
            fleet: &mut self.fleet,
            resources: &mut self.resources,
            quirks: &self.config.quirks,
            now,
        };
        let mut api = Api {
            world,
            extras: self.extras,
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
            let operation = &mut self.fleet.operations[index];
            fault.change(operation, &self.config.quirks, added);
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
        let service = self.config.service;
        let token = match request.headers().get(header::AUTHORIZATION) {
            Some(value) => identity::bearer(value).map(Cow::Borrowed),
            None if has_token(request) => token_in_query(request),
            None => return Err(Failure::unauthenticated(service, false)),
        };
        let Some(token) = token else {
            return Err(Failure::unauthenticated(service, true));
        };
        let token = &*token;
        match self.identity.look_up(token, now) {
            // Of some services no scope is known.
            Good::For(scope) if service.scope.is_empty() || has_scope(&scope, service) => Ok(()),
            Good::For(_) => Err(Failure::scope_insufficient(service)),
            Good::Never if self.tokens.contains(token) => Ok(()),
            Good::Expired | Good::Never => Err(Failure::unauthenticated(service, true)),
        }
    }

    /// The wall clock of the emulator, in Unix milliseconds.
    #[must_use]
    pub fn unix_ms(&self, now: Duration) -> u64 {
        self.config.start + self.since_start(now).as_millis() as u64
    }

    fn since_start(&self, now: Duration) -> Duration {
        now + self.advanced
    }

    /// The service whose API it is.
    #[must_use]
    pub const fn service(&self) -> &'static Service {
        self.config.service
    }

    /// The discovery document of an emulator at `root`.
    pub(crate) fn discovery(&self, root: &str) -> Value {
        discovery::document(self.config.service, self.extras, &self.methods, root)
    }

    /// The name of the grandparent that the fleet is below: of the enterprise, `enterprises/LC…`.
    #[must_use]
    pub fn grandparent(&self) -> &str {
        &self.grandparent
    }

    /// The first parent of operations, if there is any.
    #[must_use]
    pub fn parent(&self) -> Option<ParentName> {
        let first = self.fleet.parents.first()?;
        ParentName::parse(self.service(), &first.name).ok()
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

    /// Adds a parent with its operations, or operations to one that exists.
    ///
    /// # Errors
    /// The mistake in the description; the parent itself may have been added.
    pub fn add(&mut self, now: Duration, parent: NewParent) -> Result<Added, BadInput> {
        let now = self.unix_ms(now);
        let name = parent.name.unwrap_or_else(|| {
            let number = self.fleet.parents.len();
            let (service, extras) = (self.config.service, self.extras);
            match parent.pattern.filter(|own| **own != service.patterns[0]) {
                Some(own) => generate::parent_of(service, own, number, extras, &mut self.rng),
                None => generate::parent(service, &self.grandparent, number, extras, &mut self.rng),
            }
        });
        let place = self.fleet.add_parent(&name, now, now)?;
        self.fleet.add_operations(place, parent.operations, now)
    }

    /// The names of the parents, in the order they were added, deleted ones included.
    #[must_use]
    pub fn parents(&self) -> Vec<String> {
        let parents = self.fleet.parents.iter();
        parents.map(|parent| parent.name.clone()).collect()
    }

    /// The names of the operations that are pending.
    #[must_use]
    pub fn pending(&self, now: Duration) -> Vec<String> {
        let rows = self.truth(now).into_iter();
        rows.filter(|row| row.state == State::Pending)
            .map(|row| row.name)
            .collect()
    }

    /// The truth about every operation, in the order they were added.
    #[must_use]
    pub fn truth(&self, now: Duration) -> Vec<Truth> {
        let now = self.unix_ms(now);
        let operations = self.fleet.operations.iter();
        operations
            .map(|operation| operation.truth(&self.config.quirks, now))
            .collect()
    }

    /// The truth about one operation, or `None` when it never existed.
    #[must_use]
    pub fn truth_of(&self, now: Duration, name: &str) -> Option<Truth> {
        let operation = &self.fleet.operations[self.fleet.operation(name)?];
        Some(operation.truth(&self.config.quirks, self.unix_ms(now)))
    }

    /// The calls that are spent of the quota.
    #[must_use]
    pub fn quota(&self, now: Duration) -> QuotaReport {
        self.meter.report(self.since_start(now), &self.methods)
    }

    /// Every request so far, without those to `/_emulator/`.
    #[must_use]
    pub fn audit(&self) -> &[Audited] {
        &self.audit
    }
}

fn has_scope(granted: &str, service: &Service) -> bool {
    granted.split(' ').any(|scope| scope == service.scope)
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

/// True for a request that front ends answer with 411: in HTTP/2 the frames say where a body ends, in HTTP/1.1 nothing does.
fn lacks_length(request: &Request<Bytes>) -> bool {
    request.method() == http::Method::POST
        && request.version() <= http::Version::HTTP_11
        && request.body().is_empty()
        && !request.headers().contains_key(header::CONTENT_LENGTH)
        && !request.headers().contains_key(header::TRANSFER_ENCODING)
}
