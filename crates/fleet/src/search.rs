//! Finds pending operations.

use std::borrow::Borrow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use countermand::Client;
use countermand_core::{
    Cause, Error, ErrorKind, FailureScope, GrandparentName, Operation, OperationName, Parent,
    ParentName, Resource, Timestamp,
};
use countermand_scheduler::PastCall;
use countermand_scheduler::{Event, List, Outage, Progress, Scheduler};
use futures_core::Stream;
use futures_util::stream::{self, SelectAll, StreamExt};

use crate::already_done::AlreadyDone;
use crate::clock::now;
use crate::filter::{Excluded, Filter};
use crate::job_row::Target;
use crate::lane::{Lane, LaneError, Lanes};
use crate::not_searched::NotSearched;
use crate::progress::SearchProgress;
use crate::schedule::Options;
use crate::services::Services;
use crate::side::{Polled, Side};
use crate::store::{Job, JobError, Missed, Record, Uptime, Vanished};

/// Events of a search.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller of a search acts on each of them"
)]
pub enum Found {
    /// A pending operation that is meant.
    Operation(Target),
    /// A device that a list showed and that is gone now: probably wiped.
    Vanished(Vanished),
    /// A list that could not be read to its end: operations in it may have been missed.
    Missed {
        /// The device, or the enterprise.
        resource: Resource,
        /// Reason for that.
        error: Error,
    },
    /// An enterprise refused every call; the rest of it is not searched.
    ResourceClosed(Box<str>),
    /// The rest is not searched, for this cause.
    Stopped(Cause),
    /// A passing failure of a kind that was not met before; it is retried.
    Failing(Box<str>),
    /// All requests wait: the quota is used up.
    Paused(Duration),
}

/// A search under way: a stream of the operations that it finds, at most once each.
///
/// All devices of the enterprises are listed, 100 a page, and of each device all operations to the
/// last page: the list is oldest first, so the pending ones come last. Under a quota, like
/// everything; [`costs`](Self::costs) says what it took, so that it is not spent again by what
/// comes after it.
///
/// ```
/// use countermand_fleet::{Filter, Found, Search};
/// use futures_util::StreamExt;
/// # use countermand::{Client, Token, hyper::Authorized};
/// # use countermand_emulator::{Config, Shared};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let shared = Shared::new(Config::default().operations(2, 0));
/// # let endpoint: countermand_core::Endpoint = "http://127.0.0.1".parse()?;
/// # let transport = Authorized::new(endpoint.clone(), Token::new("emulator-token")?, shared.clone());
/// # let client = Client::new(transport).endpoint(endpoint);
/// # let enterprise = shared.with(|emulator, _| emulator.grandparent().parse())?;
///
/// let mut search = Search::new(&client, client.scheduler(), [enterprise], [], Filter::default());
/// let mut targets = Vec::new();
/// while let Some(found) = search.next().await {
///     match found {
///         Found::Operation(target) => targets.push(target),
///         Found::Missed { resource, error } => eprintln!("{resource} was not read: {error}"),
///         _ => {}
///     }
/// }
/// assert!(!search.has_failed() && search.search_progress().all_listed);
/// assert_eq!(targets.len(), 6); // 2 of each of 3 devices
/// # Ok(())
/// # }
/// ```
///
/// # Cancellation safety
/// The search holds the requests in flight, which only read: a future of its next find may be dropped, and the
/// next one goes on. Dropping the search drops them; what they cost is in [`costs`](Self::costs) while it is there.
pub struct Search {
    lanes: Vec<Side>,
    /// The lanes that have not come to their end.
    running: SelectAll<Side>,
    names: Vec<String>,
    /// The lane of the latest event.
    latest: usize,
    pages: Pages,
    found: VecDeque<Target>,
    /// A list that changes while it is read may show an operation twice.
    known: HashSet<OperationName>,
}

/// The part of a search that one lane pays for.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the caller fills it in")]
pub struct SearchLane {
    /// The name of the lane; empty where there is one for all.
    pub name: String,
    /// The client of the lane.
    pub client: Client,
    /// Its quota and its limit of requests.
    pub scheduler: Scheduler,
    /// The enterprises whose devices are searched.
    pub enterprises: Vec<GrandparentName>,
    /// Devices that are searched.
    pub devices: Vec<ParentName>,
}

