//! Faults 16 to 18, 29 and 30, and what `--recheck` does: how a job ends, and how it goes on.

use std::fs;
use std::time::Duration;

use countermand_emulator::{Fate, NewOperation, NewParent, Script, State};
use serde_json::{Value, json};

use crate::api::{Api, COMPLETES};
use crate::fleet::{Fleet, resume};
use crate::process::{Process, Run};

const GOOD: Fate = Fate::Cancellable;

fn script(fleet: &Fleet, faults: Value) {
    let script = Script::from_value(faults).unwrap();
    fleet.shared.with(|emulator, _| emulator.set_script(script));
}

/// The command that was printed to go on, in a shell.
fn go_on(fleet: &Fleet, run: &Run) -> Run {
    Process::shell(&resume(run))
        .env("COUNTERMAND_TOKEN", crate::api::TOKEN)
        .env("COUNTERMAND_ENDPOINT", &fleet.endpoint)
        .run()
}

#[test]
fn fault_16_a_closed_enterprise_does_not_stop_the_others() {
    let mut api = Api::new([GOOD; 5]);
    for number in 0..20 {
        let device = NewParent::with([NewOperation::new(GOOD)]);
        let device = device.name(format!("enterprises/LCforeign/devices/d{number}"));
        let added = api
            .shared
            .with(|emulator, now| emulator.add(now, device).unwrap());
        api.names.extend(added.operations);
    }
    let fleet = Fleet::of(api);
    assert_eq!(fleet.plan(&[]).code, 0);
    let fault = json!([{"fault": "forbidden-enterprise", "name": "enterprises/LCforeign"}]);
    script(&fleet, fault);
    let run = fleet.apply(&["--in-flight", "2"]).run();
    assert_eq!(run.code, 4, "{run:?}");
    assert!(
        run.stderr
            .contains("enterprises/LCforeign denies everything and is left alone"),
        "{run:?}"
    );
    assert_eq!(fleet.verdicts()[..5], ["cancelled"; 5]);
    let denied = fleet.requests_for("LCforeign");
    assert!((1..=8).contains(&denied), "{denied} of 20 were hammered");
    script(&fleet, json!([]));
    let run = go_on(&fleet, &run);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(fleet.verdicts(), ["cancelled"; 25]);
    assert_eq!(fleet.states()[..5], [State::Cancelled; 5]);
}

#[test]
fn fault_52_a_plan_tells_and_notes_the_lists_that_were_not_asked_for() {
    let api = Api::new([GOOD; 5]);
    for number in 0..20 {
        let device = NewParent::with([NewOperation::new(GOOD)]);
        let device = device.name(format!("enterprises/LCforeign/devices/d{number}"));
        api.shared
            .with(|emulator, now| emulator.add(now, device).unwrap());
    }
    let fleet = Fleet::of(api);
    // The operations of 6 devices are listed; then the enterprise denies everything.
    let fault =
        json!([{"fault": "forbidden-enterprise", "method": "list", "skip": 6, "times": null}]);
    script(&fleet, fault);
    let args = ["plan", "enterprises/LCforeign", "--in-flight", "1"];
    let run = fleet
        .command(&[&args[..], &["--output", &fleet.job]].concat())
        .run();
    assert_eq!(run.code, 4, "{run:?}");
    let told = "WARNING: 3 lists could not be read and 11 not asked for after that";
    assert!(run.stdout.contains(told), "{run:?}");
    let status = fleet.command(&["status", &fleet.job]).run();
    assert!(
        status
            .stdout
            .contains("11 lists not asked for, after a failure"),
        "{status:?}"
    );
}

#[test]
fn fault_16_denied_everywhere_stops_the_job_which_goes_on_later() {
    let fleet = Fleet::planned([GOOD; 30], &[]);
    for fault in ["scope-insufficient", "service-disabled", "unauthenticated"] {
        script(&fleet, json!([{"fault": fault}]));
        let before = fleet.requests();
        let run = fleet.apply(&["--in-flight", "3"]).run();
        assert_eq!(run.code, 4, "{fault}: {run:?}");
        let requests = fleet.requests() - before;
        assert!((1..=6).contains(&requests), "{fault}: {requests}");
        assert!(run.stdout.contains("30 not resolved"), "{fault}: {run:?}");
    }
    script(&fleet, json!([]));
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(fleet.states(), [State::Cancelled; 30]);
}

