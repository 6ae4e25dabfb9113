//! Applies a job, resumes one, and rescues: searches and cancels at once.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;
use countermand::Client;
use countermand::hyper::{Journal, runtime};
use countermand_core::text::chain;
use countermand_core::{Cause, Error, OperationName, Phase, Resource, Time, Timestamp};
use countermand_scheduler::{Event, List, Outage, Progress, Ticket};
use futures_core::Stream;
use futures_util::stream::{self, SelectAll, StreamExt};
use http::Response;
use tokio::time::{Sleep, sleep};

use crate::authorize::{AuthorizedJob, is_at};
use crate::clock::{Clock, Wall, now};
use crate::job_row::{JobRow, Target};
use crate::journal::{Recorder, TakenIn};
use crate::lane::{Lane, LaneError, Lanes};
use crate::progress::{Failing, JobProgress, SearchProgress};
use crate::schedule::{Options, TakenUp, scheduler};
use crate::search::Pages;
use crate::side::{Names, Polled, Side, lock};
use crate::store::{Job, JobError, JobErrorKind, Kind, Record, Settings};

/// A job under way: a stream of its events, each in the job file before it is told.
///
/// Of a search, [`NotListed`](Event::NotListed) comes only for a list that failed by itself: a device
/// that vanished is in the job ([`Contents::vanished`](crate::store::Contents::vanished)), and what was not attempted has one cause.
///
/// # Cancellation safety
/// The run holds the requests in flight: a future of its next event may be dropped, and the next one goes
/// on. Dropping the run is like a crash: the file has every event that was told, each request in flight may
/// have been delivered or not, and the next run goes on from there. [`stop`](Self::stop) awaits them instead.
pub struct Run {
    lanes: Vec<Side>,
    /// The lanes that have not come to their end.
    running: SelectAll<Side>,
    recorder: Shared,
    /// Operations that are under way or wait for their turn in this run, at its beginning.
    open: u64,
    /// Operations that a rescue may still take on.
    room: u64,
    /// Operations that it has left alone because there was no room.
    skipped: u64,
    /// Operations that a recheck leaves alone, because its service has no method that shows them.
    not_rechecked: u64,
    /// Lanes that were asked since the outages were looked at; these, by the places of the lanes.
    polled: Polled,
    outages: BTreeMap<usize, Outage>,
    /// The names of the lanes, and the place of that of the latest event.
    names: Vec<String>,
    latest: usize,
    /// The file tells that the server fails.
    outage_noted: bool,
    /// Wakes the run for what [`keep`](Self::keep) has to write then.
    timer: Option<(Time, Pin<Box<Sleep>>)>,
}

/// A run that has ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The job, still locked.
    pub job: Job,
    /// The failure of the disk, if there was one: results since then are not in the file.
    pub trouble: Option<JobError>,
    /// The file does not stand under its name any more, so that nothing can go on with it there.
    pub lost: bool,
    unwritten: Vec<Record>,
}

impl Ended {
    /// The number of results that are not in the file.
    #[must_use]
    pub fn unwritten(&self) -> usize {
        let results = self.unwritten.iter();
        results
            .filter(|record| matches!(record, Record::Finished { .. }))
            .count()
    }

    /// Every operation, with the results of this run, also if the disk did not take them.
    ///
    /// # Errors
    /// The disk's; then there is no more.
    pub fn rows(&self) -> impl Iterator<Item = Result<JobRow, JobError>> + '_ {
        let mut news = HashMap::<&OperationName, Vec<&Record>>::new();
        let mut found = Vec::new();
        for record in &self.unwritten {
            match record {
                Record::Found(target) => found.push(target),
                _ => {
                    if let Some(name) = record.operation() {
                        news.entry(name).or_default().push(record);
                    }
                }
            }
        }
        let behind = (self.job.operations() + 1..).zip(found);
        let completed = self.job.completed();
        let behind =
            behind.map(|(position, target)| completed(JobRow::new(position, target.clone())));
        self.job
            .rows()
            .chain(behind.collect::<Vec<_>>())
            .map(move |row| {
                let mut row = row?;
                for record in news.get(&row.target.name).into_iter().flatten() {
                    record.apply(&mut row.progress);
                }
                Ok(row)
            })
    }
}

