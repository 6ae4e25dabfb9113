//! A change that another program makes is told as such.

use std::process::Command;

use countermand_fleet::Target;
use countermand_fleet::store::{Job, JobErrorKind, Kind, Record, Settings, View};
use rusqlite::Connection;

use crate::{at, dump, finished, name, plan, proof, sent};

const EDITS: &[&str] = &[
    "UPDATE operations SET verdict = 'cancelled', resolved_at = 1 WHERE position = 1",
    "UPDATE operations SET name = name || '1' WHERE position = 12",
    "UPDATE operations SET checksum = checksum + 1 WHERE position = 12",
    "DELETE FROM operations WHERE position = 12",
    "DELETE FROM operations WHERE position = 2",
    "DELETE FROM operations",
    "INSERT INTO operations SELECT 13, name || '1', type, created, duration, error_code, device_seen,
       phase, attempts, cancel_sent_at, maybe_delivered_at, accepted_at, resolved_at, verdict, operation, error, parent_exists,
       body_sha256, checksum FROM operations WHERE position = 1",
    "UPDATE settings SET text = replace(text, '0.8', '1.0')",
    "UPDATE job SET duplicates = 5",
    "DELETE FROM job",
    "DELETE FROM sends",
    "UPDATE sends SET at = 0",
    "DELETE FROM pauses",
    "UPDATE limits SET calls = 100000",
    "UPDATE devices SET searched = 1",
    "DELETE FROM notes",
    "DELETE FROM runs",
    "UPDATE seal SET lifted = 1",
    "DELETE FROM seal; UPDATE operations SET attempts = 0",
    "DROP TRIGGER operations_update; UPDATE operations SET attempts = 0",
    "DROP TABLE notes",
    "DROP INDEX operations_by_name",
    "CREATE INDEX mine ON operations (verdict)",
    "ALTER TABLE operations ADD COLUMN mine TEXT",
];

#[test]
fn every_edit_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    for sql in EDITS {
        finished(&path);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let error = Job::open(&path, at(8)).unwrap_err();
        assert!(
            matches!(error.kind(), JobErrorKind::Edited { .. }),
            "{sql}: {error}"
        );
        let error = View::open(&path).unwrap_err();
        assert!(
            matches!(error.kind(), JobErrorKind::Edited { .. }),
            "{sql}: {error}"
        );
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn the_tool_edits_a_plan_that_is_being_applied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let job = plan(&path, 3);
    let sql = "UPDATE operations SET name = replace(name, 'LC01', 'LC02') WHERE position = 2";
    // Debian's own, which is older than what the file was made with; or else ours.
    match Command::new("sqlite3").arg(&path).arg(sql).status() {
        Ok(status) => assert!(status.success()),
        Err(_) => Connection::open(&path).unwrap().execute_batch(sql).unwrap(),
    }
    drop(job);
    let error = Job::open(&path, at(8)).unwrap_err().to_string();
    assert!(
        error.contains("update of 1 row of the table operations, from row 2 on"),
        "{error}"
    );
}

#[test]
fn what_changes_nothing_is_no_edit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    finished(&path);
    let before = dump(&View::open(&path).unwrap());
    for sql in [
        "VACUUM",
        "PRAGMA journal_mode = DELETE",
        "ANALYZE sqlite_schema; REINDEX",
        "SELECT count(*) FROM operations",
    ] {
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        assert_eq!(dump(&Job::open(&path, at(8)).unwrap()), before, "{sql}");
    }
}

#[test]
fn a_file_of_another_version_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    finished(&path);
    let other = Connection::open(&path).unwrap();
    for (version, words) in [
        (
            1,
            "made by an earlier version of countermand (schema 1, this one reads 11)",
        ),
        (
            12,
            "made by a later version of countermand (schema 12, this one reads 11)",
        ),
    ] {
        other.pragma_update(None, "user_version", version).unwrap();
        let error = View::open(&path).unwrap_err();
        assert!(
            matches!(error.kind(), JobErrorKind::Damaged { .. }),
            "{error}"
        );
        other
            .execute("UPDATE job SET schema = ?1", [version])
            .unwrap();
        let error = View::open(&path).unwrap_err();
        assert!(
            matches!(error.kind(), JobErrorKind::OtherVersion { version: found } if *found == version),
            "{error}"
        );
        assert!(error.to_string().ends_with(words), "{error}");
    }
}

