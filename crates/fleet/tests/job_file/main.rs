//! The job file: what it keeps, what it notices, what it survives.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, a child tells its parent"
)]

mod crash;
mod damage;
mod disk;
mod documented;
mod edits;
mod forged;
mod intent;
mod life;
mod model;
mod others;
mod service;
mod size;

use std::fmt::Write;
use std::path::Path;

use countermand_core::{Call, OperationName, Timestamp, Verdict};
use countermand_fleet::store::{Contents, Job, Kind, Record, Settings};
use countermand_fleet::{Resolution, Target};
use serde_json::json;

/// A moment of the day on which all of this happens.
fn at(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_786_000_000_000 + millis)
}

fn name(number: usize) -> OperationName {
    let id = 1_786_000_000_000 + number;
    format!("enterprises/LC01/devices/{number:016x}/operations/{id}")
        .parse()
        .unwrap()
}

/// A cancel that is about to leave.
fn sent(number: usize, at: Timestamp) -> Record {
    Record::Sent {
        lane: 0,
        operation: Some(name(number)),
        resource: name(number).parent().to_string(),
        call: Call::Cancel,
        at,
        sending: None,
        refused: false,
    }
}

/// Record that proves a cancellation.
fn proof(number: usize, at: Timestamp) -> Record {
    let mut resolution = Resolution::new(at, Some(Verdict::Cancelled));
    resolution.operation = Some(json!({"name": name(number), "done": true, "error": {"code": 1}}));
    resolution.body_sha256 = Some([number as u8; 32]);
    Record::Finished {
        name: name(number),
        resolution,
    }
}

/// A frozen plan of so many operations.
fn plan(path: &Path, operations: usize) -> Job {
    let mut job = Job::create(path, &Settings::new(Kind::Plan), at(0)).unwrap();
    job.add((0..operations).map(|number| Target::new(name(number))))
        .unwrap();
    job.freeze().unwrap();
    job
}

/// A closed job with something in every table.
fn finished(path: &Path) {
    let mut settings = Settings::new(Kind::Rescue);
    settings.filter.types.insert("WIPE".to_owned());
    let mut job = Job::create(path, &settings, at(0)).unwrap();
    let mut records = vec![
        Record::Begun {
            at: at(1),
            uptime: None,
        },
        Record::Lowered {
            lane: 0,
            limit: 300,
            span: std::time::Duration::from_secs(60),
        },
        Record::Paused {
            lane: 0,
            at: at(2),
            until: at(60_002),
            limit: Some(300),
        },
    ];
    for number in 0..12 {
        let device = name(number).parent();
        let seen = Some(at(-1000));
        records.push(Record::Device {
            name: device.clone(),
            seen,
        });
        records.push(Record::Found(Target::new(name(number))));
        records.push(sent(number, at(3)));
        records.push(proof(number, at(4)));
        records.push(Record::Searched { device, at: at(5) });
    }
    records.push(Record::Note {
        at: at(6),
        kind: "circuit".to_owned(),
        text: "opened".to_owned(),
    });
    records.push(Record::Ended {
        at: at(7),
        how: "finished".to_owned(),
    });
    job.record(&records).unwrap();
    job.close().unwrap();
}

/// Everything that can be read, except the owner of the lock.
fn dump(contents: &Contents) -> String {
    let mut text = String::new();
    let head = (contents.settings(), contents.created(), contents.digest());
    writeln!(text, "{head:?} {:?}", contents.counts()).unwrap();
    writeln!(text, "{:?}", contents.spent(0, at(10), None).unwrap()).unwrap();
    for row in contents.rows() {
        writeln!(text, "{:?}", row.unwrap()).unwrap();
    }
    for device in contents.devices() {
        writeln!(text, "{:?}", device.unwrap()).unwrap();
    }
    for note in contents.notes() {
        writeln!(text, "{:?}", note.unwrap()).unwrap();
    }
    for run in contents.runs() {
        writeln!(text, "{:?}", run.unwrap()).unwrap();
    }
    text
}
