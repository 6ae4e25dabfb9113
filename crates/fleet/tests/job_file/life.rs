//! A job file from its creation to its end, and who else may look at it.

use std::time::Duration;

use countermand_core::{Call, Phase, Verdict};
use countermand_fleet::job::{Job, JobErrorKind, Kind, Record, Settings, View};
use countermand_fleet::{Finding, Item};

use crate::{at, name};

#[test]
fn from_plan_to_proof() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let mut job = Job::create(&path, &Settings::new(Kind::Plan), at(0)).unwrap();
    let items = [1, 2, 3, 2].map(|number| Item::new(name(number)));
    let added = job.add(items).unwrap();
    assert_eq!((added.added, added.duplicates), (3, 1));
    let digest = job.freeze().unwrap();

    let records = [
        Record::Begun { at: at(1) },
        Record::Sent {
            operation: Some(name(2)),
            resource: name(2).device().to_string(),
            call: Call::Cancel,
            at: at(2),
        },
        Record::Accepted {
            name: name(2),
            at: at(3),
        },
        Record::Finished {
            name: name(2),
            finding: Finding::new(at(4), Some(Verdict::Cancelled)),
        },
    ];
    job.record(&records).unwrap();
    let view = View::open(&path).unwrap();
    assert_eq!(view.counts().unwrap().accepted, 1);
    job.close().unwrap();
    drop(view);

    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1);
    let job = Job::open(&path, at(5)).unwrap();
    assert_eq!(job.digest(), Some(digest));
    let rows = job.rows().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1].standing.phase, Phase::Accepted);
    let spent = job.spent(at(1002)).unwrap();
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
