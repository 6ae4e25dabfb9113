//! Operations in a JSON value.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use countermand_core::text::chain;
use countermand_core::{Metadata, Operation, OperationName, ParentName, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::entry::{Evidence, Taken};
use super::error::InputProblem;
use super::left_out::LeftOutKind;
use crate::job_row::Target;

/// Everything an object is looked at for; the rest is skipped.
#[derive(Deserialize)]
struct Object<'a> {
    schema: Option<String>,
    name: Option<String>,
    // The URL of what has an id for a name.
    #[serde(rename = "selfLink")]
    self_link: Option<String>,
    // An operation of the API, or the error in its place.
    #[serde(borrow)]
    done: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    // A page of a list.
    #[serde(borrow)]
    operations: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    devices: Option<&'a RawValue>,
    // A line of ours.
    #[serde(borrow)]
    operation: Option<&'a RawValue>,
    // Data that Pub/Sub pushes or pulls, and that CloudEvents and BigQuery store.
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow, rename = "receivedMessages")]
    received: Option<Vec<Received<'a>>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Received<'a> {
    #[serde(borrow)]
    message: &'a RawValue,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Attributes {
    #[serde(rename = "notificationType")]
    notification_type: Option<String>,
}

/// The names of an object's fields.
type Keys = BTreeMap<String, IgnoredAny>;

/// Fields that devices have, and neither operations nor mere names.
const OF_DEVICES: [&str; 12] = [
    "managementMode",
    "state",
    "appliedState",
    "policyName",
    "appliedPolicyName",
    "apiLevel",
    "enrollmentTime",
    "enrollmentTokenName",
    "lastStatusReportTime",
    "lastPolicySyncTime",
    "hardwareInfo",
    "ownership",
];

/// The fields of a `countermand.row/1` that stand for an operation that was never seen.
#[derive(Deserialize)]
struct Row {
    #[serde(rename = "type")]
    kind: Option<String>,
    create_time: Option<String>,
    device_seen: Option<String>,
    body_sha256: Option<String>,
}

/// Lines of ours about a whole: no operation, and no mistake either.
const OF_THE_WHOLE: [&str; 3] = [
    "countermand.report/1",
    "countermand.input/1",
    "countermand.stopped/1",
];

/// Takes the entries of values.
pub(super) struct Values<'a> {
    pub(super) line: u64,
    pub(super) taken: &'a mut Taken,
}

impl Values<'_> {
    /// Takes a value, whatever it is.
    pub(super) fn value(&mut self, json: &[u8]) {
        match serde_json::from_slice::<&RawValue>(json) {
            Ok(value) => self.raw(value.get()),
            Err(error) => self.refuse(InputProblem::json(&error), None),
        }
    }

    fn refuse(&mut self, problem: InputProblem, given: Option<String>) {
        self.taken.refuse(self.line, problem, given);
    }

    fn leave_out(&mut self, kind: LeftOutKind) {
        self.taken.left_out.add(kind, self.line);
    }

    fn raw(&mut self, json: &str) {
        match json.as_bytes().first() {
            Some(b'"') => match serde_json::from_str::<String>(json) {
                Ok(name) => self.named(&name, false, |name| Ok((Target::new(name), None))),
                Err(error) => self.refuse(InputProblem::json(&error), None),
            },
            Some(b'{') => match serde_json::from_str::<Object<'_>>(json) {
                Ok(object) => self.object(json, &object),
                Err(error) => self.refuse(InputProblem::json(&error), None),
            },
            Some(b'[') => self.refuse(InputProblem::Shape("a list"), None),
            Some(b'n') => self.leave_out(LeftOutKind::Null),
            _ => self.refuse(InputProblem::Shape("a number or a word"), None),
        }
    }

    fn object(&mut self, json: &str, object: &Object<'_>) {
        if object
            .schema
            .as_deref()
            .is_some_and(|schema| OF_THE_WHOLE.contains(&schema))
        {
            return;
        }
        if let Some(received) = &object.received {
            received
                .iter()
                .for_each(|one| self.message(one.message.get()));
        } else if let Some(name) = &object.name {
            if is_device(json, name) {
                return self.leave_out(LeftOutKind::Device);
            }
            let link = object.self_link.as_ref();
            let name = link.filter(|_| !name.contains('/')).unwrap_or(name);
            let ours = |schema: &String| schema.starts_with("countermand.");
            let ours = object.schema.as_ref().is_some_and(ours);
            let exact = ours || object.is_operation();
            self.named(name, exact, |name| match ours {
                true => line_of_ours(json, object, name),
                false if exact => operation(json, name),
                false => Ok((Target::new(name), None)),
            });
        } else if let Some(message) = object.message {
            self.message(message.get());
        } else if let Some(data) = object.data {
            match serde_json::from_str::<Object<'_>>(data.get()) {
                // The envelope of an event around a message.
                Ok(Object {
                    message: Some(message),
                    name: None,
                    ..
                }) => self.message(message.get()),
                _ => self.message(json),
            }
        } else if let Some(operations) = &object.operations {
            if operations.is_empty() {
                self.leave_out(LeftOutKind::EmptyAnswer);
            }
            operations.iter().for_each(|one| self.raw(one.get()));
        } else if let Some(devices) = object.devices.and_then(elements) {
            devices.iter().for_each(|device| self.device(device.get()));
        } else if object.error.is_some() {
            self.leave_out(LeftOutKind::FailedAnswer);
        } else if is_empty(json) {
            self.leave_out(LeftOutKind::EmptyAnswer);
        } else {
            self.refuse(InputProblem::Shape("an object without a name"), None);
        }
    }

    /// A device of a list; the emulator's have the names of their operations with them.
    fn device(&mut self, json: &str) {
        match serde_json::from_str::<Object<'_>>(json) {
            Ok(Object {
                operations: Some(operations),
                ..
            }) => operations.iter().for_each(|one| self.raw(one.get())),
            _ => self.leave_out(LeftOutKind::Device),
        }
    }

    fn message(&mut self, json: &str) {
        let message = match serde_json::from_str::<Message<'_>>(json) {
            Ok(message) => message,
            Err(error) => return self.refuse(InputProblem::json(&error), None),
        };
        let attributes = message.attributes.map(text_or_json);
        let data = message.data.map(text_or_json);
        self.parts(attributes.as_deref(), data.as_deref().unwrap_or_default());
    }

    /// Takes a message by its attributes, in JSON, and its data, in JSON or base64.
    ///
    /// Without a kind it is taken if it carries an operation, and is another message if not.
    pub(super) fn parts(&mut self, attributes: Option<&str>, data: &str) {
        let attributes = attributes.and_then(|json| serde_json::from_str::<Attributes>(json).ok());
        let kind = attributes.and_then(|attributes| attributes.notification_type);
        let decoded = match data.trim_start().starts_with('{') {
            true => Some(Cow::Borrowed(data.trim().as_bytes())),
            false => decode(data).map(Cow::Owned),
        };
        match (kind.as_deref(), decoded) {
            (Some("COMMAND"), Some(data)) => self.command(&data),
            (Some("COMMAND"), None) => self.refuse(InputProblem::Base64, None),
            (None, Some(data)) if carries_operation(&data, self.taken) => {
                self.command(&data);
            }
            _ => self.leave_out(LeftOutKind::OtherMessage),
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
            }) => self.named(&name, true, |name| operation(json, name)),
            Ok(_) => self.refuse(InputProblem::Shape("a message without an operation"), None),
            Err(error) => self.refuse(InputProblem::json(&error), None),
        }
    }

    /// Takes what has this name; an `exact` one stands in data that no person typed.
    fn named(
        &mut self,
        name: &str,
        exact: bool,
        read: impl FnOnce(OperationName) -> Result<(Target, Option<Evidence>), InputProblem>,
    ) {
        let parsed = match exact {
            true => self.taken.exact_name(self.line, name),
            false => self.taken.name(self.line, name.as_bytes()),
        };
        let Some(parsed) = parsed else {
            return;
        };
        match read(parsed) {
            Ok((target, evidence)) => self.taken.take(self.line, target, evidence),
            Err(problem) => self.refuse(problem, Some(name.to_owned())),
        }
    }
}

