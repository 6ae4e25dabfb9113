//! Nothing is sent before it is clear what is meant.

use std::fs;

use countermand_emulator::Fate;
use countermand_fleet::store::{Job, Kind, Settings};

use crate::api::Api;
use crate::fleet::Fleet;
use crate::process::Run;

const GOOD: Fate = Fate::Cancellable;

fn refused(fleet: &Fleet, run: &Run, code: i32, words: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{run:?}");
    assert!(run.stderr.contains(words), "{words}: {run:?}");
    assert!(!run.stderr.contains('\u{1b}'), "{run:?}");
    assert_eq!(fleet.cancels(), (0, 0), "{run:?}");
}

#[test]
fn what_is_not_confirmed_is_8() {
    let fleet = Fleet::planned([GOOD; 3], &[]);
    let enterprise = fleet.enterprise();
    let right = format!("{enterprise}:3");
    let run = fleet.command(&["apply", &fleet.job]).run();
    refused(&fleet, &run, 8, "no terminal to ask at; nothing was sent");
    // It says what would have to be confirmed.
    assert!(
        run.stderr.contains(&format!("--confirm {right}")),
        "{run:?}"
    );
    for wrong in [
        &format!("{enterprise}:2"),
        &format!("{enterprise}:30"),
        &enterprise,
        "LCanother:3",
        &format!("{right},LCanother:1"),
        "yes",
        "",
    ] {
        let run = fleet
            .command(&["apply", &fleet.job, "--confirm", wrong])
            .run();
        refused(&fleet, &run, 8, "nothing was sent");
    }
    assert_eq!(fleet.requests(), 0);
    let long = format!("enterprises/{right}");
    let run = fleet
        .command(&["apply", &fleet.job, "--confirm", &long])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn a_stale_plan_is_8_unless_it_was_begun() {
    let fleet = Fleet::planned([GOOD], &[]);
    // The plan was written by a process that has ended: a millisecond is over.
    let run = fleet.apply(&["--max-age", "1ms"]).run();
    refused(&fleet, &run, 8, "--max-age");
    assert_eq!(fleet.requests(), 0);
    assert_eq!(fleet.apply(&["--max-age", "1h"]).run().code, 0);
    assert_eq!(fleet.apply(&["--max-age", "1ms"]).run().code, 0);
}

#[test]
fn a_rescue_that_is_not_confirmed_leaves_nothing() {
    let fleet = Fleet::of(Api::new([GOOD]));
    let whole = format!("enterprises/{}", fleet.enterprise());
    // A number looks like a limit, which it is not.
    let numbered = format!("{}:1", fleet.enterprise());
    let confirms = [
        &[][..],
        &["--confirm", "LCanother"],
        &["--confirm", &numbered],
    ];
    for confirm in confirms {
        let args = [&["rescue", &whole, "--job", &fleet.job], confirm].concat();
        let run = fleet.command(&args).run();
        refused(&fleet, &run, 8, "nothing was sent");
        assert_eq!(fs::read_dir(fleet.folder()).unwrap().count(), 0);
    }
    assert_eq!(fleet.requests(), 0);
}

/// As one is left by a kill before the devices to search were written down.
#[test]
fn a_rescue_of_nothing_is_8() {
    let fleet = Fleet::of(Api::new([GOOD]));
    let mut settings = Settings::new(Kind::Rescue);
    settings.lane_mut().endpoint = format!("{}/v1", fleet.endpoint);
    let job = Job::create(&fleet.job, &settings, countermand_fleet::now()).unwrap();
    job.close().unwrap();
    for confirm in [&[][..], &["--confirm", &fleet.enterprise()]] {
        let args = [&["apply", &fleet.job], confirm].concat();
        refused(&fleet, &fleet.command(&args).run(), 8, "before it began");
    }
}

/// A job file may come from anywhere: this run has to name the server, too, whatever is sent.
#[test]
fn fault_57_another_endpoint_than_the_jobs_is_8() {
    let fleet = Fleet::planned([GOOD], &[]);
    let server = format!("{}/v1", fleet.endpoint);
    for recheck in [&[][..], &["--recheck"]] {
        // Google's, which is meant where nothing is said, is another one.
        let run = fleet.apply(recheck).without("COUNTERMAND_ENDPOINT").run();
        refused(
            &fleet,
            &run,
            8,
            "https://androidmanagement.googleapis.com/v1",
        );
        assert!(
            run.stderr.contains(&format!("the job is for {server}")),
            "{run:?}"
        );
        assert!(
            run.stderr.contains(&format!("--endpoint {server}")),
            "{run:?}"
        );
        let args = [&["--endpoint", "http://127.0.0.1:9"], recheck].concat();
        refused(
            &fleet,
            &fleet.apply(&args).run(),
            8,
            "http://127.0.0.1:9/v1",
        );
    }
    assert_eq!(fleet.requests(), 0);
    let process = fleet.apply(&["--endpoint", &server]);
    assert_eq!(process.without("COUNTERMAND_ENDPOINT").run().code, 0);
}

#[test]
fn fault_57_plan_and_status_show_an_endpoint_that_is_not_googles() {
    let fleet = Fleet::of(Api::new([GOOD]));
    let run = fleet.plan(&[]);
    let server = format!("{}/v1, which is not Google's server", fleet.endpoint);
    assert!(run.stdout.contains(&format!("at {server}")), "{run:?}");
    let again = format!("--endpoint {}/v1", fleet.endpoint);
    assert!(run.stdout.contains(&again), "{run:?}");
    let status = fleet.command(&["status", &fleet.job]).run();
    assert!(
        status.stdout.contains(&format!("For {server}")),
        "{status:?}"
    );
    assert!(status.stdout.contains(&again), "{status:?}");

    let google = Fleet::of(Api::new([GOOD]));
    let args = ["plan", "-", "--output", &google.job];
    let plan = google.command(&args).without("COUNTERMAND_ENDPOINT");
    let run = plan.input(google.names.join("\n")).run();
    let status = google.command(&["status", &google.job]).run();
    for text in [run.stdout, status.stdout] {
        assert!(
            !text.contains("Google") && !text.contains("--endpoint"),
            "{text}"
        );
    }
}

/// The difference is told; what to type to be let through is not.
#[test]
fn a_wrong_count_is_a_difference_and_no_hint() {
    let fleet = Fleet::planned([GOOD; 3], &[]);
    let enterprise = fleet.enterprise();
    let wrong = format!("{enterprise}:9999");
    let run = fleet
        .command(&["apply", &fleet.job, "--confirm", &wrong])
        .run();
    let words = format!(
        "the job has 3 operations of enterprises/{enterprise}, the confirmation says 9,999"
    );
    refused(&fleet, &run, 8, &words);
    assert!(
        run.stderr.contains("3 operations to be cancelled"),
        "{run:?}"
    );
    assert!(!run.stderr.contains("--confirm"), "{run:?}");
    // A text that is no confirmation may be anything, and is not repeated.
    let run = fleet
        .command(&["apply", &fleet.job, "--confirm", "ya29.secret"])
        .run();
    refused(&fleet, &run, 8, "nothing was sent");
    let run = fleet
        .command(&["apply", &fleet.job, "--confirm", "LC01:ya29.secret"])
        .run();
    refused(
        &fleet,
        &run,
        8,
        "--confirm, value 1: expected ENTERPRISE:COUNT",
    );
    assert!(!run.stderr.contains("secret"), "{run:?}");
}

#[test]
fn without_a_token_it_is_4_and_nothing_has_begun() {
    let fleet = Fleet::planned([GOOD], &[]);
    let run = fleet.apply(&[]).without("COUNTERMAND_TOKEN").run();
    refused(&fleet, &run, 4, "COUNTERMAND_TOKEN");
    // Still a plan that may grow stale.
    let run = fleet.apply(&["--max-age", "1ms"]).run();
    refused(&fleet, &run, 8, "--max-age");
}

#[test]
fn files_that_are_there_are_left_alone() {
    let fleet = Fleet::planned([GOOD], &[]);
    let before = fs::read(&fleet.job).unwrap();
    let run = fleet.plan(&[]);
    refused(&fleet, &run, 2, "exists");
    refused(&fleet, &fleet.rescue(&[]).run(), 2, "already");
    for form in ["html", "csv", "ndjson"] {
        let args = [
            "report", &fleet.job, "--output", &fleet.job, "--format", form,
        ];
        refused(
            &fleet,
            &fleet.command(&args).run(),
            2,
            "the job itself is there",
        );
    }
    assert_eq!(fs::read(&fleet.job).unwrap(), before);
    assert_eq!(fleet.requests(), 0);
}

#[test]
fn nothing_to_do_is_0_and_leaves_no_file() {
    let fleet = Fleet::of(Api::new([]));
    let whole = format!("enterprises/{}", fleet.enterprise());
    let run = fleet
        .command(&["plan", &whole, "--output", &fleet.job])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("nothing to do"), "{run:?}");
    assert!(!fs::exists(&fleet.job).unwrap());
}
