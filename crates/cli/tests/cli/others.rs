//! `get`, `list`, `emulator`, `demo`, `completions`, `man`.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use countermand_emulator::{Fate, NewOperation, NewParent, Quirks};
use serde_json::{Value, json};

use crate::api::{Api, COMPLETES, ask};
use crate::process::Process;

#[test]
fn get_shows_each_in_order() {
    let api = Api::new([Fate::Cancellable, COMPLETES]);
    let input = api.names.join("\n");
    let run = api.command(&["get", "-"]).input(input.clone()).run();
    assert_eq!(run.code, 0, "{run:?}");
    let words: Vec<_> = run
        .stdout
        .lines()
        .map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(words, [Some("pending"), Some("completed")]);
    assert!(run.stdout.contains("WIPE of 2026-11-02T"), "{run:?}");

    let missing = format!("{}9", api.names[0]);
    let run = api
        .command(&["get", "--json", &api.names[0], &missing])
        .run();
    assert_eq!(run.code, 1, "{run:?}");
    let rows = run.json();
    assert_eq!(
        (&rows[0]["schema"], &rows[0]["state"]),
        (&json!("countermand.operation/1"), &json!("pending"))
    );
    assert_eq!(rows[0]["operation"]["name"], api.names[0].as_str());
    assert_eq!(
        (&rows[1]["name"], &rows[1]["error"]["kind"]),
        (&json!(missing), &json!("not_found"))
    );
}

#[test]
fn finding_44_a_stalled_server_holds_a_read_no_longer_than_its_deadline() {
    let api = Api::new([Fate::Cancellable]).faults(json!([{"fault": "stall", "times": null}]));
    let device = api.names[0].split("/operations/").next().unwrap();
    for args in [["get", &api.names[0]], ["list", device]] {
        let begun = Instant::now();
        let args = [&args[..], &["--deadline", "2s"]].concat();
        let run = api.command(&args).run();
        assert_ne!(run.code, 0, "{run:?}");
        // Without it, 45 to 59 s: each of five attempts has 10 s.
        assert!(begun.elapsed() < Duration::from_secs(15), "{run:?}");
    }
    assert!(!api.asked().is_empty());
}

#[test]
fn get_refuses_bad_names() {
    let api = Api::new([Fate::Cancellable]);
    let run = api.command(&["get", "--json", &api.names[0], "x"]).run();
    assert_eq!(run.code, 2);
    assert_eq!(run.json()[0]["error"]["argument"], 2);
    assert!(api.asked().is_empty());
}

#[test]
fn list_goes_to_the_last_page() {
    let mut quirks = Quirks::default();
    quirks.empty_page = true;
    let api = Api::with([NewOperation::new(COMPLETES)], quirks, None);
    let device = api.names[0].split("/operations/").next().unwrap();
    let more = (0..250).map(|_| NewOperation::new(Fate::Cancellable));
    let more = NewParent::with(more).name(device);
    let added = api
        .shared
        .with(|emulator, now| emulator.add(now, more).unwrap());
    let run = api.command(&["list", "--json", device]).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.json().len(), 251);
    let run = api.command(&["list", "--json", "--pending", device]).run();
    let names: Vec<Value> = run.json().iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, added.operations);
    let run = api.command(&["list", device]).run();
    assert!(
        run.stdout.starts_with("completed    enterprises/"),
        "{run:?}"
    );
}

#[test]
fn a_list_that_breaks_off_says_so() {
    let api = Api::new([Fate::Cancellable]).faults(json!([{"fault": "forbidden-enterprise"}]));
    let device = api.names[0].split("/operations/").next().unwrap();
    let run = api.command(&["list", device]).run();
    assert_eq!((run.code, run.stdout.as_str()), (4, ""));
    assert!(run.stderr.contains("not complete"), "{run:?}");
}

#[test]
fn the_emulator_serves_until_it_is_told_to_stop() {
    let directory = tempfile::tempdir().unwrap();
    let faults = directory.path().join("faults.json");
    std::fs::write(&faults, r#"[{"fault": "unavailable", "method": "cancel"}]"#).unwrap();
    let emulator = Process::new(&[
        "emulator",
        "--listen",
        "127.0.0.1:0",
        "--devices",
        "3",
        "--seed",
        "11",
        "--token",
        "my-own",
        "--faults",
        faults.to_str().unwrap(),
    ])
    .start();
    emulator.until("the line that says where", |emulator| {
        emulator.stdout().ends_with('\n')
    });
    let ready: Value = serde_json::from_str(&emulator.stdout()).unwrap();
    assert_eq!(
        (&ready["schema"], &ready["token"]),
        (&json!("countermand.emulator/1"), &json!("my-own"))
    );
    let endpoint = ready["endpoint"].as_str().unwrap();
    let truth = ask(endpoint, "/_emulator/truth", "");
    let rows: Vec<Value> = truth
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let enterprise = ready["enterprise"].as_str().unwrap();
    assert!(enterprise.starts_with("enterprises/LC"));
    let pending = rows
        .iter()
        .find(|row| row["state"] == "pending" && row["fate"] == "cancellable");
    let name = pending.unwrap()["name"].as_str().unwrap();
    assert!(name.starts_with(enterprise));
    let run = Process::new(&["cancel", "--endpoint", endpoint, "--json", name])
        .env("COUNTERMAND_TOKEN", "my-own")
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(
        run.json()[0]["attempts"],
        3,
        "the fault, the cancel, the look"
    );
    emulator.signal("TERM");
    let run = emulator.wait();
    assert_eq!((run.code, run.stdout.lines().count()), (0, 1));
}

#[test]
fn the_emulator_serves_tls() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let emulator = Process::new(&["emulator", "--devices", "1", "--tls", path]).start();
    emulator.until("the line that says where", |emulator| {
        emulator.stdout().ends_with('\n')
    });
    let ready: Value = serde_json::from_str(&emulator.stdout()).unwrap();
    let name = format!(
        "{}/devices/none/operations/1",
        ready["enterprise"].as_str().unwrap()
    );
    let run = Process::new(&[
        "get",
        &name,
        "--json",
        "--endpoint",
        ready["endpoint"].as_str().unwrap(),
        "--ca-file",
        ready["ca_file"].as_str().unwrap(),
    ])
    .env("COUNTERMAND_TOKEN", ready["token"].as_str().unwrap())
    .run();
    assert_eq!(run.json()[0]["error"]["kind"], "not_found", "{run:?}");
    emulator.signal("INT");
    assert_eq!(emulator.wait().code, 0);
}

