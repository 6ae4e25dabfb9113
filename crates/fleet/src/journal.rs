//! Keeps the events of a scheduler in its job file.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use countermand_core::{
    Call, Cause, Error, ErrorKind, Operation, OperationName, Outcome, Parent, ParentName, Phase,
    Request, Resource, Time, Timestamp, Verdict,
};
use countermand_scheduler::{Event, List, Outage, Ticket, Window};
use http::Response;
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::counts::Counts;
use crate::job_row::{JobRow, Resolution, Target};
use crate::progress::SearchProgress;
use crate::search::{NotListed, Pages};
use crate::spell::spell;
use crate::store::{Job, JobError, Kind, Missed, Note, Record};

/// A request that has left and is not answered stands in the file after so long.
const FACTS: Duration = Duration::from_secs(1);

/// After a failure of the disk, how long to wait before the next try: the cancelling goes on.
const RETRY: Duration = Duration::from_secs(5);

/// Each with the place of its lane.
type OfLanes<T> = Vec<(usize, T)>;

/// Given names, by what the file knows of them.
pub(crate) struct TakenIn {
    /// Those that are to be cancelled, or looked at.
    pub(crate) open: Vec<(OperationName, Phase)>,
    /// The rows of those of which no request tells more.
    pub(crate) settled: Vec<JobRow>,
}

/// The job of a run, and the records that could not be written to it yet.
pub(crate) struct Recorder {
    job: Job,
    /// Records of the lanes that have not been written yet; the lanes that wait for that.
    together: Vec<Record>,
    gathering: bool,
    waiting: Vec<Waker>,
    /// Records that the disk has not taken.
    backlog: Vec<Record>,
    /// Error of the disk, and the time of the next attempt.
    trouble: Option<(JobError, Instant)>,
    /// Answers to looks since the last commit.
    bodies: HashMap<OperationName, [u8; 32]>,
    /// Operations whose cancels the server has refused since the last commit.
    refused: HashSet<OperationName>,
    clock: Clock,
    /// The times of intents whose requests have not left.
    intents: HashMap<(Resource, Call), Timestamp>,
    /// Requests that have left, and since when that is not written: a crash loses no more than that it
    /// is known, because the intent stands there.
    facts: Vec<(Time, Record)>,
    /// For a rescue: the filter for the operations that are found.
    pages: Option<Pages>,
    /// Lists and names that a page has brought and the run has not taken yet, with the lane of the page.
    lists: OfLanes<List>,
    found: OfLanes<OperationName>,
    recheck: bool,
    /// Nothing leaves, and nothing is told, that the disk has not taken.
    strict: bool,
    /// The causes that have stopped lanes, by their places: an operation that comes out there now was not attempted,
    /// and stays as it is.
    stopped: BTreeMap<usize, Cause>,
}

impl Recorder {
    pub(crate) fn new(job: Job, pages: Option<Pages>, recheck: bool, clock: Clock) -> Self {
        Self {
            strict: job.settings().kind == Kind::Feed,
            job,
            together: Vec::new(),
            gathering: false,
            waiting: Vec::new(),
            backlog: Vec::new(),
            trouble: None,
            bodies: HashMap::new(),
            refused: HashSet::new(),
            clock,
            intents: HashMap::new(),
            facts: Vec::new(),
            pages,
            lists: Vec::new(),
            found: Vec::new(),
            recheck,
            stopped: BTreeMap::new(),
        }
    }

    /// Takes given names into the job, new ones among them; `None` if the disk does not take them.
    pub(crate) fn take_in(&mut self, targets: Vec<Target>) -> Option<TakenIn> {
        let mut taken = TakenIn {
            open: Vec::new(),
            settled: Vec::new(),
        };
        let mut new = Vec::new();
        for target in targets {
            match self.job.row(&target.name) {
                Ok(Some(row)) => match row.taken_up(false) {
                    Some(phase) => taken.open.push((target.name, phase)),
                    None => taken.settled.push(row),
                },
                Ok(None) => {
                    taken.open.push((target.name.clone(), Phase::Unsent));
                    new.push(Record::Found(target));
                }
                Err(error) => {
                    self.trouble = Some((error, Instant::now() + RETRY));
                    return None;
                }
            }
        }
        self.write(new);
        self.trouble.is_none().then_some(taken)
    }

