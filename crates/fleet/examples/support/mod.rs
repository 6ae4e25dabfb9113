//! The server of the examples.

use std::time::Duration;

use bytes::Bytes;
use countermand::Client;
use countermand::hyper::Transmit;
use http::{Method, Response};

/// A client whose server is a function that answers after a time: every cancel works at once.
pub(crate) fn client(latency: Duration) -> Client {
    Client::new(move |transmit: Transmit| {
        let body = match *transmit.request.method() {
            Method::POST => Bytes::from_static(b"{}"),
            _ => {
                let path = transmit.request.uri().path();
                let name = path.strip_prefix("/v1/").unwrap();
                Bytes::from(format!(
                    r#"{{"name": "{name}", "done": true, "error": {{"code": 1}}}}"#
                ))
            }
        };
        async move {
            tokio::time::sleep(latency).await;
            Ok(Response::new(body))
        }
    })
}
