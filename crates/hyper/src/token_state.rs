//! The last token and its state.

use std::time::Duration;

use countermand_core::TransportError;
use tokio::time::Instant;

use crate::moment::Moment;
use crate::token::Token;

/// A token that was fetched because the one before was refused is not replaced sooner than this,
/// unless it was accepted before it was refused: another one would fare no better.
const FUTILE: Duration = Duration::from_secs(10);

/// A source that has just failed is left alone for so long, however many wait for it.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// The same while the last token is still good, so that no request waits.
const AFTER_EARLY_FAILURE: Duration = Duration::from_secs(10);

/// The last token, and the outcomes of it and of those before.
#[derive(Default)]
pub(crate) struct CachedToken {
    /// The last token that was handed out, and which one it was, from 1.
    token: Option<Token>,
    generation: u64,
    /// Its time, if that is known.
    times: Option<Times>,
    /// The one that it replaced. A source may still hand it out for a moment.
    replaced: Option<Token>,
    /// The newest generation that was refused, and the newest that was accepted.
    refused: u64,
    accepted: u64,
    /// Requests that were answered 401 here and have not come back with `reauthorize` yet.
    expected: u64,
    /// The generation that was fetched last because of a refusal, and when.
    fetched: Option<(u64, Instant)>,
    /// Fetches that have ended; failure and time of the last one.
    pub(crate) fetches: u64,
    pub(crate) failure: Option<(TransportError, Instant)>,
}

/// The time to replace a token, and its end, each by both clocks.
#[derive(Clone, Copy)]
struct Times {
    due: Moment,
    end: Moment,
}

/// The state of the last token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenState {
    /// Send it.
    Good,
    /// Send it, and have it replaced meanwhile.
    Due,
    /// Only if there is no other to be had: by the wall clock its time is up.
    Doubtful,
    /// There is none, or its time is up.
    Absent,
    /// The server did not take it.
    Refused,
}

impl CachedToken {
    /// True if the source keeps its tokens itself.
    pub(crate) fn is_kept_elsewhere(&self) -> bool {
        self.token
            .as_ref()
            .is_some_and(|token| token.life().is_none())
    }

    /// The last token and its generation.
    pub(crate) fn last(&self) -> Option<(Token, u64)> {
        Some((self.token.clone()?, self.generation))
    }

    /// The clock is only asked where time matters.
    pub(crate) fn state_at(&self, now: impl FnOnce() -> Moment) -> TokenState {
        if self.token.is_none() {
            return TokenState::Absent;
        }
        if self.generation <= self.refused && !self.is_futile() {
            return TokenState::Refused;
        }
        let Some(Times { due, end }) = self.times else {
            return TokenState::Good;
        };
        let now = now();
        if end.instant <= now.instant {
            TokenState::Absent
        } else if end.wall <= now.wall {
            TokenState::Doubtful
        } else if due.instant <= now.instant || due.wall <= now.wall {
            TokenState::Due
        } else {
            TokenState::Good
        }
    }

    /// Counts a token that the source hands out, unless it is the last one or the one before.
    pub(crate) fn note(&mut self, token: Token) {
        if self.token.as_ref() != Some(&token) && self.replaced.as_ref() != Some(&token) {
            self.token = Some(token);
            self.generation += 1;
        }
    }

    /// Takes over a token that was fetched. Where the last one was refused it is a new generation
    /// even if the source only has the same one again.
    pub(crate) fn take(&mut self, token: Token, refused: bool, chance: f64) -> (Token, u64) {
        self.failure = None;
        let now = Moment::now();
        self.times = token.life().map(|life| {
            // Between a twentieth and a tenth of its life before the end: not all at once, and
            // with time for some failures.
            let until_due = life.length.mul_f64(0.95 - 0.05 * chance);
            Times {
                due: life.begin.after(until_due),
                end: life.begin.after(life.length),
            }
        });
        if refused || self.token.as_ref() != Some(&token) {
            self.generation += 1;
        }
        let before = self.token.replace(token.clone());
        if refused {
            self.replaced = before;
            self.fetched = Some((self.generation, now.instant));
        }
        (token, self.generation)
    }