/// The clients of a run: one for each lane of its job, in their order, or one for all.
///
/// A job as nearly all are has one lane, and `&client` is all that [`Run::begin`] needs.
#[derive(Clone, Debug)]
pub struct Clients(Vec<Client>);

impl From<&Client> for Clients {
    fn from(client: &Client) -> Self {
        Self(vec![client.clone()])
    }
}

impl From<Client> for Clients {
    fn from(client: Client) -> Self {
        Self(vec![client])
    }
}

impl From<Vec<Client>> for Clients {
    fn from(clients: Vec<Client>) -> Self {
        Self(clients)
    }
}

impl Clients {
    /// The client of each lane.
    fn of(&self, job: &Job) -> Result<Vec<&Client>, JobError> {
        let lanes = &job.settings().lanes;
        let clients = match &*self.0 {
            [one] => vec![one; lanes.len()],
            several if several.len() == lanes.len() => several.iter().collect(),
            several => {
                let (lanes, clients) = (lanes.len(), several.len());
                return Err(
                    JobErrorKind::from(LaneError::Clients { lanes, clients }).at(job.path())
                );
            }
        };
        for (lane, client) in lanes.iter().zip(&clients) {
            Self::check(job, lane, client)?;
        }
        Ok(clients)
    }

    fn check(job: &Job, lane: &Lane, client: &Client) -> Result<(), JobError> {
        let (own, other) = (lane.service.id, client.get_endpoint().service().id);
        if own != other {
            let what = format!("it is for the service {own}, and the client for {other}");
            return Err(JobErrorKind::Service { what }.at(job.path()));
        }
        if !is_at(lane, client.get_endpoint()) {
            return Err(JobErrorKind::OtherEndpoint {
                job: lane.endpoint.clone(),
                client: client.get_endpoint().to_string(),
            }
            .at(job.path()));
        }
        Ok(())
    }
}

/// The journal of a lane.
struct LaneJournal {
    place: usize,
    shared: Shared,
}

/// The recorder, which the scheduler writes and the run reads. `None` once the run has ended.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Option<Recorder>>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Recorder>> {
        lock(&self.0)
    }

    /// Takes given names into the file; `None` if the disk does not take them.
    pub(crate) fn take_in(&self, targets: Vec<Target>) -> Option<TakenIn> {
        self.lock().as_mut()?.take_in(targets)
    }
}

impl Journal for LaneJournal {
    fn commit(&mut self, events: &[Event]) {
        if let Some(recorder) = &mut *self.shared.lock() {
            recorder.commit(self.place, events);
        }
    }

    fn poll_committed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut *self.shared.lock() {
            Some(recorder) => recorder.poll_committed(context),
            None => Poll::Ready(()),
        }
    }

    fn answered(&mut self, ticket: &Ticket, response: &Response<Bytes>) {
        if let Some(recorder) = &mut *self.shared.lock() {
            recorder.answered(ticket, response);
        }
    }
}

impl Run {
    /// Begins, or goes on: what is settled is left alone, what was accepted is only looked at, the
    /// rest is cancelled in the job's order. A rescue also searches what it has not searched yet.
    ///
    /// Quota and deadline are the job's. A job that no [`Authorization`](crate::Authorization) agrees
    /// with does not run:
    ///
    /// ```compile_fail,E0308
    /// # use countermand_fleet::{Job, JobError, Run};
    /// # use countermand::Client;
    /// fn begin(client: &Client, job: Job) -> Result<Run, JobError> {
    ///     Run::begin(client, job)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`OtherEndpoint`](JobErrorKind::OtherEndpoint) for a client of another endpoint than the job's, and
    /// the disk's; nothing was sent.
    pub fn begin(clients: impl Into<Clients>, job: AuthorizedJob) -> Result<Self, JobError> {
        Self::begin_by(clients, job, now)
    }

