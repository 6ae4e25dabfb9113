//! How many rows have come how far, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use countermand_core::Timestamp;
use serde::Serialize;

use super::state::State;
use super::summary::{Summary, optional_time};
use crate::{Finding, Row};

/// The rows of a job, counted. `rows` is how many operations went in; `states` add up to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// All of them.
    pub rows: u64,
    /// By what is known of them; what does not occur is absent.
    pub states: BTreeMap<State, u64>,
    /// Those of which another run may find out more.
    pub again: u64,
    /// When the first cancel of all left.
    #[serde(serialize_with = "optional_time")]
    pub first_asked: Option<Timestamp>,
    /// When the last operation's first cancel left.
    #[serde(serialize_with = "optional_time")]
    pub last_asked: Option<Timestamp>,
    /// When the last verdict that says an end was found out.
    #[serde(serialize_with = "optional_time")]
    pub last_known: Option<Timestamp>,
}

impl Counts {
    /// Takes in a row.
    pub fn add(&mut self, row: &Row) {
        let state = State::of(row);
        self.rows += 1;
        let finding = row.standing.finding.as_ref();
        self.again += u64::from(finding.is_none_or(Finding::is_worth_again));
        *self.states.entry(state).or_default() += 1;
        if let Some(asked) = row.standing.asked {
            self.first_asked = Some(self.first_asked.map_or(asked, |first| first.min(asked)));
            self.last_asked = self.last_asked.max(Some(asked));
        }
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

    /// From the start of the first run (of the first cancel, if no run is known) until the last
    /// operation's first cancel left: the figure that decides about devices. `None` before any
    /// cancel; while some are unsent it still grows.
    #[must_use]
    pub fn time_to_last_cancel(&self, summary: &Summary) -> Option<Duration> {
        self.time_to(self.last_asked, summary)
    }

    /// From the same start until the last verdict was known.
    #[must_use]
    pub fn time_to_last_verdict(&self, summary: &Summary) -> Option<Duration> {
        self.time_to(self.last_known, summary)
    }

    fn time_to(&self, end: Option<Timestamp>, summary: &Summary) -> Option<Duration> {
        let began = summary.runs.iter().map(|run| run.begun).min();
        Some(end?.since(began.or(self.first_asked)?))
    }
}

/// When the end of a row was known, if it is: of `Completed`, `Gone`, `Failed`, `Expired` and
/// `Cancelled`.
pub(super) fn known(row: &Row) -> Option<Timestamp> {
    let finding = row.standing.finding.as_ref()?;
    finding
        .verdict
        .filter(|verdict| !State::from(*verdict).is_open())
        .map(|_| finding.at)
}
