//! How many rows have come how far, and when.

use std::collections::BTreeMap;

use countermand_core::{Phase, Timestamp};
use serde::Serialize;

use crate::job_row::{JobRow, Resolution};
use crate::state::State;

/// The rows of a job, counted. `rows` is how many operations went in; `states` add up to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// All of them.
    pub rows: u64,
    /// By what is known of them; what does not occur is absent.
    pub states: BTreeMap<State, u64>,
    /// Those that the next run takes up.
    pub again: u64,
    /// Those with an error after which the next run leaves them alone, by the word of the error.
    pub left_alone: BTreeMap<&'static str, u64>,
    /// Those that a rescue leaves alone because it had its `--max` operations before them.
    pub beyond_max: u64,
    /// Those of `again` with an error that are surely not cancelled: each cancel was refused.
    pub surely_not_cancelled: u64,
    /// The time at which the first cancel of all left.
    pub first_cancel_sent_at: Option<Timestamp>,
    /// The time at which the last cancel of all left.
    pub last_cancel_sent_at: Option<Timestamp>,
    /// The time of the last verdict that says an end.
    pub last_known: Option<Timestamp>,
}

impl Counts {
    /// Takes in a row.
    pub fn add(&mut self, row: &JobRow) {
        let state = State::of(row);
        self.rows += 1;
        let resolution = row.progress.resolution.as_ref();
        let taken_up = row.taken_up(false).is_some();
        self.again += u64::from(taken_up);
        self.beyond_max += u64::from(row.beyond_max);
        if let (State::Error, Some(facts)) = (state, resolution.and_then(Resolution::error_facts)) {
            let accepted = row.progress.phase == Phase::Accepted;
            match taken_up {
                _ if row.beyond_max => {}
                true if accepted || facts.maybe_delivered => {}
                true => self.surely_not_cancelled += 1,
                false => *self.left_alone.entry(facts.key.as_str()).or_default() += 1,
            }
        }
        *self.states.entry(state).or_default() += 1;
        if let Some(at) = row.progress.cancel_sent_at {
            self.first_cancel_sent_at =
                Some(self.first_cancel_sent_at.map_or(at, |first| first.min(at)));
        }
        self.last_cancel_sent_at = self
            .last_cancel_sent_at
            .max(row.progress.last_cancel_sent_at);
        self.last_known = self.last_known.max(known(row));
    }

    /// How many are in this state.
    #[must_use]
    pub fn of(&self, state: State) -> u64 {
        self.states.get(&state).copied().unwrap_or_default()
    }

    /// How many have no end that is known; [`again`](Self::again) of them can be gone on with.
    #[must_use]
    pub fn open(&self) -> u64 {
        let states = self.states.iter();
        states
            .filter(|(state, _)| state.is_open())
            .map(|(_, count)| count)
            .sum()
    }
}

/// When the end of a row was known, if it is: of `Completed`, `Gone`, `Failed`, `Expired` and
/// `Cancelled`.
pub(crate) fn known(row: &JobRow) -> Option<Timestamp> {
    let resolution = row.progress.resolution.as_ref()?;
    resolution
        .verdict
        .filter(|verdict| !State::from(*verdict).is_open())
        .map(|_| resolution.at)
}
