//! Many operations under one quota: a scheduler without a clock or a socket.
//!
//! An operator who has sent thousands of mistaken WIPEs needs the last cancel out as early as the
//! quota allows, and then the truth about each device. [`Campaign`] hands out requests by
//! [`poll`](Campaign::poll), takes answers by [`answer`](Campaign::answer), and tells what happens
//! by [`next_event`](Campaign::next_event). A driver that knows when a request leaves tells it by
//! [`sent`](Campaign::sent).
//!
//! Its rules:
//! 1. A free slot goes to the cancels that are due again, then to new cancels, then to lists, then to
//!    looks at operations, then to looks at devices. Under a quota each of them leaves room for what
//!    goes before it: a list for the cancels that the lists under way may find, a look for all lists
//!    that are to come as well, so that no known cancel waits for a window that they have spent.
//! 2. In every window of the [`Quota`] no more is sent than its share, retries included. A refusal
//!    for the quota holds everybody; a lower limit that the server names is adopted.
//! 3. A failure is taken for what it concerns: one operation, an enterprise (a few denials in a row
//!    close it), or everything (the campaign stops). What was not sent then is
//!    [`NotAttempted`](crate::ErrorKind::NotAttempted).
//! 4. A storm of passing failures opens a circuit: one probe each 5 s until the server is back. No
//!    operation is given up for it. Where something other than the API answers (a captive portal, a
//!    front end) and the API has not answered yet, the first such answer opens it, and stops the
//!    campaign. So does a deadline in which nothing but failures has come. A campaign that is to
//!    [probe on](Campaign::probe_on) goes on.
//! 5. Every name that was pushed comes out once; one pushed twice is counted and left out.
//! 6. An operation takes no more than its name while it waits for its turn.
//! 7. Where names have to be found first, [`search`](Campaign::search) reads lists under the same
//!    quota. What is pushed from a page goes out before the next list is asked for; devices are
//!    listed before operations (for up to 5 s, while that can go on), and the operations of the
//!    device that was seen last come first.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use countermand_core::campaign::{Campaign, Event, Poll};
//! use countermand_core::{Phase, Verdict};
//! # fn send(request: http::Request<()>) -> http::Response<String> {
//! #     http::Response::new(if request.method() == "POST" { "{}".to_owned() } else {
//! #         let name = request.uri().path().trim_start_matches("/v1/");
//! #         format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#)
//! #     })
//! # }
//!
//! let mut campaign = Campaign::new(1);
//! for id in ["17", "18"] {
//!     campaign.push(format!("enterprises/LC01/devices/3f/operations/{id}").parse()?, Phase::Unsent);
//! }
//! campaign.close();
//! loop {
//!     match campaign.poll(Instant::now()) {
//!         Poll::Send(ticket, transmit) => {
//!             campaign.sent(ticket.id(), Instant::now());
//!             let response = send(transmit.request); // yours, and many may be under way
//!             campaign.answer(ticket, Instant::now(), Ok(&response));
//!         }
//!         Poll::Wait(until) => std::thread::sleep(until - Instant::now()),
//!         Poll::Idle => unreachable!("every answer was brought"),
//!         Poll::Done => break,
//!     }
//! }
//! let mut cancelled = 0;
//! while let Some(event) = campaign.next_event() {
//!     if let Event::Finished { result: Ok(outcome), .. } = event {
//!         cancelled += u32::from(outcome.verdict == Verdict::Cancelled);
//!     }
//! }
//! assert_eq!(cancelled, 2);
//! # Ok::<(), countermand_core::NameError>(())
//! ```

mod answers;
mod circuit;
mod event;
mod flights;
mod list;
mod outage;
mod queue;
mod rehearsal;
mod room;
mod schedule;
mod scope;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::circuit::Circuit;
pub use self::event::{Event, Poll, Progress, Ticket};
use self::flights::Flights;
pub use self::list::List;
use self::list::{AnyPage, Listing};
use self::outage::Failures;
pub use self::outage::Outage;
use self::queue::{Lists, Queue};
pub use self::rehearsal::rehearse;
use self::room::Finds;
use self::scope::Scope;
use crate::chance::Chance;
use crate::{Attempt, Call, Cause, Endpoint, OperationName, Phase, Policy, Quota, Reservation};
use crate::{Resource, TicketId, Usage};