impl SearchLane {
    /// The part of each lane, with the names that belong to it. `in_flight` is the limit of all together.
    ///
    /// # Errors
    /// A name that belongs to no lane, or to two.
    pub fn spread(
        lanes: &[Lane],
        clients: Vec<Client>,
        in_flight: usize,
        enterprises: &[GrandparentName],
        devices: &[ParentName],
    ) -> Result<Vec<Self>, LaneError> {
        let options = Options {
            in_flight,
            ..Options::default()
        };
        let of_each = options.in_flight_of_each(lanes.len());
        let begin = |(lane, client): (&Lane, Client)| Self {
            name: lane.name.clone(),
            scheduler: client.scheduler().quota(lane.quota()).in_flight(of_each),
            client,
            enterprises: Vec::new(),
            devices: Vec::new(),
        };
        let mut searches: Vec<_> = lanes.iter().zip(clients).map(begin).collect();
        let known = Lanes::new(lanes)?;
        for name in enterprises {
            let lane = known.of_all(name)?;
            searches[lane].enterprises.push(name.clone());
        }
        for name in devices {
            let lane = known.of_all(name)?;
            searches[lane].devices.push(name.clone());
        }
        Ok(searches)
    }
}

/// Decides at which page a search goes on, and which of its operations are meant: the same for a
/// search alone and for one that cancels.
#[derive(Debug)]
pub(crate) struct Pages {
    filter: Filter,
    /// Ages are counted from here.
    begun: Timestamp,
    /// Devices that are searched in this run.
    devices: HashMap<ParentName, Known>,
    /// Devices that an earlier run has searched to the end.
    searched: HashSet<ParentName>,
    /// Lists of which a part could not be read.
    incomplete: HashSet<Resource>,
    /// Operations that were seen and left out.
    excluded: Excluded,
    /// Lists of devices that have not come to their end.
    unlisted: u64,
    /// A page of a list has come.
    answered: bool,
    /// A list was not read because of a failure that concerns everything.
    failed: bool,
    progress: SearchProgress,
}

/// The reason why a list was not read to its end.
pub(crate) enum NotListed {
    /// A list has shown the device, and the API says now that it does not exist.
    Vanished(Vanished),
    /// The error that stopped everything, or closed the enterprise, has been told.
    NotAttempted,
    /// A failure of its own.
    Missed,
}

/// A device that is searched.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The time of its last report.
    seen: Option<Timestamp>,
    /// The server has shown it in a list, so that it exists or existed.
    listed: bool,
}

impl Pages {
    pub(crate) fn new(services: &Services, filter: Filter, begun: Timestamp) -> Self {
        Self {
            filter,
            begun,
            devices: HashMap::new(),
            searched: HashSet::new(),
            incomplete: HashSet::new(),
            unlisted: 0,
            answered: false,
            failed: false,
            progress: SearchProgress::of(services),
            excluded: Excluded::default(),
        }
    }

    /// The list of an enterprise's devices, unless nothing of it is meant.
    fn enterprise(&mut self, enterprise: GrandparentName) -> Option<List> {
        if self.filter.excludes(&enterprise) {
            return None;
        }
        self.unlisted += 1;
        Some(List::Parents(enterprise))
    }

    /// Rest of the search of a rescue, and the lists that this begins with.
    pub(crate) fn of_job(job: &Job) -> Result<(Self, Vec<List>), JobError> {
        let settings = job.settings();
        let mut pages = Self::new(job.services(), settings.filter.clone(), job.created());
        let mut lists = Vec::new();
        let missed = job.missed()?.into_iter().filter(Missed::is_final);
        let missed: HashSet<_> = missed.map(|missed| missed.resource).collect();
        for enterprise in &settings.enterprises {
            match missed.contains(enterprise.as_str()) {
                true => pages.progress.missed += 1,
                false => lists.extend(pages.enterprise(enterprise.clone())),
            }
        }
        for device in job.devices() {
            let device = device?;
            if device.searched.is_some() {
                pages.progress.devices += 1;
                pages.progress.searched += 1;
                pages.progress.pages += 1;
                pages.searched.insert(device.name);
                continue;
            }
            if missed.contains(device.name.as_str()) {
                pages.progress.devices += 1;
                pages.progress.missed += 1;
                pages.searched.insert(device.name);
                continue;
            }
            // The file does not record the source of a device; in an enterprise that is searched, it is
            // the enterprise's list.
            let listed = settings.enterprises.contains(&device.name.parent());
            lists.extend(pages.device(device.name, device.seen, listed));
        }
        Ok((pages, lists))
    }

