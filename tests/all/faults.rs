//! Faults that concern one operation, over real sockets in HTTP/1.1 and HTTP/2: the message for the
//! operator, the requests that the server saw, and the true fate.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use countermand_core::{
    Cancellation, Endpoint, Error, ErrorKind, OperationName, Outcome, Policy, Step, Time,
    TransportError, TransportErrorKind, Verdict,
};
use countermand_emulator::{Config, Fate, Script, Server, Shared};
use countermand_hyper::{Client, HyperConfig, Token};
use serde_json::{Value, json};

type Countermand = Result<Outcome, Error>;

/// An emulator on a port with one pending operation, and a client of it.
struct World {
    shared: Shared,
    server: Server,
    client: Client,
    name: OperationName,
}

/// Short enough to test timeouts, and long enough for a busy machine.
fn policy() -> Policy {
    Policy::default()
        .deadline(Duration::from_secs(20))
        .attempt_timeout(Duration::from_millis(1000))
        .backoff(Duration::from_millis(1), Duration::from_millis(5))
        .poll_interval(Duration::from_millis(5), Duration::from_millis(20))
        .quota_pause(Duration::from_millis(200))
}

async fn world(http2: bool, script: Value, policy: Policy) -> World {
    let script = Script::from_value(script).unwrap();
    let config = Config::default()
        .parents(1)
        .operations(1, 1)
        .mix([(1, Fate::Cancellable)])
        .script(script);
    let shared = Shared::new(config);
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), shared.clone())
        .await
        .unwrap();
    let endpoint: Endpoint = server.endpoint().parse().unwrap();
    let token = Token::new(
        shared
            .with(|emulator, _| emulator.token().to_owned())
            .as_str(),
    )
    .unwrap();
    let hyper = HyperConfig::default().http2_prior_knowledge(http2);
    let client = Client::connect(endpoint, token, hyper)
        .unwrap()
        .policy(policy);
    let name = shared.with(|emulator, now| emulator.pending(now)[0].parse().unwrap());
    World {
        shared,
        server,
        client,
        name,
    }
}

impl World {
    async fn countermand(&self) -> Countermand {
        self.client.countermand(&self.name).await
    }

    fn really_cancelled(&self) -> bool {
        self.shared.with(|emulator, now| {
            emulator
                .truth_of(now, self.name.as_str())
                .unwrap()
                .cancelled
        })
    }

    /// Number of requests for a kind of path that the server saw.
    fn seen(&self, part: &str) -> usize {
        self.shared.with(|emulator, _| {
            emulator
                .audit()
                .iter()
                .filter(|row| row.path.contains(part))
                .count()
        })
    }
}

/// Runs a script in both versions of HTTP and hands each result to `check`.
async fn both(script: Value, policy: Policy, check: impl Fn(&World, Countermand)) {
    for http2 in [false, true] {
        let world = world(http2, script.clone(), policy.clone()).await;
        let result = tokio::time::timeout(Duration::from_secs(60), world.countermand())
            .await
            .expect("an end");
        if let Ok(outcome) = &result {
            assert!(
                outcome.verdict != Verdict::Cancelled || world.really_cancelled(),
                "{script} {outcome:?}"
            );
        }
        check(&world, result);
    }
}

/// The fault passes: the operation is cancelled in the end, after `requests` requests.
async fn passes(script: Value, attempts: u32) {
    both(script.clone(), policy(), |_, result| {
        let outcome = result.unwrap_or_else(|error| panic!("{script}: {error}"));
        assert_eq!(
            (outcome.verdict, outcome.attempts),
            (Verdict::Cancelled, attempts),
            "{script} {outcome:?}"
        );
    })
    .await;
}

/// The fault ends the operation with a verdict.
async fn ends(script: Value, verdict: Verdict) {
    both(
        script.clone(),
        policy().deadline(Duration::from_millis(300)),
        |_, result| {
            let outcome = result.unwrap_or_else(|error| panic!("{script}: {error}"));
            assert_eq!(outcome.verdict, verdict, "{script} {outcome:?}");
        },
    )
    .await;
}

