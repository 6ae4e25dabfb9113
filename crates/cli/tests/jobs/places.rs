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
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("not a regular file"), "{run:?}");
    assert!(!run.stderr.contains("chmod"), "{run:?}");
}

/// A rescue and a plan in this folder: the exit code, the cause, nothing sent, nothing left, another place.
pub(crate) fn refused(fleet: &Fleet, place: &Path, code: i32, cause: &str) {
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
        assert_eq!((run.code, fleet.cancels()), (code, before), "{run:?}");
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
        refused(&fleet, &locked, 2, "Permission denied");
    }
    refused(
        &fleet,
        &fleet.file("missing"),
        2,
        "No such file or directory",
    );
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

/// One rule for every command that takes a file: a path that names nothing usable is 2, of
/// credentials 4, and what is in a job file, or a disk that is full, is 9.
#[test]
fn a_path_that_cannot_be_used_has_the_same_code_in_each_command() {
    let fleet = Fleet::planned([Fate::Cancellable], &[]);
    let folder = fleet.folder().to_str().unwrap();
    fs::write(fleet.file("text"), "# no job, and no name\n").unwrap();
    let at = |name: &str| format!("{folder}/{name}");
    let whole = format!("enterprises/{}", fleet.enterprise());
    let (job, enterprise, name) = (&fleet.job, &fleet.enterprise(), &fleet.names[0]);
    let (missing, text, inside, new) = (&at("missing"), &at("text"), &at("no/x.html"), &at("new"));
    let rescue = ["rescue", &whole, "--confirm", enterprise, "--job"];
    let cases: &[(i32, &[&str])] = &[
        (2, &["apply", missing]),
        (2, &["apply", missing, "--recheck"]),
        (2, &["status", missing]),
        (2, &["report", missing]),
        (2, &["apply", folder]),
        (2, &["status", folder]),
        (2, &["report", folder]),
        (2, &["plan", "--from", missing, "--output", new]),
        (2, &["plan", "--from", folder, "--output", new]),
        (2, &["plan", "--from", text, "--output", new]),
        (2, &["plan", name, "--exclude", missing, "--output", new]),
        (2, &["plan", name, "--exclude", folder, "--output", new]),
        (2, &["plan", name, "--output", job]),
        (2, &["plan", name, "--output", folder]),
        (2, &["plan", name, "--output", inside]),
        (2, &[&rescue[..], &[job]].concat()),
        (2, &[&rescue[..], &[folder]].concat()),
        (2, &[&rescue[..], &[inside]].concat()),
        (2, &["report", job, "--output", inside]),
        (2, &["report", job, "--output", folder, "--format", "csv"]),
        (2, &["report", job, "--output", job, "--format", "csv"]),
        (2, &["cancel", name, "--ca-file", missing]),
        (2, &["emulator", "--faults", missing]),
        (2, &["emulator", "--faults", folder]),
        (4, &["cancel", name, "--token-file", missing]),
        (4, &["cancel", name, "--credentials", missing]),
        (4, &["cancel", name, "--credentials", folder]),
        (9, &["apply", text]),
        (9, &["status", text]),
        (9, &["report", text]),
        (
            9,
            &["report", job, "--output", "/dev/full", "--format", "csv"],
        ),
    ];
    for (code, args) in cases {
        let args: Vec<&str> = args.iter().map(|arg| &**arg).collect();
        let run = fleet.command(&args);
        // A token of the environment would contradict the option.
        let run = match code {
            4 => run.without("COUNTERMAND_TOKEN"),
            _ => run,
        };
        let run = run.run();
        assert_eq!(run.code, *code, "{args:?}: {run:?}");
        assert_eq!(run.stdout, "", "{args:?}: {run:?}");
        assert!(run.stderr.contains("error: "), "{args:?}: {run:?}");
        // The cause is told as it is: a folder is no file of this name.
        if args.contains(&folder) && !args.contains(&"--credentials") {
            let told = run.stderr.to_lowercase();
            assert!(
                ["a folder", "is a directory", "not a regular file"]
                    .iter()
                    .any(|words| told.contains(words)),
                "{args:?}: {run:?}"
            );
        }
    }
    assert_eq!(fleet.requests(), 0);
    assert!(!Path::new(new).exists());
}

#[test]
fn a_file_in_place_of_a_name_is_told_how_files_are_read() {
    let fleet = Fleet::of(Api::new([]));
    let file = fleet.file("my names");
    fs::write(&file, "enterprises/e/devices/d/operations/1\n").unwrap();
    let file = file.to_str().unwrap();
    for (args, word, hint) in [
        (
            &["cancel"][..],
            file,
            format!("countermand cancel ENDPOINT - < '{file}'"),
        ),
        (
            &["cancel"],
            "wipes.txt",
            "countermand cancel ENDPOINT - < wipes.txt".to_owned(),
        ),
        (
            &["get"],
            "wipes.csv",
            "countermand get ENDPOINT - < wipes.csv".to_owned(),
        ),
        (
            &["plan", "--output", &fleet.job],
            "wipes.json",
            format!(
                "countermand plan --output '{}' ENDPOINT --from wipes.json",
                fleet.job
            ),
        ),
    ] {
        let endpoint = format!("--endpoint {}", fleet.endpoint_v1());
        let hint = hint.replace("ENDPOINT", &endpoint);
        let run = fleet.command(&[args, &[word]].concat()).run();
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains(&hint), "{hint}: {run:?}");
    }
    // What is no file is given no such hint.
    let run = fleet.command(&["cancel", "enterprises/e/devices/d"]).run();
    assert!(!run.stderr.contains("in a file"), "{run:?}");
}

/// Another process has begun to write the index of the log: it writes the last byte of one page after the
/// other, and is not to be told that the file is in the way.
#[test]
fn fault_58_an_index_that_grows_is_sqlites_own() {
    let fleet = Fleet::planned([Fate::Cancellable], &[]);
    let index = format!("{}-shm", fleet.job);
    for length in [0, 3, 4096, 5 * 4096, 32 * 1024] {
        fs::write(&index, vec![0; length]).unwrap();
        let run = fleet.command(&["status", &fleet.job]).run();
        assert_eq!(run.code, 0, "{length}: {run:?}");
    }
}
