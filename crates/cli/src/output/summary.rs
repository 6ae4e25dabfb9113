//! Outcome of all operations, in sentences.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use anstyle::AnsiColor;
use countermand_core::{Error, ErrorKind, OperationName, Outcome, ParentName, Verdict};
pub(crate) use countermand_fleet::counted;
use countermand_fleet::{grouped, spell};

use crate::args::resume::Invocation;
use crate::exit::Exit;

/// Number of names that are listed in the summary; each has its own line above it anyway.
const LISTED: usize = 20;

/// Counts results and remembers those that an operator has to see.
#[derive(Debug)]
pub(crate) struct Tally {
    verifying: bool,
    exit: Exit,
    verdicts: BTreeMap<Verdict, u64>,
    errors: u64,
    not_attempted: u64,
    left: u64,
    refused: u64,
    duplicates: u64,
    last_cancel: Option<Duration>,
    completed: Vec<OperationName>,
    gone: Vec<OperationName>,
    again: Vec<OperationName>,
}

impl Tally {
    /// Of nothing yet. With `verifying`, an accepted cancel alone is not a result.
    pub(crate) const fn new(verifying: bool) -> Self {
        Self {
            verifying,
            exit: Exit::Done,
            verdicts: BTreeMap::new(),
            errors: 0,
            not_attempted: 0,
            left: 0,
            refused: 0,
            duplicates: 0,
            last_cancel: None,
            completed: Vec::new(),
            gone: Vec::new(),
            again: Vec::new(),
        }
    }

    /// Takes in the problems of the input itself.
    pub(crate) fn input(&mut self, refused: u64, duplicates: u64) {
        self.refused = refused;
        self.duplicates = duplicates;
        if refused > 0 {
            self.at_least(Exit::Failed);
        }
    }

    /// Takes in how many names have no result, because the run was stopped.
    pub(crate) const fn left(&mut self, left: u64) {
        self.left = left;
    }

    /// Takes in when the last cancel was sent, since the start.
    pub(crate) const fn last_cancel(&mut self, after: Option<Duration>) {
        self.last_cancel = after;
    }

    /// Takes in one result.
    pub(crate) fn add(&mut self, name: OperationName, result: &Result<Outcome, Error>) {
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(error) => {
                match error.kind() {
                    ErrorKind::NotAttempted { .. } => self.not_attempted += 1,
                    _ => self.errors += 1,
                }
                self.at_least(Exit::of_error(error));
                if error.facts().is_worth_again() {
                    self.again.push(name);
                }
                return;
            }
        };
        let verdict = outcome.verdict;
        *self.verdicts.entry(verdict).or_default() += 1;
        self.at_least(Exit::of_verdict(verdict, self.verifying));
        match verdict {
            Verdict::Completed => self.completed.push(name),
            Verdict::Gone => self.gone.push(name),
            Verdict::Pending | Verdict::Unverified => self.again.push(name),
            Verdict::Cancelled | Verdict::Failed | Verdict::Expired => {}
        }
    }

    fn at_least(&mut self, exit: Exit) {
        self.exit = self.exit.max(exit);
    }

    /// Exit of a run with these results.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// The summary: the bad news first, then the counts, then the next commands.
    pub(crate) fn sentences(&self, invocation: &Invocation) -> String {
        let mut text = String::new();
        if !self.completed.is_empty() {
            let alarm = AnsiColor::Red.on_default().bold();
            let (count, them) = (self.completed.len(), plural(&self.completed, "it", "them"));
            let _ = writeln!(
                text,
                "{alarm}WARNING: {} completed anyway{alarm:#}: the server says so, and the {} may have carried {them} out:",
                grouped(count as u64),
                plural(&self.completed, "device", "devices"),
            );
            list(&mut text, &self.completed, OperationName::to_string);
        }
        self.counts(&mut text);
        if !self.gone.is_empty() {
            let _ = writeln!(
                text,
                "Gone means that the server has no record of {} any more and it may have executed: check the {}:",
                plural(&self.gone, "it", "them"),
                plural(&self.gone, "device", "devices"),
            );
            list(&mut text, &self.gone, |name| {
                ParentName::to_string(&name.parent())
            });
        }
        if !self.again.is_empty() {
            let count = self.again.len();
            let _ = match self.verifying {
                true => writeln!(
                    text,
                    "{} not resolved; cancel again:",
                    grouped(count as u64)
                ),
                false => writeln!(
                    text,
                    "{} without a verdict; to cancel again and verify:",
                    grouped(count as u64)
                ),
            };
            let _ = writeln!(text, "  {}", self.command(invocation));
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn command(&self, invocation: &Invocation) -> String {
        if self.verifying {
            return invocation.for_names(&self.again);
        }
        let mut verifying = invocation.clone();
        verifying.args.retain(|arg| arg != "--no-verify");
        verifying.for_names(&self.again)
    }

    fn counts(&self, text: &mut String) {
        let total = self.verdicts.values().sum::<u64>();
        let total = total + self.errors + self.not_attempted + self.left;
        let cancelled = self.verdicts.get(&Verdict::Cancelled).copied();
        if cancelled == Some(total) {
            text.push_str(&match total {
                1 => "Cancelled: the command will not happen any more".to_owned(),
                _ => format!(
                    "All {} cancelled: none of the commands will happen any more",
                    grouped(total)
                ),
            });
        } else {
            let _ = write!(text, "{}: ", counted(total, "operation"));
            let completed = self.verdicts.get_key_value(&Verdict::Completed);
            let others = self.verdicts.iter();
            let others = others.filter(|(verdict, _)| **verdict != Verdict::Completed);
            let mut parts: Vec<String> = completed
                .into_iter()
                .chain(others)
                .map(|(verdict, count)| match verdict {
                    Verdict::Completed => format!("{} completed anyway", grouped(*count)),
                    _ => format!("{} {verdict}", grouped(*count)),
                })
                .collect();
            if self.errors > 0 {
                parts.push(format!("{} without a verdict", grouped(self.errors)));
            }
            if self.not_attempted > 0 {
                parts.push(format!("{} not attempted", grouped(self.not_attempted)));
            }
            if self.left > 0 {
                parts.push(format!("{} not done", grouped(self.left)));
            }
            text.push_str(&parts.join(", "));
        }
        if self.refused > 0 {
            let _ = write!(text, "; {} skipped", counted(self.refused, "bad name"));
        }
        if self.duplicates > 0 {
            let _ = write!(text, "; {} left out", counted(self.duplicates, "duplicate"));
        }
        text.push_str(".\n");
        if let Some(after) = self.last_cancel {
            let _ = writeln!(text, "The last cancel was sent after {}.", spell(after));
        }
    }
}

fn plural<'a, T>(items: &[T], one: &'a str, many: &'a str) -> &'a str {
    if items.len() == 1 { one } else { many }
}

fn list<T>(text: &mut String, items: &[T], show: impl Fn(&T) -> String) {
    for item in items.iter().take(LISTED) {
        let _ = writeln!(text, "  {}", show(item));
    }
    if let Some(more @ 1..) = items.len().checked_sub(LISTED) {
        let _ = writeln!(text, "  and {} more, see above", grouped(more as u64));
    }
}
