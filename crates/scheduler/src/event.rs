//! Output of a scheduler: the next step, events, progress.

use std::iter::Sum;

use countermand_core::{
    Call, Cause, Error, ErrorKey, GrandparentName, Operation, OperationName, Outcome, Parent,
    ParentName, Phase, Resource, TicketId, Time, Transmit,
};

use crate::quota::Window;

/// The next step of a driver.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a driver does each of them")]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one step of a driver"
)]
pub enum NextStep {
    /// Send this and bring its answer with the ticket. Ask again at once: there may be more.
    Send(Ticket, Transmit),
    /// Nothing to send before then, unless an answer or a name comes first.
    Wait(Time),
    /// Nothing to send before an answer or a name comes.
    Idle,
    /// Every name is finished, and no more will come.
    Done,
}

/// Belongs to one request, and is spent by its answer.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// First, so that tickets are ordered as they were handed out.
    pub(crate) id: TicketId,
    pub(crate) resource: Resource,
    pub(crate) call: Call,
    pub(crate) attempt: u32,
}

impl Ticket {
    /// Names its request, for [`Scheduler::sent`](super::Scheduler::sent) and
    /// [`Departure`](countermand_core::Departure).
    #[must_use]
    pub const fn id(&self) -> TicketId {
        self.id
    }

    /// Resource that the request is about.
    #[must_use]
    pub const fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The method that it calls.
    #[must_use]
    pub const fn call(&self) -> Call {
        self.call
    }

    /// The number of this request among those of its operation, or of its page of a list, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// An event of a scheduler; together they are enough for a journal and for a progress bar.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A request is about to leave: an intent. A journal has to hold it before the request leaves.
    /// [`Sent`](Self::Sent) or [`NotSent`](Self::NotSent) follows; after a crash the request may have
    /// left.
    Sending {
        /// Its resource.
        resource: Resource,
        /// The method.
        call: Call,
    },
    /// A request has left, or may have: a fact.
    Sent {
        /// Its resource.
        resource: Resource,
        /// The method.
        call: Call,
        /// Time at which it left; where the transport does not tell, at which its answer or its loss was known.
        at: Time,
    },
    /// A request was not sent: no connection, no token. The intent is void.
    NotSent {
        /// Its resource.
        resource: Resource,
        /// The method.
        call: Call,
        /// Progress of the operation without this request.
        phase: Phase,
        /// The cause.
        cause: Box<str>,
    },
    /// The server refused a cancel of an operation that goes on, and none that left before can have arrived.
    Refused {
        /// The operation.
        name: OperationName,
    },
    /// The server accepted the cancellation of an operation.
    Accepted {
        /// The operation.
        name: OperationName,
    },
    /// An operation has come out.
    Finished {
        /// The operation.
        name: OperationName,
        /// Its outcome, or the error it ended with.
        result: Result<Outcome, Error>,
    },
    /// A page of a list of parents.
    Parents {
        /// The resource whose list it is.
        grandparent: GrandparentName,
        /// As the server gives them.
        parents: Vec<Parent>,
        /// True at the end of the list.
        last: bool,
    },
    /// A page of a list of operations.
    Operations {
        /// The parent whose list it is.
        parent: ParentName,
        /// Oldest first.
        operations: Vec<Operation>,
        /// True at the end of the list.
        last: bool,
    },
    /// Entries of the page before could not be read, while its others could: they are missed, and
    /// the list goes on.
    Unreadable {
        /// The resource whose list it is.
        resource: Resource,
        /// Their number, and the reason.
        error: Error,
    },
    /// A list could not be read to its end: something in it may have been missed.
    NotListed {
        /// The resource whose list it is.
        resource: Resource,
        /// The cause.
        error: Error,
    },
    /// Every request waits: the server has refused one for the quota.
    Paused {
        /// End of the pause.
        until: Time,
        /// The limit that the server named.
        limit: Option<u64>,
        /// The project's window with that limit, if it is one of the project's that was adopted.
        window: Option<Window>,
    },
    /// A passing failure of a kind that was not met before; it is retried.
    Failing {
        /// The key of its row in the table of errors.
        key: ErrorKey,
        /// Text of the failure.
        cause: Box<str>,
    },
    /// The server fails: from now on there are only probes.
    CircuitOpened {
        /// The last failure.
        cause: Box<str>,
    },
    /// The server is back.
    CircuitClosed,
    /// The rest of the operations under a resource is left alone: it was denied too often in a row.
    ResourceClosed {
        /// Its name.
        resource: Box<str>,
    },
    /// The scheduler stopped: requests that were not sent stay unsent.
    Stopped {
        /// The cause.
        cause: Cause,
    },
}

/// Progress of a scheduler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Names taken, duplicates not counted.
    pub pushed: u64,
    /// Names that had been pushed before.
    pub duplicates: u64,
    /// Operations whose cancel has left at least once, or had been accepted before a restart.
    pub cancels_sent: u64,
    /// Operations whose cancel the server has accepted, so that it was delivered.
    pub accepted: u64,
    /// Operations that wait for their first request or for a retry. A caller with a bounded queue stops
    /// pushing while this is high.
    pub waiting: usize,
    /// Operations that have come out.
    pub finished: u64,
    /// Lists that were asked for and have not come to their end.
    pub listing: u64,
    /// Requests that left, or may have, of every kind.
    pub sent: u64,
    /// Requests without an answer yet.
    pub in_flight: usize,
    /// Time at which the most recent first cancel of an operation left.
    pub last_cancel: Option<Time>,
    /// Time at which the quota allows the next request, if not now.
    pub allowed_at: Option<Time>,
    /// Requests the quota allows without waiting; `None` without a quota.
    pub quota_remaining: Option<u32>,
}

/// Schedulers side by side.
impl Sum for Progress {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.reduce(|one, other| Self {
            pushed: one.pushed + other.pushed,
            duplicates: one.duplicates + other.duplicates,
            cancels_sent: one.cancels_sent + other.cancels_sent,
            accepted: one.accepted + other.accepted,
            waiting: one.waiting + other.waiting,
            finished: one.finished + other.finished,
            listing: one.listing + other.listing,
            sent: one.sent + other.sent,
            in_flight: one.in_flight + other.in_flight,
            last_cancel: one.last_cancel.max(other.last_cancel),
            // The next request is that of the first which may send.
            allowed_at: one.allowed_at.zip(other.allowed_at).map(|(a, b)| a.min(b)),
            quota_remaining: one
                .quota_remaining
                .zip(other.quota_remaining)
                .map(|(a, b)| a.saturating_add(b)),
        })
        .unwrap_or_default()
    }
}
