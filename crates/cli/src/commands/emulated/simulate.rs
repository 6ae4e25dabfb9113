//! `countermand simulate`: when the last cancel would be sent, without a server or waiting.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{Call, OperationName, Phase, Rng, Service, Time, Verdict};
use countermand_emulator::{Action, BadInput, Config, Emulator};
use countermand_emulator::{NewOperation, NewParent, Script, ServerQuota};
use countermand_fleet::spell;
use countermand_scheduler::{Event, Scheduler, Ticket};
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use serde::Serialize;
use serde_json::json;

use crate::args::Global;
use crate::args::emulated::Simulate;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;

/// Time that the simulated server takes to answer.
const LATENCY: Duration = Duration::from_millis(100);

/// Validity of an operation, in seconds: none expires.
const VALID_FOR: u64 = 366 * 24 * 3600;

/// The token of the emulator; it opens nothing else.
const TOKEN: &str = "simulated";
const BEARER: HeaderValue = HeaderValue::from_static("Bearer simulated");

/// Rows of the plot, and the width of its longest bar.
const ROWS: usize = 16;
const WIDTH: u64 = 50;

pub(crate) fn run(global: &Global, options: &Simulate) -> Result<Exit, Failure> {
    let windows = options.window.with(options.phase)?;
    let own = options.budget.quota_for(global.meant);
    let quota = ServerQuota::from(options.server_quota.as_ref().unwrap_or(&own));
    let quota = quota.per_resource(own.get_per_resource());
    let simulation = simulate(options, global.meant, quota.kind(windows))
        .map_err(|problem| Failure::new(Exit::Failed, format!("cannot simulate: {problem}")))?;
    let text = if global.json {
        countermand_core::text::json_line(&simulation)
            .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?
    } else {
        simulation.text()
    };
    streams::print(&text);
    Ok(Exit::Done)
}

/// `countermand.simulation/1`; times are in seconds since the start.
#[derive(Debug, Serialize)]
struct Simulation {
    schema: &'static str,
    operations: u32,
    last_cancel_s: f64,
    last_verdict_s: f64,
    requests: u64,
    /// Of the requests, those refused for the quota.
    refused: u64,
    /// Of the requests, those that failed as was asked for.
    failed: u64,
    verdicts: BTreeMap<Verdict, u64>,
    errors: u64,
    schedule: Vec<Row>,
}

/// Requests that were sent from a time on, until the next row.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Row {
    from_s: f64,
    cancels: u64,
    looks: u64,
}

/// Runs it to its end, against an emulator on the same virtual clock.
fn simulate(
    options: &Simulate,
    service: &'static Service,
    quota: ServerQuota,
) -> Result<Simulation, String> {
    let mut emulator = emulator(options, service, quota).map_err(|error| error.to_string())?;
    let mut scheduler = Scheduler::new(options.seed)
        .quota(options.budget.quota_for(service))
        .in_flight(options.flight.in_flight);
    for truth in emulator.truth(Duration::ZERO) {
        let name = OperationName::parse(service, &truth.name);
        let name = name.map_err(|error| error.to_string())?;
        scheduler.push(name, Phase::Unsent);
    }
    scheduler.close();
    let mut simulation = Simulation {
        schema: "countermand.simulation/1",
        operations: options.operations,
        last_cancel_s: 0.0,
        last_verdict_s: 0.0,
        requests: 0,
        refused: 0,
        failed: 0,
        verdicts: BTreeMap::new(),
        errors: 0,
        schedule: Vec::new(),
    };
    let mut sent = Vec::new();
    let serve = |at: Duration, ticket: &Ticket, request: &Request<&'static str>| {
        sent.push((at.as_secs_f64(), ticket.call() == Call::Cancel));
        (LATENCY, answer(&mut emulator, at, request))
    };
    let tell = |at, event| simulation.note(at, event);
    let end = countermand_scheduler::simulate(&mut scheduler, Time::START, serve, tell)
        .ok_or("it waits for nothing")?;
    let last_cancel = scheduler.progress(end).last_cancel;
    simulation.last_cancel_s = last_cancel.map_or(0.0, |at| at.since_start().as_secs_f64());
    simulation.requests = sent.len() as u64;
    simulation.refused = emulator.quota(end.since_start()).refused;
    let answered = |status: StatusCode| {
        let answers = emulator.audit().iter();
        answers
            .filter(|row| row.status == Some(status.as_u16()))
            .count() as u64
    };
    simulation.failed = options.fail.map_or(0, |fail| match fail.status {
        StatusCode::TOO_MANY_REQUESTS => answered(fail.status) - simulation.refused,
        status => answered(status),
    });
    simulation.schedule = schedule(&sent, simulation.last_verdict_s);
    Ok(simulation)
}

