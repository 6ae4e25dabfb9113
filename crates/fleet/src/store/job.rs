//! A job file that this process may change, and no other.

use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use countermand_core::Timestamp;

use super::checksum::{self, Digest};
use super::contents::Contents;
use super::error::{JobError, JobErrorKind};
use super::kind::Kind;
use super::lock_owner::LockOwner;
use super::opening::{self, Names};
use super::record::Record;
use super::settings::Settings;
use super::transaction::{Transaction, transact};
use super::{beside, check, connection, descriptor, schema};
use crate::job_row::Target;

/// The shortest time between two looks for a file under its name.
const LOOK: Duration = Duration::from_secs(1);
/// Operations that are added in one transaction.
const BATCH: usize = 50_000;

/// A job file that this process may change, and no other.
///
/// Reading is that of [`Contents`]. Dropping it closes the file; [`close`](Self::close) tells
/// whether that went well.
///
/// ```
/// use countermand_fleet::store::{JobErrorKind, Kind};
/// use countermand_fleet::{Job, Settings, Target, now};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("wipes.job");
///
/// let mut job = Job::create(&path, &Settings::new(Kind::Plan), now())?;
/// job.add([Target::new("enterprises/LC01/devices/3f/operations/17".parse()?)])?;
/// let digest = job.freeze()?;
/// job.close()?;
///
/// let job = Job::open(&path, now())?; // all of it is checked
/// assert_eq!((job.operations(), job.digest()), (1, Some(digest)));
/// let second = Job::open(&path, now()).unwrap_err();
/// assert!(matches!(second.kind(), JobErrorKind::Locked { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Job {
    contents: Contents,
    me: LockOwner,
    /// The names that a plan has, as fingerprints, until it is frozen.
    names: Option<Names>,
    /// The time at which the file was last seen under its name.
    looked: Instant,
    /// The file says that this process has it.
    held: bool,
}

/// Releases the file after a refusal or a stop; the rest of it is as after a crash.
impl Drop for Job {
    fn drop(&mut self) {
        // A forked child has only a copy of it.
        if self.held && self.me.pid == std::process::id() {
            // No caller is left to tell, and the lock says which process has it.
            let _ = self.release();
        }
    }
}

/// Numbers of operations that were taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Added {
    /// New ones.
    pub added: u64,
    /// Those whose name was there.
    pub duplicates: u64,
}

