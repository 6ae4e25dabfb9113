//! The rate limiter: calls that were spent of a quota, and the time of the next one.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use countermand_core::{Call, Time};

use crate::quota::{Quota, Window};

/// Calls that have been spent of a [`Quota`], and the end of a pause of all.
///
/// An exact log of what was sent in every window, not a token bucket: a bucket with a burst spends
/// nearly twice its limit in a window that begins at the wrong moment, and is refused. A log with a
/// small guard is never refused by fixed windows of any phase nor by sliding ones, and is as fast
/// as they allow.
///
/// A call is [reserved](Self::reserve) when it is handed out and [recorded](Self::record) when it
/// leaves, which a connection may delay: a window counts from then. What never left is
/// [released](Self::release).
///
/// A restart must not spend a window again. What [`save`](Self::save) gives, or a journal of every
/// send, goes into [`restore`](Self::restore); before that, [windows](Quota::get_windows) that were
/// lowered are [`lower`](Self::lower)ed again, and what was [paused](Self::paused_until) is put on
/// [`pause_until`](Self::pause_until). From then on it answers as if there had been no restart.
///
/// ```
/// use std::time::Duration;
/// use countermand_core::{Call, Time};
/// use countermand_scheduler::{Quota, RateLimiter};
///
/// let quota: Quota = "10/60s".parse()?; // 8 of them are ours
/// let mut limiter = RateLimiter::new(quota.clone());
/// let now = Time::START;
/// for _ in 0..8 {
///     limiter.record_call(now, Call::Cancel, "enterprises/LC01");
/// }
/// let allowed = limiter.allowed(now, Call::Cancel, "enterprises/LC01");
/// assert_eq!((limiter.remaining(now), allowed > now), (Some(0), true));
///
/// // The process ends 10 s later, and another one begins 5 s after that.
/// let saved = limiter.save(now + Duration::from_secs(10));
/// let mut limiter = RateLimiter::new(quota);
/// let aged = saved.into_iter().map(|mut call| {
///     call.age += Duration::from_secs(5);
///     call
/// });
/// limiter.restore(now + Duration::from_secs(15), aged);
/// assert_eq!(limiter.allowed(now + Duration::from_secs(15), Call::Cancel, "enterprises/LC01"), allowed);
/// # Ok::<(), countermand_scheduler::QuotaError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimiter {
    quota: Quota,
    /// Calls that left, oldest first, as far as a window reaches back.
    log: VecDeque<Sent>,
    /// The same by method and resource, while there is a limit for them.
    resources: BTreeMap<(Call, Arc<str>), Times>,
    /// Calls that were handed out and have not left, in the order of their numbers.
    reserved: VecDeque<Reserved>,
    /// The number of the next reservation.
    next: u64,
    paused: Option<Time>,
}

/// The calls of a method on a resource.
#[derive(Clone, Debug, Default, PartialEq)]
struct Times {
    /// Oldest first.
    sent: VecDeque<Time>,
    reserved: usize,
}

#[derive(Clone, Debug, PartialEq)]
struct Reserved {
    number: u64,
    call: Call,
    resource: Arc<str>,
}

/// A place in every window for a call that has not left yet; spent by [`RateLimiter::record`] or
/// [`RateLimiter::release`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a place that is neither recorded nor released is never free again"]
pub struct Reservation(u64);

#[derive(Clone, Debug, PartialEq)]
struct Sent {
    at: Time,
    call: Call,
    /// One text for all calls about a resource.
    resource: Arc<str>,
}

/// A call that was sent before a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PastCall {
    /// Age of the call.
    pub age: Duration,
    /// The method.
    pub call: Call,
    /// The resource, as it was given to [`RateLimiter::record_call`].
    pub resource: Box<str>,
}

impl PastCall {
    /// A call of this method about this resource, so long ago.
    #[must_use]
    pub fn new(age: Duration, call: Call, resource: impl Into<Box<str>>) -> Self {
        Self {
            age,
            call,
            resource: resource.into(),
        }
    }
}

impl RateLimiter {
    /// Nothing spent yet.
    #[must_use]
    pub const fn new(quota: Quota) -> Self {
        Self {
            quota,
            log: VecDeque::new(),
            resources: BTreeMap::new(),
            reserved: VecDeque::new(),
            next: 0,
            paused: None,
        }
    }

    /// The earliest moment, `now` at the soonest, at which the windows allow this call.
    #[must_use]
    pub fn allowed(&self, now: Time, call: Call, resource: &str) -> Time {
        let project = self.project_allowed(now);
        project.max(self.resource_allowed(now, call, resource))
    }

