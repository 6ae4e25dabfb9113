//! Lists that a scheduler reads among its cancels.

use std::cmp::{Ordering, Reverse};

use countermand_core::{
    Attempt, Error, Fetch, GrandparentName, ListFilter, Pages, ParentName, Resource, Response,
    Time, Timestamp,
};

use crate::event::Event;

/// A list to be read to its last page, under the scheduler's quota.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "names have these two lists")]
pub enum List {
    /// The parents of operations under a resource: the devices of an enterprise, for example.
    Parents(GrandparentName),
    /// The operations of a parent.
    Operations {
        /// The parent.
        parent: ParentName,
        /// The time at which it was last active: the parent that was seen last is listed first.
        seen: Option<Timestamp>,
        /// The filter of the server: what it leaves out is not listed.
        filter: Option<ListFilter>,
    },
}

/// A list before its next request.
pub(crate) struct Listing {
    pages: Pages,
    /// The machine that asks for the next page, once it has asked, and since when it could go on.
    pub(crate) attempt: Option<(Attempt<Response>, Time)>,
    seen: Option<Timestamp>,
    /// Makes the order of equals the order of arrival.
    arrival: u64,
    /// It has begun, and goes on before another begins.
    pub(crate) begun: bool,
}

impl Listing {
    pub(crate) fn new(list: List, arrival: u64) -> Self {
        let (pages, seen) = match list {
            List::Parents(above) => (Pages::parents(above), None),
            List::Operations {
                parent,
                seen,
                filter,
            } => (Pages::operations(parent, filter), seen),
        };
        Self {
            pages,
            attempt: None,
            seen,
            arrival,
            begun: false,
        }
    }

    pub(crate) const fn resource(&self) -> &Resource {
        self.pages.resource()
    }

    pub(crate) const fn is_of_parents(&self) -> bool {
        matches!(self.resource(), Resource::Grandparent(_))
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.pages.is_at_end()
    }

    /// The call for the next page; `None` after the last one.
    pub(crate) fn next_fetch(&self) -> Option<Fetch> {
        self.pages.next_fetch()
    }

    /// Takes a page, and gives what to tell of it: its entries, those that cannot be read, and an error if
    /// it leads nowhere.
    pub(crate) fn turn(&mut self, page: Response) -> Turned {
        match (page, self.resource().clone()) {
            (Response::Parents(page), Resource::Grandparent(grandparent)) => Turned {
                lost: self.pages.turn(&page).err(),
                unreadable: page.unreadable,
                event: Event::Parents {
                    grandparent,
                    last: page.next_page_token.is_none(),
                    parents: page.entries,
                },
            },
            (Response::Operations(page), Resource::Parent(parent)) => Turned {
                lost: self.pages.turn(&page).err(),
                unreadable: page.unreadable,
                event: Event::Operations {
                    parent,
                    last: page.next_page_token.is_none(),
                    operations: page.entries,
                },
            },
            _ => unreachable!("a list is read into pages of its own kind"),
        }
    }

    /// The greatest is next: what has begun, then the parent that was seen last.
    const fn rank(&self) -> (bool, Option<Timestamp>, Reverse<u64>) {
        (self.begun, self.seen, Reverse(self.arrival))
    }
}

/// A page that was taken.
pub(crate) struct Turned {
    pub(crate) event: Event,
    pub(crate) unreadable: Option<Error>,
    pub(crate) lost: Option<Error>,
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
