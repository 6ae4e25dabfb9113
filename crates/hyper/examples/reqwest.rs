//! Countermands an operation with reqwest as the transport of the client.
//!
//! `COUNTERMAND_ENDPOINT=http://127.0.0.1:8080 COUNTERMAND_TOKEN=… reqwest NAME`
#![allow(clippy::print_stdout, reason = "the verdict goes there")]

use std::env;
use std::error::Error;
use std::process::ExitCode;

use bytes::Bytes;
use countermand_hyper::{
    Authorized, Client, Endpoint, Token, Transmit, TransportError, TransportErrorKind, Verdict,
};
use http::Response;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let endpoint: Endpoint = env::var("COUNTERMAND_ENDPOINT")?.parse()?;
    let token = Token::new(&env::var("COUNTERMAND_TOKEN")?)?;
    let name = env::args().nth(1).ok_or("which operation?")?.parse()?;

    let http = client()?;
    let transport = move |transmit| send(http.clone(), transmit);
    let client =
        Client::new(Authorized::new(endpoint.clone(), token, transport)).endpoint(endpoint);

    let outcome = client.countermand(&name).await?;
    println!("{}", outcome.verdict);
    Ok(ExitCode::from(u8::from(
        outcome.verdict != Verdict::Cancelled,
    )))
}

/// A client for which every status is an answer, a redirect too.
pub(crate) fn client() -> reqwest::Result<reqwest::Client> {
    let policy = reqwest::redirect::Policy::none();
    reqwest::Client::builder().redirect(policy).build()
}

/// Sends one attempt with reqwest.
pub(crate) async fn send(
    http: reqwest::Client,
    transmit: Transmit,
) -> Result<Response<Bytes>, TransportError> {
    let mut request = reqwest::Request::try_from(transmit.request)
        .map_err(|error| TransportError::new(TransportErrorKind::NotAllowed, error))?;
    *request.timeout_mut() = Some(transmit.timeout);
    let mut answer = http.execute(request).await.map_err(failed)?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > transmit.body_cap as usize {
            return Err(TransportError::new(
                TransportErrorKind::TooLarge,
                "the body is longer than its cap",
            ));
        }
    }
    *response.body_mut() = body.into();
    Ok(response)
}

/// Translates reqwest's errors; in doubt the request may have been sent.
fn failed(error: reqwest::Error) -> TransportError {
    let kind = match () {
        // reqwest ends the handshake before it sends.
        () if error.is_connect() && is_untrusted(&error) => TransportErrorKind::Tls,
        () if error.is_connect() => TransportErrorKind::Connect,
        () if error.is_timeout() => TransportErrorKind::TimedOut,
        () => TransportErrorKind::ConnectionLost,
    };
    TransportError::new(kind, error)
}

/// True for a certificate that rustls refuses, however deep: an `io::Error` passes over what it holds.
pub(crate) fn is_untrusted(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(rustls::Error::InvalidCertificate(_)) = cause.downcast_ref() {
            return true;
        }
        next = match cause.downcast_ref::<std::io::Error>() {
            Some(io) => io.get_ref().map(|held| held as &(dyn Error + 'static)),
            None => cause.source(),
        };
    }
    false
}
