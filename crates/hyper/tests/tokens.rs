//! Tokens: where they come from, where they go, and how often they are fetched.

use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{self, cancel};
use bytes::Bytes;
use countermand_core::LostConnection;
use countermand_hyper::{
    Authorized, Client, Endpoint, ErrorKind, Policy, Token, TokenSource, Transmit, Transport,
    TransportError, TransportErrorKind, Verdict, token_fn,
};
use futures_util::StreamExt;
use futures_util::future::join_all;
use http::Response;
use http::header::AUTHORIZATION;

const CANARY: &str = "ya29.0123456789canary";

fn token(number: usize) -> Token {
    Token::new(&format!("{CANARY}{number}")).unwrap()
}

/// A server that accepts the tokens from `good` on, and tells each one it saw.
#[derive(Clone, Default)]
struct Server {
    good: usize,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Transport for Server {
    fn send(
        &self,
        transmit: Transmit,
    ) -> countermand_hyper::BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        Box::pin(async move {
            // Others get their turn, as on a network.
            tokio::time::sleep(Duration::from_millis(10)).await;
            let header = &transmit.request.headers()[AUTHORIZATION];
            assert!(header.is_sensitive());
            let token = header.to_str().unwrap().to_owned();
            let number: usize = token
                .strip_prefix(&format!("Bearer {CANARY}"))
                .unwrap()
                .parse()
                .unwrap();
            self.seen.lock().unwrap().push(token);
            let mut response = Response::new(Bytes::from_static(b"{}"));
            if number < self.good {
                *response.status_mut() = http::StatusCode::UNAUTHORIZED;
                *response.body_mut() = ENVELOPE.into();
            }
            Ok(response)
        })
    }
}

/// A 401 as the API answers it: one without this is not the API's.
const ENVELOPE: &[u8] = br#"{"error":{"code":401,"status":"UNAUTHENTICATED","message":"no"}}"#;

/// A source that keeps its token; counts how often it is asked for a fresh one.
fn source(fetches: &Arc<AtomicUsize>) -> impl TokenSource + use<> {
    let fetches = Arc::clone(fetches);
    token_fn(move |fresh| {
        let fetches = Arc::clone(&fetches);
        async move {
            if fresh {
                tokio::time::sleep(Duration::from_millis(50)).await;
                fetches.fetch_add(1, Ordering::Relaxed);
            }
            Ok(token(fetches.load(Ordering::Relaxed)))
        }
    })
}

fn asking_only(client: Client) -> Client {
    client.policy(Policy::default().verify(false))
}

#[tokio::test(start_paused = true)]
async fn fault_14_after_a_401_a_crowd_of_512_fetches_one_token() {
    let fetches = Arc::default();
    let server = Server {
        good: 1,
        ..Server::default()
    };
    let seen = Arc::clone(&server.seen);
    let authorized = Authorized::new(Endpoint::default(), source(&fetches), server);
    let client = asking_only(Client::new(authorized));
    let name = common::name();
    for result in join_all((0..512).map(|_| client.cancel(&name))).await {
        result.unwrap();
    }
    assert_eq!(fetches.load(Ordering::Relaxed), 1);
    // Each was sent once with the old and once with the new token.
    let seen = seen.lock().unwrap();
    let fresh = seen.iter().filter(|token| token.ends_with('1')).count();
    assert_eq!((seen.len(), fresh), (1024, 512));
}

