//! The quota on the side of the server: its windows, and the hints of a refusal.

use std::time::Duration;

use countermand_scheduler::{Quota, Window};

/// The quota of an emulated server; by default there is none.
///
/// It is not published how Google's windows run, whether refused calls count, or when a refusal says how long to wait: a
/// client has to be right with every setting.
///
/// ```
/// use std::time::Duration;
/// use countermand_emulator::{Config, Hints, ServerQuota, WindowKind};
///
/// let quota = ServerQuota::default()
///     .windows(["600/60s".parse()?, "1000/100s".parse()?])
///     .per_resource(Some("60/60s".parse()?))
///     .kind(WindowKind::Fixed { phase: Duration::from_secs(37) })
///     .hints(Hints::RetryInfo);
/// let config = Config::default().quota(quota);
/// # Ok::<(), countermand_scheduler::QuotaError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServerQuota {
    pub(crate) windows: Vec<Window>,
    pub(crate) per_resource: Option<Window>,
    pub(crate) kind: WindowKind,
    pub(crate) hints: Hints,
    pub(crate) count_refused: bool,
}

/// The run of windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WindowKind {
    /// One after the other: all calls come back at once, when a window ends.
    Fixed {
        /// The time after the emulator's start at which a window begins; the others begin whole spans before and after it.
        phase: Duration,
    },
    /// Each call comes back when it is a span old.
    Sliding,
}

impl Default for WindowKind {
    /// Fixed, and the first window begins with the emulator.
    fn default() -> Self {
        Self::Fixed {
            phase: Duration::ZERO,
        }
    }
}

/// The hint of a refusal: the time until a call is allowed again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hints {
    /// Nothing.
    #[default]
    None,
    /// A detail `google.rpc.RetryInfo`, to the nanosecond.
    RetryInfo,
    /// A header `Retry-After`, in whole seconds, rounded up.
    RetryAfter,
}

impl From<&Quota> for ServerQuota {
    /// The whole windows of a client's quota, whatever its share of them.
    fn from(quota: &Quota) -> Self {
        Self::default()
            .windows(quota.get_windows().iter().copied())
            .per_resource(quota.get_per_resource())
    }
}

impl ServerQuota {
    /// The windows for all calls together; they hold all at once. Default: none.
    #[must_use]
    pub fn windows(mut self, windows: impl IntoIterator<Item = Window>) -> Self {
        self.windows = windows.into_iter().collect();
        self
    }

    /// The window for calls of the same method on the same resource, of as many levels as the service says: on one device of
    /// the Android Management API, or on one enterprise for the method that lists devices. Default: none.
    #[must_use]
    pub const fn per_resource(mut self, window: Option<Window>) -> Self {
        self.per_resource = window;
        self
    }

    /// The run of all windows. Default: fixed, from the emulator's start on.
    #[must_use]
    pub const fn kind(mut self, kind: WindowKind) -> Self {
        self.kind = kind;
        self
    }

    /// The hints of refusals. Default: none, as it is the hardest for a client.
    #[must_use]
    pub const fn hints(mut self, hints: Hints) -> Self {
        self.hints = hints;
        self
    }

    /// Spends refused calls like others, in all windows, so that a client that insists stays shut out. Default: no.
    #[must_use]
    pub const fn count_refused(mut self, count: bool) -> Self {
        self.count_refused = count;
        self
    }
}
