//! Many operations under one quota, and the schedule that is computed for them.

use std::time::{Duration, Instant};

use countermand_emulator::{Fate, State};
use serde_json::{Value, json};

use crate::api::Api;
use crate::process::{Process, Run};

fn simulate(options: &[&str]) -> Run {
    let run = Process::new(&[&["simulate", "--operations"], options].concat()).run();
    assert_eq!(run.code, 0, "{run:?}");
    run
}

#[test]
fn the_quota_and_its_share_hold() {
    let api = Api::new([Fate::Cancellable; 6]);
    let started = Instant::now();
    // Three at once, in windows of a second: six cancels and six looks.
    let run = api.cancel(&["--quota", "6/1s", "--share", "0.5"]).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(started.elapsed() >= Duration::from_secs(3), "{run:?}");
    assert_eq!(api.states(), [State::Cancelled; 6]);
    let asked = api.asked();
    assert_eq!(asked.len(), 12);
    let cancels = asked.iter().take(6);
    assert!(
        cancels
            .into_iter()
            .all(|(path, _)| path.ends_with(":cancel")),
        "cancels go first: {asked:?}"
    );
    assert!(
        run.stdout.contains("The last cancel was sent 1."),
        "{run:?}"
    );
    assert!(!run.stderr.contains('\u{1b}'), "no bars in a pipe: {run:?}");
}

#[test]
fn a_refusal_for_the_quota_is_said_and_waited_for() {
    let api = Api::new([Fate::Cancellable; 2]).faults(json!([{
        "status": 429, "method": "cancel", "times": 1, "headers": {"retry-after": "1"},
    }]));
    let run = api.cancel(&["--quota", "none"]).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.stderr
            .contains("refuses requests for the quota: everything waits for 1."),
        "{run:?}"
    );
}

#[test]
fn what_is_no_quota_is_2() {
    let name = "enterprises/e/devices/d/operations/o";
    for (option, value) in [
        ("--quota", "many"),
        ("--quota", "600/60s,none"),
        ("--quota", "0/60s"),
        ("--share", "0"),
        ("--share", "1.5"),
        ("--share", "nan"),
    ] {
        let run = Process::new(&["cancel", option, value, name]).run();
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains("expected"), "{run:?}");
    }
    for options in [
        &["1", "--fail", "503"][..],
        &["1", "--fail", "200:5%"],
        &["1", "--fates", "immortal:1"],
        &["1", "--fates", "stuck:0"],
        &["1", "--phase", "3s"],
        &["1", "--per-resource", "many"],
        &["1", "--per-device", "0"],
        &["0"],
    ] {
        let run = Process::new(&[&["simulate", "--operations"], options].concat()).run();
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
    }
}

#[test]
fn five_thousand_are_as_fast_as_the_windows_allow() {
    for (quota, bound) in [
        ("1000/100s", 410.0),
        ("600/60s", 486.0),
        ("600/60s,1000/100s", 486.0),
    ] {
        let run = simulate(&["5000", "--quota", quota, "--share", "1", "--json"]);
        let [simulation] = &run.json()[..] else {
            unreachable!("one line: {run:?}")
        };
        let last = simulation["last_cancel_s"].as_f64().unwrap();
        assert!(last > 400.0 && last <= bound, "{quota}: {last}");
        assert_eq!(simulation["schema"], "countermand.simulation/1");
        assert_eq!(simulation["requests"], 10_000);
        assert_eq!(simulation["refused"], 0);
        assert_eq!(simulation["verdicts"], json!({"cancelled": 5000}));
        let rows = simulation["schedule"].as_array().unwrap();
        let sum = |key: &str| rows.iter().filter_map(|row| row[key].as_u64()).sum::<u64>();
        assert_eq!((sum("cancels"), sum("looks")), (5000, 5000));
    }
}

/// Lanes run side by side, so each has the times that it would have alone.
#[test]
fn each_lane_of_a_profile_is_simulated_under_its_own_quota() {
    let folder = tempfile::tempdir().unwrap();
    let profile = folder.path().join("lanes.toml");
    let text = "schema = \"countermand.profile/1\"\n\
        [lanes.fast]\nproject = \"a\"\nparents = [\"enterprises/a\"]\nquota = \"1200/60s\"\nshare = 1.0\n\
        [lanes.slow]\nproject = \"b\"\nparents = [\"enterprises/b\"]\nquota = \"300/60s\"\n\
        [lanes.jobs]\nservice = \"batch.v1\"\nproject = \"a\"\nshare = 0.5\n";
    std::fs::write(&profile, text).unwrap();
    let profile = ["--profile", profile.to_str().unwrap()];
    let run = simulate(&[&["1000", "--json"][..], &profile].concat());
    let mut lanes = run.json();
    let alone: [(&str, &[&str]); 3] = [
        ("fast", &["--quota", "1200/60s", "--share", "1"]),
        ("slow", &["--quota", "300/60s"]),
        ("jobs", &["--service", "batch.v1", "--share", "0.5"]),
    ];
    assert_eq!(lanes.len(), alone.len(), "{run:?}");
    for (lane, options) in alone {
        let found = lanes.iter_mut().find(|found| found["lane"] == lane);
        let found = found.unwrap().as_object_mut().unwrap();
        found.remove("lane");
        // The part of a lane of the requests in flight.
        let more = ["1000", "--json", "--in-flight", "33"];
        let run = simulate(&[&more[..], options].concat());
        assert_eq!(&run.json()[0].as_object().unwrap(), &found, "{lane}");
    }
    let run = simulate(&[&["1000"][..], &profile].concat());
    let last = "\nThe lane slow has the last cancel:\n\n1000 operations: 1000 cancelled\n";
    assert!(run.stdout.contains(last), "{run:?}");
    assert!(run.stdout.lines().all(|line| line.len() <= 80), "{run:?}");
    // An option is for all of them.
    let options = ["1000", "--share", "0.25", "--json"];
    let slower = simulate(&[&options[..], &profile].concat());
    let last = |run: &Run, at: usize| run.json()[at]["last_cancel_s"].as_f64().unwrap();
    let faster = simulate(&[&["1000", "--json"][..], &profile].concat());
    assert!((0..3).all(|lane| last(&slower, lane) > 1.5 * last(&faster, lane)));
}

