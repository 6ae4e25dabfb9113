//! Log messages: of one exchange, and of the outcome of an operation.

use std::time::Duration;

use bytes::Bytes;
use countermand_core::text::chain;
use countermand_core::{Call, Error, ErrorKind, OperationName, Outcome, Transmit, TransportError};
use http::Response;
use tracing::Span;

use crate::clock::monotonic_now;
use crate::transport::Transport;

/// The span of everything that concerns an operation or a parent of operations.
pub(crate) fn span(name: &str) -> Span {
    tracing::info_span!("countermand", operation = name)
}

/// Sends a request and logs its outcome.
pub(crate) fn exchange(
    transport: &dyn Transport,
    transmit: Transmit,
    call: Call,
    attempt: u32,
) -> impl Future<Output = Result<Response<Bytes>, TransportError>> {
    // Reading the clock twice costs more than all the rest here.
    let sent = tracing::enabled!(tracing::Level::DEBUG).then(monotonic_now);
    // Begun before there is a future, which would carry the request along wherever it is moved.
    let sending = transport.send(transmit);
    async move {
        let result = sending.await;
        if let Some(sent) = sent {
            answered(&result, call, attempt, monotonic_now() - sent);
        }
        result
    }
}

fn answered(
    result: &Result<Response<Bytes>, TransportError>,
    call: Call,
    attempt: u32,
    elapsed: Duration,
) {
    let (call, elapsed_ms) = (call.as_str(), millis(elapsed));
    match result {
        Ok(response) => {
            let status = response.status().as_u16();
            tracing::debug!(call, attempt, status, elapsed_ms, "answered");
        }
        Err(error) => {
            let error = chain(error);
            tracing::debug!(call, attempt, error, elapsed_ms, "not answered");
        }
    }
}

/// Logs the end of something that is in the span of its name; without an outcome, only that it ended.
pub(crate) fn ended(result: Result<Option<&Outcome>, &Error>) {
    match result {
        Ok(outcome) => {
            let verdict = outcome.map(|outcome| outcome.verdict.as_str());
            let attempts = outcome.map(|outcome| outcome.attempts);
            tracing::info!(verdict, attempts, "done");
        }
        Err(error) => {
            let (attempts, text) = (error.attempts(), chain(error));
            // A scheduler that stops leaves thousands alone for one reason, which it tells itself.
            match error.kind() {
                ErrorKind::NotAttempted { .. } => {
                    tracing::debug!(error = text, attempts, "failed");
                }
                _ => tracing::warn!(error = text, attempts, "failed"),
            }
        }
    }
}

/// Tells how an operation of a scheduler came out.
pub(crate) fn finished(name: &OperationName, result: &Result<Outcome, Error>) {
    span(name.as_str()).in_scope(|| ended(result.as_ref().map(Some)));
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