#[test]
fn a_plan_that_was_never_finished_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    let mut job = Job::create(&path, &Settings::new(Kind::Plan), at(0)).unwrap();
    job.add([Target::new(name(1))]).unwrap();
    let error = job.record(&[]).unwrap_err();
    assert!(matches!(error.kind(), JobErrorKind::Incomplete), "{error}");
    // An error in the middle of adding, which may have left some of them out.
    job.limit_pages(Some(1)).unwrap();
    job.add((0..1000).map(|number| Target::new(name(number))))
        .unwrap_err();
    job.limit_pages(None).unwrap();
    let error = job.add([Target::new(name(2))]).unwrap_err();
    assert!(matches!(error.kind(), JobErrorKind::Incomplete), "{error}");
    let error = job.freeze().unwrap_err();
    assert!(matches!(error.kind(), JobErrorKind::Incomplete), "{error}");
    drop(job);
    let error = Job::open(&path, at(1)).unwrap_err();
    assert!(matches!(error.kind(), JobErrorKind::Incomplete), "{error}");
}

/// No plan is complete without what it cost to make it, whenever it was killed.
#[test]
fn what_a_plan_cost_is_in_it_or_it_is_not_finished() {
    let folder = tempfile::tempdir().unwrap();
    let plan = |file: &str, known: &[Record]| {
        let path = folder.path().join(file);
        let mut job = Job::create(&path, &Settings::new(Kind::Plan), at(0)).unwrap();
        job.add([Target::new(name(1))]).unwrap();
        let digest = job.freeze_with(known);
        drop(job);
        (digest, Job::open(&path, at(1)))
    };
    let (digest, job) = plan("whole", &[sent(1, at(0)), proof(1, at(0))]);
    let job = job.unwrap();
    assert_eq!(job.digest(), Some(digest.unwrap()));
    assert_eq!(job.spent(0, at(1), None).unwrap().calls.len(), 1);
    assert_eq!(job.counts().resolved, 1);
    // The second record cannot be written, so that neither is, and the plan is not finished.
    for last in [sent(2, at(0)), Record::Found(Target::new(name(2)))] {
        let (digest, job) = plan(&format!("{last:?}")[..5], &[sent(1, at(0)), last]);
        assert!(digest.is_err());
        let error = job.unwrap_err();
        assert!(matches!(error.kind(), JobErrorKind::Incomplete), "{error}");
    }
}

#[test]
fn a_digest_is_of_the_plan_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let digest = |file: &str, numbers: &[usize], share: f64| {
        let mut settings = Settings::new(Kind::Plan);
        settings.lane_mut().share = share;
        let path = folder.path().join(file);
        let mut job = Job::create(path, &settings, at(file.len() as i64)).unwrap();
        let targets = numbers.iter().map(|number| Target::new(name(*number)));
        job.add(targets).unwrap();
        let digest = job.freeze().unwrap();
        assert_eq!(job.freeze().unwrap(), digest);
        let error = job.add([Target::new(name(9))]).unwrap_err();
        assert!(matches!(error.kind(), JobErrorKind::Frozen), "{error}");
        digest
    };
    let first = digest("a", &[1, 2], 0.8);
    assert_eq!(digest("bb", &[1, 2, 2], 0.8), first);
    assert_ne!(digest("c", &[2, 1], 0.8), first);
    assert_ne!(digest("d", &[1, 2], 0.9), first);
    assert_ne!(digest("e", &[1, 2, 3], 0.8), first);
    assert_eq!(first.to_string().len(), 64);
}
