//! What was spent of a quota, and when the next call may go out.
//!
//! An exact log of what was sent in every window, not a token bucket: a bucket with a burst spends
//! nearly twice its limit in a window that begins at the wrong moment, and is refused. A log with a
//! small guard is never refused by fixed windows of any phase nor by sliding ones, and is as fast
//! as they allow.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{Call, Quota, Window};

/// What has been spent of a [`Quota`], and until when everybody has to wait.
///
/// A restart must not spend a window again. What [`save`](Self::save) gives, or a journal of every
/// send, goes into [`restore`](Self::restore); before that, [`windows`](Self::windows) that were
/// lowered are [`lower`](Self::lower)ed again, and who was [`held`](Self::held) is put on
/// [`hold`](Self::hold). From then on it answers as if there had been no restart.
#[derive(Clone, Debug)]
pub struct Usage {
    quota: Quota,
    /// What was sent, oldest first, as far as a window reaches back.
    log: VecDeque<Sent>,
    /// The same by method and resource, while there is a limit for them.
    resources: BTreeMap<(Call, Arc<str>), VecDeque<Instant>>,
    hold: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Sent {
    at: Instant,
    call: Call,
    /// One text for all that is sent about a resource.
    resource: Arc<str>,
}

/// A call that was sent before a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spent {
    /// How long ago.
    pub age: Duration,
    /// The method.
    pub call: Call,
    /// The device or the enterprise, as it was given to [`Usage::spend`].
    pub resource: Box<str>,
}

impl Spent {
    /// A call of this method about this device or enterprise, so long ago.
    #[must_use]
    pub fn new(age: Duration, call: Call, resource: impl Into<Box<str>>) -> Self {
        Self {
            age,
            call,
            resource: resource.into(),
        }
    }
}

impl Usage {
    /// Nothing spent yet.
    #[must_use]
    pub const fn new(quota: Quota) -> Self {
        Self {
            quota,
            log: VecDeque::new(),
            resources: BTreeMap::new(),
            hold: None,
        }
    }

    /// The earliest moment, `now` at the soonest, at which the windows allow this call.
    #[must_use]
    pub fn allowed(&self, now: Instant, call: Call, resource: &str) -> Instant {
        let project = self.project_allowed(now);
        let Some(window) = self.quota.per_resource else {
            return project;
        };
        match self.resources.get(&(call, resource.into())) {
            Some(log) => {
                let limit = self.ours(window);
                project.max(self.free(log, |at| *at, limit, window.span, now))
            }
            None => project,
        }
    }

    /// The earliest moment at which the project's windows, and a hold, allow any call.
    #[must_use]
    pub fn project_allowed(&self, now: Instant) -> Instant {
        let held = self.hold.map_or(now, |until| until.max(now));
        let windows = self.quota.windows.iter().map(|window| {
            let limit = self.ours(*window);
            self.free(&self.log, |sent| sent.at, limit, window.span, now)
        });
        windows.fold(held, Instant::max)
    }

    /// Takes note of a call that is sent now, whatever the windows say of it.
    pub fn spend(&mut self, now: Instant, call: Call, resource: &str) {
        let horizon = self.horizon();
        if horizon.is_zero() {
            return;
        }
        while self
            .log
            .front()
            .is_some_and(|sent| sent.at + horizon <= now)
        {
            self.forget_oldest();
        }
        self.record(now, call, resource.into());
    }

    /// The newest `count` calls leave only `now`: whoever wrote them down before they may be sent has
    /// taken its time, and the server counts from when they come.
    pub fn leave(&mut self, now: Instant, count: usize) {
        for sent in self.log.iter_mut().rev().take(count) {
            let key = (sent.call, Arc::clone(&sent.resource));
            let log = self.resources.get_mut(&key);
            let same = log.into_iter().flat_map(|log| log.iter_mut().rev());
            same.take_while(|at| **at >= sent.at)
                .for_each(|at| *at = now);
            sent.at = now;
        }
    }