#[tokio::test(start_paused = true)]
async fn fault_15_a_401_for_ever_fetches_one_token() {
    let fetches = Arc::default();
    let server = Server {
        good: usize::MAX,
        ..Server::default()
    };
    let authorized = Authorized::new(Endpoint::default(), source(&fetches), server);
    let client = Client::new(authorized);
    let name = common::name();
    // Those who come later gain nothing by another fetch.
    for _ in 0..2 {
        for result in join_all((0..512).map(|_| client.cancel(&name))).await {
            let error = result.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Unauthenticated(_)));
            assert_eq!(error.attempts(), 2);
        }
    }
    assert_eq!(fetches.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_good_for_a_while_is_replaced_again() {
    let fetches: Arc<AtomicUsize> = Arc::default();
    for good in 1..=3 {
        let server = Server {
            good,
            ..Server::default()
        };
        let client = asking_only(Client::new(Authorized::new(
            Endpoint::default(),
            source(&fetches),
            server,
        )));
        client.cancel(&common::name()).await.unwrap();
        client.cancel(&common::name()).await.unwrap();
        assert_eq!(fetches.load(Ordering::Relaxed), good);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_fails_fails_for_all_who_waited() {
    let fetches = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&fetches);
    let source = token_fn(move |fresh| {
        let counter = Arc::clone(&counter);
        async move {
            if !fresh {
                return Ok(token(0));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            counter.fetch_add(1, Ordering::Relaxed);
            Err(TransportError::new(
                TransportErrorKind::CredentialsRejected,
                "revoked",
            ))
        }
    });
    let server = Server {
        good: 1,
        ..Server::default()
    };
    let client = Client::new(Authorized::new(Endpoint::default(), source, server));
    let name = common::name();
    for result in join_all((0..100).map(|_| client.cancel(&name))).await {
        let error = result.unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "revoked");
    }
    assert_eq!(fetches.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_is_given_ten_seconds() {
    let source = token_fn(|_| std::future::pending());
    let authorized = Authorized::new(Endpoint::default(), source, Server::default());
    let begun = tokio::time::Instant::now();
    let error = authorized
        .send(cancel(&Endpoint::default()))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::TokenUnavailable);
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_time_for_a_token_is_a_part_of_the_attempt() {
    let hang = token_fn(|_| std::future::pending());
    let authorized = Authorized::new(Endpoint::default(), hang, Server::default());
    let mut transmit = cancel(&Endpoint::default());
    transmit.timeout = Duration::from_secs(4);
    let begun = tokio::time::Instant::now();
    let error = authorized.send(transmit).await.unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::TokenUnavailable);
    assert_eq!(begun.elapsed().as_secs(), 4);

    let slow = token_fn(|_| async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        Ok(token(0))
    });
    let left = Arc::new(Mutex::new(Duration::ZERO));
    let seen = Arc::clone(&left);
    let transport = move |transmit: Transmit| {
        *seen.lock().unwrap() = transmit.timeout;
        async { Ok(Response::new(Bytes::new())) }
    };
    let authorized = Authorized::new(Endpoint::default(), slow, transport);
    let mut transmit = cancel(&Endpoint::default());
    transmit.timeout = Duration::from_secs(4);
    authorized.send(transmit).await.unwrap();
    assert_eq!(left.lock().unwrap().as_millis().div_ceil(100), 10);
}

/// A transport around an [`Authorized`] that says 401 by itself to the tokens below `good`, which
/// the one inside never learns.
fn gate(
    fetches: &Arc<AtomicUsize>,
    good: usize,
) -> (impl Transport + use<>, Arc<Mutex<Vec<String>>>) {
    let server = Server::default();
    let seen = Arc::clone(&server.seen);
    let authorized = Authorized::new(Endpoint::default(), source(fetches), {
        move |transmit: Transmit| {
            let server = server.clone();
            async move {
                let header = transmit.request.headers()[AUTHORIZATION].clone();
                let mut response = server.send(transmit).await?;
                response.headers_mut().insert(AUTHORIZATION, header);
                Ok(response)
            }
        }
    });
    let authorized = Arc::new(authorized);
    let gate = move |transmit: Transmit| {
        let authorized = Arc::clone(&authorized);
        async move {
            let mut response = authorized.send(transmit).await?;
            let token = response.headers()[AUTHORIZATION].to_str().unwrap();
            let number: usize = token.rsplit("canary").next().unwrap().parse().unwrap();
            if number < good {
                *response.status_mut() = http::StatusCode::UNAUTHORIZED;
                *response.body_mut() = ENVELOPE.into();
            }
            Ok(response)
        }
    };
    (gate, seen)
}

#[tokio::test(start_paused = true)]
async fn a_401_made_outside_fetches_one_token_for_a_crowd_of_512() {
    let fetches = Arc::default();
    let (gate, seen) = gate(&fetches, 1);
    let client = asking_only(Client::new(gate));
    let name = common::name();
    for result in join_all((0..512).map(|_| client.cancel(&name))).await {
        result.unwrap();
    }
    assert_eq!(fetches.load(Ordering::Relaxed), 1);
    assert_eq!(seen.lock().unwrap().len(), 1024);
    client.cancel(&name).await.unwrap();
    assert_eq!(fetches.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_401_for_ever_made_outside_fetches_one_token() {
    let fetches = Arc::default();
    let (gate, _) = gate(&fetches, usize::MAX);
    let client = Client::new(gate);
    let name = common::name();
    for result in join_all((0..512).map(|_| client.cancel(&name))).await {
        assert_eq!(result.unwrap_err().attempts(), 2);
    }
    assert_eq!(fetches.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn those_who_come_back_late_get_the_replacement() {
    let fetches = Arc::default();
    let server = Server {
        good: 1,
        ..Server::default()
    };
    let authorized = Authorized::new(Endpoint::default(), source(&fetches), server);
    let refused = (0..8).map(|_| authorized.send(cancel(&Endpoint::default())));
    for answer in join_all(refused).await {
        assert_eq!(answer.unwrap().status(), 401);
    }
    for _ in 0..8 {
        // As behind a limit of the rate.
        tokio::time::sleep(Duration::from_secs(20)).await;
        let mut again = cancel(&Endpoint::default());
        again.reauthorize = true;
        assert_eq!(authorized.send(again).await.unwrap().status(), 200);
    }
    assert_eq!(fetches.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_token_goes_to_its_endpoint_only() {
    let server = Server::default();
    let seen = Arc::clone(&server.seen);
    let authorized = Authorized::new(Endpoint::default(), token(0), server);
    for elsewhere in [
        "https://androidmanagement.googleapis.com.evil.example",
        "http://androidmanagement.googleapis.com",
        "https://androidmanagement.googleapis.com:444",
    ] {
        let error = authorized
            .send(cancel(&elsewhere.parse().unwrap()))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::NotAllowed, "{elsewhere}");
    }
    assert!(seen.lock().unwrap().is_empty());
    authorized.send(cancel(&Endpoint::default())).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[test]
fn a_token_never_prints() {
    assert_eq!(format!("{:?}", token(7)), "Token(..)");
    let bad = format!("{CANARY}\r\nx-evil: 1");
    for bad in ["", " ", "ä", &bad] {
        let error = Token::new(bad).unwrap_err();
        assert_eq!(error.kind(), TransportErrorKind::CredentialsRejected);
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_replaced_is_not_sent_again() {
    // Gives the old token for as long as it is not asked for a fresh one.
    let source = token_fn(|fresh| std::future::ready(Ok(token(usize::from(fresh)))));
    let server = Server {
        good: 1,
        ..Server::default()
    };
    let seen = Arc::clone(&server.seen);
    let client = asking_only(Client::new(Authorized::new(
        Endpoint::default(),
        source,
        server,
    )));
    for _ in 0..3 {
        client.cancel(&common::name()).await.unwrap();
    }
    let old = format!("Bearer {CANARY}0");
    assert_eq!(
        seen.lock()
            .unwrap()
            .iter()
            .filter(|seen| **seen == old)
            .count(),
        1
    );
}

/// In the place of a text that repeats the token.
const NOT_SHOWN: &str = "the text is not shown, because it repeats the access token";

#[tokio::test]
async fn a_text_that_repeats_the_token_is_not_shown_and_keeps_its_meaning() {
    let echo = |transmit: Transmit| {
        let header = transmit.request.headers()[AUTHORIZATION].clone();
        let header = header.to_str().unwrap();
        let mut response = Response::new(Bytes::from(format!(
            r#"{{"error": {{"code": 403, "status": "PERMISSION_DENIED", "message": "{header} may not, nor {header}."}}}}"#
        )));
        *response.status_mut() = http::StatusCode::FORBIDDEN;
        std::future::ready(Ok(response))
    };
    let client = Client::new(Authorized::new(Endpoint::default(), token(1), echo));
    let error = client.cancel(&common::name()).await.unwrap_err();
    assert_eq!(error.key().as_str(), "permission_denied", "{error:?}");
    let shown = format!("{error:?} {}", countermand_core::text::chain(&error));
    assert!(!shown.contains(CANARY), "{shown}");
    assert!(shown.contains(&format!("HTTP 403: {NOT_SHOWN}")), "{shown}");
}

#[tokio::test]
async fn fault_55_a_token_that_is_part_of_a_word_changes_no_meaning() {
    let refused = |status: u16, body: &'static str| {
        move |_: Transmit| {
            let mut response = Response::new(Bytes::from_static(body.as_bytes()));
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            std::future::ready(Ok(response))
        }
    };
    let quota = r#"{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "x", "details": [{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED",
        "metadata": {"quota_limit_value": "0"}}]}}"#;
    let scope = r#"{"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "x", "details": [{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "domain": "googleapis.com"}]}}"#;
    let missing = r#"{"error": {"code": 500, "message": "Requested entity was not found."}}"#;
    for (token, status, body, key) in [
        ("x", 429, quota, "quota_final"),
        ("0", 429, quota, "quota_final"),
        ("429", 429, quota, "quota_final"),
        (
            "type.googleapis.com/google.rpc.ErrorInfo",
            429,
            quota,
            "quota_final",
        ),
        (
            "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            403,
            scope,
            "scope_insufficient",
        ),
        ("PERMISSION_DENIED", 403, scope, "scope_insufficient"),
        ("entity", 500, missing, "not_found"),
    ] {
        let tokens = Token::new(token).unwrap();
        let source = token_fn(move |_| std::future::ready(Ok(tokens.clone())));
        let server = refused(status, body);
        let client = asking_only(Client::new(Authorized::new(
            Endpoint::default(),
            source,
            server,
        )));
        let error = client.cancel(&common::name()).await.unwrap_err();
        assert_eq!(error.key().as_str(), key, "{token} {error:?}");
        let quoted = error.kind().api_error().unwrap();
        assert!(
            token.len() < 16 || !format!("{quoted:?}").contains(token),
            "{quoted:?}"
        );
    }
}

#[tokio::test]
async fn fault_55_no_place_of_an_answer_repeats_the_token() {
    let cut = "x".repeat(190);
    let json = |message: &str| {
        format!(
            r#"{{"error": {{"code": 403, "status": "TOKEN", "message": "{message}", "details": [
                {{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "TOKEN", "TOKEN": ["TOKEN"]}}]}}}}"#
        )
    };
    for (status, body) in [
        (403, json("TOKEN")),
        (403, json(&format!("{cut}TOKEN"))),
        (
            403,
            r#"{"error": "TOKEN", "error_description": "TOKEN"}"#.to_owned(),
        ),
        (403, "<html>TOKEN".to_owned()),
        (403, format!("{cut}TOKEN")),
        (200, "<html>TOKEN".to_owned()),
        (302, "TOKEN".to_owned()),
    ] {
        let echo = move |transmit: Transmit| {
            let header = transmit.request.headers()[AUTHORIZATION].to_str().unwrap();
            let token = header.strip_prefix("Bearer ").unwrap();
            let mut response = Response::new(Bytes::from(body.replace("TOKEN", token)));
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            std::future::ready(Ok(response))
        };
        let client = asking_only(Client::new(Authorized::new(
            Endpoint::default(),
            token(1),
            echo,
        )));
        let error = client.cancel(&common::name()).await.unwrap_err();
        let shown = format!("{error:?} {}", countermand_core::text::chain(&error));
        assert!(!shown.contains(&CANARY[..8]), "{shown}");
        assert!(shown.contains(NOT_SHOWN), "{shown}");
    }
}

