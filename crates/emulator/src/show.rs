//! The JSON of an operation, as the server shows it.

use countermand_core::Service;
use serde_json::{Map, Value, json};

use crate::extras::Extras;
use crate::fate::Fate;
use crate::operation::Operation;
use crate::quirks::{Quirks, Shape};
use crate::truth::State;

/// The number that stands for every project.
const PROJECT_NUMBER: &str = "123456789012";

/// The `Operation` of the API. `views`: the number of gets that have shown it so far, see [`Operation::views`].
pub(crate) fn show(
    service: &Service,
    extras: &Extras,
    operation: &Operation,
    state: State,
    quirks: &Quirks,
    views: u32,
) -> Value {
    let mut shown = Map::new();
    let name = match quirks.project_number {
        true => with_number(&operation.name),
        false => operation.name.clone(),
    };
    shown.insert("name".to_owned(), name.into());
    if !quirks.no_metadata {
        let mut metadata = (extras.metadata)(service, operation, state, quirks);
        if quirks.extras {
            metadata.insert("urgency".to_owned(), json!({"level": 11}));
        }
        shown.insert("metadata".to_owned(), metadata.into());
    }
    if quirks.extras {
        let provenance = json!({"cells": [1, {"deep": null}]});
        shown.insert("provenance".to_owned(), provenance);
    }
    let mut done = operation.shown_done(state, quirks);
    let mut error = match (state, operation.fate) {
        (State::Cancelled, _) => Some((1, "The {noun} was cancelled.")),
        (State::Failed, Fate::Fails { code, .. }) => Some((code, "The {noun} failed.")),
        (State::Expired, _) if done => Some((4, "The {noun} expired.")),
        _ => None,
    };
    let mut response = done && error.is_none();
    match quirks.shape {
        Shape::Documented => {}
        Shape::NoResult => response = false,
        Shape::Both => response = done,
        Shape::CodeWithoutDone if operation.cancel_asked.is_some() && views == 0 => {
            (done, error, response) = (false, Some((1, "Cancelling.")), false);
        }
        Shape::Flapping if views % 2 == 1 => (done, error, response) = (false, None, false),
        Shape::CodeWithoutDone | Shape::Flapping => {}
    }
    if done {
        shown.insert("done".to_owned(), true.into());
    }
    if let Some((code, message)) = error {
        let message = message.replace("{noun}", extras.noun);
        let error = json!({"code": code, "message": message});
        shown.insert("error".to_owned(), error);
    }
    if response {
        let response = json!({"@type": extras.response});
        shown.insert("response".to_owned(), response);
    }
    shown.into()
}

/// The name with the number of its project, if it has a project that is not spelled so already.
fn with_number(name: &str) -> String {
    let below = name.strip_prefix("projects/");
    match below.and_then(|rest| rest.split_once('/')) {
        Some((id, rest)) if !id.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("projects/{PROJECT_NUMBER}/{rest}")
        }
        _ => name.to_owned(),
    }
}
