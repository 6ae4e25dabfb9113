//! A server's quota without the rest of the server.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use crate::answer::{Style, answer};
use crate::call::Call;
use crate::meter::Meter;
use crate::refusal::refusal;
use crate::{QuotaReport, ServerQuota};

/// What was spent of a [`ServerQuota`], for a simulated server that answers in its own way; counted and refused as an
/// [`Emulator`](crate::Emulator) does it.
#[derive(Debug)]
pub struct ServerUsage {
    meter: Meter,
    quota: ServerQuota,
}

impl ServerUsage {
    /// Nothing spent yet.
    #[must_use]
    pub fn new(quota: ServerQuota) -> Self {
        Self {
            meter: Meter::new(quota.clone()),
            quota,
        }
    }

    /// Takes a request into account, or answers it with 429; `now` is the time since the server's start. What is no call of
    /// the API is not counted.
    pub fn refuse<B>(&mut self, now: Duration, request: &Request<B>) -> Option<Response<Bytes>> {
        let call = Call::route(request)?;
        let exceeded = self.meter.admit(now, &call).err()?;
        let failure = refusal(&exceeded, self.quota.hints, 1);
        let style = Style {
            pretty: false,
            error_list: false,
        };
        Some(answer(Err(failure), style, now.as_millis() as u64))
    }

    /// What is spent now.
    #[must_use]
    pub fn report(&self, now: Duration) -> QuotaReport {
        self.meter.report(now)
    }
}