/// A token as long as a real one, with each sort of character.
const LONG: &str = "ya29.a0/AfB_canary0123456789+x=";

/// A client of a server that answers each request by `answer`, which gets its path.
fn answered_by(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Client {
    let server = move |transmit: Transmit| {
        let body = answer(transmit.request.uri().path());
        std::future::ready(Ok(Response::new(Bytes::from(body))))
    };
    let token = Token::new(LONG).unwrap();
    Client::new(Authorized::new(Endpoint::default(), token, server)).policy(
        Policy::default()
            .max_attempts(1)
            .deadline(Duration::from_millis(1)),
    )
}

#[tokio::test]
async fn fault_55_an_operation_that_repeats_the_token_proves_nothing() {
    let name = common::name();
    let percent = LONG
        .replace('_', "%5F")
        .replace('.', "%2e")
        .replace('+', "%2B");
    let escaped = LONG.replace('/', "\\/");
    for token in [LONG, &percent, &escaped] {
        let body = format!(
            r#"{{"name": "{name}", "done": true, "error": {{"code": 1, "message": "by Bearer {token}."}},
                "metadata": {{"type": "{token}", "token": "{token}"}}}}"#
        );
        let client = answered_by(move |path| match path.ends_with(":cancel") {
            true => "{}".to_owned(),
            false => body.clone(),
        });
        let outcome = client.countermand(&name).await.unwrap();
        // It was asked; that it came to pass is not taken from such an answer.
        assert_eq!(outcome.verdict, Verdict::Unverified);
        assert_eq!(outcome.operation, None);
        let error = client.get(&name).await.unwrap_err();
        assert_eq!(error.key().as_str(), "malformed");
        let shown = format!(
            "{outcome:?} {} {error:?} {}",
            serde_json::to_string(&outcome).unwrap(),
            countermand_core::text::chain(&error)
        );
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains(NOT_SHOWN), "{shown}");
    }
    // A word that is a token by chance only keeps its meaning.
    let body = format!(r#"{{"name": "{name}", "metadata": {{"type": "WIPE"}}}}"#);
    let server =
        move |_: Transmit| std::future::ready(Ok(Response::new(Bytes::from(body.clone()))));
    let client = Client::new(Authorized::new(
        Endpoint::default(),
        Token::new("WIPE").unwrap(),
        server,
    ));
    let operation = client.get(&name).await.unwrap();
    assert_eq!(operation.metadata.unwrap().kind.as_deref(), Some("WIPE"));
}

