//! The timers and sockets of tokio's runtime, and the error of a program that runs without them.
//!
//! Tokio panics where a timer or a socket is made without a runtime that has them, and cannot be asked
//! beforehand. Such a panic is caught where it arises, so that it becomes an error.

use std::net::{Ipv4Addr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use countermand_core::{TransportError, TransportErrorKind};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, Timeout};

/// Checks that a tokio runtime is running.
///
/// # Errors
/// [`NotAllowed`](TransportErrorKind::NotAllowed): none is running.
pub fn check() -> Result<(), TransportError> {
    match Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(lacks(
            "no tokio runtime is running: call this within one, such as that of #[tokio::main]",
        )),
    }
}

/// Checks that a tokio runtime with I/O is running.
///
/// # Errors
/// [`NotAllowed`](TransportErrorKind::NotAllowed): it has none, or none is running.
pub fn check_io() -> Result<(), TransportError> {
    check()?;
    // Registered for I/O and dropped: no packet leaves.
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    let Ok(socket) = socket.and_then(|it| it.set_nonblocking(true).map(|()| it)) else {
        return Ok(());
    };
    match catch_unwind(|| drop(tokio::net::UdpSocket::from_std(socket))) {
        Ok(()) => Ok(()),
        Err(_) => Err(lacks(
            "the tokio runtime has no I/O: build it with `enable_all`, or with `enable_io`",
        )),
    }
}

/// Checks that a tokio runtime with timers is running.
///
/// # Errors
/// [`NotAllowed`](TransportErrorKind::NotAllowed): it has none, or none is running.
pub fn check_time() -> Result<(), TransportError> {
    with_timers(|| drop(tokio::time::sleep(Duration::ZERO)))
}

/// A timer that is ready then.
pub(crate) fn sleep_until(then: Instant) -> Result<Sleep, TransportError> {
    with_timers(|| tokio::time::sleep_until(then))
}

/// A future with a time limit.
pub(crate) fn timeout<F: Future>(limit: Duration, future: F) -> Result<Timeout<F>, TransportError> {
    with_timers(|| tokio::time::timeout(limit, future))
}

fn with_timers<T>(make: impl FnOnce() -> T) -> Result<T, TransportError> {
    check()?;
    catch_unwind(AssertUnwindSafe(make)).map_err(|_| {
        lacks("the tokio runtime has no timers: build it with `enable_all`, or with `enable_time`")
    })
}

fn lacks(problem: &'static str) -> TransportError {
    TransportError::new(TransportErrorKind::NotAllowed, problem)
}
