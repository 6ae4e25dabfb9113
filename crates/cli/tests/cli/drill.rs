//! The drill: find, plan, apply, status, report; and the rescue that does it at once.

use std::collections::{BTreeMap, BTreeSet};

use countermand_emulator::{Fate, NewOperation, Quirks, State};
use serde_json::Value;

use crate::api::{Api, COMPLETES};
use crate::process::Run;

/// Six WIPEs, of which one completes, and two LOCKs that are meant.
fn fleet() -> (Api, String, tempfile::TempDir) {
    let wipes = [Fate::Cancellable; 5].into_iter().chain([COMPLETES]);
    let wipes = wipes.map(NewOperation::new);
    let locks = [Fate::Cancellable; 2].map(|fate| NewOperation::new(fate).kind("LOCK"));
    let api = Api::with(wipes.chain(locks), Quirks::default(), None);
    let enterprise = api.names[0].split("/devices/").next().unwrap().to_owned();
    (api, enterprise, tempfile::tempdir().unwrap())
}

fn posts(api: &Api) -> usize {
    let asked = api.asked();
    asked
        .iter()
        .filter(|(path, _)| path.ends_with(":cancel"))
        .count()
}

fn schemas(run: &Run) -> Vec<String> {
    let lines = run.json();
    let schemas = lines.iter().map(|line| line["schema"].as_str().unwrap());
    schemas.map(str::to_owned).collect()
}

#[test]
fn from_which_are_they_to_the_proof_for_each() {
    let (api, enterprise, folder) = fleet();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (job, page, table) = (file("wipes.job"), file("r.html"), file("r.csv"));

    let run = api
        .command(&["find", &enterprise, "--type", "wipe", "--json"])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    // One completes before the first look.
    assert_eq!(schemas(&run), ["countermand.operation/1"; 5], "{run:?}");
    let found: BTreeSet<String> = run
        .json()
        .iter()
        .map(|line| line["name"].as_str().unwrap().to_owned())
        .collect();
    let pending = api.names.iter().take(5).cloned().collect();
    assert_eq!(found, pending);
    let names = api
        .command(&["find", &enterprise, "--type", "WIPE", "--names-only"])
        .run();
    assert_eq!(
        names
            .stdout
            .lines()
            .map(str::to_owned)
            .collect::<BTreeSet<_>>(),
        pending
    );

    // The output of find is input of plan; and one name comes twice.
    let twice = format!("{}{}", run.stdout, run.stdout.lines().next().unwrap());
    let run = api
        .command(&["plan", "-", "--output", &job, "--json", "--quota", "none"])
        .input(twice)
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    let plan = &run.json()[0];
    assert_eq!(plan["schema"], "countermand.plan/1");
    assert_eq!(
        (plan["operations"].as_u64(), plan["duplicates"].as_u64()),
        (Some(5), Some(1))
    );
    assert_eq!(plan["types"]["WIPE"], 5);
    assert_eq!(plan["enterprises"][&enterprise], 5);
    assert!(plan["last_cancel_s"].as_f64() < plan["last_verdict_s"].as_f64());
    assert_eq!(posts(&api), 0, "a plan sends no POST");

    let id = enterprise.strip_prefix("enterprises/").unwrap();
    let confirm = format!("{id}:5");
    let command = plan["apply"].as_str().unwrap();
    assert!(
        command.contains(&format!(" --confirm {confirm}")),
        "{command}"
    );
    let run = api
        .command(&["apply", &job, "--confirm", &confirm, "--json"])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(schemas(&run), ["countermand.outcome/1"; 5]);
    let cancelled = run
        .json()
        .into_iter()
        .filter(|line| line["verdict"] == "cancelled");
    let cancelled = cancelled.map(|line| line["name"].as_str().unwrap().to_owned());
    assert_eq!(cancelled.collect::<BTreeSet<_>>(), found);
    assert_eq!(posts(&api), 5);
    assert!(run.stderr.contains("5 operations: 5 cancelled."), "{run:?}");

    // Once more: there is nothing to do, and nothing is asked.
    let before = api.asked().len();
    let run = api.command(&["apply", &job, "--confirm", &confirm]).run();
    assert_eq!((run.code, api.asked().len()), (0, before), "{run:?}");

    let run = api.command(&["status", &job, "--json"]).run();
    let status = &run.json()[0];
    assert_eq!(status["schema"], "countermand.status/1");
    assert_eq!(status["counts"]["states"]["cancelled"], 5);
    assert_eq!(
        (status["open"].as_u64(), &status["holder"]),
        (Some(0), &Value::Null)
    );
    assert_eq!(status["runs"].as_array().unwrap().len(), 2);

    for (output, begin) in [
        (&page, "<!DOCTYPE html>"),
        (&table, "\"position\",\"name\""),
    ] {
        let run = api.command(&["report", &job, "--output", output]).run();
        assert_eq!(run.code, 0, "{run:?}");
        let text = std::fs::read_to_string(output).unwrap();
        assert!(text.starts_with(begin), "{text:.200}");
        assert!(
            found.iter().all(|name| text.contains(name.as_str())
                || text.contains(name.rsplit('/').next().unwrap()))
        );
    }
    let run = api.command(&["report", &job]).run();
    let mut expected = vec!["countermand.row/1"; 5];
    expected.push("countermand.report/1");
    assert_eq!(schemas(&run), expected);
    let rows = run.json();
    let proof = rows[0]["body_sha256"].as_str().unwrap();
    assert_eq!(proof.len(), 64, "{rows:?}");
    assert_eq!(api.states()[..5], [State::Cancelled; 5]);
    assert_eq!(
        api.states()[6..],
        [State::Pending; 2],
        "what was meant is left alone"
    );
}

