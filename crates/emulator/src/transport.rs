//! The emulator as a transport: requests in, answers and failures out, no port.

use std::time::Duration;

use bytes::Bytes;
use countermand_core::{Transmit, TransportError, TransportErrorKind};
use countermand_hyper::{BoxFuture, Transport, monotonic_now};
use http::Response;

use crate::reply::{Action, Breakage, Mangling, Reply};
use crate::shared::Shared;

/// The time-out for a connection of the client that is played here.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest body it takes, in bytes.
const BODY_CAP: u64 = 4 << 20;

type Delivery = Result<Response<Bytes>, TransportError>;

impl Reply {
    /// The result for a client that waits no longer than `timeout`, and the time after which it has it.
    ///
    /// The client has a connect time-out of 3 s and a body cap of 4 MiB. It is pure, so a simulation moves its own clock by
    /// the time and goes on.
    ///
    /// # Errors
    /// The failure that the client would notice: a time-out, a lost connection, a refusal.
    pub fn deliver(self, timeout: Duration) -> (Duration, Delivery) {
        use TransportErrorKind::{
            Connect, ConnectionLost, EnhanceYourCalm, TimedOut, TooLarge, Unprocessed,
        };
        let late = || fail(TimedOut, "the emulator keeps silent");
        let (after, delivery) = match self.action {
            Action::Break(Breakage::BlackHole) => {
                let problem = fail(Connect, "the emulator does not take the connection");
                return (CONNECT_TIMEOUT.min(timeout), problem);
            }
            Action::Break(Breakage::Refuse) => (
                self.delay,
                fail(Connect, "the emulator refuses the connection"),
            ),
            Action::Break(Breakage::Reset) => (
                self.delay,
                fail(ConnectionLost, "the emulator resets the connection"),
            ),
            Action::Break(Breakage::RefusedStream) => {
                (self.delay, fail(Unprocessed, "REFUSED_STREAM"))
            }
            Action::Break(Breakage::GoAway) => (self.delay, fail(Unprocessed, "GOAWAY")),
            Action::Break(Breakage::EnhanceYourCalm) => {
                (self.delay, fail(EnhanceYourCalm, "ENHANCE_YOUR_CALM"))
            }
            Action::Break(Breakage::Stall) => (timeout, late()),
            Action::Mangle(response, Mangling::StallBody { after })
                if after < response.body().len() =>
            {
                (timeout, late())
            }
            Action::Mangle(response, Mangling::Truncate { after })
                if after < response.body().len() =>
            {
                (
                    self.delay,
                    fail(ConnectionLost, "the emulator cuts the body"),
                )
            }
            Action::Mangle(_, Mangling::Flood { bytes, .. }) if bytes > BODY_CAP => {
                (self.delay, fail(TooLarge, "the emulator floods"))
            }
            Action::Mangle(response, Mangling::Flood { bytes, .. }) => (
                self.delay,
                Ok(response.map(|_| vec![b' '; bytes as usize].into())),
            ),
            Action::Mangle(response, Mangling::Drip { interval }) => {
                let length = u32::try_from(response.body().len()).unwrap_or(u32::MAX);
                (
                    self.delay.saturating_add(interval.saturating_mul(length)),
                    Ok(response),
                )
            }
            Action::Respond(response) | Action::Mangle(response, _) => {
                match response.body().len() as u64 {
                    ..=BODY_CAP => (self.delay, Ok(response)),
                    _ => (self.delay, fail(TooLarge, "the body is over the cap")),
                }
            }
        };
        if after < timeout {
            (after, delivery)
        } else {
            (timeout, late())
        }
    }
}

fn fail(kind: TransportErrorKind, what: &'static str) -> Delivery {
    Err(TransportError::new(kind, what))
}

/// On the real clock: delays are waited for, on tokio's timer.
impl Transport for Shared {
    fn send(&self, transmit: Transmit) -> BoxFuture<'_, Delivery> {
        Box::pin(async move {
            transmit.departure.leaves(monotonic_now());
            let reply = self.handle(&transmit.request.map(Bytes::from));
            let (after, delivery) = reply.deliver(transmit.timeout);
            if !after.is_zero() {
                tokio::time::sleep(after).await;
            }
            delivery
        })
    }
}
