//! The page around its rows.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countermand_core::Timestamp;
use countermand_core::text::printable;
use sha2::{Digest, Sha256};

use super::html_rows::{BLOCK, line_columns, moment};
use super::overview::Overview;
use super::row::Row;
use super::sentences::noun_of;
use super::summary::Summary;
use super::timeline::{Moments, Timeline};
use crate::counts::Counts;
use crate::job_row::JobRow;
use crate::row_state::{RowState, UNVERIFIABLE};
use crate::services::Services;
use crate::spell::{counted, few, grouped, no_method, spell};

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
    /// The command that goes on, if another run may find out more.
    resume: Vec<String>,
    before: Vec<Alarm>,
    vanished: Vec<Lost>,
    vanished_words: String,
    after: Vec<Alarm>,
    cancelled: String,
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
    columns: String,
    /// Heading of what operations belong to, `Device` or `Parent`.
    parent: String,
    /// The same in small letters.
    parent_word: &'static str,
    /// True if the service tells when one was last active.
    seen: bool,
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

/// The operations of a state in which the device may act.
struct Alarm {
    id: &'static str,
    tone: &'static str,
    title: &'static str,
    text: String,
    rows: Vec<Bad>,
    /// Number of further ones that are not listed, and the word to search for.
    more: Option<(String, &'static str)>,
    /// True if the record of a device was looked for, and there are reasons to tell.
    records: bool,
    reasons: bool,
}

struct Bad {
    device: String,
    seen: String,
    kind: String,
    id: String,
    created: String,
    cancel_sent_at: String,
    found: String,
    record: &'static str,
    reason: String,
}

/// A device that vanished while it was searched.
struct Lost {
    device: String,
    seen: String,
    found: String,
}

/// Everything below the rows.
#[derive(Template)]
#[template(path = "report/foot.html")]
pub(super) struct Foot {
    as_text: bool,
    rows: u64,
    total: String,
    script: &'static str,
    /// True if operations are commands to devices.
    commands: bool,
}

impl Foot {
    pub(super) fn of(counts: &Counts, services: &Services, as_text: bool) -> Self {
        Self {
            as_text,
            rows: counts.rows,
            total: counted(counts.rows, "operation"),
            script: SCRIPT,
            commands: services.are_commands(),
        }
    }
}

impl Head {
    pub(super) fn of(
        overview: &Overview,
        moments: &Moments,
        summary: &Summary,
        as_text: bool,
    ) -> Self {
        let counts = &overview.counts;
        let (headline, tone, lead) = headline(counts, summary);
        let alarms = |states: &[RowState]| -> Vec<Alarm> {
            let alarms = states
                .iter()
                .map(|state| Alarm::of(*state, overview, &summary.services));
            alarms.flatten().collect()
        };
        let vanished = summary.vanished.iter();
        let parent_word = summary.services.searched("parent");
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
            resume: summary
                .commands()
                .map(|resume| printable(resume).into_owned())
                .collect(),
            before: alarms(&[RowState::Completed, RowState::Gone]),
            vanished: vanished
                .map(|device| Lost {
                    device: printable(device.device.as_str()).into_owned(),
                    seen: moment(device.seen),
                    found: moment(Some(device.at)),
                })
                .collect(),
            vanished_words: counted(summary.vanished.len() as u64, noun_of(&summary.vanished)),
            after: alarms(&[
                RowState::Pending,
                RowState::Unverified,
                RowState::Error,
                RowState::Unsent,
            ]),
            cancelled: counted(counts.of(RowState::Cancelled), "operation"),
            last_cancel: figure(counts.time_to_last_cancel(summary)),
            last_known: figure(counts.time_to_last_verdict(summary)),
            timeline: Timeline::of(counts.rows, moments, &summary.runs),
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
            columns: line_columns(&summary.services),
            parent: capitalized(parent_word),
            parent_word,
            seen: summary.services.tell_active_time(),
        }
    }
}

