//! Cancellation, emulator and virtual clock: thousands of seeded schedules of all services, each compared with the
//! truth.

use std::collections::HashSet;
use std::time::Duration;

use countermand_core::{Call, Policy, Verdict};
use countermand_emulator::{Config, Emulator, Script};
use countermand_tests::schedule::{Limits, SERVICES, STATES, Schedule, in_path};
use countermand_tests::simulation::{Run, run};
use serde_json::json;

/// Enough for every preset to meet every fate many times; `make figures` runs a million.
const SCHEDULES: u64 = 10_000;

#[test]
fn every_schedule_is_bounded_and_true() {
    let (mut cancelled, mut verdicts) = (0, [0_u32; 7]);
    let (mut drawn, mut proven) = (HashSet::new(), HashSet::new());
    for seed in 0..SCHEDULES {
        let mut schedule = Schedule::drawn(seed);
        let run = schedule.run();
        let shown = || format!("seed {seed}, {:?}: {run:#?}", schedule.limits);
        if run.deaths == 0 {
            bounded(&run, &schedule, &shown);
        }
        drawn.insert(schedule.name.service().id);
        let lie = schedule.lie(&run);
        assert!(lie.is_none(), "{}, {}", lie.unwrap_or_default(), shown());
        if let Ok(outcome) = &run.result {
            cancelled += u32::from(outcome.verdict == Verdict::Cancelled);
            proven.insert((
                schedule.name.service().id,
                schedule.name.pattern().to_string(),
                outcome.verdict,
            ));
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
    assert_eq!(drawn.len(), SERVICES.len());
    for (service, pattern) in STATES.iter() {
        for verdict in [Verdict::Cancelled, Verdict::Completed] {
            let found = (service.id, pattern.to_string(), verdict);
            assert!(proven.contains(&found), "{found:?}");
        }
    }
}

fn bounded(run: &Run, schedule: &Schedule, shown: &dyn Fn() -> String) {
    let Limits {
        deadline,
        attempt_timeout,
        attempts,
        poll,
        ..
    } = schedule.limits;
    let service = schedule.name.service();
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
        let asked_for = [in_path(&schedule.name), in_path(&schedule.name.parent())]
            .map(|name| format!("{}/{name}", service.prefix));
        let path = service.cancel.name_in(&sent.path).unwrap_or(&sent.path);
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

#[test]
fn same_seed_same_trace() {
    for seed in 0..200 {
        let [first, second] = [(); 2].map(|()| Schedule::drawn(seed).run());
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