#[test]
fn fault_17_a_lower_limit_is_adopted_and_remembered() {
    let fleet = Fleet::planned([GOOD; 14], &["--share", "1", "--per-resource", "none"]);
    let metadata = json!({"quota_limit_value": "10", "quota_unit": "1/min/{project}"});
    let details = json!([{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED", "domain": "googleapis.com", "metadata": metadata,
    }]);
    let body = json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED",
        "message": "Quota exceeded.", "details": details}});
    script(
        &fleet,
        json!([{"status": 429, "headers": {"retry-after": "1"}, "body": body}]),
    );
    let running = fleet.apply(&["--in-flight", "1"]).start();
    running.until("the pause", |running| {
        running.stderr().contains("refuses requests for the quota")
    });
    running.until("what the lower limit allows", |_| fleet.requests() >= 10);
    running.until("a line of progress", |running| {
        running.stderr().contains("quota left 0")
    });
    assert_eq!(running.kill().code, -1);
    assert_eq!(fleet.requests(), 10, "one was refused");

    // The next process knows the limit, and what was spent of it.
    let running = fleet.apply(&[]).start();
    running.until("a line of progress", |running| {
        running.stderr().contains("quota left 0")
    });
    running.signal("INT");
    let run = running.wait();
    assert_eq!(run.code, 130, "{run:?}");
    assert_eq!(fleet.requests(), 10, "{run:?}");
}

#[test]
fn fault_18_a_quota_of_zero_is_6_and_goes_on_later() {
    let fleet = Fleet::planned([GOOD; 12], &[]);
    script(&fleet, json!([{"fault": "quota-zero"}]));
    let run = fleet.apply(&["--in-flight", "2"]).run();
    assert_eq!(run.code, 6, "{run:?}");
    assert!(
        run.stderr.contains("quota is zero") || run.stdout.contains("quota is zero"),
        "{run:?}"
    );
    assert!(fleet.requests() <= 2);
    script(&fleet, json!([]));
    // The pause that the server asked for is over, as no client was told of one.
    let run = go_on(&fleet, &run);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(fleet.states(), [State::Cancelled; 12]);
}

#[test]
fn fault_29_pending_is_5_and_can_be_applied_again() {
    let fleet = Fleet::planned([Fate::Stuck, GOOD], &["--deadline", "300ms"]);
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 5, "{run:?}");
    assert_eq!(fleet.verdicts(), ["pending", "cancelled"]);
    assert!(run.stdout.contains("1 not resolved; to go on:"), "{run:?}");
    let good = fleet.requests_for(&fleet.names[1]);
    // The printed command works as it is; this time the device is found.
    script(
        &fleet,
        json!([{"method": "cancel", "set": {"fate": "cancellable"}}]),
    );
    let run = go_on(&fleet, &run);
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(fleet.verdicts(), ["cancelled"; 2]);
    assert_eq!(fleet.states(), [State::Cancelled; 2]);
    assert_eq!(fleet.requests_for(&fleet.names[1]), good);
}

#[test]
fn fault_30_completed_anyway_is_3_and_told_first() {
    let fates = [GOOD, GOOD, COMPLETES, GOOD, Fate::Vanishes];
    let fleet = Fleet::planned(fates, &["--order", "input"]);
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 3, "{run:?}");
    let verdicts = ["cancelled", "cancelled", "completed", "cancelled", "gone"];
    assert_eq!(fleet.verdicts(), verdicts);
    let (_, summary) = run.stdout.split_once("\n\n").unwrap();
    let mut lines = summary.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("WARNING: 1 completed anyway")
    );
    assert_eq!(lines.next().unwrap().trim(), fleet.names[2]);
    let html = fleet.file("report.html");
    let report = ["report", &fleet.job, "--output", html.to_str().unwrap()];
    assert_eq!(fleet.command(&report).run().code, 0);
    let html = fs::read_to_string(html).unwrap();
    // A table may break a name after its slashes.
    let device = |at: usize| fleet.names[at].split('/').nth(3).unwrap().to_owned();
    let first = html.find(&device(2)).unwrap();
    assert!([0, 1, 3].map(|at| html.find(&device(at)).unwrap() > first) == [true; 3]);

    // Applied again, it says the same, and sends nothing.
    let before = fleet.requests();
    let run = fleet.apply(&[]).run();
    assert_eq!((run.code, fleet.requests()), (3, before), "{run:?}");
}

#[test]
fn a_finished_job_is_0_and_asks_nobody() {
    let fleet = Fleet::planned([GOOD; 3], &[]);
    assert_eq!(fleet.apply(&[]).run().code, 0);
    let before = fleet.requests();
    for options in [&[][..], &["--recheck"], &["--json"]] {
        let run = fleet.apply(options).run();
        assert_eq!((run.code, fleet.requests()), (0, before), "{run:?}");
    }
}