fn to_the_second(time: Timestamp) -> String {
    let text = moment(Some(time));
    format!("{} UTC", text.split('.').next().unwrap_or_default())
}

/// Source that the policy of the page allows to run: this text and no other.
fn csp_hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
    format!("{}{rest}", first.to_uppercase())
}

/// The one sentence for a reader who reads no further, its tone, and the sentence after it.
fn headline(counts: &Counts, summary: &Summary) -> (String, &'static str, String) {
    let searching = summary.search_is_open();
    let incomplete = summary.incomplete();
    let vanished = summary.vanished.len() as u64;
    let total = counted(counts.rows, "operation");
    let of = |count: u64| format!("{} of {total}", grouped(count));
    let (completed, gone) = (counts.of(RowState::Completed), counts.of(RowState::Gone));
    let (open, cancelled) = (counts.open(), counts.of(RowState::Cancelled));
    let of_input = counts.of_input(RowState::Cancelled);
    let confirmed = cancelled - of_input;
    let by_input_alone = counts.rows > 0 && counts.all_of_input() == counts.rows;
    let (headline, tone) = match () {
        () if counts.rows == 0 && searching => ("Search not finished".to_owned(), "open"),
        () if counts.rows == 0 && incomplete.is_some() => (
            "Nothing found, and not everything searched".to_owned(),
            "open",
        ),
        () if counts.rows == 0 && vanished == 0 => ("No operations".to_owned(), "none"),
        () if completed > 0 => (format!("{} completed anyway", of(completed)), "completed"),
        () if gone > 0 => (format!("{} may have executed", of(gone)), "gone"),
        () if vanished > 0 => (
            format!(
                "{} vanished, and probably wiped",
                counted(vanished, noun_of(&summary.vanished))
            ),
            "gone",
        ),
        () if open > 0 => (format!("{} not resolved yet", of(open)), "open"),
        () if searching || incomplete.is_some() => (
            format!("{} cancelled, and not everything searched", of(confirmed)),
            "open",
        ),
        () if by_input_alone => ("Done by the word of the input alone".to_owned(), "open"),
        () if confirmed < counts.rows => (format!("{} cancelled", of(confirmed)), "cancelled"),
        () if cancelled == 1 => ("The operation is cancelled".to_owned(), "cancelled"),
        () => (format!("All {total} cancelled"), "cancelled"),
    };
    let lead = match () {
        () if counts.rows == 0 && searching => {
            "No operation has been found yet. More may be pending: the search has not ended."
                .to_owned()
        }
        () if counts.rows == 0 && incomplete.is_some() => String::new(),
        () if counts.rows == 0 => "There was nothing to cancel.".to_owned(),
        () if by_input_alone => {
            "The server was not asked about any of them, so this is no proof. To have it verified, give the names alone."
                .to_owned()
        }
        () if confirmed == counts.rows => {
            let happen = match summary.services.are_commands() {
                true => "the commands will not happen any more",
                false => "they will not go on",
            };
            format!("The server confirms it for each of them: {happen}.")
        }
        () => {
            let rest = match open {
                0 => "The end of every operation is known.".to_owned(),
                _ => {
                    format!("{} without an end that is known.", grouped(open))
                }
            };
            let by_input = match of_input {
                0 => String::new(),
                count => format!(
                    " {} cancelled according to the input of the plan: the server was not asked, and that is no proof.",
                    grouped(count)
                ),
            };
            format!(
                "{} confirmed as cancelled by the server.{by_input} {rest}",
                grouped(confirmed)
            )
        }
    };
    let lead = match incomplete {
        None => lead,
        Some(sentence) => format!("{sentence}. {lead}").trim_end().to_owned(),
    };
    (headline, tone, lead)
}

