//! A million operations: time and memory.

use std::path::Path;
use std::time::Instant;

use countermand_core::Verdict;
use countermand_fleet::report::Status;
use countermand_fleet::store::{Job, Kind, Record, Settings, View};
use countermand_fleet::{Resolution, RowState, Target};

use crate::{at, name, plan, proof, sent};

/// The most memory this process has had, in MiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

/// The time that processors have spent on this process, in hundredths of a second.
fn ticks() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.split_whitespace().skip(13).take(2);
    fields.filter_map(|field| field.parse::<u64>().ok()).sum()
}

#[test]
#[ignore = "a minute; prints figures"]
fn a_million_operations() {
    const COUNT: usize = 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let start = Instant::now();
    let lap = |what: &str| {
        let (wall, cpu) = (start.elapsed().as_secs_f64(), ticks() as f64 / 100.0);
        println!(
            "{what}: {wall:.1} s, of them computing {cpu:.1} s, peak {} MiB",
            peak()
        );
    };
    let mut job = Job::create(&path, &Settings::new(Kind::Plan), at(0)).unwrap();
    // An order that has nothing to do with the names.
    let targets = (0..COUNT).map(|number| Target::new(name(number * 7_919 % COUNT)));
    let added = job.add(targets).unwrap();
    assert_eq!(added.added, COUNT as u64);
    lap("added");
    job.freeze().unwrap();
    lap("frozen");
    let before = ticks();
    for first in (0..6400).step_by(32) {
        let numbers = first..first + 32;
        let records = numbers.flat_map(|n| [sent(n, at(n as i64)), proof(n, at(n as i64))]);
        job.record(&records.collect::<Vec<_>>()).unwrap();
    }
    println!(
        "64 records: {} ms of computing",
        (ticks() - before) as f64 * 10.0 / 200.0
    );
    job.close().unwrap();
    lap("closed");
    println!("{} MiB", std::fs::metadata(&path).unwrap().len() >> 20);
    let view = View::open(&path).unwrap();
    lap("verified");
    assert_eq!(view.rows().count(), COUNT);
    lap("read");
    assert_eq!(view.counts().rows, COUNT as u64);
    lap("counted");
    assert!(peak() < 200, "{} MiB", peak());
}

/// The counts that a file keeps against counting: one run each.
#[test]
#[ignore = "half a minute; prints figures"]
fn the_status_of_400_000_operations() {
    const COUNT: usize = 400_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let mut job = plan(&path, COUNT);
    for first in (0..COUNT).step_by(10_000) {
        let records = (first..first + 10_000).flat_map(|number| {
            let at = at(number as i64);
            let mut resolution = Resolution::new(at, Some(Verdict::Gone));
            resolution.error = Some(serde_json::json!({"kind": "not_found"}));
            let name = name(number);
            let gone = Record::Finished { name, resolution };
            let end = if number % 1000 == 0 {
                gone
            } else {
                proof(number, at)
            };
            [sent(number, at), end]
        });
        job.record(&records.collect::<Vec<_>>()).unwrap();
    }
    job.close().unwrap();
    let timed = |opened: fn(&Path) -> View| {
        let start = Instant::now();
        let mut view = opened(&path);
        let status = Status::of(std::slice::from_mut(&mut view), at(COUNT as i64), |_| {
            Ok(None)
        })
        .unwrap();
        (start.elapsed(), status)
    };
    let (kept, status) = timed(|path| View::open_unchecked(path).unwrap());
    let (checked, same) = timed(|path| View::open(path).unwrap());
    assert_eq!(status, same);
    assert_eq!(status.overview.counts.of(RowState::Gone), 400);
    println!("kept {kept:.1?}, checked {checked:.1?}");
}