#[test]
fn a_bad_script_is_refused_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let faults = directory.path().join("faults.json");
    std::fs::write(&faults, r#"[{"fault": "quota"}, {"fault": "gremlins"}]"#).unwrap();
    let run = Process::new(&["emulator", "--faults", faults.to_str().unwrap()]).run();
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("fault 2") && run.stderr.contains("gremlins"),
        "{run:?}"
    );
}

#[test]
fn the_demo_tells_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let run = Process::new(&["demo"])
        .env("TMPDIR", folder.path().to_str().unwrap())
        .run();
    assert_eq!(run.code, 3, "{run:?}");
    // Its files are in a folder that only its owner can enter.
    let mut made = std::fs::read_dir(folder.path()).unwrap();
    let mode = made.next().unwrap().unwrap().metadata().unwrap().mode();
    assert_eq!(mode & 0o777, 0o700);
    let told = run.stdout.lines().find_map(|line| {
        let (right, rest) = line.split_once(" of ")?;
        let number = |text: &str| text.replace(',', "").parse::<u32>().ok();
        let right = number(right.rsplit_once(' ')?.1)?;
        let all = number(rest.split_once(" verdicts are true")?.0)?;
        Some((right, all))
    });
    let (right, all) = told.expect("it says how many are true");
    assert!(right == all && (1800..=2000).contains(&all), "{run:?}");
    assert!(run.stdout.contains("0 refused for the quota"), "{run:?}");
    assert!(run.stdout.contains("Exit code 3, as documented"), "{run:?}");
    assert!(
        run.stdout.contains("The last cancel so far was sent "),
        "{run:?}"
    );
    assert!(run.stdout.contains(" completed anyway, "), "{run:?}");
    assert!(!run.stderr.contains("warning: "), "{run:?}");
    // On one screen of 80 by 24, with the prompts around it and progress every 5 s.
    let lines = run.stderr.lines().chain(run.stdout.lines());
    // On a terminal the lines of progress are bars, which take the place of each other.
    let is_progress = |line: &&str| line.contains("requests/s");
    let heights = lines.filter(|line| !is_progress(line));
    let heights = heights.map(|line| line.chars().count().div_ceil(80).max(1));
    let height = heights.sum::<usize>();
    assert!(height <= 20, "{height}: {run:?}");
    let commands = run
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  countermand "));
    let commands: Vec<_> = commands.collect();
    assert_eq!(commands.len(), 3, "{run:?}");
    // They work as they are printed.
    for command in &commands[..2] {
        let words: Vec<_> = command.split(' ').collect();
        assert_eq!(Process::new(&words).run().code, 0, "{command}");
    }
    let last = run.stdout.lines().last().unwrap();
    let page = last.strip_prefix("The report is in ").unwrap();
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
}

#[test]
fn completions_and_manual_pages() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = Process::new(&["completions", shell]).run();
        assert_eq!(run.code, 0);
        assert!(run.stdout.contains("skip-invalid"), "{shell}");
    }
    let page = Process::new(&["man"]).run();
    assert_eq!(page.code, 0);
    assert!(page.stdout.contains(".TH countermand 1"), "{page:?}");
    assert!(page.stdout.contains("completed anyway"), "{page:?}");
    let page = Process::new(&["man", "cancel"]).run();
    assert!(page.stdout.contains("no\\-verify"), "{page:?}");
    let mut closed = Process::new(&["man"]).start_unread();
    closed.close_stdout();
    assert_eq!(closed.wait().code, 0);
}

#[test]
fn help_explains_and_shows_no_environment() {
    let run = Process::new(&["--help"])
        .env("COUNTERMAND_ENDPOINT", "http://127.0.0.1:9")
        .run();
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("Exit codes"), "{run:?}");
    assert!(!run.stdout.contains("127.0.0.1:9"), "{run:?}");
}

#[test]
fn help_says_the_same_of_a_command_in_the_list_and_on_its_own() {
    let run = Process::new(&["--help"]).run();
    let list = run.stdout.lines().skip_while(|line| *line != "Commands:");
    let mut commands = 0;
    for line in list.skip(1).take_while(|line| !line.is_empty()) {
        let (name, about) = line.trim().split_once(' ').unwrap();
        if name == "help" {
            continue;
        }
        let own = Process::new(&[name, "--help"]).run();
        assert_eq!(own.stdout.lines().next(), Some(about.trim()), "{name}");
        commands += 1;
    }
    assert_eq!(commands, 16, "{run:?}");
}
