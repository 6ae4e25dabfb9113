//! `Hyper` over HTTP/2 with prior knowledge, against servers made of frames.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{cancel, endpoint, listen};
use bytes::Bytes;
use countermand_core::Phase;
use countermand_core::text::chain;
use countermand_hyper::{
    Client, Endpoint, Hyper, HyperConfig, OperationName, Quota, Token, Transport,
    TransportErrorKind, Verdict,
};
use countermand_scheduler::Event;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use h2::Reason;
use h2::server::{Builder, SendResponse};
use http::{HeaderValue, Method, Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

type Connection = h2::server::Connection<TcpStream, Bytes>;

fn hyper(endpoint: &Endpoint) -> Hyper {
    Hyper::new(endpoint, HyperConfig::default().http2_prior_knowledge(true)).unwrap()
}

/// A server that answers each request by `answer`; counts its connections.
async fn serve(
    builder: Builder,
    answer: impl Fn(Request<h2::RecvStream>, SendResponse<Bytes>, &mut Connection)
    + Clone
    + Send
    + 'static,
) -> (Endpoint, Arc<AtomicUsize>) {
    let (listener, address) = listen().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            let (builder, answer) = (builder.clone(), answer.clone());
            tokio::spawn(async move {
                let mut connection = builder.handshake(stream).await.unwrap();
                while let Some(Ok((request, response))) = connection.accept().await {
                    answer(request, response, &mut connection);
                }
            });
        }
    });
    (endpoint("http", address), connections)
}

fn ok(mut response: SendResponse<Bytes>) {
    let mut body = response.send_response(Response::new(()), false).unwrap();
    body.send_data(Bytes::from_static(b"{}"), true).unwrap();
}

#[tokio::test]
async fn a_hundred_requests_at_once_take_one_connection() {
    let (endpoint, connections) = serve(Builder::new(), |request, response, _| {
        assert_eq!(request.headers()["content-length"], "0");
        assert!(request.uri().path().ends_with(":cancel"));
        ok(response);
    })
    .await;
    let hyper = hyper(&endpoint);
    let answers = join_all((0..100).map(|_| hyper.send(cancel(&endpoint)))).await;
    for answer in answers {
        assert_eq!(answer.unwrap().body(), "{}");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn fault_10_one_stream_at_a_time_queues() {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(1);
    let (endpoint, connections) = serve(builder, |_, response, _| ok(response)).await;
    let hyper = hyper(&endpoint);
    for answer in join_all((0..20).map(|_| hyper.send(cancel(&endpoint)))).await {
        assert_eq!(answer.unwrap().status(), 200);
    }
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn fault_09_a_reset_tells_what_happened() {
    for (reason, kind) in [
        (Reason::REFUSED_STREAM, TransportErrorKind::Unprocessed),
        (
            Reason::ENHANCE_YOUR_CALM,
            TransportErrorKind::EnhanceYourCalm,
        ),
        (Reason::INTERNAL_ERROR, TransportErrorKind::ConnectionLost),
        (Reason::CANCEL, TransportErrorKind::ConnectionLost),
    ] {
        let (endpoint, _) = serve(Builder::new(), move |_, mut response, _| {
            response.send_reset(reason)
        })
        .await;
        let error = hyper(&endpoint).send(cancel(&endpoint)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}", chain(&error));
    }
}

#[tokio::test]
async fn fault_08_after_a_goaway_there_is_another_connection() {
    let (endpoint, connections) = serve(Builder::new(), |_, response, connection| {
        ok(response);
        connection.graceful_shutdown();
    })
    .await;
    let hyper = hyper(&endpoint);
    let mut answered = 0;
    while answered < 10 {
        match hyper.send(cancel(&endpoint)).await {
            Ok(response) => {
                assert_eq!(response.body(), "{}");
                answered += 1;
            }
            Err(error) => {
                assert_eq!(
                    error.kind(),
                    TransportErrorKind::Unprocessed,
                    "{}",
                    chain(&error)
                );
            }
        }
    }
    assert!(connections.load(Ordering::Relaxed) > 1);
}

/// The server's side of a connection by hand: its settings are sent, the client's HEADERS read.
async fn accept_a_request(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    stream
        .write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    read_a_request(stream).await
}

/// Reads to the end of the client's first HEADERS.
async fn read_a_request(mut stream: TcpStream) -> TcpStream {
    stream.read_exact(&mut [0; 24]).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        if head[3] == 1 {
            return stream;
        }
    }
}

#[tokio::test]
async fn fault_08_a_goaway_below_the_stream_means_not_processed() {
    let (listener, address) = listen().await;
    let endpoint = endpoint("http", address);
    let server = tokio::spawn(async move {
        let mut stream = accept_a_request(&listener).await;
        // The last stream is 0, the reason NO_ERROR.
        let goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        stream.write_all(&goaway).await.unwrap();
        stream
    });
    let error = hyper(&endpoint).send(cancel(&endpoint)).await.unwrap_err();
    assert_eq!(
        error.kind(),
        TransportErrorKind::Unprocessed,
        "{}",
        chain(&error)
    );
    drop(server.await.unwrap());
}

#[tokio::test]
async fn what_waited_for_a_stream_on_a_new_connection_was_not_sent() {
    let (listener, address) = listen().await;
    let endpoint = endpoint("http", address);
    // Says nothing of how many streams it takes, so that there is one; then it hangs up.
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(listener);
        let mut stream = read_a_request(stream).await;
        stream.shutdown().await.unwrap();
    });
    let hyper = hyper(&endpoint);
    let sent = (0..3).map(|_| hyper.send(cancel(&endpoint)));
    let mut kinds: Vec<_> = join_all(sent)
        .await
        .into_iter()
        .map(|result| result.unwrap_err().kind())
        .collect();
    // Of the first two, hyper cannot say whether they went out.
    assert_eq!(kinds.pop(), Some(TransportErrorKind::Connect), "{kinds:?}");
    assert_eq!(kinds, [TransportErrorKind::ConnectionLost; 2]);
}

