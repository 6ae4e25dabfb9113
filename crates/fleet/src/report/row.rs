//! A row as its fields, the same in every format.

use countermand_core::{Metadata, OperationName, Service, Timestamp, Verdict};
use serde_json::Value;

use crate::job_row::{JobRow, Resolution};
use crate::row_state::RowState;
use crate::store::Digest;

/// An operation of a job, and when each step was taken. Serialized as `countermand.row/1`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row<'a> {
    /// Its place in the order of sending, from 1.
    pub position: u64,
    /// The operation's name.
    pub name: &'a OperationName,
    /// The type of the command, `WIPE`, `LOCK` …: an open set of words.
    pub kind: Option<&'a str>,
    /// The time at which the server created it.
    pub create_time: Option<Timestamp>,
    /// The time of the device's last report, as of the search.
    pub device_seen: Option<Timestamp>,
    /// The state: the verdict, or the reason why there is none yet.
    pub state: RowState,
    /// Verdict of a run.
    pub verdict: Option<Verdict>,
    /// The phase: `unsent`, `maybe_sent`, `accepted`.
    pub phase: &'static str,
    /// Requests for it that left or may have left, of every kind, over all runs.
    pub attempts: u32,
    /// The time at which the first cancel left that is known to have left.
    pub cancel_sent_at: Option<Timestamp>,
    /// The time at which the server accepted it.
    pub accepted_at: Option<Timestamp>,
    /// The time of the latest resolution; none by the input, which has no time.
    pub resolved_at: Option<Timestamp>,
    /// Time of the proof, if an answer of the server to this job settles it.
    pub verified_at: Option<Timestamp>,
    /// SHA-256 of the answer, or of the part of the input, that the verdict rests on, byte for byte.
    pub body_sha256: Option<Digest>,
    /// The JSON of the [`countermand_core::Operation`] that was read last.
    pub operation: Option<&'a Value>,
    /// The error that kept more from being known: the JSON of a [`countermand_core::Error`].
    pub error: Option<&'a Value>,
    /// True if the device still has a record, where that was looked for.
    pub parent_exists: Option<bool>,
    /// True if the input of the plan gave its end, and the server was not asked.
    pub from_input: bool,
    /// The name of its lane, in a job whose lanes have names.
    pub lane: Option<&'a str>,
    /// The job file, where several are reported together.
    pub job: Option<&'a str>,
}

impl<'a> Row<'a> {
    /// The report of a row.
    #[must_use]
    pub fn of(row: &'a JobRow) -> Self {
        let progress = &row.progress;
        let resolution = progress.resolution.as_ref();
        let from_input = row.from_input();
        let answered = resolution.filter(|_| !from_input);
        let operation = resolution.and_then(|resolution| resolution.operation.as_ref());
        // Of a name alone, an answer told it.
        let told = |field| operation?.get("metadata")?.get(field)?.as_str();
        let Metadata {
            kind, create_time, ..
        } = &row.target.command;
        Self {
            position: row.position,
            name: &row.target.name,
            kind: kind.as_deref().or_else(|| told("type")),
            create_time: create_time.or_else(|| Timestamp::parse_rfc3339(told("createTime")?)),
            device_seen: row.target.device_seen,
            state: RowState::of(row),
            verdict: resolution.and_then(|resolution| resolution.verdict),
            phase: progress.phase.as_str(),
            attempts: progress.attempts,
            cancel_sent_at: progress.cancel_sent_at,
            accepted_at: progress.accepted_at,
            resolved_at: answered.map(|resolution| resolution.at),
            verified_at: answered
                .filter(|resolution| resolution.is_settled())
                .map(|resolution| resolution.at),
            body_sha256: resolution.and_then(|resolution| resolution.body_sha256.map(Digest::new)),
            operation,
            error: resolution.and_then(|resolution| resolution.error.as_ref()),
            parent_exists: resolution.and_then(|resolution: &Resolution| resolution.parent_exists),
            from_input,
            lane: row.lane.as_deref(),
            job: row.job.as_deref(),
        }
    }

    /// The name of what the operation belongs to.
    #[must_use]
    pub fn parent(&self) -> &'a str {
        let levels = self.name.pattern().levels.len();
        self.name.prefix(levels - 1)
    }

    /// The name of so many levels, where these are the default service's.
    pub(super) fn level(&self, levels: usize) -> Option<&'a str> {
        let own = *self.name.service() == *Service::DEFAULT;
        own.then(|| self.name.prefix(levels))
    }

    /// True if the server says that it is done.
    #[must_use]
    pub fn done(&self) -> Option<bool> {
        Some(self.operation?.get("done")?.as_bool().unwrap_or(false))
    }

    /// The `google.rpc.Code` it ended with.
    #[must_use]
    pub fn code(&self) -> Option<i64> {
        self.operation?.get("error")?.get("code")?.as_i64()
    }

    /// The server's message to that code.
    #[must_use]
    pub fn message(&self) -> Option<&'a str> {
        self.operation?.get("error")?.get("message")?.as_str()
    }

    /// The kind of the error that kept more from being known.
    #[must_use]
    pub fn problem(&self) -> Option<&'a str> {
        self.error?.get("kind")?.as_str()
    }

    /// The error in a sentence.
    #[must_use]
    pub fn problem_message(&self) -> Option<&'a str> {
        self.error?.get("message")?.as_str()
    }
}
