//! Random behaviour of operations and servers: fates, quirks and faults.

use std::time::Duration;

use countermand_core::Service;
use countermand_emulator::{
    Expiry, Fate, FinishedCancel, NoCancel, PRESETS, Quirks, Script, Shape,
};
use serde_json::{Value, json};

use crate::dice::Dice;

/// Any fate, with a device that acts within 20 s if it acts.
pub fn fate(dice: &mut Dice) -> Fate {
    let after = Duration::from_millis(dice.below(20_000));
    match dice.below(9) {
        0 | 1 => Fate::Cancellable,
        2 => Fate::Acknowledged { after },
        3 => Fate::Completes { after },
        4 => Fate::Wiped { after },
        5 => Fate::Purged { after },
        6 => *dice.pick(&[Fate::Vanishes, Fate::Expires]),
        7 => Fate::Stuck,
        // Code 1 from a device would be a cancellation; the model does not do that.
        _ => Fate::Fails {
            after,
            code: 2 + dice.below(15) as i32,
        },
    }
}

/// Any behaviour of a server that is not documented.
pub fn quirks(dice: &mut Dice) -> Quirks {
    use FinishedCancel::{FailedPrecondition, NotFound, Ok};
    let mut quirks = Quirks::default()
        .finished_cancel(*dice.pick(&[Ok, FailedPrecondition, NotFound]))
        .cancel_delay(Duration::from_millis(dice.below(2) * dice.below(5000)))
        .expiry(*dice.pick(&[Expiry::Pending, Expiry::Error4, Expiry::NotFound]))
        .shape(*dice.pick(&[
            Shape::Documented,
            Shape::NoResult,
            Shape::Both,
            Shape::CodeWithoutDone,
            Shape::Flapping,
        ]));
    quirks.other_name = dice.chance(5);
    quirks.no_metadata = dice.chance(20);
    quirks.extras = dice.chance(20);
    quirks.missing_is_500 = dice.chance(20);
    quirks.no_cancel = dice
        .chance(6)
        .then(|| *dice.pick(&[NoCancel::Unimplemented, NoCancel::FailedPrecondition]));
    quirks.project_number = dice.chance(20);
    quirks.ignore_fields = dice.chance(20);
    quirks
}

/// Up to five kinds of faults, about `times` of each or without end, and latency on every call that
/// no other fault concerns.
///
/// # Panics
/// Never: the drawn script is valid.
pub fn faults(service: &'static Service, dice: &mut Dice, times: u64) -> Script {
    let mut methods = vec!["cancel"];
    if service.patterns.iter().any(|pattern| pattern.has_get) {
        methods.push("get");
    }
    if service.has_parent_records {
        methods.push("devices.get");
    }
    // `flapping` is drawn with the quirks, for operations that do not expire.
    let presets = PRESETS.iter().filter(|preset| preset.name != "flapping");
    let presets = presets.collect::<Vec<_>>();
    let entries = (0..dice.below(5)).map(|_| {
        let preset = dice.pick(&presets);
        let mut entry =
            json!({ "fault": preset.name, "skip": dice.below(times / 2), "probability": 0.7 });
        if dice.chance(50) {
            entry["times"] = json!(1 + dice.below(times));
        }
        if preset.name == "missing-as-500" {
            // A get that says so falsely makes an operation gone that is there: no client could know.
            entry["method"] = json!("cancel");
        } else if !preset.entry.contains_key("method") && dice.chance(60) {
            entry["method"] = json!(*dice.pick(&methods));
        }
        entry
    });
    let mut entries = entries.collect::<Vec<_>>();
    if dice.chance(30) {
        let seconds = (1 + dice.below(40)).to_string();
        let delayed = json!({ "status": 503, "headers": { "retry-after": seconds },
            "skip": dice.below(times / 2), "times": 1 + dice.below(times) });
        entries.insert(0, delayed);
    }
    entries.push(json!({ "delay_ms": dice.below(3) * dice.below(1500), "times": null }));
    Script::of(service, Value::Array(entries)).expect("what is drawn is a script")
}