impl Job {
    /// Makes a new job file, which only its owner may read, and locks it.
    ///
    /// # Errors
    /// A file that exists is left alone. Otherwise there is none after an error.
    pub fn create(
        path: impl AsRef<Path>,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Self, JobError> {
        let path = path.as_ref();
        let create = || {
            let (contents, names) = opening::create(path, settings, now)?;
            let new = opening::NewFile::of(path, &contents.descriptor);
            let job = Self::held(contents, names, now)?;
            new.keep();
            Ok::<_, JobErrorKind>(job)
        };
        create().map_err(|error| error.at(path))
    }

    /// Checks that [`create`](Self::create) could make a file at this path, and makes none: for a
    /// caller with much to do before.
    ///
    /// # Errors
    /// Something stands there or beside it, or the folder takes no file.
    pub fn may_be_made(path: impl AsRef<Path>) -> Result<(), JobError> {
        let path = path.as_ref();
        opening::may_be_made(path).map_err(|error| error.at(path))
    }

    /// Moves a file that cannot be used aside, with those that SQLite keeps beside it: under the same name with the time
    /// behind it.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn set_aside(path: &Path, now: Timestamp) -> Result<(), JobError> {
        let time = now.to_string().replace(['-', ':', '.'], "");
        // The file itself comes last: until then it is as it was.
        for ending in beside::ENDINGS.into_iter().chain([""]) {
            let from = beside::beside(path, ending);
            let to = beside::beside(path, &format!(".{time}{ending}"));
            match std::fs::rename(from, to) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(JobErrorKind::from(error).at(path));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes a new job file as [`create`](Self::create) does, and fills it: after an error of `fill`
    /// there is no file either, so that none is in the way of the next attempt.
    ///
    /// # Errors
    /// As of [`create`](Self::create), and those of `fill`.
    pub fn create_with<T>(
        path: impl AsRef<Path>,
        settings: &Settings,
        now: Timestamp,
        fill: impl FnOnce(&mut Self) -> Result<T, JobError>,
    ) -> Result<(Self, T), JobError> {
        let path = path.as_ref();
        let mut job = Self::create(path, settings, now)?;
        let new = opening::NewFile::of(path, &job.contents.descriptor);
        match fill(&mut job) {
            Ok(filled) => {
                new.keep();
                Ok((job, filled))
            }
            Err(error) => {
                // SQLite has to close it before it is removed.
                drop(job);
                drop(new);
                Err(error)
            }
        }
    }

    /// Opens and locks a job file, takes up what a killed process left, and verifies all of it:
    /// the structure, the checksum of every row, their number, the digest of the plan.
    ///
    /// # Errors
    /// [`Locked`](JobErrorKind::Locked) names the process that has it.
    /// [`Edited`](JobErrorKind::Edited) is a change by another program,
    /// [`Damaged`](JobErrorKind::Damaged) lost or changed bytes.
    pub fn open(path: impl AsRef<Path>, now: Timestamp) -> Result<Self, JobError> {
        let path = path.as_ref();
        let open = || Self::held(opening::open(path)?, None, now);
        open().map_err(|error| error.on_opening().at(path))
    }

    /// Says in the file that this process has it.
    fn held(
        mut contents: Contents,
        names: Option<Names>,
        now: Timestamp,
    ) -> Result<Self, JobErrorKind> {
        let me = LockOwner::this(now);
        transact(&mut contents, |transaction| {
            transaction.upsert(&schema::HOLDER, &me.values())
        })?;
        Ok(Self {
            contents,
            me,
            names,
            looked: Instant::now(),
            held: true,
        })
    }

    /// Takes operations in, in order, as long as the plan is not frozen. A name that is there is
    /// counted and otherwise ignored.
    ///
    /// # Errors
    /// [`Frozen`](JobErrorKind::Frozen), or the disk's: then the plan can no longer be completed.
    pub fn add(&mut self, targets: impl IntoIterator<Item = Target>) -> Result<Added, JobError> {
        if self.digest().is_some() {
            return Err(JobErrorKind::Frozen.at(self.path()));
        }
        let mut names = self.names.take();
        if names.is_none() && self.settings().kind == Kind::Plan {
            return Err(JobErrorKind::Incomplete.at(self.path()));
        }
        let before = (self.operations(), self.duplicates());
        let mut targets = targets.into_iter().peekable();
        while targets.peek().is_some() {
            let batch = targets.by_ref().take(BATCH);
            self.change(|transaction| {
                for target in batch {
                    let new = names.as_mut().is_none_or(|names| {
                        names.insert(checksum::fingerprint(target.name.as_str()))
                    });
                    match new {
                        true => transaction.add(target)?,
                        false => transaction.head.duplicates += 1,
                    }
                }
                Ok(())
            })?;
        }
        // After an error they are more than the file has, and stay away.
        self.names = names;
        Ok(Added {
            added: self.operations() - before.0,
            duplicates: self.duplicates() - before.1,
        })
    }

    /// Ends the plan: from now on its operations cannot change, and what they are can be told by
    /// the digest. Freezing again gives the same.
    ///
    /// # Errors
    /// [`Frozen`](JobErrorKind::Frozen) for a rescue, which never is;
    /// [`Incomplete`](JobErrorKind::Incomplete) after an error of [`add`](Self::add); the disk's.
    pub fn freeze(&mut self) -> Result<Digest, JobError> {
        self.freeze_with(&[])
    }

    /// Ends the plan as [`freeze`](Self::freeze) does, and writes what is known besides: what was
    /// spent to make it, what is proven already, what could not be searched. In one transaction, so
    /// that no plan is complete without it.
    ///
    /// # Errors
    /// As of [`freeze`](Self::freeze) and of [`record`](Self::record); then the plan is not
    /// complete.
    pub fn freeze_with(&mut self, known: &[Record]) -> Result<Digest, JobError> {
        match (self.digest(), self.settings().kind, &self.names) {
            (Some(digest), ..) => return self.record(known).map(|()| digest),
            (None, Kind::Rescue | Kind::Feed, _) => {
                return Err(JobErrorKind::Frozen.at(self.path()));
            }
            (None, Kind::Plan, None) => return Err(JobErrorKind::Incomplete.at(self.path())),
            (None, Kind::Plan, Some(_)) => {}
        }
        let me = self.me.clone();
        let digest = self.change(|transaction| {
            transaction.connection.execute_batch(schema::NAMES)?;
            let cookie = "schema_version";
            transaction.head.cookie =
                transaction
                    .connection
                    .pragma_query_value(None, cookie, |row| row.get(0))?;
            let digest = check::plan_digest(transaction.connection, &transaction.head.settings)?;
            for record in known {
                if matches!(record, Record::Found(_)) {
                    return Err(JobErrorKind::Frozen);
                }
                transaction.record(record, &me)?;
            }
            Ok(*transaction.head.digest.insert(digest))
        })?;
        self.names = None;
        let folded = connection::checkpoint(&self.contents.connection);
        folded.map_err(|error| error.at(self.path()))?;
        Ok(digest)
    }

    /// Writes records in one transaction, in order: all of them are on the disk when it returns,
    /// or none is there.
    ///
    /// # Errors
    /// [`Disk`](JobErrorKind::Disk): the same records may be tried again.
    /// [`Unknown`](JobErrorKind::Unknown): a record is about an operation that the job does not
    /// have. [`Incomplete`](JobErrorKind::Incomplete): the plan is not frozen yet, and
    /// [`Frozen`](JobErrorKind::Frozen): it is, and an operation was found.
    pub fn record(&mut self, records: &[Record]) -> Result<(), JobError> {
        let planned = self.settings().kind == Kind::Plan;
        let me = self.me.clone();
        let ends = matches!(records.last(), Some(Record::Ended { .. }));
        self.in_place(ends)?;
        self.change(|transaction| {
            if planned && transaction.head.digest.is_none() {
                return Err(JobErrorKind::Incomplete);
            }
            for record in records {
                if planned && matches!(record, Record::Found(_)) {
                    return Err(JobErrorKind::Frozen);
                }
                transaction.record(record, &me)?;
            }
            Ok(())
        })
    }

    /// Fails unless the file still stands under its name, looked at once a second at most unless `now`:
    /// what is written to one that was deleted is lost without any error.
    pub(crate) fn in_place(&mut self, now: bool) -> Result<(), JobError> {
        if !now && self.looked.elapsed() < LOOK {
            return Ok(());
        }
        let Contents {
            descriptor, path, ..
        } = &self.contents;
        match descriptor::is_at(descriptor.file(), path) {
            Ok(true) => {
                self.looked = Instant::now();
                Ok(())
            }
            Ok(false) => {
                let what = "it was moved, replaced or deleted while it was in use";
                let what = what.to_owned();
                Err(JobErrorKind::Disk { what }.at(path))
            }
            Err(error) => Err(JobErrorKind::from(error).at(path)),
        }
    }

    /// Closes the file: then everything stands in it, and nothing beside it.
    ///
    /// # Errors
    /// The disk's. What was recorded is safe all the same, but part of it may stand in the file
    /// beside it whose name ends in `-wal`.
    pub fn close(mut self) -> Result<(), JobError> {
        self.release()?;
        let folded = connection::checkpoint(&self.contents.connection);
        folded.map_err(|error| error.at(self.path()))
    }

    /// Says in the file that no process has it any more.
    fn release(&mut self) -> Result<(), JobError> {
        self.held = false;
        self.change(|transaction| transaction.clear(&schema::HOLDER))
    }

    /// Lets the file grow to so many pages of 4 KiB at most, or as far as the disk allows: for
    /// tests of a full disk.
    ///
    /// # Errors
    /// The disk's.
    #[doc(hidden)]
    pub fn limit_pages(&mut self, pages: Option<u32>) -> Result<(), JobError> {
        let limit = pages.map_or(i64::from(u32::MAX - 1), i64::from);
        let set =
            self.contents
                .connection
                .pragma_update_and_check(None, "max_page_count", limit, |_| Ok(()));
        set.map_err(|error| JobErrorKind::from(error).at(self.path()))
    }

    fn change<T>(
        &mut self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, JobErrorKind>,
    ) -> Result<T, JobError> {
        let done = transact(&mut self.contents, work);
        done.map_err(|error| error.at(self.path()))
    }
}

impl Deref for Job {
    type Target = Contents;

    fn deref(&self) -> &Contents {
        &self.contents
    }
}
