//! Content of the log. Alone in its process: each place decides once for all threads if it logs.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use common::name;
use countermand_core::Phase;
use countermand_core::text::chain;
use countermand_hyper::{
    Authorized, Client, Endpoint, ErrorKind, HyperConfig, OperationName, Policy, Token, Transmit,
    TransportError, TransportErrorKind,
};
use countermand_scheduler::Quota;
use countermand_scheduler::Scheduler;
use futures_util::stream::{self, StreamExt};
use http::{Method, Response};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

type Reply = Result<Response<Bytes>, TransportError>;

fn reply(status: u16, body: &'static str) -> Reply {
    Ok(Response::builder()
        .status(status)
        .body(body.into())
        .unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_log_tells_the_story_without_secrets() {
    let log = Log::of_the_process();
    let answered = AtomicUsize::new(0);
    let client = Client::new(move |_: Transmit| {
        let number = answered.fetch_add(1, Ordering::Relaxed);
        async move {
            match number {
                0 => reply(503, ""),
                1 => Err(TransportError::new(
                    TransportErrorKind::ConnectionLost,
                    "reset",
                )),
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

    let text = log.text();
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

/// Requests of a scheduler are logged as those of a single call, each operation in its span.
#[tokio::test(start_paused = true)]
async fn a_scheduler_tells_as_much_of_each_operation() {
    let log = Log::of_the_process();
    let client = Client::new(|transmit: Transmit| async move {
        tokio::time::sleep(Duration::from_millis(7)).await;
        match (transmit.request.method(), transmit.request.uri().path()) {
            (_, path) if path.contains("operations/21") => reply(400, ""),
            (&Method::GET, _) => {
                let body = r#"{"name":"enterprises/LC01/devices/3f/operations/20","done":true,"error":{"code":1}}"#;
                reply(200, body)
            }
            _ => reply(200, "{}"),
        }
    });
    let names = ["20", "21"].map(|id| {
        let name = format!("enterprises/LC01/devices/3f/operations/{id}");
        name.parse::<OperationName>().unwrap()
    });
    let mut running = client.countermand_all(names);
    while running.next().await.is_some() {}

    let scheduler = Scheduler::new(1).quota(Quota::unlimited());
    let lost = Client::new(|_: Transmit| async {
        Err(TransportError::new(TransportErrorKind::Tls, "no authority"))
    });
    let left = stream::iter(["22", "23"].map(|id| {
        let name = format!("enterprises/LC01/devices/3f/operations/{id}");
        (name.parse().unwrap(), Phase::Unsent)
    }));
    let mut running = lost.run(scheduler.in_flight(1), left);
    while running.next().await.is_some() {}

    let text = log.text();
    for (level, id, part) in [
        (
            "DEBUG",
            20,
            r#"answered call="cancel" attempt=1 status=200 elapsed_ms=7"#,
        ),
        (
            "DEBUG",
            20,
            r#"answered call="get" attempt=2 status=200 elapsed_ms=7"#,
        ),
        ("INFO", 20, r#"done verdict="cancelled" attempts=2"#),
        (
            "DEBUG",
            21,
            r#"answered call="cancel" attempt=1 status=400 elapsed_ms=7"#,
        ),
        ("WARN", 21, "failed error="),
        (
            "DEBUG",
            22,
            r#"not answered call="cancel" attempt=1 error="#,
        ),
        ("WARN", 22, "failed error="),
        ("DEBUG", 23, "failed error="),
    ] {
        let span =
            format!(r#"countermand{{operation="enterprises/LC01/devices/3f/operations/{id}"}}"#);
        let told = text
            .lines()
            .any(|line| line.contains(level) && line.contains(&span) && line.contains(part));
        assert!(told, "{level} {id} {part} is not in\n{text}");
    }
}

#[tokio::test]
async fn no_secret_on_the_wire_reaches_the_log() {
    let log = Log::of_the_process();
    let policy = Policy::default().max_attempts(1);
    for (endpoint, config) in [
        (common::serve(answer()).await, HyperConfig::default()),
        (
            serve_http2().await,
            HyperConfig::default().http2_prior_knowledge(true),
        ),
    ] {
        let name: OperationName = "enterprises/LC01/devices/3f/operations/88".parse().unwrap();
        let token = Token::new("canary-token").unwrap();
        let client = Client::connect(endpoint.clone(), token, config)
            .unwrap()
            .policy(policy.clone());
        for error in [
            client.get(&name).await.unwrap_err(),
            client.cancel(&name).await.unwrap_err(),
            client.countermand(&name).await.unwrap_err(),
        ] {
            assert!(matches!(error.kind(), ErrorKind::Malformed(_)), "{error:?}");
            let text = format!("{} {error:?} {client:?}", chain(&error));
            assert!(!text.contains("canary"), "{text}");
        }
        let text = log.text();
        let failed = text.lines().filter(|line| {
            line.contains("operations/88") && line.contains("failed") && line.contains("error=")
        });
        assert!(failed.count() >= 3, "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

/// A secret that the server echoes, in an answer that ends too early to be JSON.
const TRUNCATED: &str = r#"{"name":"enterprises/LC01/devices/3f/operations/88","metadata":{"type":"RESET_PASSWORD","newPassword":"canary-password""#;

fn answer() -> String {
    let length = TRUNCATED.len();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{TRUNCATED}"
    )
}

/// Checks that the token arrives, so that there is something to leak.
async fn serve_http2() -> Endpoint {
    let (listener, address) = common::listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, mut response))) = connection.accept().await {
                assert_eq!(request.headers()["authorization"], "Bearer canary-token");
                let head = Response::builder().header("content-type", "application/json");
                let mut body = response
                    .send_response(head.body(()).unwrap(), false)
                    .unwrap();
                body.send_data(TRUNCATED.into(), true).unwrap();
            }
        }
    });
    common::endpoint("http", address)
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Log of this project's own code, from now on; one log for all tests of the process.
    fn of_the_process() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        let log = LOG.get_or_init(|| {
            let log = Self::default();
            let writer = log.clone();
            let ours = filter_fn(|metadata| metadata.target().starts_with("countermand"));
            let lines = tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(move || writer.clone())
                .with_filter(ours);
            tracing_subscriber::registry().with(lines).init();
            log
        });
        log.clone()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
