//! The rows of a job: operations, and the progress of each.

use std::sync::Arc;

use countermand_core::{
    Error, ErrorFacts, Metadata, OperationName, Outcome, Phase, Timestamp, Verdict,
};
use serde::Serialize;
use serde_json::Value;

/// An operation to be cancelled, with the facts known when it was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a program that has names of its own makes them"
)]
pub struct Target {
    /// Its name.
    pub name: OperationName,
    /// The metadata that the server told; empty where only the name is known.
    pub command: Metadata,
    /// The time of the device's last report, if that is known.
    pub device_seen: Option<Timestamp>,
}

/// One row of a job: an operation and its outcome so far.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct JobRow {
    /// Its place in the order of sending, from 1.
    pub position: u64,
    /// The operation as it was planned.
    pub target: Target,
    /// Its progress.
    pub progress: OperationProgress,
    /// A rescue had its `--max` operations before this one, and leaves it alone.
    pub beyond_max: bool,
    /// The name of its lane; `None` in a job whose lanes have no names.
    pub lane: Option<Arc<str>>,
    /// The job file, where several are read together.
    pub job: Option<Arc<str>>,
}

/// The progress of an operation.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct OperationProgress {
    /// The phase of its cancellation.
    pub phase: Phase,
    /// Requests for it that left or may have left, of every kind, over all runs.
    pub attempts: u32,
    /// The time at which the first cancel left that is known to have left.
    pub cancel_sent_at: Option<Timestamp>,
    /// The time at which the first cancel left that was not refused, and so may have been delivered.
    pub maybe_delivered_at: Option<Timestamp>,
    /// The time at which the server first accepted one.
    pub accepted_at: Option<Timestamp>,
    /// The result of a run; a later run may find out more.
    pub resolution: Option<Resolution>,
}

/// The result of a run for an operation.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Resolution {
    /// The time of it, by this machine's clock.
    pub at: Timestamp,
    /// The verdict; `None` where there is only an error.
    pub verdict: Option<Verdict>,
    /// The JSON of the [`countermand_core::Operation`] that was read last, without secrets.
    pub operation: Option<Value>,
    /// The error that kept more from being known: the JSON of a [`countermand_core::Error`].
    pub error: Option<Value>,
    /// True if the device still has a record, where that was looked for.
    pub parent_exists: Option<bool>,
    /// SHA-256 of the answer that the verdict rests on, byte for byte.
    pub body_sha256: Option<[u8; 32]>,
}

impl OperationProgress {
    /// The time from which on the operation counts as asked to cancel: the server first accepted a cancel, or, where none
    /// is known to be accepted, the first one left that may have been delivered. Later cancels do not move it.
    #[must_use]
    pub fn asked_at(&self) -> Option<Timestamp> {
        self.accepted_at.max(self.maybe_delivered_at)
    }
}

impl Target {
    /// An operation of which only the name is known.
    #[must_use]
    pub fn new(name: OperationName) -> Self {
        Self {
            name,
            command: Metadata::default(),
            device_seen: None,
        }
    }

    /// True if the server has told of it: its time of creation, or a device that was listed, is known from
    /// nothing else.
    #[must_use]
    pub const fn was_told(&self) -> bool {
        self.command.create_time.is_some() || self.device_seen.is_some()
    }
}

impl JobRow {
    /// An operation of which nothing was asked yet.
    #[must_use]
    pub fn new(position: u64, target: Target) -> Self {
        Self {
            position,
            target,
            progress: OperationProgress::default(),
            beyond_max: false,
            lane: None,
            job: None,
        }
    }
}

impl JobRow {
    /// True if its end was given by the input of the plan: the server was never asked about it.
    #[must_use]
    pub fn from_input(&self) -> bool {
        let OperationProgress {
            phase,
            attempts,
            resolution,
            ..
        } = &self.progress;
        let settled = resolution.as_ref().is_some_and(Resolution::is_settled);
        settled && *attempts == 0 && *phase == Phase::Unsent
    }

    /// True if the server accepted its cancel and the service has no method that shows what became of it: no request
    /// tells more, so that this is its end.
    #[must_use]
    pub fn is_unverifiable(&self) -> bool {
        self.progress.phase == Phase::Accepted && !self.can_be_looked_at()
    }

    /// True if its service has a method that shows it.
    pub(crate) fn can_be_looked_at(&self) -> bool {
        self.target.name.pattern().has_get
    }

    /// True if a recheck would look at it, and its service has no method for that.
    pub(crate) fn cannot_be_rechecked(&self) -> bool {
        let progress = &self.progress;
        let resolution = progress.resolution.as_ref();
        let asked = progress.phase != Phase::Unsent
            || resolution.is_some_and(Resolution::may_have_been_asked);
        let settled = resolution.is_some_and(Resolution::is_settled);
        asked && !settled && !self.can_be_looked_at()
    }

