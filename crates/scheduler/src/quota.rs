//! A quota that is shared with others: how many calls may go out in how long.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use countermand_core::text::shown_excerpt;
use countermand_core::{Service, duration};

/// The longest window: no API has one, and every clock can add it to its time.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// A limit: so many calls in so long, a year at most. Written `600/60s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    pub(crate) limit: u32,
    pub(crate) span: Duration,
}

impl Window {
    /// `limit` calls in `span`; at least one call, and a millisecond to 366 days.
    #[must_use]
    pub fn new(limit: u32, span: Duration) -> Self {
        Self {
            limit: limit.max(1),
            span: span.clamp(Duration::from_millis(1), LONGEST),
        }
    }

    /// Number of calls.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// The length of the window.
    #[must_use]
    pub const fn span(&self) -> Duration {
        self.span
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Exactly: job files keep windows as text.
        let span = duration::format(self.span);
        let span = match span.strip_suffix('s') {
            Some(number) if number.contains('.') => number.trim_end_matches('0'),
            Some(number) => number,
            None => &span,
        };
        write!(f, "{}/{span}s", self.limit)
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
        let refuse = || QuotaError(shown_excerpt(text, 60));
        let (limit, span) = text.trim().split_once('/').ok_or_else(refuse)?;
        let limit = limit
            .trim()
            .parse()
            .ok()
            .filter(|limit| *limit > 0)
            .ok_or_else(refuse)?;
        let span = duration::parse(span.trim())
            .filter(|span| !span.is_zero() && *span <= LONGEST)
            .ok_or_else(refuse)?;
        Ok(Self::new(limit, span))
    }
}

/// Limits of what may be sent: the windows of all calls of a project, the one of the
/// same method on the same resource, and the share of them that is ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    pub(crate) windows: Vec<Window>,
    pub(crate) per_resource: Option<Window>,
    pub(crate) share: f64,
    pub(crate) guard: Duration,
}

/// The default share.
const SHARE: f64 = 0.8;

/// The quota that is assumed where none is documented.
const ASSUMED: (u32, u64) = (600, 60);

/// The quota of the [default service](Service::DEFAULT).
impl Default for Quota {
    fn default() -> Self {
        Self::of_service(Service::DEFAULT)
    }
}

impl Quota {
    /// The known quota of a service, 600 calls in 60 s where none is known, and a share of 0.8 of it, because a quota
    /// belongs to all of the project's traffic.
    #[must_use]
    pub fn of_service(service: &Service) -> Self {
        let window = |(calls, seconds)| Window::new(calls, Duration::from_secs(seconds));
        let windows = match service.quota {
            [] => &[ASSUMED],
            known => known,
        };
        Self {
            windows: windows.iter().copied().map(window).collect(),
            per_resource: service.resource_quota.map(window),
            share: SHARE,
            guard: Duration::from_millis(50),
        }
    }

    /// True if its windows rest on no documentation of the service: they are those of [`of_service`](Self::of_service)
    /// where none is known.
    #[must_use]
    pub fn is_assumed(&self, service: &Service) -> bool {
        service.quota.is_empty() && self.windows == Self::of_service(service).windows
    }

    /// No limit at all: only what the server says is obeyed. The share is that of windows that are set
    /// afterwards, as by default.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self {
            windows: Vec::new(),
            per_resource: None,
            share: SHARE,
            guard: Duration::from_millis(50),
        }
    }

    /// The windows of all calls, in force together.
    #[must_use]
    pub fn windows(mut self, windows: impl IntoIterator<Item = Window>) -> Self {
        self.windows = windows.into_iter().collect();
        self
    }

    /// The window for the same method on the same resource; `None` for no such limit.
    #[must_use]
    pub const fn per_resource(mut self, window: Option<Window>) -> Self {
        self.per_resource = window;
        self
    }

    /// The part of every window that may be spent, that of a resource included: 0.8 by default, from 0.001
    /// to 1; at least one call.
    #[must_use]
    pub const fn share(mut self, share: f64) -> Self {
        // A share that is no number gives the default instead of nothing or everything.
        self.share = if share.is_nan() {
            SHARE
        } else {
            share.clamp(0.001, 1.0)
        };
        self
    }

    /// The time by which a window is taken longer than it is: 50 ms by default, for requests that
    /// overtake each other on the way.
    #[must_use]
    pub const fn guard(mut self, guard: Duration) -> Self {
        self.guard = guard;
        self
    }

    /// The windows of all calls.
    #[must_use]
    pub fn get_windows(&self) -> &[Window] {
        &self.windows
    }

    /// The window for the same method on the same resource.
    #[must_use]
    pub const fn get_per_resource(&self) -> Option<Window> {
        self.per_resource
    }

    /// The part of every window that is ours.
    #[must_use]
    pub const fn get_share(&self) -> f64 {
        self.share
    }

    /// The time by which a window is taken longer than it is.
    #[must_use]
    pub const fn get_guard(&self) -> Duration {
        self.guard
    }

    /// Requests a second that our share allows in the long run; `None` without a limit for all calls.
    #[must_use]
    pub fn pace(&self) -> Option<f64> {
        let windows = self.windows.iter();
        let paces = windows.map(|window| f64::from(window.limit) / window.span.as_secs_f64());
        paces.reduce(f64::min).map(|pace| pace * self.share)
    }
}

/// A number that is no share of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number above 0 and up to 1")]
#[non_exhaustive]
pub struct ShareError;

impl ShareError {
    /// Refuses a share that [`Quota::share`] would clamp: 80 is a slip for 0.8.
    ///
    /// # Errors
    /// For a number that is no part.
    pub fn check(share: f64) -> Result<f64, Self> {
        let part = share > 0.0 && share <= 1.0;
        if part { Ok(share) } else { Err(Self) }
    }
}

impl fmt::Display for Quota {
    /// The project's windows, or `none`; the rest is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.windows.is_empty() {
            return f.write_str("none");
        }
        let windows: Vec<String> = self.windows.iter().map(Window::to_string).collect();
        f.write_str(&windows.join(","))
    }
}

impl FromStr for Quota {
    type Err = QuotaError;

    /// The project's windows, `600/60s,1000/100s`, the rest as by default; or `none` for no limit
    /// at all.
    fn from_str(text: &str) -> Result<Self, QuotaError> {
        if text == "none" {
            return Ok(Self::unlimited());
        }
        let windows = text
            .split(',')
            .map(str::parse)
            .collect::<Result<Vec<Window>, _>>();
        let windows = windows.map_err(|_| QuotaError(shown_excerpt(text, 60)))?;
        Ok(Self::default().windows(windows))
    }
}