    /// The earliest moment at which the window of this method on this resource allows a call.
    pub(crate) fn resource_allowed(&self, now: Time, call: Call, resource: &str) -> Time {
        let Some(window) = self.quota.per_resource else {
            return now;
        };
        match self.resources.get(&(call, resource.into())) {
            Some(times) => self.free(&times.sent, |at| *at, times.reserved, window, now),
            None => now,
        }
    }

    /// The earliest moment at which the project's windows, and a pause, allow any call.
    #[must_use]
    pub fn project_allowed(&self, now: Time) -> Time {
        self.project_allows(now, 1)
    }

    /// The earliest moment at which the project's windows, and a pause, allow so many calls at once.
    pub(crate) fn project_allows(&self, now: Time, calls: usize) -> Time {
        let paused = self.paused.map_or(now, |until| until.max(now));
        let reserved = self.reserved.len() + calls.saturating_sub(1);
        let windows = self
            .quota
            .windows
            .iter()
            .map(|window| self.free(&self.log, |sent| sent.at, reserved, *window, now));
        windows.fold(paused, Time::max)
    }

    /// Records a call that leaves at once, whatever the windows say of it.
    pub fn record_call(&mut self, now: Time, call: Call, resource: &str) {
        let reservation = self.reserve(call, resource);
        self.record(reservation, now);
    }

    /// Takes a place in every window for a call that is about to leave. Until it leaves it counts as
    /// if it left now.
    pub fn reserve(&mut self, call: Call, resource: &str) -> Reservation {
        let number = self.next;
        if self.horizon().is_zero() {
            return Reservation(number);
        }
        self.next += 1;
        let (resource, times) = self.shared(call, resource.into());
        if let Some(times) = times {
            times.reserved += 1;
        }
        self.reserved.push_back(Reserved {
            number,
            call,
            resource,
        });
        Reservation(number)
    }

    /// Records that a call left at `at`, or may have: from then on its windows count.
    pub fn record(&mut self, reservation: Reservation, at: Time) {
        let Some(Reserved { call, resource, .. }) = self.take(reservation) else {
            return;
        };
        let horizon = self.horizon();
        while self.log.front().is_some_and(|sent| sent.at + horizon <= at) {
            self.forget_oldest();
        }
        self.insert(at, call, resource, 1);
    }

    /// Gives a place back: the call never left.
    pub fn release(&mut self, reservation: Reservation) {
        let Some(Reserved { call, resource, .. }) = self.take(reservation) else {
            return;
        };
        let key = (call, resource);
        if let Some(times) = self.resources.get_mut(&key) {
            times.reserved = times.reserved.saturating_sub(1);
        }
        self.forget_if_empty(&key);
    }

    fn take(&mut self, Reservation(number): Reservation) -> Option<Reserved> {
        let place = self
            .reserved
            .binary_search_by_key(&number, |one| one.number);
        self.reserved.remove(place.ok()?)
    }

    /// Pauses all calls until then: the server refused a call for its quota.
    pub fn pause_until(&mut self, until: Time) {
        self.paused = Some(self.paused.map_or(until, |paused| paused.max(until)));
    }

    /// End of the pause of all, if that is after `now`.
    #[must_use]
    pub fn paused_until(&self, now: Time) -> Option<Time> {
        self.paused.filter(|until| *until > now)
    }

    /// Adopts a limit that the server names for a window of `span`; a higher one than ours is
    /// not a reason to send more.
    pub fn lower(&mut self, limit: u32, span: Duration) {
        let named = Window::new(limit, span);
        let windows = &mut self.quota.windows;
        match windows.iter_mut().find(|window| window.span == named.span) {
            Some(window) => window.limit = window.limit.min(named.limit),
            None => windows.push(named),
        }
    }

    /// The quota as it is now, with the limits that the server has lowered.
    #[must_use]
    pub const fn quota(&self) -> &Quota {
        &self.quota
    }

    /// The calls of a method on a resource that need a new place in the longest of the project's windows
    /// before their own come back: none where its window is as long as the project's.
    pub(crate) fn due_of_a_resource(&self) -> usize {
        let longest = self.quota.windows.iter().map(Window::span).max();
        let (Some(longest), Some(window)) = (longest, self.quota.per_resource) else {
            return 0;
        };
        let times = longest.as_nanos().div_ceil(window.span.as_nanos());
        let times = usize::try_from(times).unwrap_or(usize::MAX);
        (self.ours(window) as usize).saturating_mul(times.saturating_sub(1))
    }

    /// Number of calls that the project's windows allow from `now` on without waiting; `None` without windows.
    #[must_use]
    pub fn remaining(&self, now: Time) -> Option<u32> {
        let remaining = self.quota.windows.iter().map(|window| {
            let span = window.span + self.quota.guard;
            let sent = self.log.iter().rev();
            let sent = sent.take_while(|sent| sent.at + span > now).count();
            let sent = sent + self.reserved.len();
            self.ours(*window)
                .saturating_sub(u32::try_from(sent).unwrap_or(u32::MAX))
        });
        remaining.min()
    }

