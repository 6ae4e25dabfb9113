//! The lock on a job file, and the one descriptor of this process for it.
//!
//! SQLite locks with POSIX locks, and a process loses all of those on a file when it closes any
//! descriptor of that file. So a process opens a job file once besides SQLite, before SQLite does,
//! and closes it after the last of its connections is closed.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A device and an inode: the identity of a file, whatever its name.
pub(super) type Key = (u64, u64);

struct Open {
    file: File,
    users: usize,
    locked: bool,
}

static OPEN: Mutex<BTreeMap<Key, Open>> = Mutex::new(BTreeMap::new());

fn open_files() -> MutexGuard<'static, BTreeMap<Key, Open>> {
    // Every change of the map is a single statement, so a panic elsewhere leaves it whole.
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// True if the file that stands there is this one.
pub(super) fn is_at(key: Key, path: &Path) -> io::Result<bool> {
    match std::fs::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == key),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A share in this process's descriptor for a file. Has to outlive SQLite's connection.
#[derive(Debug)]
pub(super) struct Descriptor {
    key: Key,
    lock: bool,
}

impl Descriptor {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut open = open_files();
        let known = std::fs::metadata(path)?;
        let mut key = (known.dev(), known.ino());
        if let Some(known) = open.get_mut(&key) {
            known.users += 1;
        } else {
            if !known.is_file() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "not a regular file",
                ));
            }
            // A pipe that has come there since is not waited for.
            let flags = rustix::fs::OFlags::NONBLOCK.bits();
            let mut options = File::options();
            let file = options
                .read(true)
                .custom_flags(flags.cast_signed())
                .open(path)?;
            let metadata = file.metadata()?;
            if !metadata.is_file() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "not a regular file",
                ));
            }
            // The file may have been replaced since it was looked at.
            key = (metadata.dev(), metadata.ino());
            let new = Open {
                file,
                users: 0,
                locked: false,
            };
            open.entry(key).or_insert(new).users += 1;
        }
        Ok(Self { key, lock: false })
    }

    /// The identity of the file, whatever its name.
    pub(super) const fn key(&self) -> Key {
        self.key
    }

    /// The first bytes of the file.
    pub(super) fn head<const N: usize>(&self) -> io::Result<[u8; N]> {
        let mut head = [0; N];
        match open_files().get(&self.key) {
            Some(open) => open.file.read_exact_at(&mut head, 0).map(|()| head),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// True while another process, or another user in this one, has the lock.
    pub(super) fn is_locked(&self) -> bool {
        let open = open_files();
        let Some(open) = open.get(&self.key) else {
            return false;
        };
        // Shared, so that two that look do not take each other for a run.
        let locked =
            open.locked || matches!(open.file.try_lock_shared(), Err(TryLockError::WouldBlock));
        if !locked {
            let _ = open.file.unlock();
        }
        locked && !self.lock
    }

    /// Takes the lock until this is dropped; `false` if another process has it.
    pub(super) fn lock(&mut self) -> io::Result<bool> {
        let mut open = open_files();
        let Some(open) = open.get_mut(&self.key).filter(|open| !open.locked) else {
            return Ok(false);
        };
        match open.file.try_lock() {
            Ok(()) => {
                open.locked = true;
                self.lock = true;
                Ok(true)
            }
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        let mut files = open_files();
        let Some(open) = files.get_mut(&self.key) else {
            return;
        };
        if self.lock {
            open.locked = false;
            // Closing gives it back as well, and no caller is left for an error.
            let _ = open.file.unlock();
        }
        open.users -= 1;
        if open.users == 0 {
            files.remove(&self.key);
        }
    }
}
