//! Writing records into a job file.

use std::time::Duration;

use countermand_core::{Call, OperationName, ParentName, Timestamp, format_duration};
use rusqlite::types::Value;

use super::codec::{self, time};
use super::contents::find_operation;
use super::entries::{Note, Vanished};
use super::error::{JobErrorKind, LockOwner};
use super::record::Record;
use super::schema::{DEVICES, HOLD, LIMITS, NOTES, OPERATIONS, RUNS, SENDS};
use super::transaction::Transaction;
use crate::job_row::{FoundOperation, OperationProgress, Resolution};

/// For how long the quota log is kept: longer than any window that is in use.
const KEPT: Duration = Duration::from_secs(3600);

/// A call may leave so long after its intent was recorded without being recorded anew: who goes on
/// after a crash reckons with it.
pub(crate) const LEAVING: Duration = Duration::from_secs(1);

impl Transaction<'_> {
    /// Writes one record; `me` is who runs the job.
    pub(super) fn record(&mut self, record: &Record, me: &LockOwner) -> Result<(), JobErrorKind> {
        match record {
            Record::Begun { at, uptime } => {
                let id = self.next_key(&RUNS)?.into();
                let (pid, host) = (me.pid.into(), me.host.clone().into());
                let begun = at.unix_millis().into();
                let boot = uptime.as_ref().map(|uptime| uptime.boot.clone()).into();
                let up = uptime.as_ref().map(|uptime| uptime.millis).into();
                let run = [id, begun, pid, host, boot, up, Value::Null, Value::Null];
                self.insert(&RUNS, &run).map(|_| ())
            }
            Record::SearchEnded { at, uptime } => {
                self.note(*at, Note::SEARCH_ENDED, &uptime.to_json())
            }
            Record::Ended { at, how } => self.ended(*at, how),
            Record::Found(item) => self.add(item),
            Record::Device { name, seen } => self.device(name, *seen, None),
            Record::Searched { device, at } => self.device(device, None, Some(*at)),
            Record::Listed { enterprise, at } => self.note(*at, Note::LISTED, enterprise.as_str()),
            Record::Vanished(Vanished { device, seen, at }) => {
                self.device(device, *seen, Some(*at))?;
                self.note(*at, Note::VANISHED, device.as_str())
            }
            Record::Missed(missed) => self.note(missed.at, Note::MISSED, &missed.to_json()),
            Record::Sending {
                operation,
                resource,
                call,
                at,
            } => {
                self.record_call(resource, *call, *at)?;
                self.apply(operation.as_ref(), record)
            }
            Record::Sent {
                operation,
                resource,
                call,
                at,
                sending,
            } => {
                self.sent(resource, *call, *at, *sending)?;
                self.apply(operation.as_ref(), record)
            }
            Record::NotSent {
                operation,
                resource,
                call,
                sending,
                ..
            } => {
                if let Some(id) = self.find_send(resource, *call, *sending)? {
                    self.delete(&SENDS, "id = ?1", [id])?;
                }
                self.apply(operation.as_ref(), record)
            }
            Record::Refused { name } | Record::Accepted { name, .. } => {
                self.apply(Some(name), record)
            }
            Record::Finished { name, resolution } => self.finished(name, resolution, record),
            Record::Held { at, until, limit } => {
                let limit = limit.and_then(|limit| i64::try_from(limit).ok());
                let (at, until) = (at.unix_millis(), until.unix_millis());
                self.upsert(&HOLD, &[1.into(), at.into(), until.into(), limit.into()])
            }
            Record::Lowered { limit, span } => self.lowered(*limit, *span),
            Record::Note { at, kind, text } => self.note(*at, kind, text),
        }
    }

    /// Adds an operation at the end, or counts it if its name is there.
    pub(super) fn add(&mut self, item: &FoundOperation) -> Result<(), JobErrorKind> {
        let position = self.head.operations + 1;
        let values = codec::values(position, item, &OperationProgress::default());
        match self.insert(&OPERATIONS, &values)? {
            true => self.head.operations = position,
            false => self.head.duplicates += 1,
        }
        Ok(())
    }

    /// Changes an operation's row, which is written when the transaction ends: once, however many
    /// records are about it.
    fn change(
        &mut self,
        name: &OperationName,
        change: impl FnOnce(&mut OperationProgress),
    ) -> Result<(), JobErrorKind> {
        if !self.rows.contains_key(name) {
            let row = find_operation(self.connection, name)?;
            let row = row.ok_or_else(|| JobErrorKind::Unknown { name: name.clone() })?;
            self.rows.insert(name.clone(), row);
        }
        if let Some((row, _)) = self.rows.get_mut(name) {
            change(&mut row.progress);
        }
        Ok(())
    }

    /// Writes the rows that were changed.
    pub(super) fn write_rows(&mut self) -> Result<(), JobErrorKind> {
        for (row, sum) in std::mem::take(&mut self.rows).into_values() {
            let values = codec::values(row.position, &row.item, &row.progress);
            self.update(&OPERATIONS, sum, &values)?;
        }
        Ok(())
    }

    /// Takes a call into the log of the quota that has left.
    fn sent(
        &mut self,
        resource: &str,
        call: Call,
        at: Timestamp,
        sending: Option<Timestamp>,
    ) -> Result<(), JobErrorKind> {
        match sending {
            None => self.record_call(resource, call, at),
            // What left at once stands there already.
            Some(sending) if at.since(sending) <= LEAVING => Ok(()),
            Some(sending) => {
                if let Some(id) = self.find_send(resource, call, sending)? {
                    self.delete(&SENDS, "id = ?1", [id])?;
                }
                self.record_call(resource, call, at)
            }
        }
    }

    /// Changes the row of a record's operation, if it is about one.
    fn apply(&mut self, name: Option<&OperationName>, record: &Record) -> Result<(), JobErrorKind> {
        match name {
            Some(name) => self.change(name, |progress| record.apply(progress)),
            None => Ok(()),
        }
    }

    /// Adds a call to the log of the quota, which keeps no longer than any window.
    fn record_call(
        &mut self,
        resource: &str,
        call: Call,
        at: Timestamp,
    ) -> Result<(), JobErrorKind> {
        let id = self.next_key(&SENDS)?;
        let (word, resource) = (call.as_str().to_owned(), resource.to_owned());
        let send = [
            id.into(),
            at.unix_millis().into(),
            word.into(),
            resource.into(),
        ];
        self.insert(&SENDS, &send)?;
        let kept = i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX);
        self.prune(Timestamp::from_unix_millis(
            at.unix_millis().saturating_sub(kept),
        ))
    }

    /// The key of a call in the log of the quota.
    fn find_send(
        &self,
        resource: &str,
        call: Call,
        at: Timestamp,
    ) -> Result<Option<i64>, JobErrorKind> {
        let sql = "SELECT id FROM sends
                   WHERE at = ?1 AND call = ?2 AND resource = ?3 ORDER BY id DESC LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query((at.unix_millis(), call.as_str(), resource))?;
        Ok(match rows.next()? {
            Some(row) => Some(row.get(0)?),
            None => None,
        })
    }

    fn finished(
        &mut self,
        name: &OperationName,
        new: &Resolution,
        record: &Record,
    ) -> Result<(), JobErrorKind> {
        let mut kept = None;
        self.change(name, |progress| {
            let old = progress.resolution.as_ref();
            kept = old.filter(|old| old.outweighs(new)).cloned();
            record.apply(progress);
        })?;
        match kept {
            Some(old) if old.verdict != new.verdict => {
                let text = format!("{name}: {} stands, though later {}", told(&old), told(new));
                self.note(new.at, "kept", &text)
            }
            _ => Ok(()),
        }
    }

    fn device(
        &mut self,
        name: &ParentName,
        seen: Option<Timestamp>,
        searched: Option<Timestamp>,
    ) -> Result<(), JobErrorKind> {
        let sql = "SELECT position, seen, searched, checksum FROM devices WHERE name = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let known = statement.query_row([name.as_str()], |row| {
            let old: (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
            Ok((row.get::<_, i64>(0)?, old, row.get::<_, i64>(3)?))
        });
        let name = Value::from(name.as_str().to_owned());
        let or = |new: Option<Timestamp>, old: Option<i64>| match new {
            Some(_) => time(new),
            None => old.into(),
        };
        match known {
            Ok((position, old, sum)) => {
                let row = [position.into(), name, or(seen, old.0), or(searched, old.1)];
                self.update(&DEVICES, sum, &row)
            }
            Err(rusqlite::Error::QueryReturnedNoRows) => {
                let position = self.next_key(&DEVICES)?.into();
                let row = [position, name, time(seen), time(searched)];
                self.insert(&DEVICES, &row).map(|_| ())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn lowered(&mut self, limit: u32, span: Duration) -> Result<(), JobErrorKind> {
        let span = format_duration(span);
        let sql = "SELECT id, calls, checksum FROM limits WHERE span = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let known = statement.query_row([&span], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, u32>(1)?,
                row.get::<_, i64>(2)?,
            ))
        });
        match known {
            Ok((id, calls, sum)) => self.update(
                &LIMITS,
                sum,
                &[id.into(), span.into(), calls.min(limit).into()],
            ),
            Err(rusqlite::Error::QueryReturnedNoRows) => {
                let id = self.next_key(&LIMITS)?.into();
                self.insert(&LIMITS, &[id, span.into(), limit.into()])
                    .map(|_| ())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn note(&mut self, at: Timestamp, kind: &str, text: &str) -> Result<(), JobErrorKind> {
        let id = self.next_key(&NOTES)?.into();
        let (kind, text) = (kind.to_owned().into(), text.to_owned().into());
        self.insert(&NOTES, &[id, at.unix_millis().into(), kind, text])
            .map(|_| ())
    }

    /// Ends the latest run, if it is open.
    fn ended(&mut self, at: Timestamp, how: &str) -> Result<(), JobErrorKind> {
        let sql = "SELECT id, begun, pid, host, boot, uptime, checksum FROM runs ORDER BY id DESC LIMIT 1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([])?;
        let Some(row) = rows.next()? else {
            return Ok(());
        };
        let known = [0, 1, 2, 3, 4, 5].map(|column| row.get::<_, Value>(column));
        let sum = row.get(6)?;
        let mut run = known.into_iter().collect::<Result<Vec<_>, _>>()?;
        run.extend([at.unix_millis().into(), how.to_owned().into()]);
        drop(rows);
        self.update(&RUNS, sum, &run)
    }
}

/// A resolution in a word.
fn told(resolution: &Resolution) -> String {
    let error = resolution
        .error
        .as_ref()
        .and_then(|error| error["kind"].as_str());
    match resolution.verdict {
        Some(verdict) => verdict.to_string(),
        None => error.unwrap_or("unknown").to_owned(),
    }
}
