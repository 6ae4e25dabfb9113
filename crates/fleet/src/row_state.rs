//! The state of a row, in one word.

use countermand_core::{Phase, Verdict, words};
use serde::Deserialize;

use crate::job_row::JobRow;

words! {
    /// The state of a row: its verdict, or the reason why it has none yet.
    ///
    /// Ordered by urgency for an operator, the worst news first.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[expect(
        clippy::exhaustive_enums,
        reason = "a reader acts on every one of them"
    )]
    pub enum RowState {
        /// [`Verdict::Completed`].
        Completed = "completed",
        /// [`Verdict::Gone`]: it may have executed.
        Gone = "gone",
        /// The fate is not known: [`Verdict::Unverified`] (a cancel was accepted), and, wider than that verdict,
        /// an error after a cancel that may have been delivered.
        Unverified = "unverified",
        /// [`Verdict::Pending`].
        Pending = "pending",
        /// There is an error and no verdict.
        Error = "error",
        /// No cancel was sent for it that may have arrived.
        Unsent = "unsent",
        /// [`Verdict::Failed`].
        Failed = "failed",
        /// [`Verdict::Expired`].
        Expired = "expired",
        /// [`Verdict::Cancelled`].
        Cancelled = "cancelled",
    }
}

/// The meaning of [`JobRow::is_unverifiable`].
pub(crate) const UNVERIFIABLE: &str =
    "the server accepted a cancel, and no method of the service shows what became of the operation";

impl RowState {
    /// The state of a row.
    #[must_use]
    pub fn of(row: &JobRow) -> Self {
        let resolution = row.progress.resolution.as_ref();
        match (
            resolution.map(|resolution| resolution.verdict),
            row.progress.phase,
        ) {
            (Some(Some(verdict)), _) => verdict.into(),
            (Some(None), _) => Self::Error,
            (None, Phase::Unsent) => Self::Unsent,
            (None, Phase::MaybeSent | Phase::Accepted) => Self::Unverified,
        }
    }

    /// Its meaning, in a sentence for an operator.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Error => "an error kept the end from being known",
            Self::Unsent => "no cancel was sent for it that may have arrived",
            Self::Completed => Verdict::Completed.meaning(),
            Self::Gone => Verdict::Gone.meaning(),
            Self::Unverified => {
                "a cancel was sent or may have been, and what became of it is not known"
            }
            Self::Pending => Verdict::Pending.meaning(),
            Self::Failed => Verdict::Failed.meaning(),
            Self::Expired => Verdict::Expired.meaning(),
            Self::Cancelled => Verdict::Cancelled.meaning(),
        }
    }

    /// True if the device may have carried the command out, or still may: all but what is cancelled,
    /// failed or expired.
    #[must_use]
    pub const fn may_execute(self) -> bool {
        self.is_open() || matches!(self, Self::Completed | Self::Gone)
    }

    /// True if its end is not known. `Gone` stays as it is, so it is none of these; an operator has
    /// to look at the device.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Unverified | Self::Pending | Self::Error | Self::Unsent
        )
    }
}

impl JobRow {
    /// The meaning of its state, in a sentence for an operator.
    #[must_use]
    pub fn meaning(&self) -> &'static str {
        match self.from_input() {
            true => "the input of the plan says so; the server was not asked",
            false if self.is_unverifiable() => UNVERIFIABLE,
            false => RowState::of(self).meaning(),
        }
    }
}

impl From<Verdict> for RowState {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Cancelled => Self::Cancelled,
            Verdict::Completed => Self::Completed,
            Verdict::Failed => Self::Failed,
            Verdict::Expired => Self::Expired,
            Verdict::Pending => Self::Pending,
            Verdict::Gone => Self::Gone,
            Verdict::Unverified => Self::Unverified,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_and_its_state_have_one_word_in_every_text() {
        for verdict in Verdict::ALL {
            assert_eq!(RowState::from(verdict).as_str(), verdict.as_str());
        }
        for state in RowState::ALL {
            let json = serde_json::to_value(state).unwrap();
            assert_eq!(json, state.as_str());
            assert_eq!(serde_json::from_value::<RowState>(json).unwrap(), state);
        }
    }
}
