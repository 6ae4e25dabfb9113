//! The contents of a job file, for all readers.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countermand_core::{GrandparentName, OperationName, ParentName, Timestamp, Verdict};
use rusqlite::{Connection, Row};

use super::checksum::Digest;
use super::codec::{self, find, name_at, query, time_at};
use super::descriptor::Descriptor;
use super::error::{JobError, JobErrorKind};
use super::head::Head;
use super::kind::Kind;
use super::lock_owner::LockOwner;
use super::note::{Missed, Note, Vanished};
use super::pages::Pages;
use super::schema::{BAD, DEVICES, ENTERPRISES, NOTES, OPERATIONS, RUNS, Table};
use super::settings::Settings;
use super::uptime::Uptime;
use crate::already_done::AlreadyDone;
use crate::counts::Counts;
use crate::job_row::JobRow;
use crate::lane::Lanes;
use crate::not_searched::NotSearched;
use crate::services::Services;
use crate::system::FileId;

/// A device that a rescue looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// Its name.
    pub name: ParentName,
    /// The time of its last report, if that is known.
    pub seen: Option<Timestamp>,
    /// The time at which all its operations had been listed.
    pub searched: Option<Timestamp>,
}

/// One run of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PastRun {
    /// The time of its begin.
    pub begun: Timestamp,
    /// The process.
    pub pid: u32,
    /// The machine.
    pub host: String,
    /// The machine's uptime then, where that is known.
    pub uptime: Option<Uptime>,
    /// The time of its end; `None` while it runs, or when it was killed.
    pub ended: Option<Timestamp>,
    /// The way in which it ended, in a few words.
    pub how: Option<String>,
}

/// The contents of a job file.
///
/// Of a [`Job`](super::Job) always the latest, of a [`View`](super::View) as it was when it was
/// opened. Reading fails only with the disk.
#[derive(Debug)]
pub struct Contents {
    // Before the descriptor: SQLite has to close the file first.
    pub(super) connection: Connection,
    pub(super) descriptor: Descriptor,
    pub(super) path: PathBuf,
    pub(super) head: Head,
    pub(super) settings: Settings,
    /// The services of its lanes.
    pub(super) services: Services,
}

impl Contents {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The identity of the file, whatever its name.
    pub(crate) const fn file(&self) -> &FileId {
        self.descriptor.file()
    }

    /// The settings of its runs.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The services of its lanes.
    #[must_use]
    pub const fn services(&self) -> &Services {
        &self.services
    }

    /// The time at which it was made.
    #[must_use]
    pub const fn created(&self) -> Timestamp {
        self.head.created
    }

    /// The digest of a plan; `None` for a rescue.
    #[must_use]
    pub const fn digest(&self) -> Option<Digest> {
        self.head.digest
    }

