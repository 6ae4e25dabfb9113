//! The queue: operations that wait for a slot, for a time, or for their first turn.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashSet, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher};

use countermand_core::{
    Attempt, Call, OperationName, Pause, Phase, Resource, Response, Step, Time,
};

use crate::list::{List, Listing};

/// The room that a queue keeps in any case.
const ROOM: usize = 16;

/// An operation or a list that waits for its next request.
pub(crate) enum Job {
    Operation(Waiting),
    List(Box<Listing>),
}

/// An operation before its next request.
pub(crate) enum Waiting {
    /// Without a machine: a name and how far it had come. That is all an operation takes while it
    /// waits for its first turn, or to be looked at after its cancel was accepted.
    Fresh(Fresh),
    /// With the machine that made the request.
    Parked(Parked),
}

pub(crate) struct Fresh {
    pub(crate) name: OperationName,
    pub(crate) phase: Phase,
    /// Requests so far.
    pub(crate) attempts: u32,
}

pub(crate) struct Parked {
    pub(crate) name: OperationName,
    pub(crate) attempt: Attempt,
    /// Time from which on it could have been sent.
    pub(crate) since: Time,
}

impl Job {
    /// The resource that a denial of it concerns.
    pub(crate) fn denied_resource(&self) -> &str {
        match self {
            Self::Operation(waiting) => waiting.name().denied_resource(),
            Self::List(listing) => listing.resource().denied_resource(),
        }
    }

    /// The resource whose quota for a method it counts into.
    pub(crate) fn quota_resource(&self) -> &str {
        match self {
            Self::Operation(waiting) => waiting.name().quota_resource(),
            Self::List(listing) => listing.resource().quota_resource(),
        }
    }
}

impl Waiting {
    fn name(&self) -> &OperationName {
        match self {
            Self::Fresh(fresh) => &fresh.name,
            Self::Parked(parked) => &parked.name,
        }
    }

    /// Its next request is a cancel.
    fn asks(&self) -> bool {
        match self {
            Self::Fresh(fresh) => fresh.phase != Phase::Accepted,
            Self::Parked(parked) => parked.attempt.call() == Call::Cancel,
        }
    }
}

/// The classes of jobs, the first one first.
#[derive(Clone, Copy)]
pub(crate) enum Class {
    AskAgain,
    Ask,
    ListParents,
    List,
    FirstLook,
    Look,
    Parent,
}

impl Class {
    const ALL: [Self; 7] = [
        Self::AskAgain,
        Self::Ask,
        Self::ListParents,
        Self::List,
        Self::FirstLook,
        Self::Look,
        Self::Parent,
    ];

    pub(crate) const fn call(self) -> Call {
        match self {
            Self::AskAgain | Self::Ask => Call::Cancel,
            Self::ListParents => Call::ListParents,
            Self::List => Call::ListOperations,
            Self::FirstLook | Self::Look => Call::Get,
            Self::Parent => Call::GetParent,
        }
    }
}

#[derive(Default)]
pub(crate) struct Queue {
    ask_again: VecDeque<Parked>,
    ask: VecDeque<Fresh>,
    list_parents: BinaryHeap<Box<Listing>>,
    list: BinaryHeap<Box<Listing>>,
    first_look: VecDeque<Fresh>,
    look: VecDeque<Parked>,
    parent: VecDeque<Parked>,
    later: BinaryHeap<Reverse<Later>>,
    /// Lists among them.
    lists_later: Lists,
    /// Cancels among them: those that have failed, and those that wait for the quota of their parent.
    failed_cancels: usize,
    blocked_cancels: usize,
    /// Makes the order of equal times the order of arrival.
    arrivals: u64,
    /// Hashed without a random seed, so that nothing depends on one.
    seen: HashSet<OperationName, BuildHasherDefault<DefaultHasher>>,
    searched: HashSet<Resource, BuildHasherDefault<DefaultHasher>>,
}

/// Numbers of lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    pub(crate) parents: usize,
    pub(crate) operations: usize,
}

