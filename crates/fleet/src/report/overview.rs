//! What has to be known of all rows before the first one is shown.

use std::collections::BTreeMap;

use crate::counts::{Counts, known};
use crate::job_row::JobRow;
use crate::state::State;

/// The counts, the rows of devices that may act, and when what happened.
///
/// Takes 16 bytes a row, and keeps at most [`Overview::KEPT`] rows of each state.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Overview {
    /// All rows, counted.
    pub counts: Counts,
    /// The first rows of each state in which the device may have acted or still may
    /// ([`State::may_execute`]).
    pub listed: BTreeMap<State, Vec<JobRow>>,
    /// When each operation's first cancel left, in milliseconds since the epoch, in order.
    pub(super) cancels_sent: Vec<i64>,
    /// When each end was known, likewise.
    pub(super) known: Vec<i64>,
}

impl Overview {
    /// So many rows are kept of each state; all of them are counted.
    pub const KEPT: usize = 1000;

    /// The first rows of a state in which the device may act; of others none.
    #[must_use]
    pub fn of_state(&self, state: State) -> &[JobRow] {
        self.listed.get(&state).map_or(&[], Vec::as_slice)
    }

    /// Reads all rows.
    ///
    /// # Errors
    /// The first error among them.
    pub fn of<E>(rows: impl IntoIterator<Item = Result<JobRow, E>>) -> Result<Self, E> {
        let mut overview = Self::default();
        for row in rows {
            overview.add(row?);
        }
        overview.cancels_sent.sort_unstable();
        overview.known.sort_unstable();
        Ok(overview)
    }

    fn add(&mut self, row: JobRow) {
        self.counts.add(&row);
        let asked = row.progress.cancel_sent_at.map(|time| time.unix_millis());
        self.cancels_sent.extend(asked);
        self.known
            .extend(known(&row).map(|time| time.unix_millis()));
        let state = State::of(&row);
        if state.may_execute() {
            let kept = self.listed.entry(state).or_default();
            if kept.len() < Self::KEPT {
                kept.push(row);
            }
        }
    }
}
