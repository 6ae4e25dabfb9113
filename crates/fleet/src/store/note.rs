//! Notes of a job: events besides those of its operations.

use countermand_core::{Error, ErrorFacts, ErrorKey, ExitClass, ParentName, Resource, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

/// A device that a list showed, and of which the API said later that it does not exist. Its record
/// is deleted after a wipe was confirmed, so the device was probably wiped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "callers make plans of it")]
pub struct Vanished {
    /// The device.
    pub device: ParentName,
    /// The time of its last report, where it is known.
    pub seen: Option<Timestamp>,
    /// The time at which it was found to be gone.
    pub at: Timestamp,
}

/// A list that could not be read to its end: operations in it may have been missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Missed {
    /// The time of it.
    pub at: Timestamp,
    /// The name of the device, or of the enterprise, whose list it is.
    pub resource: String,
    /// The error as JSON, which [`ErrorFacts::stored`](countermand_core::ErrorFacts::stored) reads.
    pub error: Value,
}

impl Missed {
    /// The note of an error that has just happened.
    #[must_use]
    pub fn new(at: Timestamp, resource: &Resource, error: &Error) -> Self {
        Self {
            at,
            resource: resource.as_str().to_owned(),
            // It is made of names, words and numbers, so that it has one.
            error: serde_json::to_value(error).unwrap_or_default(),
        }
    }

    /// True if no run asks for the list again: nothing of that name exists.
    pub(crate) fn is_final(&self) -> bool {
        ErrorFacts::stored(&self.error).is_some_and(|facts| facts.key == ErrorKey::NotFound)
    }

    /// The exit class of a command that met it.
    #[must_use]
    pub fn exit_class(&self) -> ExitClass {
        ErrorFacts::stored(&self.error).map_or(ExitClass::Unresolved, ErrorFacts::exit_class)
    }

    /// A sentence that says so.
    #[must_use]
    pub fn sentence(&self) -> String {
        let message = self.error.get("message").and_then(Value::as_str);
        let message = message.unwrap_or(&self.resource);
        format!("not searched to the end: {message}")
    }

    /// The text of its note.
    pub(super) fn to_json(&self) -> String {
        json!({"resource": self.resource, "error": self.error}).to_string()
    }

    /// Of a note of its kind, if the text has the form that this version writes.
    pub(crate) fn of_note(note: &Note) -> Option<Self> {
        if note.kind != Note::MISSED {
            return None;
        }
        let mut fields = serde_json::from_str::<Value>(&note.text).ok()?;
        Some(Self {
            at: note.at,
            resource: fields.get("resource")?.as_str()?.to_owned(),
            error: fields.get_mut("error")?.take(),
        })
    }
}

/// Something that is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// The time of it.
    pub at: Timestamp,
    /// A word for its kind.
    pub kind: String,
    /// Text about the event.
    pub text: String,
}

impl Note {
    /// The kind of a note whose text is an enterprise all of whose devices have been listed.
    pub const LISTED: &'static str = "devices_listed";
    /// The kind of a note whose text is a device that vanished.
    pub const VANISHED: &'static str = "device_vanished";
    /// The kind of a note whose text says in JSON which list could not be read to its end, and why.
    pub const MISSED: &'static str = "missed";
    /// The kind of a note whose text says how many lists were not asked for, after a failure.
    pub(crate) const NOT_ATTEMPTED: &'static str = "not_attempted";
    /// The kind of a note whose text has the patterns of operations that no list of a search has, in JSON.
    pub const NOT_SEARCHED: &'static str = "not_searched";
    /// The kind of a note whose text is the progress of the search before a plan, in JSON.
    pub(crate) const SEARCH: &'static str = "search";
    /// The kind of a note whose text says in JSON which operations a search has seen that were done before: one for
    /// each run that searched to its end or was stopped.
    pub const ALREADY_DONE: &'static str = "already_done";
    /// The kind of a note of a rescue that has found nothing to cancel: the operations that its filter left out.
    pub const LEFT_OUT: &'static str = "left_out";
    /// The kind of a note that every request fails; its time is the begin of the outage. Its text is the key
    /// of the error, a colon and the cause.
    pub const OUTAGE: &'static str = "outage";
    /// The kind of a note that the server is back.
    pub const OUTAGE_OVER: &'static str = "outage_over";

    /// The kind of a note whose text says in JSON for how long the machine had been up when the search
    /// before a plan ended.
    pub const SEARCH_ENDED: &'static str = "search_ended";

    /// The kind of a note of the maker of a feed's file: nothing was sent for its lane before.
    pub const NOTHING_SENT: &'static str = "nothing_sent";

    /// The kind of a note that the file of a feed was made anew, and that the calls before it are not known.
    pub const NEW: &'static str = "new_file";

    /// The text, as people read it.
    #[must_use]
    pub fn sentence(&self) -> String {
        if let Some(missed) = Missed::of_note(self) {
            return missed.sentence();
        }
        match self.outage() {
            Some((key, cause)) => format!("every request fails ({key}): {cause}"),
            None => self.text.clone(),
        }
    }

    /// The key and the cause of an outage.
    pub(crate) fn outage(&self) -> Option<(&str, &str)> {
        let outage = self.kind == Self::OUTAGE;
        outage.then(|| self.text.split_once(": ")).flatten()
    }

    /// A note for programs: its content is counted or listed elsewhere.
    #[must_use]
    pub fn is_record(&self) -> bool {
        matches!(
            &*self.kind,
            Self::LISTED
                | Self::VANISHED
                | Self::SEARCH
                | Self::SEARCH_ENDED
                | Self::ALREADY_DONE
                | Self::NOT_SEARCHED
                | Self::NOTHING_SENT
        )
    }
}
