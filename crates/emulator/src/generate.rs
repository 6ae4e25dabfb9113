//! The fleet that a seed stands for.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::fleet::{Fleet, NewOperation};
use crate::rng::Rng;
use crate::{BadInput, Config, Fate};

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;
const ALNUM: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const FINISHED: [&str; 4] = ["LOCK", "REBOOT", "RESET_PASSWORD", "START_LOST_MODE"];

/// The fleet of a description, and the name of its enterprise.
pub(crate) fn fleet(config: &Config, rng: &mut Rng) -> (Fleet, String) {
    let enterprise = format!("enterprises/LC{}", rng.word(ALNUM, 8));
    let mut fleet = Fleet::default();
    fleet.found_enterprise(&enterprise);
    for _ in 0..config.devices {
        // Names and ids made here are fresh, so nothing can be refused; a device that were would only be missing.
        let _ = device(&mut fleet, &enterprise, config, rng);
    }
    (fleet, enterprise)
}

fn device(
    fleet: &mut Fleet,
    enterprise: &str,
    config: &Config,
    rng: &mut Rng,
) -> Result<(), BadInput> {
    let enrolled = config
        .start
        .saturating_sub((40 + rng.below(400)) * DAY * 1000);
    let seen = config
        .start
        .saturating_sub((10 * MINUTE + rng.below(3 * DAY)) * 1000);
    let device = fleet.add_device(enterprise, None, enrolled, seen, rng)?;
    let first = fleet.operations.len();
    for _ in 0..config.history {
        finished(fleet, device, config.start, rng)?;
    }
    // What was added as history ended long ago: its clock starts at its creation.
    for operation in &mut fleet.operations[first..] {
        operation.added = operation.created;
    }
    for _ in 0..config.pending {
        let operation = open(config, rng);
        fleet.add_operation(device, operation, config.start)?;
    }
    Ok(())
}

/// One finished operation of the last month: done, failed or cancelled.
fn finished(fleet: &mut Fleet, device: usize, start: u64, rng: &mut Rng) -> Result<(), BadInput> {
    let after = Duration::from_millis(800 + rng.below(4000));
    let (fate, cancelled) = match rng.below(10) {
        0 => (Fate::Fails { after, code: 9 }, false),
        1 => (Fate::Cancellable, true),
        _ => (Fate::Acknowledged { after }, false),
    };
    let kind = FINISHED[rng.below(FINISHED.len() as u64) as usize];
    // Every field a command was given is echoed, and these are the ones nobody wants in a log.
    let params = match kind {
        "RESET_PASSWORD" => secret(
            "newPassword",
            json!(format!("hunter2-{:08x}", rng.next() as u32)),
        ),
        "START_LOST_MODE" => secret(
            "startLostModeParams",
            json!({"lostPhoneNumber": {"defaultMessage": format!("+48 555 {:06}", rng.below(1_000_000))}}),
        ),
        _ => Map::new(),
    };
    let age = DAY + rng.below(29 * DAY);
    let operation = NewOperation::new(fate).kind(kind).age(age).params(params);
    let index = fleet.add_operation(device, operation, start)?;
    if cancelled {
        let operation = &mut fleet.operations[index];
        operation.cancel_asked = Some(operation.created + 1500);
    }
    Ok(())
}

/// One operation that is open at the start: mostly a WIPE that somebody regrets, minutes old and valid for weeks.
fn open(config: &Config, rng: &mut Rng) -> NewOperation {
    let fate = draw(&config.mix, rng).scaled(50 + rng.below(101) as u32);
    let kind = match rng.below(20) {
        0 => "RELINQUISH_OWNERSHIP",
        1 => "LOCK",
        _ => "WIPE",
    };
    let age = MINUTE + rng.below(9 * MINUTE);
    let duration = match fate {
        // Soon, so that it can be watched.
        Fate::Expires => age + 5 + rng.below(20),
        _ => 30 * DAY,
    };
    let params = match kind {
        "WIPE" => secret(
            "wipeParams",
            json!({"wipeReason": {"defaultMessage": "Device reported lost."}}),
        ),
        _ => Map::new(),
    };
    NewOperation::new(fate)
        .kind(kind)
        .age(age)
        .duration(duration)
        .params(params)
}

fn secret(key: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(key.to_owned(), value)])
}

/// One of the fates, by weight; cancellable when there is none.
fn draw(mix: &[(u32, Fate)], rng: &mut Rng) -> Fate {
    let total: u64 = mix.iter().map(|(weight, _)| u64::from(*weight)).sum();
    let mut left = rng.below(total);
    for (weight, fate) in mix {
        if left < u64::from(*weight) {
            return *fate;
        }
        left -= u64::from(*weight);
    }
    Fate::Cancellable
}
