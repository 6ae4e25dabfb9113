//! The one place where tokens are kept, judged and replaced.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countermand_core::{TransportError, TransportErrorKind, chain};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::moment::Moment;
use crate::token::{Token, TokenSource};

/// Time for a token to come.
pub(crate) const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);

/// A token that was fetched because the one before was refused is not replaced sooner than this,
/// unless it was accepted before it was refused: another one would fare no better.
const FUTILE: Duration = Duration::from_secs(10);

/// A source that has just failed is left alone for so long, however many wait for it.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// As long again, when nobody waits because the last token is still good.
const AFTER_EARLY_FAILURE: Duration = Duration::from_secs(10);

/// Hands out the tokens of a source, and sees to it that one caller at a time fetches a new one:
/// the first one, one for a token that was refused, and one for a token whose time is nearly up.
///
/// A token that says how long it is good is kept here, and its source is not asked meanwhile. It
/// is replaced early, while requests go on with it; if that fails, nobody notices as long as it is
/// good. The source of a token that does not say so keeps it itself, and is asked each time.
pub(crate) struct Keeper<S> {
    source: S,
    state: Mutex<State>,
    /// Held by the one who fetches.
    fetching: Arc<tokio::sync::Mutex<()>>,
    chance: RandomState,
}

#[derive(Default)]
struct State {
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
    /// How many requests were answered 401 here and have not come back with `reauthorize` yet.
    expected: u64,
    /// The generation that was fetched last because of a refusal, and when.
    fetched: Option<(u64, Instant)>,
    /// How many fetches have ended, and how and when the last one failed.
    fetches: u64,
    failure: Option<(Failure, Instant)>,
}

/// When to replace a token, and until when it is good, each by both clocks.
#[derive(Clone, Copy)]
struct Times {
    due: Moment,
    end: Moment,
}

/// What the last token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
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

