//! What the log tells. Alone in its process: whether a place logs is decided once for all threads.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use common::name;
use countermand_hyper::{
    Authorized, Client, Endpoint, Token, Transmit, TransportError, TransportErrorKind,
};
use http::Response;

type Reply = Result<Response<Bytes>, TransportError>;

fn reply(status: u16, body: &'static str) -> Reply {
    Ok(Response::builder()
        .status(status)
        .body(body.into())
        .unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_the_story_without_secrets() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();

    let answered = AtomicUsize::new(0);
    let client = Client::new(move |_: Transmit| {
        let number = answered.fetch_add(1, Ordering::Relaxed);
        async move {
            match number {
                0 => reply(503, ""),
                1 => Err(TransportError::new(TransportErrorKind::Lost, "reset")),
                2 => reply(200, "{}"),
                _ => reply(
                    200,
                    r#"{"name":"enterprises/LC01/devices/3f/operations/17","done":true,"error":{"code":1}}"#,
                ),
            }
        }
    });
    client.countermand(&name()).await.unwrap();

    let refuse = |_: Transmit| async { reply(401, "") };
    let token = Token::new("canary").unwrap();
    let refused = Client::new(Authorized::new(Endpoint::default(), token, refuse));
    refused.countermand(&name()).await.unwrap_err();

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for part in [
        r#"countermand{operation="enterprises/LC01/devices/3f/operations/17"}"#,
        r#"answered call="cancel" attempt=1 status=503 elapsed_ms=0"#,
        r#"not answered call="cancel" attempt=2 error="#,
        "pausing until_ms=",
        r#"done verdict="cancelled" attempts=4"#,
        "failed error=",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("canary"), "{text}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
