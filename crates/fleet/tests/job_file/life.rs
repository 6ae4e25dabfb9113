//! A job file from its creation to its end, and other accounts that may look at it.

use std::time::Duration;

use countermand_core::{Call, Phase, Verdict};
use countermand_fleet::store::{Job, JobErrorKind, Kind, Record, Settings, View};
use countermand_fleet::{Plan, Resolution, Target};

use crate::{at, name};

#[test]
fn from_plan_to_proof() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let mut job = Job::create(&path, &Settings::new(Kind::Plan), at(0)).unwrap();
    let targets = [1, 2, 3, 2].map(|number| Target::new(name(number)));
    let added = job.add(targets).unwrap();
    assert_eq!((added.added, added.duplicates), (3, 1));
    let digest = job.freeze().unwrap();

    let records = [
        Record::Begun {
            at: at(1),
            uptime: None,
        },
        Record::Sent {
            lane: 0,
            operation: Some(name(2)),
            resource: name(2).parent().to_string(),
            call: Call::Cancel,
            at: at(2),
            sending: None,
            refused: false,
        },
        Record::Accepted {
            name: name(2),
            at: at(3),
        },
        Record::Finished {
            name: name(2),
            resolution: Resolution::new(at(4), Some(Verdict::Cancelled)),
        },
    ];
    job.record(&records).unwrap();
    let view = View::open(&path).unwrap();
    assert_eq!(view.counts().cancels_accepted, 1);
    job.close().unwrap();
    drop(view);

    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1);
    let job = Job::open(&path, at(5)).unwrap();
    assert_eq!(job.digest(), Some(digest));
    let rows = job.rows().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1].progress.phase, Phase::Accepted);
    let spent = job.spent(0, at(1002), None).unwrap();
    assert_eq!(spent.calls[0].age, Duration::from_secs(1));

    let error = Job::open(&path, at(6)).unwrap_err();
    let JobErrorKind::Locked {
        holder: Some(holder),
    } = error.kind()
    else {
        panic!("{error}");
    };
    assert_eq!(holder.pid, std::process::id());
    assert_eq!(holder.since, at(5));
}

/// A file that is left would be in the way of the next attempt.
#[test]
fn fault_59_a_plan_that_cannot_be_written_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let settings = Settings::new(Kind::Plan);
    let plan = Plan {
        targets: [1, 2].map(|number| Target::new(name(number))).into(),
        ..Plan::default()
    };
    let broken = |job: &Job| View::open(job.path().with_extension("other")).map(drop);
    let written = plan.clone().write(&path, &settings, at(0), broken);
    written.unwrap_err();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);

    // Another file that has come to stand there is not removed.
    let replaced = |job: &Job| {
        std::fs::rename(job.path(), job.path().with_extension("moved")).unwrap();
        std::fs::write(job.path(), "mine").unwrap();
        broken(job)
    };
    let written = plan.clone().write(&path, &settings, at(0), replaced);
    written.unwrap_err();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");

    let path = folder.path().join("again");
    let written = plan.write(&path, &settings, at(0), |job| Ok(job.operations()));
    assert_eq!(written.unwrap(), 2);
}