    /// Nobody sends before `until`: the server refused a call for its quota.
    pub fn hold(&mut self, until: Instant) {
        self.hold = Some(self.hold.map_or(until, |held| held.max(until)));
    }

    /// Until when everybody waits, if that is after `now`.
    #[must_use]
    pub fn held(&self, now: Instant) -> Option<Instant> {
        self.hold.filter(|until| *until > now)
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

    /// The project's windows as they are now, with the limits that the server has lowered.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.quota.windows
    }

    /// How many calls the project's windows allow from `now` on without waiting; `None` without windows.
    #[must_use]
    pub fn left(&self, now: Instant) -> Option<u32> {
        let left = self.quota.windows.iter().map(|window| {
            let span = window.span + self.quota.guard;
            let sent = self.log.iter().rev();
            let sent = sent.take_while(|sent| sent.at + span > now).count();
            self.ours(*window)
                .saturating_sub(u32::try_from(sent).unwrap_or(u32::MAX))
        });
        left.min()
    }

    /// For how long a call counts: the longest window with its guard; zero without windows. A
    /// journal has to hold what was sent since then.
    #[must_use]
    pub fn horizon(&self) -> Duration {
        let windows = self.quota.windows.iter().chain(&self.quota.per_resource);
        let longest = windows.map(Window::span).max();
        longest.map_or(Duration::ZERO, |span| span + self.quota.guard)
    }

    /// What has to be known after a restart: each call that still counts, oldest first.
    #[must_use]
    pub fn save(&self, now: Instant) -> Vec<Spent> {
        let horizon = self.horizon();
        let counts = self.log.iter().filter(|sent| sent.at + horizon > now);
        counts
            .map(|sent| {
                let age = now.saturating_duration_since(sent.at);
                Spent::new(age, sent.call, &*sent.resource)
            })
            .collect()
    }

    /// Takes over what was sent before a restart, besides what has been since: a window that was
    /// spent stays spent.
    ///
    /// Ages are as of `now`, in any order. What is too old to count is left out.
    pub fn restore(&mut self, now: Instant, spent: impl IntoIterator<Item = Spent>) {
        let horizon = self.horizon();
        let counting = spent.into_iter().filter(|spent| spent.age < horizon);
        let mut all = counting
            .map(|spent| Sent {
                // A clock that does not reach back so far makes it too recent rather than lost.
                at: now.checked_sub(spent.age).unwrap_or(now),
                call: spent.call,
                resource: spent.resource.into(),
            })
            .chain(self.log.drain(..))
            .collect::<Vec<_>>();
        all.sort_by_key(|sent| sent.at);
        self.resources.clear();
        for sent in all {
            self.record(sent.at, sent.call, sent.resource);
        }
    }

    /// Adds the newest call to the logs.
    fn record(&mut self, at: Instant, call: Call, mut resource: Arc<str>) {
        if self.quota.per_resource.is_some() {
            let entry = self.resources.entry((call, resource));
            resource = Arc::clone(&entry.key().1);
            entry.or_default().push_back(at);
        }
        self.log.push_back(Sent { at, call, resource });
    }

    /// Removes the oldest call from the logs.
    fn forget_oldest(&mut self) {
        let Some(Sent { call, resource, .. }) = self.log.pop_front() else {
            return;
        };
        let key = (call, resource);
        if let Some(log) = self.resources.get_mut(&key) {
            log.pop_front();
            if log.is_empty() {
                self.resources.remove(&key);
            }
        }
    }

    /// Our share of a limit, at least one call.
    fn ours(&self, window: Window) -> u32 {
        ((f64::from(window.limit) * self.quota.share).floor() as u32).max(1)
    }

    /// When a log allows one more: as soon as the call that was `limit` calls ago is out of the
    /// window.
    fn free<T>(
        &self,
        log: &VecDeque<T>,
        sent: fn(&T) -> Instant,
        limit: u32,
        span: Duration,
        now: Instant,
    ) -> Instant {
        let Some(at) = log.len().checked_sub(limit as usize) else {
            return now;
        };
        now.max(sent(&log[at]) + span + self.quota.guard)
    }
}
