//! Estimate of the time that a job will take, by running its scheduler on a virtual clock.

use std::time::Duration;

use countermand_core::Call;
use countermand_scheduler::{Scheduler, Ticket, simulate};
use http::{Request, Response};

use crate::clock::now;
use crate::schedule::{Options, TakenUp, scheduler};
use crate::store::{Contents, JobError, Uptime};

/// Times of the last cancel and of the last verdict, from the start of a run, if every cancel works
/// at once and no other process uses the job's share of the quota. No run is faster; a run in which
/// devices take their time is slower.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Estimate {
    /// Time until the last cancel is sent.
    pub last_cancel: Duration,
    /// Time until the last verdict is known.
    pub last_verdict: Duration,
}

/// Time that a server is assumed to need for an answer.
const LATENCY: Duration = Duration::from_millis(100);

impl Estimate {
    /// The estimate of the operations of a job that a run would take up, with the quota as it is now.
    ///
    /// # Errors
    /// The disk's.
    pub fn of(job: &Contents, options: Options) -> Result<Self, JobError> {
        let (wall, uptime) = (now(), Uptime::now());
        let mut names = TakenUp::of(job, false)?;
        let mut longest = Self::default();
        for (lane, names) in names.lanes.iter_mut().enumerate() {
            if names.is_empty() {
                continue;
            }
            let mut scheduler = scheduler(job, lane, options, wall, uptime.as_ref())?;
            for (name, phase) in names.drain(..) {
                scheduler.push(name, phase);
            }
            let lane = Self::of_scheduler(scheduler);
            longest.last_cancel = longest.last_cancel.max(lane.last_cancel);
            longest.last_verdict = longest.last_verdict.max(lane.last_verdict);
        }
        Ok(longest)
    }

    fn of_scheduler(mut scheduler: Scheduler) -> Self {
        scheduler.close();
        let start = countermand::hyper::monotonic_now();
        let end = simulate(&mut scheduler, start, works, |_, _| {}).unwrap_or(start);
        let last_cancel = scheduler.progress(end).last_cancel.unwrap_or(start);
        Self {
            last_cancel: (last_cancel - start),
            last_verdict: end - start,
        }
    }
}

fn works(_: Duration, ticket: &Ticket, _: &Request<&'static str>) -> (Duration, Response<String>) {
    let body = match ticket.call() {
        Call::Cancel => "{}".to_owned(),
        _ => {
            let name = serde_json::Value::from(ticket.resource().as_str());
            format!(r#"{{"name":{name},"done":true,"error":{{"code":1}}}}"#)
        }
    };
    (LATENCY, Response::new(body))
}
