//! Transport of a request to the server: one method, so that any HTTP client can be one.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use countermand_core::{Transmit, TransportError};
use futures_core::Stream;

/// A future on the heap that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A stream on the heap that may move between threads.
pub type BoxStream<'a, T> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;

/// Sends one request and brings the whole answer.
///
/// Implement it to use another HTTP client, to record, to count or to fail on purpose. A closure
/// that takes a [`Transmit`] and gives a `'static` future is one already:
///
/// ```
/// use bytes::Bytes;
/// use countermand_hyper::{Client, Transmit};
///
/// let hotel_wifi = |_: Transmit| async { Ok(http::Response::new(Bytes::from("<html>Welcome"))) };
/// let client = Client::new(hotel_wifi);
/// ```
///
/// An implementation follows no redirect, sends nothing twice, and gives up after
/// [`Transmit::timeout`] with a [`TransportError`] that says whether the request may have been
/// sent. Every HTTP status is an answer, not an error.
pub trait Transport: Send + Sync {
    /// Sends it.
    ///
    /// # Cancellation safety
    /// Dropping the future drops the request, which may have been delivered or not.
    ///
    /// # Errors
    /// No complete answer came; the [kind](TransportError::kind) says why, and whether the request
    /// may have been sent.
    fn send(
        &self,
        transmit: Transmit,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>>;
}

impl<F, Answer> Transport for F
where
    F: Fn(Transmit) -> Answer + Send + Sync,
    Answer: Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + 'static,
{
    fn send(
        &self,
        transmit: Transmit,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        Box::pin(self(transmit))
    }
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(
        &self,
        transmit: Transmit,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        (**self).send(transmit)
    }
}
