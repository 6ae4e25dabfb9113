//! Errors of an input: lines that give no operation.

use std::borrow::Cow;
use std::io;

use countermand_core::{MAX_NAME_BYTES, NameError, NameErrorKind};

use super::cut::Cut;
use super::foreign::Foreign;

/// An input that was refused, and where. Nothing was sent for it, or for anything else.
#[derive(Debug, thiserror::Error)]
#[error("line {line}")]
#[non_exhaustive]
pub struct InputError {
    /// The line it stands on, or begins on, counted from 1.
    pub line: u64,
    /// The problem.
    #[source]
    pub problem: InputProblem,
    /// The name as it was given, where a name is what is wrong; cut if it is too long to be one.
    /// Never another text of the input: that may be a secret.
    pub given: Option<String>,
    ends_input: bool,
}

impl InputError {
    pub(super) fn new(line: u64, problem: InputProblem) -> Self {
        Self {
            line,
            problem,
            given: None,
            ends_input: false,
        }
    }

    /// The same as the end of the input.
    pub(super) fn last(line: u64, problem: InputProblem) -> Self {
        Self {
            ends_input: true,
            ..Self::new(line, problem)
        }
    }

    /// True if nothing after this place was read, so that leaving this one out leaves out more.
    #[must_use]
    pub const fn ends_input(&self) -> bool {
        self.ends_input
    }
}

/// The step that makes the name of an operation of a refused one, where there is one.
fn step(error: &NameError) -> String {
    match error.kind() {
        NameErrorKind::Verb(method) => format!("; this cuts it off: sed 's|{method}$||'"),
        NameErrorKind::LeadingSlash => "; this cuts it off: sed 's|^/*||'".to_owned(),
        NameErrorKind::MoreThanName => format!("; {}", Cut::of_pattern(error.expected())),
        _ => String::new(),
    }
}

/// A problem of an input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputProblem {
    /// The name is none.
    #[error("{0}{step}", step = step(.0))]
    Name(NameError),
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
        /// Error of the parser.
        what: &'static str,
        /// Line of the error, within the value.
        line: usize,
        /// Column of the error, within that line.
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
    #[error(
        "the table has no column of names: its first line has no `name`, `operation` or \
         `operation_name`, and no cell below is the name of an operation; {0}"
    )]
    Column(Cut),
    /// A table in which several columns hold names, and none of them is called so.
    #[error("several columns of the table hold names; call the right one `operation_name`")]
    Columns,
    /// A command of curl, which may hold a token.
    #[error("it is a command of curl, which is not repeated here as it may hold a token; {0}")]
    Curl(Cut),
    /// A file of a kind that holds no names as text.
    #[error(transparent)]
    Foreign(#[from] Foreign),
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
    /// Words for several problems of this kind, after "more".
    pub(super) fn plural(&self) -> Cow<'static, str> {
        let words = match self {
            Self::Name(error) => match error.services() {
                [] => "are no names",
                [one] => return format!("are names of the service {one}").into(),
                _ => "are names of other services",
            },
            Self::TooLong | Self::Encoding(_) => "are no names",
            Self::TooLarge(_) => "are too long",
            Self::Json { .. } => "are not JSON",
            Self::Shape(_) => "hold no name",
            Self::Base64 | Self::Operation(_) => "cannot be read",
            Self::Field => "end before the column of names",
            Self::Column(_)
            | Self::Columns
            | Self::Quote
            | Self::Curl(_)
            | Self::Foreign(_)
            | Self::Read(_) => "end the input",
        };
        words.into()
    }

    /// True for a name of another service, which may be right there.
    #[must_use]
    pub fn is_of_other_service(&self) -> bool {
        matches!(self, Self::Name(error) if !error.services().is_empty())
    }

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
