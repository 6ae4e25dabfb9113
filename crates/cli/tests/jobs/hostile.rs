//! Faults 58 to 60: job files that are none, and files that go away in mid-run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use countermand_emulator::{Fate, State};

use crate::fleet::Fleet;

const GOOD: Fate = Fate::Cancellable;
/// A second to refuse it, and what a busy machine needs to start a process.
const SOON: Duration = Duration::from_secs(4);
const ENDLESS: &str = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)";

/// Every command refuses the file, at once, and nothing is sent.
fn refused(fleet: &Fleet, what: &str, codes: &[i32]) {
    let job = fleet.job.as_str();
    for args in [
        &["status", job][..],
        &["report", job],
        &["apply", job, "--confirm", "LC01:1"],
    ] {
        let began = Instant::now();
        let run = fleet.command(args).run();
        assert_eq!(run.stdout, "", "{what}: {run:?}");
        assert!(codes.contains(&run.code), "{what}: {run:?}");
        let took = began.elapsed();
        assert!(took < SOON, "{what}, {args:?}: {took:?}");
    }
    assert_eq!(fleet.requests(), 0);
}

#[test]
fn fault_58_views_in_place_of_tables_are_refused_in_time() {
    for (what, sql) in [
        (
            "job is a view without end",
            format!(
                "DROP TABLE job; CREATE VIEW job AS {ENDLESS} SELECT max(x) AS schema FROM n; PRAGMA user_version = 77"
            ),
        ),
        (
            "edits is a view without end",
            format!(
                "DROP TABLE edits; CREATE VIEW edits AS {ENDLESS} SELECT max(x) AS place, 1 AS event, 1 AS first, 1 AS rows, 1 AS at FROM n"
            ),
        ),
        (
            "seal and holder are views without end",
            format!(
                "DROP TABLE seal; DROP TABLE holder; CREATE VIEW seal AS {ENDLESS} SELECT max(x) AS lifted FROM n; CREATE VIEW holder AS {ENDLESS} SELECT max(x) AS pid, 1 AS host, 1 AS since FROM n"
            ),
        ),
        (
            "a virtual table",
            "CREATE VIRTUAL TABLE more USING fts5(text)".to_owned(),
        ),
        (
            "a huge row",
            "UPDATE settings SET text = json_quote(hex(zeroblob(60000000)))".to_owned(),
        ),
        (
            "another application",
            "PRAGMA application_id = 7".to_owned(),
        ),
    ] {
        let fleet = Fleet::planned([GOOD], &[]);
        let connection = rusqlite::Connection::open(&fleet.job).unwrap();
        connection.execute_batch(&sql).unwrap();
        connection.close().unwrap();
        refused(&fleet, what, &[8, 9]);
    }
}

#[test]
fn fault_58_what_is_no_file_is_refused_at_once() {
    let fleet = Fleet::planned([GOOD], &[]);
    fs::remove_file(&fleet.job).unwrap();
    let made = Command::new("mkfifo").arg(&fleet.job).status().unwrap();
    assert!(made.success());
    refused(&fleet, "a pipe", &[2]);
    fs::remove_file(&fleet.job).unwrap();
    fs::create_dir(&fleet.job).unwrap();
    refused(&fleet, "a folder", &[2]);
    fs::remove_dir(&fleet.job).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &fleet.job).unwrap();
    refused(&fleet, "a device", &[2]);
}

#[test]
fn fault_58_a_file_that_others_may_write_is_warned_of() {
    let fleet = Fleet::planned([GOOD], &[]);
    let quiet = fleet.command(&["status", &fleet.job]).run();
    assert_eq!(quiet.stderr, "", "{quiet:?}");
    let mode = |mode| fs::Permissions::from_mode(mode);
    fs::set_permissions(&fleet.job, mode(0o666)).unwrap();
    fs::set_permissions(fleet.folder(), mode(0o777)).unwrap();
    for run in [
        fleet.command(&["status", &fleet.job]).run(),
        fleet.apply(&[]).run(),
    ] {
        assert_eq!(run.code, 0, "{run:?}");
        for words in ["may write to the job file", "may replace files in"] {
            assert!(run.stderr.contains(words), "{run:?}");
        }
    }
    fs::set_permissions(&fleet.job, mode(0o600)).unwrap();
    fs::set_permissions(fleet.folder(), mode(0o1777)).unwrap();
    let quiet = fleet.command(&["status", &fleet.job]).run();
    assert_eq!(quiet.stderr, "", "{quiet:?}");
}

/// Applies 60 operations for some seconds, and does something to the file after the first.
fn gone_amid(what: impl Fn(&Fleet)) {
    let fleet = Fleet::planned([GOOD; 60], &["--quota", "20/1s", "--share", "1"]);
    let running = fleet.apply(&[]).start();
    running.until("some cancels", |_| fleet.cancels().0 >= 10);
    what(&fleet);
    let run = running.wait();
    assert_eq!(run.code, 9, "{run:?}");
    assert_eq!(fleet.states(), [State::Cancelled; 60], "the rescue goes on");
    let words = "it was moved, replaced or deleted while it was in use";
    assert!(run.stderr.contains(words), "{run:?}");
    // Counted from memory: none of those that were cancelled is called unsent.
    assert!(
        run.stdout.contains("60 operations: 60 cancelled."),
        "{run:?}"
    );
    let last = run.stderr.lines().find(|line| line.starts_with("error: "));
    let last = last.unwrap_or_else(|| panic!("{run:?}"));
    assert!(last.contains("above on standard error alone"), "{run:?}");
    let told = run
        .stderr
        .lines()
        .filter(|line| line.starts_with('{'))
        .count();
    assert!(told > 0, "{run:?}");
}

#[test]
fn fault_59_a_file_that_is_deleted_amid_a_run_is_noticed() {
    gone_amid(|fleet| fs::remove_file(&fleet.job).unwrap());
}

#[test]
fn fault_59_a_file_that_is_moved_amid_a_run_is_noticed() {
    gone_amid(|fleet| fs::rename(&fleet.job, fleet.file("moved")).unwrap());
}

#[test]
fn fault_60_what_is_only_on_standard_error_is_counted_and_not_unsent() {
    gone_amid(|fleet| {
        let other = fleet.file("other");
        fs::write(&other, "something else").unwrap();
        fs::rename(other, &fleet.job).unwrap();
    });
}
