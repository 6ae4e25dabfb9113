//! A row as its fields, the same in every format.

use countermand_core::{Command, Phase, Timestamp, Verdict};
use serde::Serialize;
use serde_json::Value;

use super::state::State;
use super::summary::{digest, optional_time};
use crate::{Finding, Row};

/// The schema of a row's line.
pub(super) const ROW: &str = "countermand.row/1";

/// `countermand.row/1`: what `countermand.outcome/1` has, and when each step was taken.
#[derive(Serialize)]
pub(super) struct Record<'a> {
    schema: &'static str,
    pub(super) position: u64,
    pub(super) name: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: Option<&'a str>,
    #[serde(serialize_with = "optional_time")]
    pub(super) create_time: Option<Timestamp>,
    #[serde(serialize_with = "optional_time")]
    pub(super) device_seen: Option<Timestamp>,
    pub(super) state: State,
    pub(super) verdict: Option<Verdict>,
    pub(super) phase: &'static str,
    pub(super) attempts: u32,
    #[serde(serialize_with = "optional_time")]
    pub(super) asked: Option<Timestamp>,
    #[serde(serialize_with = "optional_time")]
    pub(super) accepted: Option<Timestamp>,
    #[serde(serialize_with = "optional_time")]
    pub(super) found: Option<Timestamp>,
    #[serde(serialize_with = "optional_time")]
    pub(super) confirmed: Option<Timestamp>,
    #[serde(serialize_with = "digest")]
    pub(super) body_sha256: Option<[u8; 32]>,
    pub(super) operation: Option<&'a Value>,
    pub(super) error: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device_exists: Option<bool>,
}

impl<'a> Record<'a> {
    pub(super) fn of(row: &'a Row) -> Self {
        let standing = &row.standing;
        let finding = standing.finding.as_ref();
        let Command {
            kind, create_time, ..
        } = &row.item.command;
        Self {
            schema: ROW,
            position: row.position,
            name: row.item.name.as_str(),
            kind: kind.as_deref(),
            create_time: *create_time,
            device_seen: row.item.device_seen,
            state: State::of(row),
            verdict: finding.and_then(|finding| finding.verdict),
            phase: word(standing.phase),
            attempts: standing.attempts,
            asked: standing.asked,
            accepted: standing.accepted,
            found: finding.map(|finding| finding.at),
            confirmed: finding
                .filter(|finding| finding.is_settled())
                .map(|finding| finding.at),
            body_sha256: finding.and_then(|finding| finding.body_sha256),
            operation: finding.and_then(|finding| finding.operation.as_ref()),
            error: finding.and_then(|finding| finding.error.as_ref()),
            device_exists: finding.and_then(|finding: &Finding| finding.device_exists),
        }
    }

    /// Whether the server says that it is done.
    pub(super) fn done(&self) -> Option<bool> {
        Some(self.operation?.get("done")?.as_bool().unwrap_or(false))
    }

    /// The `google.rpc.Code` it ended with.
    pub(super) fn code(&self) -> Option<i64> {
        self.operation?.get("error")?.get("code")?.as_i64()
    }

    /// What the server said to that code.
    pub(super) fn message(&self) -> Option<&'a str> {
        self.operation?.get("error")?.get("message")?.as_str()
    }

    /// The kind of the error that kept more from being known.
    pub(super) fn problem(&self) -> Option<&'a str> {
        self.error?.get("kind")?.as_str()
    }

    /// That error in a sentence.
    pub(super) fn problem_message(&self) -> Option<&'a str> {
        self.error?.get("message")?.as_str()
    }
}

const fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Unsent => "unsent",
        Phase::MaybeSent => "maybe_sent",
        Phase::Accepted => "accepted",
    }
}
