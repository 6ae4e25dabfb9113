//! What has to be known of all rows before the first one is shown.

use super::counts::{Counts, known};
use super::state::State;
use crate::Row;

/// The counts, the rows that are bad news, and when what happened.
///
/// Takes 16 bytes a row, and keeps at most [`Overview::KEPT`] rows of each kind of bad news.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Overview {
    /// All rows, counted.
    pub counts: Counts,
    /// The first rows that completed anyway.
    pub completed: Vec<Row>,
    /// The first rows that are gone and may have executed.
    pub gone: Vec<Row>,
    /// When each operation's first cancel left, in milliseconds since the epoch, in order.
    pub(super) asked: Vec<i64>,
    /// When each end was known, likewise.
    pub(super) known: Vec<i64>,
}

impl Overview {
    /// So many rows are kept of each kind of bad news; all of them are counted.
    pub const KEPT: usize = 1000;

    /// Reads all rows.
    ///
    /// # Errors
    /// The first error among them.
    pub fn of<E>(rows: impl IntoIterator<Item = Result<Row, E>>) -> Result<Self, E> {
        let mut overview = Self::default();
        for row in rows {
            overview.add(row?);
        }
        overview.asked.sort_unstable();
        overview.known.sort_unstable();
        Ok(overview)
    }

    fn add(&mut self, row: Row) {
        self.counts.add(&row);
        let asked = row.standing.asked.map(|time| time.unix_millis());
        self.asked.extend(asked);
        self.known
            .extend(known(&row).map(|time| time.unix_millis()));
        let kept = match State::of(&row) {
            State::Completed => &mut self.completed,
            State::Gone => &mut self.gone,
            _ => return,
        };
        if kept.len() < Self::KEPT {
            kept.push(row);
        }
    }
}
