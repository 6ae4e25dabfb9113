//! Every other system, which is Windows: std alone.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The canonical path of a file. That is its identity while SQLite has it open: Windows then lets no
/// process move, replace or delete it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(PathBuf);

impl FileId {
    /// Of the file at a path, which has this metadata.
    pub(crate) fn of(path: &Path, _: &Metadata) -> io::Result<Self> {
        path.canonicalize().map(Self)
    }
}

/// The lock of a job file: on a file beside it whose name ends in `.lock`. A lock on the job file itself
/// would keep SQLite from reading it, because locks of Windows are mandatory.
#[derive(Debug)]
pub(crate) struct JobLock {
    path: PathBuf,
    held: Option<File>,
}

impl JobLock {
    /// Of the job file at this path.
    pub(crate) fn of(job: &Path) -> Self {
        // By whatever name the job is opened, the lock is one.
        let job = job.canonicalize().unwrap_or_else(|_| job.to_owned());
        let mut path = OsString::from(job);
        path.push(".lock");
        Self {
            path: path.into(),
            held: None,
        }
    }

    /// True while another process has it.
    pub(crate) fn is_taken(&self, _: &File) -> bool {
        // Closing gives the shared lock back.
        File::open(&self.path)
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Takes it; `false` if another process has it.
    pub(crate) fn take(&mut self, _: &File) -> io::Result<bool> {
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).write(true);
        let file = options.open(&self.path)?;
        match file.try_lock() {
            Ok(()) => {
                self.held = Some(file);
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Gives it back. The file stays: a process may have opened it to lock it.
    pub(crate) fn release(&mut self, _: &File) {
        self.held = None;
    }
}

/// No pipe has a name among files.
pub(crate) const fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// A new file has the access rights of its folder.
pub(crate) const fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Leaves a file the access rights of its folder.
pub(crate) const fn adopt(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Does nothing: a folder cannot be opened as a file.
pub(crate) const fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Checks that this process may make files in a folder, by making one that has gone when this returns. The
/// read-only attribute of a folder says nothing of that.
pub(crate) fn may_write_in(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder).map(drop)
}

/// Access lists are not read.
pub(crate) const fn others_may_write(_: &Metadata) -> bool {
    false
}

/// Access lists are not read.
pub(crate) const fn others_may_replace(_: &Metadata) -> bool {
    false
}

/// No pipe has a name among files.
pub(crate) const fn has_reader(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

/// The name of this machine, as its environment says.
pub(crate) fn host_name() -> String {
    let name = std::env::var_os("COMPUTERNAME").unwrap_or_else(|| "unknown".into());
    name.to_string_lossy().into_owned()
}

/// The machine does not tell.
pub(crate) const fn uptime() -> Option<(String, i64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> (tempfile::TempDir, PathBuf, File) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b.job");
        std::fs::write(&path, "").unwrap();
        let file = File::open(&path).unwrap();
        (folder, path, file)
    }

    #[test]
    fn the_lock_beside_a_job_has_one_owner() {
        let (_folder, path, file) = job();
        let (mut mine, mut other) = (JobLock::of(&path), JobLock::of(&path));
        // To look makes no file.
        assert!(!mine.is_taken(&file));
        assert!(!path.with_extension("job.lock").exists());
        assert!(mine.take(&file).unwrap());
        assert!(path.with_extension("job.lock").exists());
        assert!(other.is_taken(&file));
        assert!(!other.take(&file).unwrap());
        mine.release(&file);
        assert!(!other.is_taken(&file));
        assert!(other.take(&file).unwrap());
        assert!(mine.is_taken(&file));
        // A process that ends drops it.
        drop(other);
        assert!(!mine.is_taken(&file));
    }

    #[test]
    fn two_that_look_at_the_lock_are_no_owners() {
        let (_folder, path, file) = job();
        let mut first = JobLock::of(&path);
        assert!(first.take(&file).unwrap());
        first.release(&file);
        let looking = File::open(path.with_extension("job.lock")).unwrap();
        looking.try_lock_shared().unwrap();
        assert!(!first.is_taken(&file));
    }

    #[test]
    fn the_lock_beside_a_job_leaves_it_to_sqlite() {
        let (_folder, path, file) = job();
        let mut lock = JobLock::of(&path);
        assert!(lock.take(&file).unwrap());
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (7)",
            )
            .unwrap();
        let other = rusqlite::Connection::open(&path).unwrap();
        let x: i64 = other
            .query_row("SELECT x FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(x, 7);
    }

    #[test]
    fn a_job_has_one_identity_and_one_lock_by_every_path() {
        let (folder, path, file) = job();
        let there = path.metadata().unwrap();
        let detour = folder.path().join(".").join("..");
        let detour = detour
            .join(folder.path().file_name().unwrap())
            .join("a b.job");
        assert_eq!(
            FileId::of(&path, &there).unwrap(),
            FileId::of(&detour, &there).unwrap()
        );
        let mut first = JobLock::of(&path);
        assert!(first.take(&file).unwrap());
        assert!(JobLock::of(&detour).is_taken(&file));
        let other = folder.path().join("b.job");
        std::fs::write(&other, "").unwrap();
        assert_ne!(
            FileId::of(&path, &there).unwrap(),
            FileId::of(&other, &there).unwrap()
        );
        assert!(!JobLock::of(&other).is_taken(&file));
    }

    #[test]
    fn whether_a_folder_takes_files_is_tried_and_leaves_none() {
        let folder = tempfile::tempdir().unwrap();
        may_write_in(folder.path()).unwrap();
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        let error = may_write_in(&folder.path().join("none")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
