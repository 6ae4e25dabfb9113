//! The lines of `--json`: their schemas are a promise to programs.

use std::collections::BTreeSet;
use std::fmt;

use countermand_core::{Error, Metadata, Operation, OperationName, Outcome, Verdict};
use countermand_fleet::NotSearched;
use countermand_fleet::input::LeftOut;
use countermand_fleet::store::{Missed, Vanished};
use serde::Serialize;

/// The schema of the outcome of a countermand.
pub(crate) const OUTCOME: &str = "countermand.outcome/1";
/// The schema of an operation as the server tells it.
pub(crate) const OPERATION: &str = "countermand.operation/1";

/// The schema of the parts of an input that are no names.
pub(crate) const INPUT: &str = "countermand.input/1";

/// The schema of a failure that stopped everything.
pub(crate) const STOPPED: &str = "countermand.stopped/1";

/// `countermand.stopped/1`: a failure that stopped everything, or lanes of a job, once, after the operations; only where
/// there was one. Each operation has its line all the same.
#[derive(Serialize)]
pub(crate) struct StoppedLine<'a> {
    pub(crate) schema: &'static str,
    /// The names of the lanes that it stopped; of a job whose lanes have no names it stopped everything.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) lanes: &'a BTreeSet<String>,
    /// The key of the error.
    pub(crate) cause: &'static str,
    pub(crate) message: &'a str,
    pub(crate) advice: &'a str,
    pub(crate) not_attempted: u64,
    /// Operations that ended with this error.
    pub(crate) same_error: u64,
    /// Lists that ended with this error.
    pub(crate) lists_same_error: u64,
    pub(crate) lists_not_attempted: u64,
}

/// The schema of what a search has not seen.
pub(crate) const SEARCH: &str = "countermand.search/1";

/// `countermand.search/1`: what a search has not seen, once, after the operations; only where there is
/// something.
#[derive(Serialize)]
pub(crate) struct SearchLine<'a> {
    pub(crate) schema: &'static str,
    /// The id of the only service.
    pub(crate) service: Option<&'a str>,
    /// Lists that could not be read to their end, each with the error.
    pub(crate) missed: &'a [Missed],
    /// Devices that vanished, and were probably wiped.
    pub(crate) vanished: &'a [Vanished],
    /// Operations that no list of the search has.
    pub(crate) not_searched: &'a NotSearched,
}

/// `countermand.input/1`: parts of the input that are neither names nor mistakes, counted by kind;
/// only where there are some.
#[derive(Serialize)]
pub(crate) struct InputLine<'a> {
    pub(crate) schema: &'static str,
    pub(crate) left_out: &'a LeftOut,
}

/// `countermand.outcome/1`: one for each name. `verdict` is null where there is only an error.
#[derive(Serialize)]
pub(crate) struct OutcomeLine<'a, E> {
    pub(crate) schema: &'static str,
    pub(crate) name: &'a str,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) attempts: u32,
    pub(crate) operation: Option<&'a Operation>,
    pub(crate) error: Option<&'a E>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_exists: Option<bool>,
}

impl<'a> OutcomeLine<'a, Error> {
    /// Of a countermand that has ended.
    pub(crate) fn of(name: &'a OperationName, result: &'a Result<Outcome, Error>) -> Self {
        let bare = Self::bare(name.as_str());
        match result {
            Ok(outcome) => Self {
                verdict: Some(outcome.verdict),
                attempts: outcome.attempts,
                operation: outcome.operation.as_ref(),
                error: outcome.error.as_ref(),
                parent_exists: outcome.parent_exists,
                ..bare
            },
            Err(error) => Self {
                error: Some(error),
                attempts: error.attempts(),
                ..bare
            },
        }
    }
}

impl<'a, E> OutcomeLine<'a, E> {
    pub(crate) const fn bare(name: &'a str) -> Self {
        Self {
            schema: OUTCOME,
            name,
            verdict: None,
            attempts: 0,
            operation: None,
            error: None,
            parent_exists: None,
        }
    }
}

/// Place at which a name was given, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the command line.
    Argument(u64),
    /// On a line of an input, which is named where there are several.
    Line(Option<String>, u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(number) => write!(f, "name {number}"),
            Self::Line(None, number) => write!(f, "line {number}"),
            Self::Line(Some(input), number) => write!(f, "{input}, line {number}"),
        }
    }
}

/// A name that was refused.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) place: Place,
    /// The name as it was given, cut if it is too long to be one.
    pub(crate) text: String,
    pub(crate) problem: String,
    /// It is worth a line for people: the first few of a kind are.
    pub(crate) shown: bool,
}

/// The error of a name that is none; `line` of standard input, or `argument`, counted from 1.
#[derive(Serialize)]
pub(crate) struct RefusedError<'a> {
    pub(crate) kind: &'static str,
    pub(crate) message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) argument: Option<u64>,
}

impl<'a> RefusedError<'a> {
    pub(crate) fn new(refused: &'a Refused) -> Self {
        let (line, argument) = match refused.place {
            Place::Line(_, number) => (Some(number), None),
            Place::Argument(number) => (None, Some(number)),
        };
        Self {
            kind: "invalid_name",
            message: &refused.problem,
            line,
            argument,
        }
    }
}

/// The error of a name that has no result because the run was stopped.
#[derive(Serialize)]
pub(crate) struct InterruptedError {
    pub(crate) kind: &'static str,
    pub(crate) message: &'static str,
    pub(crate) maybe_delivered: bool,
}

/// `countermand.operation/1`: `state` is in the words of verdicts, null where there is an error.
#[derive(Serialize)]
pub(crate) struct OperationLine<'a, E> {
    pub(crate) schema: &'static str,
    pub(crate) name: &'a str,
    pub(crate) state: Option<&'static str>,
    pub(crate) operation: Option<&'a Operation>,
    pub(crate) error: Option<&'a E>,
}

/// `countermand.operation/1` of an operation that a search has found.
#[derive(Serialize)]
pub(crate) struct FoundLine<'a> {
    pub(crate) schema: &'static str,
    pub(crate) name: &'a str,
    pub(crate) state: &'static str,
    pub(crate) operation: OperationJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device_seen: Option<String>,
}

/// The operation as it is known, in the API's own shape.
#[derive(Serialize)]
pub(crate) struct OperationJson<'a> {
    pub(crate) name: &'a str,
    pub(crate) metadata: &'a Metadata,
}
