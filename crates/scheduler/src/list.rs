//! Lists that a scheduler reads among its cancels.

use std::cmp::Ordering;
use std::time::Instant;

use countermand_core::{
    Attempt, DeviceName, DevicePage, EnterpriseName, Error, OperationPage, Page, PageToken, Pages,
    Read, Resource, Timestamp, Unreadable,
};

use crate::event::Event;

/// A list to be read to its last page, under the scheduler's quota.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the API has these two lists")]
pub enum List {
    /// The devices of an enterprise.
    Devices(EnterpriseName),
    /// The operations of a device.
    Operations {
        /// The device.
        device: DeviceName,
        /// When it last reported: the device that was seen last is listed first.
        seen: Option<Timestamp>,
    },
}

/// A page of either list.
pub(crate) enum AnyPage {
    Devices(DevicePage),
    Operations(OperationPage),
}

impl Page for AnyPage {
    type Parent = List;

    fn read(list: &List, page_token: Option<PageToken>) -> Read<Self> {
        match list {
            List::Devices(enterprise) => {
                DevicePage::read(enterprise, page_token).map(Self::Devices)
            }
            List::Operations { device, .. } => {
                OperationPage::read(device, page_token).map(Self::Operations)
            }
        }
    }

    fn resource(list: &List) -> Resource {
        match list {
            List::Devices(enterprise) => enterprise.into(),
            List::Operations { device, .. } => device.into(),
        }
    }

    fn next_page_token(&self) -> Option<&PageToken> {
        match self {
            Self::Devices(page) => page.next_page_token(),
            Self::Operations(page) => page.next_page_token(),
        }
    }

    fn unreadable(&self) -> Option<&Unreadable> {
        match self {
            Self::Devices(page) => page.unreadable(),
            Self::Operations(page) => page.unreadable(),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Devices(page) => page.is_empty(),
            Self::Operations(page) => page.is_empty(),
        }
    }
}

/// A list before its next request.
pub(crate) struct Listing {
    pub(crate) pages: Pages<AnyPage>,
    /// The machine that asks for the next page, once it has asked, and since when it could go on.
    pub(crate) attempt: Option<(Attempt<AnyPage>, Instant)>,
    /// Makes the order of equals the order of arrival.
    arrival: u64,
    /// It has begun, and goes on before another begins.
    pub(crate) begun: bool,
}

impl Listing {
    pub(crate) fn new(list: List, arrival: u64) -> Self {
        Self {
            pages: Pages::new(list),
            attempt: None,
            arrival,
            begun: false,
        }
    }

    pub(crate) fn list(&self) -> &List {
        self.pages.parent()
    }

    pub(crate) fn resource(&self) -> Resource {
        AnyPage::resource(self.list())
    }

    pub(crate) fn is_of_devices(&self) -> bool {
        matches!(self.list(), List::Devices(_))
    }

    /// Takes a page, and gives what to tell of it; an error besides if it leads nowhere.
    pub(crate) fn turn(&mut self, page: AnyPage) -> (Event, Option<Error>) {
        let lost = self.pages.turn(&page).err();
        let last = page.next_page_token().is_none();
        let event = match (self.list().clone(), page) {
            (List::Devices(enterprise), AnyPage::Devices(page)) => Event::Devices {
                enterprise,
                devices: page.devices,
                last,
            },
            (List::Operations { device, .. }, AnyPage::Operations(page)) => Event::Operations {
                device,
                operations: page.operations,
                last,
            },
            _ => unreachable!("a list is read into pages of its own kind"),
        };
        (event, lost)
    }

    /// The greatest is next: what has begun, then the device that was seen last.
    fn rank(&self) -> (bool, Option<Timestamp>, std::cmp::Reverse<u64>) {
        let seen = match self.list() {
            List::Devices(_) => None,
            List::Operations { seen, .. } => *seen,
        };
        (self.begun, seen, std::cmp::Reverse(self.arrival))
    }
}

impl Ord for Listing {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Listing {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Listing {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Listing {}
