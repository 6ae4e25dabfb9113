//! Operations of an input, on their way from the readers of its formats to the caller.

use std::collections::VecDeque;

use countermand_core::{Endpoint, Operation, OperationName};

use super::error::{InputError, InputProblem};
use super::left_out::LeftOut;
use super::lines::{as_given, parse_name};
use crate::job_row::Target;

/// An operation of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The line it stands on, or its JSON value begins on, counted from 1.
    pub line: u64,
    /// The operation, and the command's metadata in the input.
    pub target: Target,
    /// The evidence of the input, if the operation is done: its verdict needs no request.
    pub evidence: Option<Evidence>,
}

/// An operation that is done, as the server told it to another client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence {
    /// The operation; [`Operation::verdict`] gives its end.
    pub operation: Operation,
    /// SHA-256 of its JSON as it was given, byte for byte. Of a line of a report: the hash that
    /// stands there, of the answer that the report rests on.
    pub body_sha256: Option<[u8; 32]>,
}

/// Entries that were read and not handed out yet, and entries that were left out.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) ready: VecDeque<Result<Entry, InputError>>,
    /// The endpoint that URLs of names have to be of.
    pub(super) endpoint: Endpoint,
    pub(super) left_out: LeftOut,
}

impl Taken {
    pub(super) fn take(&mut self, line: u64, target: Target, evidence: Option<Evidence>) {
        let entry = Entry {
            line,
            target,
            evidence,
        };
        self.ready.push_back(Ok(entry));
    }

    /// Takes an operation of which the input has the name alone.
    pub(super) fn take_name(&mut self, line: u64, text: &[u8]) {
        if let Some(name) = self.name(line, text) {
            self.take(line, Target::new(name), None);
        }
    }

    /// The name in a text; a text that is none is refused.
    pub(super) fn name(&mut self, line: u64, text: &[u8]) -> Option<OperationName> {
        parse_name(text, &self.endpoint)
            .map_err(|problem| self.refuse(line, problem, Some(as_given(text))))
            .ok()
    }

    /// A bad name, as it was given if it may be repeated.
    pub(super) fn refuse(&mut self, line: u64, problem: InputProblem, given: Option<String>) {
        let mut error = InputError::new(line, problem);
        error.given = given;
        self.ready.push_back(Err(error));
    }

    /// The error that ends the input.
    pub(super) fn end(&mut self, line: u64, problem: InputProblem) {
        self.ready.push_back(Err(InputError::last(line, problem)));
    }
}
