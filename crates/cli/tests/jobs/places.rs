//! Faults 58 and 60: odd things beside a job file, and places that take no file.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use countermand_emulator::Fate;

use crate::api::Api;
use crate::fleet::Fleet;

const SOON: Duration = Duration::from_secs(4);

/// Makes something at a path.
type Make = fn(&Path);

/// A link, a pipe, a folder, a text, each made at a path.
fn oddities() -> [(&'static str, Make); 4] {
    [
        ("a link", |path| symlink("/etc/hostname", path).unwrap()),
        ("a pipe", |path| {
            let made = Command::new("mkfifo").arg(path).status().unwrap();
            assert!(made.success());
        }),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a text", |path| {
            fs::write(path, "a diary, not a log").unwrap()
        }),
    ]
}

#[test]
fn fault_58_what_stands_beside_a_job_is_refused_by_each_command_and_left_alone() {
    for ending in ["-wal", "-shm", "-journal"] {
        for (what, make) in oddities() {
            let fleet = Fleet::planned([Fate::Cancellable], &[]);
            let phrase = fleet.phrase();
            let beside = format!("{}{ending}", fleet.job);
            let beside = Path::new(&beside);
            make(beside);
            let kind = fs::symlink_metadata(beside).unwrap().file_type();
            for args in [
                &["status", &fleet.job][..],
                &["report", &fleet.job],
                &["apply", &fleet.job, "--confirm", &phrase],
            ] {
                let began = Instant::now();
                let run = fleet.command(args).run();
                assert!(began.elapsed() < SOON, "{what} {ending} {args:?}");
                assert_eq!(
                    (run.code, run.stdout.as_str()),
                    (9, ""),
                    "{what} {ending}: {run:?}"
                );
                assert!(run.stderr.contains(" is in the way"), "{run:?}");
            }
            assert_eq!(fleet.requests(), 0);
            assert_eq!(fs::symlink_metadata(beside).unwrap().file_type(), kind);
            if what == "a text" {
                assert_eq!(fs::read_to_string(beside).unwrap(), "a diary, not a log");
            }
            // A plan is refused as well, before it searches.
            let whole = format!("enterprises/{}", fleet.enterprise());
            let other = fleet.file("other.job");
            let other = other.to_str().unwrap();
            make(Path::new(&format!("{other}{ending}")));
            let run = fleet.command(&["plan", &whole, "--output", other]).run();
            assert_eq!((run.code, fleet.requests()), (9, 0), "{run:?}");
            assert!(!Path::new(other).exists());
        }
    }
}

#[test]
fn fault_58_what_it_is_comes_before_who_may_write_it() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable]));
    let run = fleet.command(&["status", "/dev/zero"]).run();
    assert_eq!(run.code, 9, "{run:?}");
    assert!(run.stderr.contains("not a regular file"), "{run:?}");
    assert!(!run.stderr.contains("chmod"), "{run:?}");
}

/// A rescue and a plan in this folder: exit 9, the cause, nothing sent, nothing left, another place.
pub(crate) fn refused(fleet: &Fleet, place: &Path, cause: &str) {
    let (enterprise, whole) = (
        fleet.enterprise(),
        format!("enterprises/{}", fleet.enterprise()),
    );
    let job = place.join("new.job");
    let job = job.to_str().unwrap();
    for (args, option) in [
        (
            vec!["rescue", &whole, "--confirm", &enterprise, "--job", job],
            "--job FILE",
        ),
        (
            vec!["plan", &whole, &fleet.names[0], "--output", job],
            "--output FILE",
        ),
    ] {
        let before = fleet.cancels();
        let run = fleet.command(&args).run();
        assert_eq!((run.code, fleet.cancels()), (9, before), "{run:?}");
        for words in [cause, "nothing was cancelled", option] {
            assert!(run.stderr.contains(words), "{words}: {run:?}");
        }
        // Of a rescue the file may be there, but not the room for its first run.
        assert!(
            option == "--job FILE" || !Path::new(job).exists(),
            "{run:?}"
        );
        let _ = fs::remove_file(job);
    }
}

#[test]
fn fault_60_a_folder_that_takes_no_file_is_told_with_the_cause_and_another_place() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable]));
    let locked = fleet.file("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
    // Root may do everything; for root a read-only disk is tested instead.
    if fs::write(locked.join("probe"), "").is_err() {
        refused(&fleet, &locked, "Permission denied");
    }
    refused(&fleet, &fleet.file("missing"), "No such file or directory");
    assert_eq!(fleet.requests(), 0);
}

#[test]
fn fault_58_a_report_is_what_its_name_says() {
    let fleet = Fleet::planned([Fate::Cancellable], &[]);
    let path = |name: &str| fleet.file(name).to_str().unwrap().to_owned();
    let pdf = path("report.pdf");
    let run = fleet
        .command(&["report", &fleet.job, "--output", &pdf])
        .run();
    assert_eq!(run.code, 2, "{run:?}");
    for words in [".html", ".csv", ".ndjson", "--format ndjson, csv, html"] {
        assert!(run.stderr.contains(words), "{words}: {run:?}");
    }
    assert!(!Path::new(&pdf).exists());
    let args = ["report", &fleet.job, "--output", &pdf, "--format", "html"];
    assert_eq!(fleet.command(&args).run().code, 0);
    for (name, begin) in [("r.HTML", "<!DOCTYPE html>"), ("report", "{\"schema\"")] {
        let file = path(name);
        let run = fleet
            .command(&["report", &fleet.job, "--output", &file])
            .run();
        assert_eq!(run.code, 0, "{run:?}");
        assert!(
            fs::read_to_string(&file).unwrap().starts_with(begin),
            "{name}"
        );
    }

    // A pipe that nothing reads is not waited for; one that is read gets all of it.
    let pipe = path("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let began = Instant::now();
    let run = fleet
        .command(&["report", &fleet.job, "--output", &pipe])
        .run();
    assert!(began.elapsed() < SOON);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("a pipe that nothing reads"), "{run:?}");
    let mut reader = Command::new("cat");
    let reader = reader
        .arg(&pipe)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + 5 * SOON;
    let mut run = fleet
        .command(&["report", &fleet.job, "--output", &pipe])
        .run();
    while run.code == 2 && Instant::now() < deadline {
        run = fleet
            .command(&["report", &fleet.job, "--output", &pipe])
            .run();
    }
    assert_eq!(run.code, 0, "{run:?}");
    let text = String::from_utf8(reader.wait_with_output().unwrap().stdout).unwrap();
    assert!(
        text.lines()
            .last()
            .unwrap()
            .contains("countermand.report/1")
    );
}
