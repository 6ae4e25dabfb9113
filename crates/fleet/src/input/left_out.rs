//! Parts of an input that are neither operations nor mistakes, and mistakes by kind: counted, with
//! the lines of the first three, because a sentence helps and a million lines do not.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use countermand_core::words;
use serde::{Serialize, Serializer};

use super::error::InputProblem;
use crate::spell::{counted, grouped};

/// Lines that are given as examples.
const EXAMPLES: usize = 3;

/// A count, with the first three lines that it is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lines {
    count: u64,
    first: Vec<u64>,
    /// Further lines, and the last of all.
    more: u64,
    last: u64,
}

impl Lines {
    fn add(&mut self, line: u64) {
        self.count += 1;
        if self.last == line {
            return;
        }
        self.last = line;
        match self.first.len() < EXAMPLES {
            true => self.first.push(line),
            false => self.more += 1,
        }
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = self.first.len() == 1;
        f.write_str(if one { "line " } else { "lines " })?;
        for (at, line) in self.first.iter().enumerate() {
            let before = match at {
                0 => "",
                _ if self.more == 0 && at + 1 == self.first.len() => " and ",
                _ => ", ",
            };
            write!(f, "{before}{line}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {} more", grouped(more)),
        }
    }
}

words! {
    /// A part of an input that holds no operation and is no mistake.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[non_exhaustive]
    pub enum LeftOutKind {
        /// `{}` or a page without elements: a device that has no operations answers so.
        EmptyAnswer = "empty_answer",
        /// `{"error": …}` in the place of an answer: the command was never issued.
        FailedAnswer = "failed_answer",
        /// `null` in the place of an answer.
        Null = "null",
        /// A Pub/Sub message of another kind than `COMMAND`, or without a kind and an operation.
        OtherMessage = "other_message",
        /// A device of the API.
        Device = "device",
        /// A record of a table whose cell for the name is empty.
        EmptyCell = "empty_cell",
    }
}

/// Counts of the parts that were left out, by kind. Serialises as an object of kinds and counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut(BTreeMap<LeftOutKind, Lines>);

impl LeftOut {
    pub(super) fn add(&mut self, kind: LeftOutKind, line: u64) {
        self.0.entry(kind).or_default().add(line);
    }

    /// Adds the parts that were left out of another input.
    pub fn append(&mut self, other: &Self) {
        for (kind, lines) in &other.0 {
            let mine = self.0.entry(*kind).or_default();
            *mine = match mine.count {
                0 => lines.clone(),
                count => Lines {
                    count: count + lines.count,
                    ..mine.clone()
                },
            };
        }
    }

    /// The number of parts of a kind.
    #[must_use]
    pub fn count(&self, kind: LeftOutKind) -> u64 {
        self.0.get(&kind).map_or(0, |lines| lines.count)
    }

    /// True if nothing was left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Kinds and counts.
    pub fn counts(&self) -> impl Iterator<Item = (LeftOutKind, u64)> {
        self.0.iter().map(|(kind, lines)| (*kind, lines.count))
    }

    /// One sentence a kind: `1 failed answer left out (line 2)`.
    pub fn sentences(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(kind, lines)| {
            let count = counted(lines.count, &kind.as_str().replace('_', " "));
            format!("{count} left out ({lines})")
        })
    }
}

impl Serialize for LeftOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.counts())
    }
}

/// Counts mistakes by kind, so that the first three of each are shown and the others counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mistakes {
    kinds: BTreeMap<Cow<'static, str>, u64>,
}

impl Mistakes {
    /// Counts a mistake; whether it is among the first three of its kind, which are worth a line.
    pub fn add(&mut self, problem: &InputProblem) -> bool {
        let count = self.kinds.entry(problem.plural()).or_default();
        *count += 1;
        *count <= EXAMPLES as u64
    }

    /// The number of all mistakes.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.kinds.values().sum()
    }

    /// One sentence for each kind that came more than three times: `997 more are no names`.
    pub fn more(&self) -> impl Iterator<Item = String> {
        self.kinds.iter().filter_map(|(plural, count)| {
            let more = count
                .checked_sub(EXAMPLES as u64)
                .filter(|more| *more > 0)?;
            Some(format!("{} more {plural}", grouped(more)))
        })
    }
}
