//! Progress of a search and of a job: figures, rates of now, and the time left.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Duration;

use countermand_core::{Call, ErrorKey, Service, Time, Timestamp};
use countermand_scheduler::{Outage, Quota};
use serde::{Deserialize, Serialize, Serializer};

use crate::counts::Counts;
use crate::schedule::{Options, scheduler};
use crate::services::Services;
use crate::spell::{counted, grouped, spell};
use crate::store::{Contents, JobError, Kind, Note, Record, Settings, Uptime};

/// The time over which the rate of requests is measured.
const WINDOW: Duration = Duration::from_secs(10);

/// An outage that is shorter is no news: the retry may be on its way.
const NOTED: Duration = Duration::from_secs(2);

/// The devices of a search, and the operations found on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SearchProgress {
    /// Devices to be searched, as far as they have been listed.
    pub devices: u64,
    /// No list of devices is left to be read: each was read to its end, or is one of `missed` or `not_attempted`.
    pub all_listed: bool,
    /// Devices whose operations have been listed to the end.
    pub searched: u64,
    /// Pages of their operations that were read.
    pub pages: u64,
    /// Devices that vanished before they were searched.
    pub vanished: u64,
    /// Lists that could not be read to their end.
    pub missed: u64,
    /// Those of `missed` for which no run asks again.
    #[serde(skip)]
    pub(crate) missed_finally: u64,
    /// Lists that were not asked for, because an earlier failure or a stop concerns all of them.
    pub not_attempted: u64,
    /// Pending operations found that are meant.
    pub found: u64,
    /// One of what is searched, if it is no device.
    #[serde(skip)]
    pub(crate) noun: Option<&'static str>,
}

/// The figures of a search or of a job at one time, the same for a terminal, a log, JSON and Python. Operations are
/// counted over all runs of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JobProgress {
    /// The search; `None` where nothing is searched.
    pub search: Option<SearchProgress>,
    /// Operations to be cancelled, as far as they are known; 0 for a search alone.
    pub operations: u64,
    /// Operations of which a cancel was sent.
    pub cancels_sent: u64,
    /// Operations of which the server has accepted a cancel: of the others it may not have been delivered.
    pub cancels_accepted: u64,
    /// Operations of which a cancel was about to be sent: whether it was is not in the job file.
    pub cancels_maybe_sent: u64,
    /// Operations that have come out. Of a job they are those that no run takes up again: what is pending, or failed in
    /// a way that another run may mend, is not among them.
    pub verdicts: u64,
    /// Operations that still have no result.
    #[serde(skip)]
    pub(crate) remaining: u64,
    /// Requests in a second over the last 10 seconds.
    pub requests_per_second: Option<f64>,
    /// Requests that the quota allows at once; `None` without a quota.
    pub quota_remaining: Option<u32>,
    /// That quota is an assumption: none is documented for the service.
    #[serde(skip)]
    pub quota_assumed: bool,
    /// The time until the quota allows the next request, in seconds; `None` where it does now, or where there is
    /// none to come.
    #[serde(rename = "quota_wait_s", serialize_with = "seconds")]
    pub quota_wait: Option<Duration>,
    /// The time until the search ends, in seconds; `None` where it cannot be told.
    #[serde(rename = "search_ends_in_s", serialize_with = "seconds")]
    pub search_ends_in: Option<Duration>,
    /// The time until the last cancel is sent, in seconds.
    #[serde(rename = "last_cancel_in_s", serialize_with = "seconds")]
    pub last_cancel_in: Option<Duration>,
    /// The time until the last verdict, in seconds, if devices do not keep it waiting; `None` also where nothing else
    /// does: every operation left was looked at and is not done.
    #[serde(rename = "last_verdict_in_s", serialize_with = "seconds")]
    pub last_verdict_in: Option<Duration>,
    /// The failure that keeps everything from going on; no time left is told meanwhile.
    pub failing: Option<Failing>,
}

/// A failure that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Failing {
    /// The key of its row in the table of errors; `None` if another version wrote one that this one does not know.
    pub key: Option<&'static str>,
    /// The cause, in words.
    pub cause: Box<str>,
    /// The time without any answer, in seconds.
    #[serde(rename = "for_s", serialize_with = "whole_seconds")]
    pub lasting: Duration,
    /// Failed requests in that time; `None` where another process applies the job: its file does not hold it.
    pub failures: Option<u64>,
    /// The time until the next try, in seconds; `None` while one is under way, or as for the failures.
    #[serde(rename = "next_try_s", serialize_with = "seconds")]
    pub next_try: Option<Duration>,
    /// Time left before it is given up, if nothing answers; `None` for a job, which goes on.
    #[serde(rename = "gives_up_s", serialize_with = "seconds")]
    pub gives_up: Option<Duration>,
}

