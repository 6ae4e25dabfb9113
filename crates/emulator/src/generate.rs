//! The fleet that a seed stands for.

use std::time::Duration;

use crate::bad_input::BadInput;
use crate::config::Config;
use crate::extras::Extras;
use crate::fate::Fate;
use crate::fleet::{Fleet, NewOperation};
use crate::rng::Rng;

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// The fleet of a description, and the name of its grandparent.
pub(crate) fn fleet(config: &Config, extras: &Extras, rng: &mut Rng) -> (Fleet, String) {
    let levels = config.service.levels;
    let mut grandparent = String::new();
    for level in &levels[..levels.len().saturating_sub(2)] {
        let slash = if grandparent.is_empty() { "" } else { "/" };
        let id = (extras.id)(level, rng);
        grandparent.push_str(&format!("{slash}{}/{id}", level.collection));
    }
    let mut fleet = Fleet::new(config.service, extras.defaults);
    fleet.grandparent_mut(&grandparent);
    for _ in 0..config.parents {
        // Names and ids made here are fresh, so nothing can be refused; a parent that were would only be missing.
        let _ = parent(&mut fleet, &grandparent, extras, config, rng);
    }
    (fleet, grandparent)
}

/// A fresh name of a parent.
pub(crate) fn parent_name(
    fleet: &Fleet,
    grandparent: &str,
    extras: &Extras,
    rng: &mut Rng,
) -> String {
    let level = fleet.service().level_above(1);
    let slash = if grandparent.is_empty() { "" } else { "/" };
    let id = (extras.id)(level, rng);
    format!("{grandparent}{slash}{}/{id}", level.collection)
}

fn parent(
    fleet: &mut Fleet,
    grandparent: &str,
    extras: &Extras,
    config: &Config,
    rng: &mut Rng,
) -> Result<(), BadInput> {
    let start = config.start;
    let created = start.saturating_sub((40 + rng.below(400)) * DAY * 1000);
    let active = start.saturating_sub((10 * MINUTE + rng.below(3 * DAY)) * 1000);
    let name = parent_name(fleet, grandparent, extras, rng);
    let parent = fleet.add_parent(name, created, active)?;
    let first = fleet.operations.len();
    for _ in 0..config.history {
        finished(fleet, parent, extras, start, rng)?;
    }
    // The operations of the past ended long ago: their clocks start at their creation.
    for operation in &mut fleet.operations[first..] {
        operation.added = operation.created;
    }
    for _ in 0..config.pending {
        let operation = open(config, extras, rng);
        fleet.add_operation(parent, operation, start)?;
    }
    Ok(())
}

/// One finished operation of the last month: done, failed or cancelled.
fn finished(
    fleet: &mut Fleet,
    parent: usize,
    extras: &Extras,
    start: u64,
    rng: &mut Rng,
) -> Result<(), BadInput> {
    let after = Duration::from_millis(800 + rng.below(4000));
    let (fate, cancelled) = match rng.below(10) {
        0 => (Fate::Fails { after, code: 9 }, false),
        1 => (Fate::Cancellable, true),
        _ => (Fate::Acknowledged { after }, false),
    };
    let (kind, params) = (extras.finished)(rng);
    let age = DAY + rng.below(29 * DAY);
    let operation = NewOperation::new(fate).kind(kind).age(age).params(params);
    let index = fleet.add_operation(parent, operation, start)?;
    if cancelled {
        let operation = &mut fleet.operations[index];
        operation.cancel_asked = Some(operation.created + 1500);
    }
    Ok(())
}

/// One operation that is open at the start, minutes old; where operations expire, it is valid for weeks.
fn open(config: &Config, extras: &Extras, rng: &mut Rng) -> NewOperation {
    let fate = draw(&config.mix, rng).scaled(50 + rng.below(101) as u32);
    let (kind, params) = (extras.open)(rng);
    let age = MINUTE + rng.below(9 * MINUTE);
    let validity = match fate {
        // Soon, so that it can be watched.
        Fate::Expires => age + 5 + rng.below(20),
        _ => 30 * DAY,
    };
    let operation = NewOperation::new(fate).kind(kind).age(age).params(params);
    match extras.defaults.validity {
        Some(_) => operation.duration(validity),
        None => operation,
    }
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