/// The fault ends the operation with an error, after `cancels` cancels.
async fn fails(script: Value, kind: &str, cancels: usize, maybe_delivered: bool) {
    both(script.clone(), policy(), |world, result| {
        let error = result
            .map(|outcome| panic!("{script}: {outcome:?}"))
            .unwrap_err();
        assert_eq!(error.kind().as_str(), kind, "{script}: {error}");
        assert_eq!(
            error.maybe_delivered(),
            maybe_delivered,
            "{script}: {error}"
        );
        assert_eq!(world.seen(":cancel"), cancels, "{script}: {error}");
        assert!(
            !world.really_cancelled() || maybe_delivered,
            "{script}: {error}"
        );
    })
    .await;
}

fn preset(name: &str) -> Value {
    json!([{ "fault": name, "method": "cancel" }])
}

#[tokio::test]
async fn fault_01_reset_before_any_byte() {
    passes(preset("reset-before"), 3).await;
    passes(preset("refused"), 3).await;
}

#[tokio::test]
async fn fault_01_connection_refused() {
    let world = world(false, json!([]), policy().max_attempts(2)).await;
    let World {
        server,
        client,
        name,
        ..
    } = world;
    drop(server);
    let error = client.countermand(&name).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Transport(_)) && !error.maybe_delivered(),
        "{error:?}"
    );
    assert!(
        countermand_core::text::chain(&error).contains("127.0.0.1"),
        "{}",
        countermand_core::text::chain(&error)
    );
}

#[tokio::test]
async fn fault_02_reset_after_the_request() {
    passes(preset("reset-after"), 3).await;
}

#[tokio::test]
async fn fault_03_black_hole_does_not_stall_others() {
    // The first cancel gets no answer; a second operation goes on meanwhile.
    let world = world(false, preset("black-hole"), policy()).await;
    let first = world.countermand();
    let other = world.client.get(&world.name);
    let started = Instant::now();
    let (first, other_done) = tokio::join!(first, async {
        other.await.unwrap();
        started.elapsed()
    });
    assert_eq!(first.unwrap().verdict, Verdict::Cancelled);
    assert!(other_done < Duration::from_millis(900), "{other_done:?}");
}

#[tokio::test]
async fn fault_05_headers_never_come() {
    passes(preset("stall"), 3).await;
    passes(preset("stall-after"), 3).await;
}

#[tokio::test]
async fn fault_06_body_stalls_or_drips() {
    passes(preset("stall-body"), 3).await;
    passes(preset("drip"), 3).await;
}

#[tokio::test]
async fn fault_08_goaway_is_resent_without_cost() {
    let world = world(true, preset("go-away"), policy().max_attempts(1)).await;
    let outcome = world.countermand().await.unwrap();
    assert_eq!((outcome.verdict, outcome.attempts), (Verdict::Cancelled, 3));
}

#[tokio::test]
async fn fault_09_refused_stream_and_calm() {
    let refused = world(true, preset("refused-stream"), policy().max_attempts(1)).await;
    assert_eq!(
        refused.countermand().await.unwrap().verdict,
        Verdict::Cancelled
    );
    let calm = world(true, preset("enhance-your-calm"), policy()).await;
    assert_eq!(
        calm.countermand().await.unwrap().verdict,
        Verdict::Cancelled
    );
}

#[test]
fn fault_09_after_calm_there_is_a_pause_and_after_a_refused_stream_none() {
    let name: OperationName = "enterprises/e/devices/d/operations/o".parse().unwrap();
    let now = Time::START;
    let after = |kind| {
        let Step::Send(cancel) = Cancellation::new(name.clone()).start(now, 1) else {
            panic!("a cancel comes first");
        };
        cancel.failed(now, TransportError::new(kind, "a reset"))
    };
    assert!(matches!(
        after(TransportErrorKind::Unprocessed),
        Step::Send(_)
    ));
    let calm = after(TransportErrorKind::EnhanceYourCalm);
    assert!(
        matches!(&calm, Step::Wait(pause) if pause.until() > now),
        "{calm:?}"
    );
}

#[tokio::test]
async fn fault_13_invalid_argument() {
    fails(preset("invalid-argument"), "invalid_argument", 1, false).await;
}

#[tokio::test]
async fn fault_14_401_once() {
    passes(preset("token-expired"), 3).await;
}

#[tokio::test]
async fn fault_15_401_for_ever() {
    fails(
        json!([{ "fault": "unauthenticated" }]),
        "unauthenticated",
        2,
        false,
    )
    .await;
}

