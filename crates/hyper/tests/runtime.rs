//! A program whose runtime lacks timers or I/O, or that has none, gets an error that says so.

use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::common::{cancel, name};
use bytes::Bytes;
use countermand_core::text::chain;
use countermand_core::{Cancellation, GrandparentName, ParentName, Resource};
use countermand_hyper::{
    Client, Endpoint, Error, Hyper, HyperConfig, Token, TokenSource, Transmit, Transport,
    TransportError, TransportErrorKind, drive, monotonic_now, token_fn,
};
use futures_util::StreamExt;
use http::Response;
use tokio::runtime::{Builder, Runtime};

const NO_RUNTIME: &str = "no tokio runtime is running";
const NO_TIMERS: &str = "the tokio runtime has no timers";
const NO_IO: &str = "the tokio runtime has no I/O";

/// Wakes a thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end without a runtime.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park_timeout(Duration::from_secs(10)),
        }
    }
}

/// Runs a future without a runtime, and in each that lacks something; what an error is to say.
fn everywhere(run: impl Fn(&dyn Fn(Running<'_>), &str)) {
    run(&|future| block_on(future), NO_RUNTIME);
    let lacking = |runtime: Runtime| move |future: Running<'_>| runtime.block_on(future);
    let without = Builder::new_current_thread().build().unwrap();
    // Which one is told first is not promised.
    run(&lacking(without), "the tokio runtime has no ");
    let timers = Builder::new_current_thread().enable_time().build();
    run(&lacking(timers.unwrap()), NO_IO);
    let io = Builder::new_current_thread().enable_io().build();
    run(&lacking(io.unwrap()), NO_TIMERS);
}

type Running<'a> = std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;

fn endpoint() -> Endpoint {
    // The port of nothing: no request gets that far.
    "http://127.0.0.1:9".parse().unwrap()
}

fn client(tokens: impl TokenSource + 'static) -> Client {
    Client::connect(endpoint(), tokens, HyperConfig::default()).unwrap()
}

fn check(error: &Error, expected: &str) {
    let text = chain(error);
    assert!(text.contains(expected), "{text}, expected {expected}");
    assert_eq!(error.key().as_str(), "not_allowed", "{text}");
    assert!(!error.maybe_delivered(), "{text}");
}

fn parent() -> ParentName {
    "enterprises/e/devices/d".parse().unwrap()
}

fn above() -> GrandparentName {
    "enterprises/e".parse().unwrap()
}

#[test]
fn each_call_of_a_client_fails() {
    everywhere(|run, expected| {
        let client = client(Token::new("t").unwrap());
        run(Box::pin(async {
            check(&client.cancel(&name()).await.unwrap_err(), expected);
            check(&client.countermand(&name()).await.unwrap_err(), expected);
            check(&client.get(&name()).await.unwrap_err(), expected);
            let resource = Resource::Parent(parent());
            check(&client.check(&resource).await.unwrap_err(), expected);
            let mut operations = client.list_operations(&parent(), None);
            check(&operations.next().await.unwrap().unwrap_err(), expected);
            let mut parents = client.list_parents(&above());
            check(&parents.next().await.unwrap().unwrap_err(), expected);
            let all = client.countermand_all([name()]);
            let all: Vec<_> = all.collect().await;
            assert_eq!(all.len(), 1);
            check(all[0].1.as_ref().unwrap_err(), expected);
        }));
    });
}

#[test]
fn a_source_of_tokens_is_waited_for_in_no_such_runtime() {
    for expected in [NO_RUNTIME, NO_TIMERS] {
        let slow = token_fn(|_| async {
            std::future::pending::<()>().await;
            Token::new("t")
        });
        let client = client(slow);
        let name = name();
        let cancelling = client.cancel(&name);
        let result = match expected {
            NO_RUNTIME => block_on(cancelling),
            _ => Builder::new_current_thread()
                .build()
                .unwrap()
                .block_on(cancelling),
        };
        check(&result.unwrap_err(), expected);
    }
}

#[test]
fn the_transport_fails() {
    everywhere(|run, expected| {
        let hyper = Hyper::new(&endpoint(), HyperConfig::default()).unwrap();
        let check = |error: TransportError| {
            assert_eq!(error.kind(), TransportErrorKind::NotAllowed);
            assert!(error.cause().contains(expected), "{}", error.cause());
        };
        run(Box::pin(async {
            check(hyper.send(cancel(&endpoint())).await.unwrap_err());
            check(hyper.try_connect().await.unwrap_err());
            let request = http::Request::get("http://127.0.0.1:9/").body(Bytes::new());
            let called = hyper.call(request.unwrap(), Duration::from_secs(5)).await;
            check(called.unwrap_err());
        }));
    });
}

/// Another transport may need no runtime; a pause does, and what is known before it is told.
#[test]
fn a_pause_ends_a_call_in_doubt() {
    let unavailable = |_: Transmit| {
        let answer = Response::builder()
            .status(503)
            .body(Bytes::from_static(b"{}"));
        ready(Ok(answer.unwrap()))
    };
    for expected in [NO_RUNTIME, NO_TIMERS] {
        let client = Client::new(unavailable);
        let check = |result: Result<_, Error>| {
            let error = result.unwrap_err();
            assert!(chain(&error).contains(expected), "{}", chain(&error));
            assert!(error.maybe_delivered(), "{error:?}");
            assert_eq!(error.attempts(), 1, "{error:?}");
        };
        let calls = async {
            check(client.countermand(&name()).await);
            check(
                drive(
                    Cancellation::new(name()).start(monotonic_now(), 1),
                    &unavailable,
                )
                .await,
            );
            let all: Vec<_> = client.countermand_all([name()]).collect().await;
            let error = all[0].1.as_ref().unwrap_err();
            assert!(chain(error).contains(expected), "{}", chain(error));
        };
        match expected {
            NO_RUNTIME => block_on(calls),
            _ => Builder::new_current_thread()
                .build()
                .unwrap()
                .block_on(calls),
        }
    }
}

/// A transport that never waits needs no runtime.
#[test]
fn a_transport_without_io_runs_without_a_runtime() {
    let accepted = |_: Transmit| ready(Ok(Response::new(Bytes::from_static(b"{}"))));
    block_on(Client::new(accepted).cancel(&name())).unwrap();
}
