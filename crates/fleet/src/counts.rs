//! Operations of a job, counted by how far they have come.

use std::collections::BTreeMap;
use std::fmt::Write;

use countermand_core::{Phase, Timestamp};
use serde::{Deserialize, Serialize};

use crate::job_row::{JobRow, Resolution};
use crate::row_state::RowState;
use crate::spell::{counted, grouped};

/// The rows of a job, counted. `rows` is the number of operations; `states` add up to it.
///
/// A job file keeps its counts, as the JSON that this serialises to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Counts {
    /// All of them.
    pub rows: u64,
    /// Numbers by state; a state that does not occur is absent.
    pub states: BTreeMap<RowState, u64>,
    /// Those that are done by the word of the input alone ([`JobRow::from_input`]), by state; what
    /// does not occur is absent.
    pub from_input: BTreeMap<RowState, u64>,
    /// Those that the next run takes up.
    pub again: u64,
    /// Those whose cancel was accepted, and whose service has no method that shows them
    /// ([`JobRow::is_unverifiable`]): no run tells more.
    pub unverifiable: u64,
    /// Those with an error after which the next run leaves them alone, by the word of the error.
    pub left_alone: BTreeMap<String, u64>,
    /// Those that a rescue leaves alone because it had its `--max` operations before them.
    pub beyond_max: u64,
    /// Those of `again` with an error that are surely not cancelled: no cancel was sent, or each was refused.
    pub surely_not_cancelled: u64,
    /// Those of which a cancel was sent: a fact.
    pub cancels_sent: u64,
    /// Those of which a cancel was about to be sent, and it is not known whether it was.
    pub cancels_maybe_sent: u64,
    /// Those of which the server has accepted a cancel.
    pub cancels_accepted: u64,
    /// Those with a verdict or an error.
    pub resolved: u64,
    /// Requests for operations that left or may have left, over all runs.
    pub attempts: u64,
    /// The time at which the first cancel of all left.
    pub first_cancel_sent_at: Option<Timestamp>,
    /// The time at which the last operation of all was asked to cancel
    /// ([`OperationProgress::asked_at`](crate::OperationProgress::asked_at)).
    pub last_cancel_sent_at: Option<Timestamp>,
    /// The time of the last verdict that says an end.
    pub last_known: Option<Timestamp>,
}

impl Counts {
    /// Takes in a row.
    pub fn add(&mut self, row: &JobRow) {
        self.change(row, |count, by| *count += by);
        let progress = &row.progress;
        let first = self.first_cancel_sent_at.into_iter();
        self.first_cancel_sent_at = first.chain(progress.cancel_sent_at).min();
        self.last_cancel_sent_at = self.last_cancel_sent_at.max(progress.asked_at());
        self.last_known = self.last_known.max(known(row));
    }

    /// Takes a row out again. The times stay: that of a cancel that left is never taken back, and of
    /// an end that turns out to be none ([`known`]) the caller takes care.
    pub(crate) fn remove(&mut self, row: &JobRow) {
        self.change(row, |count, by| *count = count.saturating_sub(by));
        self.states.retain(|_, count| *count > 0);
        self.from_input.retain(|_, count| *count > 0);
        self.left_alone.retain(|_, count| *count > 0);
    }

    /// Changes each count that a row is in.
    fn change(&mut self, row: &JobRow, change: impl Fn(&mut u64, u64)) {
        let (state, progress) = (RowState::of(row), &row.progress);
        let (accepted, sent) = (
            progress.phase == Phase::Accepted,
            progress.cancel_sent_at.is_some(),
        );
        let maybe_sent = progress.phase == Phase::MaybeSent && !sent;
        let taken_up = row.taken_up(false).is_some();
        change(&mut self.rows, 1);
        change(self.states.entry(state).or_default(), 1);
        if row.from_input() {
            change(self.from_input.entry(state).or_default(), 1);
        }
        change(&mut self.again, taken_up.into());
        change(&mut self.unverifiable, row.is_unverifiable().into());
        change(&mut self.beyond_max, row.beyond_max.into());
        change(&mut self.cancels_sent, sent.into());
        change(&mut self.cancels_maybe_sent, maybe_sent.into());
        change(&mut self.cancels_accepted, accepted.into());
        change(&mut self.resolved, progress.resolution.is_some().into());
        change(&mut self.attempts, progress.attempts.into());
        let resolution = progress.resolution.as_ref();
        if let (RowState::Error, false) = (state, row.beyond_max)
            && let Some(facts) = resolution.and_then(Resolution::error_facts)
        {
            match taken_up {
                true if accepted || facts.maybe_delivered => {}
                true => change(&mut self.surely_not_cancelled, 1),
                false => {
                    let word = facts.key.as_str().to_owned();
                    change(self.left_alone.entry(word).or_default(), 1);
                }
            }
        }
    }

