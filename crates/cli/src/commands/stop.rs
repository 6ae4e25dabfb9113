//! One failure that stops everything, told once.

use countermand_core::text::chain;
use countermand_core::{Cause, Error, ErrorKind, Outcome, Service};
use countermand_fleet::counted;

use crate::output::json::{STOPPED, StoppedLine};
use crate::output::results::Report;

/// Counts the operations that a failure has stopped, instead of a line for each.
#[derive(Debug)]
pub(crate) struct Stop {
    service: &'static Service,
    cause: Option<Cause>,
    not_attempted: u64,
    same: u64,
    /// Lists that ended with the same error.
    same_lists: u64,
    /// Lists that were not asked for.
    lists: u64,
}

impl Stop {
    /// Of requests of a service.
    pub(crate) const fn of(service: &'static Service) -> Self {
        Self {
            service,
            cause: None,
            not_attempted: 0,
            same: 0,
            same_lists: 0,
            lists: 0,
        }
    }

    /// Takes in why everything stops. A signal is told when it comes.
    pub(crate) fn stopped(&mut self, cause: Cause) {
        if cause.is_failure() {
            self.cause.get_or_insert(cause);
        }
    }

    /// Takes in lists that were not asked for.
    pub(crate) const fn lists(&mut self, lists: u64) {
        self.lists = lists;
    }

    /// Takes in a result; `true` if it is told with all of its kind, and needs no line of its own. One
    /// that may have delivered a cancellation has its line.
    pub(crate) fn covers(&mut self, result: &Result<Outcome, Error>) -> bool {
        let error = match result {
            Ok(outcome) => outcome.error.as_ref(),
            Err(error) => Some(error),
        };
        let (Some(cause), Some(error)) = (&self.cause, error) else {
            return false;
        };
        let told = result.is_ok() || error.maybe_delivered();
        if let ErrorKind::NotAttempted { cause: behind } = error.kind() {
            let covered = !told && behind.key() == cause.key();
            self.not_attempted += u64::from(covered);
            return covered;
        }
        let same = error.key() == cause.key();
        self.same += u64::from(same);
        same && !told
    }

    /// Takes in the error of a list; `true` as for [`covers`](Self::covers). Those that were not asked
    /// for are counted by [`lists`](Self::lists).
    fn covers_list(&mut self, error: &Error) -> bool {
        let Some(cause) = &self.cause else {
            return false;
        };
        if let ErrorKind::NotAttempted { cause: behind } = error.kind() {
            return behind.key() == cause.key();
        }
        let covered = error.key() == cause.key();
        self.same_lists += u64::from(covered);
        covered
    }

    /// Tells of a list that could not be read, unless that is told with all of its kind.
    pub(crate) fn tell_list(&mut self, report: &Report, error: &Error) {
        if !self.covers_list(error) {
            let problem = chain(error);
            let advice = error.advice();
            report
                .output
                .note(&format!("not searched: {problem}; {advice}"));
        }
    }

    /// Tells it: the cause, the number of operations not attempted, and the remedy.
    pub(crate) fn tell(&self, report: &Report, json: bool) {
        let Some(cause) = &self.cause else { return };
        if json {
            report.json(&StoppedLine {
                schema: STOPPED,
                cause: cause.key().as_str(),
                message: cause.text(),
                advice: &cause.advice(self.service),
                not_attempted: self.not_attempted,
                same_error: self.same,
                lists_same_error: self.same_lists,
                lists_not_attempted: self.lists,
            });
        }
        report.output.note(&self.sentence(cause));
    }

    fn sentence(&self, cause: &Cause) -> String {
        let (operation, list) = ("operation", "list");
        let parts = [
            (self.not_attempted, operation, "not attempted"),
            (self.same, operation, "ended with this error"),
            (self.same_lists, list, "could not be read"),
            (self.lists, list, "not asked for"),
        ];
        let mut text = format!("stopped: {cause}");
        for (count, noun, what) in parts.into_iter().filter(|(count, ..)| *count > 0) {
            let were = match (what.starts_with("not "), count) {
                (false, _) => "",
                (true, 1) => "was ",
                (true, _) => "were ",
            };
            text.push_str(&format!("; {} {were}{what}", counted(count, noun)));
        }
        format!("{text}; {}", cause.advice(self.service))
    }
}
