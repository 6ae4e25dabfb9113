//! The overview of all rows, which is shown before the first one.

use std::collections::BTreeMap;

use countermand_core::Verdict;

use crate::counts::Counts;
use crate::job_row::JobRow;
use crate::row_state::RowState;
use crate::store::{Contents, JobError};

/// The counts, and the first rows of devices that may act.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Overview {
    /// All rows, counted.
    pub counts: Counts,
    /// The first rows of each state in which the device may have acted or still may
    /// ([`RowState::may_execute`]).
    pub listed: BTreeMap<RowState, Vec<JobRow>>,
}

impl Overview {
    /// Number of rows that are kept of each state; all of them are counted.
    pub const KEPT: usize = 1000;

    /// The first rows of a state in which the device may act; of others none.
    #[must_use]
    pub fn of_state(&self, state: RowState) -> &[JobRow] {
        self.listed.get(&state).map_or(&[], Vec::as_slice)
    }

    /// Reads all rows. Keeps at most [`KEPT`](Self::KEPT) of each state.
    ///
    /// # Errors
    /// The first error among them.
    pub fn of<E>(rows: impl IntoIterator<Item = Result<JobRow, E>>) -> Result<Self, E> {
        let mut overview = Self::default();
        for row in rows {
            overview.add(row?);
        }
        Ok(overview)
    }

    /// The counts that jobs keep, and the first `most` rows of `Completed` and of `Gone`. Reads no
    /// others.
    pub(super) fn of_jobs<'a>(
        jobs: impl IntoIterator<Item = &'a Contents>,
        most: usize,
    ) -> Result<Self, JobError> {
        let mut all = Self::default();
        for job in jobs {
            all.counts.merge(job.counts());
            for verdict in [Verdict::Completed, Verdict::Gone] {
                let listed: &mut Vec<_> = all.listed.entry(verdict.into()).or_default();
                listed.extend(job.first_of(verdict, most - listed.len())?);
            }
        }
        Ok(all)
    }

    /// Takes in a row.
    pub fn add(&mut self, row: JobRow) {
        self.counts.add(&row);
        let state = RowState::of(&row);
        if state.may_execute() {
            let kept = self.listed.entry(state).or_default();
            if kept.len() < Self::KEPT {
                kept.push(row);
            }
        }
    }
}
