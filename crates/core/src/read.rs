//! One call that only asks, with the same retries as a countermand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;

use crate::Transmit;
use crate::retry::{Next, Retry};
use crate::step::Machine;
use crate::view::View;
use crate::wire;
use crate::{Attempt, Call, DeviceName, DevicePage, Endpoint, EnterpriseName, Error, ErrorKind};
use crate::{
    Operation, OperationName, OperationPage, PageToken, Pause, Phase, Policy, Resource, Step,
};

/// A get or a list that has not begun; its steps lead to a `T`.
///
/// Idempotent, so every passing failure and every answer that cannot be read is asked again.
///
/// ```
/// use std::time::Instant;
/// use countermand_core::{OperationName, Read, Step};
///
/// let name: OperationName = "enterprises/LC01/devices/3f/operations/17".parse()?;
/// let now = Instant::now();
/// let Step::Send(attempt) = Read::operation(name).start(now, 1) else { unreachable!() };
/// let body = r#"{"name":"enterprises/LC01/devices/3f/operations/17"}"#;
/// let Step::Done(result) = attempt.response(now, &http::Response::new(body)) else { unreachable!() };
/// assert!(!result?.done);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Read<T> {
    what: What<T>,
    endpoint: Arc<Endpoint>,
    policy: Arc<Policy>,
}

struct What<T> {
    call: Call,
    resource: Resource,
    build: Build,
    parse: Parse<T>,
}

type Build = Box<dyn Fn(&Endpoint) -> Request<()> + Send>;
type Parse<T> = Box<dyn Fn(View<'_>) -> Result<T, Error> + Send>;

impl Read<Operation> {
    /// `operations.get`.
    #[must_use]
    pub fn operation(name: OperationName) -> Self {
        let asked = name.clone();
        Self::new(What {
            call: Call::Get,
            resource: (&name).into(),
            build: Box::new(move |endpoint| wire::get(endpoint, &asked)),
            parse: Box::new(move |view| view.operation(&name)),
        })
    }
}

impl Read<OperationPage> {
    /// One page of `operations.list`; [`Pages`](crate::Pages) turns them.
    #[must_use]
    pub fn operations(device: DeviceName, page_size: u32, page_token: Option<PageToken>) -> Self {
        let asked = device.clone();
        Self::new(What {
            call: Call::List,
            resource: (&device).into(),
            build: Box::new(move |endpoint| {
                wire::list_operations(endpoint, &asked, page_size, page_token.as_ref())
            }),
            parse: Box::new(move |view| view.readable_operations(&device)),
        })
    }
}

impl Read<DevicePage> {
    /// One page of `devices.list`; [`Pages`](crate::Pages) turns them.
    #[must_use]
    pub fn devices(
        enterprise: EnterpriseName,
        page_size: u32,
        page_token: Option<PageToken>,
    ) -> Self {
        let asked = enterprise.clone();
        Self::new(What {
            call: Call::ListDevices,
            resource: (&enterprise).into(),
            build: Box::new(move |endpoint| {
                wire::list_devices(endpoint, &asked, page_size, page_token.as_ref())
            }),
            parse: Box::new(move |view| view.readable_devices(&enterprise)),
        })
    }
}

impl<T: 'static> Read<T> {
    fn new(what: What<T>) -> Self {
        Self {
            what,
            endpoint: Arc::default(),
            policy: Arc::default(),
        }
    }

    /// The endpoint of the API.
    #[must_use]
    pub fn endpoint(mut self, endpoint: impl Into<Arc<Endpoint>>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    /// How patient to be.
    #[must_use]
    pub fn policy(mut self, policy: impl Into<Arc<Policy>>) -> Self {
        self.policy = policy.into();
        self
    }

    /// The same call, whose answer becomes something else.
    pub fn map<U: 'static>(self, into: fn(T) -> U) -> Read<U> {
        let What {
            call,
            resource,
            build,
            parse,
        } = self.what;
        Read {
            what: What {
                call,
                resource,
                build,
                parse: Box::new(move |view| parse(view).map(into)),
            },
            endpoint: self.endpoint,
            policy: self.policy,
        }
    }

    /// Begins at `now`. The seed spreads the pauses.
    pub fn start(self, now: Instant, seed: u64) -> Step<T> {
        let retry = Retry::new(self.policy, now, seed);
        Box::new(State {
            what: self.what,
            endpoint: self.endpoint,
            retry,
            error: None,
        })
        .send()
    }
}

struct State<T> {
    what: What<T>,
    endpoint: Arc<Endpoint>,
    retry: Retry,
    error: Option<Error>,
}

impl<T: 'static> State<T> {
    fn send(mut self: Box<Self>) -> Step<T> {
        self.retry.attempts += 1;
        self.error = None;
        Step::Send(Attempt::new(self))
    }
}

impl<T: 'static> Machine<T> for State<T> {
    fn name(&self) -> &str {
        self.what.resource.as_str()
    }

    fn call(&self) -> Call {
        self.what.call
    }

    fn number(&self) -> u32 {
        self.retry.attempts
    }

    fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    fn transmit(&self, now: Instant) -> Transmit {
        let request = (self.what.build)(&self.endpoint);
        self.retry.transmit(now, self.what.call, request)
    }

    fn response(self: Box<Self>, now: Instant, view: View<'_>) -> Step<T> {
        match (self.what.parse)(view) {
            Ok(value) => Step::Done(Ok(value)),
            Err(error) => self.failed(now, error),
        }
    }

    fn failed(mut self: Box<Self>, now: Instant, error: Error) -> Step<T> {
        self.retry.failed(now, &error);
        let error = error.of_read(self.retry.attempts);
        let next = match error.kind() {
            ErrorKind::NotFound(_) => Next::GiveUp,
            _ => self.retry.again(now, &error, true),
        };
        match next {
            Next::Now => self.send(),
            Next::At(at) => {
                self.error = Some(error);
                Step::Wait(Pause::new(at, self))
            }
            Next::GiveUp => Step::Done(Err(error
                .of(self.what.resource)
                .of_read(self.retry.attempts))),
        }
    }

    fn resume(mut self: Box<Self>, now: Instant) -> Step<T> {
        match self.error.take() {
            Some(error) if self.retry.is_too_late(now) => {
                Step::Done(Err(error.of(self.what.resource)))
            }
            _ => self.send(),
        }
    }

    fn postpone(&mut self, by: Duration) {
        self.retry.deadline += by;
    }

    fn heard(&mut self) {
        self.retry.heard();
    }

    fn excuse(&mut self, error: &Error) {
        self.retry.excused(error);
    }

    fn abandon(mut self: Box<Self>, error: Error) -> Step<T> {
        self.retry.attempts -= 1;
        Step::Done(Err(error
            .of(self.what.resource)
            .of_read(self.retry.attempts)))
    }

    fn phase(&self) -> Phase {
        Phase::Unsent
    }
}