    /// The phase from which the next run takes it up; `None` if it leaves the operation alone. A
    /// `recheck` only looks.
    #[must_use]
    pub fn taken_up(&self, recheck: bool) -> Option<Phase> {
        let progress = &self.progress;
        if recheck && !self.can_be_looked_at() {
            return None;
        }
        if self.is_unverifiable() {
            return progress.resolution.is_none().then_some(Phase::Accepted);
        }
        if self.beyond_max && !recheck {
            return None;
        }
        let Some(resolution) = &progress.resolution else {
            return match recheck {
                true => (progress.phase != Phase::Unsent).then_some(Phase::Accepted),
                false => Some(progress.phase),
            };
        };
        if resolution.is_settled() {
            return None;
        }
        if recheck {
            return resolution.may_have_been_asked().then_some(Phase::Accepted);
        }
        match resolution.verdict {
            // Asked again: repeating is harmless, a command that is not cancelled is not.
            Some(Verdict::Pending | Verdict::Unverified) => Some(Phase::MaybeSent),
            // A look could tell more, a cancel could not.
            Some(_) => None,
            None if resolution.is_worth_again() => Some(match progress.phase {
                Phase::Unsent => Phase::Unsent,
                Phase::MaybeSent | Phase::Accepted => Phase::MaybeSent,
            }),
            None => None,
        }
    }
}

impl Resolution {
    /// A verdict, or none, at a time; the rest is empty.
    #[must_use]
    pub const fn new(at: Timestamp, verdict: Option<Verdict>) -> Self {
        Self {
            at,
            verdict,
            operation: None,
            error: None,
            parent_exists: None,
            body_sha256: None,
        }
    }

    /// The result of a countermand, without a hash of the answer that it rests on.
    #[must_use]
    pub fn of(at: Timestamp, result: &Result<Outcome, Error>) -> Self {
        let new = Self::new(at, None);
        match result {
            Ok(outcome) => Self {
                verdict: Some(outcome.verdict),
                operation: outcome.operation.as_ref().and_then(json),
                error: outcome.error.as_ref().and_then(json),
                parent_exists: outcome.parent_exists,
                ..new
            },
            Err(error) => Self {
                error: json(error),
                parent_exists: error.parent_exists(),
                ..new
            },
        }
    }

    /// Facts of its error on which decisions depend; `None` also if a later version wrote a word
    /// that this one does not know.
    #[must_use]
    pub fn error_facts(&self) -> Option<ErrorFacts> {
        ErrorFacts::stored(self.error.as_ref()?)
    }

    /// True if the operation may be on its way to cancelled.
    #[must_use]
    pub fn may_have_been_asked(&self) -> bool {
        let facts = self.error_facts();
        self.verdict.is_some() || facts.is_some_and(|facts| facts.maybe_delivered)
    }

    /// True if the next run may do better, perhaps after something was set right.
    #[must_use]
    pub fn is_worth_again(&self) -> bool {
        match self.verdict {
            Some(Verdict::Pending | Verdict::Unverified) => true,
            Some(
                Verdict::Cancelled
                | Verdict::Completed
                | Verdict::Failed
                | Verdict::Expired
                | Verdict::Gone,
            ) => false,
            None => self.error_facts().is_none_or(ErrorFacts::is_worth_again),
        }
    }

    /// True where it stands although `new` was found out later: a verdict is not replaced by an error,
    /// and what is settled stays.
    pub(crate) fn outweighs(&self, new: &Self) -> bool {
        self.weight() > new.weight() || self.is_settled()
    }

    /// Its weight as evidence.
    fn weight(&self) -> u8 {
        match self.verdict {
            Some(verdict) if verdict.is_final() => 2,
            Some(_) => 1,
            None => 0,
        }
    }

    /// True if it is settled, so that another request would change nothing.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.verdict.is_some_and(Verdict::is_final)
    }
}

/// The JSON of something that is made of names, words and numbers, so that it has one.
fn json(value: &impl Serialize) -> Option<Value> {
    serde_json::to_value(value).ok()
}

#[cfg(test)]
mod tests {
    use countermand_core::Service;

    use super::*;

    #[test]
    fn what_no_method_shows_is_cancelled_and_never_looked_at() {
        for (service, is_shown) in [("container.v1", false), ("documentai.v1", true)] {
            let service = Service::named(service).unwrap();
            let name = "projects/p/locations/l/operations/1";
            let name = OperationName::parse(service, name).unwrap();
            let of = |phase, resolution| {
                let mut row = JobRow::new(0, Target::new(name.clone()));
                (row.progress.phase, row.progress.resolution) = (phase, resolution);
                (row.taken_up(false), row.taken_up(true))
            };
            let looked = is_shown.then_some(Phase::Accepted);
            assert_eq!(of(Phase::Unsent, None), (Some(Phase::Unsent), None));
            for phase in [Phase::MaybeSent, Phase::Accepted] {
                assert_eq!(of(phase, None), (Some(phase), looked));
            }
            let at = Timestamp::from_unix_millis(0);
            let unverified = Some(Resolution::new(at, Some(Verdict::Unverified)));
            let again = is_shown.then_some(Phase::MaybeSent);
            assert_eq!(of(Phase::Accepted, unverified), (again, looked));
        }
    }
}