impl SearchProgress {
    /// The begin of a search of operations of these services.
    pub(crate) fn of(services: &Services) -> Self {
        Self {
            noun: Some(services.searched("list")),
            ..Self::default()
        }
    }

    /// One of what is searched: `device`, or `list` where the service has no list of those.
    #[must_use]
    pub fn noun(&self) -> &'static str {
        self.noun.unwrap_or(Service::DEFAULT.level_above(1).noun)
    }

    /// Devices that need no more requests.
    #[must_use]
    pub const fn done(&self) -> u64 {
        let done = self.searched + self.vanished + self.missed + self.not_attempted;
        if done < self.devices {
            done
        } else {
            self.devices
        }
    }

    /// Two searches together.
    pub(crate) fn with(self, more: Self) -> Self {
        Self {
            devices: self.devices + more.devices,
            all_listed: self.all_listed && more.all_listed,
            searched: self.searched + more.searched,
            pages: self.pages + more.pages,
            vanished: self.vanished + more.vanished,
            missed: self.missed + more.missed,
            missed_finally: self.missed_finally + more.missed_finally,
            not_attempted: self.not_attempted + more.not_attempted,
            found: self.found + more.found,
            noun: match self.noun() == more.noun() {
                true => self.noun,
                false => Some("list"),
            },
        }
    }

    /// Nothing is left to be searched.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.all_listed && self.done() == self.devices
    }

    /// The next run goes on with it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.missed > self.missed_finally || !self.is_over()
    }

    /// The part that is done, from 0 to 1. Before all devices are listed another page of them, of
    /// 100, is taken to come: never 1 while devices may be left.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        let more = if self.all_listed { 0 } else { 100 };
        match self.devices + more {
            0 => 1.0,
            devices => self.done() as f64 / devices as f64,
        }
    }

    /// The note in a plan about lists that were not asked for; `None` where all were.
    #[must_use]
    pub fn note_of_not_attempted(&self, at: Timestamp) -> Option<Record> {
        (self.not_attempted > 0).then(|| Record::Note {
            at,
            kind: Note::NOT_ATTEMPTED.to_owned(),
            text: format!(
                "{} not asked for, after a failure",
                counted(self.not_attempted, "list")
            ),
        })
    }

    /// The note of it in a plan.
    pub(crate) fn note(&self, at: Timestamp) -> Record {
        Record::Note {
            at,
            kind: Note::SEARCH.to_owned(),
            // Numbers have a JSON.
            text: serde_json::to_string(self).unwrap_or_default(),
        }
    }

    /// `searched 1,204 of 20,000 devices, missed 2, 312 operations found`.
    fn words(&self) -> String {
        let so_far = if self.all_listed {
            ""
        } else {
            " listed so far"
        };
        let mut words = format!(
            "searched {} of {} {}s{so_far}",
            grouped(self.searched),
            grouped(self.devices),
            self.noun(),
        );
        for (count, what) in [
            (self.missed, "missed"),
            (self.not_attempted, "not asked for"),
        ] {
            if count > 0 {
                let _ = write!(words, ", {} {what}", counted(count, "list"));
            }
        }
        let _ = write!(words, ", {} found", counted(self.found, "operation"));
        if self.vanished > 0 {
            let _ = write!(words, ", {} vanished", counted(self.vanished, self.noun()));
        }
        words
    }

    /// Requests until its end, by the average of a device so far; `None` before all devices are listed.
    fn requests(&self) -> Option<f64> {
        let pages = self.pages as f64 / self.searched.max(1) as f64;
        let open = (self.devices - self.done()) as f64;
        self.all_listed.then_some(open * pages.max(1.0))
    }

    /// Operations that are still to be found, by the average of a device so far.
    fn finds_to_come(&self) -> f64 {
        let open = (self.devices - self.done()) as f64;
        open * self.found as f64 / self.done().max(1) as f64
    }
}

/// The pace that a quota allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Requests in a second in the long run; `None` without a quota.
    per_second: Option<f64>,
    /// The quota is an assumption.
    assumed: bool,
}

impl Pace {
    /// The pace of requests to a service under this quota.
    #[must_use]
    pub fn of(quota: &Quota, service: &Service) -> Self {
        Self {
            per_second: quota.pace(),
            assumed: quota.is_assumed(service),
        }
    }