impl Lists {
    /// The number of lists of this kind.
    pub(crate) fn of(&mut self, listing: &Listing) -> &mut usize {
        match listing.is_of_parents() {
            true => &mut self.parents,
            false => &mut self.operations,
        }
    }
}

struct Later {
    at: Time,
    arrival: u64,
    what: What,
}

enum What {
    Job(Job),
    Pause(OperationName, Pause),
    ListPause(Box<Listing>, Pause<Response>),
}

impl Queue {
    /// Takes a new name; `false` if it is not new.
    pub(crate) fn push(&mut self, name: OperationName, phase: Phase) -> bool {
        if !self.seen.insert(name.clone()) {
            return false;
        }
        self.fresh(Fresh {
            name,
            phase,
            attempts: 0,
        });
        true
    }

    /// True where the operations of its parent are listed here.
    pub(crate) fn is_searched(&self, name: &OperationName) -> bool {
        !self.searched.is_empty() && self.searched.contains(&Resource::Parent(name.parent()))
    }

    /// Lists that are not under way.
    pub(crate) fn lists(&self) -> Lists {
        Lists {
            parents: self.list_parents.len() + self.lists_later.parents,
            operations: self.list.len() + self.lists_later.operations,
        }
    }

    /// Cancels that have failed and wait to be sent again.
    pub(crate) const fn failed_cancels(&self) -> usize {
        self.failed_cancels
    }

    /// Cancels that wait for the quota of their parent.
    pub(crate) const fn blocked_cancels(&self) -> usize {
        self.blocked_cancels
    }

    /// Number of operations that wait for their first request, or for a time, lists left out.
    pub(crate) fn waiting(&self) -> usize {
        self.ask.len() + self.later.len()
    }

    /// Without a machine, to the end of its class.
    pub(crate) fn fresh(&mut self, fresh: Fresh) {
        match fresh.phase {
            Phase::Unsent | Phase::MaybeSent => self.ask.push_back(fresh),
            Phase::Accepted => self.first_look.push_back(fresh),
        }
    }

    /// Takes a new list; `false` if it is not new.
    pub(crate) fn search(&mut self, list: List) -> bool {
        self.arrivals += 1;
        let listing = Listing::new(list, self.arrivals);
        let new = self.searched.insert(listing.resource().clone());
        if new {
            self.list(Box::new(listing));
        }
        new
    }

    /// To its place among the lists of its kind.
    pub(crate) fn list(&mut self, listing: Box<Listing>) {
        match listing.is_of_parents() {
            true => self.list_parents.push(listing),
            false => self.list.push(listing),
        }
    }

    /// With its machine, to the end of its class; to the front if its turn was taken from it.
    pub(crate) fn park(&mut self, parked: Parked, front: bool) {
        let class = match parked.attempt.call() {
            Call::Cancel => &mut self.ask_again,
            Call::GetParent => &mut self.parent,
            // A cancellation makes no list.
            Call::Get | Call::ListOperations | Call::ListParents => &mut self.look,
        };
        if front {
            class.push_front(parked)
        } else {
            class.push_back(parked)
        }
    }

    pub(crate) fn later(&mut self, at: Time, job: Job) {
        self.sleep(at, What::Job(job));
    }

    pub(crate) fn list_pause(&mut self, listing: Box<Listing>, pause: Pause<Response>) {
        self.sleep(pause.until(), What::ListPause(listing, pause));
    }

    pub(crate) fn pause(&mut self, name: OperationName, pause: Pause) {
        self.sleep(pause.until(), What::Pause(name, pause));
    }

    fn sleep(&mut self, at: Time, what: What) {
        self.arrivals += 1;
        if let Some(count) = self.count(&what) {
            *count += 1;
        }
        self.later.push(Reverse(Later {
            at,
            arrival: self.arrivals,
            what,
        }));
    }

