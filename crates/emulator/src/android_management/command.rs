//! Commands: the ones that a fleet begins with, and the metadata of their operations.

use countermand_core::Service;
use serde_json::{Map, Value, json};

use crate::extras::Command;
use crate::operation::Operation;
use crate::quirks::Quirks;
use crate::rng::Rng;
use crate::time::{rfc3339, seconds};
use crate::truth::State;

const FINISHED: [&str; 4] = ["LOCK", "REBOOT", "RESET_PASSWORD", "START_LOST_MODE"];

/// A command that is open: mostly a WIPE.
pub(super) fn open(rng: &mut Rng) -> Command {
    let kind = match rng.below(20) {
        0 => "RELINQUISH_OWNERSHIP",
        1 => "LOCK",
        _ => "WIPE",
    };
    let reason = json!({"wipeReason": {"defaultMessage": "Device reported lost."}});
    let params = match kind {
        "WIPE" => parameter("wipeParams", reason),
        _ => Map::new(),
    };
    (kind, params)
}

/// A command of the last month. Its parameters are echoed, and must not be in a log.
pub(super) fn finished(rng: &mut Rng) -> Command {
    let kind = FINISHED[rng.below(FINISHED.len() as u64) as usize];
    let params = match kind {
        "RESET_PASSWORD" => {
            let password = format!("hunter2-{:08x}", rng.next() as u32);
            parameter("newPassword", password.into())
        }
        "START_LOST_MODE" => {
            let number = format!("+48 555 {:06}", rng.below(1_000_000));
            let number = json!({"lostPhoneNumber": {"defaultMessage": number}});
            parameter("startLostModeParams", number)
        }
        _ => Map::new(),
    };
    (kind, params)
}

fn parameter(key: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), value)])
}

/// The `Command`, with everything the sender put into it, as the real one echoes it.
pub(super) fn metadata(
    _: &Service,
    operation: &Operation,
    state: State,
    quirks: &Quirks,
) -> Map<String, Value> {
    let mut metadata = operation.params.clone();
    let kind = match quirks.extras {
        true => "TIME_TRAVEL",
        false => &operation.kind,
    };
    let of = "type.googleapis.com/google.android.devicemanagement.v1.Command";
    metadata.insert("@type".to_owned(), of.into());
    metadata.insert("type".to_owned(), kind.into());
    let created = rfc3339(operation.created);
    metadata.insert("createTime".to_owned(), created.into());
    if let Some(validity) = operation.validity {
        metadata.insert("duration".to_owned(), seconds(validity).into());
    }
    if state == State::Failed {
        metadata.insert("errorCode".to_owned(), "UNKNOWN".into());
    }
    metadata
}
