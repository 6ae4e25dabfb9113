//! The bodies of requests, which notice when they leave.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use countermand_core::Departure;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};

use crate::clock::monotonic_now;

/// The body of a request: empty for nearly every method of an API, short for the others and for a token's.
///
/// hyper asks a body whether it is empty at one moment: when it takes the request to write it, behind
/// the wait for a stream that the server allows. That is when the request leaves.
///
/// It is small, because it is moved with its request.
pub(crate) struct Body {
    content: Option<Box<Full<Bytes>>>,
    departure: Departure,
}

impl Body {
    /// A body that tells when it leaves.
    pub(crate) fn observed(content: &'static str, departure: Departure) -> Self {
        let content = (!content.is_empty()).then(|| Bytes::from_static(content.as_bytes()));
        Self {
            content: content.map(|content| Box::new(Full::new(content))),
            departure,
        }
    }

    pub(crate) fn new(content: Bytes) -> Self {
        Self {
            content: Some(Box::new(Full::new(content))),
            departure: Departure::default(),
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut self.content {
            Some(content) => Pin::new(content).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        if self.departure.is_observed() {
            self.departure.leaves(monotonic_now());
        }
        let content = self.content.as_deref();
        content.is_none_or(hyper::body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let content = self.content.as_deref();
        content.map_or(SizeHint::with_exact(0), hyper::body::Body::size_hint)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// hyper moves a request together with the place for its answer, many times; above 256 bytes each
    /// copy costs twice as much.
    #[test]
    fn a_request_that_waits_in_hyper_is_small() {
        let size = size_of::<Option<Request<Body>>>();
        assert!(size + 2 * size_of::<usize>() <= 256, "{size}");
    }
}
