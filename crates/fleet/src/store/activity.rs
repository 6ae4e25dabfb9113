//! The use that is made of a job file: applied now, or how the latest run ended.

use std::fmt;

use super::contents::{Contents, PastRun};
use super::error::JobError;
use super::lock_owner::LockOwner;
use super::view::View;

/// The use that is made of a job file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a reader tells each of them")]
pub enum Activity {
    /// No run has begun, and no process has the file.
    Idle,
    /// A process has the file.
    Applied(Option<LockOwner>),
    /// The latest run has recorded its end.
    Ended(PastRun),
    /// The latest run has recorded no end, and no process has the file.
    EndUnknown(PastRun),
}

impl View {
    /// The use that is made of the file at the moment that this view shows; goes on to the latest
    /// state before.
    ///
    /// # Errors
    /// The disk's.
    pub fn activity(&mut self) -> Result<Activity, JobError> {
        let mut applied = self.is_applied();
        // A run that ends between the two would look like one that was killed.
        for _ in 0..10 {
            self.refresh()?;
            let then = std::mem::replace(&mut applied, self.is_applied());
            if then == applied {
                break;
            }
        }
        Activity::of(self, applied)
    }
}

impl Activity {
    fn of(job: &Contents, applied: bool) -> Result<Self, JobError> {
        let run = job.runs().last().transpose()?;
        if applied {
            return Ok(Self::Applied(job.holder()?));
        }
        Ok(match run {
            None => Self::Idle,
            Some(run) if run.ended.is_some() => Self::Ended(run),
            Some(run) => Self::EndUnknown(run),
        })
    }

    /// Of several files the one that has most to tell: applied, else ended without a record of it, else ended.
    pub(crate) fn busiest(all: impl IntoIterator<Item = Self>) -> Self {
        let rank = |activity: &Self| match activity {
            Self::Idle => 0,
            Self::Ended(_) => 1,
            Self::EndUnknown(_) => 2,
            Self::Applied(_) => 3,
        };
        all.into_iter().max_by_key(rank).unwrap_or(Self::Idle)
    }

    /// The process that has the file now.
    #[must_use]
    pub const fn holder(&self) -> Option<&LockOwner> {
        match self {
            Self::Applied(holder) => holder.as_ref(),
            _ => None,
        }
    }

    /// A process has the file now.
    #[must_use]
    pub const fn is_applied(&self) -> bool {
        matches!(self, Self::Applied(_))
    }

    /// The word for it: `idle`, `applied`, `ended`, `end_unknown`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Applied(_) => "applied",
            Self::Ended(_) => "ended",
            Self::EndUnknown(_) => "end_unknown",
        }
    }
}

/// A sentence for an operator.
impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle => f.write_str("Never applied so far."),
            Self::Applied(holder) => {
                f.write_str("Applied by ")?;
                match holder {
                    Some(holder) => holder.fmt(f)?,
                    None => f.write_str("a process")?,
                }
                f.write_str(", which is alive: nothing else has to be started.")
            }
            Self::Ended(run) => {
                write!(f, "Not applied now: the latest run ended")?;
                if let Some(ended) = run.ended {
                    write!(f, " at {ended}")?;
                }
                match &run.how {
                    Some(how) => write!(f, ": {how}."),
                    None => f.write_str("."),
                }
            }
            Self::EndUnknown(run) => write!(
                f,
                "Not applied now: the latest run, of process {} on {} since {}, has recorded no end: it was \
                 killed, or its end could not be written.",
                run.pid, run.host, run.begun
            ),
        }
    }
}
