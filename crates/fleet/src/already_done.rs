//! Operations that a search has seen, that its filter takes, and that were done before.

use std::fmt::Write;

use countermand_core::text::printable;
use countermand_core::{Operation, OperationName, Verdict};
use serde::{Deserialize, Serialize};

use crate::spell::grouped;

/// Greatest number of names that are kept.
const FIRST: usize = 20;

/// Operations that a search has seen, that its filter takes, and that were done before: no cancel reaches
/// them, and devices of those that completed may have carried them out.
///
/// An operation of a list that changes while it is read, or that two runs read, may count twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct AlreadyDone {
    /// Number of all of them.
    pub operations: u64,
    /// Number of those that completed.
    pub completed: u64,
    /// The first names of those that completed, 20 at most.
    pub first: Vec<OperationName>,
}

impl AlreadyDone {
    /// Takes in an operation that is done.
    pub(crate) fn add(&mut self, operation: &Operation) {
        self.operations += 1;
        // What the server does not say of its end is no reason to leave its device alone.
        if matches!(operation.verdict(), Some(Verdict::Completed) | None) {
            self.completed += 1;
            if self.first.len() < FIRST {
                self.first.push(operation.name.clone());
            }
        }
    }

    /// Takes in those of another run of the search.
    pub(crate) fn merge(&mut self, other: Self) {
        self.operations += other.operations;
        self.completed += other.completed;
        let room = FIRST.saturating_sub(self.first.len());
        self.first.extend(other.first.into_iter().take(room));
    }

    /// `30 more match and are done already, 28 of them completed: check their devices`; `None` where
    /// there are none.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        let (match_, are) = match self.operations {
            0 => return None,
            1 => ("matches", "is"),
            _ => ("match", "are"),
        };
        let all = format!(
            "{} more {match_} and {are} done already",
            grouped(self.operations)
        );
        // The names are of those that completed, and of one service.
        let acts = |name: &OperationName| name.service().has_parent_records;
        if !self.first.first().is_none_or(acts) {
            let completed = grouped(self.completed);
            return Some(format!("{all}, {completed} of them completed"));
        }
        Some(match (self.completed, self.operations) {
            (0, _) => format!("{all}, not completed"),
            (1, 1) => format!("{all}: it completed, check its device"),
            (completed, all_of) if completed == all_of => {
                format!("{all}: they completed, check their devices")
            }
            (completed, _) => {
                let devices = if completed == 1 {
                    "its device"
                } else {
                    "their devices"
                };
                format!(
                    "{all}, {} of them completed: check {devices}",
                    grouped(completed)
                )
            }
        })
    }

    /// The sentence as lines, with the names of those that completed; empty where there are none.
    #[must_use]
    pub fn lines(&self) -> String {
        let Some(sentence) = self.sentence() else {
            return String::new();
        };
        if self.completed == 0 {
            return format!("{sentence}.\n");
        }
        let mut text = format!("WARNING: {sentence}:\n");
        for name in &self.first {
            let _ = writeln!(text, "  {}", printable(name.as_str()));
        }
        if let Some(more @ 1..) = self.completed.checked_sub(self.first.len() as u64) {
            let _ = writeln!(text, "  and {} more", grouped(more));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countermand_core::Service;

    /// Only where there is a record of what carries an operation out is there something to check.
    #[test]
    fn the_advice_is_that_of_the_service() {
        for (service, text, said) in [
            (
                "androidmanagement.v1",
                "enterprises/e/devices/d/operations/1",
                "3 more match and are done already, 2 of them completed: check their devices",
            ),
            (
                "documentai.v1",
                "projects/p/locations/us/operations/1",
                "3 more match and are done already, 2 of them completed",
            ),
        ] {
            let name = OperationName::parse(Service::named(service).unwrap(), text).unwrap();
            let done = AlreadyDone {
                operations: 3,
                completed: 2,
                first: vec![name],
            };
            assert_eq!(done.sentence().unwrap(), said);
        }
    }
}
