//! A quota that is shared with others: how many calls may go out, and when the next one may.
//!
//! Exact logs of what was sent in every window, not a token bucket: a bucket with a burst spends
//! nearly twice its limit in a window that begins at the wrong moment, and is refused. A log with a
//! small guard is never refused by fixed windows of any phase nor by sliding ones, and is as fast
//! as they allow.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::Call;

/// A limit: so many calls in so long. Written `600/60s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    limit: u32,
    span: Duration,
}

impl Window {
    /// `limit` calls in `span`; at least one call, and at least a millisecond.
    #[must_use]
    pub fn new(limit: u32, span: Duration) -> Self {
        Self {
            limit: limit.max(1),
            span: span.max(Duration::from_millis(1)),
        }
    }

    /// How many calls.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// In how long.
    #[must_use]
    pub const fn span(&self) -> Duration {
        self.span
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}s", self.limit, self.span.as_secs_f64())
    }
}

/// A text that is not a quota.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is not a quota; expected calls and seconds like 600/60s, several separated by commas"
)]
pub struct QuotaError(String);

impl FromStr for Window {
    type Err = QuotaError;

    fn from_str(text: &str) -> Result<Self, QuotaError> {
        let refuse = || QuotaError(crate::name_error::excerpt(text, 60));
        let (limit, span) = text.trim().split_once('/').ok_or_else(refuse)?;
        let limit = limit
            .trim()
            .parse()
            .ok()
            .filter(|limit| *limit > 0)
            .ok_or_else(refuse)?;
        let span = crate::parse_duration(span.trim())
            .filter(|span| !span.is_zero())
            .ok_or_else(refuse)?;
        Ok(Self::new(limit, span))
    }
}

/// What may be spent: the windows that hold for all calls of a project, the one that holds for the
/// same method on the same resource, and the share of them that is ours.
///
/// The default is what Google documents and what has been seen: 600 in 60 s and 1,000 in 100 s
/// for the project, 60 in 60 s for a method on a device or an enterprise, and of that a share of
/// 0.8, because the quota belongs to all of the project's traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    windows: Vec<Window>,
    per_resource: Option<Window>,
    share: f64,
    guard: Duration,
}

impl Default for Quota {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            windows: vec![
                Window::new(600, minute),
                Window::new(1000, Duration::from_secs(100)),
            ],
            per_resource: Some(Window::new(60, minute)),
            share: 0.8,
            guard: Duration::from_millis(50),
        }
    }
}

impl Quota {
    /// No limit at all: only what the server says is obeyed.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self {
            windows: Vec::new(),
            per_resource: None,
            share: 1.0,
            guard: Duration::from_millis(50),
        }
    }

    /// The windows that hold for all calls, all at once.
    #[must_use]
    pub fn windows(mut self, windows: impl IntoIterator<Item = Window>) -> Self {
        self.windows = windows.into_iter().collect();
        self
    }

    /// The window for the same method on the same device or enterprise; `None` for no such limit.
    #[must_use]
    pub const fn per_resource(mut self, window: Option<Window>) -> Self {
        self.per_resource = window;
        self
    }

    /// Which part of the project's windows is ours: 0.8 by default, from 0.001 to 1.
    #[must_use]
    pub const fn share(mut self, share: f64) -> Self {
        // A share that is no number gives the default instead of nothing or everything.
        self.share = if share.is_nan() {
            0.8
        } else {
            share.clamp(0.001, 1.0)
        };
        self
    }

    /// By how much a window is taken longer than it is: 50 ms by default, for requests that
    /// overtake each other on the way.
    #[must_use]
    pub const fn guard(mut self, guard: Duration) -> Self {
        self.guard = guard;
        self
    }
}

impl FromStr for Quota {
    type Err = QuotaError;

    /// The project's windows, `600/60s,1000/100s`; the rest as by default.
    fn from_str(text: &str) -> Result<Self, QuotaError> {
        let windows = text
            .split(',')
            .map(str::parse)
            .collect::<Result<Vec<Window>, _>>();
        let windows = windows.map_err(|_| QuotaError(crate::name_error::excerpt(text, 60)))?;
        Ok(Self::default().windows(windows))
    }
}

