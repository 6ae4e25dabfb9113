//! A connection on which a hundred thousand requests timed out (fault 12).

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::{cancel, endpoint, listen};
use bytes::Bytes;
use countermand_hyper::{Hyper, HyperConfig, Transport, TransportErrorKind};
use futures_util::stream::{self, StreamExt};
use http::Response;

const REQUESTS: usize = 100_000;
const AT_ONCE: usize = 1000;

/// More than the client lets a server send on a connection before some of it was read.
const MANY_WINDOWS: usize = 16 << 20;

/// Part of an answer that never ends, for each request.
const PART: &[u8] = &[b'x'; 4096];

/// Each request gets the head of an answer and a part of its body at about the time at which it is
/// given up, so that what was sent is partly read, partly waiting, and partly on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_12_after_a_hundred_thousand_timed_out_the_next_thousand_succeed() {
    let (listener, address) = listen().await;
    let (healthy, connections, sent) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (well, accepted, bytes) = (
        Arc::clone(&healthy),
        Arc::clone(&connections),
        Arc::clone(&sent),
    );
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            accepted.fetch_add(1, Ordering::Relaxed);
            let mut builder = h2::server::Builder::new();
            builder
                .max_concurrent_streams(AT_ONCE as u32)
                // A server that counts resets as an attack is not what this is about.
                .max_pending_accept_reset_streams(usize::MAX)
                .max_concurrent_reset_streams(AT_ONCE);
            let mut connection = builder.handshake::<_, Bytes>(stream).await.unwrap();
            let mut number = 0;
            while let Some(Ok((_, mut response))) = connection.accept().await {
                if well.load(Ordering::Relaxed) {
                    // One of those that were given up may come only now.
                    if let Ok(mut body) = response.send_response(Response::new(()), false) {
                        let _ = body.send_data(Bytes::from_static(b"{}"), true);
                    }
                    continue;
                }
                number += 1;
                let (bytes, pause) = (
                    Arc::clone(&bytes),
                    Duration::from_millis(number % 2 * (number % 120)),
                );
                tokio::spawn(async move {
                    tokio::time::sleep(pause).await;
                    // It may be too late by now.
                    let Ok(mut body) = response.send_response(Response::new(()), false) else {
                        return;
                    };
                    if body.send_data(Bytes::from_static(PART), false).is_ok() {
                        bytes.fetch_add(PART.len(), Ordering::Relaxed);
                    }
                    let _ = poll_fn(|context| body.poll_reset(context)).await;
                });
            }
        }
    });
    let endpoint = endpoint("http", address);
    let config = HyperConfig::default().http2_prior_knowledge(true);
    let hyper = Hyper::new(&endpoint, config).unwrap();

    // The connection is there before any request has little time.
    hyper.send(cancel(&endpoint)).await.unwrap();
    healthy.store(false, Ordering::Relaxed);
    let others = |requests: usize, at_once: usize| {
        let kinds = stream::iter(0..requests).map(|_| {
            let mut request = cancel(&endpoint);
            request.timeout = Duration::from_millis(100);
            let sent = hyper.send(request);
            async { sent.await.unwrap_err().kind() }
        });
        kinds
            .buffer_unordered(at_once)
            .filter(|kind| std::future::ready(*kind != TransportErrorKind::TimedOut))
            .collect::<Vec<_>>()
    };
    assert_eq!(others(REQUESTS, AT_ONCE).await, [], "of {REQUESTS}");
    // A server that is slower than so many requests has answered hardly one of them in time.
    let begun = Instant::now();
    while sent.load(Ordering::Relaxed) <= MANY_WINDOWS {
        let bytes = sent.load(Ordering::Relaxed);
        let patient = begun.elapsed() < Duration::from_secs(60);
        assert!(patient, "only {bytes} bytes were left unread");
        assert_eq!(others(1000, 100).await, [], "of 1000 more");
    }

    healthy.store(true, Ordering::Relaxed);
    let answers = stream::iter(0..1000)
        .map(|_| hyper.send(cancel(&endpoint)))
        .buffer_unordered(AT_ONCE);
    let answers = answers.map(|answer| answer.unwrap().body().len());
    assert_eq!(answers.collect::<Vec<_>>().await, [2; 1000]);
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}
