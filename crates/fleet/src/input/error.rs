//! Why a line of the input gives no operation.

use std::io;

use countermand_core::{MAX_NAME_BYTES, NameError};

/// An input that was refused, and where. Nothing was sent for it, or for anything else.
#[derive(Debug, thiserror::Error)]
#[error("line {line}")]
#[non_exhaustive]
pub struct InputError {
    /// The line it stands on, or begins on, counted from 1.
    pub line: u64,
    /// What is wrong.
    #[source]
    pub problem: InputProblem,
    /// The name as it was given, where a name is what is wrong; cut if it is too long to be one.
    /// Never another text of the input: that may be a secret.
    pub given: Option<String>,
}

impl InputError {
    pub(super) fn new(line: u64, problem: InputProblem) -> Self {
        Self {
            line,
            problem,
            given: None,
        }
    }
}

/// What is wrong with an input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputProblem {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The name is far too long.
    #[error("the name is longer than {MAX_NAME_BYTES} bytes and cannot be one")]
    TooLong,
    /// The name is not text.
    #[error("the name is not UTF-8 at byte {0}")]
    Encoding(usize),
    /// A line, a record or a JSON value is longer than it may be, in bytes.
    #[error("it is longer than {0} bytes")]
    TooLarge(usize),
    /// It is not JSON, or not to its end.
    #[error("it is not JSON: {what} at line {line}, column {column} of the value")]
    Json {
        /// What the parser met.
        what: &'static str,
        /// Where, within the value.
        line: usize,
        /// Where, within that line.
        column: usize,
    },
    /// It is JSON, but nothing that holds the name of an operation.
    #[error("it is {0}; expected a name, an object with a `name`, or a Pub/Sub message")]
    Shape(&'static str),
    /// A Pub/Sub message whose data is not base64.
    #[error("the data of the message is not base64")]
    Base64,
    /// An operation that contradicts itself, or has a field of another type.
    #[error("the operation cannot be read: {0}")]
    Operation(String),
    /// A table without a column of names.
    #[error("the table has no column `name`, `operation` or `operation_name` in its first line")]
    Column,
    /// A record whose quote swallows the rest of the table.
    #[error("a quote is opened and never closed")]
    Quote,
    /// A record that ends before its name.
    #[error("the record ends before the column of names")]
    Field,
    /// The input could not be read any further.
    #[error("the input could not be read")]
    Read(#[source] io::Error),
}

impl InputProblem {
    /// Without the parser's own words, which quote what it met: that may be a secret.
    pub(super) fn json(error: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        let what = match error.classify() {
            Category::Data => "a field of the wrong type, or twice the same",
            Category::Eof => "it ends too early",
            Category::Io | Category::Syntax => "a mistake",
        };
        Self::Json {
            what,
            line: error.line(),
            column: error.column(),
        }
    }
}
