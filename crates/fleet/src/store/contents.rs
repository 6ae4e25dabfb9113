//! What stands in a job file, for everybody who reads it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use countermand_core::{Call, OperationName, Timestamp, parse_duration};
use countermand_scheduler::{PastCall, Window};
use rusqlite::Connection;

use super::checksum::Digest;
use super::codec;
use super::descriptor::Descriptor;
use super::entries::{Counts, Device, Missed, Note, Run, Spending, Uptime, Vanished};
use super::error::{JobError, JobErrorKind, LockOwner};
use super::pages::Pages;
use super::schema::{DEVICES, NOTES, OPERATIONS, RUNS};
use super::settings::Settings;
use super::transaction::Head;
use crate::job_row::JobRow;

/// What stands in a job file.
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
}

impl Contents {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it is to be run.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// When it was created.
    #[must_use]
    pub const fn created(&self) -> Timestamp {
        self.head.created
    }

    /// The digest of a plan; `None` for a rescue.
    #[must_use]
    pub const fn digest(&self) -> Option<Digest> {
        self.head.digest
    }

    /// How many operations there are.
    #[must_use]
    pub const fn operations(&self) -> u64 {
        self.head.operations
    }

    /// How often a name came that was there.
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

    /// Every operation behind this position, in order, a page at a time: for who reads on.
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
        let rows = Pages::after(self, &OPERATIONS, codec::row, after);
        rows.map(|row| Ok(self.limited(row?)))
    }

    /// The row, with what the limit of a rescue says of it.
    pub(crate) fn limited(&self, mut row: JobRow) -> JobRow {
        row.beyond_max = row.position > self.settings().most();
        row
    }

    /// Every device, in the order in which they were found.
    ///
    /// # Errors
    /// The disk's; then there is no more.
    pub fn devices(&self) -> impl Iterator<Item = Result<Device, JobError>> + '_ {
        Pages::new(self, &DEVICES, |row| {
            let name = row
                .get_ref(1)?
                .as_str()
                .ok()
                .and_then(|name| name.parse().ok());
            Ok(Device {
                name: name.ok_or_else(|| JobErrorKind::damaged("table devices, column name"))?,
                seen: time(row, 2)?,
                searched: time(row, 3)?,
            })
        })
    }

    /// Every note, oldest first.
    ///
    /// # Errors
    /// The disk's; then there is no more.
    pub fn notes(&self) -> impl Iterator<Item = Result<Note, JobError>> + '_ {
        Pages::new(self, &NOTES, |row| {
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
        self.gone().map_err(|error| error.at(&self.path))
    }

    fn gone(&self) -> Result<Vec<Vanished>, JobErrorKind> {
        let sql = "SELECT devices.name, devices.seen, min(notes.at)
                   FROM notes JOIN devices ON devices.name = notes.text
                   WHERE notes.kind = ?1 GROUP BY devices.name ORDER BY min(notes.id)";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([Note::VANISHED])?;
        let mut vanished = Vec::new();
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?.as_str().ok();
            let name = name.and_then(|name| name.parse().ok());
            vanished.push(Vanished {
                device: name.ok_or_else(|| JobErrorKind::damaged("table devices, column name"))?,
                seen: time(row, 1)?,
                at: Timestamp::from_unix_millis(row.get(2)?),
            });
        }
        Ok(vanished)
    }

    /// The lists that could not be read to their end and were not searched in a later run, oldest
    /// first.
    ///
    /// # Errors
    /// The disk's.
    pub fn missed(&self) -> Result<Vec<Missed>, JobError> {
        let mut missed = Vec::new();
        let mut listed = HashMap::new();
        for note in self.notes() {
            let note = note?;
            if note.kind == Note::LISTED {
                listed.insert(note.text, note.at);
            } else if let Some(one) = Missed::of_note(&note) {
                missed.push(one);
            }
        }
        if missed.is_empty() {
            return Ok(missed);
        }
        let begun = self.runs().map(|run| Ok(run?.begun));
        let begun = begun.collect::<Result<Vec<_>, JobError>>()?;
        let names: HashSet<_> = missed.iter().map(|one| one.resource.clone()).collect();
        for device in self.devices() {
            let device = device?;
            if let Some(at) = device.searched
                && names.contains(device.name.as_str())
            {
                listed.insert(device.name.to_string(), at);
            }
        }
        missed.retain(|one| {
            let searched = listed.get(&one.resource);
            let again = begun.iter().find(|begun| **begun > one.at);
            !matches!((searched, again), (Some(searched), Some(again)) if searched >= again)
        });
        Ok(missed)
    }

    /// Every run, oldest first.
    ///
    /// # Errors
    /// The disk's; then there is no more.
    pub fn runs(&self) -> impl Iterator<Item = Result<Run, JobError>> + '_ {
        Pages::new(self, &RUNS, |row| {
            Ok(Run {
                begun: Timestamp::from_unix_millis(row.get(1)?),
                pid: row.get(2)?,
                host: row.get(3)?,
                uptime: match (row.get(4)?, row.get(5)?) {
                    (Some(boot), Some(millis)) => Some(Uptime { boot, millis }),
                    _ => None,
                },
                ended: time(row, 6)?,
                how: row.get(7)?,
            })
        })
    }

    /// One operation; `None` if the job does not have it.
    ///
    /// # Errors
    /// The disk's.
    pub fn row(&self, name: &OperationName) -> Result<Option<JobRow>, JobError> {
        let row = find_operation(&self.connection, name);
        let row = row.map_err(|error| error.at(&self.path))?;
        Ok(row.map(|(row, _)| self.limited(row)))
    }

    /// How many operations have come how far. Reads all of them: a second for a million.
    ///
    /// # Errors
    /// The disk's.
    pub fn counts(&self) -> Result<Counts, JobError> {
        self.count().map_err(|error| error.at(&self.path))
    }

    fn count(&self) -> Result<Counts, JobErrorKind> {
        let mut counts = Counts {
            operations: self.head.operations,
            duplicates: self.head.duplicates,
            ..Counts::default()
        };
        let sql = "SELECT phase, verdict, iif(verdict IS NULL, error ->> '$.kind', NULL),
                     found, count(*), sum(attempts), count(cancel_sent_at),
                     sum(phase = 'maybe_sent' AND cancel_sent_at IS NULL)
                   FROM operations GROUP BY 1, 2, 3, found IS NULL";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut groups = statement.query([])?;
        while let Some(group) = groups.next()? {
            let number: u64 = group.get(4)?;
            counts.attempts += group.get::<_, u64>(5)?;
            counts.cancels_sent += group.get::<_, u64>(6)?;
            counts.cancels_maybe_sent += group.get::<_, u64>(7)?;
            match group.get_ref(0)?.as_str() {
                Ok("unsent") => counts.unsent += number,
                Ok("maybe_sent") => counts.maybe_sent += number,
                _ => counts.accepted += number,
            }
            let verdict = group.get::<_, Option<String>>(1)?;
            if let Some(verdict) = verdict.as_deref().and_then(codec::verdict) {
                *counts.verdicts.entry(verdict).or_default() += number;
            } else if group.get::<_, Option<i64>>(3)?.is_some() {
                let kind = group.get::<_, Option<String>>(2)?.unwrap_or_default();
                *counts.errors.entry(kind).or_default() += number;
            }
        }
        Ok(counts)
    }

    /// What has been spent of the quota, as of `now`, when the machine has been up for `uptime`: by
    /// that the last run's calls, or those of the search before the first, are as old as they are, however
    /// the clock was set since.
    ///
    /// # Errors
    /// The disk's.
    pub fn spent(&self, now: Timestamp, uptime: Option<&Uptime>) -> Result<Spending, JobError> {
        let mut now = now;
        if let (Some((at, then)), Some(uptime)) = (self.last_uptime()?, uptime)
            && let Some(since) = uptime.since(&then)
        {
            let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
            now = Timestamp::from_unix_millis(at.unix_millis().saturating_add(millis));
        }
        self.spending(now).map_err(|error| error.at(&self.path))
    }

    /// The machine's uptime at the last time of which the file has it: the begin of the last run, or
    /// the end of the search before the first.
    fn last_uptime(&self) -> Result<Option<(Timestamp, Uptime)>, JobError> {
        if let Some(run) = self.runs().last().transpose()? {
            return Ok(run.uptime.map(|uptime| (run.begun, uptime)));
        }
        let mut last = None;
        for note in self.notes() {
            let note = note?;
            last = Uptime::of_note(&note)
                .map(|uptime| (note.at, uptime))
                .or(last);
        }
        Ok(last)
    }

    fn spending(&self, now: Timestamp) -> Result<Spending, JobErrorKind> {
        let mut spending = Spending::default();
        let sql = "SELECT at, call, resource FROM sends ORDER BY id";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let age = now.since(Timestamp::from_unix_millis(row.get(0)?));
            let word = row.get_ref(1)?.as_str().ok();
            let call = Call::ALL
                .into_iter()
                .find(|call| Some(call.as_str()) == word);
            let call = call.ok_or_else(|| JobErrorKind::damaged("table sends, column call"))?;
            let resource = row.get::<_, String>(2)?;
            spending.calls.push(PastCall::new(age, call, resource));
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT span, calls FROM limits")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let span = parse_duration(&row.get::<_, String>(0)?);
            let span = span.ok_or_else(|| JobErrorKind::damaged("table limits, column span"))?;
            spending.lowered.push(Window::new(row.get(1)?, span));
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT at, until FROM hold")?;
        let mut rows = statement.query([])?;
        if let Some(row) = rows.next()? {
            let at = Timestamp::from_unix_millis(row.get(0)?);
            let until = Timestamp::from_unix_millis(row.get(1)?);
            // A clock that was set back does not make the wait longer than it was.
            let left = until.since(now).min(until.since(at));
            spending.held = Some(left).filter(|left| !left.is_zero());
        }
        Ok(spending)
    }

    /// Whether a process applies the job right now, as far as the file's lock tells.
    #[must_use]
    pub fn is_applied(&self) -> bool {
        self.descriptor.is_locked()
    }

    /// The process that has the file open for applying, or had it when it was killed.
    ///
    /// # Errors
    /// The disk's.
    pub fn holder(&self) -> Result<Option<LockOwner>, JobError> {
        holder(&self.connection).map_err(|error| error.at(&self.path))
    }
}

fn time(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row
        .get::<_, Option<i64>>(at)?
        .map(Timestamp::from_unix_millis))
}

/// An operation and the checksum of its row.
pub(super) fn find_operation(
    connection: &Connection,
    name: &OperationName,
) -> Result<Option<(JobRow, i64)>, JobErrorKind> {
    let mut statement = connection.prepare_cached("SELECT * FROM operations WHERE name = ?1")?;
    let mut rows = statement.query([name.as_str()])?;
    match rows.next()? {
        Some(row) => Ok(Some((codec::row(row)?, row.get(OPERATIONS.columns.len())?))),
        None => Ok(None),
    }
}

pub(super) fn holder(connection: &Connection) -> Result<Option<LockOwner>, JobErrorKind> {
    let mut statement = connection.prepare("SELECT pid, host, since FROM holder")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some(LockOwner {
        pid: row.get(0)?,
        host: row.get(1)?,
        since: Timestamp::from_unix_millis(row.get(2)?),
    }))
}