    /// The number that counts it while it waits for a time.
    fn count(&mut self, what: &What) -> Option<&mut usize> {
        match what {
            What::ListPause(listing, _) | What::Job(Job::List(listing)) => {
                Some(self.lists_later.of(listing))
            }
            What::Pause(_, pause) => {
                (pause.call() == Call::Cancel).then_some(&mut self.failed_cancels)
            }
            What::Job(Job::Operation(waiting)) => {
                waiting.asks().then_some(&mut self.blocked_cancels)
            }
        }
    }

    /// Time at which the next one wakes.
    pub(crate) fn next_wake(&self) -> Option<Time> {
        self.later.peek().map(|later| later.0.at)
    }

    /// Puts those whose time has come into their classes.
    pub(crate) fn wake(&mut self, now: Time) {
        while self.next_wake().is_some_and(|at| at <= now) {
            let Some(Reverse(later)) = self.later.pop() else {
                return;
            };
            if let Some(count) = self.count(&later.what) {
                *count -= 1;
            }
            match later.what {
                What::Job(Job::Operation(Waiting::Fresh(fresh))) => self.fresh(fresh),
                What::Job(Job::Operation(Waiting::Parked(parked))) => self.park(parked, false),
                What::Job(Job::List(listing)) => self.list(listing),
                What::ListPause(mut listing, pause) => {
                    let since = pause.until();
                    match pause.resume(since) {
                        Step::Send(attempt) => {
                            listing.attempt = Some((attempt, since));
                            self.list(listing);
                        }
                        Step::Wait(pause) => self.list_pause(listing, pause),
                        Step::Done(_) => unreachable!("no pause ends after the deadline"),
                    }
                }
                // As if it were on time: what it waits from now on is the scheduler's doing.
                What::Pause(name, pause) => {
                    let since = pause.until();
                    match pause.resume(since) {
                        Step::Send(attempt) => self.park(
                            Parked {
                                name,
                                attempt,
                                since,
                            },
                            false,
                        ),
                        Step::Wait(pause) => self.pause(name, pause),
                        Step::Done(_) => unreachable!("no pause ends after the deadline"),
                    }
                }
            }
        }
    }

    /// Wakes everything, whatever its time.
    pub(crate) fn wake_all(&mut self) {
        while let Some(at) = self.next_wake() {
            self.wake(at);
        }
    }

    /// The class whose turn it is. `hold_lists` keeps the lists of operations back.
    pub(crate) fn class(&self, hold_lists: bool) -> Option<Class> {
        Class::ALL.into_iter().find(|class| !match class {
            Class::AskAgain => self.ask_again.is_empty(),
            Class::Ask => self.ask.is_empty(),
            Class::ListParents => self.list_parents.is_empty(),
            Class::List => hold_lists || self.list.is_empty(),
            Class::FirstLook => self.first_look.is_empty(),
            Class::Look => self.look.is_empty(),
            Class::Parent => self.parent.is_empty(),
        })
    }

    pub(crate) fn pop(&mut self, class: Class) -> Option<Job> {
        let fresh = |fresh| Job::Operation(Waiting::Fresh(fresh));
        let parked = |parked| Job::Operation(Waiting::Parked(parked));
        match class {
            Class::AskAgain => next(&mut self.ask_again).map(parked),
            Class::Ask => next(&mut self.ask).map(fresh),
            Class::ListParents => self.list_parents.pop().map(Job::List),
            Class::List => self.list.pop().map(Job::List),
            Class::FirstLook => next(&mut self.first_look).map(fresh),
            Class::Look => next(&mut self.look).map(parked),
            Class::Parent => next(&mut self.parent).map(parked),
        }
    }
}

/// Takes the first one, and gives back room that the queue has left behind: jobs go from one class to another, and each
/// would keep the room for all of them.
fn next<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let first = queue.pop_front();
    if queue.len() < queue.capacity() / 4 {
        queue.shrink_to(ROOM.max(2 * queue.len()));
    }
    first
}

impl Ord for Later {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.arrival).cmp(&(other.at, other.arrival))
    }
}

impl PartialOrd for Later {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Later {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Later {}