#[tokio::test]
async fn fault_07_a_connection_that_died_silently_is_found_within_31_seconds() {
    let (listener, address) = listen().await;
    let endpoint = endpoint("http", address);
    let hyper = hyper(&endpoint);
    let mut transmit = cancel(&endpoint);
    transmit.timeout = Duration::from_secs(120);
    let sender = hyper.clone();
    let first = tokio::spawn(async move { sender.send(transmit).await });
    let dead = accept_a_request(&listener).await;

    // From here on nothing but the clock moves, so it may run.
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let error = first.await.unwrap().unwrap_err();
    assert_eq!(
        error.kind(),
        TransportErrorKind::ConnectionLost,
        "{}",
        chain(&error)
    );
    assert!(
        begun.elapsed() <= Duration::from_secs(31),
        "{:?}",
        begun.elapsed()
    );

    tokio::time::resume();
    let second = tokio::spawn(async move { hyper.send(cancel(&endpoint)).await });
    accept_a_request(&listener).await;
    second.abort();
    drop(dead);
}

#[tokio::test]
async fn fault_11_a_header_list_of_a_mebibyte_is_dropped() {
    let (endpoint, _) = serve(Builder::new(), |_, mut response, _| {
        let mut large = Response::new(());
        for _ in 0..16 {
            let value = HeaderValue::try_from("x".repeat(64 << 10)).unwrap();
            large.headers_mut().append("x-filler", value);
        }
        // The server's own library may refuse it already.
        let _ = response.send_response(large, true);
    })
    .await;
    let error = hyper(&endpoint).send(cancel(&endpoint)).await.unwrap_err();
    assert_eq!(
        error.kind(),
        TransportErrorKind::ConnectionLost,
        "{}",
        chain(&error)
    );
}

#[tokio::test]
async fn fault_05_a_request_that_timed_out_is_reset_and_leaves_the_connection_usable() {
    let reset = Arc::new(std::sync::Mutex::new(None));
    let told = Arc::clone(&reset);
    let (endpoint, connections) = serve(Builder::new(), {
        let seen = Arc::new(AtomicUsize::new(0));
        move |_, mut response, _| match seen.fetch_add(1, Ordering::Relaxed) {
            0 => {
                let told = Arc::clone(&told);
                tokio::spawn(async move {
                    let reason = std::future::poll_fn(|context| response.poll_reset(context)).await;
                    *told.lock().unwrap() = reason.ok();
                });
            }
            _ => ok(response),
        }
    })
    .await;
    let hyper = hyper(&endpoint);
    let mut stuck = cancel(&endpoint);
    stuck.timeout = Duration::from_millis(500);
    let error = hyper.send(stuck).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::TimedOut);
    assert_eq!(hyper.send(cancel(&endpoint)).await.unwrap().body(), "{}");
    assert_eq!(connections.load(Ordering::Relaxed), 1);
    // The reset went out before the second request did.
    assert_eq!(*reset.lock().unwrap(), Some(Reason::CANCEL));
}