    /// The same by another clock than the machine's, for tests of clocks that are set.
    ///
    /// # Errors
    /// As of [`begin`](Self::begin).
    #[doc(hidden)]
    pub fn begin_by(
        clients: impl Into<Clients>,
        job: AuthorizedJob,
        wall: fn() -> Timestamp,
    ) -> Result<Self, JobError> {
        let AuthorizedJob { job, options } = job;
        let names = TakenUp::of(&job, options.recheck)?;
        let (open, not_rechecked) = (names.count(), names.not_rechecked);
        let names = |_: &Shared| {
            let lanes = names.lanes.into_iter();
            let names = |names: Vec<Vec<_>>| stream::iter(names.into_iter().flatten()).boxed();
            lanes.map(names).collect()
        };
        let settings = job.settings().clone();
        let run = Self::start((clients.into(), settings), job, options, wall, names)?;
        Ok(Self {
            open,
            not_rechecked,
            ..run
        })
    }

    /// Begins with names that come while it runs, of the only lane of a job, with the quota and the deadline of these
    /// settings.
    pub(crate) fn fed(
        (client, settings): (&Client, Settings),
        job: Job,
        options: Options,
        wall: Wall,
        names: impl FnOnce(Shared) -> Names,
    ) -> Result<Self, JobError> {
        let clients = (Clients::from(client), settings);
        Self::start(clients, job, options, wall, |recorder| {
            vec![names(recorder.clone())]
        })
    }

    fn start(
        (clients, settings): (Clients, Settings),
        mut job: Job,
        options: Options,
        wall: Wall,
        names: impl FnOnce(&Shared) -> Vec<Names>,
    ) -> Result<Self, JobError> {
        let clients = clients.of(&job)?;
        let clock = Clock::start(wall);
        let rescue = settings.kind == Kind::Rescue && !options.recheck;
        let max = if rescue { settings.most() } else { u64::MAX };
        let (pages, lists) = match rescue {
            true => Pages::of_job(&job).map(|(pages, lists)| (Some(pages), lists))?,
            false => (None, Vec::new()),
        };
        let lists = placed(&job, lists)?;
        let places = 0..settings.lanes.len();
        let schedulers = places
            .map(|lane| (&settings, lane))
            .map(|lane| scheduler(&job, lane, options, clock.begun(), clock.uptime()))
            .collect::<Result<Vec<_>, _>>()?;
        let uptime = clock.uptime().cloned();
        // Only a run that may send cancels starts a job, after which a plan has no greatest age.
        if !options.recheck || job.runs().next().transpose()?.is_some() {
            job.record(&[Record::Begun {
                at: clock.begun(),
                uptime,
            }])?;
        }

        let operations = job.operations();
        let recorder = Recorder::new(job, pages, options.recheck, clock);
        let recorder = Shared(Arc::new(Mutex::new(Some(recorder))));
        let polled = Polled::default();
        let lanes = clients.into_iter().zip(schedulers).zip(names(&recorder));
        let lanes = lanes
            .enumerate()
            .map(|(place, ((client, scheduler), names))| {
                let shared = recorder.clone();
                let stream = client.run(scheduler, names);
                let stream = stream.journal(LaneJournal { place, shared });
                Side::new(place, polled.clone(), stream)
            });
        let lanes: Vec<_> = lanes.collect();
        for (place, list) in lists {
            lanes[place].lock().search(list);
        }
        Ok(Self {
            running: stream::select_all(lanes.clone()),
            lanes,
            recorder,
            open: 0,
            room: max.saturating_sub(operations),
            skipped: operations.saturating_sub(max),
            not_rechecked: 0,
            polled,
            outages: BTreeMap::new(),
            names: settings.lanes.into_iter().map(|lane| lane.name).collect(),
            latest: 0,
            outage_noted: false,
            timer: None,
        })
    }

    /// Sends nothing new: requests in flight are awaited, the rest stays as it is in the file.
    pub fn stop(&mut self, cause: impl Into<Box<str>>) {
        let cause = cause.into();
        for lane in &self.lanes {
            lane.lock().stop(cause.clone());
        }
        // Each is asked anew: one that waited for its quota does not wait any more.
        self.running = stream::select_all(self.lanes.clone());
    }

