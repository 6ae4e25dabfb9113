//! Status and report of several job files.

use std::fs;

use serde_json::{Value, json};

use crate::lanes::{Lanes, NAMES};
use crate::process::{Process, Run};

/// Two plans, of which the first is applied.
fn half_applied() -> (Lanes, [String; 2]) {
    let lanes = Lanes::new([4, 3]);
    let folder = lanes.path("plans");
    let args = ["plan", "-", "--split-lanes", &folder, "--json"];
    let run = lanes.command(&args).input(lanes.names()).run();
    assert_eq!(run.code, 0, "{run:?}");
    let lines = run.json();
    let apply = Process::shell(lines[0]["apply"].as_str().unwrap());
    assert_eq!(apply.run().code, 0);
    let path = |lane: usize| lines[lane]["path"].as_str().unwrap().to_owned();
    (lanes, [path(0), path(1)])
}

fn of(command: &[&str], files: &[String]) -> Run {
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    Process::new(&[command, &files].concat()).run()
}

#[test]
fn several_files_have_one_table_and_one_summary() {
    let (lanes, files) = half_applied();
    let run = lanes
        .command(&["status", &files[0], &files[1], "--check"])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    for words in [
        "7 operations: 3 unsent, 4 cancelled.".to_owned(),
        format!(
            "  {}: lane north (project emm-north) at {}, no quota: 4 operations: 4 cancelled",
            files[0],
            lanes.servers()[0]
        ),
        format!("  {}, never applied: lane south ", files[1]),
        "3 not resolved; to go on:".to_owned(),
    ] {
        assert!(run.stdout.contains(&words), "{words}: {run:?}");
    }
    // The command that is printed goes on.
    let commands = run.stdout.lines().map(str::trim);
    let commands: Vec<_> = commands
        .filter(|line| line.starts_with("countermand "))
        .collect();
    assert_eq!(commands.len(), 1, "{run:?}");
    let run = Process::shell(commands[0]).run();
    assert_eq!(run.code, 0, "{commands:?}: {run:?}");
    assert_eq!(lanes.cancelled(), [4, 3]);

    let status = of(&["status", "--json"], &files).json().pop().unwrap();
    assert_eq!(status["counts"]["states"], json!({"cancelled": 7}));
    let told = |field: &str| -> Vec<Value> {
        let jobs = status["jobs"].as_array().unwrap().iter();
        jobs.map(|job| job[field].clone()).collect()
    };
    assert_eq!(told("path"), [json!(files[0]), json!(files[1])]);
    assert_eq!(told("activity"), ["ended", "ended"]);
    assert_eq!(
        (&status["activity"], &status["resume"]),
        (&json!("ended"), &Value::Null)
    );

    let mut rows = of(&["report"], &files).json();
    let end = rows.pop().unwrap();
    assert_eq!((end["rows"].as_u64(), rows.len()), (Some(7), 7));
    assert_eq!(end["states"], json!({"cancelled": 7}));
    for (at, row) in rows.iter().enumerate() {
        let file = usize::from(at >= 4);
        assert_eq!(row["job"], json!(files[file]), "{row}");
        assert_eq!(row["lane"], NAMES[file]);
    }
    for (name, words) in [
        ("all.html", "All 7 operations cancelled"),
        ("all.csv", "south.job"),
    ] {
        let path = lanes.path(name);
        assert_eq!(of(&["report", "--output", &path], &files).code, 0);
        assert!(fs::read_to_string(path).unwrap().contains(words), "{name}");
    }
}

#[test]
fn one_file_is_told_as_before() {
    let (_lanes, files) = half_applied();
    let rows = of(&["report"], &files[..1]).json();
    assert!(rows.iter().all(|row| row["job"].is_null()), "{rows:?}");
    assert_eq!(rows.last().unwrap()["jobs"], Value::Null);
}

#[test]
fn an_operation_in_two_files_is_told() {
    let (lanes, files) = half_applied();
    let copy = lanes.path("copy.job");
    fs::copy(&files[0], &copy).unwrap();
    let files = [files[0].clone(), copy];
    let run = of(&["status"], &files);
    assert_eq!(run.code, 0, "{run:?}");
    let words = "WARNING: 4 operations in more than one of these files, and counted in each:";
    assert!(run.stdout.contains(words), "{run:?}");
    let end = of(&["report"], &files).json().pop().unwrap();
    assert_eq!(end["repeated"]["operations"], 4);
}

#[test]
fn a_file_that_is_given_twice_or_is_no_job_is_refused() {
    let (lanes, files) = half_applied();
    let link = lanes.path("link.job");
    fs::hard_link(&files[0], &link).unwrap();
    let none = lanes.path(NAMES[0]);
    for command in [&["status"][..], &["report"], &["status", "--check"]] {
        for other in [&files[0], &link] {
            let run = of(command, &[files[0].clone(), other.clone()]);
            assert_eq!((run.code, &*run.stdout), (2, ""), "{run:?}");
            assert!(run.stderr.contains("this file is given twice"), "{run:?}");
        }
        let run = of(command, &[files[0].clone(), none.clone()]);
        assert_eq!((run.code, &*run.stdout), (9, ""), "{run:?}");
        assert!(run.stderr.contains(&none), "{run:?}");
    }
    // No report takes the place of one of its jobs.
    let run = of(
        &["report", "--format", "csv", "--output", &files[1]],
        &files,
    );
    assert_ne!(run.code, 0, "{run:?}");
}

/// Files of another service have their own words.
#[test]
fn files_of_several_services_and_servers_are_told_together() {
    let (lanes, files) = half_applied();
    let job = lanes.path("ai.job");
    let name = "//documentai.googleapis.com/projects/p/locations/us/operations/1";
    let run = Process::new(&["plan", name, "--output", &job]).run();
    assert_eq!(run.code, 0, "{run:?}");
    let all = [files[0].clone(), job];
    let status = of(&["status", "--json"], &all).json().pop().unwrap();
    let services = status["jobs"].as_array().unwrap().iter();
    let services: Vec<_> = services.map(|job| job["service"].clone()).collect();
    assert_eq!(services, ["androidmanagement.v1", "documentai.v1"]);
    let rows = of(&["report"], &all).json();
    assert_eq!(rows[4]["service"], "documentai.v1");
    assert_eq!(rows[5]["rows"], 5);
    let text = of(&["status"], &all).stdout;
    assert!(text.contains("countermand apply"), "{text}");
}