/// The server may have taken the cancel all the same: the operation is looked at.
#[tokio::test(start_paused = true)]
async fn fault_55_a_cancel_whose_answer_repeats_the_token_is_looked_into() {
    let name = common::name();
    for body in [
        format!(r#"{{"done": "{LONG}"}}"#),
        format!(r#"{{"error": {{"code": 500, "message": "{LONG}"}}}}"#),
    ] {
        let cancelled = format!(r#"{{"name": "{name}", "done": true, "error": {{"code": 1}}}}"#);
        let client = answered_by(move |path| match path.ends_with(":cancel") {
            true => body.clone(),
            false => cancelled.clone(),
        });
        let client = client.policy(Policy::default());
        let outcome = client.countermand(&name).await.unwrap();
        assert_eq!(outcome.verdict, Verdict::Cancelled);
        let error = client.cancel(&name).await.unwrap_err();
        assert!(error.maybe_delivered());
        let shown = format!(
            "{outcome:?} {error:?} {}",
            countermand_core::text::chain(&error)
        );
        assert!(!shown.contains("canary"), "{shown}");
        assert!(shown.contains(NOT_SHOWN), "{shown}");
    }
}

#[tokio::test]
async fn fault_55_a_page_that_repeats_the_token_is_not_taken() {
    let device = common::name().parent();
    let good = format!(r#"{{"name": "{device}/operations/1"}}"#);
    let bad = format!(r#"{{"name": "{device}/operations/{LONG}"}}"#);
    let other = format!(r#"{{"name": "enterprises/e/devices/{LONG}/operations/1"}}"#);
    // None of its entries comes out.
    for strange in [&bad, &other] {
        let body = format!(r#"{{"operations": [{good}, {strange}]}}"#);
        let client = answered_by(move |_| body.clone());
        let told: Vec<_> = client.list_operations(&device, None).collect().await;
        let shown = format!("{told:?}");
        assert!(!shown.contains("canary"), "{shown}");
        assert!(told.len() == 1 && shown.contains(NOT_SHOWN), "{shown}");
    }
    // No request has it in its path.
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let body = format!(r#"{{"operations": [{good}], "nextPageToken": "{LONG}"}}"#);
    let server = move |transmit: Transmit| {
        seen.lock()
            .unwrap()
            .push(transmit.request.uri().to_string());
        std::future::ready(Ok(Response::new(Bytes::from(body.clone()))))
    };
    let token = Token::new(LONG).unwrap();
    let client = asking_only(Client::new(Authorized::new(
        Endpoint::default(),
        token,
        server,
    )));
    let told: Vec<_> = client.list_operations(&device, None).collect().await;
    let shown = format!("{told:?}");
    assert!(
        told.last().unwrap().is_err() && !shown.contains("canary"),
        "{shown}"
    );
    let asked = asked.lock().unwrap().clone();
    assert!(
        !asked.is_empty() && !asked.iter().any(|uri| uri.contains("canary")),
        "{asked:?}"
    );
    // Another operation's name in the answer to a get.
    for name in [other, bad] {
        let client = answered_by(move |_| name.clone());
        let error = client.get(&common::name()).await.unwrap_err();
        let shown = format!("{error:?} {}", countermand_core::text::chain(&error));
        assert!(!shown.contains("canary"), "{shown}");
    }
    // Devices.
    let enterprise = device.parent();
    let body = format!(
        r#"{{"devices": [{{"name": "{device}"}}, {{"name": "{enterprise}/devices/{LONG}"}}]}}"#
    );
    let client = answered_by(move |_| body.clone());
    let told: Vec<_> = client.list_parents(&enterprise).collect().await;
    let shown = format!("{told:?}");
    assert!(
        !shown.contains("canary") && told.len() == 1 && shown.contains(NOT_SHOWN),
        "{shown}"
    );
}

/// The reason for which a server ends a connection of HTTP/2 is a text of the server, too.
#[tokio::test]
async fn fault_55_a_failure_that_repeats_the_token_is_told_without_it() {
    let failing = |_: Transmit| {
        let reason = format!("connection error received: not a result of an error (b\"{LONG}\")");
        let error = TransportError::new(TransportErrorKind::ConnectionLost, reason);
        std::future::ready(Err(error.on_connection(LostConnection {
            number: 1,
            answers: 0,
        })))
    };
    let token = Token::new(LONG).unwrap();
    let client = asking_only(Client::new(Authorized::new(
        Endpoint::default(),
        token,
        failing,
    )));
    let error = client.cancel(&common::name()).await.unwrap_err();
    let shown = format!("{error:?} {}", countermand_core::text::chain(&error));
    assert!(
        !shown.contains("canary") && shown.contains("repeats the access token"),
        "{shown}"
    );
}
