//! One call that only asks, with the same retries as a countermand.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;

use crate::error::Subject;
use crate::retry::{Next, Retry};
use crate::step::Machine;
use crate::view::View;
use crate::wire;
use crate::{
    Answer, Attempt, Call, DeviceName, Endpoint, Error, ErrorKind, Operation, OperationName,
    OperationPage,
};
use crate::{PageToken, Pause, Policy, Step, Transmit};

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
    name: Box<str>,
    subject: Subject,
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
            name: name.as_str().into(),
            subject: (&name).into(),
            build: Box::new(move |endpoint| wire::get(endpoint, &asked)),
            parse: Box::new(move |view| view.operation(&name)),
        })
    }
}

impl Read<OperationPage> {
    /// One page of `operations.list`; [`Pages`] turns them.
    #[must_use]
    pub fn operations(device: DeviceName, page_size: u32, page_token: Option<PageToken>) -> Self {
        let asked = device.clone();
        Self::new(What {
            call: Call::List,
            name: device.as_str().into(),
            subject: (&device).into(),
            build: Box::new(move |endpoint| {
                wire::list_operations(endpoint, &asked, page_size, page_token.as_ref())
            }),
            parse: Box::new(move |view| view.operations(&device)),
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

    /// Where the API is.
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
        &self.what.name
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
        self.retry.transmit(now, (self.what.build)(&self.endpoint))
    }

    fn response(self: Box<Self>, now: Instant, view: View<'_>) -> Step<T> {
        match (self.what.parse)(view) {
            Ok(value) => Step::Done(Ok(value)),
            Err(error) => self.failed(now, error),
        }
    }

    fn failed(mut self: Box<Self>, now: Instant, error: Error) -> Step<T> {
        let error = error.of_read(self.retry.attempts);
        self.retry.failed(now, &error);
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
                .of(self.what.subject)
                .of_read(self.retry.attempts))),
        }
    }

    fn resume(mut self: Box<Self>, now: Instant) -> Step<T> {
        match self.error.take() {
            Some(error) if self.retry.is_too_late(now) => {
                Step::Done(Err(error.of(self.what.subject)))
            }
            _ => self.send(),
        }
    }

    fn postpone(&mut self, by: Duration) {
        self.retry.deadline += by;
    }

    fn excuse(&mut self, _: &Error) {
        self.retry.attempts += 1;
    }

    fn abandon(mut self: Box<Self>, error: Error) -> Step<T> {
        self.retry.attempts -= 1;
        Step::Done(Err(error.of_read(self.retry.attempts)))
    }

    fn accepted(&self) -> bool {
        false
    }
}

/// Twenty times the longest list that has been seen, and then some.
const MOST_PAGES: usize = 10_000;

/// Walks a device's operations page by page, to the last one.
///
/// The list is oldest first, so stopping early misses exactly the pending ones; and a page token
/// that comes twice is a loop without an end, which is an error here.
///
/// ```
/// use countermand_core::{DeviceName, Pages};
///
/// let device: DeviceName = "enterprises/LC01/devices/3f".parse()?;
/// let mut pages = Pages::new(device.clone());
/// while let Some(read) = pages.next_read() {
///     # let _ = read;
///     # let page = countermand_core::wire::parse_operations(&http::Response::new("{}"), &device).unwrap();
///     // let page = drive(read.start(now, seed))?;
///     pages.turn(&page).unwrap();
/// }
/// # Ok::<(), countermand_core::NameError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pages {
    device: DeviceName,
    /// The tokens that were asked for, the next one included.
    seen: BTreeSet<PageToken>,
    /// `None` at the end; the first page has no token.
    next: Option<Option<PageToken>>,
}

impl Pages {
    /// All operations of a device.
    #[must_use]
    pub const fn new(device: DeviceName) -> Self {
        Self {
            device,
            seen: BTreeSet::new(),
            next: Some(None),
        }
    }

    /// The call for the next page; `None` after the last one.
    #[must_use]
    pub fn next_read(&self) -> Option<Read<OperationPage>> {
        let token = self.next.clone()?;
        Some(Read::operations(
            self.device.clone(),
            wire::MAX_PAGE_SIZE,
            token,
        ))
    }

    /// Goes on after a page.
    ///
    /// # Errors
    /// [`Malformed`](ErrorKind::Malformed) if the page names one that was read before.
    pub fn turn(&mut self, page: &OperationPage) -> Result<(), Error> {
        self.next = page.next_page_token.clone().map(Some);
        match &page.next_page_token {
            Some(token) if self.seen.len() == MOST_PAGES || !self.seen.insert(token.clone()) => {
                self.next = None;
                let problem = match self.seen.len() {
                    MOST_PAGES => "the list does not end",
                    _ => "the list repeats a page token",
                };
                let answer = Answer::with_message(200, problem);
                Err(Error::new(ErrorKind::Malformed(answer))
                    .of(&self.device)
                    .of_read(0))
            }
            _ => Ok(()),
        }
    }
}
