//! A response as it came, before anything in it is believed.

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode};

use crate::caching::Signs;
use crate::service::Service;
use crate::timestamp::Timestamp;

/// Marks a response whose body repeats the access token of its request, as an extension.
///
/// A transport that adds tokens sets it. No text of such a body is taken over: a success is
/// [`Malformed`](crate::ErrorKind::Malformed), and an error keeps its meaning without its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "it is a mark")]
pub struct RepeatsToken;

/// A response without the type of its body, so that its readers exist once.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    /// The service that is to have given it.
    pub(crate) service: &'static Service,
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// True if no text of the body may be taken over.
    pub(crate) repeats_token: bool,
}

impl<'a> View<'a> {
    pub(crate) fn of<B: AsRef<[u8]>>(service: &'static Service, response: &'a Response<B>) -> Self {
        Self {
            service,
            status: response.status(),
            headers: response.headers(),
            body: response.body().as_ref(),
            repeats_token: response.extensions().get::<RepeatsToken>().is_some(),
        }
    }

    /// The age of the response.
    pub(crate) fn age(self) -> Duration {
        Signs::of(self.headers).age
    }

    /// The server's clock, by its `Date` header.
    pub(crate) fn time(self) -> Option<Timestamp> {
        Timestamp::from_headers(self.headers)
    }
}
