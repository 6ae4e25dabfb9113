//! One line for each operation: aligned text for people, JSON for programs.

use std::fmt::Write;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use countermand_core::text::{chain, excerpt, json_line, printable};
use countermand_core::{Error, ErrorKind, Operation, OperationName, Outcome, Verdict};
use countermand_fleet::input::LeftOut;
use countermand_fleet::store::{Missed, Vanished};
use countermand_fleet::{NotSearched, Services, Target};
use serde::Serialize;

use crate::exit::Exit;
use crate::output::json::{
    FoundLine, INPUT, InputLine, InterruptedError, OPERATION, OperationJson, OperationLine,
    OutcomeLine, Refused, RefusedError, SEARCH, SearchLine,
};
use crate::output::streams;
use crate::output::writer::Output;
use crate::signals::Signals;

/// The begin of a line that an operator must not miss.
const WARNING: &str = "WARNING:";

/// Names longer than this are not waited for by the columns after them.
const WIDEST: usize = 100;

/// Greatest number of characters of a server's text on a line.
const LONGEST: usize = 200;

/// Tells the outcomes of operations, on standard output.
pub(crate) struct Report {
    pub(crate) output: Output,
    json: bool,
    width: usize,
    /// True if only counts are told.
    pub(crate) brief: bool,
}

impl Report {
    pub(crate) fn start(json: bool) -> Self {
        Self {
            output: Output::start(),
            json,
            width: 0,
            brief: false,
        }
    }

