//! The rows of the page: cells of a table or, where there are too many, lines of text.

use std::borrow::Cow;
use std::io::{self, Write};

use askama::Template;
use countermand_core::Timestamp;
use countermand_core::text::printable;

use super::row::Row;
use crate::counts::Counts;
use crate::job_row::JobRow;
use crate::services::Services;
use crate::spell::grouped;
use crate::store::Digest;

/// Number of lines in one block of text.
pub(super) const BLOCK: u64 = 1000;

/// Columns of the lines of text, separated by tabs.
pub(super) fn line_columns(services: &Services) -> String {
    let noun = services.noun(1);
    let seen = services
        .tell_active_time()
        .then(|| format!("{noun} seen\t"));
    let seen = seen.unwrap_or_default();
    format!(
        "no.\tstate\toperation\ttype\tcreated\t{seen}sent\taccepted\tconfirmed\trequests\tSHA-256\tdetails"
    )
}

/// A row of the table.
#[derive(Template)]
#[template(path = "report/row.html")]
pub(super) struct RowCells<'a> {
    position: u64,
    name: Cow<'a, str>,
    about: String,
    state: &'static str,
    details: String,
    cancel_sent_at: String,
    accepted_at: String,
    verified_at: String,
    attempts: u32,
    sha256: String,
}

impl<'a> RowCells<'a> {
    pub(super) fn of(row: &'a JobRow) -> Self {
        let record = Row::of(row);
        Self {
            position: record.position,
            name: printable(record.name.as_str()),
            about: about(&record),
            state: record.state.as_str(),
            details: details(&record),
            cancel_sent_at: moment(record.cancel_sent_at),
            accepted_at: moment(record.accepted_at),
            verified_at: verified_at(&record),
            attempts: record.attempts,
            sha256: record
                .body_sha256
                .as_ref()
                .map_or_else(dash, Digest::to_string),
        }
    }
}

fn dash() -> String {
    "–".to_owned()
}

/// `2026-11-25 20:45:31.123`, or a dash.
pub(super) fn moment(time: Option<Timestamp>) -> String {
    time.map_or_else(dash, |time| {
        let text = time.to_string();
        text.trim_end_matches('Z').replacen('T', " ", 1)
    })
}

fn verified_at(record: &Row<'_>) -> String {
    match (record.verified_at, record.resolved_at) {
        _ if record.from_input => "not asked: by the input".to_owned(),
        (None, Some(at)) => format!("not yet; looked {}", moment(Some(at))),
        (verified_at, _) => moment(verified_at),
    }
}

fn about(record: &Row<'_>) -> String {
    let mut parts = Vec::new();
    match record.kind {
        Some(kind) => parts.push(printable(kind).into_owned()),
        None if record.name.tells_kind() => parts.push("type not known".to_owned()),
        None => {}
    }
    let seen = format!("{} last seen", parent(record));
    for (what, time) in [
        ("created", record.create_time),
        (&*seen, record.device_seen),
    ] {
        if time.is_some() {
            parts.push(format!("{what} {}", moment(time)));
        }
    }
    parts.join(" · ")
}

/// The noun of what the operation belongs to.
fn parent(record: &Row<'_>) -> &'static str {
    record.name.service().level_above(1).noun
}

/// Text of the server, or of the error, beyond the state.
fn details(record: &Row<'_>) -> String {
    let mut parts = Vec::new();
    if let Some(code) = record.code() {
        let message = record.message().map(printable).unwrap_or_default();
        parts.push(match message.is_empty() {
            true => format!("error code {code}"),
            false => format!("error code {code}: {message}"),
        });
    }
    match record.parent_exists {
        Some(true) => parts.push(format!("the {} has a record", parent(record))),
        Some(false) => parts.push(format!("the {} has no record either", parent(record))),
        None => {}
    }
    for (what, name) in [("lane", record.lane), ("file", record.job)] {
        parts.extend(name.map(|name| format!("{what} {}", printable(name))));
    }
    let problem = record.problem_message().or(record.problem());
    parts.extend(problem.map(|problem| printable(problem).into_owned()));
    parts.join("; ")
}

/// Lines of text until they are written as a block.
#[derive(Default)]
pub(super) struct Blocks {
    /// The lines have the column of the time when the parent was last seen.
    seen: bool,
    counts: Counts,
    first: u64,
    lines: String,
}

#[derive(Template)]
#[template(path = "report/block.html")]
struct Block<'a> {
    title: &'a str,
    lines: &'a str,
}

impl Blocks {
    pub(super) fn of(services: &Services) -> Self {
        Self {
            seen: services.tell_active_time(),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, row: &JobRow) {
        let record = Row::of(row);
        if self.counts.rows == 0 {
            self.first = record.position;
        }
        self.counts.add(row);
        let name = printable(record.name.as_str());
        let kind = record.kind.map(printable).unwrap_or_default();
        let sha256 = record
            .body_sha256
            .as_ref()
            .map_or_else(dash, Digest::to_string);
        let seen = self.seen.then(|| moment(record.device_seen));
        let (position, created) = (record.position.to_string(), moment(record.create_time));
        let known = [&*position, record.state.as_str(), &name, &kind, &created];
        let fields: [&str; 6] = [
            &moment(record.cancel_sent_at),
            &moment(record.accepted_at),
            &verified_at(&record),
            &record.attempts.to_string(),
            &sha256,
            &details(&record),
        ];
        let fields: Vec<&str> = known
            .into_iter()
            .chain(seen.as_deref())
            .chain(fields)
            .collect();
        self.lines.push_str(&fields.join("\t"));
        self.lines.push('\n');
    }

    /// Writes the block so far, if it has any line.
    pub(super) fn write(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.counts.rows > 0 {
            let title = format!(
                "From no. {}: {}",
                grouped(self.first),
                self.counts.sentence()
            );
            let lines = &self.lines;
            Block {
                title: &title,
                lines,
            }
            .write_into(out)?;
            self.lines.clear();
            self.counts = Counts::default();
        }
        Ok(())
    }
}