    /// Its progress.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.lanes.iter().map(|lane| lane.lock().progress()).sum()
    }

    /// The counts of the job over all its runs, for a [`Meter`](crate::Meter).
    ///
    /// # Panics
    /// Never: a run has its recorder until it ends.
    #[must_use]
    pub fn counted(&self) -> JobProgress {
        let mut recorder = self.recorder.lock();
        let recorder = recorder.as_mut();
        let recorder = recorder.expect("a run has its recorder until it ends");
        let progress = self.progress();
        JobProgress {
            remaining: self
                .open
                .max(progress.pushed)
                .saturating_sub(progress.finished),
            ..JobProgress::of_counts(&recorder.counts(), recorder.progress())
        }
    }

    /// The number of operations that a recheck does not look at, because their service has no method that shows them.
    #[must_use]
    pub const fn not_rechecked(&self) -> u64 {
        self.not_rechecked
    }

    /// The state of a rescue's search; `None` where nothing is searched.
    #[must_use]
    pub fn search_progress(&self) -> Option<SearchProgress> {
        self.recorder.lock().as_mut().and_then(Recorder::progress)
    }

    /// The outage, if there is one.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        self.lanes.iter().find_map(|lane| lane.lock().outage())
    }

    /// A rescue's search has failed in this run, as of [`Search::has_failed`](crate::Search::has_failed).
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.recorder
            .lock()
            .as_ref()
            .is_some_and(Recorder::has_failed)
    }

    /// The number of operations that are to come out of this run, as far as is known.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        self.open
    }

    /// The number of operations that a rescue has found and left alone, because there were more than it may
    /// take on.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Reason why the disk takes no records at the moment: the run goes on, and its results are not
    /// in the file.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let recorder = self.recorder.lock();
        let trouble = recorder.as_ref().and_then(Recorder::trouble);
        trouble.map(|trouble| chain(trouble))
    }

    /// Reads the job, or sets its limits, while the run goes on.
    ///
    /// # Panics
    /// Never: a run has its recorder until it ends.
    pub fn job<T>(&mut self, look: impl FnOnce(&mut Job) -> T) -> T {
        let mut recorder = self.recorder.lock();
        let recorder = recorder.as_mut();
        look(
            recorder
                .expect("a run has its recorder until it ends")
                .job(),
        )
    }

    /// The failure that stopped it, or one of its lanes, before its end. The rest was not attempted, and stays as it is in
    /// the file.
    #[must_use]
    pub fn stopped(&self) -> Option<Cause> {
        let recorder = self.recorder.lock();
        let mut stopped = recorder.as_ref()?.stopped().values();
        stopped.find(|cause| cause.is_failure()).cloned()
    }

    /// The name of the lane that the latest event is of; `None` in a job whose lanes have no names.
    #[must_use]
    pub fn lane(&self) -> Option<&str> {
        let name = self.names.get(self.latest).map(String::as_str);
        name.filter(|name| !name.is_empty())
    }

    /// Ends it, in a few words, and gives the job back. One that a failure has stopped is recorded as
    /// stopped, and by what. What has not come out is as after a crash.
    ///
    /// # Panics
    /// Never: a run has its recorder until it ends.
    #[must_use]
    pub fn end(self, how: &str) -> Ended {
        let Self {
            lanes,
            running,
            recorder,
            ..
        } = self;
        drop((lanes, running));
        let recorder = recorder.lock().take();
        let recorder = recorder.expect("a run has its recorder until it ends");
        let (mut job, trouble, unwritten) = recorder.end(how);
        let lost = trouble.is_some() && job.in_place(true).is_err();
        Ended {
            lost,
            job,
            trouble,
            unwritten,
        }
    }

    /// True if a list that could not be read is a failure of its own.
    fn is_missed(&self, resource: &Resource, error: &Error) -> bool {
        let recorder = self.recorder.lock();
        recorder
            .as_ref()
            .is_none_or(|recorder| recorder.is_missed(resource, error))
    }

    /// Keeps in the file what no event brings there in time, for those who look at it from another
    /// process and for a run that is killed: requests that left, and whether the server fails.
    fn keep(&mut self, context: &mut Context<'_>) {
        let now = countermand::hyper::monotonic_now();
        for place in std::mem::take(&mut *lock(&self.polled)) {
            match self.lanes[place].lock().outage() {
                Some(outage) => self.outages.insert(place, outage),
                None => self.outages.remove(&place),
            };
        }
        let outage = self.outages.values().next().cloned();
        let since = outage.as_ref().map(Failing::since);
        match since {
            Some(since) if !self.outage_noted && since <= now => self.note(outage.as_ref()),
            None if self.outage_noted => self.note(None),
            _ => {}
        }
        let mut recorder = self.recorder.lock();
        let facts = recorder.as_mut().and_then(|it| it.write_facts(now));
        drop(recorder);
        let news = since.filter(|_| !self.outage_noted);
        let Some(next) = facts.into_iter().chain(news).min() else {
            self.timer = None;
            return;
        };
        // An earlier timer does as well: it looks again.
        if self.timer.as_ref().is_none_or(|(at, _)| *at > next) && runtime::check_time().is_ok() {
            self.timer = Some((next, Box::pin(sleep(next - now))));
        }
        if let Some((_, timer)) = &mut self.timer
            && timer.as_mut().poll(context).is_ready()
        {
            self.timer = None;
            context.waker().wake_by_ref();
        }
    }

    fn note(&mut self, outage: Option<&Outage>) {
        self.outage_noted = outage.is_some();
        if let Some(recorder) = self.recorder.lock().as_mut() {
            recorder.outage(outage);
        }
    }

    /// Writes what the lanes have to write, in one piece; `false` if there is nothing.
    fn write_together(&self) -> bool {
        let mut recorder = self.recorder.lock();
        recorder.as_mut().is_some_and(Recorder::write_together)
    }

    /// Goes on from a page, before anything else is sent.
    fn turn(&mut self) {
        let (lists, found) = match self.recorder.lock().as_mut() {
            Some(recorder) => recorder.turn(),
            None => return,
        };
        for (lane, list) in lists {
            self.lanes[lane].lock().search(list);
        }
        for (lane, name) in found {
            match self.room.checked_sub(1) {
                Some(room) => {
                    self.room = room;
                    let new = self.lanes[lane].lock().push(name, Phase::Unsent);
                    self.open += u64::from(new);
                }
                None => self.skipped += 1,
            }
        }
    }
}