    /// Takes in the counts of other rows.
    pub(crate) fn merge(&mut self, more: &Self) {
        fn add<K: Ord + Clone>(all: &mut BTreeMap<K, u64>, more: &BTreeMap<K, u64>) {
            for (key, count) in more {
                *all.entry(key.clone()).or_default() += count;
            }
        }
        // Each of them, so that a new count is not forgotten.
        let Self {
            rows,
            states,
            from_input,
            again,
            unverifiable,
            left_alone,
            beyond_max,
            surely_not_cancelled,
            cancels_sent,
            cancels_maybe_sent,
            cancels_accepted,
            resolved,
            attempts,
            first_cancel_sent_at,
            last_cancel_sent_at,
            last_known,
        } = more;
        self.rows += rows;
        add(&mut self.states, states);
        add(&mut self.from_input, from_input);
        self.again += again;
        self.unverifiable += unverifiable;
        add(&mut self.left_alone, left_alone);
        self.beyond_max += beyond_max;
        self.surely_not_cancelled += surely_not_cancelled;
        self.cancels_sent += cancels_sent;
        self.cancels_maybe_sent += cancels_maybe_sent;
        self.cancels_accepted += cancels_accepted;
        self.resolved += resolved;
        self.attempts += attempts;
        let first = self.first_cancel_sent_at.into_iter();
        self.first_cancel_sent_at = first.chain(*first_cancel_sent_at).min();
        self.last_cancel_sent_at = self.last_cancel_sent_at.max(*last_cancel_sent_at);
        self.last_known = self.last_known.max(*last_known);
    }

    /// The number in this state.
    #[must_use]
    pub fn of(&self, state: RowState) -> u64 {
        self.states.get(&state).copied().unwrap_or_default()
    }

    /// The number in this state that rests on the word of the input alone.
    #[must_use]
    pub fn of_input(&self, state: RowState) -> u64 {
        self.from_input.get(&state).copied().unwrap_or_default()
    }

    /// Those without an end that is known; [`again`](Self::again) of them can be gone on with.
    #[must_use]
    pub fn open(&self) -> u64 {
        let states = self.states.iter();
        states
            .filter(|(state, _)| state.is_open())
            .map(|(_, count)| count)
            .sum()
    }
}

/// The time at which an answer told the end of a row, if one did: of `Completed`, `Gone`, `Failed`,
/// `Expired` and `Cancelled`.
pub(crate) fn known(row: &JobRow) -> Option<Timestamp> {
    if row.from_input() {
        return None;
    }
    let resolution = row.progress.resolution.as_ref()?;
    resolution
        .verdict
        .filter(|verdict| !RowState::from(*verdict).is_open())
        .map(|_| resolution.at)
}

impl Counts {
    /// `5,000 operations: 3 completed anyway, 5 pending, 4,992 cancelled`: one line without a full
    /// stop, the worst news first.
    #[must_use]
    pub fn sentence(&self) -> String {
        let mut text = counted(self.rows, "operation");
        if !self.states.is_empty() {
            let _ = write!(text, ": {}", listed(&self.states));
        }
        text
    }

    /// Those that rest on the word of the input alone.
    #[must_use]
    pub fn all_of_input(&self) -> u64 {
        self.from_input.values().sum()
    }

    /// `2 done according to the input (1 completed anyway, 1 cancelled): nothing is sent, …`;
    /// `None` where there are none.
    #[must_use]
    pub fn input_sentence(&self) -> Option<String> {
        input_sentence(&self.from_input)
    }
}

/// [`Counts::input_sentence`] of these.
pub(crate) fn input_sentence(from_input: &BTreeMap<RowState, u64>) -> Option<String> {
    let done: u64 = from_input.values().sum();
    (done > 0).then(|| {
        format!(
            "{} done according to the input ({}): nothing is sent, the server is not asked, and that is no proof",
            grouped(done),
            listed(from_input)
        )
    })
}

/// `1 completed anyway, 3 cancelled`.
fn listed(states: &BTreeMap<RowState, u64>) -> String {
    let parts = states.iter().map(|(state, count)| {
        let words = match state {
            RowState::Completed => "completed anyway",
            RowState::Error => "without a verdict",
            state => state.as_str(),
        };
        format!("{} {words}", grouped(*count))
    });
    parts.collect::<Vec<_>>().join(", ")
}