/// What has been spent of a [`Quota`], and until when everybody has to wait.
#[derive(Clone, Debug)]
pub struct Usage {
    quota: Quota,
    /// Sends of the project, oldest first, as far as a window reaches back.
    project: VecDeque<Instant>,
    /// Sends of a method on a resource, likewise; only those that are still within the window.
    resources: BTreeMap<(Call, Box<str>), VecDeque<Instant>>,
    /// When `resources` was last cleared of what is over.
    swept: Option<Instant>,
    hold: Option<Instant>,
}

impl Usage {
    /// Nothing spent yet.
    #[must_use]
    pub const fn new(quota: Quota) -> Self {
        Self {
            quota,
            project: VecDeque::new(),
            resources: BTreeMap::new(),
            swept: None,
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
        match self.resources.get(&(call, Box::from(resource))) {
            Some(log) => project.max(free(log, window.limit, window.span + self.quota.guard, now)),
            None => project,
        }
    }

    /// The earliest moment at which the project's windows, and a hold, allow any call.
    #[must_use]
    pub fn project_allowed(&self, now: Instant) -> Instant {
        let held = self.hold.map_or(now, |until| until.max(now));
        let windows = self.quota.windows.iter().map(|window| {
            free(
                &self.project,
                self.ours(*window),
                window.span + self.quota.guard,
                now,
            )
        });
        windows.fold(held, Instant::max)
    }

    /// Takes note of a call that is sent now, whatever the windows say of it.
    pub fn spend(&mut self, now: Instant, call: Call, resource: &str) {
        let guard = self.quota.guard;
        if let Some(longest) = self.quota.windows.iter().map(Window::span).max() {
            forget(&mut self.project, longest + guard, now);
            self.project.push_back(now);
        }
        if let Some(window) = self.quota.per_resource {
            self.sweep(now, window.span + guard);
            self.resources
                .entry((call, resource.into()))
                .or_default()
                .push_back(now);
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
        match self
            .quota
            .windows
            .iter_mut()
            .find(|window| window.span == span)
        {
            Some(window) => window.limit = window.limit.min(named.limit),
            None => self.quota.windows.push(named),
        }
    }

    /// How many calls the project's windows allow from `now` on without waiting; `None` without windows.
    #[must_use]
    pub fn left(&self, now: Instant) -> Option<u32> {
        let left = self.quota.windows.iter().map(|window| {
            let span = window.span + self.quota.guard;
            let sent = self
                .project
                .iter()
                .rev()
                .take_while(|sent| **sent + span > now)
                .count();
            self.ours(*window)
                .saturating_sub(u32::try_from(sent).unwrap_or(u32::MAX))
        });
        left.min()
    }

    /// What has to be known after a restart: how long ago each send within a window was, oldest
    /// first.
    #[must_use]
    pub fn save(&self, now: Instant) -> Vec<Duration> {
        self.project
            .iter()
            .map(|sent| now.saturating_duration_since(*sent))
            .collect()
    }

    /// Takes over what was saved; `ages` are as of `now`, in any order.
    ///
    /// A window of the time before the restart stays spent. What cannot be told apart by method and
    /// resource counts for the project only.
    pub fn restore(&mut self, now: Instant, ages: impl IntoIterator<Item = Duration>) {
        let mut sent = ages
            .into_iter()
            .filter_map(|age| now.checked_sub(age))
            .collect::<Vec<_>>();
        sent.extend(&self.project);
        sent.sort_unstable();
        self.project = sent.into();
    }

    /// Our share of a limit, at least one call.
    fn ours(&self, window: Window) -> u32 {
        ((f64::from(window.limit) * self.quota.share).floor() as u32).max(1)
    }

    /// Forgets, once in a window, the resources whose calls are all over.
    fn sweep(&mut self, now: Instant, span: Duration) {
        if self.swept.is_some_and(|swept| now < swept + span) {
            return;
        }
        self.swept = Some(now);
        self.resources.retain(|_, log| {
            forget(log, span, now);
            !log.is_empty()
        });
    }
}

/// When a log allows one more: as soon as the call that was `limit` calls ago is out of the window.
fn free(log: &VecDeque<Instant>, limit: u32, span: Duration, now: Instant) -> Instant {
    let Some(at) = log.len().checked_sub(limit as usize) else {
        return now;
    };
    now.max(log[at] + span)
}

fn forget(log: &mut VecDeque<Instant>, span: Duration, now: Instant) {
    while log.front().is_some_and(|sent| *sent + span <= now) {
        log.pop_front();
    }
}