    /// The pace of a job.
    ///
    /// # Panics
    /// Without a lane: a job has one.
    #[must_use]
    pub fn of_job(job: &Settings) -> Self {
        let lanes = job.lanes.iter();
        let lanes = lanes.map(|lane| Self::of(&lane.quota(), lane.service));
        let all = lanes.reduce(|one, other| Self {
            // Of lanes side by side: without a limit as soon as one has none.
            per_second: one.per_second.zip(other.per_second).map(|(a, b)| a + b),
            assumed: one.assumed || other.assumed,
        });
        all.expect("a job has a lane")
    }
}

/// Measures rates, and estimates the time left from them.
#[derive(Clone, Debug, PartialEq)]
pub struct Meter {
    pace: Pace,
    /// The last ten seconds, and one sample before them.
    samples: VecDeque<(Time, u64)>,
    /// The first sample with the number of requests of the last one.
    still: (Time, u64),
}

impl Meter {
    /// Begins to measure before the first request.
    #[must_use]
    pub fn new(begun: Time, pace: Pace) -> Self {
        Self {
            pace,
            samples: [(begun, 0)].into(),
            still: (begun, 0),
        }
    }

    /// The figures at a time: the counts, with the rates and the time left.
    pub fn measure(
        &mut self,
        now: Time,
        standing: &countermand_scheduler::Progress,
        counted: JobProgress,
        outage: Option<Outage>,
    ) -> JobProgress {
        let rate = self.rate(now, standing.sent);
        let silent = outage.is_some();
        let under_way = (standing.waiting + standing.in_flight) as u64;
        let progress = JobProgress {
            requests_per_second: Some(rate),
            quota_remaining: standing.quota_remaining,
            quota_assumed: self.pace.assumed,
            quota_wait: standing.allowed_at.map(|until| until - now),
            failing: outage.and_then(|outage| Failing::of(outage, now)),
            ..counted
        };
        let looked_at = progress.remaining <= under_way;
        progress.estimated(self.pace, now - self.still.0, silent, looked_at)
    }

    fn rate(&mut self, now: Time, sent: u64) -> f64 {
        self.samples.push_back((now, sent));
        if self.still.1 != sent {
            self.still = (now, sent);
        }
        while let Some((second, _)) = self.samples.get(1)
            && *second + WINDOW <= now
        {
            self.samples.pop_front();
        }
        let (since, before) = self.samples[0];
        let span = (now - since).as_secs_f64();
        sent.saturating_sub(before) as f64 / span.max(0.001)
    }
}

impl Failing {
    /// The outage that the process notes which applies a job, and has not noted the end of.
    fn of_job(job: &Contents, now: Timestamp) -> Result<Option<Self>, JobError> {
        let begun = job.runs().last().transpose()?.map(|run| run.begun);
        let mut open = None;
        for note in job.notes() {
            let note = note?;
            match &*note.kind {
                Note::OUTAGE if Some(note.at) >= begun => open = Some(note),
                Note::OUTAGE_OVER => open = None,
                _ => {}
            }
        }
        Ok(open.as_ref().and_then(|note| {
            let (key, cause) = note.outage()?;
            Some(Self {
                key: ErrorKey::from_word(key).map(ErrorKey::as_str),
                cause: cause.into(),
                lasting: now.since(note.at),
                failures: None,
                next_try: None,
                gives_up: None,
            })
        }))
    }

    fn of(outage: Outage, now: Time) -> Option<Self> {
        (Self::since(&outage) <= now).then(|| Self {
            key: Some(outage.key.as_str()),
            cause: outage.cause,
            lasting: now - outage.since,
            failures: Some(outage.failures),
            next_try: outage.next_try.map(|at| at - now),
            gives_up: outage.gives_up_at.map(|at| at - now),
        })
    }

    /// The time from which an outage is told, here and in the job file.
    pub(crate) fn since(outage: &Outage) -> Time {
        match outage.circuit_open {
            true => outage.since,
            false => outage.since + NOTED,
        }
    }
}

impl JobProgress {
    /// The counts of a job over all its runs, without rates.
    #[must_use]
    pub fn of_counts(counts: &Counts, search: Option<SearchProgress>) -> Self {
        let operations = counts
            .rows
            .saturating_sub(counts.beyond_max + counts.all_of_input());
        Self {
            search,
            operations,
            cancels_sent: counts.cancels_sent,
            cancels_accepted: counts.cancels_accepted,
            cancels_maybe_sent: counts.cancels_maybe_sent,
            verdicts: operations.saturating_sub(counts.again),
            remaining: counts.again,
            ..Self::default()
        }
    }

    /// The counts of a scheduler that works for no job, without rates; `operations` are those to be cancelled.
    #[must_use]
    pub fn of_scheduler(
        standing: &countermand_scheduler::Progress,
        operations: u64,
        search: Option<SearchProgress>,
    ) -> Self {
        let verdicts = standing.finished.min(operations);
        Self {
            search,
            operations,
            cancels_sent: standing.cancels_sent.min(operations),
            cancels_accepted: standing.accepted.min(operations),
            verdicts,
            remaining: operations - verdicts,
            ..Self::default()
        }
    }

