//! Jobs for the tests of reports: one that looks like real life, and texts that mean harm.

use countermand_core::{OperationName, Phase, Timestamp, Verdict};
use countermand_fleet::report::{RunSpan, Summary};
use countermand_fleet::{JobRow, Resolution, Target};
use serde_json::json;

const BEGIN: i64 = 1_795_640_400_000;

pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(millis)
}

/// The summary of a job of so many rows.
pub(crate) fn summary(rows: u64) -> Summary {
    let mut summary = Summary::new(
        "plan",
        "https://androidmanagement.googleapis.com/v1",
        at(BEGIN - 240_000),
        at(BEGIN + 3_600_000),
    );
    summary.digest = Some(countermand_fleet::store::Digest::new([0xa7; 32]));
    summary.quota = Some("80 % of 600 requests in 60 s and of 1,000 in 100 s".to_owned());
    let end = BEGIN + 30_000 + i64::try_from(rows).unwrap() * 250;
    summary.runs = vec![RunSpan {
        begun: at(BEGIN),
        ended: Some(at(end)),
    }];
    summary.duplicates = 2;
    summary.notes = vec!["1 device could not be listed: it was deleted".to_owned()];
    summary.resume = Some("countermand apply wipes.job".to_owned());
    summary
}

/// JobRow `number` of a mistaken wipe: 8 cancels a second, ends known a little later.
pub(crate) fn row(number: u64) -> JobRow {
    let time = i64::try_from(number).unwrap() * 125;
    let device = number / 2 + 0x3f29_c0de_91a0;
    let name = format!(
        "enterprises/LC02k7d91x/devices/{device:016x}/operations/{}",
        1_795_640_000_000 + number
    );
    let mut target = Target::new(name.parse::<OperationName>().unwrap());
    target.command.kind = Some(
        if number.is_multiple_of(5) {
            "LOCK"
        } else {
            "WIPE"
        }
        .to_owned(),
    );
    target.command.create_time = Some(at(BEGIN - 400_000 + time / 90));
    target.device_seen = Some(at(BEGIN - 86_400_000 - time * 7));
    let mut row = JobRow::new(number + 1, target);
    if number % 97 == 96 {
        return row;
    }
    row.progress.phase = Phase::Accepted;
    row.progress.attempts = 2;
    row.progress.cancel_sent_at = Some(at(BEGIN + 1500 + time));
    row.progress.maybe_delivered_at = row.progress.cancel_sent_at;
    row.progress.accepted_at = Some(at(BEGIN + 1580 + time));
    let verdict = match number % 101 {
        3 => Some(Verdict::Completed),
        4 => Some(Verdict::Gone),
        20 => Some(Verdict::Pending),
        21 => Some(Verdict::Failed),
        22 => Some(Verdict::Expired),
        23 => None,
        24 => Some(Verdict::Unverified),
        _ => Some(Verdict::Cancelled),
    };
    let mut resolution = Resolution::new(at(BEGIN + 9000 + time * 19 / 10), verdict);
    resolution.body_sha256 = Some(std::array::from_fn(|at| {
        (number as usize * 31 + at * 7) as u8
    }));
    resolution.operation = match verdict {
        Some(Verdict::Cancelled) => Some(json!({"name": row.target.name, "done": true,
            "error": {"code": 1, "message": "The operation was cancelled."}})),
        Some(Verdict::Failed) => Some(json!({"name": row.target.name, "done": true,
            "error": {"code": 13, "message": "internal"}})),
        Some(Verdict::Completed) => Some(json!({"name": row.target.name, "done": true})),
        _ => None,
    };
    if verdict == Some(Verdict::Gone) {
        resolution.parent_exists = Some(false);
    }
    if verdict.is_none() {
        resolution.error = Some(json!({"kind": "unavailable",
            "message": "the server answered 503 for ten attempts", "maybe_delivered": true}));
    }
    row.progress.resolution = Some(resolution);
    row
}

/// Texts that would do harm if they were taken for anything but text.
pub(crate) const HOSTILE: [&str; 22] = [
    "<script>window.canary=1;document.title='canary';alert(1)</script>",
    "\"><img src=\"/canary\" onerror=\"window.canary=1;alert(2)\">",
    "' autofocus onfocus='window.canary=1",
    "</td></tr></table></section><script src=/canary></script>",
    "</title><script>window.canary=1</script>",
    "</pre></details><iframe src=/canary></iframe>",
    "</textarea></style></script><svg onload=window.canary=1>",
    "<!--",
    "-->",
    "]]>",
    "<![CDATA[",
    "&lt;script&gt;&amp;&#60;&NotEqualTilde;&",
    "{{ 7*7 }}{% raw %}",
    "javascript:window.canary=1",
    "\u{202e}txet desrever\u{2066}",
    "nul \u{0} and \u{1b}[31;1mred\u{7}",
    "\r\n\tline\u{2028}ends",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "a;=1,+1;-1\"@x",
    "  +1",
    "é\u{301}𝕏\u{feff}",
];

/// A row with a hostile text in every place that a server or a file fills.
pub(crate) fn hostile_row(position: u64, text: &str, verdict: Option<Verdict>) -> JobRow {
    // A name cannot hold everything; what it can hold of the text, it holds.
    let id: String = text
        .chars()
        .filter(|char| !char.is_control() && !char.is_whitespace() && *char != '/')
        .collect();
    let name = format!("enterprises/e/devices/d{id}d/operations/{position}{id}o");
    let fallback = format!("enterprises/e/devices/d/operations/{position}");
    let name = name.parse().unwrap_or_else(|_| fallback.parse().unwrap());
    let mut target = Target::new(name);
    target.command.kind = Some(text.to_owned());
    target.command.error_code = Some(text.to_owned());
    target.command.create_time = Some(at(BEGIN));
    let mut row = JobRow::new(position, target);
    row.progress.phase = Phase::Accepted;
    row.progress.cancel_sent_at = Some(at(BEGIN));
    row.progress.maybe_delivered_at = row.progress.cancel_sent_at;
    row.progress.attempts = 1;
    let mut resolution = Resolution::new(at(BEGIN + 5000), verdict);
    resolution.operation = Some(json!({"name": text, "done": true,
        "error": {"code": 1, "message": text}, "metadata": {"type": text, "errorCode": text}}));
    resolution.error = Some(json!({"kind": text, "message": text, "advice": text}));
    row.progress.resolution = Some(resolution);
    row
}

/// A job whose every text is hostile.
pub(crate) fn hostile() -> (Summary, Vec<JobRow>) {
    let all = HOSTILE.join(" ");
    let mut summary = Summary::new(all.clone(), all.clone(), at(BEGIN), at(BEGIN));
    summary.quota = Some(all.clone());
    summary.notes = HOSTILE.map(str::to_owned).to_vec();
    summary.resume = Some(all);
    let verdicts = [
        Some(Verdict::Completed),
        Some(Verdict::Gone),
        Some(Verdict::Pending),
        None,
    ];
    let rows = HOSTILE.iter().zip(1..).flat_map(|(text, number)| {
        verdicts
            .iter()
            .zip(0..)
            .map(move |(verdict, more)| hostile_row(number * 10 + more, text, *verdict))
    });
    (summary, rows.collect())
}
