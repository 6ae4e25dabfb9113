//! Fault 39: a job file that is not what was written. Nothing is sent because of it.

use std::fs;

use countermand_emulator::{Fate, State};
use rusqlite::Connection;

use crate::fleet::Fleet;

const PAGE: usize = 4096;

/// Every command that opens the file refuses it.
fn refused(fleet: &Fleet, phrase: &str, code: i32, what: &str) -> String {
    let mut said = String::new();
    for args in [
        &["apply", &fleet.job, "--confirm", phrase][..],
        &["apply", &fleet.job, "--recheck"],
        &["status", &fleet.job, "--check"],
        &["report", &fleet.job],
    ] {
        let run = fleet.command(args).run();
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (code, ""),
            "{what}: {run:?}"
        );
        assert!(
            run.stderr.contains("this command sent nothing"),
            "{what}: {run:?}"
        );
        assert_eq!(run.stderr.lines().count(), 1, "{what}: {run:?}");
        said = run.stderr;
    }
    assert_eq!(fleet.requests(), 0, "{what}");
    said
}

fn planned() -> (Fleet, String, Vec<u8>) {
    let fleet = Fleet::planned([Fate::Cancellable; 40], &[]);
    let phrase = fleet.phrase();
    let whole = fs::read(&fleet.job).unwrap();
    (fleet, phrase, whole)
}

#[test]
fn fault_39_a_file_truncated_at_any_page_is_9() {
    let (fleet, phrase, whole) = planned();
    let pages = whole.len() / PAGE;
    assert!(pages > 10 && whole.len().is_multiple_of(PAGE), "{pages}");
    for page in 0..pages {
        for length in [page * PAGE, page * PAGE + 100] {
            fs::write(&fleet.job, &whole[..length]).unwrap();
            // One command each; which of them it is makes no difference to the file.
            let args = ["apply", &fleet.job, "--confirm", &phrase];
            let run = fleet.command(&args).run();
            assert_eq!(
                (run.code, run.stdout.as_str()),
                (9, ""),
                "{length}: {run:?}"
            );
        }
    }
    assert_eq!(fleet.requests(), 0);
    fs::write(&fleet.job, &whole[..whole.len() / 2]).unwrap();
    refused(&fleet, &phrase, 9, "half a file");
    // The copy that is whole is as good as it was.
    fs::write(&fleet.job, &whole).unwrap();
    assert_eq!(fleet.apply(&[]).run().code, 0);
    assert_eq!(fleet.states(), [State::Cancelled; 40]);
}

#[test]
fn fault_39_a_flipped_byte_is_9() {
    let (fleet, phrase, whole) = planned();
    // In the last byte of a text, wherever it stands: a page may hold what is not in use any more.
    let ends = |text: &str| -> Vec<usize> {
        let text = text.as_bytes();
        let places = (text.len()..=whole.len()).filter(|end| whole[..*end].ends_with(text));
        places.map(|end| end - 1).collect()
    };
    for (what, places) in [
        ("the magic", vec![3]),
        ("the page size", vec![16]),
        ("the application id", vec![70]),
        ("the schema", ends("CREATE TABLE operations")),
        ("a name", ends(&fleet.names[7])),
        ("all phases", ends("unsent")),
        ("the settings", ends(r#""share":0.8"#)),
    ] {
        assert!(!places.is_empty(), "{what}");
        let mut damaged = whole.clone();
        for at in places {
            damaged[at] ^= 1;
        }
        fs::write(&fleet.job, &damaged).unwrap();
        refused(&fleet, &phrase, 9, what);
    }
}

/// `status` answers from what the file keeps, without a look at any operation; `--check` looks at all.
#[test]
fn fault_39_status_reads_no_operation_unless_it_checks() {
    let (fleet, _, whole) = planned();
    let status = |more: &[&str]| {
        fleet
            .command(&[&["status", &fleet.job], more].concat())
            .run()
    };
    let before = status(&[]);
    assert_eq!(before.code, 0, "{before:?}");
    let checked = status(&["--check"]);
    assert_eq!(checked.stdout, before.stdout);
    assert!(checked.stderr.starts_with("checked: "), "{checked:?}");
    assert_eq!(before.stderr, "");
    // Each operation, wherever its name stands.
    let name = b"/operations/";
    let mut damaged = whole.clone();
    let mut found = 0;
    for at in 0..whole.len() - name.len() {
        if whole[at..].starts_with(name) {
            damaged[at] = b'?';
            found += 1;
        }
    }
    assert!(
        found >= 2 * fleet.names.len(),
        "in the table and in its index"
    );
    fs::write(&fleet.job, &damaged).unwrap();
    assert_eq!(status(&[]).stdout, before.stdout);
    assert_eq!(status(&["--json"]).code, 0);
    let checked = status(&["--check"]);
    assert_eq!(
        (checked.code, checked.stdout.as_str()),
        (9, ""),
        "{checked:?}"
    );
    assert!(
        checked.stderr.contains("damaged: table operations, row "),
        "{checked:?}"
    );
}

#[test]
fn fault_39_what_is_no_job_file_is_9() {
    let (fleet, phrase, _) = planned();
    let other = fleet.file("other");
    let database = Connection::open(&other).unwrap();
    database
        .execute_batch("CREATE TABLE operations (name TEXT)")
        .unwrap();
    drop(database);
    for (what, bytes) in [
        ("a database of something else", fs::read(other).unwrap()),
        ("nothing", Vec::new()),
        ("names", fleet.names.join("\n").into_bytes()),
        ("zeros", vec![0; 3 * PAGE]),
    ] {
        fs::write(&fleet.job, bytes).unwrap();
        refused(&fleet, &phrase, 9, what);
    }
    fs::remove_file(&fleet.job).unwrap();
    let run = fleet.command(&["status", &fleet.job]).run();
    assert_eq!(run.code, 2, "{run:?}");
}

#[test]
fn fault_39_a_plan_edited_with_sql_is_8() {
    let (fleet, phrase, whole) = planned();
    for sql in [
        "UPDATE operations SET name = replace(name, '/devices/', '/devices/x') WHERE position = 3",
        "DELETE FROM operations WHERE position = 40",
        "INSERT INTO operations SELECT 41, name || '1', type, created, duration, error_code,
           device_seen, phase, attempts, cancel_sent_at, maybe_delivered_at, accepted_at, resolved_at, verdict, operation, error,
           parent_exists, body_sha256, checksum FROM operations WHERE position = 40",
        "UPDATE operations SET phase = 'accepted', verdict = 'cancelled', resolved_at = 1 WHERE position = 5",
        "UPDATE settings SET text = replace(text, '0.8', '1.0')",
        "DELETE FROM sends; INSERT INTO sends VALUES (1, 1, 'cancel', 'x', 0, 1)",
        "DROP TRIGGER operations_update; UPDATE operations SET type = 'LOCK' WHERE position = 3",
        "UPDATE seal SET lifted = 1; UPDATE operations SET type = 'LOCK' WHERE position = 3",
    ] {
        fs::write(&fleet.job, &whole).unwrap();
        let database = Connection::open(&fleet.job).unwrap();
        database.execute_batch(sql).unwrap();
        drop(database);
        let said = refused(&fleet, &phrase, 8, sql);
        assert_eq!(said.matches("edited by another program").count(), 1, "{said}");
        assert!(!said.contains("table job, row 1;"), "the edit is said once: {said}");
        assert_eq!(said.matches("plan again").count(), 1, "{said}");
    }
}
