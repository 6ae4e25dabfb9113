//! Tokens that say how long they are good: kept, and replaced before a request has to wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{self, cancel};
use bytes::Bytes;
use countermand_hyper::{
    Authorized, BoxFuture, Client, Endpoint, Policy, Token, TokenSource, Transmit, Transport,
    TransportError, TransportErrorKind,
};
use futures_util::future::join_all;
use http::Response;
use http::header::AUTHORIZATION;

/// A source whose tokens are good for a time, and that fails when it is told to.
#[derive(Clone, Default)]
struct Source(Arc<Inner>);

#[derive(Default)]
struct Inner {
    fetches: AtomicUsize,
    life: Mutex<Duration>,
    takes: Mutex<Duration>,
    failing: Mutex<Option<TransportErrorKind>>,
}

impl Source {
    fn new(life: Duration) -> Self {
        let source = Self::default();
        *source.0.life.lock().unwrap() = life;
        source
    }

    fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::Relaxed)
    }

    fn fail(&self, kind: Option<TransportErrorKind>) {
        *self.0.failing.lock().unwrap() = kind;
    }

    fn take(&self, time: Duration) {
        *self.0.takes.lock().unwrap() = time;
    }
}

impl TokenSource for Source {
    fn token(&self, _: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        Box::pin(async move {
            let fetch = self.0.fetches.fetch_add(1, Ordering::Relaxed) + 1;
            let takes = *self.0.takes.lock().unwrap();
            tokio::time::sleep(takes).await;
            if let Some(kind) = *self.0.failing.lock().unwrap() {
                return Err(TransportError::new(kind, format!("fetch {fetch} fails")));
            }
            let life = *self.0.life.lock().unwrap();
            Ok(Token::new(&format!("t{fetch}"))?.expiring(life))
        })
    }
}

type Seen = Arc<Mutex<Vec<String>>>;

