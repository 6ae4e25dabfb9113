//! A transport that adds tokens.

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use countermand_core::{Endpoint, RepeatsToken, Transmit, TransportError, TransportErrorKind};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use tokio::time::Instant;

use crate::runtime;
use crate::token::{Token, TokenSource};
use crate::token_cache::{Asked, Numbered, TOKEN_TIMEOUT, TokenCache, late};
use crate::transport::{BoxFuture, Transport};

/// The header that names the project that pays.
const USER_PROJECT: HeaderName = HeaderName::from_static("x-goog-user-project");

/// Stamps each request of a transport with a token, and sees to it that a refused token is
/// replaced once, however many requests it was refused for.
///
/// Tokens go to the endpoint and nowhere else, and so does the name of the project that pays.
/// Waiting for one counts into [`Transmit::timeout`]; it takes 10 s at most.
///
/// A token that [says how long it is good](crate::Token::expiring) is kept for so long, and
/// replaced a while before, in a task of its own, while requests go on with it. If that fails,
/// requests go on with it until its time is up.
///
/// An answer that repeats the token is [marked](RepeatsToken), so that nothing of its text is shown.
///
/// It watches the answers, so it knows which token a 401 was for: the request that comes back with
/// [`Transmit::reauthorize`] gets the replacement, if there is one by then, instead of causing
/// another fetch. A request that comes back without a 401 seen here, because something around this
/// transport made it, refuses the token that was handed out last, unless that one was fetched for
/// such a reason within the last 10 s.
pub struct Authorized<S, T> {
    tokens: Arc<TokenCache<S>>,
    transport: T,
    endpoint: Endpoint,
    quota_project: Option<HeaderValue>,
}

impl<S: TokenSource + 'static, T: Transport> Authorized<S, T> {
    /// Sends requests for `endpoint` by `transport` with tokens of `source`; refuses others.
    pub fn new(endpoint: Endpoint, source: S, transport: T) -> Self {
        let tokens = TokenCache::new(source);
        Self {
            quota_project: tokens.source().quota_project(),
            tokens,
            transport,
            endpoint,
        }
    }

    /// Begins to send. With a token that is at hand, as nearly always, that takes neither a timer nor
    /// a future that carries the request along.
    fn begin(&self, transmit: Transmit) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        let uri = transmit.request.uri();
        if !self.endpoint.is_origin_of(uri) {
            let message = format!("{uri} is not at {}, no token for it", self.endpoint);
            let error = TransportError::new(TransportErrorKind::NotAllowed, message);
            return Box::pin(ready(Err(error)));
        }
        if transmit.wrong_endpoint {
            let message = format!(
                "{uri} is at {}, the endpoint of another service than that of the name: give the endpoint of its service",
                self.endpoint
            );
            let error = TransportError::new(TransportErrorKind::NotAllowed, message);
            return Box::pin(ready(Err(error)));
        }
        match self.tokens.token(transmit.reauthorize) {
            Asked::Answered(Ok(token)) => Box::pin(self.exchange(transmit, token)),
            Asked::Answered(Err(error)) => Box::pin(ready(Err(error))),
            Asked::Pending(token) => Box::pin(self.wait(transmit, token)),
        }
    }

    async fn wait(
        &self,
        mut transmit: Transmit,
        token: BoxFuture<'_, Result<Numbered, TransportError>>,
    ) -> Result<Response<Bytes>, TransportError> {
        let begun = Instant::now();
        let limit = TOKEN_TIMEOUT.min(transmit.timeout);
        let token = runtime::timeout(limit, token)?
            .await
            .unwrap_or_else(|_| Err(late(limit)))?;
        // One attempt is one time-out, whatever the time went into.
        transmit.timeout = transmit.timeout.saturating_sub(begun.elapsed());
        if transmit.timeout.is_zero() {
            return Err(late(limit));
        }
        self.exchange(transmit, token).await
    }

    fn exchange(
        &self,
        mut transmit: Transmit,
        (token, generation): Numbered,
    ) -> impl Future<Output = Result<Response<Bytes>, TransportError>> {
        let reauthorize = transmit.reauthorize;
        let headers = transmit.request.headers_mut();
        headers.insert(AUTHORIZATION, token.header());
        if let Some(project) = &self.quota_project {
            headers.insert(USER_PROJECT, project.clone());
        }
        let sending = self.transport.send(transmit);
        async move {
            let sent = sending.await;
            let mut response = sent.map_err(|error| without_token(error, &token))?;
            if token.is_repeated_by(response.body()) {
                response.extensions_mut().insert(RepeatsToken);
            }
            let accepted = response.status() != StatusCode::UNAUTHORIZED;
            self.tokens
                .judge(generation, accepted, !accepted && !reauthorize);
            Ok(response)
        }
    }
}

/// A failure whose cause does not repeat the token, as a server can in the reason for which it ends a
/// connection (HTTP/2 GOAWAY).
fn without_token(error: TransportError, token: &Token) -> TransportError {
    if !token.is_repeated_by(error.cause().as_bytes()) {
        return error;
    }
    let problem = "the reason is not shown, because it repeats the access token";
    let told = TransportError::new(error.kind(), problem);
    match error.connection() {
        Some(connection) => told.on_connection(connection),
        None => told,
    }
}

impl<S: TokenSource + 'static, T: Transport> Transport for Authorized<S, T> {
    fn send(&self, transmit: Transmit) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        self.begin(transmit)
    }
}

impl<S, T> fmt::Debug for Authorized<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorized")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
