//! Finds pending operations.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use countermand_core::campaign::{Campaign, Event, List, Progress};
use countermand_core::{
    DeviceName, EnterpriseName, Error, Operation, OperationName, Phase, Resource, Spent, Timestamp,
};
use countermand_hyper::{Client, Running};
use futures_core::Stream;
use futures_util::stream;

use crate::job::{Job, JobError};
use crate::{Filter, Item, now};

/// What a search tells.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever searches acts on each of them"
)]
pub enum Found {
    /// A pending operation that is meant.
    Item(Item),
    /// A list that could not be read to its end: operations in it may have been missed.
    Missed {
        /// The device, or the enterprise.
        resource: Resource,
        /// Why.
        error: Error,
    },
    /// Everybody waits: the quota is used up.
    Held(Duration),
}

/// A search under way: a stream of what is found, at most once each.
///
/// All devices of the enterprises are listed, 100 a page, and of each device all operations to the
/// last page: the list is oldest first, so the pending ones come last. Under a quota, like
/// everything; [`spent`](Self::spent) says what it took, so that it is not spent again by what
/// comes after it.
pub struct Search {
    running: Running<stream::Empty<(OperationName, Phase)>>,
    pages: Pages,
    found: VecDeque<Item>,
    /// A list that changes while it is read may show an operation twice.
    known: HashSet<OperationName>,
}

/// Where a search goes on from a page, and what of it is meant: the same for a search alone and
/// for one that cancels.
#[derive(Debug)]
pub(crate) struct Pages {
    filter: Filter,
    /// Ages are counted from here.
    begun: Timestamp,
    /// When devices last reported.
    seen: HashMap<DeviceName, Timestamp>,
    /// Devices that an earlier run has searched to the end.
    searched: HashSet<DeviceName>,
}

impl Pages {
    pub(crate) fn new(filter: Filter, begun: Timestamp) -> Self {
        Self {
            filter,
            begun,
            seen: HashMap::new(),
            searched: HashSet::new(),
        }
    }

    /// What a rescue still has to search, and the lists that this begins with.
    pub(crate) fn of_job(job: &Job) -> Result<(Self, Vec<List>), JobError> {
        let settings = job.settings();
        let mut pages = Self::new(settings.filter.clone(), job.created());
        let mut lists = Vec::new();
        for enterprise in &settings.enterprises {
            if !pages.filter.excludes_enterprise(enterprise) {
                lists.push(List::Devices(enterprise.clone()));
            }
        }
        for device in job.devices() {
            let device = device?;
            if device.searched.is_some() {
                pages.searched.insert(device.name);
            } else {
                lists.extend(pages.list(device.name, device.seen));
            }
        }
        Ok((pages, lists))
    }

    /// The list of a device's operations, unless nothing of it is meant.
    pub(crate) fn list(&mut self, device: DeviceName, seen: Option<Timestamp>) -> Option<List> {
        if self.searched.contains(&device) || self.filter.excludes_device(&device) {
            return None;
        }
        if let Some(seen) = seen {
            self.seen.insert(device.clone(), seen);
        }
        Some(List::Operations { device, seen })
    }

    /// An operation of a page as an item, if it is meant.
    pub(crate) fn item(&self, device: &DeviceName, operation: &Operation) -> Option<Item> {
        self.filter.matches(operation, self.begun).then(|| Item {
            name: operation.name.clone(),
            command: operation.command.clone().unwrap_or_default(),
            device_seen: self.seen.get(device).copied(),
        })
    }
}

impl Search {
    /// Searches all devices of these enterprises, and these devices, with the quota and the limit
    /// of requests of this campaign.
    #[must_use]
    pub fn new(
        client: &Client,
        campaign: Campaign,
        enterprises: impl IntoIterator<Item = EnterpriseName>,
        devices: impl IntoIterator<Item = DeviceName>,
        filter: Filter,
    ) -> Self {
        let mut pages = Pages::new(filter, now());
        let mut running = client.campaign(campaign, stream::empty());
        for enterprise in enterprises {
            if !pages.filter.excludes_enterprise(&enterprise) {
                running.search(List::Devices(enterprise));
            }
        }
        for device in devices {
            if let Some(list) = pages.list(device, None) {
                running.search(list);
            }
        }
        Self {
            running,
            pages,
            found: VecDeque::new(),
            known: HashSet::new(),
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.running.progress()
    }

    /// What was spent of the quota and still counts.
    #[must_use]
    pub fn spent(&mut self) -> Vec<Spent> {
        let now = tokio::time::Instant::now().into_std();
        self.running.usage().save(now)
    }
}

impl Stream for Search {
    type Item = Found;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Found>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.found.pop_front() {
                return Poll::Ready(Some(Found::Item(item)));
            }
            let event = match pin!(&mut this.running).poll_next(context) {
                Poll::Ready(Some(event)) => event,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            };
            match event {
                Event::Devices { devices, .. } => {
                    for device in devices {
                        let list = this.pages.list(device.name, device.last_status_report_time);
                        list.map(|list| this.running.search(list));
                    }
                }
                Event::Operations {
                    device, operations, ..
                } => {
                    let items = operations.iter();
                    let items = items.filter_map(|operation| this.pages.item(&device, operation));
                    let new = items.filter(|item| this.known.insert(item.name.clone()));
                    this.found.extend(new);
                }
                Event::NotListed { resource, error } => {
                    return Poll::Ready(Some(Found::Missed { resource, error }));
                }
                Event::Held { until, .. } => {
                    let now = tokio::time::Instant::now().into_std();
                    let pause = until.saturating_duration_since(now);
                    return Poll::Ready(Some(Found::Held(pause)));
                }
                _ => {}
            }
        }
    }
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search")
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}
