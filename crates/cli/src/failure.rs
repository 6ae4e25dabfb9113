//! Failures that end a command before it has results.

use std::fmt;

use crate::exit::Exit;

/// Reason why the command could not do its work, for a person.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }

    /// The same failure, of a part of the run.
    pub(crate) fn within(self, part: &str) -> Self {
        Self::new(self.exit, format!("{part}: {}", self.message))
    }

    /// The command line, or something it names, is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
