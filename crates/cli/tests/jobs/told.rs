//! Faults 45, 48 and 52: what is told of a job is what is known, and of one moment.

use std::fs;
use std::time::Duration;

use countermand_emulator::{Fate, NewOperation, Quirks, Script, State};
use serde_json::{Value, json};

use crate::api::{Api, TOKEN};
use crate::fleet::{Fleet, resume};
use crate::process::{Process, Run};

const GOOD: Fate = Fate::Cancellable;

fn script(fleet: &Fleet, faults: Value) {
    let script = Script::from_value(faults).unwrap();
    fleet.shared.with(|emulator, _| emulator.set_script(script));
}

fn status(fleet: &Fleet) -> Run {
    fleet.command(&["status", &fleet.job]).run()
}

/// The line that tells of the last cancel.
fn last_cancel(run: &Run) -> &str {
    let mut lines = run.stdout.lines().filter(|line| line.contains("cancel"));
    let line = lines.find(|line| line.starts_with("The "));
    line.unwrap_or_else(|| panic!("{run:?}"))
}

#[test]
fn fault_45_the_last_cancel_is_the_last_that_left_and_of_which_run_is_said() {
    let fleet = Fleet::planned([GOOD; 40], &["--quota", "none"]);
    script(
        &fleet,
        json!([{"fault": "unauthenticated", "method": "cancel", "skip": 10}]),
    );
    let run = fleet.apply(&["--in-flight", "40"]).run();
    assert_eq!(run.code, 4, "{run:?}");
    assert!(
        last_cancel(&run).ends_with(" after the run began."),
        "{run:?}"
    );
    let first = fleet.rows();
    script(&fleet, json!([]));
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 0, "{run:?}");
    let rows = fleet.rows();
    // Those that were refused were asked again, and that is what counts.
    let again = rows
        .iter()
        .filter(|row| row.progress.asked_at() > row.progress.cancel_sent_at);
    assert!(again.count() > 0, "{rows:?}");
    let last = |rows: &[countermand_fleet::JobRow]| {
        rows.iter()
            .filter_map(|row| row.progress.asked_at())
            .max()
            .unwrap()
    };
    assert!(last(&rows) > last(&first));
    let line = last_cancel(&run);
    assert!(line.contains(" after the latest run began, "), "{line}");
    assert!(line.ends_with(" after the first."), "{line}");
    let report = fleet.command(&["report", &fleet.job]).run().json();
    let end = report.last().unwrap();
    assert_eq!(end["last_cancel_sent_at"], last(&rows).to_string());

    // Nor does a run whose cancels are refused, also where earlier ones are in doubt.
    let stuck = Fleet::planned([Fate::Stuck; 3], &["--quota", "none", "--deadline", "1s"]);
    assert_eq!(stuck.apply(&[]).run().code, 5);
    let figure = |run: &Run| {
        let counts = run.json().remove(0)["counts"].clone();
        counts["last_cancel_sent_at"].clone()
    };
    let json = || stuck.command(&["status", &stuck.job, "--json"]).run();
    let before = figure(&json());
    // A run that repeats them, or only looks, asks no operation for the first time.
    for options in [&[][..], &["--recheck"]] {
        let sent = stuck.cancels().0;
        assert_eq!(stuck.apply(options).run().code, 5);
        assert_eq!(stuck.cancels().0 > sent, options.is_empty());
        assert_eq!(figure(&json()), before, "{options:?}");
    }
    let cancels = stuck.cancels().0;
    let refused = stuck.apply(&[]).env("COUNTERMAND_TOKEN", "expired").run();
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(stuck.cancels().0 > cancels, "{refused:?}");
    assert_eq!(figure(&json()), before, "{refused:?}");
    let arrived =
        "The latest run has asked no operation for the first time; the last cancel was sent ";
    for run in [refused, status(&stuck)] {
        assert!(last_cancel(&run).starts_with(arrived), "{run:?}");
    }
    // And where each was refused, there is none at all.
    let fresh = Fleet::planned([GOOD; 3], &["--quota", "none"]);
    for process in [fresh.cancel(&["--quota", "none"]), fresh.apply(&[])] {
        let run = process.env("COUNTERMAND_TOKEN", "expired").run();
        assert!(!run.stdout.contains("The last cancel"), "{run:?}");
    }
    assert!(fresh.cancels().0 > 0);

    // A run that has nothing to send does not take the figure over.
    let run = fleet.apply(&[]).run();
    let line = last_cancel(&run);
    assert!(
        line.starts_with("The latest run has asked no operation for the first time; "),
        "{line}"
    );
}

