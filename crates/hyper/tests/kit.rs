//! The embedder's kit: exchanges at a real socket that each transport has to tell apart. A wrong word for a
//! failure turns a cancel that may have been delivered into one of which nothing was sent.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../examples/blocking/mod.rs"]
mod blocking;
mod common;
#[path = "../examples/reqwest.rs"]
#[allow(dead_code, reason = "its main function runs elsewhere")]
mod with_reqwest;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use common::{cancel, endpoint};
use countermand_core::{Transmit, TransportError};
use countermand_hyper::{Hyper, HyperConfig, Transport};
use http::HeaderValue;
use serde_json::Value;

/// Status of the answer, or why there is none.
type Told = Result<u16, TransportError>;

/// Starts the server of a case, which serves connections as long as the test runs.
fn serve(case: &Value) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = case["server"].as_str().unwrap().to_owned();
    if server == "refuses" {
        return address;
    }
    let send = case["send"].as_str().unwrap_or_default().to_owned();
    thread::spawn(move || {
        for stream in listener.incoming() {
            serve_one(stream.unwrap(), &server, &send);
        }
    });
    address
}

fn serve_one(mut stream: TcpStream, server: &str, send: &str) {
    if server == "reset" {
        return reset(stream);
    }
    if server == "reset_unread" {
        drop(stream.peek(&mut [0]));
        return reset(stream);
    }
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return;
        }
        head.extend(byte);
    }
    match server {
        "request_then_reset" => reset(stream),
        "request_then_close" => {}
        // A client may have gone, which is no failure of the server.
        "answer" => drop(stream.write_all(send.as_bytes())),
        "silent" | "answer_then_silent" => {
            drop(stream.write_all(send.as_bytes()));
            thread::spawn(move || {
                thread::sleep(Duration::from_secs(3));
                drop(stream);
            });
        }
        other => panic!("a server that is not in the kit: {other}"),
    }
}

/// Ends a connection without a farewell.
fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

/// Runs every case with a transport.
fn run(send: impl Fn(Transmit) -> Told) {
    let text = include_str!("../../../tests/vectors/transports.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 12);
    for case in cases {
        let mut transmit = cancel(&endpoint("http", serve(case)));
        transmit.timeout = Duration::from_millis(case["timeout_ms"].as_u64().unwrap_or(5_000));
        match (send(transmit), &case["expect"]) {
            (Ok(status), expect) => assert_eq!(Some(u64::from(status)), expect.as_u64(), "{case}"),
            (Err(error), expect) => {
                let words = expect
                    .as_array()
                    .unwrap_or_else(|| panic!("{error:?}: {case}"));
                let word = Value::from(error.kind().as_str());
                assert!(words.contains(&word), "{error:?}: {case}");
            }
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

#[test]
fn hyper() {
    let runtime = runtime();
    run(|transmit| {
        let uri = transmit.request.uri();
        let address = uri.authority().unwrap().as_str().parse().unwrap();
        let hyper = Hyper::new(&endpoint("http", address), HyperConfig::default()).unwrap();
        let sending = hyper.send(transmit);
        runtime
            .block_on(sending)
            .map(|answer| answer.status().as_u16())
    });
}

#[test]
fn reqwest() {
    let runtime = runtime();
    let client = with_reqwest::client().unwrap();
    run(|transmit| {
        let sending = with_reqwest::send(client.clone(), transmit);
        runtime
            .block_on(sending)
            .map(|answer| answer.status().as_u16())
    });
}

#[test]
fn ureq() {
    let agent = blocking::agent();
    let token = HeaderValue::from_static("Bearer t");
    run(|transmit| blocking::send(&agent, transmit, &token).map(|answer| answer.status().as_u16()));
}
