//! Requests that are about to leave, that have left, and that never did.

use std::time::Duration;

use countermand_core::{Call, Phase};
use countermand_fleet::RowState;
use countermand_fleet::store::{Job, Kind, Record, Uptime};
use countermand_fleet::{JobRow, Plan, SearchCost, Settings, Target};
use countermand_scheduler::PastCall;

use super::{at, name, plan};

fn sending(number: usize, millis: i64) -> Record {
    Record::Sending {
        lane: 0,
        operation: Some(name(number)),
        resource: name(number).parent().to_string(),
        call: Call::Cancel,
        at: at(millis),
    }
}

fn left(number: usize, intended: i64, millis: i64) -> Record {
    Record::Sent {
        lane: 0,
        operation: Some(name(number)),
        resource: name(number).parent().to_string(),
        call: Call::Cancel,
        at: at(millis),
        sending: Some(at(intended)),
        refused: false,
    }
}

fn not_sent(number: usize, intended: i64, phase: Phase) -> Record {
    Record::NotSent {
        lane: 0,
        operation: Some(name(number)),
        resource: name(number).parent().to_string(),
        call: Call::Cancel,
        sending: at(intended),
        phase,
    }
}

fn row(job: &Job, number: usize) -> JobRow {
    job.row(&name(number)).unwrap().unwrap()
}

/// Ages of the calls that count against the quota, in milliseconds.
fn ages(job: &Job, now: i64) -> Vec<u128> {
    let spent = job.spent(0, at(now), None).unwrap().calls;
    spent.iter().map(|spent| spent.age.as_millis()).collect()
}

#[test]
fn fault_45_an_intent_is_no_fact() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = plan(&folder.path().join("job"), 3);
    job.record(&[sending(0, 10), sending(1, 10), sending(2, 10)])
        .unwrap();
    for number in 0..3 {
        let standing = row(&job, number).progress;
        assert_eq!(standing.phase, Phase::MaybeSent, "a crash here leaves that");
        // It may have left: that counts, and has no time.
        assert_eq!((standing.attempts, standing.cancel_sent_at), (1, None));
    }
    assert_eq!(ages(&job, 1010), [1000, 1000, 1000]);

    job.record(&[
        left(0, 10, 400),
        left(1, 10, 5010),
        not_sent(2, 10, Phase::Unsent),
    ])
    .unwrap();
    let standing = row(&job, 0).progress;
    assert_eq!(
        (standing.attempts, standing.cancel_sent_at),
        (1, Some(at(400)))
    );
    assert_eq!(row(&job, 1).progress.cancel_sent_at, Some(at(5010)));
    let standing = row(&job, 2).progress;
    assert_eq!(standing.phase, Phase::Unsent);
    assert_eq!((standing.attempts, standing.cancel_sent_at), (0, None));
    // One that left at once is as good as its intent, one that left late counts from then.
    assert_eq!(ages(&job, 6010), [6000, 1000]);
    let counts = job.counts();
    assert_eq!(counts.of(RowState::Unsent), 1);
    assert_eq!((counts.cancels_sent, counts.cancels_accepted), (2, 0));
    assert_eq!((counts.cancels_maybe_sent, counts.attempts), (0, 2));
}

#[test]
fn fault_45_what_was_in_doubt_before_stays_in_doubt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let mut job = plan(&path, 1);
    job.record(&[sending(0, 10)]).unwrap();
    drop(job); // killed: it may have left
    let mut job = Job::open(&path, at(20)).unwrap();
    job.record(&[sending(0, 30), not_sent(0, 30, Phase::MaybeSent)])
        .unwrap();
    assert_eq!(row(&job, 0).progress.phase, Phase::MaybeSent);
    assert_eq!(ages(&job, 1010), [1000], "the first one may have left");
    // A request that has left once is not unsent, whatever a later try says.
    job.record(&[sending(0, 50), left(0, 50, 51), sending(0, 60)])
        .unwrap();
    job.record(&[not_sent(0, 60, Phase::Unsent)]).unwrap();
    assert_eq!(row(&job, 0).progress.phase, Phase::MaybeSent);
}

/// The wall clock is an hour ahead after a restart: what was spent stays spent.
#[test]
fn fault_36_a_clock_that_is_set_forgets_no_spent_quota() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = plan(&folder.path().join("job"), 1);
    let uptime = |boot: &str, millis| Uptime {
        boot: boot.to_owned(),
        millis,
    };
    job.record(&[
        Record::Begun {
            at: at(0),
            uptime: Some(uptime("b", 700_000)),
        },
        sending(0, 100),
        left(0, 100, 100),
    ])
    .unwrap();
    let hour = 3_600_000;
    for (now, up, expected) in [
        (5_100, "b", Some(5_000)),
        (hour + 5_100, "b", Some(5_000)),
        (-hour, "b", Some(5_000)),
        // Another start of the machine: there is the wall clock alone.
        (5_100, "c", Some(5_000)),
    ] {
        let spent = job.spent(0, at(now), Some(&uptime(up, 705_100))).unwrap();
        let ages = spent.calls.iter().map(|spent| spent.age);
        let expected = expected.map(Duration::from_millis);
        assert!(ages.eq(expected), "{now} {up}: {spent:?}");
    }
}

/// The wall clock is set between a plan and its first run: what the search has spent stays spent.
#[test]
fn fault_36_a_clock_that_is_set_after_a_plan_forgets_no_spent_quota() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let uptime = |boot: &str, millis| Uptime {
        boot: boot.to_owned(),
        millis,
    };
    let age = Duration::from_secs(2);
    let call = PastCall::new(age, Call::ListOperations, "enterprises/e/devices/d");
    let cost = SearchCost::new(vec![call], at(10_000), Some(uptime("b", 700_000)));
    let plan = Plan {
        known: cost.records(),
        targets: vec![Target::new(name(1))],
        ..Plan::default()
    };
    let settings = Settings::new(Kind::Plan);
    plan.write(&path, &settings, at(0), |_| Ok(())).unwrap();
    let job = Job::open(&path, at(0)).unwrap();
    let hour = 3_600_000;
    for (now, boot, expected) in [
        (15_000, "b", 7),
        (hour + 15_000, "b", 7),
        (15_000 - hour, "b", 7),
        (15_000, "c", 7),
    ] {
        let spent = job.spent(0, at(now), Some(&uptime(boot, 705_000))).unwrap();
        let ages = spent.calls.iter().map(|spent| spent.age);
        assert!(
            ages.eq([Duration::from_secs(expected)]),
            "{now} {boot}: {spent:?}"
        );
    }
    assert!(job.notes().all(|note| note.unwrap().is_record()));
}
