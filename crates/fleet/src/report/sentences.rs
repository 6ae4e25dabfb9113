//! The summary for a terminal: the bad news first, then the counts, then what to do.

use std::fmt::Write;

use countermand_core::text::printable;
use countermand_core::{ErrorKey, Service};

use super::overview::Overview;
use super::summary::Summary;
use crate::row_state::RowState;
use crate::services::Services;
use crate::spell::{counted, grouped, no_method, spell};
use crate::store::Vanished;

/// Number of names of bad news that are listed; the report has all of them.
pub(super) const LISTED: usize = 20;

impl Overview {
    /// The counts and the time to the last cancel, in two lines.
    #[must_use]
    pub fn brief(&self, summary: &Summary) -> String {
        let mut text = format!("{}.\n", self.counts.sentence());
        if let Some(sentence) = self.counts.input_sentence() {
            let _ = writeln!(text, "{sentence}.");
        }
        text.push_str(&self.last_cancel(summary));
        text
    }

    /// The time at which the last operation was asked to cancel, and the run that did.
    fn last_cancel(&self, summary: &Summary) -> String {
        let counts = &self.counts;
        let (Some(at), Some(all)) = (
            counts.last_cancel_sent_at,
            counts.time_to_last_cancel(summary),
        ) else {
            return String::new();
        };
        let more = counts.again > summary.not_verified || summary.search_is_open();
        let so_far = if more { " so far" } else { "" };
        let all = spell(all);
        let latest = summary.runs.last().map(|run| run.begun);
        match latest {
            None => format!("The last cancel{so_far} was sent after {all}.\n"),
            Some(_) if summary.runs.len() == 1 => {
                format!("The last cancel{so_far} was sent {all} after the run began.\n")
            }
            Some(latest) if latest <= at => format!(
                "The last cancel{so_far} was sent {} after the latest run began, {all} after the first.\n",
                spell(at.since(latest)),
            ),
            Some(_) => format!(
                "The latest run has asked no operation for the first time; the last cancel was sent {all} after the first run began.\n"
            ),
        }
    }

    /// Some lines for a terminal, without colours and without control characters: what completed
    /// anyway, what may have executed, the counts, the time to the last cancel, what is unresolved
    /// and how to go on.
    #[must_use]
    pub fn sentences(&self, summary: &Summary) -> String {
        let mut text = String::new();
        let counts = &self.counts;
        self.warnings(&summary.services, &mut text);
        text.push_str(&vanished(&summary.vanished));
        text.push_str(&summary.already_done.lines());
        if let Some(sentence) = summary.incomplete() {
            let _ = writeln!(text, "WARNING: {sentence}:");
            for missed in summary.missed.iter().take(LISTED) {
                let _ = writeln!(text, "  {}", printable(&missed.resource));
            }
            more(&mut text, summary.missed.len() as u64);
        }
        if let Some(sentence) = summary.not_searched.sentence() {
            let _ = writeln!(text, "Note: {sentence}.");
        }
        let _ = writeln!(text, "{}.", counts.sentence());
        for lane in summary.lanes.iter().take(LISTED) {
            let _ = writeln!(text, "  lane {lane}");
        }
        more(&mut text, summary.lanes.len() as u64);
        text.push_str(&summary.each_job());
        if let Some(sentence) = counts.input_sentence() {
            let _ = writeln!(text, "{sentence}.");
        }
        if summary.duplicates > 0 {
            let count = counted(summary.duplicates, "duplicate");
            let _ = writeln!(text, "{count} left out.");
        }
        text.push_str(&self.last_cancel(summary));
        for note in &summary.notes {
            let _ = writeln!(text, "Note: {}", printable(note));
        }
        let expired = counts.of(RowState::Expired);
        if expired > 0 {
            let _ = writeln!(
                text,
                "{} expired: not done when the time of validity passed, by the server's clock.",
                grouped(expired)
            );
        }
        if counts.surely_not_cancelled > 0 {
            let _ = writeln!(
                text,
                "{} without a verdict: no cancel took effect, none was sent or every one was refused.",
                grouped(counts.surely_not_cancelled),
            );
        }
        for (word, count) in &counts.left_alone {
            let Some(row) = ErrorKey::from_word(word).map(ErrorKey::row) else {
                continue;
            };
            let _ = writeln!(
                text,
                "{} not tried again ({}): {}.",
                grouped(*count),
                row.text,
                summary.services.advice(row),
            );
        }
        text.push_str(&self.unverifiable(summary));
        self.to_go_on(summary, &mut text);
        text
    }

    /// The operations of which no request tells more, and what does; empty without any.
    fn unverifiable(&self, summary: &Summary) -> String {
        let count = self.counts.unverifiable;
        if count == 0 {
            return String::new();
        }
        let (was, it) = if count == 1 {
            ("was", "it")
        } else {
            ("were", "them")
        };
        format!(
            "{} {was} accepted, and cannot be proven: {}. Look at {it} with the service's own tools, such as the console \
             or gcloud; another run sends nothing.\n",
            counted(count, "cancel"),
            no_method(&summary.services),
        )
    }