/// Lists with the places of the lanes that pay for them.
fn placed(job: &Job, lists: Vec<List>) -> Result<Vec<(usize, List)>, JobError> {
    let refuse = |error: LaneError| JobErrorKind::from(error).at(job.path());
    let lanes = Lanes::new(&job.settings().lanes).map_err(refuse)?;
    let place = |list: List| {
        let lane = match &list {
            List::Parents(above) => lanes.of_all(above),
            List::Operations { parent, .. } => lanes.of_all(parent),
        };
        lane.map(|lane| (lane, list)).map_err(refuse)
    };
    lists.into_iter().map(place).collect()
}

impl Stream for Run {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        let event = loop {
            let event = pin!(&mut this.running).poll_next(context);
            let event = event.map(|event| {
                event.map(|(place, event)| {
                    this.latest = place;
                    event
                })
            });
            match event {
                Poll::Ready(Some(Event::NotListed { resource, error }))
                    if !this.is_missed(&resource, &error) => {}
                Poll::Ready(Some(Event::Finished { name, result })) => {
                    let result = match &*this.recorder.lock() {
                        Some(recorder) => recorder.conclude(&name, result),
                        None => result,
                    };
                    break Poll::Ready(Some(Event::Finished { name, result }));
                }
                // Every lane that had something to do has done it.
                Poll::Pending if this.write_together() => {}
                event => break event,
            }
        };
        if let Poll::Ready(Some(Event::Parents { .. } | Event::Operations { .. })) = &event {
            this.turn();
        }
        this.keep(context);
        event
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}