/// The server, with its operations and their fates.
fn emulator(
    options: &Simulate,
    service: &'static Service,
    quota: ServerQuota,
) -> Result<Emulator, BadInput> {
    let faults = options.fail.iter().map(|fail| {
        let status = fail.status.as_u16();
        json!({"status": status, "probability": fail.part, "times": null})
    });
    let config = Config::default().service(service);
    let config = config.seed(options.seed).parents(0);
    let config = config.quota(quota).token(TOKEN);
    let mut emulator = Emulator::new(config.script(Script::from_value(faults.collect())?));
    let mut rng = Rng::new(options.seed);
    let mut left = options.operations;
    while left > 0 {
        let some = left.min(options.per_device);
        left -= some;
        let operations = (0..some).map(|_| {
            let fate = options.fates.draw(rng.next());
            NewOperation::new(fate).duration(VALID_FOR)
        });
        emulator.add(Duration::ZERO, NewParent::with(operations))?;
    }
    Ok(emulator)
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

impl Simulation {
    fn note(&mut self, elapsed: Duration, event: Event) {
        if let Event::Finished { result, .. } = event {
            self.last_verdict_s = elapsed.as_secs_f64();
            match result {
                Ok(outcome) => *self.verdicts.entry(outcome.verdict).or_default() += 1,
                Err(_) => self.errors += 1,
            }
        }
    }

    fn text(&self) -> String {
        let time = |seconds| spell(Duration::from_secs_f64(seconds));
        let mut verdicts: Vec<String> = self
            .verdicts
            .iter()
            .map(|(verdict, count)| format!("{count} {verdict}"))
            .collect();
        if self.errors > 0 {
            verdicts.push(format!("{} without a verdict", self.errors));
        }
        let mut text = format!(
            "{} operations: {}\n\
             last cancel   after {} ({:.1} s)\n\
             last verdict  after {} ({:.1} s)\n\
             requests      {}, {} refused for the quota, {} failed\n\n\
             {:>12}  cancels # and looks .\n",
            self.operations,
            verdicts.join(", "),
            time(self.last_cancel_s),
            self.last_cancel_s,
            time(self.last_verdict_s),
            self.last_verdict_s,
            self.requests,
            self.refused,
            self.failed,
            "from",
        );
        let most = self
            .schedule
            .iter()
            .map(|row| row.cancels + row.looks)
            .max();
        let most = most.unwrap_or(0).max(1);
        // A request too few for a whole mark is shown all the same.
        let bar = |count: u64, mark: &str| mark.repeat((count * WIDTH).div_ceil(most) as usize);
        for row in &self.schedule {
            let bars = bar(row.cancels, "#") + &bar(row.looks, ".");
            let sent = row.cancels + row.looks;
            text.push_str(&format!("{:>12}  {bars} {sent}\n", time(row.from_s)));
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// Requests that were sent, in rows of equal time.
fn schedule(sent: &[(f64, bool)], end: f64) -> Vec<Row> {
    let width = end.max(0.001) / ROWS as f64;
    let mut rows: Vec<Row> = (0..ROWS)
        .map(|row| Row {
            from_s: row as f64 * width,
            ..Row::default()
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
