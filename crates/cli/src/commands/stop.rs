//! Failures that stop everything, or lanes of a job, each told once.

use std::collections::BTreeSet;

use countermand_core::text::chain;
use countermand_core::{Cause, Error, ErrorKey, ErrorKind, Outcome};
use countermand_fleet::{Services, counted, few};

use crate::output::json::{STOPPED, StoppedLine};
use crate::output::results::Report;

/// Counts the operations that each failure has stopped, instead of a line for each.
#[derive(Debug)]
pub(crate) struct Stop {
    services: Services,
    halts: Vec<Halt>,
    /// Lists that were not asked for.
    lists: u64,
}

/// A failure, and what it stopped.
#[derive(Debug)]
struct Halt {
    cause: Cause,
    /// The names of the lanes that it stopped; none where lanes have no names.
    lanes: BTreeSet<String>,
    not_attempted: u64,
    same: u64,
    /// Lists that ended with the same error.
    same_lists: u64,
}

impl Stop {
    /// Of requests of some services.
    pub(crate) const fn of(services: Services) -> Self {
        Self {
            services,
            halts: Vec::new(),
            lists: 0,
        }
    }

    /// Takes in why everything stops, or a lane. A signal is told when it comes.
    pub(crate) fn stopped(&mut self, lane: Option<&str>, cause: Cause) {
        if !cause.is_failure() {
            return;
        }
        let place = self.halts.iter().position(|halt| halt.cause == cause);
        let place = place.unwrap_or_else(|| {
            self.halts.push(Halt {
                cause,
                lanes: BTreeSet::new(),
                not_attempted: 0,
                same: 0,
                same_lists: 0,
            });
            self.halts.len() - 1
        });
        self.halts[place].lanes.extend(lane.map(str::to_owned));
    }

    /// The failure of this kind that stopped a lane.
    fn halt(&mut self, lane: Option<&str>, key: ErrorKey) -> Option<&mut Halt> {
        let stopped = |halt: &Halt| lane.is_none_or(|lane| halt.lanes.contains(lane));
        let mut halts = self.halts.iter_mut();
        halts.find(|halt| halt.cause.key() == key && stopped(halt))
    }

    /// Takes in lists that were not asked for.
    pub(crate) const fn lists(&mut self, lists: u64) {
        self.lists = lists;
    }

    /// Takes in a result of a lane; `true` if it is told with all of its kind, and needs no line of its own. One
    /// that may have delivered a cancellation has its line.
    pub(crate) fn covers(&mut self, lane: Option<&str>, result: &Result<Outcome, Error>) -> bool {
        let error = match result {
            Ok(outcome) => outcome.error.as_ref(),
            Err(error) => Some(error),
        };
        let Some(error) = error else {
            return false;
        };
        let told = result.is_ok() || error.maybe_delivered();
        if let ErrorKind::NotAttempted { cause } = error.kind() {
            let halt = self.halt(lane, cause.key()).filter(|_| !told);
            return halt.map(|halt| halt.not_attempted += 1).is_some();
        }
        let halt = self.halt(lane, error.key());
        halt.map(|halt| halt.same += 1).is_some() && !told
    }

    /// Takes in the error of a list; `true` as for [`covers`](Self::covers). Those that were not asked
    /// for are counted by [`lists`](Self::lists).
    fn covers_list(&mut self, lane: Option<&str>, error: &Error) -> bool {
        if let ErrorKind::NotAttempted { cause } = error.kind() {
            return self.halt(lane, cause.key()).is_some();
        }
        let halt = self.halt(lane, error.key());
        halt.map(|halt| halt.same_lists += 1).is_some()
    }

    /// Tells of a list that could not be read, unless that is told with all of its kind.
    pub(crate) fn tell_list(&mut self, report: &Report, lane: Option<&str>, error: &Error) {
        if !self.covers_list(lane, error) {
            let problem = chain(error);
            let advice = error.advice();
            report
                .output
                .note(&format!("not searched: {problem}; {advice}"));
        }
    }

    /// Tells each failure: the cause, the lanes, the number of operations not attempted, and the remedy. The lists that
    /// were not asked for are told with the first.
    pub(crate) fn tell(&self, report: &Report, json: bool) {
        for (number, halt) in self.halts.iter().enumerate() {
            let lists = if number == 0 { self.lists } else { 0 };
            if json {
                report.json(&StoppedLine {
                    schema: STOPPED,
                    lanes: &halt.lanes,
                    cause: halt.cause.key().as_str(),
                    message: halt.cause.text(),
                    advice: &halt.advice(&self.services),
                    not_attempted: halt.not_attempted,
                    same_error: halt.same,
                    lists_same_error: halt.same_lists,
                    lists_not_attempted: lists,
                });
            }
            report.output.note(&halt.sentence(&self.services, lists));
        }
    }
}

impl Halt {
    fn advice(&self, services: &Services) -> String {
        services.advice(self.cause.key().row())
    }

    fn sentence(&self, services: &Services, lists: u64) -> String {
        let (operation, list) = ("operation", "list");
        let parts = [
            (self.not_attempted, operation, "not attempted"),
            (self.same, operation, "ended with this error"),
            (self.same_lists, list, "could not be read"),
            (lists, list, "not asked for"),
        ];
        let lanes = match self.lanes.len() {
            0 => String::new(),
            1 => format!("lane {} ", few(&self.lanes)),
            _ => format!("lanes {} ", few(&self.lanes)),
        };
        let mut text = format!("{lanes}stopped: {}", self.cause);
        for (count, noun, what) in parts.into_iter().filter(|(count, ..)| *count > 0) {
            let were = match (what.starts_with("not "), count) {
                (false, _) => "",
                (true, 1) => "was ",
                (true, _) => "were ",
            };
            text.push_str(&format!("; {} {were}{what}", counted(count, noun)));
        }
        format!("{text}; {}", self.advice(services))
    }
}
