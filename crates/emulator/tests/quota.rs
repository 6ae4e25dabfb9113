//! The quota of the server, call by call.

use std::time::Duration;

use crate::common::{self, request, respond, secs};
use bytes::Bytes;
use countermand_emulator::{Config, Emulator, Fate, Hints, ServerQuota, WindowKind};
use countermand_scheduler::Window;
use http::{Request, Response};
use serde_json::{Value, json};

const SLIDING: WindowKind = WindowKind::Sliding;
const FIXED: WindowKind = WindowKind::Fixed {
    phase: Duration::ZERO,
};

fn windows(text: &str) -> ServerQuota {
    ServerQuota::default().windows(text.split(',').map(|window| window.parse().unwrap()))
}

fn emulator(quota: ServerQuota) -> Emulator {
    emulator_of(Config::default().quota(quota))
}

fn emulator_of(config: Config) -> Emulator {
    Emulator::new(
        config
            .parents(2)
            .operations(1, 0)
            .mix([(1, Fate::Cancellable)]),
    )
}

/// The answer to a get of a resource, in milliseconds of the emulator's time.
fn ask(emulator: &mut Emulator, at_ms: u64, name: &str) -> Response<Bytes> {
    let request = request(emulator, "GET", &format!("/v1/{name}"), "");
    respond(
        emulator
            .handle(Duration::from_millis(at_ms), &request)
            .action,
    )
}

/// True if the list of devices is allowed.
fn allowed(emulator: &mut Emulator, at_ms: u64) -> bool {
    let devices = format!("{}/devices", emulator.grandparent());
    match ask(emulator, at_ms, &devices).status().as_u16() {
        200 => true,
        429 => false,
        other => panic!("{other}"),
    }
}

fn refused(emulator: &mut Emulator, at_ms: u64) -> (Response<Bytes>, Value) {
    let devices = format!("{}/devices", emulator.grandparent());
    let response = ask(emulator, at_ms, &devices);
    assert_eq!(response.status(), 429);
    let body = serde_json::from_slice(response.body()).unwrap();
    (response, body)
}

/// The `retryDelay` of a refusal.
fn delay(emulator: &mut Emulator, at_ms: u64) -> String {
    let (_, body) = refused(emulator, at_ms);
    let delay = &body["error"]["details"][1]["retryDelay"];
    delay.as_str().unwrap().to_owned()
}

#[test]
fn fixed_windows_begin_at_their_phase() {
    for (phase, ends) in [(0, 60_000), (37, 37_000), (60, 60_000), (97, 37_000)] {
        let kind = WindowKind::Fixed { phase: secs(phase) };
        let mut emulator = emulator(windows("2/60s").kind(kind));
        assert!(allowed(&mut emulator, 0) && allowed(&mut emulator, ends - 1));
        assert!(!allowed(&mut emulator, ends - 1), "phase {phase}");
        // All of it comes back at once, and at the next end again.
        for next in [ends, ends + 60_000] {
            assert!(allowed(&mut emulator, next), "phase {phase}");
            assert!(allowed(&mut emulator, next + 59_999), "phase {phase}");
            assert!(!allowed(&mut emulator, next + 59_999), "phase {phase}");
        }
    }
}

#[test]
fn sliding_windows_give_each_call_back_by_itself() {
    let mut emulator = emulator(windows("2/60s").kind(SLIDING));
    assert!(allowed(&mut emulator, 0) && allowed(&mut emulator, 40_000));
    assert!(!allowed(&mut emulator, 59_999));
    assert!(allowed(&mut emulator, 60_000));
    assert!(!allowed(&mut emulator, 99_999));
    assert!(allowed(&mut emulator, 100_000));
}

#[test]
fn all_windows_hold_at_once() {
    let mut emulator = emulator(windows("2/10s,3/60s").kind(FIXED));
    let at = [0, 0, 0, 10_000, 10_000, 20_000, 59_999, 60_000];
    let passed = at.map(|at| allowed(&mut emulator, at));
    assert_eq!(
        passed,
        [true, true, false, true, false, false, false, true],
        "the second window refuses from the third call on"
    );
    let report = emulator.quota(secs(60));
    let refused: Vec<u64> = report.windows.iter().map(|window| window.refused).collect();
    assert_eq!(refused, [1, 3]);
    assert_eq!((report.allowed, report.refused), (4, 4));
}

