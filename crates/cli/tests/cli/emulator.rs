//! The quota and the clock of `countermand emulator`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::ask;
use crate::process::{Process, Running};

/// An emulator with these flags, its root, and the path of its enterprise's devices.
fn start(flags: &[&str]) -> (Running, String, String) {
    let emulator = Process::new(&[&["emulator", "--devices", "1"], flags].concat()).start();
    emulator.until("the line that says where", |emulator| {
        emulator.stdout().ends_with('\n')
    });
    let ready: Value = serde_json::from_str(&emulator.stdout()).unwrap();
    let devices = format!("/v1/{}/devices", ready["enterprise"].as_str().unwrap());
    (
        emulator,
        ready["endpoint"].as_str().unwrap().to_owned(),
        devices,
    )
}

fn stop(emulator: Running) {
    emulator.signal("TERM");
    assert_eq!(emulator.wait().code, 0);
}

fn asked(endpoint: &str, path: &str) -> Value {
    serde_json::from_str(&ask(endpoint, path, "emulator-token")).unwrap()
}

#[test]
fn every_flag_of_the_quota_arrives() {
    // A phase just short of a span: the first window cannot end while the test runs.
    let (emulator, endpoint, devices) = start(&[
        "--quota",
        "2/3600s,1000/7200s",
        "--per-resource",
        "50/3600s",
        "--window",
        "fixed",
        "--phase",
        "3599s",
        "--hints",
        "retry-info",
        "--count-refused",
    ]);
    for _ in 0..2 {
        assert!(asked(&endpoint, &devices)["devices"].is_array());
    }
    let refused = &asked(&endpoint, &devices)["error"];
    assert_eq!(refused["status"], "RESOURCE_EXHAUSTED");
    let details = refused["details"].as_array().unwrap();
    assert_eq!(details[0]["metadata"]["quota_limit_value"], "2");
    let delay = details[1]["retryDelay"].as_str().unwrap();
    let delay: f64 = delay.strip_suffix('s').unwrap().parse().unwrap();
    assert!(
        (3000.0..3599.0).contains(&delay),
        "{delay}: until the phase"
    );
    let used = asked(&endpoint, "/_emulator/quota");
    assert_eq!(
        used["windows"],
        json!([
            {"limit": 2, "span_s": 3600.0, "used": 3, "refused": 1},
            {"limit": 1000, "span_s": 7200.0, "used": 3, "refused": 0},
        ])
    );
    assert_eq!(used["per_resource"]["limit"], 50);
    assert_eq!((&used["allowed"], &used["refused"]), (&json!(2), &json!(1)));
    stop(emulator);
}

#[test]
fn fault_69_an_emulator_that_others_can_reach_says_so() {
    for (listen, warned) in [
        ("127.0.0.1:0", false),
        ("[::1]:0", false),
        ("0.0.0.0:0", true),
    ] {
        let (emulator, endpoint, devices) =
            start(&["--listen", listen, "--allow-host", "emulator.test"]);
        let stderr = emulator.stderr();
        assert_eq!(
            stderr.contains("other machines can reach"),
            warned,
            "{stderr}"
        );
        assert!(asked(&endpoint, &devices)["devices"].is_array());
        let answer = |host: &str| {
            let address = endpoint.strip_prefix("http://").unwrap();
            let mut stream = TcpStream::connect(address).unwrap();
            let request = format!(
                "GET /_emulator/quota HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer[9..12].to_owned()
        };
        assert_eq!(answer("emulator.test:80"), "200");
        assert_eq!(answer("evil.example"), "421");
        stop(emulator);
    }
}

#[test]
fn a_scaled_clock_frees_a_sliding_window_sooner() {
    let (emulator, endpoint, devices) = start(&[
        "--quota",
        "1/36000s",
        "--window",
        "sliding",
        "--hints",
        "retry-info",
        "--time-scale",
        "36000",
    ]);
    assert!(asked(&endpoint, &devices)["devices"].is_array());
    let deadline = Instant::now() + Duration::from_secs(30);
    while asked(&endpoint, &devices)["devices"].is_null() {
        assert!(Instant::now() < deadline, "ten hours are a second");
        std::thread::sleep(Duration::from_millis(20));
    }
    stop(emulator);
}

#[test]
fn bad_flags_are_refused_with_what_is_wrong() {
    for (flags, complaint) in [
        (&["--quota", "600"][..], "\"600\" is not a quota"),
        (&["--quota", "600/60s,"], "is not a quota"),
        (&["--quota", "0/60s"], "is not a quota"),
        (&["--per-resource", "60/0s"], "is not a quota"),
        (
            &["--quota", "1/1s", "--window", "round"],
            "possible values: fixed, sliding",
        ),
        (
            &["--quota", "1/1s", "--hints", "loud"],
            "possible values: none, retry-info, retry-after",
        ),
        (
            &["--quota", "1/1s", "--window", "sliding", "--phase", "1s"],
            "--phase is for fixed windows",
        ),
        (&["--quota", "1/1s", "--phase", "soon"], "expected a number"),
        (&["--window", "sliding"], "--quota"),
        (&["--phase", "1s"], "--quota"),
        (&["--hints", "none"], "--quota"),
        (&["--count-refused"], "--quota"),
        (&["--time-scale", "0"], "0 is not in 1..=1000000"),
        (&["--time-scale", "fast"], "invalid digit"),
    ] {
        let run = Process::new(&[&["emulator"], flags].concat()).run();
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{flags:?}");
        assert!(run.stderr.contains(complaint), "{flags:?}: {}", run.stderr);
    }
}
