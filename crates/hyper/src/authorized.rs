//! A transport that adds tokens.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use countermand_core::{Endpoint, Transmit, TransportError, TransportErrorKind};
use futures_util::FutureExt;
use http::header::AUTHORIZATION;
use http::{Response, StatusCode};
use tokio::time::Instant;

use crate::failure::Failure;
use crate::token::{Token, TokenSource};
use crate::transport::{BoxFuture, Transport};

/// Time for a token to come.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);

/// A token that was fetched because the one before was refused is not replaced sooner than this,
/// unless it was accepted before it was refused: another one would fare no better.
const FUTILE: Duration = Duration::from_secs(10);

/// Stamps each request of a transport with a token, and sees to it that a refused token is
/// replaced once, however many requests it was refused for.
///
/// Tokens go to the endpoint and nowhere else. Fetching one counts into
/// [`Transmit::timeout`]; it takes 10 s at most.
///
/// It watches the answers, so it knows which token a 401 was for: the request that comes back with
/// [`Transmit::reauthorize`] gets the replacement, if there is one by then, instead of causing
/// another fetch. A request that comes back without a 401 seen here, because something around this
/// transport made it, refuses the token that was handed out last, unless that one was fetched for
/// such a reason within the last 10 s.
pub struct Authorized<S, T> {
    source: S,
    transport: T,
    endpoint: Endpoint,
    state: Mutex<State>,
    /// Held by the one who fetches a fresh token.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The last token that was handed out, and which one it was, from 1.
    token: Option<Token>,
    generation: u64,
    /// The one that it replaced. A source may still hand it out for a moment.
    replaced: Option<Token>,
    /// The newest generation that was refused, and the newest that was accepted.
    refused: u64,
    accepted: u64,
    /// How many requests were answered 401 here and have not come back with `reauthorize` yet.
    expected: u64,
    /// The generation that was fetched last because of a refusal, and when.
    fetched: Option<(u64, Instant)>,
    /// How many fetches have ended, and how the last one failed.
    fetches: u64,
    failure: Option<Failure>,
}

impl<S: TokenSource, T: Transport> Authorized<S, T> {
    /// Sends what is for `endpoint` by `transport` with tokens of `source`; refuses the rest.
    pub fn new(endpoint: Endpoint, source: S, transport: T) -> Self {
        Self {
            source,
            transport,
            endpoint,
            state: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// Begins to send. With a token that is at hand, as nearly always, that takes neither a clock nor
    /// a timer, nor a future that carries the request along.
    fn begin(
        &self,
        mut transmit: Transmit,
    ) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        if transmit.reauthorize || !self.endpoint.is_origin_of(transmit.request.uri()) {
            return Box::pin(self.exchange(transmit, None));
        }
        let mut asked = self.source.token(false);
        match (&mut asked).now_or_never() {
            // It goes on where it is: a source must not be asked twice.
            None => return Box::pin(self.exchange(transmit, Some(asked))),
            Some(Err(error)) => return Box::pin(std::future::ready(Err(error))),
            Some(Ok(token)) => self.state().note(token),
        }
        let Some((token, generation)) = self.state().usable() else {
            return Box::pin(self.exchange(transmit, None));
        };
        stamp(&mut transmit, &token);
        let sending = self.transport.send(transmit);
        Box::pin(async move {
            let response = sending.await?;
            self.judge(&response, generation, false);
            Ok(response)
        })
    }

    /// Sends it when there is a token. `asked` is the source's answer to come, if it was asked.
    async fn exchange(
        &self,
        mut transmit: Transmit,
        asked: Option<BoxFuture<'_, Result<Token, TransportError>>>,
    ) -> Result<Response<Bytes>, TransportError> {
        let uri = transmit.request.uri();
        if !self.endpoint.is_origin_of(uri) {
            let message = format!("{uri} is not at {}, no token for it", self.endpoint);
            return Err(TransportError::new(TransportErrorKind::Forbidden, message));
        }
        let (begun, reauthorize) = (Instant::now(), transmit.reauthorize);
        let limit = TOKEN_TIMEOUT.min(transmit.timeout);
        let late = || {
            let message = format!("the source of tokens took longer than {limit:?}");
            TransportError::new(TransportErrorKind::Token, message)
        };
        let (token, generation) = tokio::time::timeout(limit, self.token(reauthorize, asked))
            .await
            .unwrap_or_else(|_| Err(late()))?;
        // One attempt is one time-out, whatever the time went into.
        transmit.timeout = transmit.timeout.saturating_sub(begun.elapsed());
        if transmit.timeout.is_zero() {
            return Err(late());
        }
        stamp(&mut transmit, &token);
        let response = self.transport.send(transmit).await?;
        self.judge(&response, generation, reauthorize);
        Ok(response)
    }

    /// Remembers what the server thought of a token.
    fn judge(&self, response: &Response<Bytes>, generation: u64, reauthorize: bool) {
        let accepted = response.status() != StatusCode::UNAUTHORIZED;
        let mut state = self.state();
        state.judge(generation, accepted);
        if !accepted && !reauthorize {
            state.expected += 1;
        }
    }

    /// A token that was not refused as far as is known, and its generation.
    async fn token(
        &self,
        reauthorize: bool,
        asked: Option<BoxFuture<'_, Result<Token, TransportError>>>,
    ) -> Result<(Token, u64), TransportError> {
        let doubted = match reauthorize {
            true => self.state().doubted(),
            false => None,
        };
        let asked = asked.unwrap_or_else(|| self.source.token(false));
        let token = asked.await?;
        let fetches = {
            let mut state = self.state();
            state.note(token);
            if let Some(generation) = doubted {
                state.judge(generation, false);
            }
            if let Some(usable) = state.usable() {
                return Ok(usable);
            }
            state.fetches
        };
        let _one_at_a_time = self.fetching.lock().await;
        {
            let state = self.state();
            if let Some(usable) = state.usable() {
                return Ok(usable);
            }
            // A fetch that ended after this request asked speaks for it too.
            if let Some(failure) = &state.failure
                && state.fetches > fetches
            {
                return Err(failure.clone().into());
            }
        }
        let fresh = self.source.token(true).await.map_err(Failure::from);
        let mut state = self.state();
        state.fetches += 1;
        match fresh {
            Ok(token) => {
                // A new generation even if the source only has the same one again.
                state.generation += 1;
                let generation = state.generation;
                state.replaced = state.token.replace(token.clone());
                state.fetched = Some((generation, Instant::now()));
                state.failure = None;
                Ok((token, generation))
            }
            Err(failure) => {
                state.failure = Some(failure.clone());
                Err(failure.into())
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a token that the source hands out, unless it is the last one or the one before.
    fn note(&mut self, token: Token) {
        if self.token.as_ref() != Some(&token) && self.replaced.as_ref() != Some(&token) {
            self.token = Some(token);
            self.generation += 1;
        }
    }

    /// The last token and its generation, if it is worth trying.
    fn usable(&self) -> Option<(Token, u64)> {
        let token = self.token.clone()?;
        let usable = self.generation > self.refused || self.is_futile();
        usable.then_some((token, self.generation))
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

    /// Remembers what the server thought of a token.
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

impl<S: TokenSource, T: Transport> Transport for Authorized<S, T> {
    fn send(&self, transmit: Transmit) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        self.begin(transmit)
    }
}

fn stamp(transmit: &mut Transmit, token: &Token) {
    let headers = transmit.request.headers_mut();
    headers.insert(AUTHORIZATION, token.header());
}

impl<S, T> fmt::Debug for Authorized<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorized")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
