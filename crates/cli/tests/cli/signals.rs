//! Told to stop.

use std::time::{Duration, Instant};

use countermand_emulator::{Fate, State};
use serde_json::json;

use crate::api::Api;
use crate::process::Running;

/// Three cancels one after the other, the second of which hangs; returns when it does.
fn hanging(options: &[&str]) -> (Api, Running) {
    let api = Api::new([Fate::Cancellable; 3]);
    let second = api.names[1].clone();
    let api = api.faults(json!([{"fault": "stall", "name": second, "times": null}]));
    let options = [&["--in-flight", "1"], options].concat();
    let running = api.cancel(&options).start();
    running.until("the request that hangs", |_| api.requests_for(&second) > 0);
    (api, running)
}

#[test]
fn sigint_drains_and_says_how_to_go_on() {
    let (api, running) = hanging(&[]);
    let told = Instant::now();
    running.signal("INT");
    let run = running.wait();
    assert_eq!(run.code, 130, "{run:?}");
    let took = told.elapsed();
    assert!(took >= Duration::from_secs(4), "it drains: {took:?}");
    assert!(
        took < Duration::from_secs(9),
        "it does not wait for ever: {took:?}"
    );
    assert_eq!(
        api.states(),
        [State::Cancelled, State::Pending, State::Pending]
    );
    // Looks come after all cancels, so there was no look at the first one yet.
    let sums = "3 operations: 2 unverified, 1 unsent.";
    assert!(run.stdout.contains(sums), "{run:?}");
    assert_eq!(api.requests_for(&api.names[2]), 0, "nothing new is sent");
    let names: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("enterprises/"))
        .collect();
    assert_eq!(names, api.names);
    assert!(
        run.stdout.contains("3 not resolved; to go on:\n"),
        "{run:?}"
    );
    let again = format!(
        "countermand cancel --in-flight 1 --endpoint {} {}",
        api.endpoint_v1(),
        api.names.join(" ")
    );
    assert!(run.stdout.contains(&again), "{run:?}");
}

#[test]
fn json_names_what_was_left() {
    let (api, running) = hanging(&["--json"]);
    running.signal("TERM");
    let run = running.wait();
    assert_eq!(run.code, 143, "{run:?}");
    let rows = run.json();
    assert_eq!(rows.len(), 3);
    for (row, delivered) in rows.iter().zip([true, true, false]) {
        assert!(row["verdict"].is_null());
        assert_eq!(row["error"]["kind"], "interrupted");
        assert_eq!(row["error"]["maybe_delivered"], delivered);
    }
    assert_eq!(rows[2]["name"], api.names[2].as_str());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (_api, running) = hanging(&[]);
    let told = Instant::now();
    running.signal("TERM");
    running.until("the answer to the first", |running| {
        running.stderr().contains("stopping")
    });
    running.signal("INT");
    assert_eq!(running.wait().code, 130);
    assert!(told.elapsed() < Duration::from_secs(4), "it did not drain");
}

#[test]
fn a_signal_while_names_are_read() {
    let api = Api::new([Fate::Cancellable]);
    // Standard input stays open: the end of it never comes.
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_countermand"))
        .args(["cancel", "-v", "-"])
        .env("COUNTERMAND_ENDPOINT", &api.endpoint)
        .stdin(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Signals are taken before names are read; until then one kills it, which `code` tells apart.
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"enterprises/e/devices/d/operations/..\n").unwrap();
    let mut first = String::new();
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut first).unwrap();
    assert!(first.starts_with("line 1: "), "{first}");
    let line = format!("kill -s INT {}", child.id());
    assert!(
        std::process::Command::new("sh")
            .args(["-c", &line])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(api.asked().is_empty());
    drop(stdin);
}

#[test]
fn a_reader_that_does_not_read_never_keeps_it_from_ending() {
    let api = Api::new(vec![Fate::Cancellable; 400]);
    let running = api.cancel(&["--json", "--quota", "none"]).start_unread();
    running.until("the last cancel and the summary", |running| {
        running.stderr().contains("400 operations: 400 cancelled.")
    });
    running.signal("INT");
    assert_eq!(running.wait().code, 130);
}

/// It left, and the server refused it: that is no doubt, and what waits is the server's refusal and no
/// quota of ours that is used up.
#[test]
fn what_the_quota_refused_before_a_signal_is_unsent() {
    let api = Api::new([Fate::Cancellable]).faults(json!([
        {"fault": "quota", "method": "cancel", "times": null, "headers": {"retry-after": "60"}}
    ]));
    for json in [false, true] {
        let options: &[&str] = if json { &["--json"] } else { &[] };
        let running = api.cancel(options).start();
        running.until("a line of progress", |running| {
            running.stderr().contains("next request in")
        });
        running.signal("INT");
        let run = running.wait();
        assert_eq!(run.code, 130, "{run:?}");
        let told = "the server refuses requests for the quota: everything waits for ";
        assert!(run.stderr.contains(told), "{run:?}");
        let line = run
            .stderr
            .lines()
            .find(|line| line.contains("next request in"));
        let line = line.unwrap();
        assert!(line.contains("cancels sent 1/1 (0 accepted), "), "{line}");
        assert!(
            line.contains("the server refuses for the quota") && !line.contains("quota left"),
            "{line}"
        );
        match json {
            false => assert!(run.stdout.contains("1 operation: 1 unsent."), "{run:?}"),
            true => assert_eq!(run.json()[0]["error"]["maybe_delivered"], false, "{run:?}"),
        }
    }
}
