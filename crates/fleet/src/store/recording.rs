//! Writing records into a job file.

use countermand_core::{OperationName, ParentName, Timestamp};
use rusqlite::types::Value;

use super::codec::{self, time, time_at, whole};
use super::contents::find_operation;
use super::error::JobErrorKind;
use super::lock_owner::LockOwner;
use super::note::{Note, Vanished};
use super::quota_log::place;
use super::record::Record;
use super::schema::{DEVICES, ENTERPRISES, NOTES, OPERATIONS, PAUSES, RUNS, SENDS};
use super::transaction::{Changed, Transaction};
use crate::counts::known;
use crate::job_row::{JobRow, OperationProgress, Resolution, Target};

impl Transaction<'_> {
    /// Writes one record; `me` is the process that runs the job.
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
            Record::Found(target) => self.add(target.clone()),
            Record::Device { name, seen } => self.device(name, *seen, None),
            Record::Searched { device, at } => self.device(device, None, Some(*at)),
            Record::Listed { enterprise, at } => self.note(*at, Note::LISTED, enterprise.as_str()),
            Record::Vanished(Vanished { device, seen, at }) => {
                self.device(device, *seen, Some(*at))?;
                self.note(*at, Note::VANISHED, device.as_str())
            }
            Record::Missed(missed) => self.note(missed.at, Note::MISSED, &missed.to_json()),
            Record::Sending {
                lane,
                operation,
                resource,
                call,
                at,
            } => {
                self.record_call(*lane, resource, *call, *at)?;
                self.apply(operation.as_ref(), record)
            }
            Record::Sent {
                lane,
                operation,
                resource,
                call,
                at,
                sending,
                ..
            } => {
                self.sent(*lane, resource, *call, (*at, *sending))?;
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
            Record::Paused {
                lane,
                at,
                until,
                limit,
            } => {
                let limit = limit.and_then(|limit| i64::try_from(limit).ok());
                let (at, until) = (at.unix_millis(), until.unix_millis());
                let id = place(*lane)?;
                self.upsert(&PAUSES, &[id.into(), at.into(), until.into(), limit.into()])
            }
            Record::Lowered { lane, limit, span } => self.lowered(*lane, *limit, *span),
            Record::Note { at, kind, text } => self.note(*at, kind, text),
        }
    }

    /// Adds an operation at the end, or counts it if its name is there.
    pub(super) fn add(&mut self, target: Target) -> Result<(), JobErrorKind> {
        if self.services.iter().all(|one| one != target.name.service()) {
            let name = target.name;
            let job = self.services.ids();
            return Err(JobErrorKind::OtherService { name, job });
        }
        let row = self
            .settings
            .limited(JobRow::new(self.head.counts.rows + 1, target));
        match self.insert(&OPERATIONS, &codec::values(&row))? {
            true => {
                let enterprise = row.target.name.parent().parent();
                *self.enterprises.entry(enterprise).or_default() += 1;
                self.head.counts.add(&row);
            }
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
            let found = find_operation(self.connection, (self.settings, self.services), name)?;
            let (old, checksum) =
                found.ok_or_else(|| JobErrorKind::Unknown { name: name.clone() })?;
            let new = old.clone();
            self.rows
                .insert(name.clone(), Changed { old, checksum, new });
        }
        if let Some(changed) = self.rows.get_mut(name) {
            change(&mut changed.new.progress);
        }
        Ok(())
    }

    /// Writes the rows that were changed, and counts them.
    pub(super) fn write_rows(&mut self) -> Result<(), JobErrorKind> {
        let mut last_known_is_void = false;
        for Changed { old, checksum, new } in std::mem::take(&mut self.rows).into_values() {
            self.update(&OPERATIONS, checksum, &codec::values(&new))?;
            let counts = &mut self.head.counts;
            last_known_is_void |= known(&old) > known(&new) && known(&old) == counts.last_known;
            counts.remove(&old);
            counts.add(&new);
        }
        if last_known_is_void {
            // An operation that was gone can come back, after a while and for a look: then the
            // others decide.
            let sql = "SELECT max(resolved_at) FROM operations
                 WHERE verdict NOT IN ('pending', 'unverified')
                 AND (verdict = 'gone' OR attempts > 0 OR phase <> 'unsent')";
            let last = self
                .connection
                .query_row(sql, [], |row| row.get::<_, Option<i64>>(0))?;
            self.head.counts.last_known = last.map(Timestamp::from_unix_millis);
        }
        Ok(())
    }

    /// Counts the new operations of enterprises.
    pub(super) fn write_enterprises(&mut self) -> Result<(), JobErrorKind> {
        for (enterprise, new) in std::mem::take(&mut self.enterprises) {
            let sql = "SELECT id, operations, checksum FROM enterprises WHERE name = ?1";
            let known = self.find(sql, [enterprise.as_str()], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, u64>(1)?,
                    row.get::<_, i64>(2)?,
                ))
            })?;
            let name = Value::from(enterprise.as_str().to_owned());
            match known {
                Some((id, old, sum)) => {
                    let row = [id.into(), name, whole(old + new)];
                    self.update(&ENTERPRISES, sum, &row)?;
                }
                None => {
                    let row = [self.next_key(&ENTERPRISES)?.into(), name, whole(new)];
                    self.insert(&ENTERPRISES, &row)?;
                }
            }
        }
        Ok(())
    }

    /// Changes the row of a record's operation, if it is about one.
    fn apply(&mut self, name: Option<&OperationName>, record: &Record) -> Result<(), JobErrorKind> {
        match name {
            Some(name) => self.change(name, |progress| record.apply(progress)),
            None => Ok(()),
        }
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
        let known = self.find(sql, [name.as_str()], |row| {
            let old = (time_at(row, 1)?, time_at(row, 2)?);
            Ok((row.get::<_, i64>(0)?, old, row.get::<_, i64>(3)?))
        })?;
        let text = Value::from(name.as_str().to_owned());
        let was_searched = matches!(known, Some((_, (_, Some(_)), _)));
        if !self.settings.filter.excludes(name) {
            self.head.devices += u64::from(known.is_none());
            self.head.searched += u64::from(searched.is_some() && !was_searched);
        }
        match known {
            Some((position, old, sum)) => {
                let (seen, searched) = (seen.or(old.0), searched.or(old.1));
                let row = [position.into(), text, time(seen), time(searched)];
                self.update(&DEVICES, sum, &row)
            }
            None => {
                self.enterprises.entry(name.parent()).or_default();
                let position = self.next_key(&DEVICES)?.into();
                let row = [position, text, time(seen), time(searched)];
                self.insert(&DEVICES, &row).map(|_| ())
            }
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