    /// The progress of a job as its file tells it, also while another process applies it. Rates are those of the
    /// last ten seconds before `now`.
    ///
    /// # Errors
    /// The disk's.
    pub fn of_job(job: &Contents, now: Timestamp) -> Result<Self, JobError> {
        let running = job.runs().last().transpose()?;
        let running = job.is_applied() && running.is_some_and(|run| run.ended.is_none());
        let mut progress = Self::of_counts(job.counts(), search(job)?);
        if running {
            progress.failing = Failing::of_job(job, now)?;
            let uptime = Uptime::now();
            let lanes = 0..job.settings().lanes.len();
            let ages = lanes
                .clone()
                .map(|lane| job.spent(lane, now, uptime.as_ref()));
            let ages = ages.collect::<Result<Vec<_>, _>>()?;
            let ages = ages
                .iter()
                .flat_map(|lane| &lane.calls)
                .map(|call| call.age);
            let calls = ages.clone().filter(|age| *age < WINDOW).count();
            progress.requests_per_second = Some(calls as f64 / WINDOW.as_secs_f64());
            let clock = countermand::hyper::monotonic_now();
            let lanes = lanes.map(|lane| (job.settings(), lane));
            let schedulers =
                lanes.map(|lane| scheduler(job, lane, Options::default(), now, uptime.as_ref()));
            let schedulers = schedulers.collect::<Result<Vec<_>, _>>()?;
            let standing = schedulers.iter().map(|one| one.progress(clock)).sum();
            let standing: countermand_scheduler::Progress = standing;
            progress.quota_remaining = standing.quota_remaining;
            let wait = standing.allowed_at;
            progress.quota_wait = wait.map(|until| until - clock);
            let still = ages.min();
            let pace = Pace::of_job(job.settings());
            progress.quota_assumed = pace.assumed;
            let silent = progress.failing.is_some();
            // Looks follow as soon as the quota allows: where it has room, what is left was looked at.
            let looked_at = progress.quota_remaining != Some(0);
            return Ok(progress.estimated(pace, still.unwrap_or_default(), silent, looked_at));
        }
        Ok(progress)
    }

    /// Jobs side by side: counts are added up, and what takes longest decides about the time left.
    #[must_use]
    pub(crate) fn together(all: impl IntoIterator<Item = Self>) -> Self {
        let add = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
        let all = all.into_iter().reduce(|one, other| Self {
            search: one.search.or(other.search),
            operations: one.operations + other.operations,
            cancels_sent: one.cancels_sent + other.cancels_sent,
            cancels_accepted: one.cancels_accepted + other.cancels_accepted,
            cancels_maybe_sent: one.cancels_maybe_sent + other.cancels_maybe_sent,
            verdicts: one.verdicts + other.verdicts,
            remaining: one.remaining + other.remaining,
            requests_per_second: add(one.requests_per_second, other.requests_per_second),
            quota_remaining: match (one.quota_remaining, other.quota_remaining) {
                (Some(one), Some(other)) => Some(one.saturating_add(other)),
                (one, other) => one.or(other),
            },
            quota_assumed: one.quota_assumed || other.quota_assumed,
            quota_wait: one.quota_wait.into_iter().chain(other.quota_wait).min(),
            search_ends_in: one.search_ends_in.max(other.search_ends_in),
            last_cancel_in: one.last_cancel_in.max(other.last_cancel_in),
            last_verdict_in: one.last_verdict_in.max(other.last_verdict_in),
            failing: one.failing.or(other.failing),
        });
        all.unwrap_or_default()
    }

