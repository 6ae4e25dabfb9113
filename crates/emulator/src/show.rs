//! The JSON of an operation, as the server shows it.

use countermand_core::{CancelAnswer, Reading, Service};
use serde_json::{Map, Value, json};

use crate::extras::Extras;
use crate::fate::Fate;
use crate::name::{below, prefix, with_number};
use crate::operation::Operation;
use crate::quirks::{Quirks, Shape};
use crate::resource::resource;
use crate::truth::State;

/// One operation and the server that shows it.
#[derive(Debug)]
pub(crate) struct Show<'a> {
    pub(crate) service: &'static Service,
    pub(crate) extras: &'a Extras,
    pub(crate) operation: &'a Operation,
    pub(crate) quirks: &'a Quirks,
}

impl Show<'_> {
    /// The operation, or the resource with a state of its own. `views`: the number of gets that have shown it so far,
    /// see [`Operation::views`].
    pub(crate) fn of(&self, state: State, views: u32) -> Value {
        let name = &self.operation.name;
        match self.quirks.project_number {
            true => self.named(&with_number(name), state, views),
            false => self.named(name, state, views),
        }
    }

    /// Another one, which looks cancelled.
    pub(crate) fn other(&self) -> Value {
        let quirks = self.quirks.shape(Shape::Documented);
        let other = Show {
            quirks: &quirks,
            ..*self
        };
        other.named(&format!("{}0", self.operation.name), State::Cancelled, 0)
    }

    /// The answer to a cancel that was taken.
    pub(crate) fn cancelling(&self, state: State) -> Value {
        let Reading::State(description) = self.operation.pattern.reading else {
            return json!({});
        };
        match description.answer {
            CancelAnswer::Empty => json!({}),
            CancelAnswer::Resource => match description.answer_field {
                "" => self.of(state, 2),
                field => json!({field: self.of(state, 2)}),
            },
            CancelAnswer::Operation => {
                let Operation { name, pattern, .. } = self.operation;
                let location = prefix(pattern.levels, name, 2);
                let name = format!("operations/cancel-{}", self.operation.created);
                json!({"name": below(location, &name), "done": false})
            }
            CancelAnswer::Object => json!({"isCanceled": true}),
        }
    }

    fn named(&self, name: &str, state: State, views: u32) -> Value {
        // The state that the server shows: a view may hide the end.
        let hidden = match self.quirks.shape {
            Shape::CodeWithoutDone => views == 0 && self.operation.cancel_asked.is_some(),
            Shape::Flapping => views % 2 == 1,
            Shape::Documented | Shape::NoResult | Shape::Both => false,
        };
        let ended = !hidden && self.operation.shown_done(state, self.quirks);
        match self.operation.pattern.reading {
            Reading::Operation => {
                let mut shown = self.operation(name, state, ended);
                if hidden && self.quirks.shape == Shape::CodeWithoutDone {
                    shown["error"] = json!({"code": 1, "message": "Cancelling."});
                }
                shown
            }
            Reading::State(description) => {
                let state = if ended { state } else { State::Pending };
                resource(
                    description,
                    self.extras,
                    self.operation,
                    name,
                    state,
                    self.quirks,
                )
            }
        }
    }

    /// The `Operation` of the contract.
    fn operation(&self, name: &str, state: State, done: bool) -> Value {
        let Self {
            operation, quirks, ..
        } = *self;
        let mut shown = Map::new();
        shown.insert("name".to_owned(), name.into());
        if !quirks.no_metadata {
            let mut metadata = (self.extras.metadata)(self.service, operation, state, quirks);
            if quirks.extras {
                metadata.insert("urgency".to_owned(), json!({"level": 11}));
            }
            shown.insert("metadata".to_owned(), metadata.into());
        }
        if quirks.extras {
            let provenance = json!({"cells": [1, {"deep": null}]});
            shown.insert("provenance".to_owned(), provenance);
        }
        let error = match (done, state, operation.fate) {
            (true, State::Cancelled, _) => Some((1, "The {noun} was cancelled.")),
            (true, State::Failed, Fate::Fails { code, .. }) => Some((code, "The {noun} failed.")),
            (true, State::Expired, _) => Some((4, "The {noun} expired.")),
            _ => None,
        };
        let response = match quirks.shape {
            Shape::NoResult => false,
            Shape::Both => done,
            _ => done && error.is_none(),
        };
        if done {
            shown.insert("done".to_owned(), true.into());
        }
        if let Some((code, message)) = error {
            let message = message.replace("{noun}", self.extras.noun);
            let error = json!({"code": code, "message": message});
            shown.insert("error".to_owned(), error);
        }
        if response {
            let response = json!({"@type": self.extras.response});
            shown.insert("response".to_owned(), response);
        }
        shown.into()
    }
}
