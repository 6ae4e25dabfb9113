//! What is told of a job besides its operations.

use std::collections::BTreeMap;
use std::time::Duration;

use countermand_core::{Error, ParentName, Resource, Timestamp, Verdict};
use countermand_scheduler::{PastCall, Window};
use serde::Serialize;
use serde_json::{Value, json};

/// How many operations have come how far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// All operations.
    pub operations: u64,
    /// How often a name came again.
    pub duplicates: u64,
    /// Nothing was sent for them.
    pub unsent: u64,
    /// A cancel may have left, its answer is not known.
    pub maybe_sent: u64,
    /// The server accepted their cancellation.
    pub accepted: u64,
    /// A cancel has left for them: a fact, unlike [`maybe_sent`](Self::maybe_sent).
    pub cancels_sent: u64,
    /// A cancel was about to leave for them, and whether it has left is not known.
    pub cancels_maybe_sent: u64,
    /// Requests that left for operations, over all runs.
    pub attempts: u64,
    /// With a verdict, by it.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// With an error and no verdict, by the kind of the error.
    pub errors: BTreeMap<String, u64>,
}

/// The state of the quota after a restart, for [`RateLimiter`](countermand_scheduler::RateLimiter).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spending {
    /// What was sent in the last hour, in the order of sending. One that is in the future, because
    /// the clock was set back, has just been sent.
    pub calls: Vec<PastCall>,
    /// Limits that the server named.
    pub lowered: Vec<Window>,
    /// For how long everybody still has to wait.
    pub held: Option<Duration>,
}

/// How long a machine has been up: a clock that nobody sets, good until it is started anew.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "tests make it")]
pub struct Uptime {
    /// Names the start of the machine.
    pub boot: String,
    /// Milliseconds since then, with those in which the machine was suspended.
    pub millis: i64,
}

impl Uptime {
    /// By this machine; `None` where it does not tell.
    #[must_use]
    pub fn now() -> Option<Self> {
        #[cfg(target_os = "linux")]
        {
            let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
            let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            Some(Self {
                boot: boot.trim().to_owned(),
                millis: up.tv_sec.saturating_mul(1000) + up.tv_nsec / 1_000_000,
            })
        }
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// The text of a note that says it.
    pub(super) fn to_json(&self) -> String {
        json!({"boot": self.boot, "uptime_ms": self.millis}).to_string()
    }

    /// Of the note of a search that has ended, if the text is what this version writes.
    pub(super) fn of_note(note: &Note) -> Option<Self> {
        if note.kind != Note::SEARCH_ENDED {
            return None;
        }
        let fields = serde_json::from_str::<Value>(&note.text).ok()?;
        Some(Self {
            boot: fields.get("boot")?.as_str()?.to_owned(),
            millis: fields.get("uptime_ms")?.as_i64()?,
        })
    }

    /// How long after `earlier` it is, if both are of one start of one machine.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<Duration> {
        let millis = self.millis.checked_sub(earlier.millis)?;
        let millis = u64::try_from(millis).ok()?;
        (self.boot == earlier.boot).then(|| Duration::from_millis(millis))
    }
}

/// A device that a rescue looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// Its name.
    pub name: ParentName,
    /// When it last reported, if that is known.
    pub seen: Option<Timestamp>,
    /// When all its operations had been listed.
    pub searched: Option<Timestamp>,
}

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
#[derive(Clone, Debug, PartialEq)]
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
    /// Of an error that has just happened.
    #[must_use]
    pub fn new(at: Timestamp, resource: &Resource, error: &Error) -> Self {
        Self {
            at,
            resource: resource.as_str().to_owned(),
            // It is made of names, words and numbers, so that it has one.
            error: serde_json::to_value(error).unwrap_or_default(),
        }
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

    /// Of a note of its kind, if the text is what this version writes.
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
    /// When.
    pub at: Timestamp,
    /// A word for its kind.
    pub kind: String,
    /// What happened.
    pub text: String,
}

impl Note {
    /// The kind of a note whose text is an enterprise all of whose devices have been listed.
    pub const LISTED: &'static str = "devices_listed";
    /// The kind of a note whose text is a device that vanished.
    pub const VANISHED: &'static str = "device_vanished";
    /// The kind of a note whose text says in JSON which list could not be read to its end, and why.
    pub const MISSED: &'static str = "not_searched";
    /// The kind of a note that the server fails, and only probes are sent.
    pub const CIRCUIT_OPENED: &'static str = "circuit_opened";
    /// The kind of a note that the server is back.
    pub const CIRCUIT_CLOSED: &'static str = "circuit_closed";

    /// The kind of a note whose text says in JSON for how long the machine had been up when the search
    /// before a plan ended.
    pub const SEARCH_ENDED: &'static str = "search_ended";

    /// A note for programs: what it tells is counted or listed elsewhere.
    #[must_use]
    pub fn is_record(&self) -> bool {
        matches!(
            &*self.kind,
            Self::LISTED | Self::VANISHED | Self::SEARCH_ENDED
        )
    }
}

/// One run of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// When it began.
    pub begun: Timestamp,
    /// The process.
    pub pid: u32,
    /// The machine.
    pub host: String,
    /// How long the machine had been up when it began, where that is known.
    pub uptime: Option<Uptime>,
    /// When it ended; `None` while it runs, or when it was killed.
    pub ended: Option<Timestamp>,
    /// How it ended.
    pub how: Option<String>,
}
