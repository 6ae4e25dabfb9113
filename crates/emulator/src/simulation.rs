//! A run of the scheduler on a virtual clock: when the last cancel would be sent, without waiting.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use countermand_core::text::shown_excerpt;
use countermand_core::{
    Call, NamePattern, OperationName, Phase, Reading, Rng, Service, Time, Verdict,
};
use countermand_scheduler::{Event, Quota, Scheduler, Ticket};
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use serde::Serialize;
use serde_json::json;

use crate::bad_input::BadInput;
use crate::config::Config;
use crate::emulator::Emulator;
use crate::fate::Fate;
use crate::fleet::{NewOperation, NewParent};
use crate::quota::{ServerQuota, WindowKind};
use crate::reply::Action;
use crate::script::Script;

/// Time that the simulated server takes to answer.
const LATENCY: Duration = Duration::from_millis(100);

/// Validity of an operation, in seconds: none expires.
const VALID_FOR: u64 = 366 * 24 * 3600;

/// The token of the emulator; it opens nothing else.
const TOKEN: &str = "simulated";
const BEARER: HeaderValue = HeaderValue::from_static("Bearer simulated");

/// Rows of the schedule.
const ROWS: usize = 16;

/// The greatest number of operations.
const MOST: u32 = 1_000_000;

/// The settings of a simulated run.
///
/// ```
/// use countermand_core::{Service, Verdict};
/// use countermand_emulator::Simulation;
///
/// let service = Service::named("batch.v1").expect("it is built in");
/// let run = Simulation::new(service, 20).run()?;
/// assert_eq!(run.verdicts[&Verdict::Cancelled], 20);
/// assert!(run.pattern.ends_with("/jobs/{job}"));
/// # Ok::<(), countermand_emulator::BadInput>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Simulation {
    /// The service.
    pub service: &'static Service,
    /// The pattern of the names, one of the service.
    pub pattern: &'static NamePattern,
    /// Number of operations, from 1 to a million.
    pub operations: u32,
    /// Number of operations of each parent.
    pub per_parent: u32,
    /// The quota that the run keeps, and its share of it.
    pub quota: Quota,
    /// The quota that the server has in truth; that of the run if `None`.
    pub server_quota: Option<Quota>,
    /// The windows of the server's quota.
    pub windows: WindowKind,
    /// Maximum number of requests in flight.
    pub in_flight: Option<usize>,
    /// The part of all answers that fails.
    pub fail: Option<FailingPart>,
    /// Fates of the operations, by weight.
    pub fates: Fates,
    /// Seed of all random choices.
    pub seed: u64,
}

/// The result of a simulated run: `countermand.simulation/1`. Times are in seconds since the start.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Simulated {
    schema: &'static str,
    /// The id of the service.
    pub service: &'static str,
    /// The pattern of the names.
    pub pattern: String,
    /// Number of operations.
    pub operations: u32,
    /// Time of the last cancel.
    pub last_cancel_s: f64,
    /// Time of the last verdict.
    pub last_verdict_s: f64,
    /// Number of requests.
    pub requests: u64,
    /// Of the requests, those refused for the quota.
    pub refused: u64,
    /// Of the requests, those that failed as was asked for.
    pub failed: u64,
    /// Number of operations by verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// Number of operations without a verdict.
    pub errors: u64,
    /// Requests over time, in rows of equal length.
    pub schedule: Vec<ScheduleRow>,
}

/// Requests that were sent from a time on, until the next row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ScheduleRow {
    /// Its begin, in seconds since the start.
    pub from_s: f64,
    /// Cancels.
    pub cancels: u64,
    /// Looks.
    pub looks: u64,
}

impl Simulation {
    /// A run with the quota of the service and the defaults of a scheduler: its resources with a state if it has some,
    /// which people start and cancel, else the operations of its usual pattern.
    #[must_use]
    pub fn new(service: &'static Service, operations: u32) -> Self {
        let of_state = |pattern: &&NamePattern| matches!(pattern.reading, Reading::State(_));
        let pattern = service.patterns.iter().find(of_state);
        Self {
            service,
            pattern: pattern.unwrap_or(&service.patterns[0]),
            operations,
            per_parent: 1,
            quota: Quota::of_service(service),
            server_quota: None,
            windows: WindowKind::Sliding,
            in_flight: None,
            fail: None,
            fates: Fates::default(),
            seed: 1,
        }
    }

