//! Fault 63: what commands write, where others may have prepared the place.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use countermand_emulator::Fate;

use crate::fleet::Fleet;

fn planned() -> Fleet {
    Fleet::planned([Fate::Cancellable; 3], &[])
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn fault_63_a_report_follows_no_link_and_destroys_nothing() {
    let fleet = planned();
    let (page, victim) = (fleet.file("r.html"), fleet.file("victim"));
    let report = |path: &Path| {
        let path = path.to_str().unwrap();
        fleet
            .command(&["report", &fleet.job, "--output", path])
            .run()
    };
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, &page).unwrap();
    let run = report(&page);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("symbolic link"), "{run:?}");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");

    fs::remove_file(&page).unwrap();
    let part = fleet.file("r.html.part");
    symlink(&victim, &part).unwrap();
    assert_eq!(report(&page).code, 0);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(fs::symlink_metadata(&part).unwrap().is_symlink());
    assert_eq!(fs::metadata(&page).unwrap().mode() & 0o777, 0o600);

    fs::set_permissions(&page, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(report(&page).code, 0);
    assert_eq!(fs::metadata(&page).unwrap().mode() & 0o777, 0o640);
    let names = names(fleet.folder());
    assert_eq!(
        names,
        ["mistaken wipes.job", "r.html", "r.html.part", "victim"]
    );
}

#[test]
fn fault_63_a_report_never_takes_the_place_of_its_job() {
    let fleet = planned();
    let before = fs::read(&fleet.job).unwrap();
    let inside = fleet.folder().join(".").join("mistaken wipes.job");
    let inside = inside.to_str().unwrap();
    for path in [
        &fleet.job,
        inside,
        &format!("{}-wal", fleet.job),
        &format!("{}-journal", fleet.job),
    ] {
        let run = fleet
            .command(&["report", &fleet.job, "--output", path, "--format", "csv"])
            .run();
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains("the job itself is there"), "{run:?}");
    }
    assert_eq!(fs::read(&fleet.job).unwrap(), before);
    assert_eq!(names(fleet.folder()), ["mistaken wipes.job"]);
}

#[test]
fn fault_63_a_dash_is_standard_output_and_never_a_file() {
    let fleet = planned();
    for (path, begin) in [("-", "<!DOCTYPE html>"), ("/dev/stdout", "<!DOCTYPE html>")] {
        let run = fleet
            .command(&["report", &fleet.job, "--format", "html", "-o", path])
            .run();
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.starts_with(begin), "{run:?}");
        assert_eq!(run.stderr, "");
    }
    // A job has to be a file.
    let program = env!("CARGO_BIN_EXE_countermand");
    let name = "enterprises/e/devices/d/operations/1";
    let here = fleet.folder();
    let plan = Command::new(program)
        .args(["plan", name, "--output", "-"])
        .current_dir(here)
        .output()
        .unwrap();
    let told = String::from_utf8(plan.stderr).unwrap();
    assert_eq!(plan.status.code(), Some(2), "{told}");
    assert!(told.contains("`-` is not the name of a file"), "{told}");
    assert!(!here.join("-").exists());
}

/// SQLite follows links under the names of its own files.
#[test]
fn fault_63_a_link_in_the_place_of_a_log_is_refused() {
    let fleet = planned();
    let victim = fleet.file("victim");
    fs::write(&victim, "precious").unwrap();
    let other = fleet.file("other.job");
    let other = other.to_str().unwrap();
    for ending in ["-wal", "-shm", "-journal"] {
        for job in [other, &fleet.job] {
            let beside = format!("{job}{ending}");
            symlink(&victim, &beside).unwrap();
            let run = match job == other {
                true => fleet
                    .command(&["plan", "-", "-o", job])
                    .input(fleet.names[0].clone())
                    .run(),
                false => fleet.command(&["apply", job, "--confirm", "x:1"]).run(),
            };
            assert_eq!(run.code, 9, "{run:?}");
            assert!(
                run.stderr.contains(&format!("{beside} is in the way")),
                "{run:?}"
            );
            fs::remove_file(&beside).unwrap();
        }
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert_eq!(names(fleet.folder()), ["mistaken wipes.job", "victim"]);
    assert_eq!(fleet.requests(), 0);
}

#[test]
fn fault_63_the_certificate_of_an_emulator_follows_no_link() {
    let folder = tempfile::tempdir().unwrap();
    let (victim, link) = (folder.path().join("victim"), folder.path().join("ca.pem"));
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, &link).unwrap();
    let emulator = Command::new(env!("CARGO_BIN_EXE_countermand"))
        .args(["emulator", "--listen", "127.0.0.1:0", "--tls"])
        .arg(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8(emulator.stderr).unwrap();
    assert_eq!(emulator.status.code(), Some(2), "{told}");
    assert!(told.contains("symbolic link"), "{told}");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}
