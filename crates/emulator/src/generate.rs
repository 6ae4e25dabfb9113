//! The fleet that a seed stands for.

use std::time::Duration;

use countermand_core::{Ids, Level, NamePattern, ParentName, Reading, Service};

use crate::bad_input::BadInput;
use crate::config::Config;
use crate::extras::Extras;
use crate::fate::Fate;
use crate::fleet::{Fleet, NewOperation, Place};
use crate::name::below;
use crate::rng::Rng;

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// The fleet of a description, and the name of its grandparent.
pub(crate) fn fleet(config: &Config, extras: &Extras, rng: &mut Rng) -> (Fleet, String) {
    let mut grandparent = String::new();
    let levels = config.service.levels();
    let above = &levels[..levels.len().saturating_sub(2)];
    for level in above {
        grandparent = child(&grandparent, level, 0, extras, rng);
    }
    let mut fleet = Fleet::new(config.service, extras.defaults, config.seed);
    fleet.grandparent_mut(above, &grandparent);
    let mut generator = Generator {
        config,
        extras,
        rng,
        fleet: &mut fleet,
    };
    for number in 0..config.parents {
        // Names and ids made here are fresh, so nothing can be refused; a parent that were would only be missing.
        let _ = generator.parent(&grandparent, number);
    }
    (fleet, grandparent)
}

/// The name of the parent of this number. Where the usual pattern has room for one parent alone, it is that.
pub(crate) fn parent(
    service: &Service,
    grandparent: &str,
    number: usize,
    extras: &Extras,
    rng: &mut Rng,
) -> String {
    match service.levels() {
        [.., level, _] => child(grandparent, level, number, extras, rng),
        _ => String::new(),
    }
}

/// The name of the parent of this number whose list has what a pattern names.
pub(crate) fn parent_of(
    service: &'static Service,
    pattern: &'static NamePattern,
    number: usize,
    extras: &Extras,
    rng: &mut Rng,
) -> String {
    let above = pattern.above();
    let name = (0..).zip(above).fold(String::new(), |name, (at, level)| {
        let number = if at + 1 == above.len() { number } else { 0 };
        child(&name, level, number, extras, rng)
    });
    // Its own name means the first of its lists.
    match ParentName::parse(service, &name) {
        Ok(first) if first.pattern() != pattern => below(&name, pattern.own_level().collection),
        _ => name,
    }
}

/// The name of the resource of this number below another.
fn child(above: &str, level: &Level, number: usize, extras: &Extras, rng: &mut Rng) -> String {
    let collection = level.collection;
    below(
        above,
        &match level.ids {
            Ids::None => collection.to_owned(),
            Ids::Only(id) => format!("{collection}/{id}"),
            Ids::Any | Ids::Rest => format!("{collection}/{}", (extras.id)(level, number, rng)),
        },
    )
}

struct Generator<'a> {
    config: &'a Config,
    extras: &'a Extras,
    rng: &'a mut Rng,
    fleet: &'a mut Fleet,
}

impl Generator<'_> {
    fn parent(&mut self, grandparent: &str, number: usize) -> Result<(), BadInput> {
        let start = self.config.start;
        let created = start.saturating_sub((40 + self.rng.below(400)) * DAY * 1000);
        let active = start.saturating_sub((10 * MINUTE + self.rng.below(3 * DAY)) * 1000);
        let service = self.config.service;
        let name = parent(service, grandparent, number, self.extras, self.rng);
        let Place { parent, .. } = self.fleet.add_parent(&name, created, active)?;
        // Beside its operations, a parent has the resources of each kind that stand right below it.
        let usual = service.levels().len() - 1;
        let kinds = service.patterns.iter().enumerate().filter(|(nth, kind)| {
            let above = kind.levels.get(..usual);
            let is_beside =
                kind.levels.len() == usual + 1 && above == service.levels().get(..usual);
            *nth == 0 || (is_beside && matches!(kind.reading, Reading::State(_)))
        });
        for (_, pattern) in kinds {
            self.list(Place { parent, pattern })?;
        }
        Ok(())
    }

    /// The operations of one list.
    fn list(&mut self, place: Place) -> Result<(), BadInput> {
        let first = self.fleet.operations.len();
        for _ in 0..self.config.history {
            self.finished(place)?;
        }
        // The operations of the past ended long ago: their clocks start at their creation.
        for operation in &mut self.fleet.operations[first..] {
            operation.added = operation.created;
        }
        for _ in 0..self.config.pending {
            let operation = self.open(place);
            self.fleet
                .add_operation(place, operation, self.config.start)?;
        }
        Ok(())
    }

    /// Adds a finished operation of the last month: done, failed or cancelled.
    fn finished(&mut self, place: Place) -> Result<(), BadInput> {
        let rng = &mut *self.rng;
        let after = Duration::from_millis(800 + rng.below(4000));
        let (fate, cancelled) = match rng.below(10) {
            0 => (Fate::Fails { after, code: 9 }, false),
            1 => (Fate::Cancellable, true),
            _ => (Fate::Acknowledged { after }, false),
        };
        let (kind, params) = (self.extras.finished)(rng);
        let age = DAY + rng.below(29 * DAY);
        let operation = NewOperation::new(fate).age(age).params(params);
        let operation = kinded(operation, place, kind);
        let start = self.config.start;
        let index = self.fleet.add_operation(place, operation, start)?;
        if cancelled {
            let operation = &mut self.fleet.operations[index];
            operation.cancel_asked = Some(operation.created + 1500);
        }
        Ok(())
    }

    /// An operation that is open at the start, minutes old; where operations expire, it is valid for weeks.
    fn open(&mut self, place: Place) -> NewOperation {
        let rng = &mut *self.rng;
        let fate = draw(&self.config.mix, rng).scaled(50 + rng.below(101) as u32);
        let (kind, params) = (self.extras.open)(rng);
        let age = MINUTE + rng.below(9 * MINUTE);
        let validity = match fate {
            // Soon, so that it can be watched.
            Fate::Expires => age + 5 + rng.below(20),
            _ => 30 * DAY,
        };
        let operation = NewOperation::new(fate).age(age).params(params);
        let operation = kinded(operation, place, kind);
        match self.extras.defaults.validity {
            Some(_) => operation.duration(validity),
            None => operation,
        }
    }
}

/// The operation, with its type. A resource with a state of its own has that of its collection.
fn kinded(operation: NewOperation, place: Place, kind: &str) -> NewOperation {
    match place.pattern.reading {
        Reading::Operation => operation.kind(kind),
        Reading::State(_) => operation,
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
