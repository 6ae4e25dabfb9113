//! Verdicts: what became of an operation.

use std::fmt;

use serde::{Serialize, Serializer};

/// The fate of an operation, as far as a countermand knows it. Only [`Cancelled`](Self::Cancelled) is proof
/// that it will not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the caller acts on every one of them"
)]
pub enum Verdict {
    /// The server says so: `done` with `error.code == 1`.
    Cancelled,
    /// The server says that the command completed, despite the cancellation or before it. That is
    /// the server's word, not proof that it had an effect.
    Completed,
    /// It ended with another error: it did not happen, or not all of it.
    Failed,
    /// Its time of validity passed and it was still not done.
    Expired,
    /// The server accepted the cancellation, but the operation was not done by the deadline. The
    /// operation may still execute. Countermand again.
    Pending,
    /// The server no longer knows the operation (HTTP 404). It may have executed: a device, for example,
    /// loses its record once it has confirmed that it is erased.
    Gone,
    /// The server accepted the cancellation, but what became of it was not asked or not answered.
    Unverified,
}

impl Verdict {
    /// Every verdict, in order.
    pub const ALL: [Self; 7] = [
        Self::Cancelled,
        Self::Completed,
        Self::Failed,
        Self::Expired,
        Self::Pending,
        Self::Gone,
        Self::Unverified,
    ];

    /// The word for it in JSON, Python and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Pending => "pending",
            Self::Gone => "gone",
            Self::Unverified => "unverified",
        }
    }

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

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