/// A server that takes every token, and the tokens it saw.
fn server() -> (impl Transport + use<>, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let transport = move |transmit: Transmit| {
        let header = transmit.request.headers()[AUTHORIZATION].to_str().unwrap();
        log.lock().unwrap().push(header.to_owned());
        async { Ok(Response::new(Bytes::from_static(b"{}"))) }
    };
    (transport, seen)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

async fn settle() {
    // The task that fetches has its turn; no time passes as long as it can run.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_token_is_fetched_once_for_a_crowd_and_kept() {
    let source = Source::new(secs(3600));
    source.take(secs(2));
    let (server, seen) = server();
    let authorized = Authorized::new(Endpoint::default(), source.clone(), server);
    let sends = (0..512).map(|_| authorized.send(cancel(&Endpoint::default())));
    for answer in join_all(sends).await {
        answer.unwrap();
    }
    tokio::time::advance(secs(3000)).await;
    authorized.send(cancel(&Endpoint::default())).await.unwrap();
    assert_eq!(source.fetches(), 1);
    assert!(seen.lock().unwrap().iter().all(|seen| seen == "Bearer t1"));
}

#[tokio::test(start_paused = true)]
async fn it_is_replaced_early_and_nobody_waits_for_that() {
    for _ in 0..20 {
        let source = Source::new(secs(3600));
        let (server, seen) = server();
        let authorized = Authorized::new(Endpoint::default(), source.clone(), server);
        authorized.send(cancel(&Endpoint::default())).await.unwrap();
        source.take(secs(5));
        // Jitter is between a twentieth and a tenth of its life.
        tokio::time::advance(secs(3239)).await;
        authorized.send(cancel(&Endpoint::default())).await.unwrap();
        settle().await;
        assert_eq!(source.fetches(), 1);
        tokio::time::advance(secs(182)).await;
        let begun = tokio::time::Instant::now();
        let sends = (0..100).map(|_| authorized.send(cancel(&Endpoint::default())));
        for answer in join_all(sends).await {
            answer.unwrap();
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        settle().await;
        assert_eq!(source.fetches(), 2);
        assert_eq!(seen.lock().unwrap().last().unwrap(), "Bearer t1");
        tokio::time::sleep(secs(6)).await;
        authorized.send(cancel(&Endpoint::default())).await.unwrap();
        assert_eq!(seen.lock().unwrap().last().unwrap(), "Bearer t2");
    }
}

#[tokio::test(start_paused = true)]
async fn fault_35_a_refresh_that_fails_while_the_token_is_good_is_nobodys_business() {
    let source = Source::new(secs(3600));
    let (server, _) = server();
    let authorized = Authorized::new(Endpoint::default(), source.clone(), server);
    authorized.send(cancel(&Endpoint::default())).await.unwrap();
    source.fail(Some(TransportErrorKind::TokenUnavailable));
    source.take(secs(7));
    tokio::time::advance(secs(3300)).await;
    let begun = tokio::time::Instant::now();
    for second in 0..295 {
        authorized.send(cancel(&Endpoint::default())).await.unwrap();
        settle().await;
        tokio::time::advance(secs(1)).await;
        assert_eq!(begun.elapsed().as_secs(), second + 1, "a caller waited");
    }
    // Asked now and then, not with each request.
    assert!((5..35).contains(&source.fetches()), "{}", source.fetches());
    source.fail(None);
    tokio::time::advance(secs(20)).await;
    authorized.send(cancel(&Endpoint::default())).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn fault_34_a_source_that_fails_is_asked_once_a_second_however_many_wait() {
    let source = Source::new(secs(3600));
    source.fail(Some(TransportErrorKind::TokenUnavailable));
    let (server, seen) = server();
    let authorized = Authorized::new(Endpoint::default(), source.clone(), server);
    let client = Client::new(authorized).policy(Policy::default().verify(false));
    let begun = tokio::time::Instant::now();
    let name = common::name();
    let cancels = (0..512).map(|_| client.cancel(&name));
    for result in join_all(cancels).await {
        assert!(!result.unwrap_err().maybe_delivered());
    }
    let seconds = begun.elapsed().as_secs() as usize;
    assert!(
        source.fetches() <= seconds + 2,
        "{} in {seconds} s",
        source.fetches()
    );
    assert!(seen.lock().unwrap().is_empty());

    source.fail(None);
    client.cancel(&name).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn fault_34_a_source_that_hangs_is_given_up_after_ten_seconds() {
    let source = Source::new(secs(3600));
    source.take(secs(100_000));
    let (server, _) = server();
    let authorized = Authorized::new(Endpoint::default(), source.clone(), server);
    let begun = tokio::time::Instant::now();
    let error = authorized.send(cancel(&Endpoint::default())).await;
    assert_eq!(
        error.unwrap_err().kind(),
        TransportErrorKind::TokenUnavailable
    );
    assert_eq!(begun.elapsed().as_secs(), 10);
    settle().await;
    // A later caller does not wait for the same fetch.
    source.take(secs(0));
    authorized.send(cancel(&Endpoint::default())).await.unwrap();
    assert!(begun.elapsed().as_secs() <= 12);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_gives_up_does_not_take_the_token_along() {
    let source = Source::new(secs(3600));
    source.take(secs(3));
    let (server, _) = server();
    let authorized = Authorized::new(Endpoint::default(), source.clone(), server);
    let mut impatient = cancel(&Endpoint::default());
    impatient.timeout = secs(2);
    authorized.send(impatient).await.unwrap_err();
    let mut again = cancel(&Endpoint::default());
    again.timeout = secs(2);
    authorized.send(again).await.unwrap();
    assert_eq!(source.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_life_is_believed_between_ten_seconds_and_an_hour() {
    for (said, believed) in [(0, 10), (9, 10), (300, 300), (3600, 3600), (u64::MAX, 3600)] {
        let token = Token::new("t").unwrap().expiring(secs(said));
        assert_eq!(token.remaining(), Some(secs(believed)));
    }
    assert_eq!(Token::new("t").unwrap().remaining(), None);
}

#[tokio::test(start_paused = true)]
async fn the_project_that_pays_is_named_at_the_endpoint() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let server = move |transmit: Transmit| {
        let project = transmit.request.headers().get("x-goog-user-project");
        log.lock().unwrap().push(project.cloned());
        async { Ok(Response::new(Bytes::from_static(b"{}"))) }
    };
    let source = countermand_hyper::billed_to("acme-mdm", Source::new(secs(60))).unwrap();
    let authorized = Authorized::new(Endpoint::default(), Arc::new(source), server);
    authorized.send(cancel(&Endpoint::default())).await.unwrap();
    let elsewhere = cancel(&"https://elsewhere.example".parse().unwrap());
    authorized.send(elsewhere).await.unwrap_err();
    assert_eq!(*seen.lock().unwrap(), [Some("acme-mdm".parse().unwrap())]);
    for bad in ["", "a b", "a\r\nx: y", "é", &"p".repeat(201)] {
        let error = countermand_hyper::billed_to(bad, Source::default());
        assert_eq!(
            error.err().unwrap().kind(),
            TransportErrorKind::CredentialsRejected
        );
    }
}

/// Reads its own memory as another program would, so that what was freed can be looked at.
#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_a_token_is_overwritten() {
    use std::io::{Read, Seek, SeekFrom};
    let look = |address: usize, length: usize| {
        let mut memory = std::fs::File::open("/proc/self/mem").unwrap();
        memory.seek(SeekFrom::Start(address as u64)).unwrap();
        let mut bytes = vec![0; length];
        // Memory that is no longer there holds nothing.
        memory
            .read_exact(&mut bytes)
            .map(|()| bytes)
            .unwrap_or_default()
    };
    let text = format!("ya29.{}", "canary".repeat(40));
    let (token, clone) = (
        Token::new(&text).unwrap(),
        Token::new(&text).unwrap().clone(),
    );
    drop(clone);
    let mut transmit = cancel(&Endpoint::default());
    let address = Arc::new(Mutex::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let found = Arc::clone(&address);
    let authorized = Authorized::new(Endpoint::default(), token, move |transmit: Transmit| {
        let header = &transmit.request.headers()[AUTHORIZATION];
        *found.lock().unwrap() = header.as_bytes().as_ptr() as usize;
        async { Ok(Response::new(Bytes::new())) }
    });
    transmit.timeout = secs(1);
    runtime.block_on(authorized.send(transmit)).unwrap();
    let address = *address.lock().unwrap();
    let before = look(address, text.len());
    assert!(String::from_utf8_lossy(&before).contains("canarycanary"));
    drop(authorized);
    drop(runtime);
    let after = look(address, text.len());
    assert!(
        !String::from_utf8_lossy(&after).contains("canary"),
        "{after:?}"
    );
}
