//! The truth about operations, which a test compares with the verdicts of a client.

use serde::Serialize;

/// The true state of an operation at an instant, independent of the answers of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "a test compares all of them")]
pub enum State {
    /// Nothing has happened yet.
    Pending,
    /// A cancel has taken effect: it will never be carried out.
    Cancelled,
    /// It was carried out.
    Completed,
    /// It was tried, and failed.
    Failed,
    /// Its validity has passed.
    Expired,
    /// The record is dropped.
    Gone,
}

/// The truth about one operation, independent of the answers of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Truth {
    /// The operation.
    pub name: String,
    /// Its type: for the Android Management API that of the command, `WIPE` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// The word of its fate, see [`Fate::kind`](crate::Fate::kind).
    pub fate: &'static str,
    /// Its state.
    pub state: State,
    /// True if it was cancelled: only then may a client say so.
    pub cancelled: bool,
}