    /// The number of operations.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.head.counts.rows
    }

    /// The operations by how far they have come. The file keeps these counts: nothing is read.
    #[must_use]
    pub const fn counts(&self) -> &Counts {
        &self.head.counts
    }

    /// Devices of a rescue that are to be searched, and those of them that have been.
    pub(crate) const fn devices_searched(&self) -> (u64, u64) {
        (self.head.devices, self.head.searched)
    }

    /// The number of operations of each enterprise; of a rescue also those where nothing was found
    /// yet. The file keeps it.
    ///
    /// # Errors
    /// The disk's.
    pub fn enterprises(&self) -> Result<BTreeMap<GrandparentName, u64>, JobError> {
        let rescue = self.settings.kind == Kind::Rescue;
        let searched = self.settings.enterprises.iter().filter(|_| rescue);
        let mut all: BTreeMap<_, _> = searched.map(|name| (name.clone(), 0)).collect();
        for row in self.pages(&ENTERPRISES, |row, services| {
            Ok((name_at(row, 1, services)?, row.get(2)?))
        }) {
            let (name, operations) = row?;
            if rescue || operations > 0 {
                all.insert(name, operations);
            }
        }
        Ok(all)
    }

    /// The number of names that came again.
    #[must_use]
    pub const fn duplicates(&self) -> u64 {
        self.head.duplicates
    }

    /// Every operation, in order, a page at a time.
    ///
    /// # Errors
    /// The disk's; then there is no more.
    pub fn rows(&self) -> impl Iterator<Item = Result<JobRow, JobError>> + '_ {
        self.rows_from(i64::MIN)
    }

    /// Every operation behind this position, in order, a page at a time: for a caller that reads on.
    ///
    /// # Errors
    /// The disk's; then there is no more.
    pub fn rows_after(
        &self,
        position: u64,
    ) -> impl Iterator<Item = Result<JobRow, JobError>> + use<'_> {
        self.rows_from(i64::try_from(position).unwrap_or(i64::MAX))
    }

    fn rows_from(&self, after: i64) -> impl Iterator<Item = Result<JobRow, JobError>> + use<'_> {
        let rows = Pages::after(
            &self.connection,
            &self.path,
            &OPERATIONS,
            (codec::row, &self.services),
            after,
        );
        let completed = self.completed();
        rows.map(move |row| completed(row?))
    }

    /// Completes rows by the settings: the limit of a rescue, and the names of lanes.
    pub(crate) fn completed(&self) -> impl Fn(JobRow) -> Result<JobRow, JobError> + use<'_> {
        let settings = &self.settings;
        let lanes = (!settings.has_one_lane()).then(|| Lanes::new(&settings.lanes));
        let words = settings.lanes.iter().map(|lane| Arc::from(&*lane.name));
        let words: Vec<Arc<str>> = words.collect();
        let lane = move |row: &JobRow| match &lanes {
            None => Ok(None),
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(lanes)) => {
                let name = &row.target.name;
                let place = lanes.of(name)?;
                Ok(words.get(place).cloned())
            }
        };
        move |row| {
            let mut row = settings.limited(row);
            row.lane = lane(&row).map_err(|error| JobErrorKind::from(error).at(&self.path))?;
            Ok(row)
        }
    }

    /// The first rows of one of the verdicts whose rows are in an index: `Completed` and `Gone`.
    pub(crate) fn first_of(&self, verdict: Verdict, most: usize) -> Result<Vec<JobRow>, JobError> {
        let sql = format!(
            "SELECT * FROM operations INDEXED BY operations_by_verdict
             WHERE verdict = ?1 AND {BAD} ORDER BY position LIMIT {most}"
        );
        let rows = self.told(query(&self.connection, &sql, [verdict.as_str()], |row| {
            codec::row(row, &self.services)
        }))?;
        rows.into_iter().map(self.completed()).collect()
    }

    /// Every row of a table.
    fn pages<T>(
        &self,
        table: &'static Table,
        read: fn(&Row<'_>, &Services) -> Result<T, JobErrorKind>,
    ) -> Pages<'_, T> {
        Pages::after(
            &self.connection,
            &self.path,
            table,
            (read, &self.services),
            i64::MIN,
        )
    }

    /// An error of this file.
    pub(super) fn told<T>(&self, result: Result<T, JobErrorKind>) -> Result<T, JobError> {
        result.map_err(|error| error.at(&self.path))
    }

    /// Every device, in the order in which they were found.
    ///
    /// # Errors
    /// The disk's; then there is no more.
    pub fn devices(&self) -> impl Iterator<Item = Result<Device, JobError>> + '_ {
        self.pages(&DEVICES, |row, services| {
            Ok(Device {
                name: name_at(row, 1, services)?,
                seen: time_at(row, 2)?,
                searched: time_at(row, 3)?,
            })
        })
    }

    /// The devices that a rescue searches although it does not search their enterprises.
    ///
    /// # Errors
    /// The disk's, and a damaged file.
    pub fn named_devices(&self) -> Result<Vec<ParentName>, JobError> {
        let names = self.devices().map(|device| device.map(|it| it.name));
        let enterprises = &self.settings().enterprises;
        let is_named = |name: &ParentName| !enterprises.contains(&name.parent());
        names
            .filter(|name| name.as_ref().map_or(true, is_named))
            .collect()
    }

    /// The time at which all operations of a device had been listed.
    pub(crate) fn searched_at(&self, device: &str) -> Result<Option<Timestamp>, JobError> {
        let sql = "SELECT searched FROM devices WHERE name = ?1";
        let found = find(&self.connection, sql, [device], |row| Ok(time_at(row, 0)?));
        Ok(self.told(found)?.flatten())
    }

    /// Every note, oldest first.
    ///
    /// # Errors
    /// The disk's; then there is no more.
    pub fn notes(&self) -> impl Iterator<Item = Result<Note, JobError>> + '_ {
        self.pages(&NOTES, |row, _| {
            Ok(Note {
                at: Timestamp::from_unix_millis(row.get(1)?),
                kind: row.get(2)?,
                text: row.get(3)?,
            })
        })
    }

    /// The devices that vanished while they were searched, oldest first.
    ///
    /// # Errors
    /// The disk's.
    pub fn vanished(&self) -> Result<Vec<Vanished>, JobError> {
        let sql = "SELECT devices.name, devices.seen, min(notes.at)
                   FROM notes JOIN devices ON devices.name = notes.text
                   WHERE notes.kind = ?1 GROUP BY devices.name ORDER BY min(notes.id)";
        self.told(query(&self.connection, sql, [Note::VANISHED], |row| {
            Ok(Vanished {
                device: name_at(row, 0, &self.services)?,
                seen: time_at(row, 1)?,
                at: Timestamp::from_unix_millis(row.get(2)?),
            })
        }))
    }

    /// The operations that its searches have seen, that its filter takes, and that were done before.
    ///
    /// # Errors
    /// The disk's.
    pub fn already_done(&self) -> Result<AlreadyDone, JobError> {
        let mut done = AlreadyDone::default();
        for note in self.notes() {
            let note = note?;
            if note.kind == Note::ALREADY_DONE
                && let Ok(more) = serde_json::from_str(&note.text)
            {
                done.merge(more);
            }
        }
        Ok(done)
    }

    /// Patterns of the operations that the search did not see, because none of its lists has them.
    ///
    /// # Errors
    /// The disk's.
    pub fn not_searched(&self) -> Result<NotSearched, JobError> {
        for note in self.notes() {
            let note = note?;
            if note.kind == Note::NOT_SEARCHED {
                return Ok(NotSearched::read(&note.text));
            }
        }
        Ok(NotSearched::default())
    }

    /// The lists that could not be read to their end and were not searched in a later run, oldest
    /// first.
    ///
    /// # Errors
    /// The disk's.
    pub fn missed(&self) -> Result<Vec<Missed>, JobError> {
        let mut missed: Vec<Missed> = Vec::new();
        let (mut listed, mut places) = (HashMap::new(), HashMap::new());
        for note in self.notes() {
            let note = note?;
            if note.kind == Note::LISTED {
                listed.insert(note.text, note.at);
            } else if let Some(one) = Missed::of_note(&note) {
                // A list counts once, however many runs have missed it.
                let place = *places.entry(one.resource.clone()).or_insert(missed.len());
                match missed.get_mut(place) {
                    Some(before) => *before = one,
                    None => missed.push(one),
                }
            }
        }
        if missed.is_empty() {
            return Ok(missed);
        }
        let begun = self.runs().map(|run| Ok(run?.begun));
        let begun = begun.collect::<Result<Vec<_>, JobError>>()?;
        let mut open = Vec::new();
        for one in missed {
            let searched = match listed.get(&one.resource) {
                Some(at) => Some(*at),
                None => self.searched_at(&one.resource)?,
            };
            let again = begun.iter().find(|begun| **begun > one.at);
            if !matches!((searched, again), (Some(searched), Some(again)) if searched >= *again) {
                open.push(one);
            }
        }
        Ok(open)
    }

    /// Every run, oldest first.
    ///
    /// # Errors
    /// The disk's; then there is no more.
    pub fn runs(&self) -> impl Iterator<Item = Result<PastRun, JobError>> + '_ {
        self.pages(&RUNS, |row, _| {
            Ok(PastRun {
                begun: Timestamp::from_unix_millis(row.get(1)?),
                pid: row.get(2)?,
                host: row.get(3)?,
                uptime: match (row.get(4)?, row.get(5)?) {
                    (Some(boot), Some(millis)) => Some(Uptime { boot, millis }),
                    _ => None,
                },
                ended: time_at(row, 6)?,
                how: row.get(7)?,
            })
        })
    }

    /// One operation; `None` if the job does not have it.
    ///
    /// # Errors
    /// The disk's.
    pub fn row(&self, name: &OperationName) -> Result<Option<JobRow>, JobError> {
        let row = self.told(find_operation(
            &self.connection,
            (&self.settings, &self.services),
            name,
        ))?;
        row.map(|(row, _)| self.completed()(row)).transpose()
    }

    /// True while a process applies the job, as far as the file's lock tells.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        self.descriptor.is_locked()
    }

    /// The process that has the file open for applying, or had it when it was killed.
    ///
    /// # Errors
    /// The disk's.
    pub fn holder(&self) -> Result<Option<LockOwner>, JobError> {
        self.told(holder(&self.connection))
    }
}

/// An operation and the checksum of its row.
pub(super) fn find_operation(
    connection: &Connection,
    (settings, services): (&Settings, &Services),
    name: &OperationName,
) -> Result<Option<(JobRow, i64)>, JobErrorKind> {
    let sql = "SELECT * FROM operations WHERE name = ?1";
    find(connection, sql, [name.as_str()], |row| {
        let checksum = row.get(OPERATIONS.columns.len())?;
        Ok((settings.limited(codec::row(row, services)?), checksum))
    })
}

/// The process that the file names. It has locked the file a little before its run begins, which then is
/// the time that everything tells.
pub(super) fn holder(connection: &Connection) -> Result<Option<LockOwner>, JobErrorKind> {
    let sql = "SELECT pid, host, max(since, ifnull((SELECT max(begun) FROM runs
        WHERE runs.pid = holder.pid AND ended IS NULL), since)) FROM holder";
    find(connection, sql, [], |row| {
        Ok(LockOwner {
            pid: row.get(0)?,
            host: row.get(1)?,
            since: Timestamp::from_unix_millis(row.get(2)?),
        })
    })
}