#[test]
fn fault_45_a_refused_cancel_is_told_as_surely_not_cancelled() {
    let fleet = Fleet::planned([GOOD; 20], &["--quota", "none"]);
    script(
        &fleet,
        json!([{"fault": "unauthenticated", "method": "cancel"}]),
    );
    let run = fleet.apply(&["--in-flight", "5"]).run();
    assert_eq!(run.code, 4, "{run:?}");
    let refused = fleet
        .verdicts()
        .iter()
        .filter(|word| **word == "error")
        .count();
    assert!(refused > 0);
    let words = format!(
        "{refused} without a verdict: no cancel took effect, none was sent or every one was refused."
    );
    for run in [run, status(&fleet)] {
        assert!(run.stdout.contains(&words), "{run:?}");
        assert!(!run.stdout.contains("unverified"), "{run:?}");
    }
    assert_eq!(fleet.states(), [State::Pending; 20]);
}

/// Sent and not answered, and sent and refused for the quota: a signal stops both.
#[test]
fn fault_45_what_was_refused_before_a_stop_is_not_unverified() {
    let fleet = Fleet::planned([GOOD; 4], &["--quota", "none"]);
    script(
        &fleet,
        json!([{"fault": "quota", "method": "cancel", "times": null, "headers": {"retry-after": "60"}}]),
    );
    let running = fleet.apply(&["--in-flight", "3"]).start();
    running.until("a refusal", |running| running.stderr().contains("quota"));
    running.until("that the file tells it", |_| {
        status(&fleet).stdout.contains("4 operations: 4 unsent.")
    });
    let told = "the server refused for the quota: no request for the next 6";
    assert!(status(&fleet).stdout.contains(told));
    running.signal("INT");
    let run = running.wait();
    assert_eq!(run.code, 130, "{run:?}");
    let run = status(&fleet);
    assert!(run.stdout.contains("4 operations: 4 unsent."), "{run:?}");
    assert!(run.stdout.contains("stopped by a signal."), "{run:?}");
    script(&fleet, json!([]));
}

#[test]
fn fault_45_figures_of_a_status_are_of_one_moment() {
    let fleet = Fleet::planned([GOOD; 60], &["--quota", "none"]);
    script(
        &fleet,
        json!([{"fault": "stall", "method": "cancel", "times": null}]),
    );
    let running = fleet.apply(&["--in-flight", "20"]).start();
    running.until("requests that hang", |_| fleet.requests() >= 20);
    let number = |text: &str, words: &str| -> u64 {
        let front = text.split(words).next().unwrap();
        front
            .split([' ', '('])
            .next_back()
            .unwrap()
            .parse()
            .unwrap()
    };
    let look = || {
        let run = status(&fleet);
        let sent = run.stdout.split("cancels sent ").nth(1).unwrap();
        let sent = sent.split('/').next().unwrap().parse::<u64>().unwrap();
        let more = match run.stdout.contains(" more may have left") {
            true => number(&run.stdout, " more may have left"),
            false => 0,
        };
        let unverified = number(&run.stdout, " unverified");
        assert_eq!(sent + more, unverified, "{run:?}");
        assert!(!run.stdout.contains("cancel_sent_at"), "{run:?}");
        (sent, unverified)
    };
    look();
    // The facts are in the file after a second, and the same words tell them.
    running.until("the facts", |_| look() == (20, 20));
    let since = |run: &Run| {
        let time = run.stdout.split(" since ").nth(1).unwrap();
        time.split(',').next().unwrap().to_owned()
    };
    let alive = since(&status(&fleet));
    running.kill();
    let run = status(&fleet);
    assert_eq!(since(&run), alive, "one run begins once");
    assert!(run.stdout.contains("has recorded no end"), "{run:?}");
    assert!(
        !run.stdout.contains("requests/s"),
        "nothing is sent any more: {run:?}"
    );
}

#[test]
fn fault_45_how_a_run_ended_is_told() {
    let fleet = Fleet::planned([GOOD; 3], &[]);
    let wrong = fleet
        .command(&["apply", &fleet.job, "--confirm", "LC01:9"])
        .run();
    assert_eq!(wrong.code, 8, "{wrong:?}");
    let run = status(&fleet);
    assert!(run.stdout.starts_with("Never applied so far.\n"), "{run:?}");
    let line = &fleet
        .command(&["status", &fleet.job, "--json"])
        .run()
        .json()[0];
    assert_eq!(
        (&line["holder"], &line["activity"]),
        (&Value::Null, &json!("idle"))
    );

    script(&fleet, json!([{"fault": "unauthenticated"}]));
    assert_eq!(fleet.apply(&[]).run().code, 4);
    let run = status(&fleet);
    assert!(
        run.stdout
            .starts_with("Not applied now: the latest run ended at "),
        "{run:?}"
    );
    assert!(run.stdout.contains(": stopped: "), "{run:?}");
    script(&fleet, json!([]));
    assert_eq!(fleet.apply(&[]).run().code, 0);
    let line = &fleet
        .command(&["status", &fleet.job, "--json"])
        .run()
        .json()[0];
    let told = (&line["activity"], &line["ended"], &line["applied"]);
    assert_eq!(told, (&json!("ended"), &json!("finished"), &json!(false)));
}

