//! What a JSON value says of operations.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use countermand_core::{Command, OperationName, Timestamp, chain, wire};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::error::{InputError, InputProblem};
use super::lines::parse_name;
use super::{Entry, Evidence};
use crate::Item;

/// Everything an object is looked at for; the rest is skipped.
#[derive(Deserialize)]
struct Object<'a> {
    schema: Option<String>,
    name: Option<String>,
    // An operation of the API.
    #[serde(borrow)]
    done: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    // A page of a list.
    #[serde(borrow)]
    operations: Option<Vec<&'a RawValue>>,
    // A line of ours.
    #[serde(borrow)]
    operation: Option<&'a RawValue>,
    // What Pub/Sub pushes or pulls.
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow, rename = "receivedMessages")]
    received: Option<Vec<Received<'a>>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Received<'a> {
    #[serde(borrow)]
    message: &'a RawValue,
}

#[derive(Deserialize)]
struct Message {
    attributes: Attributes,
    #[serde(default)]
    data: String,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(rename = "notificationType")]
    notification_type: String,
}

/// The fields of a `countermand.row/1` that stand for an operation that was never seen.
#[derive(Deserialize)]
struct Row {
    #[serde(rename = "type")]
    kind: Option<String>,
    create_time: Option<String>,
    device_seen: Option<String>,
    body_sha256: Option<String>,
}

/// The end of a report: no operation, and no mistake either.
const REPORT: &str = "countermand.report/1";

/// Takes what values give.
pub(super) struct Taken<'a> {
    pub(super) line: u64,
    pub(super) entries: &'a mut Vec<Result<Entry, InputError>>,
    /// Pub/Sub messages of other kinds.
    pub(super) other_messages: &'a mut u64,
}

impl Taken<'_> {
    /// Takes a value, whatever it is.
    pub(super) fn value(&mut self, json: &[u8]) {
        match serde_json::from_slice::<&RawValue>(json) {
            Ok(value) => self.raw(value.get()),
            Err(error) => self.refuse(InputProblem::json(&error), None),
        }
    }

    fn refuse(&mut self, problem: InputProblem, given: Option<String>) {
        let mut error = InputError::new(self.line, problem);
        error.given = given;
        self.entries.push(Err(error));
    }

    fn raw(&mut self, json: &str) {
        match json.as_bytes().first() {
            Some(b'"') => match serde_json::from_str::<String>(json) {
                Ok(name) => self.named(&name, |name| Ok((Item::new(name), None))),
                Err(error) => self.refuse(InputProblem::json(&error), None),
            },
            Some(b'{') => match serde_json::from_str::<Object<'_>>(json) {
                Ok(object) => self.object(json, &object),
                Err(error) => self.refuse(InputProblem::json(&error), None),
            },
            Some(b'[') => self.refuse(InputProblem::Shape("a list"), None),
            _ => self.refuse(InputProblem::Shape("a number or a word"), None),
        }
    }

    fn object(&mut self, json: &str, object: &Object<'_>) {
        if object.schema.as_deref() == Some(REPORT) {
            return;
        }
        if let Some(received) = &object.received {
            received
                .iter()
                .for_each(|one| self.message(one.message.get()));
        } else if let Some(message) = object.message.filter(|_| object.name.is_none()) {
            self.message(message.get());
        } else if object.data.is_some() && object.attributes.is_some() {
            self.message(json);
        } else if let Some(operations) =
            object.operations.as_ref().filter(|_| object.name.is_none())
        {
            operations.iter().for_each(|one| self.raw(one.get()));
        } else if let Some(name) = &object.name {
            self.named(name, |name| match &object.schema {
                Some(schema) if schema.starts_with("countermand.") => ours(json, object, name),
                _ if object.is_operation() => operation(json, name),
                _ => Ok((Item::new(name), None)),
            });
        } else {
            self.refuse(InputProblem::Shape("an object without a name"), None);
        }
    }

    fn message(&mut self, json: &str) {
        let message = match serde_json::from_str::<Message>(json) {
            Ok(message) => message,
            Err(error) => return self.refuse(InputProblem::json(&error), None),
        };
        if message.attributes.notification_type != "COMMAND" {
            *self.other_messages += 1;
            return;
        }
        match decode(&message.data) {
            Some(data) => self.command(&data),
            None => self.refuse(InputProblem::Base64, None),
        }
    }

    /// Takes the operation that a message carries; a message within a message is none.
    fn command(&mut self, data: &[u8]) {
        let Ok(json) = std::str::from_utf8(data) else {
            return self.refuse(InputProblem::Shape("a message that is not text"), None);
        };
        match serde_json::from_str::<Object<'_>>(json) {
            Ok(Object {
                name: Some(name), ..
            }) => self.named(&name, |name| operation(json, name)),
            Ok(_) => self.refuse(InputProblem::Shape("a message without an operation"), None),
            Err(error) => self.refuse(InputProblem::json(&error), None),
        }
    }

    fn named(
        &mut self,
        name: &str,
        item: impl FnOnce(OperationName) -> Result<(Item, Option<Evidence>), InputProblem>,
    ) {
        let parsed = match parse_name(name.as_bytes()) {
            Ok(name) => name,
            Err(problem) => return self.refuse(problem, Some(super::cut(name.as_bytes()))),
        };
        match item(parsed) {
            Ok((item, evidence)) => self.entries.push(Ok(Entry {
                line: self.line,
                item,
                evidence,
            })),
            Err(problem) => self.refuse(problem, Some(name.to_owned())),
        }
    }
}

