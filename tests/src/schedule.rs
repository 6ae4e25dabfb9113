//! Random schedules of one countermand each: a service, an operation, a server, faults and a policy.

use std::sync::LazyLock;
use std::time::Duration;

use countermand_core::{Ids, Level, Name, NamePattern, OperationName, Policy, Reading, Service};
use countermand_emulator::{Config, Emulator, NewOperation, NewParent, Shape};

use crate::dice::Dice;
use crate::simulation::{Mishaps, Run, run_with};
use crate::trouble;
use crate::truth::lie;

/// A schedule that has not run. Its seed describes it and its run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Schedule {
    /// The server.
    pub emulator: Emulator,
    /// The operation to be cancelled.
    pub name: OperationName,
    /// The numbers that its policy is made of.
    pub limits: Limits,
    policy: Policy,
    mishaps: Mishaps,
    seed: u64,
}

/// The numbers that a policy is made of.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Limits {
    /// The time for all of it.
    pub deadline: Duration,
    /// The time for one request.
    pub attempt_timeout: Duration,
    /// Attempts of a failing call.
    pub attempts: u32,
    /// The first time between two looks.
    pub poll: Duration,
}

impl Schedule {
    /// The schedule of a seed.
    ///
    /// # Panics
    /// Never: what is drawn is valid.
    #[must_use]
    pub fn drawn(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let (service, pattern) = pattern(&mut dice);
        let script = trouble::faults(service, &mut dice, 6);
        let config = Config::default()
            .service(service)
            .seed(seed)
            .parents(1)
            .operations(1, 1)
            .quirks(trouble::quirks(&mut dice))
            .script(script);
        let mut emulator = Emulator::new(config);
        let quirks = trouble::quirks(&mut dice);
        // If the answer that said done was lost, what is shown as pending later seems to have expired: no client
        // could know.
        let validity = match quirks.shape {
            Shape::Flapping => 86_400,
            _ => 5 + dice.below(600),
        };
        let operation = NewOperation::new(trouble::fate(&mut dice))
            .duration(validity)
            .quirks(quirks);
        let parent = parent(pattern);
        let added = emulator.add(Duration::ZERO, NewParent::with([operation]).name(parent));
        let added = added.expect("a parent of the pattern");
        let name = OperationName::parse(service, &added.operations[0]).expect("its operation");
        let limits = Limits {
            deadline: Duration::from_millis(dice.below(300_000)),
            attempt_timeout: Duration::from_millis(200 + dice.below(10_000)),
            attempts: 1 + dice.below(6) as u32,
            poll: Duration::from_millis(100 + dice.below(3000)),
        };
        let policy = Policy::default()
            .deadline(limits.deadline)
            .attempt_timeout(limits.attempt_timeout)
            .max_attempts(limits.attempts)
            .poll_interval(limits.poll, limits.poll * 16)
            .verify(!dice.chance(10));
        Self {
            mishaps: Mishaps::drawn(dice),
            emulator,
            name,
            limits,
            policy,
            seed,
        }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// If it does not end.
    pub fn run(&mut self) -> Run {
        run_with(
            &mut self.emulator,
            &self.name,
            &self.policy,
            self.seed,
            &mut self.mishaps,
        )
    }

    /// The lie of the result of its run, if it is one.
    #[must_use]
    pub fn lie(&self, run: &Run) -> Option<String> {
        lie(&self.emulator, &self.name, run.ended, &run.result)
    }
}

/// Every service that is built in.
pub static SERVICES: LazyLock<Vec<&'static Service>> =
    LazyLock::new(|| Service::ids().filter_map(Service::named).collect());

/// Patterns of resources with a state of their own.
pub static STATES: LazyLock<Vec<(&'static Service, &'static NamePattern)>> = LazyLock::new(|| {
    let all = SERVICES.iter().flat_map(|service| {
        let patterns = service.patterns.iter();
        patterns.map(|pattern| (*service, pattern))
    });
    all.filter(|(_, pattern)| matches!(pattern.reading, Reading::State(_)))
        .collect()
});

/// Any service, the default one as often as all others together: it alone has records of parents.
pub fn service(dice: &mut Dice) -> &'static Service {
    match dice.chance(50) {
        true => Service::DEFAULT,
        false => dice.pick::<&Service>(&SERVICES),
    }
}

/// A pattern of any service. One of a state is drawn as often as one of any other service than the default one.
fn pattern(dice: &mut Dice) -> (&'static Service, &'static NamePattern) {
    if dice.chance(25) {
        return *dice.pick(&STATES);
    }
    let service = service(dice);
    let nth = dice.below(service.patterns.len() as u64);
    (service, &service.patterns[nth as usize])
}

/// A name as it is in the path of a request, which may lack a level.
#[must_use]
pub fn in_path<const UP: u8>(name: &Name<UP>) -> String {
    let mut path = Vec::new();
    name.encode_into(&mut path);
    String::from_utf8_lossy(&path).into_owned()
}

/// The name of a parent of operations whose names have this pattern; of resources with a state, that of their list.
#[must_use]
pub fn parent(pattern: &NamePattern) -> String {
    let (own, above) = pattern.levels.split_last().expect("a level");
    let level = |level: &Level| {
        let collection = level.collection.replace('*', "things");
        match level.ids {
            Ids::Any | Ids::Rest => format!("{collection}/one"),
            Ids::Only(id) => format!("{collection}/{id}"),
            Ids::None => collection,
        }
    };
    let mut segments: Vec<_> = above.iter().map(level).collect();
    if matches!(pattern.reading, Reading::State(_)) {
        segments.push(own.collection.to_owned());
    }
    segments.join("/")
}