    /// Adds the time left, where it can be told: not while requests fail (`silent`), nor before one
    /// was answered. `still` is the time since the last request; with `looked_at`, no operation waits for its first
    /// look.
    fn estimated(mut self, pace: Pace, still: Duration, silent: bool, looked_at: bool) -> Self {
        let searching = self.search.filter(|search| !search.is_over());
        if searching.is_none() && self.remaining == 0 {
            // There is no next request.
            self.quota_wait = None;
        }
        let found = self.search.is_some_and(|search| search.devices > 0);
        if silent || !(found || self.cancels_accepted > 0 || self.verdicts > 0) {
            return self;
        }
        let lists = match searching {
            Some(search) => search.requests(),
            None => Some(0.0),
        };
        // A search alone finds operations and cancels none.
        let cancelling = self.operations > 0 || self.cancels_sent > 0;
        let found = searching.filter(|_| cancelling);
        let found = found.map_or(0.0, |search| search.finds_to_come());
        let cancels = self.operations.saturating_sub(self.cancels_sent) as f64 + found;
        let looks = self.remaining as f64 + found;
        let Some(lists) = lists else { return self };
        // While a spent window keeps everything waiting, the quota comes back as time passes.
        let waited = self.quota_wait.map_or(Duration::ZERO, |_| still);
        let wait = self.quota_wait.unwrap_or_default();
        let left = |requests: f64| {
            let time = self
                .time_for(requests, pace.per_second)?
                .saturating_sub(waited);
            (requests > 0.0).then_some(time.max(wait))
        };
        // A rescue cancels what it finds before it asks for the next list.
        let search = if lists > 0.0 { cancels + lists } else { 0.0 };
        let (search_ends_in, last_cancel, last_verdict) = (
            left(search),
            left(cancels + lists),
            left(cancels + lists + looks),
        );
        self.search_ends_in = search_ends_in;
        self.last_cancel_in = last_cancel.filter(|_| cancels > 0.0);
        // What was looked at and goes on ends when the server says so, which no figure of ours tells.
        let open = cancels + lists > 0.0 || !looked_at;
        self.last_verdict_in = last_verdict.filter(|_| looks > 0.0 && open);
        self
    }

    /// The time that so many requests take, as the quota comes back and at the rate of now.
    fn time_for(&self, requests: f64, pace: Option<f64>) -> Option<Duration> {
        let rate = self.requests_per_second.unwrap_or_default();
        let left = self.quota_remaining.map_or(0.0, f64::from);
        let by_quota = pace.map(|pace| (requests - left).max(0.0) / pace);
        let by_rate = (rate > 0.0).then(|| requests / rate);
        let seconds = match (by_quota, self.quota_remaining) {
            // The quota decides, not what its last burst was.
            (Some(by_quota), Some(0)) => by_quota,
            // It takes at least that long; a slow server takes longer.
            (Some(by_quota), _) => by_rate?.max(by_quota),
            (None, _) => by_rate?,
        };
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// The search in words, if there is one: `searched 1,204 of 20,000 devices, 312 operations found`.
    #[must_use]
    pub fn search_words(&self) -> Option<String> {
        self.search.as_ref().map(SearchProgress::words)
    }

    /// Rate, quota and time left, or the failure that goes on, in parts.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        if let Some(failing) = &self.failing {
            return failing.words();
        }
        let mut words = Vec::new();
        for (left, what) in [
            (self.search_ends_in, "search ends"),
            (self.last_cancel_in, "last cancel"),
            (self.last_verdict_in, "last verdict"),
        ] {
            words.extend(left.map(|left| format!("{what} in {}", spell(left))));
        }
        if let Some(rate) = self.requests_per_second {
            words.push(format!("{rate:.1} requests/s"));
        }
        if self.is_refused() {
            words.push("the server refuses for the quota".to_owned());
        } else if let Some(left) = self.quota_remaining {
            let assumed = match (self.quota_assumed, left) {
                (false, _) => "",
                (true, 0) => " (assumed, none is documented)",
                (true, _) => " (assumed)",
            };
            words.push(format!("quota left {}{assumed}", grouped(left.into())));
        }
        if let Some(wait) = self.quota_wait {
            words.push(format!("next request in {}", spell(wait)));
        }
        words
    }

    /// By our own count requests are allowed, and none is sent: the server refuses them.
    fn is_refused(&self) -> bool {
        self.quota_wait.is_some() && self.quota_remaining != Some(0)
    }

    /// All of it in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let mut parts: Vec<String> = self.search_words().into_iter().collect();
        parts.extend(self.counts());
        parts.extend(self.words());
        parts.join(", ")
    }

    /// The figures that change only when something happens: another line is worth it.
    #[must_use]
    pub fn counts(&self) -> Option<String> {
        let cancelling = self.operations > 0 || self.search.is_none();
        cancelling.then(|| {
            let all = grouped(self.operations);
            let more = match self.cancels_maybe_sent {
                0 => String::new(),
                more => format!(" ({} more may have left)", grouped(more)),
            };
            // While the server fails or refuses, what was sent need not have been delivered.
            let accepted = match self.failing.is_some() || self.is_refused() {
                false => String::new(),
                true => format!(" ({} accepted)", grouped(self.cancels_accepted)),
            };
            format!(
                "cancels sent {}{accepted}{more}, verdicts {}/{all}",
                self.cancels(),
                grouped(self.verdicts),
            )
        })
    }

    /// Operations of which a cancel was sent, of all: `5/7`.
    #[must_use]
    pub fn cancels(&self) -> String {
        let (sent, all) = (grouped(self.cancels_sent), grouped(self.operations));
        format!("{sent}/{all}")
    }

    /// Operations that there will be, by the number found so far.
    #[must_use]
    pub fn expected(&self) -> f64 {
        let more = self.search.filter(|search| !search.is_over());
        let more = more.map_or(0.0, |search| {
            let listed = if search.all_listed { 0.0 } else { 1.0 };
            search.finds_to_come().max(1.0) + listed
        });
        self.operations as f64 + more
    }
}

