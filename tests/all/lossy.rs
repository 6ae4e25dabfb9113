//! Hundreds of seeded schedulers over a network with partitions, losses, resets, latency, late
//! arrivals and tokens that expire, each compared with the emulator's audit and the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use countermand_core::{OperationName, Phase, Policy, Verdict};
use countermand_emulator::{Config, Emulator, Fate, NewOperation, NewParent};
use countermand_scheduler::Scheduler;
use countermand_scheduler::{Quota, Window};
use countermand_tests::dice::Dice;
use countermand_tests::fleet::{Report, run};
use countermand_tests::network::{Network, Weather};
use countermand_tests::schedule::{self, in_path};
use countermand_tests::trouble;
use countermand_tests::truth::lie;

const SEEDS: u64 = 600;
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

struct Finished {
    report: Report,
    emulator: Emulator,
    names: BTreeSet<OperationName>,
    windows: Vec<(usize, Duration)>,
    in_flight: usize,
    renewals: u64,
    weather: Weather,
}

/// Runs one scheduler to its end.
fn simulate(seed: u64) -> Finished {
    let mut dice = Dice::new(seed);
    let service = schedule::service(&mut dice);
    let config = Config::default().service(service).seed(seed).parents(0);
    let mut emulator = Emulator::new(config);
    let strange = dice.chance(50);
    let devices = (0..5 + dice.below(15)).map(|_| {
        let operations = (0..1 + dice.below(4)).map(|_| {
            // In half of the fleets all operations can be cancelled.
            let fate = match strange {
                true => trouble::fate(&mut dice),
                false => Fate::Cancellable,
            };
            let operation = NewOperation::new(fate).duration(3600);
            match strange {
                true => operation.quirks(trouble::quirks(&mut dice)),
                false => operation,
            }
        });
        let operations = operations.collect::<Vec<_>>();
        emulator
            .add(Duration::ZERO, NewParent::with(operations))
            .unwrap()
            .operations
    });
    let names = devices
        .flatten()
        .map(|name| OperationName::parse(service, &name).unwrap());
    let names = names.collect::<BTreeSet<OperationName>>();
    let windows = [
        (5 + dice.below(60), 1 + dice.below(60)),
        (10 + dice.below(100), 1 + dice.below(100)),
    ];
    let quota = Quota::default()
        .windows(windows.map(|(calls, span)| Window::new(calls as u32, Duration::from_secs(span))))
        .share(1.0)
        .per_resource(None);
    let in_flight = 1 + dice.below(30) as usize;
    let policy = Policy::default()
        .attempt_timeout(ATTEMPT_TIMEOUT)
        .deadline(Duration::from_secs(600));
    let mut scheduler = Scheduler::new(seed)
        .quota(quota)
        .in_flight(in_flight)
        .policy(policy);
    for name in &names {
        scheduler.push(name.clone(), Phase::Unsent);
    }
    scheduler.close();
    let weather = Weather::drawn(&mut dice);
    let mut network = Network::new(&mut emulator, dice, weather, ATTEMPT_TIMEOUT);
    let report = run(
        &mut scheduler,
        Duration::from_secs(100_000),
        &mut |now, request| network.exchange(now, request),
    );
    let renewals = network.renewals();
    Finished {
        report,
        emulator,
        names,
        windows: windows
            .map(|(calls, span)| (calls as usize, Duration::from_secs(span)))
            .to_vec(),
        in_flight,
        renewals,
        weather,
    }
}

#[test]
fn every_seed_keeps_the_invariants_on_a_lossy_network() {
    let (mut verdicts, mut renewals, mut unanswered) = (BTreeMap::new(), 0, 0);
    for seed in 0..SEEDS {
        let finished = simulate(seed);
        let shown = format!("seed {seed}, {:?}", finished.weather);
        complete(&finished, &shown);
        within_quota(&finished, &shown);
        true_to_the_world(&finished, &shown);
        for (_, result) in &finished.report.finished {
            let end = match result {
                Ok(outcome) => outcome.verdict.as_str(),
                Err(error) => error.kind().as_str(),
            };
            *verdicts.entry(end.to_owned()).or_insert(0) += 1;
        }
        renewals += finished.renewals;
        unanswered += finished
            .report
            .sent
            .iter()
            .filter(|(.., status)| status.is_none())
            .count();
    }
    // The network was bad, and most operations were cancelled anyway.
    let count = |verdict: Verdict| verdicts.get(verdict.as_str()).copied().unwrap_or_default();
    let all = verdicts.values().sum::<u32>();
    assert!(renewals > SEEDS / 2, "{renewals} tokens ran out");
    assert!(
        unanswered as u64 > 10 * SEEDS,
        "{unanswered} requests without an answer"
    );
    assert!(count(Verdict::Cancelled) * 2 > all, "{verdicts:?}");
    assert!(
        count(Verdict::Completed) > 100 && count(Verdict::Gone) > 100,
        "{verdicts:?}"
    );
}

/// I1 and I2, and the limit of requests in flight.
fn complete(finished: &Finished, shown: &str) {
    let Finished {
        report,
        emulator,
        names,
        ..
    } = finished;
    let ended = report
        .finished
        .iter()
        .map(|(name, _)| name.clone())
        .collect::<BTreeSet<_>>();
    assert_eq!(report.finished.len(), names.len(), "{shown}");
    assert!(ended == *names, "{shown}");
    assert!(report.most_in_flight <= finished.in_flight, "{shown}");
    let devices = names
        .iter()
        .map(|name| in_path(&name.parent()))
        .collect::<BTreeSet<_>>();
    let names = names.iter().map(in_path).collect::<BTreeSet<_>>();
    let service = emulator.service();
    for row in emulator.audit() {
        let path = row.path.strip_prefix(service.prefix).unwrap_or_default();
        let path = path.split('?').next().unwrap_or_default();
        let path = path.trim_start_matches('/');
        let asked = service.cancel.name_in(path).unwrap_or(path);
        assert!(
            names.contains(asked) || devices.contains(asked),
            "{shown}: {}",
            row.path
        );
    }
    // I8: the policy's ten attempts, counted anew in each phase, and the excused ones.
    let most = names.len() * 400;
    assert!(
        report.sent.len() < most,
        "{} requests, {shown}",
        report.sent.len()
    );
}

/// I4, by the times at which requests were sent.
fn within_quota(finished: &Finished, shown: &str) {
    let sent = finished
        .report
        .sent
        .iter()
        .map(|(at, ..)| *at)
        .collect::<Vec<_>>();
    for (calls, span) in &finished.windows {
        for at in sent.windows(calls + 1) {
            let took = at[*calls] - at[0];
            assert!(
                took >= *span,
                "{} calls within {took:?}, {shown}",
                calls + 1
            );
        }
    }
}

/// I5, and `maybe_delivered` of an error agrees with the requests that the server received.
fn true_to_the_world(finished: &Finished, shown: &str) {
    let report = &finished.report;
    for (name, result) in &report.finished {
        let lie = lie(&finished.emulator, name, report.ended, result);
        assert!(lie.is_none(), "{}, {shown}", lie.unwrap_or_default());
    }
}

#[test]
fn same_seed_same_run() {
    for seed in 0..20 {
        let [first, second] = [(); 2].map(|()| simulate(seed).report);
        assert_eq!(first.sent, second.sent, "seed {seed}");
        let [first, second] = [first, second].map(|report| format!("{:?}", report.finished));
        assert_eq!(first, second, "seed {seed}");
    }
}
