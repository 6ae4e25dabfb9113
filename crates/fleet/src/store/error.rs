//! Errors of a job file, and of its use.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use countermand_core::OperationName;

use super::kind::Kind;
use super::lock_owner::LockOwner;
use super::schema::VERSION;
use crate::lane::LaneError;
use crate::spelling::SameProject;

/// An error of a job file. Nothing was sent because of it, and a change that failed is
/// not there in part.
#[derive(thiserror::Error)]
#[error("{}", countermand_core::text::path_problem("job file", path, kind))]
pub struct JobError {
    path: PathBuf,
    #[source]
    kind: JobErrorKind,
}

/// The kind of an error of a job file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobErrorKind {
    /// There is a file of this name already; it was left alone.
    #[error("a file of this name exists already")]
    Exists,
    /// It is not a job file.
    #[error("not a job file")]
    NotAJob,
    /// Another version of this program made it, with tables that this one does not know.
    #[error(
        "made by {} version of countermand (schema {version}, this one reads {VERSION})",
        if *version < VERSION { "an earlier" } else { "a later" }
    )]
    OtherVersion {
        /// The version of its schema.
        version: i64,
    },
    /// Bytes were lost or changed.
    #[error("damaged: {what}")]
    Damaged {
        /// The place where it shows.
        what: String,
    },
    /// Another program changed it.
    #[error("edited by another program: {what}")]
    Edited {
        /// The change.
        what: String,
    },
    /// It is a job of another kind than the one that was expected.
    #[error("it is a {kind}, and not the file of names that come while they are cancelled")]
    OtherKind {
        /// Its kind.
        kind: Kind,
    },
    /// The plan was not finished: the program that wrote it was stopped.
    #[error("the plan was never finished; delete the file and plan again")]
    Incomplete,
    /// A plan without an operation.
    #[error("there is nothing to plan{}", why.iter().map(|why| format!("; {why}")).collect::<String>())]
    Nothing {
        /// Clauses about the operations that were seen and left out, and the lists that could not be read,
        /// and those that the search does not read.
        why: Vec<String>,
    },
    /// Two operations of a plan that may be one.
    #[error(transparent)]
    SameProject(#[from] SameProject),
    /// A mistake in its lanes, or an operation that they do not place.
    #[error("{0}; nothing was sent")]
    Lane(#[from] LaneError),
    /// A plan that is to be split has no lanes.
    #[error("the job has one lane without a name: a profile names lanes (--profile FILE)")]
    NoLanes,
    /// A file that is given twice, perhaps under two names.
    #[error("this file is given twice: its operations would be counted twice")]
    Twice,
    /// It is for a service that this process does not know, or knows by another description.
    #[error("{what}; nothing was sent")]
    Service {
        /// The service, and the reason.
        what: String,
    },
    /// An operation of another service than those of the job.
    #[error("{name} is of the service {}, and the job is for {job}", name.service().id)]
    OtherService {
        /// Its name.
        name: OperationName,
        /// The ids of the job's services.
        job: String,
    },
    /// It is for another server than the client: a token that is meant for one must not go to the other.
    #[error("it is for {job}, and the client for {client}; nothing was sent")]
    OtherEndpoint {
        /// The endpoint of the job.
        job: String,
        /// The endpoint of the client.
        client: String,
    },
    /// Another process is using it.
    #[error("in use by {}", holder.as_ref().map_or("another process".to_owned(), LockOwner::to_string))]
    Locked {
        /// The process, if the file could be asked.
        holder: Option<LockOwner>,
    },
    /// The plan is finished, or the job is of a kind that takes operations in another way.
    #[error("what it is about cannot be changed any more")]
    Frozen,
    /// A record about an operation that the job does not have.
    #[error("{name} is not in this job")]
    Unknown {
        /// Its name.
        name: OperationName,
    },
    /// It could not be opened.
    #[error(transparent)]
    Io(io::Error),
    /// It could not be written or read: the disk is full, read-only, broken, or a program keeps
    /// the file busy. The same change may be tried again.
    #[error("cannot be written or read: {what}")]
    Disk {
        /// The words of the system.
        what: String,
    },
    /// SQLite refused for another reason.
    #[error("{what}")]
    Sqlite {
        /// The words of SQLite.
        what: String,
    },
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobError")
            .field("path", &countermand_core::text::shown_path(&self.path))
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

    /// True if nothing of the file can be relied on, or it is not there: what was in it is lost.
    pub(crate) fn is_lost(&self) -> bool {
        match &self.kind {
            JobErrorKind::Damaged { .. } | JobErrorKind::Edited { .. } => true,
            // The process that made it was stopped at once.
            JobErrorKind::NotAJob => {
                std::fs::metadata(&self.path).is_ok_and(|file| file.len() == 0)
            }
            JobErrorKind::Io(error) => error.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }

    /// Kind of the error.
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
