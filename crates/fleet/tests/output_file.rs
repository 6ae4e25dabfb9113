//! Fault 63: files that are made where others may have prepared the place.
#![forbid(unsafe_code)]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use countermand_fleet::{OutputFile, create_new};

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OutputFile::create(path)?;
    file.write_all(text.as_bytes())?;
    file.commit()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn fault_63_a_link_is_refused_wherever_it_leads() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    for target in [
        victim.as_path(),
        &folder.path().join("nowhere"),
        folder.path(),
    ] {
        let link = folder.path().join("report.html");
        symlink(target, &link).unwrap();
        let error = write(&link, "new").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        assert!(error.to_string().contains("symbolic link"), "{error}");
        assert!(create_new(&link).is_err());
        assert_eq!(fs::read_link(&link).unwrap(), target);
        fs::remove_file(&link).unwrap();
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert_eq!(names(folder.path()), ["victim"]);
}

/// The moment between the look and the move belongs to an attacker.
#[test]
fn fault_63_a_link_planted_meanwhile_is_replaced_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (victim, path) = (folder.path().join("victim"), folder.path().join("r.csv"));
    fs::write(&victim, "precious").unwrap();
    let mut file = OutputFile::create(&path).unwrap();
    file.write_all(b"new").unwrap();
    symlink(&victim, &path).unwrap();
    file.commit().unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
}

#[test]
fn fault_63_what_else_is_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    fs::create_dir(&path).unwrap();
    assert_eq!(
        write(&path, "x").unwrap_err().kind(),
        ErrorKind::IsADirectory
    );
    fs::remove_dir(&path).unwrap();
    for other in ["r.csv.part", "r.csv.tmp", "r.csv~"] {
        fs::write(folder.path().join(other), other).unwrap();
    }
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let error = write(&path, "x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    write(&path, "new").unwrap();
    for other in ["r.csv.part", "r.csv.tmp", "r.csv~"] {
        let text = fs::read_to_string(folder.path().join(other)).unwrap();
        assert_eq!(text, other);
    }
    assert_eq!(names(folder.path()).len(), 4);
    assert_eq!(
        write(Path::new("-"), "x").unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    // The temporary name beside it is no one's business.
    let error = OutputFile::create(&folder.path().join("none/r.csv")).unwrap_err();
    let told = (error.kind(), error.to_string().contains(".part"));
    assert_eq!(told, (ErrorKind::NotFound, false), "{error}");
    assert!(create_new(Path::new("-")).is_err());
    assert!(!Path::new("-").exists());
}

#[test]
fn fault_63_modes_are_kept_and_new_files_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    write(&path, "new").unwrap();
    assert_eq!(mode(&path), 0o600);
    for kept in [0o600, 0o640, 0o644, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(kept)).unwrap();
        write(&path, "newer").unwrap();
        assert_eq!(mode(&path), kept);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
}

#[test]
fn fault_63_a_file_has_its_name_when_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    fs::write(&path, "old").unwrap();
    let mut file = OutputFile::create(&path).unwrap();
    file.write_all(b"ne").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    // For its owner only while it is written, whatever it is to be.
    let part = names(folder.path())
        .into_iter()
        .find(|name| name != "r.csv");
    assert_eq!(mode(&folder.path().join(part.unwrap())), 0o600);
    drop(file);
    assert_eq!(names(folder.path()), ["r.csv"], "nothing is left of it");
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
}

#[test]
fn fault_63_temporary_names_differ_from_one_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    let open: Vec<_> = (0..100)
        .map(|_| OutputFile::create(&path).unwrap())
        .collect();
    let parts = names(folder.path());
    assert_eq!(parts.len(), 100);
    // Neighbours share no beginning: the numbers are not counted up.
    let numbers: Vec<_> = parts
        .iter()
        .map(|name| &name[".countermand-".len()..][..8])
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] != pair[1]),
        "{numbers:?}"
    );
    drop(open);
    assert_eq!(names(folder.path()).len(), 0);
}

#[test]
fn fault_63_pipes_and_descriptors_are_written_directly() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let link = folder.path().join("link");
    symlink(&pipe, &link).unwrap();
    for path in [&pipe, &link] {
        let path = path.clone();
        let writer = std::thread::spawn(move || write(&path, "through"));
        let mut text = String::new();
        let mut read = fs::File::open(&pipe).unwrap();
        read.read_to_string(&mut text).unwrap();
        writer.join().unwrap().unwrap();
        assert_eq!(text, "through");
    }
    write(Path::new("/dev/null"), "nothing").unwrap();
    assert_eq!(names(folder.path()), ["link", "pipe"]);
}

#[test]
fn fault_63_a_job_file_is_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.job");
    fs::write(&path, b"SQLite format 3\0 and its pages").unwrap();
    let error = write(&path, "a report").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(fs::read(&path).unwrap().starts_with(b"SQLite"));
    fs::write(&path, b"SQLite is short").unwrap();
    write(&path, "a report").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"a report");
}
