//! What can be wrong with a job file, or with using it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use countermand_core::OperationName;

use super::lock_owner::LockOwner;
use super::schema::VERSION;

/// What went wrong with a job file. Nothing was sent because of it, and a change that failed is
/// not there in part.
#[derive(thiserror::Error)]
#[error("{}", countermand_core::path_problem("job file", path, kind))]
pub struct JobError {
    path: PathBuf,
    #[source]
    kind: JobErrorKind,
}

/// What happened to a job file.
#[derive(Debug)]
#[non_exhaustive]
pub enum JobErrorKind {
    /// There is a file of this name already; it was left alone.
    Exists,
    /// It is not a job file.
    NotAJob,
    /// Another version of this program made it, with tables that this one does not know.
    OtherVersion {
        /// The version of its schema.
        version: i64,
    },
    /// Bytes were lost or changed.
    Damaged {
        /// Where it shows.
        what: String,
    },
    /// Another program changed it.
    Edited {
        /// What was changed.
        what: String,
    },
    /// The plan was not finished: the program that wrote it was stopped.
    Incomplete,
    /// It is for another server than the client: a token that is meant for one must not go to the other.
    OtherEndpoint {
        /// The endpoint of the job.
        job: String,
        /// The endpoint of the client.
        client: String,
    },
    /// Another process is using it.
    Locked {
        /// Who, if the file could be asked.
        holder: Option<LockOwner>,
    },
    /// The plan is finished, or the job is of a kind that takes operations in another way.
    Frozen,
    /// A record about an operation that the job does not have.
    Unknown {
        /// Its name.
        name: OperationName,
    },
    /// It could not be opened.
    Io(io::Error),
    /// It could not be written or read: the disk is full, read-only, broken, or somebody keeps
    /// the file busy. The same change may be tried again.
    Disk {
        /// What the system said.
        what: String,
    },
    /// SQLite refused for another reason.
    Sqlite {
        /// What it said.
        what: String,
    },
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobError")
            .field("path", &countermand_core::shown_path(&self.path))
            .field("kind", &self.kind)
            .finish()
    }
}

impl JobError {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> &JobErrorKind {
        &self.kind
    }
}

impl JobErrorKind {
    pub(crate) fn at(self, path: &Path) -> JobError {
        JobError {
            path: path.into(),
            kind: self,
        }
    }

    /// The same where a file is opened: that fixed statements fail there is the file's fault.
    pub(super) fn on_opening(self) -> Self {
        match self {
            Self::Sqlite { what } => Self::Damaged { what },
            other => other,
        }
    }

    pub(super) fn damaged(what: impl fmt::Display) -> Self {
        Self::Damaged {
            what: what.to_string(),
        }
    }
}

impl std::error::Error for JobErrorKind {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => error.source(),
            _ => None,
        }
    }
}

impl fmt::Display for JobErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("a file of this name exists already"),
            Self::NotAJob => f.write_str("not a job file"),
            Self::OtherVersion { version } => write!(
                f,
                "made by {} version of countermand (schema {version}, this one reads {VERSION})",
                match *version < VERSION {
                    true => "an earlier",
                    false => "a later",
                },
            ),
            Self::Damaged { what } => write!(f, "damaged: {what}"),
            Self::Edited { what } => write!(f, "edited by another program: {what}"),
            Self::Incomplete => {
                f.write_str("the plan was never finished; delete the file and plan again")
            }
            Self::OtherEndpoint { job, client } => {
                write!(
                    f,
                    "it is for {job}, and the client for {client}; nothing was sent"
                )
            }
            Self::Locked {
                holder: Some(holder),
            } => write!(f, "in use by {holder}"),
            Self::Locked { holder: None } => f.write_str("in use by another process"),
            Self::Frozen => f.write_str("what it is about cannot be changed any more"),
            Self::Unknown { name } => write!(f, "{name} is not in this job"),
            Self::Io(error) => error.fmt(f),
            Self::Disk { what } => write!(f, "cannot be written or read: {what}"),
            Self::Sqlite { what } => f.write_str(what),
        }
    }
}

impl From<io::Error> for JobErrorKind {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists,
            _ => Self::Io(error),
        }
    }
}

impl From<rusqlite::Error> for JobErrorKind {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        let what = error.to_string();
        match error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                Code::DatabaseCorrupt | Code::NotADatabase => Self::Damaged { what },
                Code::OperationInterrupted => Self::Damaged {
                    what: "it keeps the reader busy, which no job file does".to_owned(),
                },
                Code::DatabaseBusy | Code::DatabaseLocked | Code::FileLockingProtocolFailed => {
                    Self::Disk {
                        what: format!(
                            "{what}: another program uses the file, or its file system (NFS) gives no locks: \
                             put the job on a local disk"
                        ),
                    }
                }
                Code::DiskFull
                | Code::SystemIoFailure
                | Code::ReadOnly
                | Code::CannotOpen
                | Code::PermissionDenied
                | Code::OutOfMemory => Self::Disk { what },
                _ => Self::Sqlite { what },
            },
            // A value that is not what the schema says.
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::QueryReturnedNoRows => Self::Damaged { what },
            _ => Self::Sqlite { what },
        }
    }
}