impl Failing {
    fn words(&self) -> Vec<String> {
        let lasting = self.lasting.as_secs_f64();
        let key = self.key.map(|key| format!(" ({key})")).unwrap_or_default();
        let mut words = vec![
            format!("FAILING for {lasting:.0} s{key}"),
            self.cause.to_string(),
        ];
        if self.failures.is_none() {
            return words;
        }
        let next = match self.next_try {
            Some(left) if left >= Duration::from_secs(1) => {
                format!("next try in {:.0} s", left.as_secs_f64())
            }
            Some(_) => "next try now".to_owned(),
            None => "a try is under way".to_owned(),
        };
        words.push(next);
        words.push(match self.gives_up {
            Some(left) => format!("given up in {:.0} s", left.as_secs_f64()),
            None => "Ctrl-C is safe: the run can be resumed".to_owned(),
        });
        words
    }
}

/// The search before a plan; `None` if there was none.
pub(crate) fn planned(job: &Contents) -> Result<Option<SearchProgress>, JobError> {
    for note in job.notes() {
        let note = note?;
        if note.kind == Note::SEARCH {
            let read = serde_json::from_str::<SearchProgress>(&note.text).ok();
            let noun = SearchProgress::of(job.services()).noun;
            return Ok(read.map(|search| SearchProgress { noun, ..search }));
        }
    }
    Ok(None)
}

/// The search of a rescue, as its file tells it.
pub(crate) fn search(job: &Contents) -> Result<Option<SearchProgress>, JobError> {
    let settings = job.settings();
    if settings.kind != Kind::Rescue {
        return Ok(None);
    }
    let (devices, searched) = job.devices_searched();
    let mut search = SearchProgress {
        found: job.operations(),
        devices,
        searched,
        ..SearchProgress::of(job.services())
    };
    let mut listed = std::collections::BTreeSet::new();
    for note in job.notes() {
        let note = note?;
        match &*note.kind {
            Note::LISTED => {
                listed.insert(note.text);
            }
            Note::VANISHED => search.vanished += 1,
            _ => {}
        }
    }
    // They have a time of their search as well.
    search.searched -= search.vanished.min(search.searched);
    let meant = settings.enterprises.iter();
    let mut meant = meant.filter(|name| !settings.filter.excludes(name));
    for missed in job.missed()? {
        // One of a device that was searched in spite of it is not searched again.
        let again = job.searched_at(&missed.resource)?.is_none();
        search.missed += u64::from(again);
        if again && missed.is_final() {
            search.missed_finally += 1;
            listed.insert(missed.resource);
        }
    }
    search.all_listed = meant.all(|name| listed.contains(name.as_str()));
    // A call older than an hour is not in the file: at least one page each.
    search.pages = job.calls(Call::ListOperations)?.max(search.searched);
    Ok(Some(search))
}

fn seconds<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