    /// A clause about the operations that were seen and left out, if there are any.
    pub(crate) fn excluded(&self) -> Option<String> {
        self.excluded.sentence(&self.filter)
    }

    /// Operations that the lists of the named devices do not have.
    fn not_searched(&self) -> NotSearched {
        NotSearched::of(self.devices.keys())
    }

    /// Operations that are meant and were done before.
    pub(crate) const fn already_done(&self) -> &AlreadyDone {
        self.excluded.already_done()
    }

    /// The list of a device's operations, unless it is known or nothing of it is meant.
    fn device(
        &mut self,
        device: ParentName,
        seen: Option<Timestamp>,
        listed: bool,
    ) -> Option<List> {
        if self.searched.contains(&device) || self.filter.excludes(&device) {
            return None;
        }
        match self.devices.entry(device.clone()) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.seen = seen.or(known.seen);
                known.listed |= listed;
                None
            }
            Entry::Vacant(new) => {
                new.insert(Known { seen, listed });
                self.progress.devices += 1;
                Some(List::Operations {
                    parent: device,
                    seen,
                    filter: self.filter.server_side.clone(),
                })
            }
        }
    }

    /// Takes a page of devices; the lists of their operations that are not searched yet.
    pub(crate) fn devices(&mut self, devices: &[Parent], last: bool) -> Vec<List> {
        self.answered = true;
        self.unlisted -= u64::from(last);
        let new = devices
            .iter()
            .filter_map(|device| self.device(device.name.clone(), device.active_time, true));
        new.collect()
    }

    /// Takes note of a page of a device's operations.
    pub(crate) fn operations(&mut self, last: bool) {
        self.answered = true;
        self.progress.pages += 1;
        self.progress.searched += u64::from(last);
    }

    /// Takes a list that could not be read.
    pub(crate) fn not_listed(
        &mut self,
        resource: &Resource,
        error: &Error,
        at: Timestamp,
    ) -> NotListed {
        self.unlisted -= u64::from(matches!(resource, Resource::Grandparent(_)));
        let reason = self.reason(resource, error, at);
        self.failed |= concerns_everything(error.kind());
        *match &reason {
            NotListed::Vanished(_) => &mut self.progress.vanished,
            NotListed::NotAttempted => &mut self.progress.not_attempted,
            NotListed::Missed => &mut self.progress.missed,
        } += 1;
        reason
    }

    /// Nothing at all could be searched, or a failure that concerns everything kept a list from being
    /// read: what was found is no result.
    pub(crate) const fn has_failed(&self) -> bool {
        self.failed || (!self.answered && self.progress.missed > 0)
    }

    /// Takes a page with a part that could not be read; each list is counted once.
    pub(crate) fn unreadable(&mut self, list: &Resource) {
        self.progress.missed += u64::from(self.incomplete.insert(list.clone()));
    }

    fn reason(&self, resource: &Resource, error: &Error, at: Timestamp) -> NotListed {
        if let ErrorKind::NotAttempted { .. } = error.kind() {
            return NotListed::NotAttempted;
        }
        if let Resource::Parent(device) = resource
            && let Some(known) = self.devices.get(device)
            && known.listed
            && is_gone(error)
        {
            return NotListed::Vanished(Vanished {
                device: device.clone(),
                seen: known.seen,
                at,
            });
        }
        NotListed::Missed
    }

    /// True if a list that could not be read is a failure of its own.
    pub(crate) fn is_missed(&self, resource: &Resource, error: &Error) -> bool {
        matches!(self.reason(resource, error, self.begun), NotListed::Missed)
    }

    /// The state of the search, apart from the operations found.
    pub(crate) fn progress(&self) -> SearchProgress {
        SearchProgress {
            all_listed: self.unlisted == 0,
            ..self.progress
        }
    }

    /// An operation of a page as a target, if it is meant.
    pub(crate) fn target(&mut self, device: &ParentName, operation: &Operation) -> Option<Target> {
        let taken = self.filter.takes(operation, self.begun, &mut self.excluded);
        taken.then(|| Target {
            name: operation.name.clone(),
            command: operation.metadata.clone().unwrap_or_default(),
            device_seen: self.devices.get(device).and_then(|known| known.seen),
        })
    }
}

