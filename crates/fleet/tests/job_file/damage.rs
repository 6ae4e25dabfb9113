//! Fault 39: a file that is not what was written is noticed, or is read as it was written.

use std::fs;
use std::path::Path;

use countermand_fleet::store::{Job, JobErrorKind, View};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

use crate::{at, dump, finished, name};

/// Result of a view of the file: its content, or that there is something wrong.
fn look(path: &Path) -> Result<String, JobErrorKind> {
    match View::open(path) {
        Ok(view) => Ok(dump(&view)),
        Err(error) => match error.kind() {
            JobErrorKind::Damaged { what } => Err(JobErrorKind::Damaged { what: what.clone() }),
            JobErrorKind::Edited { what } => Err(JobErrorKind::Edited { what: what.clone() }),
            JobErrorKind::NotAJob => Err(JobErrorKind::NotAJob),
            kind => panic!("{kind:?}"),
        },
    }
}

#[test]
fn fault_39_a_truncated_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    finished(&path);
    let whole = fs::read(&path).unwrap();
    let cut = folder.path().join("cut");
    let mut chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let random = (0..100).map(|_| chance.next_u64() as usize % whole.len());
    for length in (0..whole.len()).step_by(4096).chain(random) {
        fs::write(&cut, &whole[..length]).unwrap();
        assert!(look(&cut).is_err(), "{length} of {}", whole.len());
        let error = Job::open(&cut, at(8)).unwrap_err();
        assert!(
            matches!(
                error.kind(),
                JobErrorKind::Damaged { .. } | JobErrorKind::NotAJob
            ),
            "{error}"
        );
    }
}

/// SQLite takes the log of any other database for this file's, and wrote it into the job when it closed.
#[test]
fn fault_39_the_log_of_another_database_does_not_destroy_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("job"), folder.path().join("other"));
    finished(&path);
    let whole = fs::read(&path).unwrap();
    let expected = look(&path).unwrap();
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(50000))",
        )
        .unwrap();
    let log = folder.path().join("job-wal");
    fs::copy(folder.path().join("other-wal"), &log).unwrap();

    assert!(look(&path).is_err());
    assert_eq!(fs::read(&path).unwrap(), whole);
    assert!(Job::open(&path, at(8)).is_err());
    assert_eq!(fs::read(&path).unwrap(), whole);
    fs::remove_file(&log).unwrap();
    assert_eq!(look(&path).unwrap(), expected);
    Job::open(&path, at(8)).unwrap().close().unwrap();
    assert!(!log.exists());
}

/// Flips bits of the bytes at these places, one at a time; how many were noticed.
fn flip(places: impl Iterator<Item = usize>, whole: &[u8], path: &Path, expected: &str) -> usize {
    let mut noticed = 0;
    for (bit, place) in places.enumerate() {
        let mut bytes = whole.to_vec();
        bytes[place] ^= match bit % 3 {
            0 => 0xff,
            _ => 1 << (bit % 8),
        };
        fs::write(path, &bytes).unwrap();
        match look(path) {
            Ok(content) => assert_eq!(content, expected, "byte {place}"),
            Err(_) => noticed += 1,
        }
    }
    noticed
}

#[test]
fn fault_39_a_flipped_byte_is_noticed_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    finished(&path);
    let whole = fs::read(&path).unwrap();
    let expected = look(&path).unwrap();
    let flipped = folder.path().join("flipped");
    let mut chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let random = (0..300).map(|_| chance.next_u64() as usize % whole.len());
    // The header of the file and the first page of the schema, and anywhere.
    let noticed = flip((0..120).chain(random), &whole, &flipped, &expected);
    assert!(noticed > 100, "{noticed}");
}

/// A name stands in its table and in the index of the table, which no query reads whole.
#[test]
fn fault_39_a_flipped_byte_of_an_index_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    finished(&path);
    let whole = fs::read(&path).unwrap();
    let flipped = folder.path().join("flipped");
    for text in [name(7).parent().to_string(), name(7).to_string()] {
        let found = whole.windows(text.len()).enumerate();
        let places = found.filter(|(_, window)| *window == text.as_bytes());
        let places = places
            .map(|(at, _)| at + text.len() - 1)
            .collect::<Vec<_>>();
        assert!(places.len() >= 2);
        let count = places.len();
        let noticed = flip(places.into_iter(), &whole, &flipped, "nothing");
        assert_eq!(noticed, count);
    }
}

#[test]
#[ignore = "minutes: every byte of a file"]
fn fault_39_every_byte() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    finished(&path);
    let whole = fs::read(&path).unwrap();
    let expected = look(&path).unwrap();
    let flipped = folder.path().join("flipped");
    flip(0..whole.len(), &whole, &flipped, &expected);
}

#[test]
fn fault_39_what_is_no_job_file_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    for bytes in [&b""[..], b"enterprises/e\n", &[0; 4096]] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(look(&path), Err(JobErrorKind::NotAJob)));
    }
    fs::remove_file(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE job (id INTEGER)")
        .unwrap();
    drop(other);
    assert!(matches!(look(&path), Err(JobErrorKind::NotAJob)));
    assert!(matches!(
        View::open(folder.path()).unwrap_err().kind(),
        JobErrorKind::Io(_)
    ));
    assert!(matches!(
        View::open("no such file").unwrap_err().kind(),
        JobErrorKind::Io(_)
    ));
}