fn whole_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Eight requests a second.
    fn eight() -> Pace {
        Pace::of(&Quota::default(), Service::DEFAULT)
    }

    fn free() -> Pace {
        Pace::of(&Quota::unlimited(), Service::DEFAULT)
    }

    fn counted(
        standing: &countermand_scheduler::Progress,
        operations: u64,
        search: Option<SearchProgress>,
    ) -> JobProgress {
        JobProgress::of_scheduler(standing, operations, search)
    }

    fn standing(
        asked: u64,
        sent: u64,
        quota_remaining: Option<u32>,
    ) -> countermand_scheduler::Progress {
        let mut standing = countermand_scheduler::Progress::default();
        (standing.cancels_sent, standing.sent) = (asked, sent);
        standing.accepted = asked;
        standing.quota_remaining = quota_remaining;
        standing
    }

    #[test]
    fn fault_51_the_estimate_follows_the_quota_and_not_the_first_burst() {
        let begun = Time::START;
        let mut meter = Meter::new(begun, eight());
        let now = begun + SECOND;
        let measured = meter.measure(
            now,
            &standing(480, 480, Some(0)),
            counted(&standing(480, 480, Some(0)), 1280, None),
            None,
        );
        assert_eq!(
            measured.line(),
            "cancels sent 480/1,280, verdicts 0/1,280, last cancel in 100 s, \
             last verdict in 4 min 20 s, 480.0 requests/s, quota left 0"
        );
        let mut free = Meter::new(begun, free());
        let measured = free.measure(
            now,
            &standing(480, 480, None),
            counted(&standing(480, 480, None), 1440, None),
            None,
        );
        assert_eq!(
            measured.words(),
            [
                "last cancel in 2.0 s",
                "last verdict in 5.0 s",
                "480.0 requests/s"
            ]
        );
    }

    #[test]
    fn fault_51_a_wait_for_the_quota_is_told_and_counts_down() {
        let begun = Time::START;
        let mut meter = Meter::new(begun, eight());
        let mut standing = standing(480, 480, Some(0));
        standing.allowed_at = Some(begun + 60 * SECOND);
        for (second, wait, cancel, verdict) in
            [(2, 58, 100, 260), (30, 30, 72, 232), (59, 1, 43, 203)]
        {
            let now = begun + SECOND * second;
            let measured = meter.measure(now, &standing, counted(&standing, 1280, None), None);
            assert_eq!(measured.quota_wait, Some(SECOND * wait));
            assert_eq!(measured.last_cancel_in, Some(SECOND * cancel));
            assert_eq!(measured.last_verdict_in, Some(SECOND * verdict));
            let next = format!("next request in {}", spell(SECOND * wait));
            assert_eq!(measured.words().last(), Some(&next));
        }
        // At the end no request waits.
        standing.finished = 1280;
        let measured = meter.measure(
            begun + 10 * SECOND,
            &standing,
            counted(&standing, 1280, None),
            None,
        );
        assert_eq!(measured.quota_wait, None);
        standing.finished = 0;
        // It is never told to end before anything may leave.
        let measured = meter.measure(
            begun + 10 * SECOND,
            &standing,
            counted(&standing, 481, None),
            None,
        );
        assert_eq!(measured.last_cancel_in, Some(50 * SECOND));
    }

    #[test]
    fn fault_51_the_rate_is_that_of_now() {
        let begun = Time::START;
        let mut meter = Meter::new(begun, free());
        for second in 1..=60 {
            // 100 a second for half a minute, then nothing.
            let sent = 100 * second.min(30);
            let now = begun + SECOND * second as u32;
            let measured = meter.measure(
                now,
                &standing(sent, sent, None),
                counted(&standing(sent, sent, None), 9999, None),
                None,
            );
            let rate = measured.requests_per_second.unwrap();
            match second {
                ..=30 => assert_eq!(rate, 100.0),
                31..40 => assert!(rate > 0.0 && rate < 100.0),
                40.. => {
                    assert_eq!(rate, 0.0, "second {second}");
                    assert_eq!(measured.last_cancel_in, None, "no estimate from nothing");
                }
            }
        }
    }

    #[test]
    fn fault_51_a_search_is_never_told_as_done_before_it_is() {
        let mut search = SearchProgress::default();
        (search.devices, search.searched) = (300, 300);
        assert!(search.fraction() < 1.0 && !search.is_over());
        search.found = 60;
        let begun = Time::START;
        let mut meter = Meter::new(begun, eight());
        let now = begun + SECOND;
        let all_sent = standing(60, 363, Some(0));
        let measured = meter.measure(now, &all_sent, counted(&all_sent, 60, Some(search)), None);
        assert_eq!(measured.last_cancel_in, None, "not known yet");
        assert!(measured.expected() > 60.0, "never full while more may come");
        assert!(
            measured.line().starts_with(
                "searched 300 of 300 devices listed so far, 60 operations found, cancels sent 60/60"
            ),
            "{}",
            measured.line()
        );
        // 1,200 more devices, of which each took two pages; a fifth of them have an operation.
        (search.devices, search.all_listed, search.pages) = (1500, true, 600);
        let measured = meter.measure(now, &all_sent, counted(&all_sent, 60, Some(search)), None);
        // Operations that are found are cancelled before the next list is asked for.
        assert_eq!(measured.search_ends_in, Some(SECOND * (2400 + 240) / 8));
        assert_eq!(measured.last_cancel_in, Some(SECOND * (2400 + 240) / 8));
        let looks = 60 + 240;
        let verdict = SECOND * (2400 + 240 + looks) / 8;
        assert_eq!(measured.last_verdict_in, Some(verdict));
        assert!((measured.expected() - 300.0).abs() < 0.001);
        search.searched = 1500;
        assert!(search.is_over() && search.fraction() == 1.0);
    }

    #[test]
    fn fault_48_a_failure_that_goes_on_is_told_and_nothing_is_estimated() {
        use countermand_core::{Phase, TransportError, TransportErrorKind};
        use countermand_scheduler::{NextStep, Scheduler};
        let begun = Time::START;
        let mut scheduler = Scheduler::new(1).probe_on();
        let name = "enterprises/e/devices/d/operations/1";
        scheduler.push(name.parse().unwrap(), Phase::Unsent);
        let NextStep::Send(ticket, _) = scheduler.next_step(begun) else {
            panic!("a request")
        };
        let refused = TransportError::new(TransportErrorKind::Connect, "refused");
        scheduler.answer::<Vec<u8>>(ticket, begun, Err(refused));
        let mut meter = Meter::new(begun, eight());
        let standing = scheduler.progress(begun);
        let soon = begun + SECOND;
        let measured = meter.measure(
            soon,
            &standing,
            counted(&standing, 1, None),
            scheduler.outage(soon),
        );
        assert_eq!(measured.failing, None, "the retry is on its way");
        let answered = self::standing(1, 1, None);
        let measured = Meter::new(begun, free()).measure(
            soon,
            &answered,
            counted(&answered, 2, None),
            scheduler.outage(soon),
        );
        assert_eq!(measured.last_cancel_in, None, "and yet nothing answers");
        let later = begun + 5 * SECOND;
        // Others left before it failed: there is a rate, by which the time left could be told.
        let mut standing = scheduler.progress(later);
        standing.sent = 40;
        let searching = Some(SearchProgress {
            devices: 10,
            all_listed: true,
            searched: 5,
            pages: 5,
            ..SearchProgress::default()
        });
        let going_on = Meter::new(begun, eight()).measure(
            later,
            &standing,
            counted(&standing, 1, searching),
            None,
        );
        let estimates = |progress: &JobProgress| {
            let JobProgress {
                search_ends_in,
                last_cancel_in,
                last_verdict_in,
                ..
            } = progress;
            [*search_ends_in, *last_cancel_in, *last_verdict_in].map(|left| left.is_some())
        };
        assert_eq!(estimates(&going_on), [true; 3]);
        let outage = scheduler.outage(later);
        let measured = meter.measure(later, &standing, counted(&standing, 1, searching), outage);
        assert_eq!(estimates(&measured), [false; 3]);
        (standing.cancels_sent, standing.accepted) = (3, 2);
        let some = meter.measure(
            later,
            &standing,
            counted(&standing, 4, None),
            scheduler.outage(later),
        );
        let counts = "cancels sent 3/4 (2 accepted), verdicts 0/4, FAILING";
        assert!(some.line().starts_with(counts), "{}", some.line());
        let answered = meter.measure(later, &standing, counted(&standing, 4, None), None);
        let counts = "cancels sent 3/4, verdicts 0/4, ";
        assert!(answered.line().starts_with(counts), "{}", answered.line());
        assert!(
            measured.line().ends_with(
                ", FAILING for 5 s (connect), no connection: refused, next try now, \
                 Ctrl-C is safe: the run can be resumed"
            ),
            "{}",
            measured.line()
        );
    }

    #[test]
    fn the_last_verdict_is_not_estimated_while_only_the_server_keeps_it_waiting() {
        let mut standing = standing(400, 800, Some(300));
        let last_verdict = |standing: &countermand_scheduler::Progress| {
            let mut meter = Meter::new(Time::START, eight());
            let counted = counted(standing, 400, None);
            let now = Time::START + SECOND;
            meter.measure(now, standing, counted, None).last_verdict_in
        };
        // Of thirty that are left, twenty were looked at, and ten wait for their first look.
        (standing.finished, standing.waiting) = (370, 20);
        assert!(last_verdict(&standing).is_some());
        (standing.waiting, standing.in_flight) = (27, 3);
        assert_eq!(last_verdict(&standing), None);
    }

    #[test]
    fn a_quota_that_is_not_documented_is_told_as_assumed() {
        let document_ai = Service::named("documentai.v1").unwrap();
        let words = |quota: Quota, left| {
            let mut meter = Meter::new(Time::START, Pace::of(&quota, document_ai));
            let standing = standing(1, 1, left);
            let counted = counted(&standing, 2, None);
            meter.measure(Time::START, &standing, counted, None).line()
        };
        let assumed = Quota::of_service(document_ai);
        let line = words(assumed.clone(), Some(0));
        assert!(
            line.ends_with("quota left 0 (assumed, none is documented)"),
            "{line}"
        );
        let line = words(assumed, Some(3));
        assert!(line.ends_with("quota left 3 (assumed)"), "{line}");
        let own = Quota::unlimited().windows(["30/60s".parse().unwrap()]);
        let line = words(own, Some(0));
        assert!(line.ends_with("quota left 0"), "{line}");
    }
}