    pub(crate) fn fail(&mut self, failure: TransportError) {
        let now = Moment::now();
        if let Some(times) = &mut self.times {
            times.due = now.after(AFTER_EARLY_FAILURE);
            // If the wall clock alone is against it, that was looked into.
            times.end.wall = times.end.wall.max(times.due.wall);
        }
        self.failure = Some((failure, now.instant));
    }

    /// The time from which the source may be asked again, after a failure.
    pub(crate) fn not_before(&self) -> Option<Instant> {
        let (_, at) = self.failure.as_ref()?;
        Some(*at + AFTER_FAILURE)
    }

    /// The generation that a request with `reauthorize` was refused with, if that is news.
    pub(crate) fn doubted(&mut self) -> Option<u64> {
        if self.expected > 0 {
            self.expected -= 1;
            return None;
        }
        // One that is new was fetched for a request that shared the refusal.
        (!self.is_new()).then_some(self.generation)
    }

    /// Remembers the server's answer to a token, and if its request will come back.
    pub(crate) fn judge(&mut self, generation: u64, accepted: bool, comes_back: bool) {
        let newest = match accepted {
            true => &mut self.accepted,
            false => &mut self.refused,
        };
        *newest = generation.max(*newest);
        self.expected += u64::from(comes_back);
    }

    /// True if a refused token stays in use, because the one before was replaced just now.
    fn is_futile(&self) -> bool {
        self.is_new() && self.accepted < self.generation
    }

    /// True if the last token was fetched just now, because the one before was refused.
    fn is_new(&self) -> bool {
        self.fetched
            .is_some_and(|(generation, at)| generation == self.generation && at.elapsed() < FUTILE)
    }
}

#[cfg(test)]
mod tests {
    use countermand_core::TransportErrorKind;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn state() -> (CachedToken, Moment) {
        let mut state = CachedToken::default();
        let token = Token::new("ya29.a").unwrap().expiring(HOUR);
        let begin = token.life().unwrap().begin;
        state.take(token, false, 0.5);
        (state, begin)
    }

    fn at(begin: Moment, monotonic: u64, wall: i64) -> Moment {
        let mut moment = begin.after(Duration::from_secs(monotonic));
        let by = Duration::from_secs(wall.unsigned_abs());
        moment.wall = match wall < 0 {
            true => begin.wall - by,
            false => begin.wall + by,
        };
        moment
    }

    #[test]
    fn fault_36_either_clock_can_say_that_it_is_time() {
        let (state, begin) = state();
        for (monotonic, wall, expected) in [
            (0, 0, TokenState::Good),
            (3300, 3300, TokenState::Good),
            (3350, 3350, TokenState::Due),
            (3600, 3600, TokenState::Absent),
            // Set back by an hour: the other clock does not move.
            (3300, -300, TokenState::Good),
            (3350, -250, TokenState::Due),
            (3600, 0, TokenState::Absent),
            // Set forward, or woken up: there may be a better one, but it is not thrown away.
            (60, 3360, TokenState::Due),
            (60, 3660, TokenState::Doubtful),
            (60, 40_000_000, TokenState::Doubtful),
        ] {
            let now = at(begin, monotonic, wall);
            assert_eq!(state.state_at(|| now), expected, "{monotonic} {wall}");
        }
    }

    #[test]
    fn what_the_wall_clock_doubts_is_used_when_there_is_no_other() {
        let (mut state, _) = state();
        let times = state.times.as_mut().unwrap();
        times.end.wall = std::time::SystemTime::UNIX_EPOCH;
        assert_eq!(state.state_at(Moment::now), TokenState::Doubtful);
        state.fail(TransportError::new(
            TransportErrorKind::TokenUnavailable,
            "for now",
        ));
        assert_eq!(state.state_at(Moment::now), TokenState::Good);
    }
}
