//! The bodies of answers: read to their end, to a cap, within a budget of memory.

use std::mem;

use bytes::{Bytes, BytesMut};
use countermand_core::{TransportError, TransportErrorKind};
use http::{Response, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Answers that have no body (RFC 9110, 15.3.5 and 15.3.6).
const NO_CONTENT: StatusCode = StatusCode::NO_CONTENT;
const RESET_CONTENT: StatusCode = StatusCode::RESET_CONTENT;

/// A body up to this length draws nothing from the budget, in bytes: all but pages of lists.
const SMALL: usize = 64 << 10;

/// Memory for all longer bodies together, in bytes.
const BUDGET: usize = 64 << 20;

/// Reads the bodies of one transport's answers.
///
/// A body that is longer than [`SMALL`] reserves its whole length before it is read on, or the cap
/// where it does not tell its length. None of them waits for more once it has begun, so they cannot
/// wait for each other. The wait for the reservation is a part of the attempt's time.
pub(crate) struct Bodies {
    cap: usize,
    budget: Semaphore,
}

impl Bodies {
    /// No body is longer than `cap`, whatever a request allows.
    pub(crate) const fn new(cap: usize) -> Self {
        Self {
            cap,
            budget: Semaphore::const_new(BUDGET),
        }
    }

    /// Reads the body of an answer to its end, or to the cap.
    pub(crate) async fn read(
        &self,
        response: &mut Response<Incoming>,
        cap: usize,
    ) -> Result<Bytes, TransportError> {
        let (status, version) = (response.status(), response.version());
        let body = response.body_mut();
        let cap = cap.min(self.cap);
        let told = body.size_hint();
        if told.lower() > cap as u64 {
            return Err(too_large(cap));
        }
        // At most the cap, which is a usize.
        let whole = told.exact().map_or(cap, |length| length as usize);
        let mut reserved = None;
        if whole > SMALL && told.exact().is_some() {
            reserved = Some(Box::pin(self.reserve(whole)).await);
        }
        // Nearly every answer is one piece, which is not copied.
        let (mut piece, mut joined) = (Bytes::new(), BytesMut::new());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(lost)?;
            let Ok(data) = frame.into_data() else {
                // Under HTTP/2 h2 does not tell whether there was a second status among them.
                if version == Version::HTTP_2 {
                    return Err(lost("malformed answer: trailers that were not asked for"));
                }
                continue;
            };
            let length = piece.len() + joined.len() + data.len();
            if length > cap {
                return Err(too_large(cap));
            }
            if length > SMALL && reserved.is_none() {
                reserved = Some(Box::pin(self.reserve(whole)).await);
            }
            if piece.is_empty() && joined.is_empty() {
                piece = data;
                continue;
            }
            if reserved.is_some() && joined.capacity() < whole {
                // Once, and not by doubling: memory that is not written to is not used.
                joined.reserve(whole - joined.len());
            }
            joined.extend_from_slice(&mem::take(&mut piece));
            joined.extend_from_slice(&data);
        }
        // A body that ends without END_STREAM is not complete (RFC 9113, 8.1), also if all of its
        // content-length has come. For hyper a stream that was reset without an error has ended.
        if version == Version::HTTP_2 && !body.is_end_stream() {
            return Err(lost("the answer was broken off"));
        }
        let whole = match joined.is_empty() {
            true => piece,
            false => joined.freeze(),
        };
        if !whole.is_empty() && [NO_CONTENT, RESET_CONTENT].contains(&status) {
            let message = format!("malformed answer: {} with a body", status.as_u16());
            return Err(lost(message));
        }
        Ok(whole)
    }

    /// Waits until there is room for a body of so many bytes.
    async fn reserve(&self, bytes: usize) -> SemaphorePermit<'_> {
        let bytes = u32::try_from(bytes.min(BUDGET)).expect("the budget is below 4 GiB");
        let permit = self.budget.acquire_many(bytes).await;
        permit.expect("the semaphore is never closed")
    }
}

fn too_large(cap: usize) -> TransportError {
    TransportError::new(
        TransportErrorKind::TooLarge,
        format!("more than {cap} bytes"),
    )
}

fn lost(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TransportError {
    TransportError::new(TransportErrorKind::ConnectionLost, cause)
}
