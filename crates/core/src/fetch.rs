//! One call that only reads, with the same retries as a countermand.

use std::sync::Arc;

use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::name::OperationName;
use crate::operation::Operation;
use crate::policy::Policy;
use crate::request::Request;
use crate::response::Response;
use crate::retry::{Next, Retry};
use crate::step::{Attempt, Machine, Pause, Phase, Step};
use crate::time::Time;
use crate::view::View;

/// A get or a list that has not begun; its steps lead to a `T`.
///
/// Idempotent, so every passing failure and every answer that cannot be read is asked again.
///
/// ```
/// use countermand_core::{Fetch, OperationName, Step, Time};
///
/// let name: OperationName = "enterprises/LC01/devices/3f/operations/17".parse()?;
/// let now = Time::START;
/// let Step::Send(attempt) = Fetch::operation(name).start(now, 1) else { unreachable!() };
/// let body = r#"{"name":"enterprises/LC01/devices/3f/operations/17"}"#;
/// let Step::Done(result) = attempt.response(now, &http::Response::new(body)) else { unreachable!() };
/// assert!(!result?.done);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fetch<T = Response> {
    request: Request,
    take: fn(Response) -> Option<T>,
    endpoint: Option<Arc<Endpoint>>,
    policy: Option<Arc<Policy>>,
}

impl Fetch {
    /// Any request that only reads ([`Pages`](crate::Pages) makes those of a list); `None` for [`Request::Cancel`], which a
    /// [`Cancellation`](crate::Cancellation) sends, because its errors say whether it may have been
    /// delivered.
    #[must_use]
    pub fn new(request: Request) -> Option<Self> {
        match request {
            Request::Cancel(_) => None,
            request => Some(Self::taking(request, Some)),
        }
    }
}

impl Fetch<Operation> {
    /// An operation.
    #[must_use]
    pub fn operation(name: OperationName) -> Self {
        Self::taking(Request::Get(name), |response| match response {
            Response::Operation(operation) => Some(operation),
            _ => None,
        })
    }
}

impl<T: 'static> Fetch<T> {
    fn taking(request: Request, take: fn(Response) -> Option<T>) -> Self {
        Self {
            request,
            take,
            endpoint: None,
            policy: None,
        }
    }

    /// The endpoint of the API: the root endpoint of the service by default.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<Arc<Endpoint>>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// Limits of the call.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<Arc<Policy>>) -> Self {
        self.policy = Some(policy.into());
        self
    }

    /// The request.
    #[must_use]
    pub const fn get_request(&self) -> &Request {
        &self.request
    }

    /// The endpoint, if one was given.
    #[must_use]
    pub fn get_endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_deref()
    }

    /// The policy, if one was given.
    #[must_use]
    pub fn get_policy(&self) -> Option<&Policy> {
        self.policy.as_deref()
    }

    /// Begins at `now`. The seed spreads the pauses.
    ///
    /// A method that the service does not have for such names ends it at once, as
    /// [`NoMethod`](ErrorKind::NoMethod).
    pub fn start(self, now: Time, seed: u64) -> Step<T> {
        if let Err(error) = self.request.check_method() {
            let error = Error::new(ErrorKind::NoMethod(error));
            let error = error.with_resource(self.request.resource());
            return Step::Done(Err(error.of_read(0)));
        }
        let mut retry = Retry::new(self.request, self.endpoint, self.policy, now, seed);
        retry.attempts = 1;
        let take = self.take;
        Attempt::new(Box::new(State { retry, take })).first()
    }
}

struct State<T> {
    retry: Retry,
    take: fn(Response) -> Option<T>,
}

impl<T: 'static> State<T> {
    fn send(mut self: Box<Self>) -> Step<T> {
        self.retry.attempts += 1;
        self.retry.error = None;
        Step::Send(Attempt::new(self))
    }
}

impl<T: 'static> Machine<T> for State<T> {
    fn retry(&self) -> &Retry {
        &self.retry
    }

    fn retry_mut(&mut self) -> &mut Retry {
        &mut self.retry
    }

    fn name(&self) -> &str {
        self.retry.request.name()
    }

    fn response(self: Box<Self>, now: Time, view: View<'_>) -> Step<T> {
        match self.retry.request.read_now(view).map(self.take) {
            Ok(Some(value)) => Step::Done(Ok(value)),
            Ok(None) => unreachable!("each method has the responses that its constructor takes"),
            Err(error) => self.failed(now, error),
        }
    }

    fn failed(mut self: Box<Self>, now: Time, error: Error) -> Step<T> {
        self.retry.failed(now, &error);
        let error = error.of_read(self.retry.attempts);
        let next = match error.kind() {
            ErrorKind::NotFound(_) => Next::GiveUp,
            _ => self.retry.again(now, &error, true),
        };
        match next {
            Next::Now => self.send(),
            Next::At(at) => {
                self.retry.error = Some(error);
                Step::Wait(Pause::new(at, self))
            }
            Next::GiveUp => Step::Done(Err(error
                .with_resource(self.retry.request.resource())
                .of_read(self.retry.attempts))),
        }
    }

    fn resume(mut self: Box<Self>, now: Time) -> Step<T> {
        match self.retry.error.take() {
            Some(error) if self.retry.is_too_late(now) => {
                Step::Done(Err(error.with_resource(self.retry.request.resource())))
            }
            _ => self.send(),
        }
    }

    fn excuse(&mut self, error: &Error) {
        self.retry.excused(error);
    }

    fn abandon(mut self: Box<Self>, error: Error) -> Step<T> {
        self.retry.attempts -= 1;
        Step::Done(Err(error
            .with_resource(self.retry.request.resource())
            .of_read(self.retry.attempts)))
    }

    fn phase(&self) -> Phase {
        Phase::Unsent
    }
}
