//! Services without a method that shows an operation: an accepted cancel is all there is.

use countermand_emulator::{Fate, Script};
use serde_json::{Value, json};

use crate::process::Run;
use crate::services_jobs::World;

fn sqladmin(operations: usize) -> World {
    let fates = vec![Fate::Cancellable; operations];
    World::new("sqladmin.v1", "projects/p", &fates)
}

/// Plans all operations; gives what is said and the arguments that apply the job.
fn planned(world: &World, options: &[&str]) -> (Run, Vec<String>) {
    let names: Vec<_> = world.api.names.iter().map(String::as_str).collect();
    let plan = world.planned(&[&names[..], options].concat());
    let command = plan.stdout.lines().last().unwrap().to_owned();
    let (_, phrase) = command.split_once("--confirm ").unwrap();
    let phrase = phrase.split_whitespace().next().unwrap().to_owned();
    (
        plan,
        [
            "apply".to_owned(),
            world.job(),
            "--confirm".to_owned(),
            phrase,
        ]
        .into(),
    )
}

fn cancels(world: &World) -> usize {
    world.api.asked().len()
}

fn status(world: &World) -> Value {
    let status = world.command(&["status", &world.job(), "--json"]).run();
    status.json().remove(0)
}

#[test]
fn an_accepted_cancel_is_final_and_no_run_sends_it_again() {
    let world = sqladmin(2);
    let (plan, apply) = planned(&world, &[]);
    let warning =
        "WARNING: their end cannot be proven: Cloud SQL Admin API has no method that shows";
    assert!(plan.stdout.contains(warning), "{plan:?}");
    assert!(!plan.stdout.contains("verdict"), "{plan:?}");
    let apply: Vec<_> = apply.iter().map(String::as_str).collect();
    let run = world.command(&apply).run();
    assert_eq!((run.code, cancels(&world)), (5, 2), "{run:?}");
    assert!(
        run.stdout
            .contains("2 cancels were accepted, and cannot be proven: "),
        "{run:?}"
    );
    assert!(run.stdout.contains("the console or gcloud"), "{run:?}");
    assert!(
        !run.stdout.contains("to go on") && !run.stdout.contains("not resolved"),
        "{run:?}"
    );
    let told = |when: &str| {
        let counts = &status(&world)["counts"];
        let told =
            ["cancels_accepted", "unverifiable", "again"].map(|count| counts[count].as_u64());
        assert_eq!(told, [Some(2), Some(2), Some(0)], "{when} {counts}");
        let report = world.api.command(&["report", &world.job()]).run();
        let rows = report.json();
        let rows = rows
            .iter()
            .filter(|row| row["schema"] == "countermand.row/1");
        let facts = rows.map(|row| {
            assert!(row["accepted_at"].is_string(), "{when} {row}");
            ["phase", "verdict", "attempts"].map(|field| row[field].clone())
        });
        assert!(
            facts
                .clone()
                .eq(vec![[json!("accepted"), json!("unverified"), json!(1)]; 2]),
            "{when} {report:?}"
        );
        counts["last_cancel_sent_at"].clone()
    };
    let asked = told("after the first run");

    // A second run needs its confirmation, and has nothing to send; no more has a look.
    let unconfirmed = world.command(&apply[..2]).run();
    assert_eq!(unconfirmed.code, 8, "{unconfirmed:?}");
    let again = world.command(&apply).run();
    assert_eq!((again.code, cancels(&world)), (5, 2), "{again:?}");
    let recheck = world.command(&["apply", &world.job(), "--recheck"]).run();
    assert_eq!((recheck.code, cancels(&world)), (5, 2), "{recheck:?}");
    let nothing = "2 not looked at: Cloud SQL Admin API has no method that shows such an operation; nothing was sent";
    assert!(recheck.stderr.contains(nothing), "{recheck:?}");
    assert_eq!(told("after three"), asked);

    let page = world.folder.path().join("report.html");
    let page = page.to_str().unwrap();
    world
        .api
        .command(&["report", &world.job(), "--output", page])
        .run();
    let html = std::fs::read_to_string(page).unwrap();
    assert!(
        html.contains("The server accepted a cancel for 2 operations; Cloud SQL Admin API"),
        "{html}"
    );
    assert!(!html.contains("or may have been"), "{html}");
}

#[test]
fn a_cancel_in_doubt_is_sent_again_but_not_by_a_recheck() {
    let world = sqladmin(1);
    let unreadable = json!([{"body": "{", "effect": true, "method": "cancel", "times": null}]);
    let (_, apply) = planned(&world, &["--deadline", "1s"]);
    let set = |script: Value| {
        let service = countermand_core::Service::named("sqladmin.v1").unwrap();
        let script = Script::of(service, script).unwrap();
        world
            .api
            .shared
            .with(|emulator, _| emulator.set_script(script));
    };
    set(unreadable);
    let apply: Vec<_> = apply.iter().map(String::as_str).collect();
    let run = world.command(&apply).run();
    let sent = cancels(&world);
    assert!(run.code != 0 && sent > 0, "{run:?}");
    assert_eq!(status(&world)["counts"]["unverifiable"], 0);
    set(json!([]));
    let recheck = world.command(&["apply", &world.job(), "--recheck"]).run();
    assert_eq!(
        (recheck.code, cancels(&world)),
        (run.code, sent),
        "{recheck:?}"
    );
    assert!(recheck.stderr.contains("1 not looked at: "), "{recheck:?}");
    let again = world.command(&apply).run();
    assert_eq!((again.code, cancels(&world)), (5, sent + 1), "{again:?}");
    assert_eq!(status(&world)["counts"]["unverifiable"], 1);
}

#[test]
fn cancel_says_that_nothing_more_can_be_proven() {
    let world = sqladmin(2);
    let full = |at: usize| format!("//sqladmin.googleapis.com/{}", world.api.names[at]);
    let run = world.command(&["cancel", &full(0)]).run();
    assert_eq!((run.code, cancels(&world)), (5, 1), "{run:?}");
    assert!(
        run.stdout
            .contains("1 cancel was accepted, and cannot be proven: "),
        "{run:?}"
    );
    assert!(!run.stdout.contains("to go on"), "{run:?}");
    let run = world.command(&["cancel", "--no-verify", &full(1)]).run();
    assert_eq!((run.code, cancels(&world)), (0, 2), "{run:?}");
    assert!(!run.stdout.contains("to go on"), "{run:?}");
}

#[test]
fn a_quota_that_is_not_documented_is_said_to_be_assumed() {
    let world = World::new(
        "documentai.v1",
        "projects/p/locations/us",
        &[Fate::Cancellable],
    );
    let assumed =
        "The quota of Cloud Document AI API is not documented: 600/60s is assumed (--quota, ";
    let (plan, _) = planned(&world, &[]);
    assert!(plan.stdout.contains(assumed), "{plan:?}");
    std::fs::remove_file(world.job()).unwrap();
    let (plan, _) = planned(&world, &["--quota", "60/60s"]);
    assert!(!plan.stdout.contains("assumed"), "{plan:?}");
}
