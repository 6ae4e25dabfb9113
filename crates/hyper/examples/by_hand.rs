//! Countermands an operation with the core and nothing but the standard library's TCP.
//!
//! `COUNTERMAND_ENDPOINT=http://127.0.0.1:8080 COUNTERMAND_TOKEN=… by_hand NAME`
#![allow(clippy::print_stdout, reason = "the verdict goes there")]

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, thread};

use countermand_core::{
    Cancellation, Endpoint, OperationName, Time, Transmit, TransportError, TransportErrorKind,
    Verdict,
};
use http::Response;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let endpoint: Endpoint = env::var("COUNTERMAND_ENDPOINT")?.parse()?;
    if !endpoint.is_plaintext() {
        // The token would go over the wire in clear text.
        return Err("this example speaks plain http, not https".into());
    }
    let token = env::var("COUNTERMAND_TOKEN")?;
    let name: OperationName = env::args().nth(1).ok_or("which operation?")?.parse()?;

    let begun = Instant::now();
    let now = || Time::after(begun.elapsed());
    let seed = u64::from(std::process::id());
    let step = Cancellation::new(name)
        .endpoint(endpoint)
        .start(now(), seed);
    let outcome = step.run(now, |transmit| send(&transmit, &token), thread::sleep)?;
    println!("{}", outcome.verdict);
    Ok(ExitCode::from(u8::from(
        outcome.verdict != Verdict::Cancelled,
    )))
}

/// One exchange on a connection of its own.
fn send(transmit: &Transmit, token: &str) -> Result<Response<Vec<u8>>, TransportError> {
    let request = &transmit.request;
    let host = request.uri().authority().map_or("", |host| host.as_str());
    let deadline = Instant::now() + transmit.timeout;

    let mut stream = connect(host, request.uri().port_u16(), deadline)
        .map_err(|error| TransportError::new(TransportErrorKind::Connect, error))?;
    let mut head = format!(
        "{} {} HTTP/1.1\r\nhost: {host}\r\n",
        request.method(),
        path(transmit)
    );
    for (name, value) in request.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    head += &format!("authorization: Bearer {token}\r\nconnection: close\r\n\r\n");
    head += request.body();

    let answer = stream
        .set_write_timeout(Some(left(deadline)))
        .and_then(|()| stream.write_all(head.as_bytes()))
        .and_then(|()| read_until_closed(&mut stream, deadline))
        .map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                TransportError::new(TransportErrorKind::TimedOut, error)
            }
            _ => TransportError::new(TransportErrorKind::ConnectionLost, error),
        })?;
    parse(&answer).ok_or_else(|| {
        TransportError::new(
            TransportErrorKind::ConnectionLost,
            "half an answer, or not HTTP",
        )
    })
}

/// The first address of the host that answers, within 3 s each.
fn connect(host: &str, port: Option<u16>, deadline: Instant) -> io::Result<TcpStream> {
    let addresses = match port {
        Some(_) => host.to_socket_addrs()?,
        None => format!("{host}:80").to_socket_addrs()?,
    };
    let mut failure = io::Error::other("the host has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, left(deadline).min(Duration::from_secs(3))) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// The time until then; sockets take no zero.
fn left(deadline: Instant) -> Duration {
    let left = deadline.saturating_duration_since(Instant::now());
    left.max(Duration::from_millis(1))
}

fn path(transmit: &Transmit) -> &str {
    let path = transmit.request.uri().path_and_query();
    path.map_or("/", |path| path.as_str())
}

fn read_until_closed(stream: &mut TcpStream, deadline: Instant) -> io::Result<Vec<u8>> {
    const CAP: usize = 4 << 20;
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while answer.len() < CAP {
        stream.set_read_timeout(Some(left(deadline)))?;
        match stream.read(&mut buffer)? {
            0 => return Ok(answer),
            read => answer.extend_from_slice(&buffer[..read]),
        }
    }
    Err(io::Error::other("the answer is too large"))
}

/// An answer whose body has a `content-length`.
fn parse(answer: &[u8]) -> Option<Response<Vec<u8>>> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let mut lines = std::str::from_utf8(&answer[..end]).ok()?.split("\r\n");
    let status: u16 = lines
        .next()?
        .strip_prefix("HTTP/1.1 ")?
        .get(..3)?
        .parse()
        .ok()?;
    let mut response = Response::builder().status(status);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        response = response.header(name, value.trim());
    }
    let length = response.headers_ref()?.get("content-length")?;
    let length: usize = length.to_str().ok()?.parse().ok()?;
    let body = answer.get(end + 4..)?.get(..length)?.to_vec();
    response.body(body).ok()
}