#[test]
fn a_rescue_does_it_at_once() {
    let (api, enterprise, folder) = fleet();
    let job = folder
        .path()
        .join("rescue.job")
        .to_str()
        .unwrap()
        .to_owned();
    let spared = api.names[1].split("/operations/").next().unwrap();
    let exclude = folder.path().join("spared");
    std::fs::write(&exclude, format!("# the director's\n{spared}\n")).unwrap();
    let id = enterprise.strip_prefix("enterprises/").unwrap();
    let args = [
        "rescue",
        &enterprise,
        "--type",
        "WIPE",
        "--exclude",
        exclude.to_str().unwrap(),
        "--job",
        &job,
    ];
    let run = api.command(&args).run();
    assert_eq!(run.code, 8, "{run:?}");
    assert!(run.stderr.contains(&format!("--confirm {id}")), "{run:?}");
    assert_eq!(api.asked().len(), 0);
    assert!(
        !std::path::Path::new(&job).exists(),
        "nothing is left behind"
    );

    let run = api.command(&[&args[..], &["--confirm", id]].concat()).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.contains("4 operations: 4 cancelled."), "{run:?}");
    let states: BTreeMap<_, _> = api.names.iter().zip(api.states()).collect();
    assert_eq!(states[&api.names[1]], State::Pending);
    assert_eq!(posts(&api), 4);
    let listed = api.requests_for(&format!("{spared}/operations"));
    assert_eq!(listed, 0, "what is left alone is not even listed");

    // The same file, the same commands: what has come since is found as well.
    let run = api
        .command(&["apply", &job, "--confirm", id, "--json"])
        .run();
    assert_eq!((run.code, posts(&api)), (0, 4), "{run:?}");
}

/// Evidence that the caller has already needs no request.
#[test]
fn evidence_is_a_verdict() {
    let (api, _, folder) = fleet();
    let job = folder.path().join("wipes.job").to_str().unwrap().to_owned();
    let done = format!(
        r#"{{"name":"{}","done":true,"error":{{"code":1}}}}"#,
        api.names[0]
    );
    let open = format!(
        r#"{{"name":"{}","metadata":{{"type":"WIPE"}}}}"#,
        api.names[2]
    );
    let messages = folder.path().join("messages.ndjson");
    std::fs::write(&messages, format!("{done}\n{open}\n")).unwrap();
    let from = messages.to_str().unwrap();
    let run = api
        .command(&["plan", "--from", from, "--output", &job])
        .run();
    assert_eq!((run.code, api.asked().len()), (0, 0), "{run:?}");
    let id = api.names[0].split('/').nth(1).unwrap();
    let run = api
        .command(&["apply", &job, "--confirm", &format!("{id}:2")])
        .run();
    assert_eq!((run.code, posts(&api)), (0, 1), "{run:?}");
    assert_eq!(api.requests_for(&api.names[0]), 0);
    assert!(run.stdout.contains("2 operations: 2 cancelled."), "{run:?}");
}

/// Numbers read as numbers, a digest is whole, and no time is told that nothing was computed from.
#[test]
fn finding_12_a_plan_says_what_it_counts() {
    let names = (1..=1200).map(|id| format!("enterprises/LC1/devices/d{id}/operations/{id}"));
    let names = names.chain(["enterprises/LC2/devices/d/operations/1".to_owned()]);
    let input = names.collect::<Vec<_>>().join("\n");
    let folder = tempfile::tempdir().unwrap();
    let plan = |name: &str, quota: &[&str]| {
        let job = folder.path().join(name);
        let args = [&["plan", "-", "-o", job.to_str().unwrap()][..], quota].concat();
        let run = crate::process::Process::new(&args)
            .input(input.clone())
            .run();
        assert_eq!(run.code, 0, "{run:?}");
        let job = countermand_fleet::store::View::open(&job).unwrap();
        (run.stdout, job.digest().unwrap().to_string())
    };
    let (told, digest) = plan("a.job", &[]);
    assert!(
        told.starts_with("1,201 operations to be cancelled: "),
        "{told}"
    );
    let places = "1,200 operations in enterprises/LC1, 1 operation in enterprises/LC2";
    assert!(told.contains(places), "{told}");
    assert!(digest.len() == 64 && told.contains(&digest), "{told}");
    assert!(
        told.contains("at the soonest") && told.contains("% of the quota"),
        "{told}"
    );
    let (told, _) = plan("b.job", &["--quota", "none"]);
    assert!(!told.contains("Last cancel after"), "{told}");
    assert!(told.contains("No quota is kept"), "{told}");
}
