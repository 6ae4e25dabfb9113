//! Memory that hostile answers take (faults 11 and 27). Alone in its process, one after the other:
//! the kernel counts for the whole of it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use common::memory::{growth, status};
use common::{cancel, endpoint};
use countermand_core::text::chain;
use countermand_hyper::{Endpoint, Hyper, HyperConfig, Transport, TransportErrorKind};

/// The most that an answer may cost, in KiB.
const HEADERS: u64 = 2 << 10;
const BODY: u64 = 8 << 10;

#[tokio::test]
async fn fault_11_and_fault_27_memory_grows_little() {
    let http1 = HyperConfig::default();
    let http2 = HyperConfig::default().http2_prior_knowledge(true);
    // Whatever is set up once is there before anything is measured.
    let small = |stream: &mut TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
    };
    let (endpoint, hyper) = serve(http1.clone(), small);
    hyper.send(cancel(&endpoint)).await.unwrap();
    // From here on, as what one answer leaves behind must not hide what the next one takes.
    let start = status("VmRSS:");
    // The measure finds what is there for a moment only.
    let moment = async { drop(std::hint::black_box(vec![1_u8; 16 << 20])) };
    let found = growth(start, moment).await;
    assert!(found >= 15 << 10, "{found} KiB found of 16384");

    let headers = |stream: &mut TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        let line = [&b"x-filler: "[..], &[b'x'; 4084], b"\r\n"].concat();
        repeat(stream, &line, 1 << 20)?;
        stream.write_all(b"content-length: 2\r\n\r\n{}")
    };
    assert_bounded(
        "headers",
        start,
        &http1,
        headers,
        HEADERS,
        TransportErrorKind::ConnectionLost,
    )
    .await;

    let one_header = |stream: &mut TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nx-filler: ")?;
        repeat(stream, &[b'x'; 4096], 1 << 20)?;
        stream.write_all(b"\r\ncontent-length: 2\r\n\r\n{}")
    };
    assert_bounded(
        "one_header",
        start,
        &http1,
        one_header,
        HEADERS,
        TransportErrorKind::ConnectionLost,
    )
    .await;

    let continued = |stream: &mut TcpStream| {
        // SETTINGS, then HEADERS and CONTINUATION of stream 1: `:status: 200`, `x: xxx…` and so on.
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])?;
        stream.write_all(&[0, 0, 1, 1, 1, 0, 0, 0, 1, 0x88])?;
        let header = [&[0, 1, b'x', 126][..], &[b'x'; 126]].concat();
        let mut frame = vec![0, 0, 0, 9, 0, 0, 0, 0, 1];
        frame.extend(header.repeat(100));
        let length = (frame.len() - 9).to_be_bytes();
        frame[..3].copy_from_slice(&length[length.len() - 3..]);
        repeat(stream, &frame, 1 << 20)
    };
    assert_bounded(
        "continued",
        start,
        &http2,
        continued,
        HEADERS,
        TransportErrorKind::ConnectionLost,
    )
    .await;

    // Frames that hold nothing, so that no list of headers ever grows.
    let empty = |stream: &mut TcpStream| {
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])?;
        stream.write_all(&[0, 0, 1, 1, 1, 0, 0, 0, 1, 0x88])?;
        repeat(stream, &[0, 0, 0, 9, 0, 0, 0, 0, 1].repeat(100), 64 << 20)
    };
    assert_bounded(
        "empty",
        start,
        &http2,
        empty,
        HEADERS,
        TransportErrorKind::ConnectionLost,
    )
    .await;

    let trailers = |stream: &mut TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n")?;
        let line = [&b"x-filler: "[..], &[b'x'; 4084], b"\r\n"].concat();
        repeat(stream, &line, 1 << 20)?;
        stream.write_all(b"\r\n")
    };
    assert_bounded(
        "trailers",
        start,
        &http1,
        trailers,
        HEADERS,
        TransportErrorKind::ConnectionLost,
    )
    .await;

    let lying = |stream: &mut TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n{}")?;
        stream.shutdown(std::net::Shutdown::Write)
    };
    assert_bounded(
        "lying",
        start,
        &http1,
        lying,
        HEADERS,
        TransportErrorKind::ConnectionLost,
    )
    .await;

    let unbounded = |stream: &mut TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        repeat(stream, &[b'x'; 4096], 64 << 20)
    };
    assert_bounded(
        "unbounded",
        start,
        &http1,
        unbounded,
        BODY,
        TransportErrorKind::TooLarge,
    )
    .await;

    let chunked = |stream: &mut TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        let chunk = [&b"1000\r\n"[..], &[b'x'; 4096], b"\r\n"].concat();
        repeat(stream, &chunk, 64 << 20)
    };
    assert_bounded(
        "chunked",
        start,
        &http1,
        chunked,
        BODY,
        TransportErrorKind::TooLarge,
    )
    .await;
}

async fn assert_bounded(
    what: &str,
    start: u64,
    config: &HyperConfig,
    answer: impl Fn(&mut TcpStream) -> io::Result<()> + Send + 'static,
    kib: u64,
    kind: TransportErrorKind,
) {
    let (endpoint, hyper) = serve(config.clone(), answer);
    let grown = growth(start, async {
        let error = hyper.send(cancel(&endpoint)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{what}: {}", chain(&error));
    })
    .await;
    assert!(grown < kib, "{what}: {grown} KiB");
}

/// A server that holds next to no memory itself: what it writes is the same small piece.
fn serve(
    config: HyperConfig,
    answer: impl Fn(&mut TcpStream) -> io::Result<()> + Send + 'static,
) -> (Endpoint, Hyper) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = endpoint("http", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let read = stream.read(&mut [0; 4096]).unwrap();
        assert!(read > 0);
        // The client hangs up when it has had enough.
        let _ = answer(&mut stream);
        while stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
    });
    let hyper = Hyper::new(&endpoint, config).unwrap();
    (endpoint, hyper)
}

fn repeat(stream: &mut TcpStream, piece: &[u8], bytes: usize) -> io::Result<()> {
    (0..bytes.div_ceil(piece.len())).try_for_each(|_| stream.write_all(piece))
}