/// Bars of all states. A share of less than a thousandth is drawn, too: it is the bad news more
/// often than not.
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
                RowState::Completed => "completed anyway",
                RowState::Error => "without a verdict",
                state => state.as_str(),
            },
            count: grouped(*count),
            meaning: match counts.of_input(*state) {
                _ if *state == RowState::Unverified && counts.unverifiable == *count => {
                    UNVERIFIABLE
                }
                0 => state.meaning(),
                by if by == *count => "the input of the plan says so; the server was not asked",
                _ => "of some, only the input of the plan says so",
            },
        })
        .collect()
}

impl Alarm {
    /// `None` where there is nothing of the kind.
    fn of(state: RowState, overview: &Overview, services: &Services) -> Option<Self> {
        let count = overview.counts.of(state);
        if count == 0 {
            return None;
        }
        let shown = overview.of_state(state);
        let more = count - shown.len() as u64;
        let (tone, title, mut text) = alarm(state, count, services);
        match overview.counts.of_input(state) {
            0 => {}
            by => text.push_str(&format!(
                " Of {} of them, only the input of the plan says so.",
                grouped(by)
            )),
        }
        if state == RowState::Unverified {
            text = unverified(text, &overview.counts, services);
        }
        let rows: Vec<Bad> = shown.iter().map(bad).collect();
        Some(Self {
            id: state.as_str(),
            tone,
            title,
            text,
            more: (more > 0).then(|| (grouped(more), state.as_str())),
            records: rows.iter().any(|row| !row.record.is_empty()),
            reasons: state == RowState::Error,
            rows,
        })
    }
}

/// The text over the unverified operations: what is known of those whose service has no method that shows them.
fn unverified(text: String, counts: &Counts, services: &Services) -> String {
    let (count, all) = (counts.unverifiable, counts.of(RowState::Unverified));
    if count == 0 {
        return text;
    }
    let reason = no_method(services);
    let accepted = match count == all {
        true => format!(
            "The server accepted a cancel for {}",
            counted(count, "operation")
        ),
        false => format!(
            "{text} Of {} of them the server accepted a cancel",
            grouped(count)
        ),
    };
    format!(
        "{accepted}; {reason}, so nothing more can be proven here. Look with the service's own tools."
    )
}

/// Tone, title and text over the operations of a state. Where a service keeps records of the resources that carry
/// operations out, they are what to look at.
fn alarm(state: RowState, count: u64, services: &Services) -> (&'static str, &'static str, String) {
    let words = counted(count, "operation");
    let (was, it, its) = match count {
        1 => ("was", "it", "the device"),
        _ => ("were", "them", "the devices"),
    };
    if !services.are_commands() {
        return alarm_of_operations(state, &words, was, it);
    }
    match state {
        RowState::Completed => (
            "completed",
            "Completed anyway",
            format!(
                "{words} completed, before the cancellation or despite it. These devices may have carried the command out: look at them first."
            ),
        ),
        RowState::Gone => (
            "gone",
            "Gone, and may have executed",
            format!(
                "The server has no record of {words} any more. The record of a device is deleted once it has confirmed a wipe, so a device without one was probably wiped."
            ),
        ),
        RowState::Pending => (
            "open",
            "Pending: the device may still act",
            format!(
                "{words} {was} still pending at the last look: {its} may carry {it} out when next online."
            ),
        ),
        RowState::Unverified => (
            "open",
            "Not confirmed",
            format!(
                "A cancel was sent for {words}, or may have been, and what became of it is not known."
            ),
        ),
        RowState::Error => (
            "open",
            "Without a verdict",
            format!("An error kept the end of {words} from being known: {its} may still act."),
        ),
        _ => (
            "open",
            "Not attempted",
            format!("No cancel was sent for {words} that may have arrived: {its} may still act."),
        ),
    }
}