impl<S: TokenSource + 'static> Keeper<S> {
    pub(crate) fn new(source: S) -> Arc<Self> {
        Arc::new(Self {
            source,
            state: Mutex::default(),
            fetching: Arc::default(),
            chance: RandomState::new(),
        })
    }

    pub(crate) const fn source(&self) -> &S {
        &self.source
    }

    /// A token that was not refused as far as is known, and its generation.
    pub(crate) async fn token(
        self: &Arc<Self>,
        reauthorize: bool,
    ) -> Result<(Token, u64), TransportError> {
        let doubted = match reauthorize {
            true => self.state().doubted(),
            false => None,
        };
        if self.state().is_kept_elsewhere() {
            let token = self.source.token(false).await?;
            self.state().note(token);
        }
        let fetches = {
            let mut state = self.state();
            if let Some(generation) = doubted {
                state.judge(generation, false);
            }
            match (state.standing(Moment::now()), state.last()) {
                (Standing::Good, Some(last)) => return Ok(last),
                (Standing::Due, Some(last)) => {
                    drop(state);
                    self.replace_early();
                    return Ok(last);
                }
                _ => state.fetches,
            }
        };
        self.replace(fetches).await
    }

    /// Remembers what the server thought of a token, and whether its request will come back.
    pub(crate) fn judge(&self, generation: u64, accepted: bool, comes_back: bool) {
        let mut state = self.state();
        state.judge(generation, accepted);
        if comes_back {
            state.expected += 1;
        }
    }

    /// Waits for a new token: fetches it, or has the one who does so fetch it for both.
    async fn replace(self: &Arc<Self>, fetches: u64) -> Result<(Token, u64), TransportError> {
        let one_at_a_time = Arc::clone(&self.fetching).lock_owned().await;
        let (standing, spare) = {
            let state = self.state();
            let (standing, last) = (state.standing(Moment::now()), state.last());
            let spare = last.filter(|_| standing == Standing::Doubtful);
            if let (Standing::Good | Standing::Due, Some(last)) = (standing, state.last()) {
                return Ok(last);
            }
            // A fetch that ended after this request asked speaks for it too.
            if let Some((failure, _)) = &state.failure
                && state.fetches > fetches
            {
                return spare.ok_or_else(|| failure.clone().into());
            }
            (standing, spare)
        };
        let fetched = self
            .spawn(standing == Standing::Refused, one_at_a_time)
            .await
            .unwrap_or_else(|error| {
                let message = format!("the source of tokens broke down: {error}");
                Err(Failure::new(TransportErrorKind::Token, message))
            });
        fetched.or_else(|failure| spare.ok_or_else(|| failure.into()))
    }

    /// Fetches a new token while requests go on with the last one.
    fn replace_early(self: &Arc<Self>) {
        if let Ok(one_at_a_time) = Arc::clone(&self.fetching).try_lock_owned()
            && self.state().standing(Moment::now()) == Standing::Due
        {
            drop(self.spawn(false, one_at_a_time));
        }
    }

    /// Fetches in a task of its own: a request that gives up does not take the token along for
    /// which others wait.
    fn spawn(
        self: &Arc<Self>,
        refused: bool,
        one_at_a_time: OwnedMutexGuard<()>,
    ) -> tokio::task::JoinHandle<Result<(Token, u64), Failure>> {
        let keeper = Arc::clone(self);
        tokio::spawn(async move {
            let fetched = keeper.fetch(refused).await;
            drop(one_at_a_time);
            fetched
        })
    }

    async fn fetch(&self, refused: bool) -> Result<(Token, u64), Failure> {
        let not_before = self.state().not_before();
        if let Some(not_before) = not_before {
            tokio::time::sleep_until(not_before).await;
        }
        let fetched = tokio::time::timeout(TOKEN_TIMEOUT, self.source.token(refused))
            .await
            .unwrap_or_else(|_| Err(late(TOKEN_TIMEOUT)));
        let mut state = self.state();
        state.fetches += 1;
        match fetched {
            Ok(token) => {
                let chance = self.chance.hash_one(state.fetches) as f64 / u64::MAX as f64;
                Ok(state.take(token, refused, chance))
            }
            Err(error) => {
                if state.standing(Moment::now()) == Standing::Due {
                    let error = chain(&error);
                    tracing::warn!(error, "token not replaced, the last one stays");
                }
                let failure = Failure::from(error);
                state.fail(failure.clone());
                Err(failure)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The source did not answer in time.
pub(crate) fn late(limit: Duration) -> TransportError {
    let message = format!("the source of tokens took longer than {limit:?}");
    TransportError::new(TransportErrorKind::Token, message)
}

impl State {
    /// Whether the source keeps its tokens itself.
    fn is_kept_elsewhere(&self) -> bool {
        self.token
            .as_ref()
            .is_some_and(|token| token.life().is_none())
    }

    /// The last token and its generation.
    fn last(&self) -> Option<(Token, u64)> {
        Some((self.token.clone()?, self.generation))
    }

    fn standing(&self, now: Moment) -> Standing {
        if self.token.is_none() {
            return Standing::Absent;
        }
        if self.generation <= self.refused && !self.is_futile() {
            return Standing::Refused;
        }
        let Some(Times { due, end }) = self.times else {
            return Standing::Good;
        };
        if end.instant <= now.instant {
            Standing::Absent
        } else if end.wall <= now.wall {
            Standing::Doubtful
        } else if due.instant <= now.instant || due.wall <= now.wall {
            Standing::Due
        } else {
            Standing::Good
        }
    }

    /// Counts a token that the source hands out, unless it is the last one or the one before.
    fn note(&mut self, token: Token) {
        if self.token.as_ref() != Some(&token) && self.replaced.as_ref() != Some(&token) {
            self.token = Some(token);
            self.generation += 1;
        }
    }

    /// Takes over a token that was fetched. Where the last one was refused it is a new generation
    /// even if the source only has the same one again.
    fn take(&mut self, token: Token, refused: bool, chance: f64) -> (Token, u64) {
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

    fn fail(&mut self, failure: Failure) {
        let now = Moment::now();
        if let Some(times) = &mut self.times {
            times.due = now.after(AFTER_EARLY_FAILURE);
            // If the wall clock alone is against it, that was looked into.
            times.end.wall = times.end.wall.max(times.due.wall);
        }
        self.failure = Some((failure, now.instant));
    }

    /// When the source may be asked again, after a failure.
    fn not_before(&self) -> Option<Instant> {
        let (_, at) = self.failure.as_ref()?;
        Some(*at + AFTER_FAILURE)
    }

    /// The generation that a request with `reauthorize` was refused with, if that is news.
    fn doubted(&mut self) -> Option<u64> {
        if self.expected > 0 {
            self.expected -= 1;
            return None;
        }
        // One that is new was fetched for somebody who shared the refusal.
        (!self.is_new()).then_some(self.generation)
    }

    fn judge(&mut self, generation: u64, accepted: bool) {
        let newest = match accepted {
            true => &mut self.accepted,
            false => &mut self.refused,
        };
        *newest = generation.max(*newest);
    }

    /// Whether to go on with a refused token, because the one before was replaced just now.
    fn is_futile(&self) -> bool {
        self.is_new() && self.accepted < self.generation
    }

    /// Whether the last token was fetched just now, because the one before was refused.
    fn is_new(&self) -> bool {
        self.fetched
            .is_some_and(|(generation, at)| generation == self.generation && at.elapsed() < FUTILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn state() -> (State, Moment) {
        let mut state = State::default();
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
            (0, 0, Standing::Good),
            (3300, 3300, Standing::Good),
            (3350, 3350, Standing::Due),
            (3600, 3600, Standing::Absent),
            // Set back by an hour: the other clock does not move.
            (3300, -300, Standing::Good),
            (3350, -250, Standing::Due),
            (3600, 0, Standing::Absent),
            // Set forward, or woken up: there may be a better one, but it is not thrown away.
            (60, 3360, Standing::Due),
            (60, 3660, Standing::Doubtful),
            (60, 40_000_000, Standing::Doubtful),
        ] {
            let now = at(begin, monotonic, wall);
            assert_eq!(state.standing(now), expected, "{monotonic} {wall}");
        }
    }

    #[test]
    fn what_the_wall_clock_doubts_is_used_when_there_is_no_other() {
        let (mut state, _) = state();
        let times = state.times.as_mut().unwrap();
        times.end.wall = std::time::SystemTime::UNIX_EPOCH;
        assert_eq!(state.standing(Moment::now()), Standing::Doubtful);
        state.fail(Failure::new(TransportErrorKind::Token, "for now"));
        assert_eq!(state.standing(Moment::now()), Standing::Good);
    }
}