    /// The operations that completed, and those that are gone.
    fn warnings(&self, services: &Services, text: &mut String) {
        let completed = self.counts.of(RowState::Completed);
        if completed > 0 {
            let acted = match (services.have_parent_records(), completed) {
                (false, _) => String::new(),
                (true, 1) => format!(", and the {} may have carried it out", services.noun(1)),
                (true, _) => format!(", and the {} may have carried them out", services.nouns(1)),
            };
            let says = match self.counts.of_input(RowState::Completed) {
                0 => "the server says so".to_owned(),
                by if by == completed => "the input of the plan says so".to_owned(),
                by => format!(
                    "the server says so, and of {} only the input of the plan",
                    grouped(by)
                ),
            };
            let _ = writeln!(
                text,
                "WARNING: {} completed anyway: {says}{acted}:",
                grouped(completed),
            );
            self.list(RowState::Completed, text);
        }
        let gone = self.counts.of(RowState::Gone);
        if gone > 0 {
            let it = if gone == 1 { "it" } else { "them" };
            let check = match (services.have_parent_records(), gone) {
                (false, _) => String::new(),
                (true, 1) => format!(": check the {}", services.noun(1)),
                (true, _) => format!(": check the {}", services.nouns(1)),
            };
            let _ = writeln!(
                text,
                "WARNING: {} gone: the server has no record of {it} any more and may have executed {it}{check}:",
                grouped(gone),
            );
            self.list(RowState::Gone, text);
        }
    }

    fn list(&self, state: RowState, text: &mut String) {
        for row in self.of_state(state).iter().take(LISTED) {
            let _ = writeln!(text, "  {}", printable(row.target.name.as_str()));
        }
        more(text, self.counts.of(state));
    }

    /// The work left for the next run, and its command.
    fn to_go_on(&self, summary: &Summary, text: &mut String) {
        let mut left = Vec::new();
        let by_request = summary.not_verified;
        let again = self.counts.again.saturating_sub(by_request);
        if again > 0 {
            left.push(format!("{} not resolved", grouped(again)));
        }
        if by_request > 0 {
            left.push(format!(
                "{} accepted and, as asked, not verified",
                grouped(by_request)
            ));
        }
        if summary.search_is_open() {
            left.push("the search is not finished".to_owned());
        }
        if self.counts.beyond_max > 0 {
            let beyond = grouped(self.counts.beyond_max);
            left.push(format!("{beyond} beyond --max, left alone"));
        }
        if left.is_empty() {
            return;
        }
        let left = left.join(", ");
        let commands = summary.commands();
        let commands = commands.map(|command| format!("\n  {}", printable(command)));
        let commands: String = commands.collect();
        let _ = match &*commands {
            // A job has the names that `--exclude` left out, and not their file.
            "" if self.counts.beyond_max > 0 => writeln!(
                text,
                "{left}: to cancel those, rescue again into another job file, with the same selection \
                 (and the same --exclude) and a larger --max."
            ),
            "" => writeln!(text, "{left}."),
            commands => writeln!(text, "{left}; to go on:{commands}"),
        };
    }
}

impl Summary {
    /// Each of several job files, and the operations that are in two of them.
    fn each_job(&self) -> String {
        let mut text = String::new();
        for job in self.jobs.iter().take(LISTED) {
            let use_of_file = job.activity.map_or("", |activity| match activity {
                "applied" => ", applied now",
                "idle" => ", never applied",
                "end_unknown" => ", its last run killed",
                _ => "",
            });
            let path = printable(&job.path);
            let _ = match &job.lanes[..] {
                [lane] => writeln!(text, "  {path}{use_of_file}: lane {lane}"),
                lanes => {
                    let mut lines = format!("  {path}{use_of_file}: {}\n", job.counts.sentence());
                    for lane in lanes.iter().take(LISTED) {
                        let _ = writeln!(lines, "    lane {lane}");
                    }
                    more(&mut lines, lanes.len() as u64);
                    text.write_str(&lines)
                }
            };
        }
        more(&mut text, self.jobs.len() as u64);
        if !self.repeated.is_empty() {
            let _ = writeln!(
                text,
                "WARNING: {} in more than one of these files, and counted in each:",
                counted(self.repeated.operations, "operation")
            );
            for name in &self.repeated.first {
                let _ = writeln!(text, "  {}", printable(name.as_str()));
            }
            let others = self.repeated.operations - self.repeated.first.len() as u64;
            if others > 0 {
                let _ = writeln!(text, "  and {} more", grouped(others));
            }
        }
        text
    }
}

/// A warning of devices that vanished, with the time of their last report; empty without any.
#[must_use]
pub fn vanished(devices: &[Vanished]) -> String {
    let mut text = String::new();
    let count = devices.len() as u64;
    if count == 0 {
        return text;
    }
    let they = if count == 1 { "it was" } else { "they were" };
    let noun = noun_of(devices);
    let _ = writeln!(
        text,
        "WARNING: {} vanished while the search went on: the server has no record any more, {they} probably wiped:",
        counted(count, noun),
    );
    for Vanished { device, seen, .. } in devices.iter().take(LISTED) {
        let _ = match seen {
            Some(seen) => writeln!(text, "  {}  last seen {seen}", printable(device.as_str())),
            None => writeln!(text, "  {}", printable(device.as_str())),
        };
    }
    more(&mut text, count);
    text
}

/// The noun of what vanished, as its service has it.
pub(super) fn noun_of(vanished: &[Vanished]) -> &'static str {
    let first = vanished.first();
    let service = first.map_or(Service::DEFAULT, |first| first.device.service());
    service.level_above(1).noun
}

fn more(text: &mut String, count: u64) {
    if let Some(more @ 1..) = count.checked_sub(LISTED as u64) {
        let _ = writeln!(text, "  and {} more", grouped(more));
    }
}
