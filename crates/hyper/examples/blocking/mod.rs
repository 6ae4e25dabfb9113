//! A blocking transport for the examples: ureq.

use countermand_core::{Transmit, TransportError, TransportErrorKind};
use http::{HeaderValue, Response, header};
use ureq::Agent;

/// A client for which every status is an answer, a redirect too.
pub(crate) fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0);
    Agent::new_with_config(config.build())
}

/// Sends one attempt with ureq.
pub(crate) fn send(
    agent: &Agent,
    transmit: Transmit,
    authorization: &HeaderValue,
) -> Result<Response<Vec<u8>>, TransportError> {
    if transmit.wrong_endpoint {
        let problem = "the endpoint is that of another service: its token must not go there";
        return Err(TransportError::new(TransportErrorKind::NotAllowed, problem));
    }
    let cap = transmit.body_cap.into();
    let mut request = transmit.request;
    let headers = request.headers_mut();
    headers.insert(header::AUTHORIZATION, authorization.clone());
    let request = agent
        .configure_request(request)
        .timeout_global(Some(transmit.timeout))
        .build();
    let (head, mut body) = agent.run(request).map_err(failed)?.into_parts();
    let body = body.with_config().limit(cap).read_to_vec();
    Ok(Response::from_parts(head, body.map_err(failed)?))
}

/// Translates ureq's errors; in doubt the request may have been sent.
pub(crate) fn failed(error: ureq::Error) -> TransportError {
    let kind = match &error {
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => TransportErrorKind::Connect,
        ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused => {
            TransportErrorKind::Connect
        }
        // ureq ends the handshake before it sends, and certificates are verified in it.
        ureq::Error::Io(io) if is_untrusted(io) => TransportErrorKind::Tls,
        ureq::Error::Timeout(_) => TransportErrorKind::TimedOut,
        ureq::Error::BodyExceedsLimit(_) => TransportErrorKind::TooLarge,
        _ => TransportErrorKind::ConnectionLost,
    };
    TransportError::new(kind, error)
}

/// True for a certificate that rustls refuses. Its other errors may come after the request.
fn is_untrusted(error: &std::io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}