#[tokio::test]
async fn fault_27_a_body_of_another_length_than_announced_is_no_answer() {
    for (announced, body) in [("2", &b"{}          "[..]), ("9", &b"{}"[..])] {
        let (endpoint, _) = serve(Builder::new(), move |_, mut response, _| {
            let head = Response::builder().header("content-length", announced);
            let mut stream = response
                .send_response(head.body(()).unwrap(), false)
                .unwrap();
            stream.send_data(Bytes::from_static(body), true).unwrap();
        })
        .await;
        let error = hyper(&endpoint).send(cancel(&endpoint)).await.unwrap_err();
        assert_eq!(
            error.kind(),
            TransportErrorKind::ConnectionLost,
            "{}",
            chain(&error)
        );
    }
}

#[tokio::test]
async fn fault_27_a_body_over_the_cap_is_cut() {
    let (endpoint, _) = serve(Builder::new(), |_, mut response, _| {
        let mut stream = response.send_response(Response::new(()), false).unwrap();
        stream.send_data(vec![b'x'; 4096].into(), true).unwrap();
    })
    .await;
    let config = HyperConfig::default()
        .http2_prior_knowledge(true)
        .body_cap(1024);
    let hyper = Hyper::new(&endpoint, config).unwrap();
    let error = hyper.send(cancel(&endpoint)).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::TooLarge);
}

/// A server on which every cancel works, that gives so many answers on each connection and then hangs
/// up without a word; counts its connections.
async fn serve_a_few(answers: usize) -> (Endpoint, Arc<AtomicUsize>) {
    let (listener, address) = listen().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(async move {
                let mut connection: Connection = h2::server::handshake(stream).await.unwrap();
                for _ in 0..answers {
                    let Some(Ok((request, mut response))) = connection.accept().await else {
                        return;
                    };
                    let name = request.uri().path().trim_start_matches("/v1/");
                    let body = match *request.method() {
                        Method::POST => "{}".to_owned(),
                        _ => format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#),
                    };
                    let mut stream = response.send_response(Response::new(()), false).unwrap();
                    stream.send_data(body.into(), true).unwrap();
                }
                // Answers that were given go out; no more is answered.
                let out = std::future::poll_fn(|context| connection.poll_closed(context));
                drop(tokio::time::timeout(Duration::from_millis(5), out).await);
            });
        }
    });
    (endpoint("http", address), connections)
}

#[tokio::test]
async fn finding_40_a_connection_that_ends_without_goaway_stops_nobody() {
    let (endpoint, connections) = serve_a_few(50).await;
    let config = HyperConfig::default().http2_prior_knowledge(true);
    let client = Client::connect(endpoint, Token::new("token").unwrap(), config).unwrap();
    let names = (0..300).map(|id| {
        let name = format!("enterprises/LC01/devices/3f/operations/{id}");
        (name.parse::<OperationName>().unwrap(), Phase::Unsent)
    });
    let scheduler = client.scheduler().quota(Quota::unlimited());
    let begun = std::time::Instant::now();
    let mut events = client.run(scheduler, stream::iter(names));
    let (mut cancelled, mut sent) = (0, 0);
    while let Some(event) = events.next().await {
        match event {
            Event::Finished { result, .. } => {
                cancelled += usize::from(result.unwrap().verdict == Verdict::Cancelled);
            }
            Event::Sent { .. } => sent += 1,
            Event::CircuitOpened { .. } => panic!("one connection is one failure"),
            _ => {}
        }
    }
    assert_eq!(cancelled, 300);
    assert!(connections.load(Ordering::Relaxed) >= 12);
    // A hundred in flight, of which fifty are answered: each is sent twice.
    assert!(sent < 600 * 4, "{sent}");
    // Twelve connections; the circuit would take 5 s for each.
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
}