impl Search {
    /// Searches all devices of these enterprises, and these devices, with the quota and the limit
    /// of requests of this scheduler.
    #[must_use]
    pub fn new(
        client: &Client,
        scheduler: Scheduler,
        enterprises: impl IntoIterator<Item = GrandparentName>,
        devices: impl IntoIterator<Item = ParentName>,
        filter: Filter,
    ) -> Self {
        let lane = SearchLane {
            name: String::new(),
            client: client.clone(),
            scheduler,
            enterprises: enterprises.into_iter().collect(),
            devices: devices.into_iter().collect(),
        };
        Self::of_lanes([lane], filter)
    }

    /// Searches lanes side by side, each with its own client and quota, which pays for all that is below the names
    /// of that lane.
    #[must_use]
    pub fn of_lanes(lanes: impl IntoIterator<Item = SearchLane>, filter: Filter) -> Self {
        let lanes: Vec<_> = lanes.into_iter().collect();
        let names = lanes.iter().map(|lane| lane.name.clone()).collect();
        let service = |lane: &SearchLane| lane.client.get_endpoint().service();
        let mut pages = Pages::new(&Services::new(lanes.iter().map(service)), filter, now());
        let begin = |(place, lane)| {
            let SearchLane {
                name: _,
                client,
                scheduler,
                enterprises,
                devices,
            } = lane;
            let mut running = client.run(scheduler, stream::empty().boxed());
            for enterprise in enterprises {
                if let Some(list) = pages.enterprise(enterprise) {
                    running.search(list);
                }
            }
            for device in devices {
                if let Some(list) = pages.device(device, None, false) {
                    running.search(list);
                }
            }
            Side::new(place, Polled::default(), running)
        };
        let lanes: Vec<_> = lanes.into_iter().enumerate().map(begin).collect();
        Self {
            running: stream::select_all(lanes.clone()),
            names,
            latest: 0,
            lanes,
            pages,
            found: VecDeque::new(),
            known: HashSet::new(),
        }
    }

    /// Its progress.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.lanes.iter().map(|lane| lane.lock().progress()).sum()
    }

    /// A clause about the operations that were seen so far and left out by the filter, if there are
    /// any.
    #[must_use]
    pub fn excluded(&self) -> Option<String> {
        self.pages.excluded()
    }

    /// The state of the search: devices listed and searched, operations found.
    #[must_use]
    pub fn search_progress(&self) -> SearchProgress {
        SearchProgress {
            found: self.known.len() as u64,
            ..self.pages.progress()
        }
    }

    /// Operations that no list of the search has. It is known from the start, but for lists that are found
    /// meanwhile.
    #[must_use]
    pub fn not_searched(&self) -> NotSearched {
        self.pages.not_searched()
    }

    /// The outage, if there is one.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        self.lanes.iter().find_map(|lane| lane.lock().outage())
    }

    /// The search has failed: nothing at all could be searched, or a failure that concerns
    /// everything ended it. [`decisive`] picks the error that says why.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.pages.has_failed()
    }

    /// Sends nothing new: lists under way are awaited, the others are missed.
    pub fn stop(&mut self, cause: impl Into<Box<str>>) {
        let cause = cause.into();
        for lane in &self.lanes {
            lane.lock().stop(cause.clone());
        }
        // Each is asked anew: one that waited for its quota does not wait any more.
        self.running = stream::select_all(self.lanes.clone());
    }

    /// The name of the lane that the latest find is of; `None` where lanes have no names.
    #[must_use]
    pub fn lane(&self) -> Option<&str> {
        let name = self.names.get(self.latest).map(String::as_str);
        name.filter(|name| !name.is_empty())
    }

    /// The quota of each lane that was spent and still counts.
    #[must_use]
    pub fn costs(&self) -> Vec<SearchCost> {
        let clock = countermand::hyper::monotonic_now();
        let cost = |lane: &Side| {
            let calls = lane.lock().rate_limiter().save(clock);
            let cost = SearchCost::new(calls, now(), Uptime::now());
            SearchCost {
                lane: lane.place(),
                ..cost
            }
        };
        self.lanes.iter().map(cost).collect()
    }
}

/// The calls of a search that count in the quota of the run that follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchCost {
    /// The lane of the job that pays for them: the first one, unless the caller says another.
    pub lane: usize,
    /// The calls, each with its age at that time.
    pub calls: Vec<PastCall>,
    /// The time, by the machine's clock.
    pub at: Timestamp,
    /// The machine's uptime then, where it is known.
    pub uptime: Option<Uptime>,
}

