//! The settings of one run of a client's scheduler.

use std::fmt;
use std::sync::Arc;

use countermand_core::{OperationName, Phase, Policy};
use countermand_scheduler::{Quota, Scheduler};
use futures_core::Stream;

use crate::scheduler_stream::SchedulerStream;
use crate::transport::Transport;

/// Many countermands of a client under one quota, before they begin.
///
/// ```no_run
/// # async fn example(client: countermand_hyper::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use countermand_hyper::{core::Phase, scheduler::Event};
/// use futures_util::{StreamExt, stream};
///
/// let names = ["17", "18"].map(|id| format!("enterprises/LC01/devices/3f/operations/{id}").parse());
/// let names = names.into_iter().collect::<Result<Vec<_>, _>>()?;
/// let names = stream::iter(names.into_iter().map(|name| (name, Phase::Unsent)));
/// let mut events = client.scheduler().quota("600/60s".parse()?).in_flight(50).run(names);
/// while let Some(event) = events.next().await {
///     if let Event::Finished { name, result } = event {
///         println!("{name}: {}", result?.verdict);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent before it runs"]
pub struct ClientScheduler {
    transport: Arc<dyn Transport>,
    scheduler: Scheduler,
}

impl ClientScheduler {
    pub(crate) const fn new(transport: Arc<dyn Transport>, scheduler: Scheduler) -> Self {
        Self {
            transport,
            scheduler,
        }
    }

    /// The quota: the client's unless given.
    pub fn quota(self, quota: Quota) -> Self {
        self.with(|scheduler| scheduler.quota(quota))
    }

    /// Limits of each operation: the client's unless given.
    pub fn policy(self, policy: impl Into<Arc<Policy>>) -> Self {
        self.with(|scheduler| scheduler.policy(policy))
    }

    /// Limit of requests in flight: the client's unless given; at least 1.
    pub fn in_flight(self, requests: usize) -> Self {
        self.with(|scheduler| scheduler.in_flight(requests))
    }

    /// Probes a server that fails until it is back, instead of giving it up.
    pub fn probe_on(self) -> Self {
        self.with(Scheduler::probe_on)
    }

    /// Runs it: cancels first, then the verification of each operation.
    ///
    /// Names come with their progress so far, and are pulled as there is room.
    pub fn run<S>(self, names: S) -> SchedulerStream<S>
    where
        S: Stream<Item = (OperationName, Phase)> + Send + 'static,
    {
        SchedulerStream::new(self.scheduler, self.transport, names)
    }

    fn with(self, set: impl FnOnce(Scheduler) -> Scheduler) -> Self {
        Self {
            scheduler: set(self.scheduler),
            ..self
        }
    }
}

impl fmt::Debug for ClientScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientScheduler").finish_non_exhaustive()
    }
}

/// The scheduler alone, for drivers of their own and for simulation.
impl From<ClientScheduler> for Scheduler {
    fn from(run: ClientScheduler) -> Self {
        run.scheduler
    }
}
