//! The emulator's own endpoints.

use crate::common::{self, T0, cancel, get, respond, secs, send};
use bytes::Bytes;
use countermand_emulator::{Config, Emulator};
use http::Request;
use serde_json::{Value, json};

/// An admin call, which carries no token.
fn admin(emulator: &mut Emulator, method: &str, endpoint: &str, body: &str) -> (u16, String) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/_emulator/{endpoint}"));
    let request = request.body(Bytes::from(body.to_owned())).unwrap();
    let response = respond(emulator.handle(secs(1), &request).action);
    (
        response.status().as_u16(),
        String::from_utf8(response.body().to_vec()).unwrap(),
    )
}

fn rows(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn truth_and_audit_are_lines_of_json() {
    let mut emulator = Emulator::new(Config::default().parents(2).operations(1, 0));
    let name = emulator.pending(T0).remove(0);
    cancel(&mut emulator, secs(1), &name);
    let (status, truth) = admin(&mut emulator, "GET", "truth", "");
    let truth = rows(&truth);
    assert_eq!((status, truth.len()), (200, 2));
    let expected = json!({"name": name, "type": truth[0]["type"], "fate": "cancellable", "state": "cancelled", "cancelled": true});
    assert_eq!(truth[0], expected);
    let (_, audit) = admin(&mut emulator, "GET", "audit", "");
    let path = format!("/v1/{name}:cancel");
    let expected = json!({"n": 1, "time": 1000, "method": "POST", "path": path, "status": 200, "had_token": true, "effect": true});
    assert_eq!(rows(&audit), [expected]);
}

#[test]
fn a_bad_script_is_refused_and_the_old_one_stays() {
    let mut emulator = Emulator::new(Config::default());
    let name = emulator.pending(T0).remove(0);
    assert_eq!(
        admin(
            &mut emulator,
            "POST",
            "faults",
            r#"[{"status": 503, "times": null}]"#
        )
        .0,
        200
    );
    let (status, body) = admin(&mut emulator, "POST", "faults", r#"[{"status": 1}]"#);
    assert_eq!(status, 400);
    assert!(body.contains("fault 1: `status` 1"), "{body}");
    assert_eq!(cancel(&mut emulator, T0, &name).0, 503);
    assert_eq!(admin(&mut emulator, "POST", "faults", "[]").0, 200);
    assert_eq!(cancel(&mut emulator, T0, &name).0, 200);
}

#[test]
fn devices_are_added_and_named() {
    let mut emulator = Emulator::new(Config::default().parents(0));
    let body = r#"{"count": 2, "devices": [{"operations": [{"fate": "acknowledged", "after_ms": 3000}, {"type": "LOCK"}]}]}"#;
    let (status, answer) = admin(&mut emulator, "POST", "devices", body);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["enterprise"], emulator.grandparent());
    let operation = answer["devices"][1]["operations"][0].as_str().unwrap();
    assert_eq!(get(&mut emulator, secs(3), operation).1.get("done"), None);
    assert_eq!(get(&mut emulator, secs(4), operation).1["done"], true);

    // Fixed names, and more operations for a device that exists.
    let device = "enterprises/LCfixed/devices/1";
    for id in ["1", "2"] {
        let body = json!({"devices": [{"name": device, "operations": [{"id": id}]}]}).to_string();
        assert_eq!(admin(&mut emulator, "POST", "devices", &body).0, 200);
        assert_eq!(
            get(&mut emulator, secs(2), &format!("{device}/operations/{id}")).0,
            200
        );
    }
    for (bad, complaint) in [
        (
            r#"{"devices": [{"name": "devices/1"}]}"#,
            "device 1: `devices/1` is not",
        ),
        (
            r#"{"devices": [{"operations": [{}, {"fate": "stuck", "code": 3}]}]}"#,
            "device 1: operation 2: fate `stuck` takes no `code`",
        ),
        (
            r#"{"devices": [{"name": "enterprises/LCfixed/devices/1", "operations": [{"id": "1"}]}]}"#,
            "exists",
        ),
        (
            r#"{"devices": [{"operation": []}]}"#,
            "unknown field `operation`",
        ),
    ] {
        let (status, body) = admin(&mut emulator, "POST", "devices", bad);
        assert!(status == 400 && body.contains(complaint), "{bad}: {body}");
    }
}

#[test]
fn the_clock_and_the_tokens_can_be_moved() {
    let mut emulator = Emulator::new(Config::default().parents(0));
    let body = r#"{"devices": [{"operations": [{"fate": "acknowledged", "after_ms": 3000}]}]}"#;
    admin(&mut emulator, "POST", "devices", body);
    let name = emulator.pending(secs(1)).remove(0);
    assert_eq!(
        admin(&mut emulator, "POST", "clock", r#"{"advance_ms": 3000}"#).0,
        200
    );
    assert_eq!(get(&mut emulator, secs(1), &name).1["done"], true);
    assert_eq!(
        admin(&mut emulator, "POST", "tokens", r#"{"tokens": ["next"]}"#).0,
        200
    );
    assert_eq!(emulator.token(), "next");
    assert_eq!(
        send(&mut emulator, secs(1), "GET", &format!("/v1/{name}"), "").0,
        200
    );
    assert_eq!(
        admin(&mut emulator, "POST", "clock", r#"{"advance": 1}"#).0,
        400
    );
    assert_eq!(admin(&mut emulator, "GET", "nothing", "").0, 404);
}

#[test]
fn absurd_numbers_do_no_harm() {
    let mut emulator = Emulator::new(Config::default().parents(0));
    let most = u64::MAX;
    let device = json!({"operations": [
        {"fate": "acknowledged", "after_ms": most, "duration_s": most, "quirks": {"cancel_delay_ms": most}},
        {"fate": "expires", "age_s": most, "duration_s": most},
    ]});
    for _ in 0..3 {
        let body = json!({"devices": [device]}).to_string();
        assert_eq!(admin(&mut emulator, "POST", "devices", &body).0, 200);
        for name in emulator.pending(secs(1)) {
            assert_eq!(cancel(&mut emulator, secs(1), &name).0, 200);
            assert_eq!(get(&mut emulator, secs(1), &name).0, 200);
        }
        let clock = json!({ "advance_ms": most }).to_string();
        assert_eq!(admin(&mut emulator, "POST", "clock", &clock).0, 200);
    }
    let script = json!([{"action": "flood", "mib": most, "delay_ms": most}]).to_string();
    assert_eq!(admin(&mut emulator, "POST", "faults", &script).0, 200);
    let reply = common::reply(&mut emulator, secs(1), "GET", "/v1/enterprises/e/devices");
    assert!(reply.deliver(secs(5)).1.is_err());
    let many = json!({"count": most, "devices": [{}]}).to_string();
    assert_eq!(admin(&mut emulator, "POST", "devices", &many).0, 400);
}

#[test]
fn fault_69_what_is_asked_for_is_bounded() {
    let mut emulator = Emulator::new(Config::default().parents(0));
    let most = u64::MAX;
    let long = "x".repeat(10_000);
    for body in [
        json!({"count": most, "devices": []}),
        json!({"count": most, "devices": [{}]}),
        json!({"count": 100_001, "devices": [{}]}),
        json!({"count": 100_000, "devices": [{"operations": vec![json!({}); 500]}]}),
        json!({"count": 100_000, "devices": [{"operations": [{"params": {"x": long}}]}]}),
    ] {
        let (status, answer) = admin(&mut emulator, "POST", "devices", &body.to_string());
        assert_eq!(status, 400, "{answer}");
        assert!(emulator.parents().is_empty());
    }
    // As many bombs as fit into a script are one bomb in memory.
    let bombs = vec![json!({"generated": "gzip-bomb"}); 20_000];
    let script = json!(bombs).to_string();
    assert_eq!(admin(&mut emulator, "POST", "faults", &script).0, 200);
}
