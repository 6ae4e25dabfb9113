//! Estimate of the time that a job will take, by running its scheduler on a virtual clock.

use std::time::Duration;

use countermand_core::{Call, OperationName, Reading};
use countermand_scheduler::{Scheduler, Ticket, simulate};
use http::{Request, Response};
use serde_json::{Map, Value, json};

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
        Ok(Self::longest(&Self::of_lanes(job, options)?))
    }

    /// The estimate of lanes that run side by side.
    #[must_use]
    pub fn longest(lanes: &[Self]) -> Self {
        let longest = lanes.iter().copied().reduce(|longest, lane| Self {
            last_cancel: longest.last_cancel.max(lane.last_cancel),
            last_verdict: longest.last_verdict.max(lane.last_verdict),
        });
        longest.unwrap_or_default()
    }

    /// The estimate of each lane, in their order. They run side by side ([`longest`](Self::longest)).
    ///
    /// # Errors
    /// The disk's.
    pub fn of_lanes(job: &Contents, options: Options) -> Result<Vec<Self>, JobError> {
        let (wall, uptime) = (now(), Uptime::now());
        let mut names = TakenUp::of(job, false)?;
        let mut estimates = Vec::new();
        for (lane, names) in names.lanes.iter_mut().enumerate() {
            if names.is_empty() {
                estimates.push(Self::default());
                continue;
            }
            let lane = (job.settings(), lane);
            let mut scheduler = scheduler(job, lane, options, wall, uptime.as_ref())?;
            for (name, phase) in names.drain(..).flatten() {
                scheduler.push(name, phase);
            }
            estimates.push(Self::of_scheduler(scheduler));
        }
        Ok(estimates)
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
    let looked_at = ticket.resource().operation();
    let body = match looked_at.filter(|_| ticket.call() == Call::Get) {
        // Every method that cancels may answer so.
        None => "{}".to_owned(),
        Some(name) => cancelled(name),
    };
    (LATENCY, Response::new(body))
}

/// The answer that shows an operation cancelled.
fn cancelled(name: &OperationName) -> String {
    let mut shown = Map::new();
    match name.pattern().reading {
        Reading::Operation => {
            shown.insert("name".to_owned(), name.relative().into());
            shown.insert("done".to_owned(), true.into());
            shown.insert("error".to_owned(), json!({"code": 1}));
        }
        Reading::State(state) => {
            state.write(
                &mut shown,
                name.relative(),
                state.cancelled.first().copied(),
            );
        }
    }
    Value::Object(shown).to_string()
}

#[cfg(test)]
mod tests {
    use countermand_core::{Operation, Phase, Service, Verdict};
    use countermand_scheduler::Quota;

    use super::*;

    /// A name of each pattern of all services.
    fn names() -> impl Iterator<Item = OperationName> {
        let services = Service::ids().filter_map(Service::named);
        services.flat_map(|service| {
            service.patterns.iter().map(move |pattern| {
                let text = pattern.to_string().replace("=**", "");
                let text = text.replace(['{', '}'], "");
                OperationName::parse(service, &text).expect("a name of its pattern")
            })
        })
    }

    /// An answer that is not read as cancelled would be asked for again, and make the estimate one of failures.
    #[test]
    fn what_works_is_read_as_cancelled_for_every_pattern() {
        for name in names() {
            let answer = Response::new(cancelled(&name));
            let read = Operation::read(name.clone(), &answer);
            let verdict = read.map(|operation| operation.verdict());
            assert_eq!(verdict.ok(), Some(Some(Verdict::Cancelled)), "{name}");
        }
    }

    #[test]
    fn a_cancel_that_works_at_once_takes_no_longer_for_one_pattern_than_for_another() {
        for name in names() {
            let mut scheduler = Scheduler::new(1).quota(Quota::of_service(name.service()));
            let looks = u32::from(name.pattern().has_get);
            scheduler.push(name.clone(), Phase::Unsent);
            let estimate = Estimate::of_scheduler(scheduler);
            assert_eq!(estimate.last_cancel, Duration::ZERO, "{name}");
            assert!(
                estimate.last_verdict < LATENCY * (1 + looks) * 2,
                "{name}: {estimate:?}"
            );
        }
    }
}