#[test]
fn a_method_on_a_resource_has_a_window_of_its_own() {
    let window: Window = "2/60s".parse().unwrap();
    let mut emulator = emulator(
        ServerQuota::default()
            .per_resource(Some(window))
            .kind(SLIDING),
    );
    let names = emulator.pending(secs(0));
    let [first, second] = [&names[0], &names[1]];
    let device = first.split("/operations/").next().unwrap().to_owned();
    let other = format!("{device}/operations/none");
    assert_eq!(ask(&mut emulator, 0, first).status(), 200);
    // Another operation of the same device, even one that is not there.
    assert_eq!(ask(&mut emulator, 0, &other).status(), 404);
    let answer = ask(&mut emulator, 0, first);
    assert_eq!(answer.status(), 429);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    let metadata = &body["error"]["details"][0]["metadata"];
    assert_eq!(
        metadata["quota_unit"],
        "1/min/{project}/{method}/{resource}"
    );
    // Another device, and other methods on the same one.
    assert_eq!(ask(&mut emulator, 0, second).status(), 200);
    assert_eq!(ask(&mut emulator, 0, &device).status(), 200);
    let operations = format!("{device}/operations");
    assert_eq!(ask(&mut emulator, 0, &operations).status(), 200);
    assert_eq!(ask(&mut emulator, 60_000, first).status(), 200);
}

#[test]
fn refused_calls_are_spent_if_they_count() {
    for kind in [FIXED, SLIDING] {
        let mut lenient = emulator(windows("1/60s").kind(kind));
        let mut strict = emulator(windows("1/60s").kind(kind).count_refused(true));
        for emulator in [&mut lenient, &mut strict] {
            assert!(allowed(emulator, 0));
            assert!(!allowed(emulator, 50_000));
        }
        assert_eq!(lenient.quota(secs(50)).windows[0].used, 1);
        assert_eq!(strict.quota(secs(50)).windows[0].used, 2);
        assert!(allowed(&mut lenient, 60_000));
        // A fixed window forgets all of it, a sliding one still holds the call that was refused.
        assert_eq!(allowed(&mut strict, 60_000), kind == FIXED);
    }
    // Counted also where it would have been allowed.
    let mut emulator = emulator(windows("1/60s,2/60s").count_refused(true));
    assert!(allowed(&mut emulator, 0));
    assert!(!allowed(&mut emulator, 0));
    assert_eq!(emulator.quota(secs(0)).windows[1].used, 2);
}

#[test]
fn a_refusal_names_the_window_that_is_shut_longest() {
    let mut emulator = emulator(windows("1/60s,1/100s"));
    assert!(allowed(&mut emulator, 0));
    let (response, body) = refused(&mut emulator, 1);
    assert!(!response.headers().contains_key("retry-after"));
    let message = "Quota exceeded for quota metric 'Requests' and limit 'Requests per 100 seconds' of service 'androidmanagement.googleapis.com' for consumer 'project_number:7'.";
    let expected = json!({"error": {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "message": message,
        "errors": [{"message": message, "domain": "global", "reason": "rateLimitExceeded"}],
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": {
                "service": "androidmanagement.googleapis.com",
                "consumer": "projects/7",
                "quota_location": "global",
                "quota_metric": "androidmanagement.googleapis.com/requests",
                "quota_limit": "RequestsPer100SecondsPerProject",
                "quota_limit_value": "1",
                "quota_unit": "1/100s/{project}",
            },
        }],
    }});
    assert_eq!(body, expected);
    let mut emulator = self::emulator(windows("1/60s"));
    assert!(allowed(&mut emulator, 0));
    let metadata = refused(&mut emulator, 1).1["error"]["details"][0]["metadata"].take();
    assert_eq!(metadata["quota_limit"], "RequestsPerMinutePerProject");
    assert_eq!(metadata["quota_unit"], "1/min/{project}");
}

#[test]
fn hints_are_the_time_until_the_call_would_pass() {
    let hinting = |hints| windows("2/60s").kind(SLIDING).hints(hints);
    let mut precise = emulator(hinting(Hints::RetryInfo));
    assert!(allowed(&mut precise, 0) && allowed(&mut precise, 10_000));
    assert_eq!(delay(&mut precise, 14_163), "45.837000000s");
    let mut strict = emulator(hinting(Hints::RetryInfo).count_refused(true));
    assert!(allowed(&mut strict, 0) && allowed(&mut strict, 10_000));
    // This refusal is spent too, so it is the second call that has to come back.
    assert_eq!(delay(&mut strict, 20_000), "50.000000000s");
    assert!(allowed(&mut strict, 70_000));

    let mut coarse = emulator(hinting(Hints::RetryAfter));
    assert!(allowed(&mut coarse, 0) && allowed(&mut coarse, 0));
    for (at, seconds) in [(0, "60"), (1, "60"), (1000, "59"), (59_999, "1")] {
        let (response, body) = refused(&mut coarse, at);
        assert_eq!(response.headers()["retry-after"], seconds, "{at}");
        assert_eq!(body["error"]["details"].as_array().unwrap().len(), 1);
    }
    // Who has two windows against him waits for both.
    let mut both = emulator(windows("1/60s,1/100s").hints(Hints::RetryInfo));
    assert!(allowed(&mut both, 0));
    assert_eq!(delay(&mut both, 30_000), "70.000000000s");
    assert!(!allowed(&mut both, 99_999) && allowed(&mut both, 100_000));
}

