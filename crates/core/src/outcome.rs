//! The result of a countermand.

use serde::Serialize;

use crate::error::Error;
use crate::operation::Operation;
use crate::verdict::Verdict;

/// The result of a countermand: the verdict and what it rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The verdict.
    pub verdict: Verdict,
    /// Requests sent for it, of every kind.
    pub attempts: u32,
    /// The operation as last told by the server.
    pub operation: Option<Operation>,
    /// Error that kept more from being known; `None` for a verdict that is final.
    pub error: Option<Error>,
    /// True where the parent still has a record, as far as it was looked for because the operation had
    /// none. No record means that the operation may have executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_exists: Option<bool>,
}
