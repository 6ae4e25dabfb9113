//! The lock on a job file, and the one descriptor of this process for it.
//!
//! SQLite locks with POSIX locks, and a process loses all of those on a file when it closes any
//! descriptor of that file. So a process opens a job file once besides SQLite, before SQLite does,
//! and closes it after the last of its connections is closed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::system::{FileId, JobLock, without_waiting};

struct Open {
    file: File,
    lock: JobLock,
    users: usize,
    locked: bool,
}

static OPEN: Mutex<BTreeMap<FileId, Open>> = Mutex::new(BTreeMap::new());

fn open_files() -> MutexGuard<'static, BTreeMap<FileId, Open>> {
    // Every change of the map is a single statement, so a panic elsewhere leaves it whole.
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True if the file that stands there is this one.
pub(super) fn is_at(file: &FileId, path: &Path) -> io::Result<bool> {
    match std::fs::metadata(path) {
        Ok(there) => Ok(FileId::of(path, &there)? == *file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A share in this process's descriptor for a file. Has to outlive SQLite's connection.
#[derive(Debug)]
pub(super) struct Descriptor {
    file: FileId,
    lock: bool,
}

impl Descriptor {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut open = open_files();
        let known = std::fs::metadata(path)?;
        let mut id = FileId::of(path, &known)?;
        if let Some(known) = open.get_mut(&id) {
            known.users += 1;
        } else {
            if !known.is_file() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "not a regular file",
                ));
            }
            // A pipe that has come there since is not waited for.
            let mut options = File::options();
            let file = without_waiting(options.read(true)).open(path)?;
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "not a regular file",
                ));
            }
            // The file may have been replaced since it was looked at.
            id = FileId::of(path, &metadata)?;
            let new = Open {
                file,
                lock: JobLock::of(path),
                users: 0,
                locked: false,
            };
            open.entry(id.clone()).or_insert(new).users += 1;
        }
        Ok(Self {
            file: id,
            lock: false,
        })
    }

    /// The identity of the file, whatever its name.
    pub(super) const fn file(&self) -> &FileId {
        &self.file
    }

    /// The first bytes of the file.
    pub(super) fn head<const N: usize>(&self) -> io::Result<[u8; N]> {
        let mut head = [0; N];
        let files = open_files();
        let Some(open) = files.get(&self.file) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut file = &open.file;
        file.rewind()?;
        file.read_exact(&mut head)?;
        Ok(head)
    }

    /// True while another process, or another user in this one, has the lock.
    pub(super) fn is_locked(&self) -> bool {
        let open = open_files();
        let Some(open) = open.get(&self.file) else {
            return false;
        };
        !self.lock && (open.locked || open.lock.is_taken(&open.file))
    }

    /// Takes the lock until this is dropped; `false` if another process has it.
    pub(super) fn lock(&mut self) -> io::Result<bool> {
        let mut open = open_files();
        let Some(open) = open.get_mut(&self.file).filter(|open| !open.locked) else {
            return Ok(false);
        };
        self.lock = open.lock.take(&open.file)?;
        open.locked = self.lock;
        Ok(self.lock)
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        let mut files = open_files();
        let Some(open) = files.get_mut(&self.file) else {
            return;
        };
        if self.lock {
            open.locked = false;
            open.lock.release(&open.file);
        }
        open.users -= 1;
        if open.users == 0 {
            files.remove(&self.file);
        }
    }
}
