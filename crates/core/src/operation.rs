//! The long-running operation as the server tells it, and what it proves.

use serde::Serialize;

use crate::metadata::Metadata;
use crate::name::OperationName;
use crate::resource_state::State;
use crate::timestamp::Timestamp;
use crate::verdict::Verdict;

/// A long-running operation, `google.longrunning.Operation`.
///
/// Holds what the verdict rests on and nothing that could be a secret: parameters, such as new
/// passwords, are neither asked for nor kept. Serialises in one form for all services: the name
/// in its text form, and in `metadata` the facts of [`Metadata`], whichever fields the server had them in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Operation {
    /// Its name.
    pub name: OperationName,
    /// True where the server considers it finished; absent in the answer means `false`.
    pub done: bool,
    /// Error it ended with. Code 1 is the proof of a cancellation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Status>,
    /// Its metadata as far as the service's reader takes it; `None` when the answer had none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// True where the answer also carried a `response`. With an `error` other than `OK` that contradicts the
    /// `oneof` of `google.longrunning.Operation`: such an answer is not read.
    #[serde(skip_serializing_if = "is_false")]
    pub has_response: bool,
    /// The state that it told, of a resource that is read by [its state](crate::ResourceState); `None` for an
    /// operation of the contract. `done`, `error` and `has_response` then say no more than its meaning. Boxed, because the answers to
    /// all calls would have its size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Box<State>>,
}

/// A `google.rpc.Status`: the code and the message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// A `google.rpc.Code`; 0 when the answer had none.
    pub code: i32,
    /// Text for developers, in English. Never compare it.
    pub message: String,
}

/// `google.rpc.Code.OK`: an `error` with it, or without a code, is none, unless it has a message.
const OK: i32 = 0;
/// `google.rpc.Code.CANCELLED`.
const CANCELLED: i32 = 1;

impl Operation {
    /// Verdict that a finished operation proves; `None` while it is not done.
    ///
    /// `Cancelled` needs `done` and `error.code == 1`, and nothing else gives it. An
    /// [`error_code`](Metadata::error_code) comes before an absent `error`: such an operation failed. Of a resource
    /// with a [state](Self::state), its meaning alone counts.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        if let Some(state) = &self.state {
            return state.meaning.verdict();
        }
        if !self.done {
            return None;
        }
        Some(match &self.error {
            Some(status) if status.code == CANCELLED => Verdict::Cancelled,
            Some(status) if status.code != OK => Verdict::Failed,
            _ if self.has_error_code() => Verdict::Failed,
            _ => Verdict::Completed,
        })
    }

    /// True if its metadata tells the error that it ended with.
    pub(crate) fn has_error_code(&self) -> bool {
        let metadata = self.metadata.as_ref();
        metadata.is_some_and(|metadata| metadata.error_code.is_some())
    }

    /// A statement that the same answer contradicts: it proves neither.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        let code = self.error.as_ref().map_or(OK, |status| status.code);
        let message = self
            .error
            .as_ref()
            .is_some_and(|status| !status.message.is_empty());
        match code {
            OK if self.done && message => Some("it has an error with a message and without a code"),
            OK => None,
            _ if self.has_response => Some("it has both an error and a response"),
            CANCELLED if self.has_error_code() => {
                Some("it was cancelled, and has the errorCode of a command that failed")
            }
            _ => None,
        }
    }

    /// The time at which it expires by the server's clock, if the server told both its parts.
    #[must_use]
    pub fn expire_time(&self) -> Option<Timestamp> {
        let metadata = self.metadata.as_ref()?;
        let millis = i64::try_from(metadata.duration?.as_millis()).unwrap_or(i64::MAX);
        let created = metadata.create_time?.unix_millis();
        Some(Timestamp::from_unix_millis(created.saturating_add(millis)))
    }
}

const fn is_false(value: &bool) -> bool {
    !*value
}
