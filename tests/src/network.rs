//! A bad network between a scheduler and an emulator, on a virtual clock: latency, losses in both
//! directions, resets, partitions, requests that arrive long after the client gave up, and tokens that
//! expire.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{TransportError, TransportErrorKind};
use countermand_emulator::Emulator;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};

use crate::dice::Dice;
use crate::server::Delivery;

/// Rates of the failures, in percent of all requests.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Weather {
    /// Requests that never arrive.
    pub lost: u64,
    /// Answers that never arrive.
    pub unanswered: u64,
    /// Connections that are reset, before the request arrived or after.
    pub reset: u64,
    /// Requests that arrive within two minutes, when the client no longer waits for them.
    pub late: u64,
    /// The longest way there and back.
    pub latency: Duration,
    /// Validity of a token; the client is not told when it ends.
    pub token: Duration,
}

impl Weather {
    /// Draws any network between good and very bad.
    pub const fn drawn(dice: &mut Dice) -> Self {
        Self {
            lost: dice.below(10),
            unanswered: dice.below(10),
            reset: dice.below(10),
            late: dice.below(6),
            latency: Duration::from_millis(20 + dice.below(2000)),
            token: Duration::from_secs(30 + dice.below(300)),
        }
    }
}

/// A partition: its start, its end, and whether packets vanish or the network reports that it is down.
type Partition = (Duration, Duration, bool);

/// The network between the client and the server, and the client's token.
#[derive(Debug)]
pub struct Network<'a> {
    emulator: &'a mut Emulator,
    dice: Dice,
    weather: Weather,
    partitions: Vec<Partition>,
    attempt_timeout: Duration,
    /// Requests in the network for which no client waits any more.
    late: BinaryHeap<Reverse<(Duration, u64)>>,
    delayed: Vec<Request<Bytes>>,
    /// The client's token, by number, and the time since when the client knows that it was refused.
    token: u64,
    refused: Option<Duration>,
    renewals: u64,
}

impl<'a> Network<'a> {
    /// Makes the network between a client with this attempt timeout and this server.
    pub fn new(
        emulator: &'a mut Emulator,
        mut dice: Dice,
        weather: Weather,
        attempt_timeout: Duration,
    ) -> Self {
        let mut from = Duration::from_secs(dice.below(20));
        let partitions = (0..dice.below(4)).map(|_| {
            let to = from + Duration::from_secs(1 + dice.below(60));
            let partition = (from, to, dice.chance(50));
            from = to + Duration::from_secs(1 + dice.below(100));
            partition
        });
        Self {
            partitions: partitions.collect(),
            emulator,
            dice,
            weather,
            attempt_timeout,
            late: BinaryHeap::new(),
            delayed: Vec::new(),
            token: 0,
            refused: None,
            renewals: 0,
        }
    }

    /// Number of new tokens that the client needed.
    #[must_use]
    pub const fn renewals(&self) -> u64 {
        self.renewals
    }

    /// Delivers a request that is sent now, or loses it.
    pub fn exchange(&mut self, now: Duration, request: &Request<&'static str>) -> Delivery {
        use TransportErrorKind::{Connect, ConnectionLost};
        self.deliver_late(now);
        let way =
            Duration::from_millis(1 + self.dice.below(self.weather.latency.as_millis() as u64));
        let partition = self
            .partitions
            .iter()
            .find(|(from, to, _)| (*from..*to).contains(&now));
        match partition {
            Some((.., true)) => return self.silence(),
            Some((.., false)) => {
                return (
                    way,
                    Err(TransportError::new(Connect, "network unreachable")),
                );
            }
            None => {}
        }
        let mut request = request.clone().map(Bytes::from);
        let token = self.authorize(now);
        request.headers_mut().insert(AUTHORIZATION, token);
        if self.dice.chance(self.weather.lost) {
            return self.silence();
        }
        if self.dice.chance(self.weather.late) {
            let arrival =
                now + self.attempt_timeout + Duration::from_millis(self.dice.below(120_000));
            self.late
                .push(Reverse((arrival, self.delayed.len() as u64)));
            self.delayed.push(request);
            return self.silence();
        }
        let resets = self.dice.chance(self.weather.reset);
        let reset = || {
            Err(TransportError::new(
                ConnectionLost,
                "connection reset by peer",
            ))
        };
        if resets && self.dice.chance(50) {
            return (way, reset());
        }
        let (took, answer) = self.arrive(now, &request);
        if resets {
            return (way, reset());
        }
        if self.dice.chance(self.weather.unanswered) || way + took >= self.attempt_timeout {
            return self.silence();
        }
        let refused = answer
            .as_ref()
            .is_ok_and(|answer| answer.status() == StatusCode::UNAUTHORIZED);
        if refused && self.refused.is_none() {
            self.refused = Some(now + way + took);
        }
        (way + took, answer)
    }

    fn silence(&self) -> Delivery {
        let late = TransportError::new(TransportErrorKind::TimedOut, "no answer");
        (self.attempt_timeout, Err(late))
    }

    /// The token of a request: a new one after a refusal has arrived, shared by all requests that wait
    /// for it.
    fn authorize(&mut self, now: Duration) -> http::HeaderValue {
        if self.refused.is_some_and(|heard| heard <= now) {
            self.refused = None;
            self.renewals += 1;
            self.token = self.good_token(now);
        }
        let token = format!("Bearer token-{}", self.token);
        http::HeaderValue::try_from(token).expect("as written here")
    }

    const fn good_token(&self, now: Duration) -> u64 {
        now.as_secs() / self.weather.token.as_secs()
    }

    /// Delivers late requests to the server.
    fn deliver_late(&mut self, now: Duration) {
        while let Some(Reverse((arrival, number))) = self.late.peek().copied() {
            if arrival > now {
                break;
            }
            self.late.pop();
            let request = self.delayed[number as usize].clone();
            drop(self.arrive(arrival, &request));
        }
    }

    fn arrive(
        &mut self,
        now: Duration,
        request: &Request<Bytes>,
    ) -> (Duration, Result<Response<Bytes>, TransportError>) {
        self.emulator
            .accept_tokens([format!("token-{}", self.good_token(now))]);
        self.emulator
            .handle(now, request)
            .deliver(self.attempt_timeout)
    }
}
