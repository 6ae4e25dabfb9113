//! Common parts of the tests of this crate: a request to send, and servers made by hand.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

pub mod black_hole;
pub mod memory;

use std::net::SocketAddr;
use std::time::Duration;

use countermand_hyper::{Endpoint, OperationName, Transmit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub const NAME: &str = "enterprises/LC01/devices/3f/operations/17";

pub fn name() -> OperationName {
    NAME.parse().unwrap()
}

pub fn endpoint(scheme: &str, address: SocketAddr) -> Endpoint {
    format!("{scheme}://{address}").parse().unwrap()
}

/// A cancel.
pub fn cancel(endpoint: &Endpoint) -> Transmit {
    Transmit {
        request: countermand_core::Request::Cancel(name().clone()).http(endpoint),
        timeout: Duration::from_secs(10),
        reauthorize: false,
        wrong_endpoint: false,
        body_cap: 64 << 10,
        departure: countermand_core::Departure::default(),
    }
}

pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Reads to the end of a request's head; an empty text at the end of the connection.
pub async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return String::new(),
        }
    }
    String::from_utf8(head).unwrap()
}

/// A server that answers one request on each connection by `answer` and then closes it.
pub async fn serve(answer: impl Into<Vec<u8>>) -> Endpoint {
    let (listener, address) = listen().await;
    let answer = answer.into();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            read_head(&mut stream).await;
            // The client may read all of it, or not.
            let _ = stream.write_all(&answer).await;
        }
    });
    endpoint("http", address)
}
