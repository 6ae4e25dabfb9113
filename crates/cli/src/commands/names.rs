//! Names of operations, from the command line or from standard input.
//!
//! All of them are read before anything is sent: one bad name among many refuses them all.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};

use countermand_core::{Endpoint, OperationName, chain};
use countermand_fleet::input::{self, InputError, InputProblem, LeftOut, Refusals};

/// Where a name was given, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// On the command line.
    Argument(u64),
    /// On standard input.
    Line(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argument(number) => write!(f, "name {number}"),
            Self::Line(number) => write!(f, "line {number}"),
        }
    }
}

/// A name that was refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) place: Place,
    /// As it was given, cut if it is too long to be a name.
    pub(crate) text: String,
    pub(crate) problem: String,
    /// Whether it is worth a line for people: the first few of a kind are.
    pub(crate) shown: bool,
}

/// The names that were accepted, and what was not.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Each once, in the order given.
    pub(crate) names: Vec<OperationName>,
    /// The same names, to be ticked off.
    pub(crate) open: HashSet<OperationName>,
    pub(crate) duplicates: u64,
    pub(crate) refused: u64,
    /// Whether the input was not read to its end, so that leaving bad names out leaves out more.
    pub(crate) broken: bool,
    /// Parts of the input that are neither names nor mistakes.
    pub(crate) left_out: LeftOut,
    refusals: Refusals,
}

impl Batch {
    /// True without any name, good or bad.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.refused == 0
    }

    /// Sentences about what was not told one by one.
    pub(crate) fn sentences(&self) -> impl Iterator<Item = String> {
        self.refusals.more().chain(self.left_out.sentences())
    }

    /// Reads the arguments or, if they are a single `-`, standard input. Refused names are handed
    /// over one by one as they come.
    pub(crate) fn read(
        given: &[OsString],
        endpoint: &Endpoint,
        refuse: impl FnMut(Refused),
    ) -> io::Result<Self> {
        match given {
            [only] if only == "-" => Self::from_lines(io::stdin().lock(), endpoint, refuse),
            _ => Ok(Self::from_arguments(given, endpoint, refuse)),
        }
    }

    fn from_arguments(
        given: &[OsString],
        endpoint: &Endpoint,
        mut refuse: impl FnMut(Refused),
    ) -> Self {
        let mut batch = Self::default();
        for (number, text) in (1..).zip(given) {
            let place = Place::Argument(number);
            if text == "-" {
                let problem = "`-` reads names from standard input and stands alone".to_owned();
                batch.refused += 1;
                refuse(Refused {
                    place,
                    text: "-".to_owned(),
                    problem,
                    shown: true,
                });
            } else {
                batch.take(place, text.as_encoded_bytes(), endpoint, &mut refuse);
            }
        }
        batch
    }

    /// Names in any form that `plan` takes as well: lines, JSON, a table.
    fn from_lines(
        input: impl Read,
        endpoint: &Endpoint,
        mut refuse: impl FnMut(Refused),
    ) -> io::Result<Self> {
        let mut batch = Self::default();
        let mut entries = input::read(input, None).endpoint(endpoint.clone());
        for entry in &mut entries {
            match entry {
                Ok(entry) => batch.accept(entry.item.name),
                Err(InputError {
                    problem: InputProblem::Read(error),
                    ..
                }) => return Err(error),
                Err(error) => {
                    batch.broken |= error.ends_input();
                    let text = error.given.unwrap_or_default();
                    batch.refuse(Place::Line(error.line), text, &error.problem, &mut refuse);
                }
            }
        }
        batch.left_out = entries.left_out().clone();
        Ok(batch)
    }

    fn take(
        &mut self,
        place: Place,
        text: &[u8],
        endpoint: &Endpoint,
        refuse: &mut impl FnMut(Refused),
    ) {
        match input::parse_name(text, endpoint) {
            Ok(name) => self.accept(name),
            Err(problem) => {
                let text = input::as_given(text);
                self.refuse(place, text, &problem, refuse);
            }
        }
    }

    fn accept(&mut self, name: OperationName) {
        match self.open.insert(name.clone()) {
            true => self.names.push(name),
            false => self.duplicates += 1,
        }
    }

    fn refuse(
        &mut self,
        place: Place,
        text: String,
        problem: &InputProblem,
        refuse: &mut impl FnMut(Refused),
    ) {
        self.refused += 1;
        refuse(Refused {
            place,
            text,
            problem: chain(problem),
            shown: self.refusals.add(problem),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countermand_core::MAX_NAME_BYTES;

    const NAME: &str = "enterprises/e/devices/d/operations/o";

    fn read(input: &[u8]) -> (Batch, Vec<Refused>) {
        let mut refused = Vec::new();
        // A small buffer, so that lines cross its ends.
        let input = io::BufReader::with_capacity(7, input);
        let endpoint = Endpoint::default();
        let batch = Batch::from_lines(input, &endpoint, |one| refused.push(one));
        let batch = batch.expect("memory reads");
        assert_eq!(batch.refused, refused.len() as u64);
        assert_eq!(batch.open.len(), batch.names.len());
        (batch, refused)
    }

    #[test]
    fn comments_blank_lines_and_line_ends() {
        let input = format!("# wipes\n\n  \t\n{NAME}1\r\n{NAME}2\n{NAME}1\n\r\n{NAME}3");
        let (batch, refused) = read(input.as_bytes());
        assert!(refused.is_empty(), "{refused:?}");
        let names: Vec<String> = batch.names.iter().map(ToString::to_string).collect();
        assert_eq!(names, [1, 2, 3].map(|n| format!("{NAME}{n}")));
        assert_eq!(batch.duplicates, 1);
    }

    #[test]
    fn bad_lines_are_named_by_number() {
        let input = [
            NAME.as_bytes(),
            b"\nenterprises/\xff\n\n",
            NAME.as_bytes(),
            b"\r\r\n",
            b"x\0y\n",
            &[b'a'; 100_000],
            b"\n",
            "é".repeat(5000).as_bytes(),
            b"\n",
        ]
        .concat();
        let (batch, refused) = read(&input);
        assert_eq!(batch.names.len(), 1);
        let places: Vec<Place> = refused.iter().map(|one| one.place).collect();
        assert_eq!(places, [2, 4, 5, 6, 7].map(Place::Line));
        for (one, word) in refused.iter().zip([
            "not UTF-8 at byte 12",
            "U+000D",
            "U+0000",
            "longer than",
            "longer than",
        ]) {
            assert!(one.problem.contains(word), "{one:?}");
            assert!(one.text.len() <= 3 * (MAX_NAME_BYTES + 2), "cut");
        }
    }

    #[test]
    fn a_hyphen_stands_alone() {
        let mut refused = Vec::new();
        let given = [NAME.into(), OsString::from("-")];
        let endpoint = Endpoint::default();
        let batch = Batch::read(&given, &endpoint, |one| refused.push(one));
        let batch = batch.expect("memory reads");
        assert_eq!(batch.names.len(), 1);
        assert!(refused[0].problem.contains("stands alone"));
        assert_eq!(refused[0].place, Place::Argument(2));
    }

    #[test]
    fn no_lines() {
        let (batch, refused) = read(b"");
        assert!(batch.names.is_empty() && refused.is_empty());
    }
}
