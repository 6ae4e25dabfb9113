//! Verdicts: what became of an operation.

use crate::words::words;

words! {
    /// The fate of an operation, as far as a countermand knows it. Only [`Cancelled`](Self::Cancelled) is proof
    /// that it will not happen.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    #[expect(
        clippy::exhaustive_enums,
        reason = "the caller acts on every one of them"
    )]
    pub enum Verdict {
        /// The server says so: `done` with `error.code == 1`.
        Cancelled = "cancelled",
        /// The server says that the command completed, despite the cancellation or before it. That is
        /// the server's word, not proof that it had an effect.
        Completed = "completed",
        /// It ended with another error: it did not happen, or not all of it.
        Failed = "failed",
        /// Its time of validity passed and it was still not done.
        Expired = "expired",
        /// The server accepted the cancellation, but the operation was not done by the deadline. The
        /// operation may still execute. Countermand again.
        Pending = "pending",
        /// The server had the operation and no longer knows it (HTTP 404). It may have executed: a device, for
        /// example, loses its record once it has confirmed that it is erased.
        Gone = "gone",
        /// The server accepted the cancellation, but what became of it was not asked or not answered.
        Unverified = "unverified",
    }
}

impl Verdict {
    /// True where it is settled, so that countermanding again would change nothing: the server told
    /// the operation's end, or its time of validity passed.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Cancelled | Self::Completed | Self::Failed | Self::Expired => true,
            Self::Pending | Self::Gone | Self::Unverified => false,
        }
    }

    /// The verdict in a sentence for an operator.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Cancelled => "the server confirms it",
            Self::Completed => "the server says it completed before the cancellation took effect",
            Self::Failed => "it ended with another error",
            Self::Expired => "it was not done when its time of validity passed",
            Self::Pending => "not done by the deadline; it may still execute",
            Self::Gone => "the server no longer knows it; it may have executed",
            Self::Unverified => "the cancellation was accepted, its effect is not known",
        }
    }
}