#[tokio::test]
async fn fault_19_quota_without_hints() {
    let started = Instant::now();
    passes(preset("quota"), 3).await;
    // Two pauses, one for each version of HTTP, each as the policy says.
    assert!(started.elapsed() >= Duration::from_millis(400));
}

#[tokio::test]
async fn fault_20_absurd_delays() {
    for name in [
        "retry-after-negative",
        "retry-after-past",
        "retry-after-garbage",
    ] {
        passes(
            json!([{ "fault": name, "method": "cancel", "status": 503 }]),
            3,
        )
        .await;
    }
    let started = Instant::now();
    fails(preset("retry-after-huge"), "resource_exhausted", 1, false).await;
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "never sleeps beyond the deadline only to fail"
    );
}

#[tokio::test]
async fn fault_21_not_found() {
    // The operation exists: the get shows it, and the cancel is sent again.
    passes(preset("not-found"), 4).await;
    for (name, device) in [("vanishes", Some(true)), ("wiped", Some(false))] {
        let cancelled_first = json!([{ "fault": name }]);
        both(cancelled_first, policy(), |_, result| match result {
            Ok(outcome) => assert_eq!(
                (outcome.verdict, outcome.parent_exists),
                (Verdict::Gone, device),
                "{name}"
            ),
            Err(error) => {
                assert!(
                    matches!(error.kind(), ErrorKind::NotFound(_)),
                    "{name}: {error}"
                );
                assert_eq!(error.parent_exists(), device, "{name}");
                assert!(
                    error.advice().contains("may have executed"),
                    "{}",
                    error.advice()
                );
            }
        })
        .await;
    }
}

#[tokio::test]
async fn fault_22_failed_precondition() {
    for (name, end) in [
        ("failed-precondition", Verdict::Completed),
        ("conflict", Verdict::Cancelled),
    ] {
        // The preset finishes the operation first: a get decides, and no cancel is sent again.
        both(preset(name), policy(), |world, result| {
            assert_eq!(result.unwrap().verdict, end, "{name}");
            assert_eq!(
                (world.seen(":cancel"), world.seen("?fields=name,done")),
                (1, 1),
                "{name}"
            );
        })
        .await;
    }
    // Still pending, and the server refuses again.
    let status =
        json!({ "error": { "code": 400, "message": "no", "status": "FAILED_PRECONDITION" } });
    let refused = json!([{ "method": "cancel", "status": 400, "body": status }]);
    fails(refused, "failed_precondition", 1, false).await;
}

#[tokio::test]
async fn fault_23_unimplemented() {
    // A look decides, and no cancel is sent again.
    fails(preset("unimplemented"), "unimplemented", 1, false).await;
    let finished = json!([{ "fault": "unimplemented", "method": "cancel", "set": { "fate": "acknowledged" } }]);
    both(finished, policy(), |world, result| {
        assert_eq!(result.unwrap().verdict, Verdict::Completed);
        assert_eq!(
            (world.seen(":cancel"), world.seen("?fields=name,done")),
            (1, 1)
        );
    })
    .await;
}

