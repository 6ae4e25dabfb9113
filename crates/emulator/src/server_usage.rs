//! A server's quota without the rest of the server.

use std::time::Duration;

use bytes::Bytes;
use countermand_core::Service;
use http::{Request, Response};

use crate::answer::{Style, answer};
use crate::call::Call;
use crate::meter::Meter;
use crate::method::Methods;
use crate::quota::ServerQuota;
use crate::quota_report::QuotaReport;
use crate::refusal::refusal;
use crate::services;

/// The usage of a [`ServerQuota`], for a simulated server that answers in its own way; counted and refused as an
/// [`Emulator`](crate::Emulator) does it.
#[derive(Debug)]
pub struct ServerUsage {
    service: &'static Service,
    methods: Methods,
    meter: Meter,
    quota: ServerQuota,
}

impl ServerUsage {
    /// Nothing spent yet.
    #[must_use]
    pub fn new(service: &'static Service, quota: ServerQuota) -> Self {
        Self {
            service,
            methods: services::methods(service),
            meter: Meter::new(quota.clone(), service.quota_levels),
            quota,
        }
    }

    /// Takes a request into account, or answers it with 429; `now` is the time since the server's start. A request that is no
    /// call of the API is not counted.
    pub fn refuse<B>(&mut self, now: Duration, request: &Request<B>) -> Option<Response<Bytes>> {
        let call = Call::route(self.service, &self.methods, request, |_| true)?;
        let exceeded = self.meter.admit(now, &call).err()?;
        let failure = refusal(self.service, &exceeded, self.quota.hints, 1);
        let style = Style {
            pretty: false,
            error_list: false,
        };
        Some(answer(Err(failure), style, now.as_millis() as u64))
    }

    /// The calls that are spent now.
    #[must_use]
    pub fn report(&self, now: Duration) -> QuotaReport {
        self.meter.report(now, &self.methods)
    }
}
