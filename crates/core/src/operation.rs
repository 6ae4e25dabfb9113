//! The long-running operation as the API tells it, and what it proves.

use std::time::Duration;

use serde::Serialize;

use crate::{OperationName, Timestamp, Verdict};

/// A long-running operation: one command sent to one device.
///
/// Holds what the verdict rests on and nothing that could be a secret: the command's parameters
/// (new passwords, lost-mode texts, wipe reasons) are neither asked for nor kept.
/// Serialises in the API's own JSON shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Operation {
    /// Its name.
    pub name: OperationName,
    /// Whether the server considers it finished; absent in the answer means `false`.
    pub done: bool,
    /// Why it ended without success. Code 1 is the proof of a cancellation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Status>,
    /// What the answer told of the command; `None` when there was no `metadata`.
    #[serde(rename = "metadata", skip_serializing_if = "Option::is_none")]
    pub command: Option<Command>,
    /// True where the answer also carried a `response`. With an `error` other than `OK` that contradicts the
    /// `oneof` of `google.longrunning.Operation`: such an answer is not read.
    #[serde(skip_serializing_if = "is_false")]
    pub has_response: bool,
}

/// A `google.rpc.Status`: the code and the message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// A `google.rpc.Code`; 0 when the answer had none.
    pub code: i32,
    /// For developers, in English. Never compare it.
    pub message: String,
}

/// What an operation's metadata says of its command, secrets left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Command {
    /// `WIPE`, `LOCK`, …: an open set of words.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// When the server created it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "display")]
    pub create_time: Option<Timestamp>,
    /// How long it is valid from then on. The API's default is 600 s, but only what the server
    /// said stands here.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub duration: Option<Duration>,
    /// Why the device did not do it: an open set of words. Not set by a cancellation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

/// `google.rpc.Code.OK`: an `error` with it, or without a code, is none.
const OK: i32 = 0;
/// `google.rpc.Code.CANCELLED`.
const CANCELLED: i32 = 1;

impl Operation {
    /// What a finished operation proves; `None` while it is not done.
    ///
    /// `Cancelled` needs `done` and `error.code == 1`, and nothing else gives it. A command's own
    /// `errorCode` comes before an absent `error`: such a command failed on the device.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        if !self.done {
            return None;
        }
        Some(match &self.error {
            Some(status) if status.code == CANCELLED => Verdict::Cancelled,
            Some(status) if status.code != OK => Verdict::Failed,
            _ if self.failed_on_device() => Verdict::Failed,
            _ => Verdict::Completed,
        })
    }

    fn failed_on_device(&self) -> bool {
        self.command
            .as_ref()
            .and_then(|command| command.error_code.as_deref())
            .is_some_and(|code| code != "COMMAND_ERROR_CODE_UNSPECIFIED")
    }

    /// A statement that the same answer contradicts: it proves neither.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        let code = self.error.as_ref().map_or(OK, |status| status.code);
        match code {
            OK => None,
            _ if self.has_response => Some("it has both an error and a response"),
            // By the API, the field "is not set when the command is cancelled by the caller".
            CANCELLED if self.failed_on_device() => {
                Some("it was cancelled, and has the errorCode of a command that failed")
            }
            _ => None,
        }
    }

    /// When the command expires by the server's clock, if the server told both its parts.
    #[must_use]
    pub fn expire_time(&self) -> Option<Timestamp> {
        let command = self.command.as_ref()?;
        let millis = i64::try_from(command.duration?.as_millis()).unwrap_or(i64::MAX);
        let created = command.create_time?.unix_millis();
        Some(Timestamp::from_unix_millis(created.saturating_add(millis)))
    }
}

const fn is_false(value: &bool) -> bool {
    !*value
}

fn display<S: serde::Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&time.unwrap_or(Timestamp::from_unix_millis(0)))
}

fn seconds<S: serde::Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&crate::format_duration(duration.unwrap_or_default()))
}