#[test]
fn a_recheck_looks_and_cancels_nothing() {
    let fates = [Fate::Stuck, Fate::Stuck, GOOD];
    let fleet = Fleet::planned(fates, &["--deadline", "300ms"]);
    assert_eq!(fleet.apply(&[]).run().code, 5);
    let cancels = fleet.cancels();
    // No phrase is asked for: nothing is cancelled.
    let recheck = |fleet: &Fleet| fleet.command(&["apply", &fleet.job, "--recheck"]).run();
    let run = recheck(&fleet);
    assert_eq!(run.code, 5, "{run:?}");
    let completes = json!([{"method": "get", "name": fleet.names[0],
        "set": {"fate": "completes", "after_ms": 0}}]);
    script(&fleet, completes);
    let run = recheck(&fleet);
    assert_eq!(run.code, 3, "{run:?}");
    assert_eq!(fleet.verdicts(), ["completed", "pending", "cancelled"]);
    assert_eq!(fleet.cancels(), cancels);
}

/// It starts no plan, so the greatest age goes on to hold; and the command that it prints does something.
#[test]
fn a_recheck_of_a_plan_that_was_never_applied_is_no_run() {
    let fleet = Fleet::planned([GOOD; 2], &[]);
    let run = fleet.apply(&["--recheck"]).run();
    assert_eq!((run.code, fleet.requests()), (5, 0), "{run:?}");
    let recheck = run;
    let status = fleet.command(&["status", &fleet.job]).run();
    assert!(
        status.stdout.starts_with("Never applied so far."),
        "{status:?}"
    );
    let run = fleet.apply(&["--max-age", "1ms"]).run();
    assert_eq!((run.code, fleet.requests()), (8, 0), "{run:?}");
    let run = go_on(&fleet, &recheck);
    assert_eq!(run.code, 0, "{recheck:?}: {run:?}");
}

#[test]
fn fault_52_a_rescue_takes_on_no_more_than_max_and_counts_no_more_as_left() {
    let fleet = Fleet::of(Api::new([GOOD; 9]));
    let run = fleet.rescue(&["--max", "4"]).run();
    assert_eq!(run.code, 5, "{run:?}");
    assert!(
        run.stderr.contains("5 more were found than --max allows"),
        "{run:?}"
    );
    assert_eq!(fleet.cancels().1, 4);
    let states = fleet.states();
    let pending = states.iter().filter(|state| **state == State::Pending);
    assert_eq!(pending.count(), 5);
    // Nothing says that `apply` would take them up, which it does not.
    let status = fleet.command(&["status", &fleet.job]).run();
    for told in [&run.stdout, &status.stdout] {
        assert!(
            told.contains("5 beyond --max, left alone; to go on:\n  countermand rescue "),
            "{told}"
        );
        assert!(!told.contains("not resolved"), "{told}");
    }
    let before = fleet.cancels();
    fleet.apply(&[]).run();
    assert_eq!(fleet.cancels(), before);
}

#[test]
fn an_operation_that_is_refused_is_1() {
    let fleet = Fleet::planned([GOOD; 2], &[]);
    let refused = json!([{"status": 400, "times": null, "name": fleet.names[1]}]);
    script(&fleet, refused);
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(fleet.verdicts(), ["cancelled", "error"]);
    // Asked again, it would be refused again.
    let before = fleet.requests();
    let run = fleet.apply(&[]).run();
    assert_eq!((run.code, fleet.requests()), (1, before), "{run:?}");
}

/// One rule for both words, whatever becomes of an operation: refused, in doubt, gone, accepted.
#[test]
fn fault_2_a_cancel_may_have_been_delivered_in_each_phase_but_unsent() {
    let after = Duration::ZERO;
    let fates = [Fate::Purged { after }, GOOD, GOOD, Fate::Stuck, Fate::Stuck];
    let fleet = Fleet::planned(fates, &["--deadline", "1s"]);
    let [_, refused, gone, doubt, _] = &fleet.names[..] else {
        unreachable!("five fates");
    };
    script(
        &fleet,
        json!([
            {"status": 400, "name": refused, "times": null},
            {"fault": "reset-after", "method": "cancel", "name": gone},
            {"status": 404, "name": gone, "times": null},
            {"status": 503, "method": "cancel", "name": doubt, "times": null},
        ]),
    );
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 3, "{run:?}");
    let mut lines = fleet.command(&["report", &fleet.job]).run().json();
    lines.pop();
    let words = |line: &Value| {
        let error = line["error"].get("maybe_delivered").cloned();
        (line["state"].clone(), line["phase"].clone(), error)
    };
    let told = lines.iter().map(words).collect::<Vec<_>>();
    let row = |state: &str, phase: &str, may: Option<bool>| {
        (json!(state), json!(phase), may.map(Value::from))
    };
    assert_eq!(
        told,
        [
            row("error", "unsent", Some(false)),
            row("error", "unsent", Some(false)),
            row("gone", "maybe_sent", Some(true)),
            row("error", "maybe_sent", Some(true)),
            row("pending", "accepted", None),
        ]
    );
}
