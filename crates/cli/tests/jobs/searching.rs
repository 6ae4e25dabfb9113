//! Fault 51: a long search says how far it is, on a terminal's lines, in a log, and in `status`.

use std::time::Duration;

use countermand_emulator::{Config, NewOperation, NewParent, Quirks, Shared};
use countermand_emulator::{Fate, ServerQuota};
use serde_json::Value;

use crate::api::{Api, TOKEN};
use crate::fleet::{Fleet, resume};
use crate::process::{Process, Run};

const DEVICES: usize = 120;

/// An enterprise of 120 devices with a WIPE on each of the first ten.
fn fleet() -> Fleet {
    let shared = Shared::new(
        Config::default()
            .parents(0)
            .token(TOKEN)
            .quirks(Quirks::default())
            .quota(ServerQuota::default()),
    );
    let mut names = Vec::new();
    for number in 0..DEVICES {
        let operations = (number < 10).then(|| NewOperation::new(Fate::Cancellable));
        let device = NewParent::with(operations);
        let added = shared.with(|emulator, now| emulator.add(now, device).unwrap());
        names.extend(added.operations);
    }
    Fleet::of(Api::serve(shared, names, None))
}

/// 40 requests in ten seconds: the devices are listed at once, and their operations take half a
/// minute.
const QUOTA: [&str; 6] = [
    "--quota",
    "40/10s",
    "--share",
    "1",
    "--per-resource",
    "none",
];

#[test]
fn fault_51_a_rescue_tells_how_far_its_search_is_also_in_status() {
    let fleet = fleet();
    let running = fleet.rescue(&QUOTA).start();
    running.until("a line of progress", |running| {
        let told = running.stderr();
        told.contains("of 120 devices, ") && told.contains("cancels sent")
    });
    let told = running.stderr();
    let line = told.lines().find(|line| line.contains("cancels sent"));
    let line = line.unwrap();
    for part in [
        "of 120 devices, ",
        " found, cancels sent ",
        ", verdicts 0/",
        ", search ends in ",
        ", last cancel in ",
        ", last verdict in ",
        " requests/s, quota left ",
    ] {
        assert!(line.contains(part), "{part:?} is not in {line:?}");
    }

    // The same from the file, by another process.
    let status = fleet.command(&["status", &fleet.job]).run();
    assert!(status.stdout.contains("So far: searched "), "{status:?}");
    assert!(status.stdout.contains(" of 120 devices, "), "{status:?}");
    assert!(status.stdout.contains("search ends in "), "{status:?}");
    let status = fleet.command(&["status", &fleet.job, "--json"]).run();
    let line = &status.json()[0]["progress"];
    let search = &line["search"];
    assert_eq!(search["devices"], 120, "{line}");
    assert_eq!(search["all_listed"], true, "{line}");
    let searched = search["searched"].as_u64().unwrap();
    assert!((1..120).contains(&searched), "{line}");
    let left = line["search_ends_in_s"].as_f64().unwrap();
    // A loaded machine asks late: then little is left.
    assert!(left > 0.0 && left < 60.0, "{line}");
    assert!(
        line["last_verdict_in_s"].as_f64().unwrap() >= left,
        "{line}"
    );
    running.signal("INT");
    let run = running.wait();
    assert_eq!(run.code, 130, "{run:?}");
    // Devices that were not searched get no line each.
    assert!(!run.stderr.contains("nothing was sent"), "{run:?}");
    assert!(run.stderr.lines().count() < 12, "{run:?}");

    // No process goes on with it: its progress is told, and no time left.
    let status = fleet.command(&["status", &fleet.job]).run();
    assert!(status.stdout.contains(" of 120 devices, "), "{status:?}");
    assert!(!status.stdout.contains("search ends in"), "{status:?}");
}

