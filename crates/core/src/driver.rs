//! The loop that carries out the steps of a machine, for any HTTP client.

use std::future::ready;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::Response;

use crate::error::Error;
use crate::step::Step;
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
        let mut running = pin!(self.run_async(
            now,
            |transmit| ready(send(transmit)),
            |pause| {
                sleep(pause);
                ready(())
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
        mut now: impl FnMut() -> Time,
        mut send: impl FnMut(Transmit) -> Sending,
        mut sleep: impl FnMut(Duration) -> Sleeping,
    ) -> Result<T, Error>
    where
        B: AsRef<[u8]>,
        Sending: Future<Output = Result<Response<B>, TransportError>>,
        Sleeping: Future<Output = ()>,
    {
        let mut step = self;
        let mut time = now();
        loop {
            step = match step {
                Self::Send(attempt) => {
                    let answer = send(attempt.transmit(time)).await;
                    time = now();
                    match answer {
                        Ok(response) => attempt.response(time, &response),
                        Err(error) => attempt.failed(time, error),
                    }
                }
                Self::Wait(pause) => {
                    sleep(pause.until() - time).await;
                    time = now();
                    pause.resume(time)
                }
                Self::Done(result) => return result,
            }
        }
    }
}
