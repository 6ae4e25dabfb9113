//! A request on its way through a transport.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Request;

use crate::time::Time;

/// One attempt, as a transport needs it.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "transports take it apart, tests make it"
)]
pub struct Transmit {
    /// The request, without credentials. Its body is empty, unless the service cancels by an update.
    pub request: Request<&'static str>,
    /// Time for the whole exchange: connecting, sending, and the last byte of the body.
    pub timeout: Duration,
    /// True where the last token was refused, so that a fresh one is needed.
    pub reauthorize: bool,
    /// True where the endpoint is Google's host of another service: no token of this one may go there.
    pub wrong_endpoint: bool,
    /// The longest body that the answer may have, in bytes ([`Call::body_cap`](crate::Call::body_cap)). One that is longer
    /// is cut and fails with [`TooLarge`](crate::TransportErrorKind::TooLarge).
    pub body_cap: u32,
    /// Tells the scheduler when the request leaves. A transport that cannot tell leaves it alone: then
    /// the answer shows that the request has left.
    pub departure: Departure,
}

/// Tells a scheduler when a request leaves: a window of a quota counts from then, and nothing that
/// did not leave counts as sent.
///
/// [`leaves`](Self::leaves) is called when the first byte is about to be written, behind name
/// resolution, connecting, TLS and the wait for a free stream. The default tells nothing.
#[derive(Clone, Default)]
// A box: requests are moved many times, and nearly all of them tell nothing.
pub struct Departure(Option<Box<(TellDeparture, TicketId)>>);

type TellDeparture = Arc<dyn Fn(TicketId, Time) + Send + Sync>;

/// Names one request of a scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketId {
    /// First, so that tickets are ordered as they were handed out.
    number: u64,
    place: usize,
}

impl TicketId {
    /// The id of the request with this number, at this place among those in flight.
    #[must_use]
    pub const fn new(number: u64, place: usize) -> Self {
        Self { number, place }
    }

    /// The number of the request: no other request of the scheduler has it.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.number
    }

    /// The place of the request among those in flight.
    #[must_use]
    pub const fn place(self) -> usize {
        self.place
    }
}

impl Departure {
    /// Calls `tell` with the ticket when its request leaves.
    #[must_use]
    pub fn new(tell: Arc<dyn Fn(TicketId, Time) + Send + Sync>, ticket: TicketId) -> Self {
        Self(Some(Box::new((tell, ticket))))
    }

    /// Tells that the request leaves at `now`. Called again, it tells again: the first time counts.
    pub fn leaves(&self, now: Time) {
        if let Some((tell, ticket)) = self.0.as_deref() {
            tell(*ticket, now);
        }
    }

    /// True where it tells anything: the clock need not be read otherwise.
    #[must_use]
    pub const fn is_observed(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticket = self.0.as_deref().map(|(_, ticket)| ticket);
        f.debug_tuple("Departure").field(&ticket).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request is moved many times on its way, and nearly none has the body that takes 16 bytes of it.
    #[test]
    fn a_request_on_its_way_is_small() {
        assert_eq!(size_of::<Departure>(), size_of::<usize>());
        assert!(
            size_of::<Transmit>() <= 256 + size_of::<&str>(),
            "{}",
            size_of::<Transmit>()
        );
    }
}
