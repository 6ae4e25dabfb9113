//! The cache of tokens: the one place where they are kept, judged and replaced.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countermand_core::text::chain;
use countermand_core::{TransportError, TransportErrorKind};
use futures_util::FutureExt;
use tokio::sync::OwnedMutexGuard;

use crate::moment::Moment;
use crate::runtime;
use crate::token::{Token, TokenSource};
use crate::token_state::{CachedToken, TokenState};
use crate::transport::BoxFuture;

/// Time for a token to come.
pub(crate) const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Hands out the tokens of a source, and sees to it that one caller at a time fetches a new one:
/// the first one, one for a token that was refused, and one for a token whose time is nearly up.
///
/// A token that says how long it is good is kept here, and its source is not asked meanwhile. It
/// is replaced early, while requests go on with it; if that fails, no request fails as long as it is
/// good. The source of a token that does not say so keeps it itself, and is asked each time.
pub(crate) struct TokenCache<S> {
    source: S,
    state: Mutex<CachedToken>,
    /// Held by the caller that fetches.
    fetching: Arc<tokio::sync::Mutex<()>>,
    chance: RandomState,
}

/// A token and which one it is.
pub(crate) type Numbered = (Token, u64);

/// The answer to a request for a token: at once, or later.
pub(crate) enum Asked<'a> {
    Answered(Result<Numbered, TransportError>),
    Pending(BoxFuture<'a, Result<Numbered, TransportError>>),
}

impl<S: TokenSource + 'static> TokenCache<S> {
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

    /// A token that was not refused as far as is known.
    pub(crate) fn token(self: &Arc<Self>, reauthorize: bool) -> Asked<'_> {
        let (doubted, kept_elsewhere) = {
            let mut state = self.state();
            let doubted = reauthorize.then(|| state.doubted()).flatten();
            (doubted, state.is_kept_elsewhere())
        };
        if !kept_elsewhere {
            return match self.at_hand(self.state(), doubted) {
                Ok(token) => Asked::Answered(Ok(token)),
                Err(fetches) => Asked::Pending(Box::pin(self.replace(fetches))),
            };
        }
        if let Some(token) = self.source.at_hand()
            && let Ok(token) = self.noted(token, doubted)
        {
            return Asked::Answered(Ok(token));
        }
        let mut source = self.source.token(false);
        let at_once = (&mut source).now_or_never();
        let at_once = at_once.map(|answer| answer.map(|token| self.noted(token, doubted)));
        match at_once {
            Some(Ok(Ok(token))) => Asked::Answered(Ok(token)),
            Some(Ok(Err(fetches))) => Asked::Pending(Box::pin(self.replace(fetches))),
            Some(Err(error)) => Asked::Answered(Err(error)),
            // It goes on where it is: a source is not asked twice.
            None => Asked::Pending(Box::pin(async move {
                match self.noted(source.await?, doubted) {
                    Ok(token) => Ok(token),
                    Err(fetches) => self.replace(fetches).await,
                }
            })),
        }
    }

    /// As `at_hand`, after the source has handed out a token that it keeps.
    fn noted(self: &Arc<Self>, token: Token, doubted: Option<u64>) -> Result<Numbered, u64> {
        let mut state = self.state();
        state.note(token);
        self.at_hand(state, doubted)
    }

    /// The last token if it may be sent, or how many fetches have ended until now.
    fn at_hand(
        self: &Arc<Self>,
        mut state: MutexGuard<'_, CachedToken>,
        doubted: Option<u64>,
    ) -> Result<Numbered, u64> {
        if let Some(generation) = doubted {
            state.judge(generation, false, false);
        }
        match (state.state_at(Moment::now), state.last()) {
            (TokenState::Good, Some(last)) => Ok(last),
            (TokenState::Due, Some(last)) => {
                drop(state);
                self.replace_early();
                Ok(last)
            }
            _ => Err(state.fetches),
        }
    }

    /// Remembers the server's answer to a token, and if its request will come back.
    pub(crate) fn judge(&self, generation: u64, accepted: bool, comes_back: bool) {
        self.state().judge(generation, accepted, comes_back);
    }

    /// Waits for a new token: fetches it, or has the caller that does so fetch it for both.
    async fn replace(self: &Arc<Self>, fetches: u64) -> Result<Numbered, TransportError> {
        let one_at_a_time = Arc::clone(&self.fetching).lock_owned().await;
        let (token_state, spare) = {
            let state = self.state();
            let (token_state, last) = (state.state_at(Moment::now), state.last());
            let spare = last.filter(|_| token_state == TokenState::Doubtful);
            if let (TokenState::Good | TokenState::Due, Some(last)) = (token_state, state.last()) {
                return Ok(last);
            }
            // A fetch that ended after this request asked speaks for it too.
            if let Some((failure, _)) = &state.failure
                && state.fetches > fetches
            {
                return spare.ok_or_else(|| failure.clone());
            }
            (token_state, spare)
        };
        let fetched = self
            .spawn(token_state == TokenState::Refused, one_at_a_time)
            .await
            .unwrap_or_else(|error| {
                let message = format!("the source of tokens broke down: {error}");
                Err(TransportError::new(
                    TransportErrorKind::TokenUnavailable,
                    message,
                ))
            });
        fetched.or_else(|failure| spare.ok_or(failure))
    }

    /// Fetches a new token while requests go on with the last one.
    fn replace_early(self: &Arc<Self>) {
        // A request that begins outside of a runtime leaves this to the next one.
        if tokio::runtime::Handle::try_current().is_ok()
            && let Ok(one_at_a_time) = Arc::clone(&self.fetching).try_lock_owned()
            && self.state().state_at(Moment::now) == TokenState::Due
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
    ) -> tokio::task::JoinHandle<Result<Numbered, TransportError>> {
        let keeper = Arc::clone(self);
        tokio::spawn(async move {
            let fetched = keeper.fetch(refused).await;
            drop(one_at_a_time);
            fetched
        })
    }

    async fn fetch(&self, refused: bool) -> Result<Numbered, TransportError> {
        let not_before = self.state().not_before();
        if let Some(not_before) = not_before {
            runtime::sleep_until(not_before)?.await;
        }
        let fetched = runtime::timeout(TOKEN_TIMEOUT, self.source.token(refused))?
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
                if state.state_at(Moment::now) == TokenState::Due {
                    tracing::warn!(
                        error = chain(&error),
                        "token not replaced, the last one stays"
                    );
                }
                state.fail(error.clone());
                Err(error)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, CachedToken> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The source did not answer in time.
pub(crate) fn late(limit: Duration) -> TransportError {
    let message = format!("the source of tokens took longer than {limit:?}");
    TransportError::new(TransportErrorKind::TokenUnavailable, message)
}