#[tokio::test]
async fn fault_24_server_errors_are_retried_and_quoted() {
    for name in ["internal", "bad-gateway", "unavailable", "gateway-timeout"] {
        passes(preset(name), 3).await;
    }
    let for_ever = json!([{ "fault": "bad-gateway", "times": null }]);
    both(for_ever, policy().max_attempts(2), |_, result| {
        let message = result.unwrap_err().to_string();
        assert!(
            message.contains("HTTP 502") && message.contains("<"),
            "{message}"
        );
        assert!(
            message.len() < 600 && !message.chars().any(char::is_control),
            "{message:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn fault_25_redirect_is_never_followed() {
    let evil = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("http://{}/v1/", evil.local_addr().unwrap());
    for status in [301, 302, 303, 307, 308] {
        let script =
            json!([{ "status": status, "headers": { "location": location }, "times": null }]);
        fails(script, "redirected", 1, true).await;
    }
    let visit = tokio::time::timeout(Duration::from_millis(50), evil.accept()).await;
    assert!(visit.is_err(), "the other host saw a connection");
}

#[tokio::test]
async fn fault_26_success_that_is_none() {
    for name in [
        "cut-success",
        "invalid-json",
        "list-success",
        "wrong-type",
        "byte-order-mark",
        "duplicate-keys",
        "nesting",
    ] {
        // Not a success: the operation is polled, found pending, and cancelled again.
        passes(preset(name), 4).await;
        let gets = json!([{ "fault": name, "method": "get", "times": null }]);
        both(gets, policy().max_attempts(2), |_, result| {
            let outcome = result.unwrap();
            assert_eq!(outcome.verdict, Verdict::Unverified, "{name}");
            assert_eq!(
                outcome.error.unwrap().kind().as_str(),
                "malformed",
                "{name}"
            );
        })
        .await;
    }
}

/// A page with 200 for the first request: it is not from the API, and nothing proves that the API is
/// there.
#[tokio::test]
async fn fault_53_a_page_is_told_at_once_and_in_between_it_is_retried() {
    fails(preset("html-success"), "not_the_api", 1, true).await;
    let between = json!([{ "status": 503, "times": 1 }, { "fault": "html-success", "times": 1 }]);
    passes(between, 4).await;
    // A page instead of the answer to a get is no evidence either.
    let gets = json!([{ "status": 404, "body": "<html>Error 404 (Not Found)!!1", "method": "get", "times": null }]);
    both(gets, policy().max_attempts(2), |_, result| {
        let outcome = result.unwrap();
        assert_eq!(outcome.verdict, Verdict::Unverified);
        assert_eq!(outcome.error.unwrap().kind().as_str(), "not_the_api");
    })
    .await;
}

#[tokio::test]
async fn fault_27_body_over_the_cap() {
    for name in ["flood", "flood-unsized"] {
        passes(preset(name), 4).await;
    }
    passes(
        json!([{ "fault": "truncated", "method": "cancel", "after": 1 }]),
        3,
    )
    .await;
}

#[tokio::test]
async fn fault_28_gzip_bomb_is_not_decoded() {
    passes(preset("gzip-bomb"), 4).await;
}

#[tokio::test]
async fn fault_29_pending_for_ever() {
    ends(json!([{ "fault": "stuck" }]), Verdict::Pending).await;
}

#[tokio::test]
async fn fault_30_completed_anyway() {
    ends(json!([{ "fault": "completes" }]), Verdict::Completed).await;
}

#[tokio::test]
async fn fault_31_odd_ends() {
    ends(json!([{ "fault": "failed" }]), Verdict::Failed).await;
    ends(json!([{ "fault": "no-result" }]), Verdict::Completed).await;
    passes(json!([{ "fault": "code-without-done" }]), 3).await;
    both(
        json!([{ "fault": "both-results" }]),
        policy(),
        |_, result| {
            let outcome = result.unwrap();
            assert!(
                matches!(outcome.verdict, Verdict::Cancelled | Verdict::Failed),
                "the error wins: {outcome:?}"
            );
        },
    )
    .await;
}

#[tokio::test]
async fn fault_32_another_operation() {
    both(
        json!([{ "fault": "other-name" }]),
        policy().max_attempts(2),
        |_, result| {
            let outcome = result.unwrap();
            assert_eq!(outcome.verdict, Verdict::Unverified);
            assert_eq!(outcome.error.unwrap().kind().as_str(), "misattributed");
        },
    )
    .await;
}

#[tokio::test]
async fn fault_33_the_first_done_stands() {
    both(
        json!([{ "fault": "flapping" }]),
        policy(),
        |world, result| {
            let outcome = result.unwrap();
            assert!(outcome.operation.unwrap().done);
            // One get; a second one could have shown the operation as pending again.
            assert_eq!(world.seen("?fields=name,done"), 1);
            let truth = world
                .shared
                .with(|emulator, now| emulator.truth_of(now, world.name.as_str()).unwrap());
            assert_eq!(
                format!("{:?}", outcome.verdict),
                format!("{:?}", truth.state)
            );
        },
    )
    .await;
}

#[tokio::test]
async fn fault_44_hostile_message_is_escaped() {
    both(
        json!([{ "fault": "hostile-message", "times": null }]),
        policy().max_attempts(1),
        |_, result| {
            let error = result.unwrap_err();
            let shown = format!(
                "{error} {} {}",
                error.advice(),
                serde_json::to_string(&error).unwrap()
            );
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
        },
    )
    .await;
}
