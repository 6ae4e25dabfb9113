//! Fault 40: the disk is full while a job is applied, or read-only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use countermand_emulator::{Fate, State};
use serde_json::Value;

use crate::fleet::Fleet;

/// In a file system of 4 MiB that is the folder of the job; see below.
#[test]
fn child() {
    let Some(disk) = std::env::var_os("COUNTERMAND_SMALL_DISK").map(PathBuf::from) else {
        return;
    };
    let mut fleet = Fleet::of(crate::api::Api::new([Fate::Cancellable; 60]));
    fleet.job = disk.join("wipes.job").to_str().unwrap().to_owned();
    assert_eq!(fleet.plan(&["--quota", "20/1s", "--share", "1"]).code, 0);

    let running = fleet.apply(&["--json"]).start();
    running.until("some cancels", |_| fleet.requests() >= 20);
    let ballast = disk.join("ballast");
    let _ = fs::write(&ballast, vec![1; 8 << 20]);
    let run = running.wait();
    assert_eq!(run.code, 9, "{run:?}");
    assert_eq!(fleet.states(), [State::Cancelled; 60], "the rescue goes on");
    assert!(
        run.stderr.contains("the job file cannot be written"),
        "{run:?}"
    );
    assert!(run.stderr.contains("full"), "{run:?}");
    // Results that are not in the file are on standard error, and all of them on standard output.
    let told = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with('{'));
        let rows = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let cancelled = rows.filter(|row| row["verdict"] == "cancelled");
        cancelled
            .map(|row| row["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(told(&run.stdout).len(), 60);
    let beside = told(&run.stderr);
    let verdicts = fleet.verdicts();
    for (name, verdict) in fleet.names.iter().zip(&verdicts) {
        assert!(
            *verdict == "cancelled" || beside.contains(name),
            "{name}: {verdict}"
        );
    }
    assert!(verdicts.contains(&"none"), "{verdicts:?}");

    // Still full: whether it is refused or goes on is a matter of the last page, but it says so.
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 9, "{run:?}");
    let run = fleet.command(&["status", &fleet.job]).run();
    assert_eq!(run.code, 0, "{run:?}");

    // A log that was folded has left room, for a job file perhaps.
    let more = disk.join("more");
    let _ = fs::write(&more, vec![1; 8 << 20]);
    crate::places::refused(&fleet, &disk, 9, "disk is full");
    fs::remove_file(&more).unwrap();
    fs::remove_file(&ballast).unwrap();
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(fleet.verdicts(), ["cancelled"; 60]);

    let mut remount = Command::new("mount");
    let remounted = remount.args(["-o", "remount,ro"]).arg(&disk).status();
    assert!(remounted.unwrap().success());
    let before = fleet.requests();
    let run = fleet.apply(&[]).run();
    assert_eq!((run.code, fleet.requests()), (9, before), "{run:?}");
    assert!(
        run.stderr
            .contains("check the disk and the file's permissions"),
        "{run:?}"
    );
    for command in ["status", "report"] {
        let run = fleet.command(&[command, &fleet.job]).run();
        assert_eq!(run.code, 0, "{run:?}");
    }
    crate::places::refused(&fleet, &disk, 9, "Read-only file system");
    println!("\nsmall disk");
}

/// Runs the child with a tmpfs in a mount name space of its own.
fn on_a_small_disk(disk: &Path, privileges: &str) -> Option<Output> {
    let script = "mount -t tmpfs -o size=4m none \"$COUNTERMAND_SMALL_DISK\" && exec \"$0\" --exact disk::child --nocapture";
    let output = Command::new("unshare")
        .args([privileges, "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("COUNTERMAND_SMALL_DISK", disk)
        .output()
        .ok()?;
    let ran = String::from_utf8_lossy(&output.stdout).contains("running 1 test");
    ran.then_some(output)
}

#[test]
fn fault_40_a_full_disk_is_9_and_the_rescue_goes_on() {
    let disk = tempfile::tempdir().unwrap();
    let tried = ["-m", "-rm"];
    let mut tried = tried.iter();
    let output = tried.find_map(|privileges| on_a_small_disk(disk.path(), privileges));
    // On a machine on which this account may not mount, the tests of the fleet crate limit the file
    // instead.
    let Some(output) = output else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("small disk"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
