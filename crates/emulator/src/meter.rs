//! The calls spent of a quota, counted as a server does.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use countermand_scheduler::Window;

use crate::call::Call;
use crate::method::{Method, Methods};
use crate::quota::{ServerQuota, WindowKind};
use crate::quota_report::{QuotaReport, ResourceReport, WindowReport};

/// The number of resources that are reported.
const REPORTED: usize = 10;

/// The quota and everything that is spent of it.
#[derive(Debug)]
pub(crate) struct Meter {
    quota: ServerQuota,
    /// Levels of a name that share the quota of a method.
    levels: usize,
    project: Vec<Account>,
    resources: HashMap<(Method, String), Account>,
    /// The next time at which resources without calls in the window are looked for.
    sweep: Duration,
    /// The latest time seen: accounts have to be in order.
    now: Duration,
    resource_refused: u64,
    allowed: u64,
    refused: u64,
}

/// The calls that share a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Project,
    Resource,
}

/// The reason for a refusal.
#[derive(Debug)]
pub(crate) struct Exceeded {
    /// The window that refuses; if several do, the one that is shut longest.
    pub(crate) window: Window,
    pub(crate) scope: Scope,
    /// The time until all windows allow a call, on the emulator's clock.
    pub(crate) wait: Duration,
}

#[derive(Debug)]
struct Account {
    window: Window,
    scope: Scope,
    /// For each call that is in the window, when it comes back; never decreasing, so that the front is the next.
    back: VecDeque<Duration>,
    refused: u64,
}

impl Meter {
    /// Nothing spent yet. `levels` of a name share the quota of a method.
    pub(crate) fn new(quota: ServerQuota, levels: usize) -> Self {
        let windows = quota.windows.iter();
        Self {
            project: windows
                .map(|window| Account::new(*window, Scope::Project))
                .collect(),
            quota,
            levels,
            resources: HashMap::new(),
            sweep: Duration::ZERO,
            now: Duration::ZERO,
            resource_refused: 0,
            allowed: 0,
            refused: 0,
        }
    }

    /// Takes a call into account, or refuses it; `now` counts from the emulator's start.
    pub(crate) fn admit(&mut self, now: Duration, call: &Call) -> Result<(), Exceeded> {
        self.now = self.now.max(now);
        let now = self.now;
        self.sweep(now);
        let resource = self.quota.per_resource.map(|window| {
            let resource = call.prefix(self.levels).to_owned();
            self.resources
                .entry((call.method, resource))
                .or_insert_with(|| Account::new(window, Scope::Resource))
        });
        let mut accounts: Vec<&mut Account> = self.project.iter_mut().chain(resource).collect();
        let mut exceeded: Option<Exceeded> = None;
        for account in &mut accounts {
            account.forget(now);
            let Some(wait) = account.wait(now) else {
                continue;
            };
            account.refused += 1;
            self.resource_refused += u64::from(account.scope == Scope::Resource);
            if exceeded.as_ref().is_none_or(|longest| longest.wait < wait) {
                exceeded = Some(Exceeded {
                    window: account.window,
                    scope: account.scope,
                    wait,
                });
            }
        }
        if exceeded.is_none() || self.quota.count_refused {
            for account in &mut accounts {
                account.spend(now, self.quota.kind);
            }
        }
        let Some(mut exceeded) = exceeded else {
            self.allowed += 1;
            return Ok(());
        };
        self.refused += 1;
        // Again, as a refused call that counts has shut windows for longer.
        let waits = accounts.iter().filter_map(|account| account.wait(now));
        exceeded.wait = waits.fold(exceeded.wait, Duration::max);
        Err(exceeded)
    }

    /// Drops, once in a span, the resources that nothing is spent on: their number stays that of recent calls, at a constant
    /// cost for each.
    fn sweep(&mut self, now: Duration) {
        let Some(window) = self.quota.per_resource.filter(|_| now >= self.sweep) else {
            return;
        };
        self.sweep = now.saturating_add(window.span());
        self.resources.retain(|_, account| {
            account.forget(now);
            !account.back.is_empty()
        });
    }