#[test]
fn eighty_thousand_are_a_page_of_text() {
    let run = simulate(&["80000", "--quota", "600/60s,1000/100s"]);
    assert!(
        run.stdout
            .starts_with("80000 operations: 80000 cancelled\n")
    );
    assert!(
        run.stdout.contains("requests      160000, 0 refused"),
        "{run:?}"
    );
    let (cancels, looks): (Vec<_>, Vec<_>) = run
        .stdout
        .lines()
        .skip(7)
        .partition(|row| row.contains('#'));
    assert_eq!(cancels.len() + looks.len(), 16, "{run:?}");
    // Cancels first: half of the time.
    assert!((7..=9).contains(&cancels.len()), "{run:?}");
    // At 8 a second, the first burst apart.
    assert!(run.stdout.contains("last cancel   after 2 h 4"), "{run:?}");
}

#[test]
fn a_limit_for_each_device_is_kept() {
    let options = ["600", "--per-device", "120", "--json", "--share"];
    let run = |share, per_resource, more: &[&str]| {
        let limit = [share, "--per-resource", per_resource];
        let run = simulate(&[&options[..], &limit, more].concat());
        let simulation = run.json().remove(0);
        assert_eq!(simulation["refused"], 0, "{simulation}");
        assert_eq!(simulation["verdicts"], json!({"cancelled": 600}));
        simulation["last_cancel_s"].as_f64().unwrap()
    };
    // Five devices with 120 each: ten in a minute, so that the last ten wait for eleven minutes.
    let last = run("1", "10/60s", &[]);
    assert!((660.0..662.0).contains(&last), "{last}");
    // The share is of this window too, whether or not the project has any.
    let last = run("0.5", "20/60s", &["--quota", "none"]);
    assert!((660.0..662.0).contains(&last), "{last}");
    assert!(run("1", "none", &[]) < 1.0);
}

#[test]
fn no_window_of_the_simulated_server_refuses_who_keeps_the_quota() {
    for phase in ["1s", "13s", "37s"] {
        let run = simulate(&[
            "3000", "--share", "1", "--window", "fixed", "--phase", phase, "--json",
        ]);
        assert_eq!(run.json()[0]["refused"], 0, "{run:?}");
    }
}

/// Without a quota of our own, what the server's windows are like decides when the last one goes.
#[test]
fn the_server_may_have_another_quota() {
    let last = |windows: &[&str]| {
        let options = [
            "1000",
            "--quota",
            "none",
            "--server-quota",
            "600/60s",
            "--json",
        ];
        let run = simulate(&[&options[..], windows].concat());
        let simulation = run.json().remove(0);
        assert!(simulation["refused"].as_u64() > Some(0), "{simulation}");
        assert_eq!(simulation["verdicts"], json!({"cancelled": 1000}));
        simulation["last_cancel_s"].as_f64().unwrap()
    };
    // A minute's pause and up to a tenth more.
    assert!((60.0..70.0).contains(&last(&["--window", "sliding"])));
    // A hundred in each tenth of a second: 500 before the first window ends, and the rest after it.
    let fixed = last(&["--window", "fixed", "--phase", "0.5s"]);
    assert!(fixed < 1.5, "{fixed}");
}

#[test]
fn failures_and_fates_are_simulated() {
    let options = ["1000", "--quota", "none", "--json", "--seed", "5"];
    let more = [
        "--fail",
        "503:20%",
        "--fates",
        "cancellable:80,completes:10,stuck:10",
    ];
    let run = simulate(&[&options[..], &more].concat());
    let simulation: &Value = &run.json()[0];
    let verdicts = &simulation["verdicts"];
    let count = |verdict: &str| verdicts[verdict].as_u64().unwrap();
    assert!((750..850).contains(&count("cancelled")), "{simulation}");
    assert!((50..150).contains(&count("completed")), "{simulation}");
    assert!((50..150).contains(&count("pending")), "{simulation}");
    assert_eq!(
        count("cancelled") + count("completed") + count("pending"),
        1000,
        "{simulation}"
    );
    let part = simulation["failed"].as_f64().unwrap() / simulation["requests"].as_f64().unwrap();
    assert!((0.17..0.23).contains(&part), "{simulation}");
    let again = simulate(&[&options[..], &more].concat());
    assert_eq!(run.stdout, again.stdout, "same seed, same schedule");
}