impl Object<'_> {
    /// True if it is more than a name with company. An `error` alone may belong to anything.
    const fn is_operation(&self) -> bool {
        self.done.is_some() || self.metadata.is_some() || self.response.is_some()
    }
}

/// The elements of a list; `None` if it is none.
fn elements(json: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json.get()).ok()
}

/// A text without its quotes, or JSON as it is.
fn text_or_json(json: &RawValue) -> Cow<'_, str> {
    match serde_json::from_str::<String>(json.get()) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Borrowed(json.get()),
    }
}

/// True if an object of this name is a device: the name is one of a device, and it has a field that
/// devices have.
fn is_device(json: &str, name: &str) -> bool {
    name.parse::<ParentName>().is_ok()
        && serde_json::from_str::<Keys>(json)
            .is_ok_and(|keys| OF_DEVICES.iter().any(|key| keys.contains_key(*key)))
}

/// True if an object is the answer of a list without elements.
fn is_empty(json: &str) -> bool {
    serde_json::from_str::<Keys>(json)
        .is_ok_and(|keys| keys.keys().all(|key| key == "nextPageToken"))
}

/// True if the data of a message is an object with the name of an operation.
fn carries_operation(data: &[u8], taken: &Taken) -> bool {
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    serde_json::from_slice::<Named>(data)
        .is_ok_and(|named| taken.parse(named.name.as_bytes()).is_ok())
}

/// Reads an operation as if the server had answered it, by the one parser that does.
fn operation(json: &str, name: OperationName) -> Result<(Target, Option<Evidence>), InputProblem> {
    let operation = Operation::read(name.clone(), &http::Response::new(json))
        .map_err(|error| InputProblem::Operation(chain(&error)))?;
    let mut target = Target::new(name);
    target.command = operation.metadata.clone().unwrap_or_default();
    let evidence = operation.done.then(|| Evidence {
        operation,
        body_sha256: Some(Sha256::digest(json).into()),
    });
    Ok((target, evidence))
}

/// Reads a line of ours: its facts about the operation and the command.
fn line_of_ours(
    json: &str,
    object: &Object<'_>,
    name: OperationName,
) -> Result<(Target, Option<Evidence>), InputProblem> {
    let (mut target, mut evidence) = match object.operation {
        Some(json) => operation(json.get(), name)?,
        None => (Target::new(name), None),
    };
    let row: Row = serde_json::from_str(json).map_err(|error| InputProblem::json(&error))?;
    if let Some(evidence) = &mut evidence {
        evidence.body_sha256 = row.body_sha256.as_deref().and_then(unhex);
    }
    let time = |text: Option<String>| text.and_then(|text| Timestamp::parse_rfc3339(&text));
    let create_time = time(row.create_time);
    let Metadata {
        kind,
        create_time: created,
        ..
    } = &mut target.command;
    *kind = kind.take().or(row.kind);
    *created = created.or(create_time);
    target.device_seen = time(row.device_seen);
    Ok((target, evidence))
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
