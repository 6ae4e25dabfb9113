//! Countermands an operation through a tower stack: at most 4 requests at once, 20 a second.
//!
//! `COUNTERMAND_ENDPOINT=http://127.0.0.1:8080 COUNTERMAND_TOKEN=… tower NAME`
#![allow(clippy::print_stdout, reason = "the verdict goes there")]

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use countermand_hyper::{
    Authorized, Client, Endpoint, Hyper, HyperConfig, Token, Transmit, Transport, TransportError,
    TransportErrorKind, Verdict,
};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let endpoint: Endpoint = env::var("COUNTERMAND_ENDPOINT")?.parse()?;
    let token = Token::new(&env::var("COUNTERMAND_TOKEN")?)?;
    let name = env::args().nth(1).ok_or("which operation?")?.parse()?;

    let hyper = Hyper::new(&endpoint, HyperConfig::default())?;
    let authorized = Arc::new(Authorized::new(endpoint.clone(), token, hyper));
    let stack = ServiceBuilder::new()
        .buffer(100)
        .concurrency_limit(4)
        .rate_limit(20, Duration::from_secs(1))
        .service(service_fn(move |transmit: Transmit| {
            let authorized = Arc::clone(&authorized);
            async move { authorized.send(transmit).await }
        }));

    // The stack as a transport: one closure. Waiting for a turn is a part of the time-out too.
    let transport = move |transmit: Transmit| {
        let (stack, timeout) = (stack.clone(), transmit.timeout);
        async move {
            tokio::time::timeout(timeout, stack.oneshot(transmit))
                .await
                .map_err(|late| TransportError::new(TransportErrorKind::TimedOut, late))?
                .map_err(failed)
        }
    };
    let client = Client::new(transport).endpoint(endpoint);

    let outcome = client.countermand(&name).await?;
    println!("{}", outcome.verdict);
    Ok(ExitCode::from(u8::from(
        outcome.verdict != Verdict::Cancelled,
    )))
}

/// Layers wrap the transport's errors and add their own.
fn failed(error: BoxError) -> TransportError {
    match error.downcast::<TransportError>() {
        Ok(error) => *error,
        Err(error) => TransportError::new(TransportErrorKind::ConnectionLost, error),
    }
}
