//! The Android Management API beyond its description: commands, enterprises, policies and enrollment tokens.

mod command;
mod issue;
mod methods;
mod schemas;
mod setup;

use serde_json::{Value, json};

use crate::extras::{Extras, PLAIN};
use crate::fleet::{Defaults, Parent};
use crate::time::rfc3339;

/// The type of an operation that is added without one.
const DEFAULT_TYPE: &str = "WIPE";
const HEX: &[u8] = b"0123456789abcdef";
const ALNUM: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The behaviour of the Android Management API beyond its description.
pub(crate) static EXTRAS: Extras = Extras {
    methods: methods::METHODS,
    not_emulated: methods::NOT_EMULATED,
    perform: |world, call, query, body| issue::perform(&EXTRAS, world, call, query, body),
    names_collections: true,
    schemas: schemas::schemas,
    noun: "command",
    defaults: Defaults {
        kind: DEFAULT_TYPE,
        validity: Some(600),
    },
    id: |level, _, rng| match level.noun {
        "enterprise" => format!("LC{}", rng.word(ALNUM, 8)),
        _ => rng.word(HEX, 16),
    },
    open: command::open,
    finished: command::finished,
    metadata: command::metadata,
    response: "type.googleapis.com/google.android.devicemanagement.v1.IssueCommandResponse",
    parent: device,
    ..PLAIN
};

fn device(device: &Parent) -> Value {
    json!({
        "name": device.name,
        "managementMode": "DEVICE_OWNER",
        "ownership": "COMPANY_OWNED",
        "state": "ACTIVE",
        "appliedState": "ACTIVE",
        "enrollmentTime": rfc3339(device.created),
        "lastStatusReportTime": rfc3339(device.active),
        "lastPolicySyncTime": rfc3339(device.active),
    })
}