    pub(crate) fn report(&self, now: Duration, methods: &Methods) -> QuotaReport {
        let now = self.now.max(now);
        let project = self.project.iter();
        let mut resources: Vec<ResourceReport> = self
            .resources
            .iter()
            .map(|((method, resource), account)| ResourceReport {
                method: methods.word(*method).to_owned(),
                resource: resource.clone(),
                used: account.used(now),
            })
            .filter(|row| row.used > 0)
            .collect();
        resources.sort_unstable_by(|a, b| {
            (b.used, &a.method, &a.resource).cmp(&(a.used, &b.method, &b.resource))
        });
        let per_resource = self.quota.per_resource.map(|window| WindowReport {
            limit: window.limit(),
            span: window.span(),
            used: resources.first().map_or(0, |busiest| busiest.used),
            refused: self.resource_refused,
        });
        resources.truncate(REPORTED);
        QuotaReport {
            windows: project.map(|account| account.report(now)).collect(),
            per_resource,
            resources,
            allowed: self.allowed,
            refused: self.refused,
        }
    }
}

impl Account {
    const fn new(window: Window, scope: Scope) -> Self {
        Self {
            window,
            scope,
            back: VecDeque::new(),
            refused: 0,
        }
    }

    fn forget(&mut self, now: Duration) {
        while self.back.front().is_some_and(|back| *back <= now) {
            self.back.pop_front();
        }
    }

    /// The time for which the window is shut; `None` when it is open.
    fn wait(&self, now: Duration) -> Option<Duration> {
        let last = self.back.len().checked_sub(self.window.limit() as usize)?;
        Some(self.back[last].saturating_sub(now))
    }

    fn spend(&mut self, now: Duration, kind: WindowKind) {
        let span = self.window.span();
        self.back.push_back(match kind {
            WindowKind::Sliding => now.saturating_add(span),
            WindowKind::Fixed { phase } => {
                let (whole, phase) = (span.as_nanos(), phase.as_nanos());
                let gone = (now.as_nanos() + whole - phase % whole) % whole;
                let left = u64::try_from(whole - gone).map_or(Duration::MAX, Duration::from_nanos);
                now.saturating_add(left)
            }
        });
    }

    fn used(&self, now: Duration) -> usize {
        self.back.len() - self.back.partition_point(|back| *back <= now)
    }

    fn report(&self, now: Duration) -> WindowReport {
        WindowReport {
            limit: self.window.limit(),
            span: self.window.span(),
            used: self.used(now),
            refused: self.refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use countermand_core::Service;

    use super::*;

    #[test]
    fn resources_are_forgotten_when_their_window_is_over() {
        let window = Window::new(1, Duration::from_secs(60));
        let quota = ServerQuota::default()
            .per_resource(Some(window))
            .kind(WindowKind::Sliding);
        let mut meter = Meter::new(quota, 2);
        let mut most = 0;
        for second in 0..6000 {
            let call = Call {
                method: Method::Cancel,
                name: format!("enterprises/e/devices/{second}/operations/1"),
                levels: Service::DEFAULT.levels(),
                listed: None,
                query_level: None,
                query: [].into(),
            };
            let admitted = meter.admit(Duration::from_secs(second), &call);
            assert!(admitted.is_ok(), "{admitted:?}");
            most = most.max(meter.resources.len());
        }
        assert!((60..=120).contains(&most), "{most}");
    }

    #[test]
    fn absurd_spans_do_no_harm() {
        for kind in [WindowKind::Sliding, WindowKind::default()] {
            let quota = ServerQuota::default()
                .windows([Window::new(1, Duration::MAX)])
                .kind(kind);
            let mut meter = Meter::new(quota, 2);
            let call = Call {
                method: Method::ListParents,
                name: "enterprises/e".to_owned(),
                levels: &Service::DEFAULT.levels()[..1],
                listed: None,
                query_level: None,
                query: [].into(),
            };
            assert!(meter.admit(Duration::from_secs(1), &call).is_ok());
            // A window is at most 366 days long.
            let exceeded = meter.admit(Duration::from_secs(2), &call);
            let year = Duration::from_hours(365 * 24);
            assert!(exceeded.is_err_and(|exceeded| exceeded.wait > year));
            // A clock at its end does not panic.
            assert!(meter.admit(Duration::MAX, &call).is_ok());
        }
    }
}
