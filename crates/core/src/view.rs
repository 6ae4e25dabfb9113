//! A response as it came, before anything in it is believed.

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode};

use crate::caching::Signs;
use crate::service::Service;
use crate::timestamp::Timestamp;
use crate::withheld::Withheld;

/// A response without the type of its body, so that its readers exist once.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    /// The service that is to have given it.
    pub(crate) service: &'static Service,
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    /// The token, which nothing that is read from the response may repeat.
    pub(crate) withheld: Option<&'a Withheld>,
}

impl<'a> View<'a> {
    pub(crate) fn of<B: AsRef<[u8]>>(service: &'static Service, response: &'a Response<B>) -> Self {
        Self {
            service,
            status: response.status(),
            headers: response.headers(),
            body: response.body().as_ref(),
            withheld: response.extensions().get(),
        }
    }

    /// The age of the response.
    pub(crate) fn age(self) -> Duration {
        Signs::of(self.headers).age
    }

    /// The server's clock, by its `Date` header.
    pub(crate) fn time(self) -> Option<Timestamp> {
        crate::timestamp::date(self.headers)
    }
}
