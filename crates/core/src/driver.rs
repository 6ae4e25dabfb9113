//! The one loop that carries out the steps of a machine, for any HTTP client.

use std::future::ready;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::Response;

use crate::error::Error;
use crate::step::{Attempt, Pause, Step};
use crate::time::Time;
use crate::transmit::Transmit;
use crate::transport_error::TransportError;

impl<T> Step<T> {
    /// Carries out this step and all that follow with a blocking HTTP client.
    ///
    /// `now` is the clock that gave the time of the start. `send` makes one exchange within
    /// [`Transmit::timeout`] and tells why where no answer came: [`TransportError`]. `sleep` waits.
    ///
    /// The example in the [crate's documentation](crate) runs a [`Cancellation`](crate::Cancellation).
    ///
    /// # Errors
    /// The error that the machine ends with.
    pub fn run<B: AsRef<[u8]>>(
        self,
        now: impl FnMut() -> Time,
        mut send: impl FnMut(Transmit) -> Result<Response<B>, TransportError>,
        mut sleep: impl FnMut(Duration),
    ) -> Result<T, Error> {
        let mut running = pin!(self.run_with(
            now,
            |_, transmit| ready(send(transmit)),
            |_, pause| {
                sleep(pause);
                ready(Ok(()))
            },
        ));
        let mut context = Context::from_waker(Waker::noop());
        loop {
            // The first poll is the last one: each future in it is ready.
            if let Poll::Ready(result) = running.as_mut().poll(&mut context) {
                return result;
            }
        }
    }

    /// Carries out this step and all that follow with an asynchronous HTTP client, on any runtime.
    ///
    /// As [`run`](Self::run), but for the futures. The future can be spawned where those of `send` and
    /// `sleep` can be.
    ///
    /// ```
    /// use std::time::Instant;
    /// use countermand_core::{Cancellation, Time, Transmit, TransportError, Verdict};
    ///
    /// /// The answers of a server, recorded, in the place of your HTTP client.
    /// async fn send(transmit: Transmit) -> Result<http::Response<&'static str>, TransportError> {
    ///     Ok(http::Response::new(match transmit.request.method().as_str() {
    ///         "POST" => "{}",
    ///         _ => r#"{"name": "enterprises/LC01/devices/3f/operations/17", "done": true, "error": {"code": 1}}"#,
    ///     }))
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let begun = Instant::now();
    /// let now = move || Time::after(begun.elapsed());
    /// let name = "enterprises/LC01/devices/3f/operations/17".parse()?;
    /// let step = Cancellation::new(name).start(now(), 1);
    /// let task = tokio::spawn(step.run_async(now, send, tokio::time::sleep));
    /// assert_eq!(task.await??.verdict, Verdict::Cancelled);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancellation safety
    /// Dropping the future drops the machine and the request under way: a cancel may have been delivered
    /// or not.
    ///
    /// # Errors
    /// The error that the machine ends with.
    pub async fn run_async<B, Sending, Sleeping>(
        self,
        now: impl FnMut() -> Time,
        mut send: impl FnMut(Transmit) -> Sending,
        mut sleep: impl FnMut(Duration) -> Sleeping,
    ) -> Result<T, Error>
    where
        B: AsRef<[u8]>,
        Sending: Future<Output = Result<Response<B>, TransportError>>,
        Sleeping: Future<Output = ()>,
    {
        self.run_with(
            now,
            |_, transmit| send(transmit),
            |_, pause| {
                let sleeping = sleep(pause);
                async move {
                    sleeping.await;
                    Ok(())
                }
            },
        )
        .await
    }

    /// The loop of both. `send` and `wait` see the step that they carry out, for a log; a pause that cannot
    /// be waited for ends the machine with what is known.
    ///
    /// # Cancellation safety
    /// As [`run_async`](Self::run_async).
    ///
    /// # Errors
    /// The error that the machine ends with.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn would hold what it is given twice, which is slow to move"
    )]
    pub fn run_with<B, Sending, Waiting>(
        mut self,
        mut now: impl FnMut() -> Time,
        mut send: impl FnMut(&Attempt<T>, Transmit) -> Sending,
        mut wait: impl FnMut(&Pause<T>, Duration) -> Waiting,
    ) -> impl Future<Output = Result<T, Error>>
    where
        B: AsRef<[u8]>,
        Sending: Future<Output = Result<Response<B>, TransportError>>,
        Waiting: Future<Output = Result<(), TransportError>>,
    {
        async move {
            // Read once for each exchange: that is a part of what a request costs.
            let mut time = now();
            loop {
                self = match self {
                    Self::Send(attempt) => {
                        let result = send(&attempt, attempt.transmit(time)).await;
                        time = now();
                        match result {
                            Ok(response) => attempt.response(time, &response),
                            Err(error) => attempt.failed(time, error),
                        }
                    }
                    Self::Wait(pause) => {
                        let waited = wait(&pause, pause.until() - time).await;
                        time = now();
                        match waited {
                            Ok(()) => pause.resume(time),
                            Err(error) => pause.abandon(error.into()),
                        }
                    }
                    Self::Done(result) => return result,
                }
            }
        }
    }
}
