//! What stands around the rows of the page.

use std::collections::HashMap;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countermand_core::{Timestamp, printable};
use sha2::{Digest, Sha256};

use super::html_rows::{BLOCK, LINE_COLUMNS, moment};
use super::spell::{counted, grouped, spell};
use super::summary::hex;
use super::timeline::Timeline;
use super::{Counts, Overview, State, Summary};
use crate::Row;

const STYLE: &str = include_str!("../../templates/report/page.css");
const SCRIPT: &str = include_str!("../../templates/report/page.js");

/// Everything above the rows.
#[derive(Template)]
#[template(path = "report/head.html")]
pub(super) struct Head {
    style: &'static str,
    style_hash: String,
    script_hash: String,
    kind: String,
    reported: String,
    headline: String,
    tone: &'static str,
    lead: String,
    bars: Vec<Bar>,
    bars_width: u64,
    tiles: Vec<Tile>,
    completed: Vec<Device>,
    completed_count: u64,
    completed_words: String,
    completed_more: u64,
    gone: Vec<Device>,
    gone_count: u64,
    gone_words: String,
    gone_more: u64,
    last_cancel: String,
    last_known: String,
    timeline: Option<Timeline>,
    /// Label, value, and whether it is set as code.
    facts: Vec<(&'static str, String, bool)>,
    notes: Vec<String>,
    as_text: bool,
    rows_count: u64,
    rows: String,
    block: String,
    columns: &'static str,
}

/// A part of the bar that shows the shares, in about thousandths.
struct Bar {
    word: &'static str,
    x: u64,
    width: u64,
}

struct Tile {
    word: &'static str,
    label: &'static str,
    count: String,
    meaning: &'static str,
}

/// A device and what is bad news of it.
struct Device {
    name: String,
    operations: Vec<Bad>,
}

struct Bad {
    kind: String,
    id: String,
    created: String,
    asked: String,
    found: String,
    record: &'static str,
}

/// Everything below the rows.
#[derive(Template)]
#[template(path = "report/foot.html")]
pub(super) struct Foot {
    as_text: bool,
    rows: u64,
    total: String,
    script: &'static str,
}

impl Foot {
    pub(super) fn of(counts: &Counts, as_text: bool) -> Self {
        Self {
            as_text,
            rows: counts.rows,
            total: counted(counts.rows, "operation"),
            script: SCRIPT,
        }
    }
}

impl Head {
    pub(super) fn of(overview: &Overview, summary: &Summary, as_text: bool) -> Self {
        let counts = &overview.counts;
        let (headline, tone, lead) = headline(counts);
        let completed_count = counts.of(State::Completed);
        let gone_count = counts.of(State::Gone);
        let bars = bars(counts);
        let figure = |time: Option<_>| time.map_or_else(|| "none yet".to_owned(), spell);
        Self {
            style: STYLE,
            style_hash: csp_hash(STYLE),
            script_hash: csp_hash(SCRIPT),
            kind: printable(&summary.kind).into_owned(),
            reported: to_the_second(summary.reported),
            headline,
            tone,
            lead,
            bars_width: bars.iter().map(|bar| bar.width).sum(),
            bars,
            tiles: tiles(counts),
            completed: devices(&overview.completed),
            completed_count,
            completed_words: counted(completed_count, "operation"),
            completed_more: completed_count - overview.completed.len() as u64,
            gone: devices(&overview.gone),
            gone_count,
            gone_words: counted(gone_count, "operation"),
            gone_more: gone_count - overview.gone.len() as u64,
            last_cancel: figure(counts.time_to_last_cancel(summary)),
            last_known: figure(counts.time_to_last_verdict(summary)),
            timeline: Timeline::of(overview, &summary.runs),
            facts: facts(counts, summary),
            notes: summary
                .notes
                .iter()
                .map(|note| printable(note).into_owned())
                .collect(),
            as_text,
            rows_count: counts.rows,
            rows: grouped(counts.rows),
            block: grouped(BLOCK),
            columns: LINE_COLUMNS,
        }
    }
}

fn to_the_second(time: Timestamp) -> String {
    let text = moment(Some(time));
    format!("{} UTC", text.split('.').next().unwrap_or_default())
}

/// What the policy of the page allows to run: this text and no other.
fn csp_hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

/// The one sentence for who reads no further, its tone, and the sentence after it.
fn headline(counts: &Counts) -> (String, &'static str, String) {
    let total = counted(counts.rows, "operation");
    let of = |count: u64| format!("{} of {total}", grouped(count));
    let (completed, gone) = (counts.of(State::Completed), counts.of(State::Gone));
    let (open, cancelled) = (counts.open(), counts.of(State::Cancelled));
    let (headline, tone) = match () {
        () if counts.rows == 0 => ("No operations".to_owned(), "none"),
        () if completed > 0 => (format!("{} completed anyway", of(completed)), "completed"),
        () if gone > 0 => (format!("{} may have executed", of(gone)), "gone"),
        () if open > 0 => (format!("{} not resolved yet", of(open)), "open"),
        () if cancelled < counts.rows => (format!("{} cancelled", of(cancelled)), "cancelled"),
        () if cancelled == 1 => ("The operation is cancelled".to_owned(), "cancelled"),
        () => (format!("All {total} cancelled"), "cancelled"),
    };
    let lead = match () {
        () if counts.rows == 0 => "There was nothing to cancel.".to_owned(),
        () if cancelled == counts.rows => {
            "The server confirms it for each of them: the commands will not happen any more."
                .to_owned()
        }
        () => {
            let rest = match open {
                0 => "The end of every operation is known.".to_owned(),
                _ => {
                    let go_on = if counts.again > 0 {
                        ": go on with the job"
                    } else {
                        ""
                    };
                    format!("{} without an end that is known{go_on}.", grouped(open))
                }
            };
            format!(
                "{} confirmed as cancelled by the server. {rest}",
                grouped(cancelled)
            )
        }
    };
    (headline, tone, lead)
}

/// What is less than a thousandth of all is seen, too: it is the bad news more often than not.
fn bars(counts: &Counts) -> Vec<Bar> {
    let mut x = 0;
    let states = counts.states.iter();
    states
        .map(|(state, count)| {
            let share = u128::from(*count) * 1000 / u128::from(counts.rows.max(1));
            let width = u64::try_from(share).unwrap_or(0).max(4);
            let word = state.as_str();
            let bar = Bar { word, x, width };
            x += width;
            bar
        })
        .collect()
}

fn tiles(counts: &Counts) -> Vec<Tile> {
    let states = counts.states.iter();
    states
        .map(|(state, count)| Tile {
            word: state.as_str(),
            label: match state {
                State::Completed => "completed anyway",
                State::Error => "without a verdict",
                state => state.as_str(),
            },
            count: grouped(*count),
            meaning: state.meaning(),
        })
        .collect()
}

/// By device, in the order in which the devices come first.
fn devices(rows: &[Row]) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    let mut places = HashMap::new();
    for row in rows {
        let device = row.item.name.device();
        let place = *places.entry(device).or_insert(devices.len());
        if place == devices.len() {
            let name = row.item.name.device();
            devices.push(Device {
                name: printable(name.as_str()).into_owned(),
                operations: Vec::new(),
            });
        }
        devices[place].operations.push(bad(row));
    }
    devices
}

