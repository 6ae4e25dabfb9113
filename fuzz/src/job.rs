//! Job files: damaged ones, and records in any order.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use countermand_core::{Call, OperationName, Timestamp, Verdict};
use countermand_fleet::store::{Contents, Job, Kind, Record, Settings, View};
use countermand_fleet::{Resolution, Target};

const OPERATIONS: u8 = 20;

/// Job files. With an even first byte, a good file is damaged: each four bytes are position, change
/// and kind of change. With an odd one, each two bytes are a record.
pub fn job(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let path = fresh();
    match kind % 2 {
        0 => damage(rest, &path),
        _ => replay(rest, &path),
    }
    remove(&path);
}

/// A damaged file is refused, or it holds what it held: never less.
fn damage(edits: &[u8], path: &Path) {
    static GOOD: OnceLock<(Vec<u8>, String)> = OnceLock::new();
    let (good, told) = GOOD.get_or_init(good);
    let mut bytes = good.clone();
    for edit in edits.chunks_exact(4) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]])) * 8 + usize::from(edit[3] & 7);
        match edit[3] >> 3 {
            0 => bytes.truncate(at.min(bytes.len())),
            1 => bytes.extend(std::iter::repeat_n(edit[2], at.min(4096))),
            _ => {
                let length = bytes.len().max(1);
                if let Some(byte) = bytes.get_mut(at % length) {
                    *byte ^= edit[2];
                }
            }
        }
    }
    fs::write(path, &bytes).expect("a file");
    if let Ok(view) = View::open(path) {
        let _ = describe(&view);
    }
    if let Ok(job) = Job::open(path, at(9))
        && let Ok(now) = describe(&job)
    {
        assert_eq!(now, *told, "damaged, and not noticed");
    }
}

/// Records are still there when the file is opened again.
fn replay(records: &[u8], path: &Path) {
    let mut job = plan(path);
    for bytes in records.chunks_exact(2) {
        let record = record(bytes[0], bytes[1]);
        let before = describe(&job).expect("a good file");
        if job.record(&[record]).is_err() {
            assert_eq!(
                describe(&job).expect("a good file"),
                before,
                "half a record"
            );
        }
    }
    let told = describe(&job).expect("a good file");
    job.close().expect("it closes");
    let job = Job::open(path, at(9)).expect("it opens again");
    assert_eq!(describe(&job).expect("a good file"), told);
}

/// The state of a job's operations, as the file reports it.
fn describe(job: &Contents) -> Result<String, String> {
    let rows = job.rows().map(|row| row.map(|row| format!("{row:?}")));
    let rows = rows
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let counts = job.counts();
    Ok(format!("{counts:?} {rows:#?}"))
}

fn good() -> (Vec<u8>, String) {
    let path = fresh();
    let mut job = plan(&path);
    for number in 0..OPERATIONS {
        job.record(&[record(0, number), record(1, number)])
            .expect("it is recorded");
    }
    let told = describe(&job).expect("a good file");
    job.close().expect("it closes");
    let bytes = fs::read(&path).expect("a file");
    remove(&path);
    (bytes, told)
}

fn plan(path: &Path) -> Job {
    let mut job = Job::create(path, &Settings::new(Kind::Plan), at(0)).expect("a new file");
    job.add((0..OPERATIONS).map(|number| Target::new(name(number))))
        .expect("it is added");
    job.freeze().expect("it is frozen");
    job
}

fn name(number: u8) -> OperationName {
    format!("enterprises/e/devices/d{}/operations/{number}", number % 3)
        .parse()
        .expect("a name")
}

const fn at(second: i64) -> Timestamp {
    Timestamp::from_unix_millis(1_793_606_400_000 + second * 1000)
}

fn record(kind: u8, number: u8) -> Record {
    // A few more names than there are.
    let name = name(number % (OPERATIONS + 4));
    let at = at(i64::from(number));
    let verdicts = Verdict::ALL;
    match kind % 8 {
        0 => Record::Sent {
            lane: 0,
            resource: name.parent().to_string(),
            operation: Some(name),
            call: Call::Cancel,
            at,
            sending: None,
            refused: false,
        },
        1 => Record::Accepted { name, at },
        2 => Record::Finished {
            name,
            resolution: Resolution::new(at, verdicts.get(usize::from(kind / 8) % 8).copied()),
        },
        3 => Record::Paused {
            lane: 0,
            at,
            until: at,
            limit: Some(u64::from(number)),
        },
        4 => Record::Begun { at, uptime: None },
        5 => Record::Ended {
            at,
            how: "invented".to_owned(),
        },
        6 => Record::Device {
            name: name.parent(),
            seen: Some(at),
        },
        _ => Record::Note {
            at,
            kind: "odd".to_owned(),
            text: "\u{0}\u{202e}".to_owned(),
        },
    }
}

/// A path that no other input uses; in memory where that is possible.
fn fresh() -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let memory = Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => memory.to_owned(),
        false => std::env::temp_dir(),
    };
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    folder.join(format!(
        "countermand-fuzz-{}-{number}.job",
        std::process::id()
    ))
}

fn remove(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut path = path.as_os_str().to_owned();
        path.push(suffix);
        let _ = fs::remove_file(path);
    }
}