/// Many countermands under one quota and one limit of requests in flight.
pub struct Campaign {
    endpoint: Arc<Endpoint>,
    policy: Arc<Policy>,
    in_flight: usize,
    chance: Chance,
    usage: Usage,
    queue: Queue,
    circuit: Circuit,
    failures: Failures,
    scope: Scope,
    flying: Flights,
    /// Lists among what is in flight.
    flying_lists: Lists,
    /// What lists have found.
    finds: Finds,
    /// When the first list of devices was asked for.
    searching_since: Option<Instant>,
    tickets: u64,
    closed: bool,
    /// Holds in a row without an answer in between that was not one.
    holds: u32,
    /// The API has answered: what else answers is not all there is.
    heard: bool,
    probes_on: bool,
    events: VecDeque<Event>,
    progress: Progress,
}

enum Flight {
    Operation(Attempt),
    List(Box<Listing>, Attempt<AnyPage>),
}

/// For how long the lists of operations wait for those of devices, so that it is known which device
/// was seen last. The first cancel is not kept longer.
const HEAD_START: Duration = Duration::from_secs(5);

/// A call of a campaign is given up later than one that somebody waits for: with a fifth of all
/// answers failing, one in ten million.
const ATTEMPTS: u32 = 10;

fn patient(policy: &Policy) -> Arc<Policy> {
    Arc::new(policy.clone().attempts_unless_set(ATTEMPTS))
}