    /// Sets the pattern by its text, `projects/{project}/locations/{location}/jobs/{job}`, or by its collection,
    /// `jobs`, which means the first one of that.
    ///
    /// # Errors
    /// The service has no such pattern; the message lists those that it has.
    pub fn pattern(mut self, word: &str) -> Result<Self, BadInput> {
        let all = || self.service.patterns.iter();
        let exact = all().find(|pattern| pattern.to_string() == word);
        let of_collection = || all().find(|pattern| pattern.own_level().collection == word);
        self.pattern = exact.or_else(of_collection).ok_or_else(|| {
            let texts: Vec<_> = all().map(ToString::to_string).collect();
            BadInput::new(format!(
                "{} has no names of the pattern or collection \"{}\"; expected one of {}",
                self.service.id,
                shown_excerpt(word, 80),
                texts.join(", ")
            ))
        })?;
        Ok(self)
    }

    /// Runs it to its end, against an emulator on the same virtual clock.
    ///
    /// # Errors
    /// Numbers that are out of range, and more parents than the service has room for.
    pub fn run(&self) -> Result<Simulated, BadInput> {
        let mut emulator = self.emulator()?;
        let mut scheduler = Scheduler::new(self.seed).quota(self.quota.clone());
        if let Some(requests) = self.in_flight {
            scheduler = scheduler.in_flight(requests);
        }
        for truth in emulator.truth(Duration::ZERO) {
            let name = OperationName::parse(self.service, &truth.name);
            let name = name.map_err(|error| BadInput::new(error.to_string()))?;
            scheduler.push(name, Phase::Unsent);
        }
        scheduler.close();
        let mut simulated = Simulated::new(self);
        let mut sent = Vec::new();
        let serve = |at: Duration, ticket: &Ticket, request: &Request<&'static str>| {
            sent.push((at.as_secs_f64(), ticket.call() == Call::Cancel));
            (LATENCY, answer(&mut emulator, at, request))
        };
        let tell = |at, event| simulated.note(at, event);
        let end = countermand_scheduler::simulate(&mut scheduler, Time::START, serve, tell);
        let end = end.ok_or_else(|| BadInput::new("it waits for nothing"))?;
        let last_cancel = scheduler.progress(end).last_cancel;
        simulated.last_cancel_s = last_cancel.map_or(0.0, |at| at.since_start().as_secs_f64());
        simulated.requests = sent.len() as u64;
        simulated.refused = emulator.quota(end.since_start()).refused;
        let answered = |status: StatusCode| {
            let answers = emulator.audit().iter();
            answers
                .filter(|row| row.status == Some(status.as_u16()))
                .count() as u64
        };
        simulated.failed = self.fail.map_or(0, |fail| match fail.status {
            StatusCode::TOO_MANY_REQUESTS => answered(fail.status) - simulated.refused,
            status => answered(status),
        });
        simulated.schedule = schedule(&sent, simulated.last_verdict_s);
        Ok(simulated)
    }

    /// The server, with its operations and their fates.
    fn emulator(&self) -> Result<Emulator, BadInput> {
        if !(1..=MOST).contains(&self.operations) || self.per_parent == 0 {
            return Err(BadInput::new(format!(
                "{} operations, {} of each parent; expected 1 to {MOST}, and one or more",
                self.operations, self.per_parent
            )));
        }
        let faults = self.fail.iter().map(|fail| {
            let status = fail.status.as_u16();
            json!({"status": status, "probability": fail.part, "times": null})
        });
        let quota = ServerQuota::from(self.server_quota.as_ref().unwrap_or(&self.quota));
        let quota = quota.per_resource(self.quota.get_per_resource());
        let config = Config::default().service(self.service);
        let config = config.seed(self.seed).parents(0);
        let config = config.quota(quota.kind(self.windows)).token(TOKEN);
        let mut emulator = Emulator::new(config.script(Script::from_value(faults.collect())?));
        let mut rng = Rng::new(self.seed);
        let mut left = self.operations;
        while left > 0 {
            let some = left.min(self.per_parent);
            left -= some;
            let operations = (0..some).map(|_| {
                let fate = self.fates.draw(rng.next());
                NewOperation::new(fate).duration(VALID_FOR)
            });
            let parent = NewParent::with(operations).pattern(self.pattern);
            emulator.add(Duration::ZERO, parent)?;
        }
        Ok(emulator)
    }
}