impl SearchCost {
    /// Calls with their ages at this time, by both clocks.
    #[must_use]
    pub const fn new(calls: Vec<PastCall>, at: Timestamp, uptime: Option<Uptime>) -> Self {
        Self {
            lane: 0,
            calls,
            at,
            uptime,
        }
    }

    /// The records of a plan that keep the first run from spending it again, however the machine's
    /// clock is set before that.
    #[must_use]
    pub fn records(self) -> Vec<Record> {
        let Self {
            lane,
            calls,
            at,
            uptime,
        } = self;
        let calls = calls.into_iter().map(|spent| Record::Sent {
            lane,
            operation: None,
            resource: spent.resource.into_string(),
            call: spent.call,
            at: at.saturating_sub(spent.age),
            sending: None,
            refused: false,
        });
        let ended = uptime.map(|uptime| Record::SearchEnded { at, uptime });
        calls.chain(ended).collect()
    }
}

impl Stream for Search {
    type Item = Found;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Found>> {
        let this = self.get_mut();
        loop {
            if let Some(target) = this.found.pop_front() {
                return Poll::Ready(Some(Found::Operation(target)));
            }
            let (lane, event) = match pin!(&mut this.running).poll_next(context) {
                Poll::Ready(Some(event)) => event,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            };
            this.latest = lane;
            match event {
                Event::Parents {
                    parents: devices,
                    last,
                    ..
                } => {
                    for list in this.pages.devices(&devices, last) {
                        this.lanes[lane].lock().search(list);
                    }
                }
                Event::Operations {
                    parent: device,
                    operations,
                    last,
                } => {
                    this.pages.operations(last);
                    let targets = operations.iter();
                    let targets =
                        targets.filter_map(|operation| this.pages.target(&device, operation));
                    let new = targets.filter(|target| this.known.insert(target.name.clone()));
                    this.found.extend(new);
                }
                Event::Unreadable { resource, error } => {
                    this.pages.unreadable(&resource);
                    return Poll::Ready(Some(Found::Missed { resource, error }));
                }
                Event::NotListed { resource, error } => {
                    match this.pages.not_listed(&resource, &error, now()) {
                        NotListed::Vanished(vanished) => {
                            return Poll::Ready(Some(Found::Vanished(vanished)));
                        }
                        NotListed::Missed => {
                            return Poll::Ready(Some(Found::Missed { resource, error }));
                        }
                        NotListed::NotAttempted => {}
                    }
                }
                Event::Paused { until, .. } => {
                    let now = countermand::hyper::monotonic_now();
                    let pause = until - now;
                    return Poll::Ready(Some(Found::Paused(pause)));
                }
                Event::ResourceClosed { resource } => {
                    return Poll::Ready(Some(Found::ResourceClosed(resource)));
                }
                Event::Stopped { cause } => return Poll::Ready(Some(Found::Stopped(cause))),
                Event::Failing { cause, .. } => {
                    return Poll::Ready(Some(Found::Failing(cause)));
                }
                _ => {}
            }
        }
    }
}

/// All that a search has told, and once it has [ended](Self::end), its cost.
#[derive(Clone, Debug, PartialEq, Default)]
#[non_exhaustive]
pub struct Findings {
    /// The pending operations that are meant.
    pub targets: Vec<Target>,
    /// The lists that could not be read to their end, with the reason for each.
    pub missed: Vec<(Resource, Error)>,
    /// The devices that vanished meanwhile.
    pub vanished: Vec<Vanished>,
    /// The failure that stopped it.
    pub cause: Option<Cause>,
    /// A clause about the operations that were seen and left out.
    pub excluded: Option<String>,
    /// The operations that are meant and were done before.
    pub already_done: AlreadyDone,
    /// Operations that no list of the search has.
    pub not_searched: NotSearched,
    /// Progress of the search.
    pub progress: SearchProgress,
    /// The error for which it has failed, as of [`Search::has_failed`].
    pub failure: Option<Error>,
    /// The quota that was spent, of each lane that was searched; none until the end.
    pub costs: Vec<SearchCost>,
}

impl Findings {
    /// Takes in news of the search; `false` for news that is not kept.
    pub fn take(&mut self, found: Found) -> bool {
        match found {
            Found::Operation(target) => self.targets.push(target),
            Found::Missed { resource, error } => self.missed.push((resource, error)),
            Found::Vanished(vanished) => self.vanished.push(vanished),
            Found::Stopped(cause) => self.cause = Some(cause),
            Found::ResourceClosed(_) | Found::Failing(_) | Found::Paused(_) => return false,
        }
        true
    }

