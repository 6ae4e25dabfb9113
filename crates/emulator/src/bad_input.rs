//! The error of a script and of a description of operations.

use std::fmt::Display;

/// A mistake in a script or in a description of operations, and its place.
///
/// The text is for the person who wrote the input; there is nothing in it to match on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadInput(String);

impl BadInput {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }

    /// The same problem, with the place in front.
    pub(crate) fn at(self, place: impl Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}