fn alarm_of_operations(
    state: RowState,
    words: &str,
    was: &str,
    it: &str,
) -> (&'static str, &'static str, String) {
    let still = format!("the server may still carry {it} out");
    match state {
        RowState::Completed => (
            "completed",
            "Completed anyway",
            format!(
                "{words} completed, before the cancellation or despite it: look at what was done first."
            ),
        ),
        RowState::Gone => (
            "gone",
            "Gone, and may have been carried out",
            format!(
                "The server has no record of {words} any more, and tells nothing of what became of {it}."
            ),
        ),
        RowState::Pending => (
            "open",
            "Pending: may still be carried out",
            format!("{words} {was} still pending at the last look: {still}."),
        ),
        RowState::Unverified => (
            "open",
            "Not confirmed",
            format!(
                "A cancel was sent for {words}, or may have been, and what became of {it} is not known."
            ),
        ),
        RowState::Error => (
            "open",
            "Without a verdict",
            format!("An error kept the end of {words} from being known: {still}."),
        ),
        _ => (
            "open",
            "Not attempted",
            format!("No cancel was sent for {words} that may have arrived: {still}."),
        ),
    }
}

fn bad(row: &JobRow) -> Bad {
    let record = Row::of(row);
    let text = |text: &str| printable(text).into_owned();
    let reason = match record.state {
        RowState::Error => record.problem_message().or(record.problem()),
        _ => None,
    };
    Bad {
        device: text(row.target.name.parent().as_str()),
        seen: moment(record.device_seen),
        kind: text(record.kind.unwrap_or("operation")),
        id: text(row.target.name.id()),
        created: moment(record.create_time),
        cancel_sent_at: moment(record.cancel_sent_at),
        found: moment(record.resolved_at),
        record: match record.parent_exists {
            Some(true) => "exists",
            Some(false) => "none: may have been wiped",
            None => "",
        },
        reason: reason.map(text).unwrap_or_default(),
    }
}

fn facts(counts: &Counts, summary: &Summary) -> Vec<(&'static str, String, bool)> {
    let words = |text: &str| printable(text).into_owned();
    let time = to_the_second;
    let mut facts = vec![
        ("Operations", grouped(counts.rows), false),
        ("Job made", time(summary.created), false),
        ("Endpoint", words(&few(summary.endpoints())), true),
    ];
    if !summary.services.are_default() {
        facts.push(("Service", words(&summary.services.ids()), true));
    }
    let filter = summary.server_filter.as_ref();
    facts.extend(filter.map(|filter| ("Filter of the server", words(filter.as_str()), true)));
    let quota = summary.quota.as_ref();
    facts.extend(quota.map(|quota| ("Quota", words(quota), false)));
    let lanes = summary.lanes.iter();
    facts.extend(lanes.map(|lane| ("Lane", words(&lane.to_string()), false)));
    for job in &summary.jobs {
        let text = format!("{}: {}", job.path, job.counts.sentence());
        facts.push(("Job file", words(&text), false));
        let lanes = job.lanes.iter();
        facts.extend(lanes.map(|lane| ("Lane", words(&lane.to_string()), false)));
    }
    if !summary.repeated.is_empty() {
        let count = counted(summary.repeated.operations, "operation");
        facts.push(("In two files", format!("{count}, counted in each"), false));
    }
    for run in &summary.runs {
        let ended = run.ended.map_or_else(|| "no end recorded".to_owned(), time);
        facts.push(("Run", format!("{} to {ended}", time(run.begun)), false));
    }
    if let Some(sentence) = summary.already_done.sentence() {
        facts.push(("Done before the search", sentence, false));
        let names = summary.already_done.first.iter();
        facts.extend(names.map(|name| ("Completed before", words(name.as_str()), true)));
    }
    let others = summary.not_searched.sentence();
    facts.extend(others.map(|others| ("Not searched", others, false)));
    if summary.duplicates > 0 {
        facts.push(("Duplicates left out", grouped(summary.duplicates), false));
    }
    let digest = summary.digest.as_ref();
    facts.extend(digest.map(|digest| ("SHA-256 of the plan", digest.to_string(), true)));
    facts
}
