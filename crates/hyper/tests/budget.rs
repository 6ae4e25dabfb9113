//! Memory that many large answers take together (fault 62).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::memory::{growth, status};
use common::{cancel, endpoint, listen};
use countermand_core::text::chain;
use countermand_hyper::{Endpoint, Hyper, HyperConfig, Transmit, Transport, TransportErrorKind};
use futures_util::future::join_all;
use http::Response;
use tokio::sync::Mutex;

/// The most that 300 answers may cost at once, in KiB: 64 KiB each, or the budget of pages and what
/// each stream may have ahead.
const SMALL_ANSWERS: u64 = 48 << 10;
const PAGES: u64 = 144 << 10;

/// The kernel counts for the whole process.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A page of a list: it may be longer than the answer to a cancel.
fn page(endpoint: &Endpoint) -> Transmit {
    Transmit {
        body_cap: 4 << 20,
        ..cancel(endpoint)
    }
}

/// A server that sends so many bytes of each body without telling its length, and then ends it, or
/// does not.
async fn serve_bodies(bytes: usize, ends: bool) -> Endpoint {
    static PIECE: [u8; 16 << 10] = [b'x'; 16 << 10];
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut builder = h2::server::Builder::new();
        builder.max_concurrent_streams(400);
        let mut connection = builder.handshake::<_, Bytes>(stream).await.unwrap();
        while let Some(Ok((_, mut response))) = connection.accept().await {
            let mut body = response.send_response(Response::new(()), false).unwrap();
            tokio::spawn(async move {
                let mut left = bytes;
                while left > 0 {
                    body.reserve_capacity(left.min(PIECE.len()));
                    let room = std::future::poll_fn(|context| body.poll_capacity(context)).await;
                    // The client has had enough.
                    let Some(Ok(room)) = room else { return };
                    let piece = Bytes::from_static(&PIECE[..room.min(left).min(PIECE.len())]);
                    left -= piece.len();
                    if body.send_data(piece, ends && left == 0).is_err() {
                        return;
                    }
                }
                std::future::pending::<()>().await;
            });
        }
    });
    endpoint("http", address)
}

#[tokio::test]
async fn fault_62_three_hundred_stalled_bodies_of_four_megabytes() {
    let _alone = ALONE.lock().await;
    let http2 = HyperConfig::default().http2_prior_knowledge(true);
    let start = status("VmRSS:");

    let endpoint = serve_bodies((4 << 20) - 1, false).await;
    let hyper = Hyper::new(&endpoint, http2.clone()).unwrap();
    let grown = growth(start, async {
        let sent = (0..300).map(|_| hyper.send(cancel(&endpoint)));
        for result in join_all(sent).await {
            let error = result.unwrap_err();
            assert_eq!(
                error.kind(),
                TransportErrorKind::TooLarge,
                "{}",
                chain(&error)
            );
        }
    })
    .await;
    assert!(grown < SMALL_ANSWERS, "cancels: {grown} KiB");

    let endpoint = serve_bodies((4 << 20) - 1, false).await;
    let hyper = Hyper::new(&endpoint, http2).unwrap();
    let grown = growth(start, async {
        let sent = (0..300).map(|_| {
            let mut page = page(&endpoint);
            page.timeout = Duration::from_secs(5);
            hyper.send(page)
        });
        for result in join_all(sent).await {
            let error = result.unwrap_err();
            assert_eq!(
                error.kind(),
                TransportErrorKind::TimedOut,
                "{}",
                chain(&error)
            );
        }
    })
    .await;
    assert!(grown < PAGES, "pages: {grown} KiB");
    // They were read as far as the budget goes, so that it is what held the others back.
    assert!(grown > 48 << 10, "pages: {grown} KiB");
}

#[tokio::test]
async fn fault_62_bodies_that_wait_for_the_budget_do_not_wait_for_each_other() {
    let _alone = ALONE.lock().await;
    let endpoint = serve_bodies(1 << 20, true).await;
    let http2 = HyperConfig::default().http2_prior_knowledge(true);
    let hyper = Hyper::new(&endpoint, http2).unwrap();
    let sent = (0..300).map(|_| {
        let mut page = page(&endpoint);
        page.timeout = Duration::from_secs(60);
        hyper.send(page)
    });
    for result in join_all(sent).await {
        assert_eq!(result.unwrap().body().len(), 1 << 20);
    }
}
