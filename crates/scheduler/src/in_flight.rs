//! The requests in flight, each found at once by its ticket.

use countermand_core::{Attempt, Call, Resource, Response, TicketId, Time};
use slab::Slab;

use crate::list::Listing;
use crate::rate_limiter::Reservation;

/// A request that was handed out.
pub(crate) struct Sending {
    pub(crate) flight: Flight,
    pub(crate) call: Call,
    /// No cancel of this operation has left before.
    pub(crate) first_cancel: bool,
    pub(crate) probe: bool,
    pub(crate) handed_out: Time,
    /// Its place in the quota and its resource, for as long as it has not left.
    pub(crate) departing: Option<(Reservation, Resource)>,
}

/// The machine that the answer goes to.
pub(crate) enum Flight {
    Operation(Attempt),
    List(Box<Listing>, Attempt<Response>),
}

/// Requests by the place in their tickets. The number tells a ticket of an earlier request in the same
/// place.
#[derive(Default)]
pub(crate) struct InFlight(Slab<(u64, Sending)>);

impl InFlight {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a request with the number of its ticket; gives the ticket's id.
    pub(crate) fn insert(&mut self, number: u64, sending: Sending) -> TicketId {
        TicketId::new(number, self.0.insert((number, sending)))
    }

    /// The request of a ticket, while it is in flight.
    pub(crate) fn get_mut(&mut self, ticket: TicketId) -> Option<&mut Sending> {
        let (number, sending) = self.0.get_mut(ticket.place())?;
        (*number == ticket.number()).then_some(sending)
    }

    /// Takes out the request of a ticket, while it is in flight.
    pub(crate) fn remove(&mut self, ticket: TicketId) -> Option<Sending> {
        self.get_mut(ticket)?;
        let (_, sending) = self.0.try_remove(ticket.place())?;
        Some(sending)
    }
}