#[test]
fn hints_are_in_the_real_seconds_of_a_scaled_clock() {
    let scaled = |hints, times| {
        let quota = windows("1/60s").kind(SLIDING).hints(hints);
        let mut emulator = emulator_of(Config::default().quota(quota).time_scale(times));
        assert!(allowed(&mut emulator, 0));
        emulator
    };
    assert_eq!(
        delay(&mut scaled(Hints::RetryInfo, 100), 30_000),
        "0.300000000s"
    );
    // Rounded up: a nanosecond less and the window would be shut.
    assert_eq!(
        delay(&mut scaled(Hints::RetryInfo, 7), 30_000),
        "4.285714286s"
    );
    let (response, _) = refused(&mut scaled(Hints::RetryAfter, 100), 30_000);
    assert_eq!(response.headers()["retry-after"], "1");
}

#[test]
fn what_never_gets_to_the_quota_is_not_spent() {
    let mut emulator = emulator_of(
        Config::default()
            .quota(windows("1/60s"))
            .script(r#"[{"status": 503, "method": "devices.list"}]"#.parse().unwrap()),
    );
    let devices = format!("{}/devices", emulator.grandparent());
    assert_eq!(ask(&mut emulator, 0, &devices).status(), 503);
    let stranger = Request::get(format!("http://emulator/v1/{devices}"))
        .header("authorization", "Bearer wrong")
        .body(Bytes::new())
        .unwrap();
    let response = respond(emulator.handle(secs(0), &stranger).action);
    assert_eq!(response.status(), 401);
    assert_eq!(ask(&mut emulator, 0, "nothing").status(), 404);
    // The one call there is, spent on something that is wrong in itself.
    let odd = format!("{devices}?unknown=1");
    assert_eq!(ask(&mut emulator, 0, &odd).status(), 400);
    assert_eq!(ask(&mut emulator, 0, &odd).status(), 429);
    let report = emulator.quota(secs(0));
    assert_eq!((report.allowed, report.refused), (1, 1));
}

#[test]
fn a_refused_cancel_has_no_effect_even_through_a_fault() {
    let script = r#"[{"method": "cancel", "skip": 1, "action": "reset", "effect": true}]"#;
    let config = Config::default()
        .quota(windows("1/60s"))
        .script(script.parse().unwrap());
    let mut emulator = emulator_of(config);
    let names = emulator.pending(secs(0));
    assert_eq!(common::cancel(&mut emulator, secs(0), &names[0]).0, 200);
    let reply = common::reply(
        &mut emulator,
        secs(0),
        "POST",
        &format!("/v1/{}:cancel", names[1]),
    );
    assert!(!reply.effect);
    assert_eq!(emulator.pending(secs(0)), [names[1].clone()]);
}

#[test]
fn the_clock_can_be_advanced_and_set_back() {
    let mut emulator = emulator(windows("1/60s").kind(SLIDING));
    assert!(allowed(&mut emulator, 30_000));
    assert!(!allowed(&mut emulator, 0), "the past is not free");
    emulator.advance(secs(60));
    assert!(allowed(&mut emulator, 30_000));
}

#[test]
fn the_endpoint_shows_what_is_spent() {
    let show = |emulator: &mut Emulator, at: u64| -> Value {
        let request = Request::get("/_emulator/quota").body(Bytes::new()).unwrap();
        let response = respond(emulator.handle(secs(at), &request).action);
        assert_eq!(response.status(), 200);
        serde_json::from_slice(response.body()).unwrap()
    };
    let per_resource: Window = "2/30s".parse().unwrap();
    let mut emulator = emulator(
        windows("4/60s")
            .per_resource(Some(per_resource))
            .kind(SLIDING),
    );
    let name = emulator.pending(secs(0)).remove(0);
    let device = name.split("/operations/").next().unwrap().to_owned();
    for status in [200, 200, 429] {
        assert_eq!(ask(&mut emulator, 0, &name).status(), status);
    }
    assert!(allowed(&mut emulator, 0));
    let enterprise = emulator.grandparent().to_owned();
    let expected = json!({
        "windows": [{"limit": 4, "span_s": 60.0, "used": 3, "refused": 0}],
        "per_resource": {"limit": 2, "span_s": 30.0, "used": 2, "refused": 1},
        "resources": [
            {"method": "get", "resource": device, "used": 2},
            {"method": "devices.list", "resource": enterprise, "used": 1},
        ],
        "allowed": 3,
        "refused": 1,
    });
    assert_eq!(show(&mut emulator, 0), expected);
    // Time passes without calls.
    let later = show(&mut emulator, 30);
    assert_eq!(later["windows"][0]["used"], 3);
    assert_eq!(later["resources"], json!([]));
    assert_eq!(show(&mut emulator, 60)["windows"][0]["used"], 0);

    let nothing = show(&mut Emulator::new(Config::default()), 0);
    let expected =
        json!({"windows": [], "per_resource": null, "resources": [], "allowed": 0, "refused": 0});
    assert_eq!(nothing, expected);
}
