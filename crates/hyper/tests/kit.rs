//! The embedder's kit: exchanges at a real socket that each transport has to tell apart. A wrong word for a
//! failure turns a cancel that may have been delivered into one of which nothing was sent.

#[path = "../examples/blocking/mod.rs"]
mod blocking;
#[path = "../examples/reqwest.rs"]
#[allow(dead_code, reason = "its main function runs elsewhere")]
mod with_reqwest;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::common::black_hole::BlackHole;
use crate::common::{cancel, endpoint};
use countermand_core::{Transmit, TransportError};
use countermand_hyper::{Endpoint, Hyper, HyperConfig, Transport};
use http::HeaderValue;
use serde_json::Value;

/// Status of the answer, or why there is none.
type Told = Result<u16, TransportError>;

/// The server of a case; a black hole lasts as long as this.
struct Server {
    endpoint: Endpoint,
    _black_hole: Option<BlackHole>,
}

impl Server {
    /// Starts it; it serves connections as long as the test runs.
    fn start(case: &Value) -> Self {
        let server = case["server"].as_str().unwrap();
        let hole = (server == "black_hole").then(BlackHole::here);
        let endpoint = match (server, &hole) {
            // Longer than a name of DNS may be: no resolver is asked.
            ("unresolvable", _) => {
                let endpoint = format!("http://{}invalid", "a.".repeat(130));
                endpoint.parse().unwrap()
            }
            (_, Some(hole)) => endpoint("http", hole.address),
            _ => endpoint("http", listen(case)),
        };
        Self {
            endpoint,
            _black_hole: hole,
        }
    }
}

fn listen(case: &Value) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let case = case.clone();
    if case["server"] == "refuses" {
        return address;
    }
    thread::spawn(move || {
        if let Some(first) = case["first"].as_str() {
            let mut stream = listener.accept().unwrap().0;
            read_head(&mut stream);
            stream.write_all(first.as_bytes()).unwrap();
            if stream.peek(&mut [0]).unwrap_or(0) == 0 {
                stream = listener.accept().unwrap().0; // the transport keeps no connection
                stream.peek(&mut [0]).unwrap();
            }
            drop(listener); // refuses a request that is sent again
            return serve_one(stream, &case);
        }
        for stream in listener.incoming() {
            serve_one(stream.unwrap(), &case);
        }
    });
    address
}

/// Reads to the end of the head of a request; false if the client has gone.
fn read_head(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).unwrap_or(0) == 0 {
            return false;
        }
        head.extend(byte);
    }
    true
}

fn serve_one(mut stream: TcpStream, case: &Value) {
    let server = case["server"].as_str().unwrap();
    match server {
        "reset" => return reset(stream),
        "reset_unread" => {
            drop(stream.peek(&mut [0]));
            return reset(stream);
        }
        _ if !read_head(&mut stream) => return,
        _ => {}
    }
    let mut send = case["send"].as_str().unwrap_or_default().to_owned();
    send.push_str(&" ".repeat(case["body"].as_u64().unwrap_or(0) as usize));
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

/// True where the library's error for a case does not tell that nothing was sent.
fn is_vague(case: &Value, library: &str) -> bool {
    let vague = case["vague"].as_array();
    vague.is_some_and(|vague| vague.contains(&library.into()))
}

/// Runs every case, each with a transport of this library that is made for its endpoint.
fn run<Send: FnMut(Transmit) -> Told>(library: &str, transport: impl Fn(&Endpoint) -> Send) {
    let text = include_str!("../../../tests/vectors/transports.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 19);
    for case in cases {
        let server = Server::start(case);
        let mut send = transport(&server.endpoint);
        let mut exchange = || {
            let mut transmit = cancel(&server.endpoint);
            let limit = case["timeout_ms"].as_u64().unwrap_or(5_000);
            transmit.timeout = Duration::from_millis(limit);
            send(transmit)
        };
        if case["first"].is_string() {
            assert_eq!(exchange().unwrap(), 401, "{case}");
        }
        match (exchange(), &case["expect"]) {
            (Ok(status), expect) => assert_eq!(Some(u64::from(status)), expect.as_u64(), "{case}"),
            (Err(error), _) if is_vague(case, library) => {
                assert_eq!(
                    error.kind().as_str(),
                    "connection_lost",
                    "{error:?}: {case}"
                );
            }
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
    run("hyper", |endpoint| {
        let config = HyperConfig::default().allow_plaintext(true); // of a host that is not there
        let hyper = Hyper::new(endpoint, config).unwrap();
        let runtime = &runtime;
        move |transmit| {
            let answer = runtime.block_on(hyper.send(transmit));
            answer.map(|answer| answer.status().as_u16())
        }
    });
}

#[test]
fn reqwest() {
    let runtime = runtime();
    run("reqwest", |_| {
        let client = with_reqwest::client().unwrap();
        let runtime = &runtime;
        move |transmit| {
            let sending = with_reqwest::send(client.clone(), transmit);
            let answer = runtime.block_on(sending);
            answer.map(|answer| answer.status().as_u16())
        }
    });
}

#[test]
fn ureq() {
    let token = HeaderValue::from_static("Bearer t");
    run("ureq", |_| {
        let agent = blocking::agent();
        let token = &token;
        move |transmit| {
            let answer = blocking::send(&agent, transmit, token);
            answer.map(|answer| answer.status().as_u16())
        }
    });
}

/// A TLS error of each place, as the two libraries have it: ureq and reqwest are built without TLS here.
#[test]
fn a_certificate_that_is_refused_is_tls_and_no_other_error_of_rustls_is() {
    use countermand_core::TransportErrorKind::{ConnectionLost, Tls};
    use rustls::{CertificateError, Error};
    use std::io;

    let untrusted = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
    let io = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    for (error, kind) in [(untrusted(), Tls), (Error::DecryptError, ConnectionLost)] {
        assert_eq!(blocking::failed(ureq::Error::Io(io(error))).kind(), kind);
    }
    assert!(with_reqwest::is_untrusted(&io::Error::other(io(
        untrusted()
    ))));
    assert!(!with_reqwest::is_untrusted(&io::Error::other(io(
        Error::DecryptError
    ))));
}

#[test]
fn the_endpoint_of_another_service_is_refused() {
    let mut transmit = cancel(&endpoint("http", ([127, 0, 0, 1], 1).into()));
    transmit.wrong_endpoint = true;
    let answer = blocking::send(
        &blocking::agent(),
        transmit,
        &HeaderValue::from_static("Bearer t"),
    );
    let refused = answer.expect_err("no token goes there").kind();
    assert_eq!(refused, countermand_core::TransportErrorKind::NotAllowed);
}
