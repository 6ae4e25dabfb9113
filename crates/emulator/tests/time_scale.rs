//! A clock that runs faster than the real one.

use std::time::{Duration, Instant};

use crate::common::{request, respond, secs};
use bytes::Bytes;
use countermand_emulator::{
    Config, Fate, Hints, NewOperation, NewParent, Server, ServerQuota, Shared, State, WindowKind,
};
use http::Request;

const DEADLINE: Duration = Duration::from_secs(30);

/// An emulator whose only operation is acknowledged after an hour.
fn shared(config: Config) -> (Shared, String) {
    let shared = Shared::new(config.parents(0));
    let hour = Fate::Acknowledged { after: secs(3600) };
    let device = NewParent::with([NewOperation::new(hour).duration(7200)]);
    let added = shared.with(|emulator, now| emulator.add(now, device).unwrap());
    (shared, added.operations[0].clone())
}

fn get(shared: &Shared, name: &str) -> Request<Bytes> {
    shared.with(|emulator, _| request(emulator, "GET", &format!("/v1/{name}"), ""))
}

#[test]
fn fates_and_the_audit_pass_faster() {
    let (shared, name) = shared(Config::default().time_scale(36_000));
    let (began, real) = (shared.now(), Instant::now());
    while shared.with(|emulator, now| emulator.truth_of(now, &name).unwrap().state)
        == State::Pending
    {
        assert!(real.elapsed() < DEADLINE, "an hour is a tenth of a second");
        std::thread::yield_now();
    }
    assert!(shared.now() - began >= secs(3500));
    let _ = shared.handle(&get(&shared, &name));
    assert!(shared.with(|emulator, _| emulator.audit()[0].time) >= 3_500_000);
}

#[test]
fn a_client_that_obeys_a_hint_on_the_real_clock_passes() {
    let quota = ServerQuota::default()
        .windows(["1/7200s".parse().unwrap()])
        .kind(WindowKind::Sliding)
        .hints(Hints::RetryInfo);
    let (shared, name) = shared(Config::default().quota(quota).time_scale(3600));
    let send = || respond(shared.handle(&get(&shared, &name)).action);
    assert_eq!(send().status(), 200);
    let refused = send();
    assert_eq!(refused.status(), 429);
    let body: serde_json::Value = serde_json::from_slice(refused.body()).unwrap();
    let delay = body["error"]["details"][1]["retryDelay"].as_str().unwrap();
    let delay = countermand_core::duration::parse(delay).unwrap();
    assert!(delay <= secs(2), "two hours are two seconds: {delay:?}");
    std::thread::sleep(delay);
    assert_eq!(send().status(), 200);
}

#[test]
fn delays_and_drips_of_faults_are_shorter() {
    let script = r#"[{"delay_ms": 3600000}, {"action": "drip", "interval_ms": 60000}]"#;
    let config = Config::default().script(script.parse().unwrap());
    let (shared, name) = shared(config.time_scale(3600));
    let delayed = shared.handle(&get(&shared, &name));
    assert_eq!(delayed.delay, secs(1));
    let dripping = shared.handle(&get(&shared, &name));
    let (after, answer) = dripping.deliver(DEADLINE);
    let length = answer.unwrap().body().len() as u32;
    assert_eq!(after, secs(60) / 3600 * length);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_waits_on_the_scaled_clock() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let script = r#"[{"delay_ms": 3600000}]"#;
    let config = Config::default().script(script.parse().unwrap());
    let (shared, name) = shared(config.time_scale(36_000));
    let server = Server::bind(([127, 0, 0, 1], 0).into(), shared)
        .await
        .unwrap();
    let mut stream = tokio::net::TcpStream::connect(server.address())
        .await
        .unwrap();
    let began = Instant::now();
    let head = format!(
        "GET /v1/{name} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer emulator-token\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(DEADLINE, read).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(began.elapsed() >= Duration::from_millis(100));
}

#[test]
fn the_scale_is_clamped() {
    let stopped = Shared::new(Config::default().time_scale(0));
    let real = Instant::now();
    let began = stopped.now();
    while stopped.now() == began {
        assert!(real.elapsed() < DEADLINE, "the clock stands still");
    }
    let real = Instant::now();
    let (shared, name) = shared(Config::default().time_scale(u32::MAX));
    let fastest = shared.now();
    assert!(fastest <= real.elapsed() * 1_000_000, "{fastest:?}");
    let status = respond(shared.handle(&get(&shared, &name)).action).status();
    assert_eq!(status, 200);
}
