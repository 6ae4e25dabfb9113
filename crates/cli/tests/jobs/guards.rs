//! Nothing is sent before it is clear what is meant.

use std::fs;

use countermand_emulator::Fate;
use countermand_fleet::job::{Job, Kind, Settings};

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
    for confirm in [&[][..], &["--confirm", "LCanother"]] {
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
    let settings = Settings::new(Kind::Rescue);
    let job = Job::create(&fleet.job, &settings, countermand_fleet::now()).unwrap();
    job.close().unwrap();
    for confirm in [&[][..], &["--confirm", &fleet.enterprise()]] {
        let args = [&["apply", &fleet.job], confirm].concat();
        refused(&fleet, &fleet.command(&args).run(), 8, "before it began");
    }
}

#[test]
fn another_endpoint_than_the_plans_is_2() {
    let fleet = Fleet::planned([GOOD], &[]);
    let process = fleet.apply(&["--endpoint", "http://127.0.0.1:9"]);
    refused(&fleet, &process.run(), 2, "nothing was sent");
    // The one in the file is enough.
    let process = fleet.apply(&[]).without("COUNTERMAND_ENDPOINT");
    assert_eq!(process.run().code, 0);
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
    let enterprise = fleet.enterprise();
    let whole = format!("enterprises/{enterprise}");
    let args = [
        "rescue",
        &whole,
        "--job",
        &fleet.job,
        "--confirm",
        &enterprise,
    ];
    refused(&fleet, &fleet.command(&args).run(), 2, "already");
    for form in ["html", "csv", "ndjson"] {
        let args = [
            "report", &fleet.job, "--output", &fleet.job, "--format", form,
        ];
        refused(
            &fleet,
            &fleet.command(&args).run(),
            2,
            "the job file itself",
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
