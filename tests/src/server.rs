//! Simple servers for schedulers on a virtual clock, and their ways to count a quota.

use std::collections::VecDeque;
use std::time::Duration;

use crate::vectors::envelope;
use bytes::Bytes;
use countermand_core::{OperationName, Phase, TransportError};
use countermand_scheduler::Quota;
use countermand_scheduler::Scheduler;
use http::{Method, Request, Response, StatusCode};

/// The answer to a request, and its delay.
pub type Delivery = (Duration, Result<Response<Bytes>, TransportError>);

/// Operation `number`, on a device of its own.
///
/// # Panics
/// Never: the number makes a name.
#[must_use]
pub fn name(number: u64) -> OperationName {
    format!("enterprises/LC01abcd89/devices/{number:016x}/operations/1786048723669")
        .parse()
        .expect("as written here")
}

/// An answer after 80 ms.
///
/// # Panics
/// If the status is invalid.
pub fn answer(status: u16, body: impl Into<Bytes>) -> Delivery {
    let body: Bytes = body.into();
    // An empty body stands for the shortest error of the API.
    let body = match body.is_empty() && status >= 400 {
        true => envelope(status).into(),
        false => body,
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("as written here");
    (Duration::from_millis(80), Ok(response))
}

/// A server on which every cancel works at once.
pub fn works(request: &Request<&'static str>) -> Delivery {
    if request.method() == Method::POST {
        return answer(200, Bytes::from_static(b"{}"));
    }
    let name = request.uri().path().trim_start_matches("/v1/");
    answer(
        200,
        format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#),
    )
}

/// A quota of these windows, with a share of 1.
///
/// # Panics
/// If the text is not a quota.
#[must_use]
pub fn quota(text: &str) -> Quota {
    text.parse::<Quota>()
        .expect("as written here")
        .share(1.0)
        .per_resource(None)
}

/// A scheduler of so many operations.
#[must_use]
pub fn scheduler(operations: u64, quota: Quota) -> Scheduler {
    let mut scheduler = Scheduler::new(1).quota(quota);
    for number in 0..operations {
        scheduler.push(name(number), Phase::Unsent);
    }
    scheduler.close();
    scheduler
}

/// A quota as servers count it: in fixed windows that begin at a phase, or in sliding windows.
#[derive(Clone, Debug)]
pub struct Limit {
    calls: usize,
    span: Duration,
    phase: Option<Duration>,
    taken: VecDeque<Duration>,
}

impl Limit {
    /// With windows that begin at tenths of their span; without a phase, sliding ones.
    #[must_use]
    pub fn new(calls: usize, span: u64, phase: Option<u64>) -> Self {
        let span = Duration::from_secs(span);
        Self {
            calls,
            span,
            phase: phase.map(|tenth| span * tenth as u32 / 10),
            taken: VecDeque::new(),
        }
    }

    /// True if the call exceeds the quota; otherwise the call is counted.
    pub fn refuses(&mut self, at: Duration) -> bool {
        let begins = match self.phase {
            Some(phase) => {
                let since = (at + self.span - phase).as_nanos() % self.span.as_nanos();
                at.saturating_sub(Duration::from_nanos(since as u64))
            }
            None => (at + Duration::from_nanos(1)).saturating_sub(self.span),
        };
        while self.taken.front().is_some_and(|taken| *taken < begins) {
            self.taken.pop_front();
        }
        if self.taken.len() >= self.calls {
            return true;
        }
        self.taken.push_back(at);
        false
    }
}