    /// Takes in the end of the search.
    pub fn end(&mut self, search: &mut Search) {
        if search.has_failed() {
            self.failure = decisive(self.missed.iter().map(|(_, error)| error)).cloned();
        }
        self.progress = search.search_progress();
        self.excluded = search.excluded();
        self.already_done = search.pages.already_done().clone();
        self.not_searched = search.not_searched();
        self.costs = search.costs();
    }

    /// The records of a plan: lists that were not read or not asked for, devices that vanished, and
    /// the calls that were spent, for the first run to count.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let at = self.costs.last().map_or_else(now, |cost| cost.at);
        let missed = self.missed.iter();
        let missed =
            missed.map(|(resource, error)| Record::Missed(Missed::new(at, resource, error)));
        let vanished = self.vanished.iter().cloned().map(Record::Vanished);
        let search = self.costs.last().map(|_| self.progress.note(at));
        let note = self
            .progress
            .note_of_not_attempted(at)
            .into_iter()
            .chain(search)
            .chain(Record::already_done(&self.already_done, at))
            .chain(Record::not_searched(&self.not_searched, at));
        let costs = self.costs.iter().cloned();
        let costs = costs.flat_map(SearchCost::records);
        let known = vanished.chain(missed).chain(note);
        known.chain(costs).collect()
    }
}

/// The error that says why a search has failed: the first that concerns everything, else the first.
///
/// ```
/// let none = Vec::<countermand_core::Error>::new();
/// assert!(countermand_fleet::decisive(&none).is_none());
/// ```
pub fn decisive<E: Borrow<Error>>(errors: impl IntoIterator<Item = E>) -> Option<E> {
    let mut first = None;
    for error in errors {
        if error.borrow().kind().failure_scope() == FailureScope::Everything {
            return Some(error);
        }
        first = first.or(Some(error));
    }
    first
}

/// A failure, of this or of an earlier request, that concerns every request. A caller that stops the
/// search has not failed.
fn concerns_everything(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::NotAttempted { cause } => {
            cause.key().row().failure_scope == FailureScope::Everything
        }
        kind => kind.failure_scope() == FailureScope::Everything,
    }
}

/// True if the API itself says that a device does not exist: a page of a front end, which says the
/// same of everything, is no evidence.
fn is_gone(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::NotFound(answer) => answer.status().is_some() || answer.code().is_some(),
        _ => false,
    }
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search")
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use countermand_core::Page;

    use super::*;

    #[test]
    fn fault_52_only_the_apis_own_word_tells_that_a_device_is_gone() {
        let device: ParentName = "enterprises/e/devices/d".parse().unwrap();
        let listed = http::Response::new(format!(r#"{{"devices":[{{"name":"{device}"}}]}}"#));
        let listed = Page::<Parent>::read(&device.parent(), &listed).unwrap();
        let api = r#"{"error":{"code":404,"status":"NOT_FOUND","message":"m"}}"#;
        for (status, body, gone) in [
            (404, api, true),
            (
                404,
                "<html><title>Error 404 (Not Found)!!1</title></html>",
                false,
            ),
            (404, r#"{"error":"not found"}"#, false),
            (404, "", false),
            (200, "<html>Sign in</html>", false),
            (
                403,
                r#"{"error":{"code":403,"status":"PERMISSION_DENIED"}}"#,
                false,
            ),
            (
                503,
                r#"{"error":{"code":503,"status":"UNAVAILABLE"}}"#,
                false,
            ),
        ] {
            let mut answer = http::Response::new(body);
            *answer.status_mut() = status.try_into().unwrap();
            let error = Page::<Operation>::read(&device, &answer).unwrap_err();
            for known in [true, false] {
                let mut pages = Pages::new(
                    &Services::new([countermand_core::Service::DEFAULT]),
                    Filter::default(),
                    now(),
                );
                if known {
                    pages.devices(&listed.entries, false);
                }
                let resource = Resource::from(&device);
                let vanished = matches!(
                    pages.not_listed(&resource, &error, now()),
                    NotListed::Vanished(_)
                );
                assert_eq!(vanished, gone && known, "{status} {body}");
            }
        }
    }
}