impl Simulated {
    fn new(simulation: &Simulation) -> Self {
        Self {
            schema: "countermand.simulation/1",
            service: simulation.service.id,
            pattern: simulation.pattern.to_string(),
            operations: simulation.operations,
            last_cancel_s: 0.0,
            last_verdict_s: 0.0,
            requests: 0,
            refused: 0,
            failed: 0,
            verdicts: BTreeMap::new(),
            errors: 0,
            schedule: Vec::new(),
        }
    }

    fn note(&mut self, elapsed: Duration, event: Event) {
        if let Event::Finished { result, .. } = event {
            self.last_verdict_s = elapsed.as_secs_f64();
            match result {
                Ok(outcome) => *self.verdicts.entry(outcome.verdict).or_default() += 1,
                Err(_) => self.errors += 1,
            }
        }
    }
}

/// The emulator's answer to a request that reaches it so long after the start.
fn answer(
    emulator: &mut Emulator,
    at: Duration,
    request: &Request<&'static str>,
) -> Response<Bytes> {
    let mut request = request.clone().map(Bytes::from);
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().insert(AUTHORIZATION, BEARER);
    match emulator.handle(at, &request).action {
        Action::Respond(response) => response,
        // No script of a simulation asks for anything else.
        _ => Response::default(),
    }
}

/// Requests that were sent, in rows of equal time.
fn schedule(sent: &[(f64, bool)], end: f64) -> Vec<ScheduleRow> {
    let width = end.max(0.001) / ROWS as f64;
    let mut rows: Vec<ScheduleRow> = (0..ROWS)
        .map(|row| ScheduleRow {
            from_s: row as f64 * width,
            ..ScheduleRow::default()
        })
        .collect();
    for (at, cancel) in sent {
        let row = &mut rows[((at / width) as usize).min(ROWS - 1)];
        match cancel {
            true => row.cancels += 1,
            false => row.looks += 1,
        }
    }
    rows
}

/// Answers that fail: a status, and its part of all answers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a status and a number")]
pub struct FailingPart {
    /// The status, from 400 to 599.
    pub status: StatusCode,
    /// Its part, from 0 to 1.
    pub part: f64,
}

impl FromStr for FailingPart {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (status, part) = text.split_once(':')?;
            let part = part.strip_suffix('%')?.parse::<f64>().ok()? / 100.0;
            let status = status.parse::<StatusCode>().ok()?;
            let fails = status.is_client_error() || status.is_server_error();
            ((0.0..=1.0).contains(&part) && fails).then_some(Self { status, part })
        };
        parse().ok_or("expected a status of 400 to 599 and a part of all answers, like 503:20%")
    }
}

/// Fates with their weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Fates(Vec<(u32, Fate)>);

impl Default for Fates {
    /// All are cancellable.
    fn default() -> Self {
        Self(vec![(1, Fate::Cancellable)])
    }
}

impl FromStr for Fates {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = |part: &str| {
            let (fate, weight) = part.trim().split_once(':')?;
            let fate = match fate {
                "cancellable" => Fate::Cancellable,
                "completes" => Fate::Completes {
                    after: Duration::ZERO,
                },
                "stuck" => Fate::Stuck,
                _ => return None,
            };
            let weight = weight.parse().ok().filter(|weight| *weight <= 1_000_000)?;
            Some((weight, fate))
        };
        let fates: Option<Vec<_>> = text.split(',').map(parse).collect();
        fates
            .filter(|fates| fates.len() <= 100 && fates.iter().any(|(weight, _)| *weight > 0))
            .map(Self)
            .ok_or("expected parts like cancellable:90,completes:5,stuck:5")
    }
}

impl Fates {
    /// The fate that a random number stands for, by weight.
    fn draw(&self, number: u64) -> Fate {
        let Self(fates) = self;
        let all: u64 = fates.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut left = number % all.max(1);
        for (weight, fate) in fates {
            match left.checked_sub(u64::from(*weight)) {
                None => return *fate,
                Some(rest) => left = rest,
            }
        }
        Fate::Cancellable
    }
}