    /// Lists to be read and names to be cancelled, of the pages since the last call.
    pub(crate) fn turn(&mut self) -> (OfLanes<List>, OfLanes<OperationName>) {
        (
            std::mem::take(&mut self.lists),
            std::mem::take(&mut self.found),
        )
    }

    /// The state of the search; `None` where nothing is searched.
    pub(crate) fn progress(&mut self) -> Option<SearchProgress> {
        Some(SearchProgress {
            found: self.job.operations(),
            ..self.pages.as_ref()?.progress()
        })
    }

    /// The counts of the job, with the requests that have left and are not yet in the file as such.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = self.job.counts().clone();
        let left = self.facts.iter().filter(|(_, fact)| {
            matches!(
                fact,
                Record::Sent {
                    operation: Some(_),
                    call: Call::Cancel,
                    ..
                }
            )
        });
        let left = (left.count() as u64).min(counts.cancels_maybe_sent);
        counts.cancels_maybe_sent -= left;
        counts.cancels_sent += left;
        counts
    }

    /// True if a list that could not be read is a failure of its own.
    pub(crate) fn is_missed(&self, resource: &Resource, error: &Error) -> bool {
        let pages = self.pages.as_ref();
        pages.is_none_or(|pages| pages.is_missed(resource, error))
    }

    /// True if the search of a rescue was refused.
    pub(crate) fn has_failed(&self) -> bool {
        self.pages.as_ref().is_some_and(Pages::has_failed)
    }

    pub(crate) const fn job(&mut self) -> &mut Job {
        &mut self.job
    }

    /// A clause about the operations that a rescue has seen and left out, if there are any.
    pub(crate) fn excluded(&self) -> Option<String> {
        self.pages.as_ref().and_then(Pages::excluded)
    }

    /// The causes that stopped lanes before their end, by the places of the lanes.
    pub(crate) const fn stopped(&self) -> &BTreeMap<usize, Cause> {
        &self.stopped
    }

    /// Writes its outcome, and the records that the disk has not taken so far.
    pub(crate) fn end(mut self, how: &str) -> (Job, Option<JobError>, Vec<Record>) {
        let failure = self.stopped.values().find(|cause| cause.is_failure());
        let how = failure.map_or_else(|| how.to_owned(), |cause| format!("stopped: {cause}"));
        self.write_together();
        let facts = self.facts.drain(..).map(|(_, fact)| fact);
        self.backlog.extend(facts);
        let done = self.pages.as_ref().map(Pages::already_done);
        let at = self.clock.now();
        self.backlog
            .extend(done.and_then(|done| Record::already_done(done, at)));
        if self.job.operations() == 0
            && let Some(excluded) = self.excluded()
        {
            self.backlog.push(told(at, Note::LEFT_OUT, excluded));
        }
        self.backlog.push(Record::Ended {
            at: self.clock.now(),
            how,
        });
        self.flush();
        let trouble = self.trouble.map(|(error, _)| error);
        (self.job, trouble, self.backlog)
    }

    /// The last failure of the disk that has not been made good.
    pub(crate) fn trouble(&self) -> Option<&JobError> {
        self.trouble.as_ref().map(|(error, _)| error)
    }

    /// Notes that an outage goes on, since when, or (`None`) that it is over.
    pub(crate) fn outage(&mut self, outage: Option<&Outage>) {
        let note = match outage {
            Some(Outage {
                since, key, cause, ..
            }) => {
                let text = format!("{}: {cause}", key.as_str());
                told(self.clock.at(*since), Note::OUTAGE, text)
            }
            None => told(self.clock.now(), Note::OUTAGE_OVER, "the server is back"),
        };
        self.write(vec![note]);
    }

    /// Remembers the answer of a look, byte for byte, and that of a cancel if it is a refusal.
    pub(crate) fn answered(&mut self, ticket: &Ticket, response: &Response<Bytes>) {
        let Some(name) = ticket.resource().operation() else {
            return;
        };
        match (ticket.call(), response.status().is_success()) {
            (Call::Get, true) => {
                let hash = Sha256::digest(response.body());
                self.bodies.insert(name.clone(), hash.into());
            }
            (Call::Cancel, false) => {
                let read = Request::Cancel(name.clone()).read(response);
                if read.is_err_and(|error| !error.maybe_delivered()) {
                    self.refused.insert(name.clone());
                }
            }
            _ => {}
        }
    }

    /// Marks the cancels that were refused since the last commit, as far as they are not in the file.
    fn mark_refused(&mut self) {
        if self.refused.is_empty() {
            return;
        }
        for (_, fact) in &mut self.facts {
            if let Record::Sent {
                operation: Some(name),
                call: Call::Cancel,
                refused,
                ..
            } = fact
            {
                *refused |= self.refused.contains(name);
            }
        }
        self.refused.clear();
    }

    /// Takes the new events of a lane, to be written in one transaction: with those of the other lanes that have some
    /// at the same moment, because each transaction waits for the disk.
    pub(crate) fn commit(&mut self, lane: usize, events: &[Event]) {
        let at = self.clock.now();
        let mut records = std::mem::take(&mut self.together);
        if let Some(millis) = self.clock.jump() {
            records.push(told(at, "clock_set", jump(millis)));
        }
        for event in events {
            self.note(lane, event, at, &mut records);
        }
        self.together = records;
        self.gathering = true;
        if self.job.settings().lanes.len() == 1 {
            self.write_together();
        }
    }

    /// Ready once what was committed is written.
    pub(crate) fn poll_committed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match self.gathering {
            true => {
                self.waiting.push(context.waker().clone());
                Poll::Pending
            }
            // Its owner ends the run.
            false if self.strict && self.trouble.is_some() => Poll::Pending,
            false => Poll::Ready(()),
        }
    }

    /// Writes what was committed since the last time; `false` if there is nothing.
    pub(crate) fn write_together(&mut self) -> bool {
        if !std::mem::take(&mut self.gathering) {
            return false;
        }
        let mut records = std::mem::take(&mut self.together);
        self.bodies.clear();
        self.mark_refused();
        let mut all = self.due_facts(countermand::hyper::monotonic_now(), &records);
        all.append(&mut records);
        self.write(all);
        for lane in self.waiting.drain(..) {
            lane.wake();
        }
        true
    }

    /// The facts that are to be written now: with what else is written of their operations, which then
    /// is one change of a row, or when they are old.
    fn due_facts(&mut self, now: Time, records: &[Record]) -> Vec<Record> {
        let names = records.iter().filter_map(Record::operation);
        let names = names.collect::<HashSet<_>>();
        let due = |(since, fact): &mut (Time, Record)| {
            let old = (now - *since) >= FACTS;
            let with = fact.operation().is_none_or(|name| names.contains(name));
            old || (with && !records.is_empty())
        };
        let due = self.facts.extract_if(.., due);
        due.map(|(_, fact)| fact).collect()
    }

    /// Writes the facts that are old; gives the time at which the next one is.
    pub(crate) fn write_facts(&mut self, now: Time) -> Option<Time> {
        let oldest = |facts: &[(Time, Record)]| facts.first().map(|(since, _)| *since + FACTS);
        if oldest(&self.facts).is_some_and(|due| due <= now) {
            let facts = self.due_facts(now, &[]);
            self.write(facts);
        }
        oldest(&self.facts)
    }

    /// Writes records; records that the disk does not take are kept and tried again later.
    fn write(&mut self, records: Vec<Record>) {
        if records.is_empty() && self.backlog.is_empty() {
            return;
        }
        self.backlog.extend(records);
        let later = self
            .trouble
            .as_ref()
            .is_some_and(|(_, at)| *at > Instant::now());
        if !later {
            self.flush();
        }
    }

    /// Writes the remaining records, also before the next attempt is due.
    fn flush(&mut self) {
        match self.job.record(&self.backlog) {
            Ok(()) => {
                self.backlog.clear();
                self.trouble = None;
            }
            Err(error) => {
                self.trouble = Some((error, Instant::now() + RETRY));
            }
        }
    }

    /// Adds the records of an event.
    fn note(&mut self, lane: usize, event: &Event, at: Timestamp, records: &mut Vec<Record>) {
        match event {
            Event::Sending { resource, call } => {
                records.push(self.sending(lane, resource, *call, at))
            }
            Event::Sent {
                resource,
                call,
                at: left,
            } => self.sent(lane, resource, *call, *left),
            Event::NotSent {
                resource,
                call,
                phase,
                ..
            } => records.extend(self.not_sent(lane, resource, *call, *phase)),
            Event::Refused { name } => records.push(Record::Refused { name: name.clone() }),
            Event::Accepted { name } => records.push(Record::Accepted {
                name: name.clone(),
                at,
            }),
            Event::Finished { name, result } => self.finished(lane, name, result, at, records),
            Event::Paused {
                until,
                limit,
                window,
            } => records.extend(self.paused(lane, at, *until, (*limit, *window))),
            Event::ResourceClosed { resource } => {
                let text = format!("{resource} denied everything and was left alone");
                records.push(told(at, "enterprise_closed", text));
            }
            Event::Stopped { cause } => {
                let text = format!("{}{}", self.of_lane(lane), cause.text());
                self.stopped.insert(lane, cause.clone());
                records.push(told(at, "stopped", text));
            }
            Event::NotListed { resource, error } => {
                records.extend(self.not_listed(resource, error, at));
            }
            Event::Unreadable { resource, error } => {
                if let Some(pages) = &mut self.pages {
                    pages.unreadable(resource);
                }
                records.push(Record::Missed(Missed::new(at, resource, error)));
            }
            Event::Parents {
                grandparent,
                parents,
                last,
            } => {
                self.devices(lane, parents, *last, records);
                let enterprise = grandparent.clone();
                records.extend(last.then_some(Record::Listed { enterprise, at }));
            }
            Event::Operations {
                parent,
                operations,
                last,
            } => {
                self.find(lane, parent, operations, (*last, records));
                let device = parent.clone();
                records.extend(last.then_some(Record::Searched { device, at }));
            }
            _ => {}
        }
    }

    /// The record of an intent, which is remembered until its request has left.
    fn sending(&mut self, lane: usize, resource: &Resource, call: Call, at: Timestamp) -> Record {
        self.intents.insert((resource.clone(), call), at);
        Record::Sending {
            lane,
            operation: resource.operation().cloned(),
            resource: resource.quota_resource().to_owned(),
            call,
            at,
        }
    }

    /// Keeps the fact that a request has left, to be written with the next record of its operation.
    fn sent(&mut self, lane: usize, resource: &Resource, call: Call, left: Time) {
        let fact = Record::Sent {
            lane,
            operation: resource.operation().cloned(),
            resource: resource.quota_resource().to_owned(),
            call,
            at: self.clock.at(left),
            sending: self.intents.remove(&(resource.clone(), call)),
            refused: false,
        };
        self.facts.push((countermand::hyper::monotonic_now(), fact));
    }

    /// The record that an intent is void, if there was one.
    fn not_sent(
        &mut self,
        lane: usize,
        resource: &Resource,
        call: Call,
        phase: Phase,
    ) -> Option<Record> {
        let sending = self.intents.remove(&(resource.clone(), call))?;
        Some(Record::NotSent {
            lane,
            operation: resource.operation().cloned(),
            resource: resource.quota_resource().to_owned(),
            call,
            sending,
            phase,
        })
    }

    /// The result of a countermand by what the job knows of the operation: one that the server had told of, and of
    /// which it has no record now, is gone.
    pub(crate) fn conclude(
        &self,
        name: &OperationName,
        result: Result<Outcome, Error>,
    ) -> Result<Outcome, Error> {
        let told = || {
            let row = self.job.row(name);
            self.job.settings().kind == Kind::Rescue
                || matches!(row, Ok(Some(row)) if row.target.was_told())
        };
        match &result {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound(_)) && told() => {
                Outcome::of_known(result)
            }
            _ => result,
        }
    }

    /// Adds the records of an operation that has come out.
    fn finished(
        &self,
        lane: usize,
        name: &OperationName,
        result: &Result<Outcome, Error>,
        at: Timestamp,
        records: &mut Vec<Record>,
    ) {
        if let Err(error) = result
            && !error.maybe_delivered()
            && !self.recheck
        {
            records.push(Record::Refused { name: name.clone() });
        }
        let error = result.as_ref().err().cloned();
        let concluded = error.map(|error| self.conclude(name, Err(error)));
        let result = concluded.as_ref().unwrap_or(result);
        let mut resolution = Resolution::of(at, result);
        // Beside an error the last answer is not the one that the verdict rests on.
        if resolution.verdict.is_some() && resolution.error.is_none() {
            resolution.body_sha256 = self.bodies.get(name).copied();
        }
        if self.is_news(lane, name, result, &resolution) {
            let name = name.clone();
            records.push(Record::Finished { name, resolution });
        }
    }

    /// The record of a list that could not be read. One that was not attempted stays unsearched; the
    /// cause has a note of its own.
    fn not_listed(&mut self, resource: &Resource, error: &Error, at: Timestamp) -> Option<Record> {
        let pages = self.pages.as_mut();
        match pages.map(|pages| pages.not_listed(resource, error, at)) {
            Some(NotListed::Vanished(vanished)) => Some(Record::Vanished(vanished)),
            Some(NotListed::NotAttempted) => None,
            Some(NotListed::Missed) | None => {
                Some(Record::Missed(Missed::new(at, resource, error)))
            }
        }
    }

    /// Adds the devices of a page of a rescue, and keeps the lists of their operations for the run.
    fn devices(&mut self, lane: usize, devices: &[Parent], last: bool, records: &mut Vec<Record>) {
        if let Some(pages) = &mut self.pages {
            let lists = pages.devices(devices, last).into_iter();
            self.lists.extend(lists.map(|list| (lane, list)));
        }
        records.extend(devices.iter().map(|device| Record::Device {
            name: device.name.clone(),
            seen: device.active_time,
        }));
    }

    /// Adds the operations of a page of a rescue that are meant and new, and keeps their names for the
    /// run.
    fn find(
        &mut self,
        lane: usize,
        device: &ParentName,
        operations: &[Operation],
        (last, records): (bool, &mut Vec<Record>),
    ) {
        let Some(pages) = &mut self.pages else { return };
        pages.operations(last);
        for operation in operations {
            let Some(target) = pages.target(device, operation) else {
                continue;
            };
            // One of an earlier run is in the job already, and under way if it is not settled.
            if matches!(self.job.row(&target.name), Ok(Some(_))) {
                continue;
            }
            self.found.push((lane, target.name.clone()));
            records.push(Record::Found(target));
        }
    }

    /// True unless the file knows better.
    fn is_news(
        &self,
        lane: usize,
        name: &OperationName,
        result: &Result<Outcome, Error>,
        resolution: &Resolution,
    ) -> bool {
        let error = match result {
            Ok(outcome) => outcome.error.as_ref(),
            Err(error) => Some(error),
        };
        let cut_short = error.is_some_and(|error| {
            matches!(error.kind(), ErrorKind::NotAttempted { .. })
                && self.stopped.contains_key(&lane)
        });
        // A look at an operation for which it is not known if its cancel was accepted: that it is
        // pending says nothing new.
        let unasked = self.recheck
            && matches!(
                resolution.verdict,
                Some(Verdict::Pending | Verdict::Unverified) | None
            )
            && !matches!(self.job.row(name), Ok(Some(row)) if row.progress.phase == Phase::Accepted);
        !cut_short && !unasked
    }

    /// The records of a pause that the server asked for.
    fn paused(
        &self,
        lane: usize,
        at: Timestamp,
        until: Time,
        (limit, window): (Option<u64>, Option<Window>),
    ) -> Vec<Record> {
        let pause = until - countermand::hyper::monotonic_now();
        let text = format!(
            "{}the server refused for the quota: no request for the next {:.1} s",
            self.of_lane(lane),
            pause.as_secs_f64()
        );
        let until = at.saturating_add(pause);
        let lowered = window.map(|window| Record::Lowered {
            lane,
            limit: window.limit(),
            span: window.span(),
        });
        let paused = [Record::Paused {
            lane,
            at,
            until,
            limit,
        }]
        .into_iter();
        paused
            .chain(lowered)
            .chain([told(at, "paused", text)])
            .collect()
    }

    /// The begin of a note that concerns one of several lanes: `lane prod: `.
    fn of_lane(&self, lane: usize) -> String {
        let settings = self.job.settings();
        match settings.has_one_lane() {
            true => String::new(),
            false => format!("lane {}: ", settings.lanes[lane].name),
        }
    }
}

fn told(at: Timestamp, kind: &str, text: impl Into<String>) -> Record {
    Record::Note {
        at,
        kind: kind.to_owned(),
        text: text.into(),
    }
}

fn jump(millis: i64) -> String {
    let direction = match millis < 0 {
        true => "back",
        false => "forward",
    };
    let by = spell(Duration::from_millis(millis.unsigned_abs()));
    format!(
        "this machine's clock was set {direction} by {by}: times of this run go on by the clock it began with"
    )
}
