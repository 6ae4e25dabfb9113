//! Unix.

use std::fs::{File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{Access, Mode, OFlags};
use rustix::io::Errno;

/// A device and an inode: the identity of a file, whatever its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(u64, u64);

impl FileId {
    /// Of the file at a path, which has this metadata.
    pub(crate) fn of(_: &Path, there: &Metadata) -> io::Result<Self> {
        Ok(Self(there.dev(), there.ino()))
    }
}

/// The lock of a job file: flock on the file itself.
#[derive(Debug)]
pub(crate) struct JobLock;

impl JobLock {
    /// Of the job file at this path.
    pub(crate) const fn of(_: &Path) -> Self {
        Self
    }

    /// True while another process has it.
    pub(crate) fn is_taken(&self, job: &File) -> bool {
        // Shared, so that two that look do not take each other for a run.
        let taken = matches!(job.try_lock_shared(), Err(TryLockError::WouldBlock));
        if !taken {
            let _ = job.unlock();
        }
        taken
    }

    /// Takes it; `false` if another process has it.
    pub(crate) fn take(&mut self, job: &File) -> io::Result<bool> {
        match job.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Gives it back.
    pub(crate) fn release(&mut self, job: &File) {
        // Closing gives it back as well, and no caller is left for an error.
        let _ = job.unlock();
    }
}

/// Opens a pipe without waiting for its other end.
pub(crate) fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed())
}

/// A new file is for its owner only.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Gives a file the owner, group and mode of the one it replaces. Where those cannot be kept, another
/// group gains nothing.
pub(crate) fn adopt(file: &File, replaced: &Metadata) -> io::Result<()> {
    let mode = match fchown(file, Some(replaced.uid()), Some(replaced.gid())) {
        Ok(()) => replaced.mode() & 0o777,
        Err(_) => replaced.mode() & 0o707,
    };
    file.set_permissions(Permissions::from_mode(mode))
}

/// Makes the names in a folder survive a power failure.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Checks that this process may make files in a folder.
pub(crate) fn may_write_in(folder: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(folder, Access::WRITE_OK)?)
}

/// True if other accounts may write to a file. A group with the number of its user is that user's alone.
pub(crate) fn others_may_write(there: &Metadata) -> bool {
    let (mode, private) = (there.mode(), there.uid() == there.gid());
    mode & 0o002 != 0 || mode & 0o020 != 0 && !private
}

/// True if other accounts may replace files in a folder. With the sticky bit, as in /tmp, none can.
pub(crate) fn others_may_replace(folder: &Metadata) -> bool {
    folder.mode() & 0o1000 == 0 && others_may_write(folder)
}

/// A descriptor of the pipe that stands there, if one does.
///
/// # Errors
/// [`io::ErrorKind::NotConnected`] for a pipe that nothing reads: to open it could wait for ever.
pub(crate) fn has_reader(path: &Path) -> io::Result<Option<File>> {
    if !std::fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo()) {
        return Ok(None);
    }
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(pipe) => Ok(Some(pipe.into())),
        Err(Errno::NXIO) => Err(io::Error::new(
            io::ErrorKind::NotConnected,
            "it is a pipe that nothing reads: start its reader first",
        )),
        Err(error) => Err(error.into()),
    }
}

/// The name of this machine.
pub(crate) fn host_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

/// The name of the start of this machine, and the milliseconds since then, with those in which it was
/// suspended; `None` where it does not tell.
#[cfg(target_os = "linux")]
pub(crate) fn uptime() -> Option<(String, i64)> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let millis = up.tv_sec.saturating_mul(1000) + up.tv_nsec / 1_000_000;
    Some((boot.trim().to_owned(), millis))
}

#[cfg(not(target_os = "linux"))]
pub(crate) const fn uptime() -> Option<(String, i64)> {
    None
}