    /// Time for which a call counts: the longest window with its guard; zero without windows. A
    /// journal has to hold what was sent since then.
    #[must_use]
    pub fn horizon(&self) -> Duration {
        let windows = self.quota.windows.iter().chain(&self.quota.per_resource);
        let longest = windows.map(Window::span).max();
        longest.map_or(Duration::ZERO, |span| span + self.quota.guard)
    }

    /// State to be kept for a restart: each call that still counts, oldest first. One that has
    /// not left counts as if it left now.
    #[must_use]
    pub fn save(&self, now: Time) -> Vec<PastCall> {
        let horizon = self.horizon();
        let counts = self.log.iter().filter(|sent| sent.at + horizon > now);
        let sent = counts.map(|sent| {
            let age = now - sent.at;
            PastCall::new(age, sent.call, &*sent.resource)
        });
        let reserved = self.reserved.iter();
        let reserved = reserved.map(|one| PastCall::new(Duration::ZERO, one.call, &*one.resource));
        sent.chain(reserved).collect()
    }

    /// Takes over what was sent before a restart, besides what has been since: a window that was
    /// spent stays spent.
    ///
    /// Ages are as of `now`, in any order. What is too old to count is left out.
    pub fn restore(&mut self, now: Time, spent: impl IntoIterator<Item = PastCall>) {
        let horizon = self.horizon();
        let counting = spent.into_iter().filter(|spent| spent.age < horizon);
        let mut all = counting
            .map(|spent| Sent {
                // A clock that does not reach back so far makes it too recent rather than lost.
                at: now - spent.age,
                call: spent.call,
                resource: spent.resource.into(),
            })
            .chain(self.log.drain(..))
            .collect::<Vec<_>>();
        all.sort_by_key(|sent| sent.at);
        self.resources
            .values_mut()
            .for_each(|times| times.sent.clear());
        self.resources.retain(|_, times| times.reserved > 0);
        for sent in all {
            let (resource, _) = self.shared(sent.call, sent.resource);
            self.insert(sent.at, sent.call, resource, 0);
        }
    }

    /// One text for all calls about a resource, and its entry among the resources.
    fn shared(&mut self, call: Call, resource: Arc<str>) -> (Arc<str>, Option<&mut Times>) {
        if self.quota.per_resource.is_none() {
            return (resource, None);
        }
        let entry = self.resources.entry((call, resource));
        let shared = Arc::clone(&entry.key().1);
        (shared, Some(entry.or_default()))
    }

    /// Adds a call to the logs, nearly always the newest, for so many that were reserved.
    fn insert(&mut self, at: Time, call: Call, resource: Arc<str>, reserved: usize) {
        if self.quota.per_resource.is_some() {
            let key = (call, Arc::clone(&resource));
            let times = self.resources.entry(key).or_default();
            times.reserved = times.reserved.saturating_sub(reserved);
            let times = &mut times.sent;
            let place = times.iter().rev().take_while(|other| **other > at).count();
            times.insert(times.len() - place, at);
        }
        let later = self.log.iter().rev().take_while(|sent| sent.at > at);
        let place = self.log.len() - later.count();
        self.log.insert(place, Sent { at, call, resource });
    }

    /// Removes the oldest call from the logs.
    fn forget_oldest(&mut self) {
        let Some(Sent { call, resource, .. }) = self.log.pop_front() else {
            return;
        };
        let key = (call, resource);
        if let Some(times) = self.resources.get_mut(&key) {
            times.sent.pop_front();
        }
        self.forget_if_empty(&key);
    }

    fn forget_if_empty(&mut self, key: &(Call, Arc<str>)) {
        let times = self.resources.get(key);
        if times.is_some_and(|times| times.sent.is_empty() && times.reserved == 0) {
            self.resources.remove(key);
        }
    }

    /// Our share of a limit, at least one call.
    fn ours(&self, window: Window) -> u32 {
        ((f64::from(window.limit) * self.quota.share).floor() as u32).max(1)
    }

    /// Time at which a log allows one more: as soon as the call that was `limit` calls ago is out of the
    /// window. Reserved calls come after all that left, and leave now at the soonest.
    fn free<T>(
        &self,
        log: &VecDeque<T>,
        sent: fn(&T) -> Time,
        reserved: usize,
        window: Window,
        now: Time,
    ) -> Time {
        let limit = self.ours(window) as usize;
        let Some(at) = (log.len() + reserved).checked_sub(limit) else {
            return now;
        };
        let sent = log.get(at).map_or(now, sent);
        now.max(sent + window.span + self.quota.guard)
    }
}