    /// Makes room for these names.
    pub(crate) fn align<'a>(&mut self, names: impl IntoIterator<Item = &'a OperationName>) {
        let widths = names.into_iter().map(|name| name.as_str().chars().count());
        self.width = widths.max().unwrap_or(0).min(WIDEST);
    }

    /// A countermand that has ended.
    pub(crate) fn outcome(&self, name: &OperationName, result: &Result<Outcome, Error>) {
        match result {
            _ if self.brief => {}
            _ if self.json => self.json(&OutcomeLine::of(name, result)),
            Ok(outcome) => self.text_line(
                outcome.verdict.as_str(),
                color(outcome.verdict),
                name,
                &detail(name, outcome),
            ),
            Err(error) => self.error_line(name, error),
        }
    }

    /// The JSON of a countermand that has ended, whatever the form of the report.
    pub(crate) fn outcome_json(name: &OperationName, result: &Result<Outcome, Error>) -> String {
        // Names, words and numbers: there is no map with odd keys in it that could fail.
        json_line(&OutcomeLine::of(name, result)).unwrap_or_default()
    }

    /// A pending operation that a search has found.
    pub(crate) fn target(&self, target: &Target) {
        let command = &target.command;
        if self.json {
            return self.json(&FoundLine {
                schema: OPERATION,
                name: target.name.as_str(),
                state: Verdict::Pending.as_str(),
                operation: OperationJson {
                    name: target.name.as_str(),
                    metadata: command,
                },
                device_seen: target.device_seen.map(|time| time.to_string()),
            });
        }
        let kind = excerpt(command.kind.as_deref().unwrap_or_default(), LONGEST);
        let created = command.create_time.map(|time| format!(" of {time}"));
        let detail = format!("{kind}{}", created.unwrap_or_default());
        let word = Verdict::Pending;
        self.text_line(word.as_str(), color(word), &target.name, &detail);
    }

    /// A name nothing was sent for.
    pub(crate) fn refused(&self, refused: &Refused) {
        if self.json {
            self.json(&OutcomeLine {
                error: Some(&RefusedError::new(refused)),
                ..OutcomeLine::bare(&refused.text)
            });
        }
        self.complain(refused);
    }

    /// A name that nothing was asked for, where operations are shown.
    pub(crate) fn unreadable(&self, refused: &Refused) {
        if self.json {
            self.json(&OperationLine {
                schema: OPERATION,
                name: &refused.text,
                state: None,
                operation: None,
                error: Some(&RefusedError::new(refused)),
            });
        }
        self.complain(refused);
    }

    /// Tells of a name that is refused.
    pub(crate) fn complain(&self, refused: &Refused) {
        let Refused { place, problem, .. } = refused;
        if refused.shown {
            self.output.note(&format!("{place}: {problem}"));
        }
    }

    /// Parts of the input that are neither names nor mistakes, counted.
    pub(crate) fn left_out(&self, left_out: &LeftOut) {
        if self.json && !left_out.is_empty() {
            self.json(&InputLine {
                schema: INPUT,
                left_out,
            });
        }
    }

    /// A name that was left, or cut short, when the run was told to stop.
    pub(crate) fn interrupted(&self, name: &OperationName, started: bool) {
        if self.json {
            self.json(&OutcomeLine {
                error: Some(&InterruptedError {
                    kind: "interrupted",
                    message: "the run was stopped by a signal",
                    maybe_delivered: started,
                }),
                ..OutcomeLine::bare(name.as_str())
            });
        } else {
            self.output.note(name.as_str());
        }
    }

    /// An operation as the server tells it, or why it does not.
    pub(crate) fn operation(&self, name: &OperationName, result: &Result<Operation, Error>) {
        match result {
            Ok(operation) if self.json => self.json(&OperationLine {
                schema: OPERATION,
                name: name.as_str(),
                state: Some(state(operation).as_str()),
                operation: Some(operation),
                error: None::<&Error>,
            }),
            Ok(operation) => {
                let verdict = state(operation);
                let detail = [about(operation), status(operation)].join("");
                self.text_line(verdict.as_str(), color(verdict), name, &detail);
            }
            Err(error) if self.json => self.json(&OperationLine {
                schema: OPERATION,
                name: name.as_str(),
                state: None,
                operation: None,
                error: Some(error),
            }),
            Err(error) => self.error_line(name, error),
        }
    }

    /// A text about the whole: part of what people read, and never of the JSON. Warnings are coloured.
    pub(crate) fn sentence(&self, text: &str) {
        let alarm = AnsiColor::Red.on_default().bold();
        let text = text.lines().map(|line| match line.strip_prefix(WARNING) {
            Some(rest) => format!("{alarm}{WARNING}{alarm:#}{rest}"),
            None => line.to_owned(),
        });
        let text = text.collect::<Vec<_>>().join("\n");
        match self.json {
            true => self.output.note(&text),
            false => self.output.line(text),
        }
    }

    /// Tells that the server has refused a request for the quota.
    pub(crate) fn paused(&self, lane: Option<&str>, pause: Duration) {
        if !self.brief {
            let seconds = pause.as_secs_f64();
            let (of, all) = match lane {
                Some(lane) => (format!("lane {lane}: "), "this lane"),
                None => (String::new(), "everything"),
            };
            self.output.note(&format!(
                "{of}the server refuses requests for the quota: {all} waits for {seconds:.1} s, which no --deadline counts"
            ));
        }
    }

    /// Tells a passing failure.
    pub(crate) fn failing(&self, lane: Option<&str>, cause: &str) {
        if !self.brief {
            let of = lane.map_or_else(String::new, |lane| format!("lane {lane} "));
            self.output
                .note(&format!("{of}failing: {cause}; it is tried again"));
        }
    }

    /// Tells of an enterprise that refuses every call.
    pub(crate) fn denied(&self, enterprise: &str) {
        self.output
            .note(&format!("{enterprise} denies everything and is left alone"));
    }

    /// Waits until everything is written; a signal ends the waiting. A summary that standard output did
    /// not take goes to standard error.
    pub(crate) async fn end(
        self,
        exit: Exit,
        summary: Option<&str>,
        signals: &mut Signals,
    ) -> Exit {
        let summary = summary.filter(|_| !self.json);
        tokio::select! {
            written = self.output.finish() => {
                if !written {
                    if streams::lost().is_none() {
                        streams::note("warning: standard output was closed, results are missing there");
                    }
                    summary.into_iter().for_each(streams::note);
                }
                exit
            }
            signal = signals.next() => signal,
        }
    }

    /// Tells programs what a search has not seen, if there is something.
    pub(crate) fn not_seen(
        &self,
        services: &Services,
        missed: &[Missed],
        vanished: &[Vanished],
        not_searched: &NotSearched,
    ) {
        let is_all = missed.is_empty() && vanished.is_empty() && not_searched.is_empty();
        if self.json && !is_all {
            self.json(&SearchLine {
                schema: SEARCH,
                service: services.only().map(|only| only.id),
                missed,
                vanished,
                not_searched,
            });
        }
    }

    fn error_line(&self, name: &OperationName, error: &Error) {
        self.text_line(
            "error",
            AnsiColor::Red.on_default().bold(),
            name,
            &explain(error),
        );
    }

    fn text_line(&self, word: &str, style: Style, name: &OperationName, detail: &str) {
        let width = self.width;
        let (name, detail) = (printable(name.as_str()), printable(detail));
        let line = format!("{style}{word:<11}{style:#}  {name:<width$}  {detail}");
        self.output.line(line.trim_end().to_owned());
    }

    pub(crate) fn json(&self, line: &impl Serialize) {
        // Names, words and numbers: there is no map with odd keys in it that could fail.
        if let Ok(line) = json_line(line) {
            self.output.line(line);
        }
    }
}