impl Object<'_> {
    /// Whether it is more than a name with company. An `error` alone may be anybody's.
    const fn is_operation(&self) -> bool {
        self.done.is_some() || self.metadata.is_some() || self.response.is_some()
    }
}

/// Reads an operation as if the server had answered it, by the one parser that does.
fn operation(json: &str, name: OperationName) -> Result<(Item, Option<Evidence>), InputProblem> {
    let operation = wire::parse_operation(&http::Response::new(json), &name)
        .map_err(|error| InputProblem::Operation(chain(&error)))?;
    let mut item = Item::new(name);
    item.command = operation.command.clone().unwrap_or_default();
    let evidence = operation.done.then(|| Evidence {
        operation,
        body_sha256: Some(Sha256::digest(json).into()),
    });
    Ok((item, evidence))
}

/// Reads a line of ours: what it tells of the operation and of the command.
fn ours(
    json: &str,
    object: &Object<'_>,
    name: OperationName,
) -> Result<(Item, Option<Evidence>), InputProblem> {
    let (mut item, mut evidence) = match object.operation {
        Some(json) => operation(json.get(), name)?,
        None => (Item::new(name), None),
    };
    let row: Row = serde_json::from_str(json).map_err(|error| InputProblem::json(&error))?;
    if let Some(evidence) = &mut evidence {
        evidence.body_sha256 = row.body_sha256.as_deref().and_then(unhex);
    }
    let time = |text: Option<String>| text.and_then(|text| Timestamp::parse_rfc3339(&text));
    let create_time = time(row.create_time);
    let Command {
        kind,
        create_time: created,
        ..
    } = &mut item.command;
    *kind = kind.take().or(row.kind);
    *created = created.or(create_time);
    item.device_seen = time(row.device_seen);
    Ok((item, evidence))
}

/// The bytes of a SHA-256 in hexadecimal digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    bytes.try_into().ok()
}

/// Base64 of either alphabet, with or without padding.
fn decode(data: &str) -> Option<Vec<u8>> {
    const EITHER: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, EITHER);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, EITHER);
    let data = data.trim();
    STANDARD
        .decode(data)
        .or_else(|_| URL_SAFE.decode(data))
        .ok()
}
