//! The files that SQLite keeps beside a job file: its log, the index of that, its rollback journal.
//!
//! SQLite follows a link there, waits for a pipe, and deletes or overwrites what is none of its own:
//! what stands there is looked at before SQLite opens the job.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::JobErrorKind;
use crate::system::{folder_of, without_waiting};

/// The endings of their names.
pub(super) const ENDINGS: [&str; 3] = ["-wal", SHARED, "-journal"];

const SHARED: &str = "-shm";

/// The index of the log grows by pages of this size, one after the other (`unixShmMap` of SQLite).
const PAGE: u64 = 4 * 1024;

/// The name with this ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Refuses a new job where something stands under one of their names.
pub(super) fn nothing(path: &Path) -> Result<(), JobErrorKind> {
    refuse(path, |_, file| file.symlink_metadata().is_ok())
}

/// Refuses a job where something stands under their names that SQLite has not made.
pub(super) fn only_sqlites(path: &Path) -> Result<(), JobErrorKind> {
    refuse(path, |ending, file| match file.symlink_metadata() {
        Ok(there) if !there.is_file() => true,
        // SQLite has locks on it, which this process would lose with another descriptor: its size
        // has to do. It is emptied by the first process that opens it, and grows page by page meanwhile.
        Ok(there) if ending == SHARED => there.len() > 3 && there.len() % PAGE != 0,
        Ok(_) => !is_sqlites(ending, file),
        Err(_) => false,
    })
}

fn refuse(path: &Path, is_refused: impl Fn(&str, &Path) -> bool) -> Result<(), JobErrorKind> {
    for ending in ENDINGS {
        let file = beside(path, ending);
        if is_refused(ending, &file) {
            let file = countermand_core::text::shown_path(&file);
            let text = format!("{file} is in the way: remove it, or give another name");
            return Err(JobErrorKind::Io(std::io::Error::other(text)));
        }
    }
    Ok(())
}

/// True for a file that begins as SQLite's do (<https://sqlite.org/fileformat.html>, 3 and 4;
/// <https://sqlite.org/walformat.html>, 2.1). One that was cut, or emptied, is as good; one that
/// cannot be read is left to SQLite, which says so.
fn is_sqlites(ending: &str, file: &Path) -> bool {
    let mut head = Vec::new();
    // A pipe that has come there since is not waited for.
    let mut options = File::options();
    let opened = without_waiting(options.read(true)).open(file);
    let Ok(_) = opened.and_then(|file| file.take(8).read_to_end(&mut head)) else {
        return true;
    };
    let begins = |magic: &[u8]| {
        let length = head.len().min(magic.len());
        head.get(..length) == magic.get(..length)
    };
    match ending {
        "-wal" => begins(&[0x37, 0x7f, 6, 0x82]) || begins(&[0x37, 0x7f, 6, 0x83]),
        _ => begins(&[0xd9, 0xd5, 5, 0xf9, 0x20, 0xa1, 0x63, 0xd7]) || begins(&[0; 8]),
    }
}

/// True where a log beside the file holds something.
pub(super) fn has_log(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0)
}

/// True for the job file and for those that SQLite keeps beside it.
pub(crate) fn is_of_job(path: &Path, job: &Path) -> bool {
    let Ok(job) = fs::canonicalize(job) else {
        return false;
    };
    // A file that is not there yet has no canonical path of its own; its folder has.
    let place = || {
        Some(
            fs::canonicalize(folder_of(path))
                .ok()?
                .join(path.file_name()?),
        )
    };
    let place = fs::canonicalize(path).ok().or_else(place);
    let mut files = ENDINGS
        .iter()
        .chain([&""])
        .map(|ending| beside(&job, ending));
    place.is_some_and(|place| files.any(|file| file == place))
}