impl Campaign {
    /// A campaign at Google's endpoint with the default quota. The seed spreads the pauses: same
    /// seed, same names and same answers, same schedule.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            endpoint: Arc::default(),
            policy: patient(&Policy::default()),
            in_flight: 100,
            chance: Chance::new(seed),
            usage: Usage::new(Quota::default()),
            queue: Queue::default(),
            circuit: Circuit::default(),
            failures: Failures::default(),
            scope: Scope::default(),
            flying: Flights::default(),
            flying_lists: Lists::default(),
            finds: Finds::default(),
            searching_since: None,
            tickets: 0,
            closed: false,
            holds: 0,
            heard: false,
            probes_on: false,
            events: VecDeque::new(),
            progress: Progress::default(),
        }
    }

    /// Where the API is.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<Arc<Endpoint>>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    /// How patient to be with each operation. Attempts that were not set are 10 here. The deadline
    /// counts twice, for asking and for looking, and not while the operation waits for its turn.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<Arc<Policy>>) -> Self {
        self.policy = patient(&policy.into());
        self
    }

    /// The quota: [`Quota::default`] unless given.
    #[must_use]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.usage = Usage::new(quota);
        self
    }

    /// How many requests are under way at a time: 100 by default, what servers take on one HTTP/2
    /// connection; at least 1.
    #[must_use]
    pub fn in_flight(mut self, requests: usize) -> Self {
        self.in_flight = requests.max(1);
        self
    }

    /// Never gives up a server that fails: it is probed until it is back, or the campaign is
    /// [stopped](Self::stop). Otherwise the campaign stops by itself when something other than the API
    /// answers, or when nothing but passing failures has come for one deadline, counted from the first
    /// request that failed.
    #[must_use]
    pub const fn probe_on(mut self) -> Self {
        self.probes_on = true;
        self
    }

    /// Takes a name; `false` if it was pushed before.
    pub fn push(&mut self, name: OperationName, phase: Phase) -> bool {
        let found = phase != Phase::Accepted && self.queue.is_searched(&name);
        if !self.queue.push(name, phase) {
            self.progress.duplicates += 1;
            return false;
        }
        self.finds.operations += usize::from(found);
        self.progress.pushed += 1;
        self.progress.asked += u64::from(phase == Phase::Accepted);
        self.progress.accepted += u64::from(phase == Phase::Accepted);
        true
    }

    /// Reads a list to its last page, when no cancel needs the quota: its pages come as events, or
    /// that it could not be read. From a page of devices their operations can be searched, from a
    /// page of operations those to be cancelled can be pushed, also after [`close`](Self::close).
    ///
    /// `false` if it was asked for before: a device that moves from page to page is listed once.
    pub fn search(&mut self, list: List) -> bool {
        let new = self.queue.search(list);
        self.progress.listing += u64::from(new);
        new
    }

    /// No more names will come, but from lists.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Sends nothing new: what is under way is awaited, the rest comes out with what is known.
    pub fn stop(&mut self, cause: impl Into<Box<str>>) {
        self.closed = true;
        self.halt(Cause::stopped(cause));
    }

    /// Something concerns every operation: what comes from now on is not attempted.
    fn halt(&mut self, cause: Cause) {
        if self.scope.stop(cause.clone()) {
            self.events.push_back(Event::Stopped { cause });
        }
    }

    /// What was spent of the quota; to be saved, restored or held from outside.
    pub fn usage(&mut self) -> &mut Usage {
        &mut self.usage
    }

    /// Takes note that a request left at `at`: its windows of the quota count from then, and from then
    /// on it was sent. A request of which this is not told counts as sent with its answer.
    pub fn sent(&mut self, ticket: TicketId, at: Instant) {
        if let Some(flying) = self.flying.get_mut(ticket) {
            let departing = flying.departing.take();
            let (first_cancel, call) = (flying.first_cancel, flying.call);
            self.left(departing, first_cancel, call, at);
        }
    }

    /// Takes note of what left, once.
    fn left(
        &mut self,
        departing: Option<(Reservation, Resource)>,
        first_cancel: bool,
        call: Call,
        at: Instant,
    ) {
        let Some((reservation, resource)) = departing else {
            return;
        };
        self.usage.record(reservation, at);
        self.progress.sent += 1;
        if first_cancel {
            self.progress.asked += 1;
            self.progress.last_cancel = self.progress.last_cancel.max(Some(at));
        }
        self.events.push_back(Event::Sent { resource, call, at });
    }

    /// When a campaign that does not probe on stops, if nothing but failures comes until then.
    fn gives_up_at(&self) -> Option<Instant> {
        let outage = self.failures.outage().filter(|_| !self.probes_on)?;
        Some(outage.since + self.policy.deadline)
    }

    /// Why the campaign stops now, because nothing has answered for one deadline.
    fn unreachable(&self, now: Instant) -> Option<Cause> {
        let outage = self.failures.outage()?;
        let over = self.gives_up_at()? <= now;
        over.then(|| {
            let seconds = self.policy.deadline.as_secs_f64();
            let cause = &outage.cause;
            let text = format!("no request has succeeded for {seconds} s: {cause}");
            Cause::told(outage.key, text)
        })
    }

    /// What has happened since the last call, oldest first.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// How many wait for their first request, or for a time: [`Progress::waiting`] alone, for those
    /// who ask before each name.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// The outage, if there is one: passing failures and no answer since.
    #[must_use]
    pub fn outage(&self, now: Instant) -> Option<Outage> {
        let outage = self.failures.outage()?;
        let circuit_open = self.circuit.is_open();
        let (due, under_way) = match circuit_open {
            true => (Some(self.circuit.allowed(now)), self.circuit.is_probing()),
            false => {
                let due = self.queue.class(false).map(|_| now);
                (due.or(self.queue.next_wake()), !self.flying.is_empty())
            }
        };
        let allowed = self.usage.project_allowed(now);
        Some(Outage {
            circuit_open,
            gives_up_at: self.gives_up_at(),
            next_try: due.filter(|_| !under_way).map(|due| due.max(allowed)),
            ..outage.clone()
        })
    }

    /// Where it stands.
    #[must_use]
    pub fn progress(&self, now: Instant) -> Progress {
        let allowed = self.usage.project_allowed(now);
        Progress {
            waiting: self.queue.waiting(),
            in_flight: self.flying.len(),
            held_until: (allowed > now).then_some(allowed),
            quota_left: self.usage.left(now),
            ..self.progress
        }
    }
}
