//! The JSON of a resource with a state of its own, at the paths that its description names.

use countermand_core::{ResourceState, StateMeaning, put_at};
use serde_json::{Value, json};

use crate::extras::Extras;
use crate::operation::Operation;
use crate::quirks::{Quirks, Shape};
use crate::truth::State;

/// Words of resources that have not ended, as far as the description has no other meaning for one.
const PENDING: [&str; 5] = ["RUNNING", "PENDING", "QUEUED", "IN_PROGRESS", "WAITING"];

/// The resource of this name. `state`: the one to be shown.
pub(crate) fn resource(
    description: &ResourceState,
    extras: &Extras,
    operation: &Operation,
    name: &str,
    state: State,
    quirks: &Quirks,
) -> Value {
    let mut shown = operation.params.clone();
    if !(quirks.no_metadata || description.create_time.is_empty()) {
        let created = (extras.created)(operation.created);
        put_at(&mut shown, description.create_time, created);
    }
    let word = word(description, operation, state, quirks);
    description.write(&mut shown, name, word.as_deref());
    decoys(&mut shown, description, operation, state, quirks);
    shown.into()
}

/// The word for a state: one of those that mean it, always the same one of a resource. No word is the same as one
/// of a resource that is pending.
fn word(
    description: &ResourceState,
    operation: &Operation,
    state: State,
    quirks: &Quirks,
) -> Option<String> {
    let words = match state {
        State::Cancelled => description.cancelled,
        State::Completed => description.completed,
        // One that has expired is shown as ended only where the server ends it with an error.
        State::Failed | State::Expired => description.failed,
        // The description of some has no word for a cancel that was taken, and some servers do not tell it.
        State::Pending | State::Gone if operation.cancel_asked.is_some() && !quirks.no_metadata => {
            description.cancelling
        }
        State::Pending | State::Gone => &[],
    };
    if let Some(word) = operation.choose(words) {
        return Some((*word).to_owned());
    }
    if quirks.no_metadata {
        return None;
    }
    let pending = pending(description, quirks.extras);
    operation.choose(&pending).cloned()
}

/// Words that the description does not know, in the spelling of those that it knows; `extras` looks like one of
/// them, and is none.
fn pending(description: &ResourceState, extras: bool) -> Vec<String> {
    let known = description.cancelled.first().copied().unwrap_or_default();
    let before = known.find("CANCEL").map_or("", |at| &known[..at]);
    let words = match extras {
        true => vec![format!("{known}_LATER"), known.to_lowercase()],
        false => PENDING.map(|word| format!("{before}{word}")).to_vec(),
    };
    let is_pending = |word: &String| description.meaning(word) == StateMeaning::Pending;
    words.into_iter().filter(is_pending).collect()
}

/// Adds fields that prove nothing beside the state: a step that was cancelled, the result of an operation.
fn decoys(
    shown: &mut serde_json::Map<String, Value>,
    description: &ResourceState,
    operation: &Operation,
    state: State,
    quirks: &Quirks,
) {
    if quirks.extras {
        let provenance = json!({"cells": [1, {"deep": null}]});
        shown.insert("provenance".to_owned(), provenance);
    }
    let teases = match quirks.shape {
        Shape::Both => state != State::Pending,
        Shape::CodeWithoutDone => operation.cancel_asked.is_some(),
        Shape::Documented | Shape::NoResult | Shape::Flapping => false,
    };
    if teases {
        let steps = json!([{"state": description.cancelled.first()}]);
        shown.insert("steps".to_owned(), steps);
        shown.insert("done".to_owned(), true.into());
        shown.insert("error".to_owned(), json!({"code": 1}));
    }
}
