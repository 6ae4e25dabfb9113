//! Summary of a job, in a few counts.

use std::collections::BTreeMap;
use std::time::Duration;

use countermand_core::{GrandparentName, OperationName, Timestamp, words};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::already_done::AlreadyDone;
use crate::counts::input_sentence;
use crate::not_searched::NotSearched;
use crate::row_state::RowState;
use crate::spell::{grouped, no_method};
use crate::store::{Contents, Digest, JobError, Settings};

/// Number of names that a summary has.
const FIRST: usize = 5;

/// The operations of a job, counted by what an operator looks at before they are cancelled.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlanSummary {
    /// The settings of the job.
    #[serde(flatten, serialize_with = "told")]
    pub settings: Settings,
    /// The time at which it was made.
    #[serde(skip)]
    pub created: Timestamp,
    /// The digest of a plan.
    pub digest: Option<Digest>,
    /// Number of operations.
    pub operations: u64,
    /// Operations that the search has seen, that are meant, and that were done before.
    pub already_done: AlreadyDone,
    /// Operations that no list of the search has.
    pub not_searched: NotSearched,
    /// Number of names that came again.
    pub duplicates: u64,
    /// Those that the next run takes up.
    pub to_cancel: u64,
    /// Those of `to_cancel` of which no request tells what became of them: their service has no method for that.
    pub unverifiable: u64,
    /// All of them in a sentence, by state.
    #[serde(skip)]
    pub standing: String,
    /// Those that are done according to the input, by state: nothing will be sent for them.
    pub from_input: BTreeMap<RowState, u64>,
    /// Numbers by the type of the command; `None` for those whose type is not known.
    #[serde(serialize_with = "by_word")]
    pub types: BTreeMap<Option<String>, u64>,
    /// Numbers by enterprise; of a rescue also those where nothing was found yet.
    pub enterprises: BTreeMap<GrandparentName, u64>,
    /// Numbers by age when the job was made.
    pub ages: BTreeMap<Age, u64>,
    /// The first names of those that the next run takes up.
    pub first: Vec<OperationName>,
}

words! {
    /// Rough age of an operation.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[expect(
        clippy::exhaustive_enums,
        reason = "together they are every age that there is"
    )]
    pub enum Age {
        /// Less than ten minutes: the time for which a command is valid by default.
        Minutes = "under_10_min",
        /// Less than an hour.
        Hour = "under_1_h",
        /// Less than a day.
        Day = "under_1_d",
        /// A day or more.
        Older = "older",
        /// The server has not said when it was created, or only the name is known.
        Unknown = "unknown",
    }
}

impl Age {
    /// The age of an operation that was created then.
    #[must_use]
    pub fn of(created: Option<Timestamp>, now: Timestamp) -> Self {
        const MINUTE: Duration = Duration::from_secs(60);
        let Some(created) = created else {
            return Self::Unknown;
        };
        match now.since(created) {
            age if age < 10 * MINUTE => Self::Minutes,
            age if age < 60 * MINUTE => Self::Hour,
            age if age < 24 * 60 * MINUTE => Self::Day,
            _ => Self::Older,
        }
    }
}

/// Of the settings, those that a plan tells: its service, if it is one, and the filter of the server.
fn told<S: Serializer>(settings: &Settings, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    let only = settings.services().only();
    map.serialize_entry("service", &only.map(|only| only.id))?;
    map.serialize_entry("server_filter", &settings.filter.server_side)?;
    map.end()
}

/// Counts by type, with `unknown` in place of none.
fn by_word<S: Serializer>(
    types: &BTreeMap<Option<String>, u64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let types = types.iter();
    serializer.collect_map(types.map(|(kind, count)| (kind.as_deref().unwrap_or("unknown"), count)))
}

impl PlanSummary {
    /// A warning of those that cannot be proven, a line; `None` where each can.
    #[must_use]
    pub fn unverifiable_sentence(&self) -> Option<String> {
        let of = match self.unverifiable {
            0 => return None,
            count if count == self.to_cancel => "their end".to_owned(),
            count => format!("the end of {} of them", grouped(count)),
        };
        let reason = no_method(&self.settings.services());
        Some(format!(
            "WARNING: {of} cannot be proven: {reason}, and an accepted cancel is all there will be"
        ))
    }

    /// `2 done according to the input (1 completed anyway, 1 cancelled): …`; `None` where there are
    /// none.
    #[must_use]
    pub fn input_sentence(&self) -> Option<String> {
        input_sentence(&self.from_input)
    }

    /// The summary of a job. Reads every row.
    ///
    /// # Errors
    /// The disk's.
    pub fn of(job: &Contents) -> Result<Self, JobError> {
        let counts = job.counts();
        let mut summary = Self {
            settings: job.settings().clone(),
            created: job.created(),
            digest: job.digest(),
            operations: job.operations(),
            already_done: job.already_done()?,
            not_searched: job.not_searched()?,
            duplicates: job.duplicates(),
            to_cancel: counts.again,
            unverifiable: 0,
            standing: counts.sentence(),
            from_input: counts.from_input.clone(),
            types: BTreeMap::new(),
            enterprises: job.enterprises()?,
            ages: BTreeMap::new(),
            first: Vec::new(),
        };
        for row in job.rows() {
            let row = row?;
            let taken_up = row.taken_up(false).is_some();
            summary.unverifiable += u64::from(taken_up && !row.can_be_looked_at());
            let target = row.target;
            if taken_up && summary.first.len() < FIRST {
                summary.first.push(target.name.clone());
            }
            let age = Age::of(target.command.create_time, job.created());
            *summary.types.entry(target.command.kind).or_default() += 1;
            *summary.ages.entry(age).or_default() += 1;
        }
        Ok(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_end_where_they_say() {
        let now = Timestamp::from_unix_millis(100_000_000);
        for (seconds, expected) in [
            (0, Age::Minutes),
            (599, Age::Minutes),
            (600, Age::Hour),
            (3599, Age::Hour),
            (3600, Age::Day),
            (86_399, Age::Day),
            (86_400, Age::Older),
            // By a clock that is ahead of ours.
            (-60, Age::Minutes),
        ] {
            let created = Timestamp::from_unix_millis(100_000_000 - 1000 * seconds);
            assert_eq!(Age::of(Some(created), now), expected, "{seconds} s");
        }
        assert_eq!(Age::of(None, now), Age::Unknown);
    }
}