/// An operation's state in the words of verdicts.
fn state(operation: &Operation) -> Verdict {
    operation.verdict().unwrap_or(Verdict::Pending)
}

/// Cause and remedy of an error, without the name, which stands before it.
fn explain(error: &Error) -> String {
    let text = chain(error);
    let name = error.operation().map(|name| format!("{name}: "));
    let what = name
        .and_then(|name| text.strip_prefix(&name))
        .unwrap_or(&text);
    format!("{what}; {}", error.advice())
}

fn detail(name: &OperationName, outcome: &Outcome) -> String {
    let parent = name.service().level_above(1).noun;
    let mut text = outcome.operation.as_ref().map(kind).unwrap_or_default();
    if !text.is_empty() {
        text.push_str(": ");
    }
    let meaning = outcome.verdict.meaning();
    // The verdict itself stands at the start of the line.
    text.push_str(meaning);
    if let (Verdict::Failed, Some(operation)) = (outcome.verdict, &outcome.operation) {
        text.push_str(&status(operation));
    }
    match outcome.parent_exists {
        Some(true) => text.push_str(&format!("; the {parent} still has a record")),
        Some(false) => text.push_str(&format!("; the {parent} has no record either")),
        None => {}
    }
    match &outcome.error {
        // The failure is told once, for all that it has stopped.
        Some(error) if is_stopped(error) => {
            text.push_str("; not followed to its end, because of the failure that stopped the run");
        }
        // Gone is the same news in better words.
        Some(error) if !matches!(error.kind(), ErrorKind::NotFound(_)) => {
            let _ = write!(text, "; {}", explain(error));
        }
        _ => {}
    }
    if outcome.attempts > 2 {
        let _ = write!(text, " ({} requests)", outcome.attempts);
    }
    text
}

/// True where a failure of another operation has ended this one.
fn is_stopped(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotAttempted { cause } if cause.is_failure())
}

/// The command's type, as far as the server tells it.
fn kind(operation: &Operation) -> String {
    let command = operation.metadata.as_ref();
    let kind = command.and_then(|command| command.kind.as_deref());
    excerpt(kind.unwrap_or_default(), LONGEST)
}

/// The command's type and when it was made.
fn about(operation: &Operation) -> String {
    let kind = kind(operation);
    match operation
        .metadata
        .as_ref()
        .and_then(|command| command.create_time)
    {
        Some(time) => format!("{kind} of {time}"),
        None => kind,
    }
}

/// Reason why it ended without success.
fn status(operation: &Operation) -> String {
    let mut text = String::new();
    if let Some(status) = &operation.error {
        let _ = write!(text, ", code {}", status.code);
        if !status.message.is_empty() {
            let _ = write!(text, " ({})", excerpt(&status.message, LONGEST));
        }
    }
    let code = operation.metadata.as_ref();
    if let Some(code) = code.and_then(|command| command.error_code.as_deref()) {
        let _ = write!(
            text,
            ", error code of the command {}",
            excerpt(code, LONGEST)
        );
    }
    text
}

fn color(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Cancelled => AnsiColor::Green.on_default(),
        Verdict::Completed => AnsiColor::Red.on_default().bold(),
        Verdict::Failed | Verdict::Expired => AnsiColor::Cyan.on_default(),
        Verdict::Pending | Verdict::Gone | Verdict::Unverified => AnsiColor::Yellow.on_default(),
    }
}
