//! Fault 40: a disk that takes no more, or nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use countermand_fleet::store::{Job, JobError, JobErrorKind, Record, View};

use crate::{at, dump, plan, sent};

fn large(number: usize) -> [Record; 2] {
    let note = Record::Note {
        at: at(1),
        kind: "large".to_owned(),
        text: "x".repeat(20_000),
    };
    [sent(number, at(1)), note]
}

fn is_disk(error: &JobError) -> bool {
    matches!(error.kind(), JobErrorKind::Disk { .. })
}

/// Records until it fails, several times; then `free`s space and goes on.
fn fill(mut job: Job, free: impl FnOnce(&mut Job)) -> String {
    let mut number = 0;
    let error = loop {
        let before = dump(&job);
        match job.record(&large(number)) {
            Ok(()) => number += 1,
            Err(error) => {
                assert_eq!(dump(&job), before);
                break error;
            }
        }
    };
    assert!(is_disk(&error), "{error}");
    for _ in 0..3 {
        assert!(is_disk(&job.record(&large(number)).unwrap_err()));
    }
    assert_eq!(job.counts().cancels_sent, number as u64);
    free(&mut job);
    job.record(&large(number)).unwrap();
    assert_eq!(job.notes().count(), number + 1);
    let path = job.path().to_owned();
    let after = dump(&job);
    drop(job);
    assert_eq!(dump(&Job::open(path, at(9)).unwrap()), after);
    after
}

#[test]
fn fault_40_a_full_disk_is_an_error_and_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = plan(&folder.path().join("job"), 100);
    job.limit_pages(Some(80)).unwrap();
    fill(job, |job| job.limit_pages(None).unwrap());
}

/// In a file system of its own that is really full, and then really read-only.
#[test]
fn child() {
    let Some(folder) = std::env::var_os("COUNTERMAND_SMALL_DISK").map(PathBuf::from) else {
        return;
    };
    let ballast = folder.join("ballast");
    // Closing needs room for what stands in the log, a second time.
    std::fs::write(&ballast, vec![1; 3_000_000]).unwrap();
    let path = folder.join("job");
    let after = fill(plan(&path, 100), |_| {
        std::fs::remove_file(&ballast).unwrap()
    });
    Job::open(&path, at(9)).unwrap().close().unwrap();
    let remounted = Command::new("mount")
        .args(["-o", "remount,ro"])
        .arg(&folder)
        .status();
    assert!(remounted.unwrap().success());
    assert_eq!(dump(&View::open(&path).unwrap()), after);
    assert!(is_disk(&Job::open(&path, at(9)).unwrap_err()));
    println!("\nsmall disk");
}

/// Runs the child on a tmpfs of 4 MiB in a mount name space of its own.
fn on_a_small_disk(folder: &Path, privileges: &str) -> Option<std::process::Output> {
    let script = "mount -t tmpfs -o size=4m none \"$COUNTERMAND_SMALL_DISK\" && exec \"$0\" --exact disk::child --nocapture";
    let output = Command::new("unshare")
        .args([privileges, "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env("COUNTERMAND_SMALL_DISK", folder)
        .output()
        .ok()?;
    let ran = String::from_utf8_lossy(&output.stdout).contains("running 1 test");
    ran.then_some(output)
}

#[test]
fn fault_40_a_tmpfs_that_is_full_and_then_read_only() {
    let folder = tempfile::tempdir().unwrap();
    let tried = ["-m", "-rm"];
    let output = tried
        .iter()
        .find_map(|privileges| on_a_small_disk(folder.path(), privileges));
    // On a machine on which this account may not mount, the other test has to do.
    let Some(output) = output else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("small disk"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
