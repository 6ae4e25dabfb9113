//! Fault 42: told to stop, and without a reader.

use std::time::{Duration, Instant};

use countermand_emulator::{Fate, Script, State};
use serde_json::json;

use crate::api::{Api, TOKEN};
use crate::fleet::{Fleet, resume};
use crate::process::{Process, Running};

/// Three cancels one after the other, the second of which hangs; returns when it does.
fn hanging(options: &[&str]) -> (Fleet, Running) {
    let fleet = Fleet::planned([Fate::Cancellable; 3], &["--order", "input"]);
    let second = fleet.names[1].clone();
    script(
        &fleet,
        json!([{"fault": "stall", "name": second, "times": null}]),
    );
    let running = fleet
        .apply(&[&["--in-flight", "1"], options].concat())
        .start();
    running.until("the request that hangs", |_| {
        fleet.requests_for(&second) > 0
    });
    (fleet, running)
}

fn script(fleet: &Fleet, faults: serde_json::Value) {
    let script = Script::from_value(faults).unwrap();
    fleet.shared.with(|emulator, _| emulator.set_script(script));
}

#[test]
fn fault_42_sigint_drains_and_prints_the_command_that_goes_on() {
    let (fleet, running) = hanging(&[]);
    let told = Instant::now();
    running.signal("INT");
    let run = running.wait();
    assert_eq!(run.code, 130, "{run:?}");
    let took = told.elapsed();
    assert!(took >= Duration::from_secs(4), "it drains: {took:?}");
    assert!(took < Duration::from_secs(9), "it does not wait: {took:?}");
    assert!(
        run.stderr.contains("stopping: nothing new is sent"),
        "{run:?}"
    );
    assert_eq!(fleet.requests_for(&fleet.names[2]), 0);
    let first = fleet.requests_for(&fleet.names[0]);
    assert_eq!(first, 1, "accepted, and not polled yet");

    script(&fleet, json!([]));
    let run = Process::shell(&resume(&run))
        .env("COUNTERMAND_TOKEN", TOKEN)
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(fleet.states(), [State::Cancelled; 3]);
    assert_eq!(fleet.verdicts(), ["cancelled"; 3]);
    assert_eq!(fleet.requests_for(&fleet.names[0]), 2, "only a look");
}

/// The first cancel is carried out and its answer lost, the second is answered with 404, and the stop comes
/// before the look that would tell what the 404 means.
#[test]
fn fault_42_a_404_behind_a_cancel_in_doubt_is_looked_at_by_the_next_run() {
    let fleet = Fleet::planned([Fate::Cancellable], &[]);
    let name = fleet.names[0].clone();
    script(
        &fleet,
        json!([
            {"method": "cancel", "action": "reset", "effect": true, "set": {"fate": "vanishes"}},
            {"method": "cancel", "delay_ms": 3000, "times": null},
        ]),
    );
    let running = fleet.apply(&[]).start();
    running.until("the second cancel", |_| fleet.requests_for(&name) > 1);
    running.signal("INT");
    let run = running.wait();
    assert_eq!(run.code, 130, "{run:?}");

    script(&fleet, json!([]));
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 3, "it may have executed: {run:?}");
    assert_eq!(fleet.verdicts(), ["gone"]);
}

#[test]
fn fault_42_sigterm_is_143_and_a_second_signal_ends_it_at_once() {
    let (fleet, running) = hanging(&["--json"]);
    running.signal("TERM");
    running.until("the answer to the first", |running| {
        running.stderr().contains("stopping")
    });
    let told = Instant::now();
    running.signal("TERM");
    let run = running.wait();
    assert_eq!(run.code, 143, "{run:?}");
    assert!(told.elapsed() < Duration::from_secs(4), "it did not drain");
    script(&fleet, json!([]));
    assert_eq!(fleet.apply(&[]).run().code, 0);
    assert_eq!(fleet.states(), [State::Cancelled; 3]);
    let (all, names) = fleet.cancels();
    assert_eq!((all, names), (4, 3), "what was in flight is asked again");
}

#[test]
fn fault_42_a_closed_standard_output_ends_no_rescue() {
    let fates = [Fate::Cancellable, Fate::Stuck].repeat(20);
    let fleet = Fleet::of(Api::new(fates));
    let more = ["--json", "--quota", "none", "--deadline", "500ms"];
    let mut running = fleet.rescue(&more).start_unread();
    running.close_stdout();
    let run = running.wait();
    assert_eq!(run.code, 5, "{run:?}");
    assert!(run.stderr.contains("standard output was closed"), "{run:?}");
    assert!(run.stderr.contains("20 cancelled"), "{run:?}");
    assert_eq!(fleet.cancels().1, 40);
    let verdicts = fleet.verdicts();
    assert_eq!(verdicts, ["cancelled", "pending"].repeat(20));
}

/// A reader that does not read holds up the output, and nothing else.
#[test]
fn fault_42_a_reader_that_does_not_read_holds_up_nothing() {
    let fleet = Fleet::planned([Fate::Cancellable; 300], &["--quota", "none"]);
    let running = fleet.apply(&["--json"]).start_unread();
    running.until("the summary", |running| {
        running.stderr().contains("300 cancelled")
    });
    assert_eq!(fleet.states(), [State::Cancelled; 300]);
    running.signal("INT");
    assert_eq!(running.wait().code, 130);
    assert_eq!(fleet.verdicts(), ["cancelled"; 300]);
}

#[test]
fn fault_42_a_report_nobody_reads_is_no_failure() {
    let fleet = Fleet::planned([Fate::Cancellable; 300], &[]);
    for command in [&["report", &fleet.job][..], &["status", &fleet.job]] {
        let mut running = fleet.command(command).start_unread();
        running.close_stdout();
        let run = running.wait();
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    }
}

#[test]
fn fault_42_a_search_that_is_stopped_leaves_no_plan() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let fleet = Fleet::of(Api::new([Fate::Cancellable]));
        script(&fleet, json!([{"fault": "stall", "times": null}]));
        let whole = format!("enterprises/{}", fleet.enterprise());
        let args = ["plan", &whole, "--output", &fleet.job];
        let running = fleet.command(&args).start();
        running.until("the request that hangs", |_| fleet.requests() > 0);
        running.signal(signal);
        assert_eq!(running.wait().code, code);
        assert!(!std::fs::exists(&fleet.job).unwrap());
    }
}

/// A terminal, or a pipe whose writer takes its time.
#[cfg(unix)]
#[test]
fn fault_42_a_signal_ends_the_waiting_for_names() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let fleet = Fleet::of(Api::new([]));
        let pipe = fleet.file("pipe");
        let pipe = pipe.to_str().unwrap();
        let line = format!(
            "mkfifo {pipe}; exec 3<>{pipe}; echo ready; exec countermand plan - --output {pipe}.job <&3"
        );
        let running = Process::shell(&line).start();
        let name = format!("/proc/{}/comm", running.id());
        running.until("the command", |_| {
            std::fs::read_to_string(&name).is_ok_and(|name| name.trim() == "countermand")
        });
        // It listens for signals before it begins to read.
        running.until("the thread that reads", |running| {
            let tasks = format!("/proc/{}/task", running.id());
            std::fs::read_dir(tasks).is_ok_and(|tasks| tasks.count() > 1)
        });
        running.signal(signal);
        let run = running.wait();
        assert_eq!(run.code, code, "{run:?}");
        assert!(run.stderr.contains("stopped; nothing was sent"), "{run:?}");
        assert!(!std::fs::exists(format!("{pipe}.job")).unwrap());
    }
}
