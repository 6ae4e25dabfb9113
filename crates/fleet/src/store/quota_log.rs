//! The log of the quota: calls that left, limits that the server named, and its pause.

use std::time::Duration;

use countermand_core::{Call, Timestamp, duration};
use countermand_scheduler::{PastCall, Window};

use super::codec::{find, query};
use super::contents::Contents;
use super::error::{JobError, JobErrorKind};
use super::schema::{LIMITS, SENDS};
use super::transaction::Transaction;
use super::uptime::Uptime;

/// The state of the quota after a restart, for [`RateLimiter`](countermand_scheduler::RateLimiter).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spending {
    /// Calls of the last hour, in the order of sending. One that is in the future, because
    /// the clock was set back, has just been sent.
    pub calls: Vec<PastCall>,
    /// Limits that the server named.
    pub lowered: Vec<Window>,
    /// The time for which no request may leave.
    pub pause: Option<Duration>,
}

/// The age up to which the quota log is kept: longer than any window that is in use.
const KEPT: Duration = Duration::from_secs(3600);

/// A call may leave so long after its intent was recorded without being recorded anew: a process
/// that goes on after a crash reckons with it.
pub(crate) const LEAVING: Duration = Duration::from_secs(1);

/// The place of a lane as a column.
pub(super) fn place(lane: usize) -> Result<i64, JobErrorKind> {
    i64::try_from(lane).map_err(|_| JobErrorKind::damaged(format_args!("lane {lane}")))
}

impl Contents {
    /// The quota of a lane that has been spent, as of `now`, when the machine has been up for `uptime`: by
    /// that the last run's calls, or those of the search before the first, are as old as they are, however
    /// the clock was set since.
    ///
    /// # Errors
    /// The disk's.
    pub fn spent(
        &self,
        lane: usize,
        now: Timestamp,
        uptime: Option<&Uptime>,
    ) -> Result<Spending, JobError> {
        let mut now = now;
        if let (Some((at, then)), Some(uptime)) = (self.last_uptime()?, uptime)
            && let Some(since) = uptime.since(&then)
        {
            now = at.saturating_add(since);
        }
        self.told(self.spending(lane, now))
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

    /// The number of calls of a method in the last hour, or somewhat longer.
    pub(crate) fn calls(&self, call: Call) -> Result<u64, JobError> {
        let sql = "SELECT count(*) FROM sends WHERE call = ?1";
        let count = self
            .connection
            .query_row(sql, [call.as_str()], |row| row.get(0));
        self.told(count.map_err(JobErrorKind::from))
    }

    fn spending(&self, lane: usize, now: Timestamp) -> Result<Spending, JobErrorKind> {
        let lane = place(lane)?;
        let damaged = |place: &str| JobErrorKind::damaged(format_args!("table {place}"));
        let sql = "SELECT at, call, resource FROM sends WHERE lane = ?1 ORDER BY id";
        let calls = query(&self.connection, sql, [lane], |row| {
            let age = now.since(Timestamp::from_unix_millis(row.get(0)?));
            let call = row.get_ref(1)?.as_str().ok().and_then(Call::from_word);
            let call = call.ok_or_else(|| damaged("sends, column call"))?;
            Ok(PastCall::new(age, call, row.get::<_, String>(2)?))
        })?;
        let sql = "SELECT span, calls FROM limits WHERE lane = ?1 ORDER BY id";
        let lowered = query(&self.connection, sql, [lane], |row| {
            let span = duration::parse(&row.get::<_, String>(0)?);
            let span = span.ok_or_else(|| damaged("limits, column span"))?;
            Ok(Window::new(row.get(1)?, span))
        })?;
        let sql = "SELECT at, until FROM pauses WHERE lane = ?1";
        let pause = find(&self.connection, sql, [lane], |row| {
            let at = Timestamp::from_unix_millis(row.get(0)?);
            let until = Timestamp::from_unix_millis(row.get(1)?);
            // A clock that was set back does not make the wait longer than it was.
            Ok(until.since(now).min(until.since(at)))
        })?;
        Ok(Spending {
            calls,
            lowered,
            pause: pause.filter(|left| !left.is_zero()),
        })
    }
}

impl Transaction<'_> {
    /// Takes a call into the log of the quota that has left.
    pub(super) fn sent(
        &mut self,
        lane: usize,
        resource: &str,
        call: Call,
        (at, sending): (Timestamp, Option<Timestamp>),
    ) -> Result<(), JobErrorKind> {
        match sending {
            None => self.record_call(lane, resource, call, at),
            // A call that left at once stands there already.
            Some(sending) if at.since(sending) <= LEAVING => Ok(()),
            Some(sending) => {
                if let Some(id) = self.find_send(resource, call, sending)? {
                    self.delete(&SENDS, "id = ?1", [id])?;
                }
                self.record_call(lane, resource, call, at)
            }
        }
    }

    /// Adds a call to the log of the quota, which keeps no longer than any window.
    pub(super) fn record_call(
        &mut self,
        lane: usize,
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
            place(lane)?.into(),
        ];
        self.insert(&SENDS, &send)?;
        let horizon = at.saturating_sub(KEPT).unix_millis();
        self.delete(&SENDS, "at < ?1", [horizon])
    }

    /// The key of a call in the log of the quota.
    pub(super) fn find_send(
        &self,
        resource: &str,
        call: Call,
        at: Timestamp,
    ) -> Result<Option<i64>, JobErrorKind> {
        let sql = "SELECT id FROM sends
                   WHERE at = ?1 AND call = ?2 AND resource = ?3 ORDER BY id DESC LIMIT 1";
        let params = (at.unix_millis(), call.as_str(), resource);
        self.find(sql, params, |row| Ok(row.get(0)?))
    }

    pub(super) fn lowered(
        &mut self,
        lane: usize,
        limit: u32,
        span: Duration,
    ) -> Result<(), JobErrorKind> {
        let lane = place(lane)?;
        let span = duration::format(span);
        let sql = "SELECT id, calls, checksum FROM limits WHERE lane = ?1 AND span = ?2";
        let known = self.find(sql, (lane, &span), |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, u32>(1)?,
                row.get::<_, i64>(2)?,
            ))
        })?;
        match known {
            Some((id, calls, sum)) => {
                let row = [id.into(), lane.into(), span.into(), calls.min(limit).into()];
                self.update(&LIMITS, sum, &row)
            }
            None => {
                let id = self.next_key(&LIMITS)?.into();
                let row = [id, lane.into(), span.into(), limit.into()];
                self.insert(&LIMITS, &row).map(|_| ())
            }
        }
    }
}