#[test]
fn fault_51_a_plan_and_a_find_tell_how_far_they_are() {
    let fleet = fleet();
    let whole = format!("enterprises/{}", fleet.enterprise());
    for command in [
        &["plan", &whole, "--output", &fleet.job][..],
        &["find", &whole],
    ] {
        let running = fleet.command(&[command, &QUOTA].concat()).start();
        running.until("a line of progress", |running| {
            running.stderr().contains("of 120 devices, ")
        });
        let told = running.stderr();
        let line = told.lines().find(|line| line.contains("searched")).unwrap();
        assert!(line.contains(", search ends in "), "{line:?}");
        assert!(!line.contains("cancels"), "{line:?}");
        running.signal("TERM");
        let run = running.wait();
        assert_eq!(run.code, 143, "{run:?}");
        let last = run.stderr.lines().last().unwrap();
        assert!(last.starts_with("stopped by a signal: "), "{run:?}");
        assert!(last.contains(" of 120 devices searched; "), "{run:?}");
        assert!(!std::fs::exists(&fleet.job).unwrap());
        // The operations that it tells of are all there.
        let found: usize = last.split_whitespace().nth(4).unwrap().parse().unwrap();
        if command[0] == "find" {
            assert_eq!(run.stdout.lines().count(), found, "{run:?}");
        }
    }
}

/// Devices whose commands were done before the search are exactly those that an operator has to look at.
#[test]
fn fault_52_what_matches_and_was_done_before_a_search_is_told_by_every_command() {
    let shared = Shared::new(Config::default().parents(0).token(TOKEN));
    let executed = Fate::Completes {
        after: Duration::ZERO,
    };
    let wipe = || NewOperation::new(Fate::Cancellable);
    let add = |operations: Vec<NewOperation>| {
        let device = NewParent::with(operations);
        shared.with(|emulator, now| emulator.add(now, device).unwrap())
    };
    let mut done = Vec::new();
    let mut names = Vec::new();
    for _ in 0..3 {
        done.extend(add(vec![NewOperation::new(executed)]).operations);
        names.extend(add(vec![wipe()]).operations);
    }
    // This one is not meant.
    add(vec![NewOperation::new(executed).kind("LOCK")]);
    let fleet = Fleet::of(Api::serve(shared, names, None));
    let whole = format!("enterprises/{}", fleet.enterprise());
    let selection = ["--type", "WIPE"];
    let quick = ["--quota", "none"];
    let more = "3 more match and are done already: they completed, check their devices";
    let told = |run: &Run, text: &str| {
        assert!(text.contains(more), "{run:?}");
        assert!(done.iter().all(|name| text.contains(name)), "{run:?}");
    };
    let figures = |line: &Value| {
        let already = &line["already_done"];
        assert_eq!(already["operations"], 3, "{line}");
        assert_eq!(already["completed"], 3, "{line}");
        let mut first: Vec<String> = serde_json::from_value(already["first"].clone()).unwrap();
        let mut all = done.clone();
        first.sort();
        all.sort();
        assert_eq!(first, all);
    };
    let everywhere = |job: &str| {
        let run = fleet.command(&["status", job]).run();
        told(&run, &run.stdout);
        figures(&fleet.command(&["status", job, "--json"]).run().json()[0]);
        figures(fleet.command(&["report", job]).run().json().last().unwrap());
        let page = format!("{job}.html");
        let run = fleet.command(&["report", job, "--output", &page]).run();
        told(&run, &std::fs::read_to_string(page).unwrap());
    };

    let rescue = fleet.file("rescue.job");
    let rescue = rescue.to_str().unwrap();
    let plan = ["plan", &whole, "--output", &fleet.job];
    let run = fleet
        .command(&[&plan[..], &selection, &quick].concat())
        .run();
    assert!(
        run.stdout.contains("3 operations to be cancelled"),
        "{run:?}"
    );
    told(&run, &run.stdout);
    everywhere(&fleet.job);
    let second = fleet.file("second.job");
    let second = [
        "plan",
        &whole,
        "--output",
        second.to_str().unwrap(),
        "--json",
    ];
    let run = fleet
        .command(&[&second[..], &selection, &quick].concat())
        .run();
    figures(&run.json()[0]);

    let confirm = fleet.enterprise();
    let args = ["rescue", &whole, "--job", rescue, "--confirm", &confirm];
    let run = fleet
        .command(&[&args[..], &selection, &quick].concat())
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    told(&run, &run.stdout);
    everywhere(rescue);
    // The command that it has printed at its start, for the case that it is killed, works. That run
    // searches nothing, and counts nothing twice.
    assert!(run.stderr.starts_with("the job file is "), "{run:?}");
    let again = Process::shell(&resume(&run));
    let run = again.env("COUNTERMAND_TOKEN", TOKEN).run();
    assert_eq!(run.code, 0, "{run:?}");
    told(&run, &run.stdout);
}