#[test]
fn fault_52_what_apply_takes_up_is_what_is_called_not_resolved() {
    let mut fates = vec![Fate::Stuck; 2];
    let after = Duration::ZERO;
    fates.extend([Fate::Purged { after }; 7]);
    let fleet = Fleet::planned(fates, &["--deadline", "300ms"]);
    let run = fleet.apply(&[]).run();
    let again = status(&fleet);
    for run in [&run, &again] {
        assert!(
            run.stdout.contains("2 not resolved; to go on:\n"),
            "{run:?}"
        );
        assert!(
            run.stdout.contains("7 not tried again (not found): "),
            "{run:?}"
        );
    }
    let before = fleet.requests_for(&fleet.names[2]);
    let run = fleet.apply(&[]).run();
    assert_eq!(fleet.requests_for(&fleet.names[2]), before, "{run:?}");
    assert!(fleet.requests_for(&fleet.names[0]) > 2);
}

/// The command that a rescue prints, run as it is.
fn goes_on(fleet: &Fleet, run: &Run) {
    script(fleet, json!([]));
    let command = resume(run);
    assert!(command.contains("--in-flight 7"), "{command}");
    let run = Process::shell(&command)
        .env("COUNTERMAND_TOKEN", TOKEN)
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(fleet.states(), [State::Cancelled; 3]);
}

fn rescue(fleet: &Fleet) -> Process {
    let (enterprise, whole) = (
        fleet.enterprise(),
        format!("enterprises/{}", fleet.enterprise()),
    );
    fleet.command(&[
        "rescue",
        &whole,
        "--confirm",
        &enterprise,
        "--job",
        &fleet.job,
        "--in-flight",
        "7",
    ])
}

#[test]
fn fault_45_a_rescue_that_found_nothing_yet_prints_the_command_that_goes_on() {
    for fault in ["unauthenticated", "scope-insufficient"] {
        let fleet = Fleet::of(Api::new([GOOD; 3]));
        script(&fleet, json!([{"fault": fault}]));
        let run = rescue(&fleet).run();
        assert_eq!(run.code, 4, "{run:?}");
        assert!(
            run.stdout.contains("the search is not finished; to go on:"),
            "{run:?}"
        );
        goes_on(&fleet, &run);
    }
    for (signals, code) in [(1, 130), (2, 130)] {
        let fleet = Fleet::of(Api::new([GOOD; 3]));
        script(&fleet, json!([{"fault": "stall", "times": null}]));
        let running = rescue(&fleet).start();
        running.until("the request that hangs", |_| fleet.requests() > 0);
        for signal in 0..signals {
            running.signal("INT");
            if signal == 0 {
                running.until("the answer", |running| {
                    running.stderr().contains("stopping")
                });
            }
        }
        let run = running.wait();
        assert_eq!(run.code, code, "{run:?}");
        goes_on(&fleet, &run);
    }
}

#[test]
fn fault_59_of_a_lost_file_only_what_works_is_advised() {
    let fates = [GOOD, Fate::Stuck].repeat(30);
    let options = ["--quota", "20/1s", "--share", "1", "--deadline", "4s"];
    let fleet = Fleet::planned(fates, &options);
    let running = fleet.apply(&[]).start();
    running.until("some cancels", |_| fleet.cancels().0 >= 10);
    fs::remove_file(&fleet.job).unwrap();
    let run = running.wait();
    assert_eq!(run.code, 9, "{run:?}");
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains("countermand report"), "{run:?}");
        assert!(!text.contains("countermand apply"), "{run:?}");
    }
    let line = last_cancel(&run);
    let after = line.split("was sent ").nth(1).unwrap();
    let seconds: f64 = after.split(' ').next().unwrap().parse().unwrap();
    assert!(
        seconds > 1.5,
        "60 cancels at 20 a second take longer: {line}"
    );
}

