//! What is in flight, each found at once by what its ticket says.

use std::time::Instant;

use super::Flight;
use crate::{Call, Reservation, Resource, TicketId};

/// A request that was handed out.
pub(super) struct Flying {
    pub(super) flight: Flight,
    pub(super) call: Call,
    /// No cancel of this operation has left before.
    pub(super) first_cancel: bool,
    pub(super) probe: bool,
    pub(super) handed_out: Instant,
    /// Until it leaves, its place in the quota, and what it is about.
    pub(super) departing: Option<(Reservation, Resource)>,
}

/// Places for what is in flight, used again: as many as there ever were at a time. A map moves its
/// neighbours about for each of them.
#[derive(Default)]
pub(super) struct Flights {
    places: Vec<Option<(u64, Flying)>>,
    free: Vec<usize>,
}

impl Flights {
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a request with the number of its ticket; gives its place.
    pub(super) fn insert(&mut self, number: u64, flying: Flying) -> usize {
        let flying = Some((number, flying));
        match self.free.pop() {
            Some(place) => {
                self.places[place] = flying;
                place
            }
            None => {
                self.places.push(flying);
                self.places.len() - 1
            }
        }
    }

    /// The request of a ticket, while it is in flight.
    pub(super) fn get_mut(&mut self, ticket: TicketId) -> Option<&mut Flying> {
        match self.places.get_mut(ticket.place)? {
            Some((number, flying)) if *number == ticket.number => Some(flying),
            _ => None,
        }
    }

    /// Takes out the request of a ticket, while it is in flight.
    pub(super) fn remove(&mut self, TicketId { number, place }: TicketId) -> Option<Flying> {
        let (_, flying) = self
            .places
            .get_mut(place)?
            .take_if(|(there, _)| *there == number)?;
        self.free.push(place);
        Some(flying)
    }
}
