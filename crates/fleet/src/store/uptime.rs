//! A clock that is never set.

use std::time::Duration;

use serde_json::{Value, json};

use super::note::Note;
use crate::system;

/// The time for which a machine has been up: a clock that is never set, good until the machine is
/// started anew.
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
        let (boot, millis) = system::uptime()?;
        Some(Self { boot, millis })
    }

    /// The text of a note that says it.
    pub(super) fn to_json(&self) -> String {
        json!({"boot": self.boot, "uptime_ms": self.millis}).to_string()
    }

    /// Of the note of a search that has ended, if the text has the form that this version writes.
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

    /// The time since `earlier`, if both are of one start of one machine.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<Duration> {
        let millis = self.millis.checked_sub(earlier.millis)?;
        let millis = u64::try_from(millis).ok()?;
        (self.boot == earlier.boot).then(|| Duration::from_millis(millis))
    }
}
