//! The result of a countermand.

use serde::Serialize;

use crate::error::Error;
use crate::error_kind::ErrorKind;
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
    /// Facts that were read from the last answer about it.
    pub operation: Option<Operation>,
    /// Error that kept more from being known; `None` for a verdict that is final.
    pub error: Option<Error>,
    /// True where the parent still has a record, as far as it was looked for because the operation had
    /// none. No record means that the operation may have executed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_exists: Option<bool>,
}

impl Outcome {
    /// The result of the countermand of an operation that the server had told of before: a 404 is [`Verdict::Gone`]
    /// there, though no cancel was delivered. A countermand knows a name alone, which may be mistyped.
    ///
    /// # Errors
    /// Every other error, and a 404 after a cancel that may have been delivered: another look can tell more.
    pub fn of_known(result: Result<Self, Error>) -> Result<Self, Error> {
        match result {
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound(_)) && !error.maybe_delivered() =>
            {
                Ok(Self {
                    verdict: Verdict::Gone,
                    attempts: error.attempts(),
                    operation: None,
                    parent_exists: error.parent_exists(),
                    error: Some(error),
                })
            }
            result => result,
        }
    }
}