#[test]
fn fault_29_what_has_expired_is_told_on_one_line() {
    let made = [Fate::Expires; 5].map(|fate| NewOperation::new(fate).age(3600));
    let fleet = Fleet::of(Api::with(made, Quirks::default(), None));
    assert_eq!(fleet.plan(&["--deadline", "20s"]).code, 0);
    let run = fleet.apply(&[]).run();
    assert_eq!(fleet.verdicts(), ["expired"; 5], "{run:?}");
    assert_eq!(run.code, 0, "{run:?}");
    let told = run.stdout.lines().filter(|line| line.contains("expired"));
    assert_eq!(told.count(), 2, "the counts, and what it means: {run:?}");
    assert!(
        run.stdout.contains("\n5 expired: not done when "),
        "{run:?}"
    );
    let json = fleet.command(&["report", &fleet.job]).run().json();
    assert_eq!(json.len(), 6);
}

#[test]
fn fault_48_when_the_server_fails_and_is_back_has_a_time() {
    let fleet = Fleet::planned([GOOD; 40], &["--quota", "none"]);
    script(&fleet, json!([{"status": 503, "times": 42}]));
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 0, "{run:?}");
    let noted = status(&fleet).stdout;
    for words in ["every request fails", "the server is back"] {
        let line = run.stderr.lines().find(|line| line.contains(words));
        let (time, _) = line
            .unwrap_or_else(|| panic!("{run:?}"))
            .split_once(' ')
            .unwrap();
        assert!(time.len() == 9 && time.ends_with('Z'), "{time}: {run:?}");
        let note = noted.lines().find(|line| line.contains(words));
        let note = note.unwrap_or_else(|| panic!("{noted}"));
        let time = note
            .strip_prefix("Note: ")
            .and_then(|note| note.split(": ").next());
        let time = time.unwrap();
        assert!(
            time.len() == 24 && time.starts_with("20") && time.ends_with('Z'),
            "{note}"
        );
    }
}

/// A single operation opens no circuit; another process sees its outage all the same.
#[test]
fn fault_48_status_tells_the_outage_of_a_single_operation() {
    let fleet = Fleet::planned([GOOD], &["--deadline", "60s"]);
    script(&fleet, json!([{"status": 503, "times": null}]));
    let running = fleet.apply(&[]).start();
    running.until("the outage", |running| {
        let run = status(&fleet);
        assert!(
            !run.stdout.contains(" in "),
            "nothing is estimated: {run:?}"
        );
        let told = run.stdout.contains("FAILING for");
        assert!(
            told || !running.stderr().contains("FAILING"),
            "as soon as the process itself tells it: {run:?}"
        );
        told
    });
    let run = status(&fleet);
    let counts = "So far: cancels sent 1/1 (0 accepted), verdicts 0/1, FAILING for ";
    let (_, outage) = run.stdout.split_once(counts).expect("FAILING once");
    let told = outage.lines().next().unwrap();
    assert!(!told.contains("every request fails"), "said twice: {told}");
    assert!(told.contains(" s (unavailable), "), "{told}");
    let json = fleet
        .command(&["status", &fleet.job, "--json"])
        .run()
        .json();
    let failing = &json[0]["progress"]["failing"];
    assert_eq!(
        (&failing["key"], &failing["failures"]),
        (&"unavailable".into(), &Value::Null)
    );
    script(&fleet, json!([]));
    let run = running.wait();
    assert_eq!(run.code, 0, "{run:?}");
    let noted = status(&fleet).stdout;
    assert!(noted.contains(": the server is back"), "{noted}");
    assert!(!noted.contains("FAILING"), "{noted}");
}

/// The row has the type and the time of an answer, too.
#[test]
fn a_row_of_a_name_alone_has_the_type_that_an_answer_told() {
    let fleet = Fleet::planned([GOOD], &[]);
    let row = || {
        fleet
            .command(&["report", &fleet.job])
            .run()
            .json()
            .remove(0)
    };
    let before = row();
    let command = fleet.command(&["status", &fleet.job, "--json"]);
    assert!(command.run().json()[0]["resume"].is_string());
    assert_eq!(fleet.apply(&[]).run().code, 0);
    let row = row();
    let metadata = &row["operation"]["metadata"];
    for (field, told) in [("type", "type"), ("create_time", "createTime")] {
        assert!(before[field].is_null(), "{before}");
        assert_eq!(row[field], metadata[told], "{row}");
    }
    let command = fleet.command(&["status", &fleet.job, "--json"]);
    let nothing = &command.run().json()[0]["resume"];
    assert!(nothing.is_null(), "nothing is left to be done: {nothing}");
}
