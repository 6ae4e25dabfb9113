//! The methods of the Android Management API beside those of every service.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::answer::Failure;
use crate::call::{Call, Query, object};
use crate::extras::Extras;
use crate::fate::Fate;
use crate::fleet::{NewOperation, Place};
use crate::method::Method;
use crate::page::page_of;
use crate::show::Show;
use crate::time::google_duration;
use crate::world::World;

use super::setup;

const TYPES: [&str; 11] = [
    "LOCK",
    "RESET_PASSWORD",
    "REBOOT",
    "RELINQUISH_OWNERSHIP",
    "CLEAR_APP_DATA",
    "START_LOST_MODE",
    "STOP_LOST_MODE",
    "ADD_ESIM",
    "REMOVE_ESIM",
    "REQUEST_DEVICE_INFO",
    "WIPE",
];
/// Parameters that say the type by themselves.
const IMPLIED: [(&str, &str); 6] = [
    ("addEsimParams", "ADD_ESIM"),
    ("clearAppsDataParams", "CLEAR_APP_DATA"),
    ("removeEsimParams", "REMOVE_ESIM"),
    ("requestDeviceInfoParams", "REQUEST_DEVICE_INFO"),
    ("startLostModeParams", "START_LOST_MODE"),
    ("wipeParams", "WIPE"),
];

type Answer = Result<Value, Failure>;

/// Carries a method out.
pub(super) fn perform(
    extras: &Extras,
    world: &mut World<'_>,
    call: &Call,
    query: &Query,
    body: &[u8],
) -> Answer {
    let name = &*call.name;
    let Method::Own(word) = call.method else {
        return Err(Failure::not_emulated());
    };
    let list = |world: &World<'_>, collection: &str| {
        let values = world.resources_below(&format!("{name}/{collection}/"));
        page_of(world.quirks, query, collection, &values)
    };
    match word {
        "issueCommand" => issue(extras, world, name, object(body)?),
        "enterprises.get" => {
            Ok(json!({"name": name, "enterpriseDisplayName": "Countermand emulator"}))
        }
        "enterprises.list" => enterprises(world, query),
        "policies.get" | "enrollmentTokens.get" => {
            let resource = world.resources.get(name).cloned();
            resource.ok_or_else(|| world.missing())
        }
        "policies.list" => list(world, "policies"),
        "enrollmentTokens.list" => list(world, "enrollmentTokens"),
        "policies.patch" => {
            let mask = query.update_mask.as_ref();
            Ok(setup::patch_policy(world, name, object(body)?, mask))
        }
        "enrollmentTokens.create" => setup::make_token(world, name, object(body)?),
        _ => Err(Failure::not_emulated()),
    }
}

fn enterprises(world: &World<'_>, query: &Query) -> Answer {
    if query.project.as_deref().unwrap_or_default().is_empty() {
        return Err(Failure::usual(400));
    }
    let names = world.fleet.grandparents();
    let shown: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
    page_of(world.quirks, query, "enterprises", &shown)
}

fn issue(
    extras: &Extras,
    world: &mut World<'_>,
    device: &str,
    mut command: Map<String, Value>,
) -> Answer {
    let place = Place {
        parent: world.live_parent(device)?,
        pattern: &world.fleet.service().patterns[0],
    };
    let duration = match command.remove("duration") {
        None => Duration::from_secs(600),
        Some(text) => text
            .as_str()
            .and_then(google_duration)
            .ok_or_else(|| Failure::invalid("Invalid value at 'command.duration'"))?,
    };
    let kind = match command.remove("type") {
        Some(Value::String(kind)) if TYPES.contains(&kind.as_str()) => kind,
        Some(other) => {
            let problem = format!("Invalid value at 'command.type', {other}");
            return Err(Failure::invalid(problem));
        }
        None => IMPLIED
            .iter()
            .find(|(params, _)| command.contains_key(*params))
            .map(|(_, kind)| (*kind).to_owned())
            .ok_or_else(|| Failure::invalid("Command type must be specified."))?,
    };
    // Fields that the server sets are not taken from the sender.
    for output in ["createTime", "errorCode"] {
        command.remove(output);
    }
    let new = NewOperation::new(Fate::Cancellable)
        .kind(kind)
        .valid_for(duration)
        .params(command);
    let added = world.fleet.add_operation(place, new, world.now);
    let index = added.map_err(|problem| Failure::invalid(problem.to_string()))?;
    let (service, operation) = (world.fleet.service(), &world.fleet.operations[index]);
    let state = operation.state(world.quirks, world.now);
    let show = Show {
        service,
        extras,
        operation,
        quirks: world.quirks,
    };
    Ok(show.of(state, 0))
}