fn bad(row: &Row) -> Bad {
    let finding = row.standing.finding.as_ref();
    let kind = row.item.command.kind.as_deref();
    Bad {
        kind: printable(kind.unwrap_or("operation")).into_owned(),
        id: printable(row.item.name.operation()).into_owned(),
        created: moment(row.item.command.create_time),
        asked: moment(row.standing.asked),
        found: moment(finding.map(|finding| finding.at)),
        record: match finding.and_then(|finding| finding.device_exists) {
            Some(true) => "exists",
            Some(false) => "none: may have been wiped",
            None => "not looked for",
        },
    }
}

fn facts(counts: &Counts, summary: &Summary) -> Vec<(&'static str, String, bool)> {
    let words = |text: &String| printable(text).into_owned();
    let time = to_the_second;
    let mut facts = vec![
        ("Operations", grouped(counts.rows), false),
        ("Job made", time(summary.created), false),
        ("Endpoint", words(&summary.endpoint), true),
    ];
    let quota = summary.quota.as_ref();
    facts.extend(quota.map(|quota| ("Quota", words(quota), false)));
    for run in &summary.runs {
        let ended = run.ended.map_or_else(|| "no end recorded".to_owned(), time);
        facts.push(("Run", format!("{} to {ended}", time(run.begun)), false));
    }
    if summary.duplicates > 0 {
        facts.push(("Duplicates left out", grouped(summary.duplicates), false));
    }
    let digest = summary.digest.as_ref();
    facts.extend(digest.map(|digest| ("SHA-256 of the plan", hex(digest), true)));
    if counts.again > 0 {
        let resume = summary.resume.as_ref();
        facts.extend(resume.map(|resume| ("To go on", words(resume), true)));
    }
    facts
}
