//! One operation: its state at an instant, and how the server shows it.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::quirks::{Expiry, Quirks, Shape};
use crate::time::{rfc3339, seconds};
use crate::{Fate, Truth};

const TYPES: &str = "type.googleapis.com/google.android.devicemanagement.v1.";

/// What an operation truly is at an instant, whatever the server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "a test compares all of them")]
pub enum State {
    /// Nothing has happened yet.
    Pending,
    /// A cancel has taken effect: the device will never do it.
    Cancelled,
    /// The device has done it.
    Completed,
    /// The device has tried and failed.
    Failed,
    /// Its validity has passed.
    Expired,
    /// The record is dropped.
    Gone,
}

/// Instants are Unix milliseconds, lengths are milliseconds.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) device: usize,
    pub(crate) kind: String,
    pub(crate) params: Map<String, Value>,
    pub(crate) created: u64,
    pub(crate) added: u64,
    pub(crate) duration: u64,
    pub(crate) fate: Fate,
    pub(crate) quirks: Option<Box<Quirks>>,
    pub(crate) cancel_asked: Option<u64>,
    /// Gets since it finished, or since the cancel where the shape depends on that.
    pub(crate) views: u32,
}

impl Operation {
    /// Its own quirks, or else those of the server.
    pub(crate) fn quirks(&self, server: &Quirks) -> Quirks {
        self.quirks.as_deref().copied().unwrap_or(*server)
    }

    /// The state at `now`: what happened first is what happened.
    pub(crate) fn state(&self, server: &Quirks, now: u64) -> State {
        let delay = self.quirks(server).cancel_delay_ms;
        let device = self
            .fate
            .delay()
            .map(|after| self.added.saturating_add(after.as_millis() as u64));
        let done = match self.fate {
            Fate::Acknowledged { .. } | Fate::Completes { .. } => State::Completed,
            Fate::Fails { .. } => State::Failed,
            _ => State::Gone,
        };
        let (cancel, cancelled) = match self.fate {
            Fate::Cancellable
            | Fate::Acknowledged { .. }
            | Fate::Wiped { .. }
            | Fate::Fails { .. } => (
                self.cancel_asked.map(|asked| asked.saturating_add(delay)),
                State::Cancelled,
            ),
            Fate::Vanishes => (self.cancel_asked, State::Gone),
            Fate::Completes { .. } | Fate::Purged { .. } | Fate::Expires | Fate::Stuck => {
                (None, State::Cancelled)
            }
        };
        let expiry = (self.fate != Fate::Stuck).then(|| self.created.saturating_add(self.duration));
        // At the same instant the device was first: a cancel has to be early to be believed.
        [
            (device, done),
            (cancel, cancelled),
            (expiry, State::Expired),
        ]
        .into_iter()
        .filter_map(|(at, state)| at.filter(|at| *at <= now).map(|at| (at, state)))
        .min_by_key(|(at, _)| *at)
        .map_or(State::Pending, |(_, state)| state)
    }

    /// The row of the ground truth.
    pub(crate) fn truth(&self, server: &Quirks, now: u64) -> Truth {
        let state = self.state(server, now);
        Truth {
            name: self.name.clone(),
            kind: self.kind.clone(),
            fate: self.fate.kind(),
            state,
            cancelled: state == State::Cancelled,
        }
    }

    /// Whether the server shows it as finished.
    pub(crate) fn shown_done(&self, state: State, quirks: &Quirks) -> bool {
        match state {
            State::Cancelled | State::Completed | State::Failed => true,
            State::Expired => quirks.expiry == Expiry::Error4,
            State::Pending | State::Gone => false,
        }
    }

    /// Whether the server says it does not exist.
    pub(crate) fn shown_missing(&self, state: State, quirks: &Quirks) -> bool {
        state == State::Gone || (state == State::Expired && quirks.expiry == Expiry::NotFound)
    }

    /// The `Operation` of the API. `views` is how often a get has shown it so far, see the field.
    pub(crate) fn show(&self, state: State, quirks: &Quirks, views: u32) -> Value {
        let mut shown = Map::new();
        shown.insert("name".to_owned(), self.name.as_str().into());
        if !quirks.no_metadata {
            shown.insert("metadata".to_owned(), self.metadata(state, quirks).into());
        }
        if quirks.extras {
            shown.insert(
                "provenance".to_owned(),
                json!({"cells": [1, {"deep": null}]}),
            );
        }
        let mut done = self.shown_done(state, quirks);
        let mut error = match (state, self.fate) {
            (State::Cancelled, _) => Some((1, "The command was cancelled.")),
            (State::Failed, Fate::Fails { code, .. }) => Some((code, "The command failed.")),
            (State::Expired, _) if done => Some((4, "The command expired.")),
            _ => None,
        };
        let mut response = done && error.is_none();
        match quirks.shape {
            Shape::Documented => {}
            Shape::NoResult => response = false,
            Shape::Both => response = done,
            Shape::CodeWithoutDone if self.cancel_asked.is_some() && views == 0 => {
                (done, error, response) = (false, Some((1, "Cancelling.")), false);
            }
            Shape::Flapping if views % 2 == 1 => (done, error, response) = (false, None, false),
            Shape::CodeWithoutDone | Shape::Flapping => {}
        }
        if done {
            shown.insert("done".to_owned(), true.into());
        }
        if let Some((code, message)) = error {
            shown.insert(
                "error".to_owned(),
                json!({"code": code, "message": message}),
            );
        }
        if response {
            shown.insert(
                "response".to_owned(),
                json!({"@type": format!("{TYPES}IssueCommandResponse")}),
            );
        }
        shown.into()
    }

    /// The `Command`, with everything the sender put into it, as the real one echoes it.
    fn metadata(&self, state: State, quirks: &Quirks) -> Map<String, Value> {
        let mut metadata = self.params.clone();
        let kind = if quirks.extras {
            "TIME_TRAVEL"
        } else {
            &self.kind
        };
        metadata.insert("@type".to_owned(), format!("{TYPES}Command").into());
        metadata.insert("type".to_owned(), kind.into());
        metadata.insert("createTime".to_owned(), rfc3339(self.created).into());
        metadata.insert("duration".to_owned(), seconds(self.duration).into());
        if state == State::Failed {
            metadata.insert("errorCode".to_owned(), "UNKNOWN".into());
        }
        if quirks.extras {
            metadata.insert("urgency".to_owned(), json!({"level": 11}));
        }
        metadata
    }
}
