//! Cancellation, emulator and virtual clock: thousands of seeded schedules, each compared with the
//! truth.

use std::time::Duration;

use countermand_core::{Call, OperationName, Policy, Verdict};
use countermand_emulator::{Config, Emulator, NewOperation, NewParent, Script, State};
use countermand_tests::dice::Dice;
use countermand_tests::simulation::{Run, run};
use countermand_tests::trouble;
use serde_json::json;

/// Enough for every preset to meet every fate many times.
const SCHEDULES: u64 = 6000;

struct World {
    emulator: Emulator,
    name: OperationName,
    policy: Policy,
    limits: Limits,
}

/// The numbers that the policy is made of.
#[derive(Debug)]
struct Limits {
    deadline: Duration,
    attempt_timeout: Duration,
    attempts: u32,
    poll: Duration,
}

fn world(seed: u64) -> World {
    let mut dice = Dice::new(seed);
    let script = trouble::faults(&mut dice, 6);
    let config = Config::default()
        .seed(seed)
        .parents(1)
        .operations(1, 1)
        .quirks(trouble::quirks(&mut dice))
        .script(script);
    let mut emulator = Emulator::new(config);
    let operation = NewOperation::new(trouble::fate(&mut dice))
        .duration(5 + dice.below(600))
        .quirks(trouble::quirks(&mut dice));
    let added = emulator
        .add(Duration::ZERO, NewParent::with([operation]))
        .expect("a device");
    let name = added.operations[0].parse().expect("a name");
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
    World {
        emulator,
        name,
        policy,
        limits,
    }
}

#[test]
fn every_schedule_is_bounded_and_true() {
    let (mut cancelled, mut verdicts) = (0, [0_u32; 7]);
    for seed in 0..SCHEDULES {
        let mut world = world(seed);
        let run = run(&mut world.emulator, &world.name, &world.policy, seed);
        let shown = || format!("seed {seed}, {:?}: {run:#?}", world.limits);
        bounded(&run, &world, &shown);
        true_to_the_world(&run, &world, &shown);
        if let Ok(outcome) = &run.result {
            cancelled += u32::from(outcome.verdict == Verdict::Cancelled);
            verdicts[Verdict::ALL
                .iter()
                .position(|verdict| *verdict == outcome.verdict)
                .unwrap()] += 1;
        }
    }
    // A simulation that reaches only one verdict proves nothing about the others.
    assert!(
        cancelled > SCHEDULES as u32 / 20 && verdicts.iter().all(|count| *count > 10),
        "{verdicts:?}"
    );
}

fn bounded(run: &Run, world: &World, shown: &dyn Fn() -> String) {
    let Limits {
        deadline,
        attempt_timeout,
        attempts,
        poll,
    } = world.limits;
    let mut silent_until = Duration::ZERO;
    for sent in &run.sent {
        assert!(
            sent.at <= deadline,
            "no request starts after the deadline: {}",
            shown()
        );
        assert!(
            sent.at >= silent_until,
            "a server delay is obeyed: {}",
            shown()
        );
        silent_until = sent.silent_until.unwrap_or(Duration::ZERO);
        let asked_for =
            [world.name.as_str(), world.name.parent().as_str()].map(|name| format!("/v1/{name}"));
        let path = sent.path.strip_suffix(":cancel").unwrap_or(&sent.path);
        assert!(
            asked_for.contains(&path.to_owned()),
            "no request for another name: {}",
            shown()
        );
    }
    // At most one attempt more, which has a second even when no time is left.
    let longest = attempt_timeout.min(deadline.max(Duration::from_secs(1)));
    assert!(
        run.ended <= deadline + longest,
        "ends with the deadline: {}",
        shown()
    );

    let count = |call| run.sent.iter().filter(|sent| sent.call == call).count() as u32;
    // Failures, requests that were not processed, and one for a token.
    let cancels = 2 * attempts + 1;
    assert!(
        count(Call::Cancel) <= cancels,
        "{} cancels are too many: {}",
        count(Call::Cancel),
        shown()
    );
    let polls = u32::try_from(deadline.as_millis() * 2 / poll.as_millis()).unwrap() + 2;
    let gets = (cancels + polls) * (attempts + 1) + attempts;
    assert!(
        count(Call::Get) <= gets,
        "{} gets are too many: {}",
        count(Call::Get),
        shown()
    );
    assert!(count(Call::GetParent) <= 2 * attempts + 1, "{}", shown());
    let told = match &run.result {
        Ok(outcome) => outcome.attempts,
        Err(error) => error.attempts(),
    };
    assert_eq!(
        told as usize,
        run.sent.iter().filter(|sent| sent.left).count(),
        "attempts are counted: {}",
        shown()
    );
}

fn true_to_the_world(run: &Run, world: &World, shown: &dyn Fn() -> String) {
    let truth = world
        .emulator
        .truth_of(run.ended, world.name.as_str())
        .expect("the truth");
    match &run.result {
        Ok(outcome) => match outcome.verdict {
            Verdict::Cancelled => assert!(truth.cancelled, "{truth:?} {}", shown()),
            Verdict::Completed => assert_eq!(truth.state, State::Completed, "{}", shown()),
            Verdict::Failed => assert!(
                matches!(truth.state, State::Failed | State::Expired),
                "{truth:?} {}",
                shown()
            ),
            Verdict::Expired => assert!(
                !matches!(truth.state, State::Completed | State::Failed),
                "{truth:?} {}",
                shown()
            ),
            Verdict::Pending | Verdict::Gone | Verdict::Unverified => {}
        },
        Err(error) if !error.maybe_delivered() => {
            let taken = world.emulator.audit().iter().find(|row| {
                row.path.ends_with(":cancel")
                    && row.effect
                    && row.status.is_none_or(|status| status == 200)
            });
            assert!(taken.is_none(), "{taken:?} was delivered: {}", shown());
        }
        Err(_) => {}
    }
}

#[test]
fn same_seed_same_trace() {
    for seed in 0..200 {
        let [first, second] = [(); 2].map(|()| {
            let mut world = world(seed);
            run(&mut world.emulator, &world.name, &world.policy, seed)
        });
        assert_eq!(first.sent, second.sent, "seed {seed}");
        assert_eq!(
            format!("{:?}", first.result),
            format!("{:?}", second.result),
            "seed {seed}"
        );
    }
}

/// Two seeds differ in their pauses, otherwise the seed would have no effect.
#[test]
fn another_seed_another_trace() {
    let traces = (0..2).map(|seed| {
        let script = Script::from_value(json!([{ "fault": "unavailable", "times": 3 }])).unwrap();
        let mut emulator = Emulator::new(Config::default().parents(1).script(script));
        let name = emulator.pending(Duration::ZERO)[0].parse().unwrap();
        run(&mut emulator, &name, &Policy::default(), seed).sent
    });
    let traces = traces.collect::<Vec<_>>();
    assert_ne!(traces[0], traces[1]);
}
