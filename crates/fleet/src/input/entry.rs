//! Operations of an input, on their way from the readers of its formats to the caller.

use std::collections::VecDeque;

use countermand_core::{Endpoint, Operation, OperationName, Service};

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
    /// The choice of the service, until a name has told it.
    pub(super) choice: Option<Choice>,
    pub(super) others: Others,
    pub(super) left_out: LeftOut,
}

/// The services of an input, beside that of its endpoint, whose names are taken where they tell their service.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a caller says which")]
pub enum Others {
    /// None.
    #[default]
    None,
    /// Those of these endpoints.
    At(Vec<Endpoint>),
    /// All, each at its own endpoint.
    Any,
}

impl Others {
    /// The endpoint of the service that a text tells, by its host, or as a relative name by the default service. `None` if it
    /// is no name of one of these.
    #[must_use]
    pub fn told(&self, text: &str) -> Option<Endpoint> {
        let is_name = |at: &Endpoint| {
            let full = text.contains("//") || at.service() == Service::DEFAULT;
            full && at.parse_given_resource(text).is_ok()
        };
        match self {
            Self::None => None,
            Self::At(endpoints) => endpoints.iter().find(|at| is_name(at)).cloned(),
            Self::Any => {
                let told = Service::meant(None, Some(text)).ok()?.endpoint();
                is_name(&told).then_some(told)
            }
        }
    }
}

/// The service of an input whose first name tells it.
pub(super) struct Choice {
    /// The service that was named, perhaps without its version.
    pub(super) word: Option<String>,
}

impl Choice {
    /// The endpoint of the service that a name tells; `None` for a text that is no name of it.
    fn of(&self, text: &[u8], endpoint: &Endpoint) -> Option<Endpoint> {
        let name = std::str::from_utf8(text).ok();
        let service = Service::meant(self.word.as_deref(), name).ok()?;
        let is_root = *endpoint == endpoint.service().endpoint();
        let told = match is_root {
            true => service.endpoint(),
            false => endpoint.clone().of_service(service),
        };
        parse_name(text, &told).is_ok().then_some(told)
    }
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

    /// The name in data that a server or this library wrote: it is the name as it is, whatever its id has.
    pub(super) fn exact_name(&mut self, line: u64, text: &str) -> Option<OperationName> {
        match OperationName::parse(self.endpoint.service(), text) {
            Ok(name) => {
                self.choice = None;
                Some(name)
            }
            Err(_) => self.name(line, text.as_bytes()),
        }
    }

    /// The name in a text; a text that is none is refused.
    pub(super) fn name(&mut self, line: u64, text: &[u8]) -> Option<OperationName> {
        if let Some(choice) = &self.choice
            && let Some(told) = choice.of(text, &self.endpoint)
        {
            (self.endpoint, self.choice) = (told, None);
        }
        self.parse(text)
            .map_err(|problem| self.refuse(line, problem, Some(as_given(text))))
            .ok()
    }

    /// Parses the name of an operation of the service, or of one of the others.
    pub(super) fn parse(&self, text: &[u8]) -> Result<OperationName, InputProblem> {
        parse_name(text, &self.endpoint).or_else(|problem| {
            let told = std::str::from_utf8(text).ok();
            match told.and_then(|text| self.others.told(text)) {
                Some(at) => parse_name(text, &at),
                None => Err(problem),
            }
        })
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
