//! Fault 44: names that are none, too often, too few, or many.

use std::fs;

use countermand_emulator::Fate;
use serde_json::json;

use crate::api::Api;
use crate::fleet::Fleet;
use crate::process::Run;

const GOOD: &str = "enterprises/LC01/devices/d1/operations/1";

/// Names that are refused, in every form that names come in.
fn hostile() -> Vec<String> {
    let name = |id: &str| format!("enterprises/LC01/devices/d1/operations/{id}");
    vec![
        name(".."),
        name("1/../2"),
        "enterprises/../devices/d1/operations/1".to_owned(),
        name("1:cancel"),
        name(&"x".repeat(10_240)),
        name("\u{202e}1"),
        name("a\u{7}b"),
        "enterprises/LC01/devices/d1".to_owned(),
        "https://androidmanagement.googleapis.com/v1/enterprises/LC01".to_owned(),
        String::from("/") + GOOD,
    ]
}

fn refused(fleet: &Fleet, run: &Run, place: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{place}: {run:?}");
    assert!(run.stderr.contains(place), "{place}: {run:?}");
    assert!(
        run.stderr.contains("1 bad name; nothing was sent"),
        "{run:?}"
    );
    assert!(
        !run.stderr.contains(['\u{7}', '\u{202e}', '\u{1b}']),
        "{run:?}"
    );
    assert!(run.stderr.len() < 4000, "{} bytes", run.stderr.len());
    assert!(!fs::exists(&fleet.job).unwrap(), "{run:?}");
    assert_eq!(fleet.requests(), 0);
}

#[test]
fn fault_44_a_bad_name_is_2_with_its_line_in_every_form() {
    let fleet = Fleet::of(Api::new([]));
    let file = fleet.file("names");
    for bad in hostile() {
        let text = format!("{GOOD}\n# more\n{bad}\n{GOOD}2\n");
        let json = [GOOD, &bad].map(|name| json!({"name": name}).to_string());
        let json = json.join("\n");
        let csv = format!("type,name\nWIPE,{GOOD}\nWIPE,\"{bad}\"\n");
        for (form, input, line) in [("text", text, 3), ("json", json, 2), ("csv", csv, 3)] {
            fs::write(&file, &input).unwrap();
            let from = ["plan", "--from", file.to_str().unwrap(), "--format", form];
            let output = ["--output", &fleet.job];
            let run = fleet.command(&[&from[..], &output].concat()).run();
            refused(&fleet, &run, &format!("names, line {line}: "));
            let stdin = ["plan", "-", "--format", form];
            let run = fleet.command(&[&stdin[..], &output].concat());
            let run = run.input(input).run();
            refused(&fleet, &run, &format!("standard input, line {line}: "));
        }
        if !bad.contains("/devices/d1/operations") {
            continue;
        }
        let run = fleet.command(&["plan", GOOD, &bad, "--output", &fleet.job]);
        refused(&fleet, &run.run(), "name 2: ");
    }
    // NUL, which no argument can hold.
    let input = format!("{GOOD}\n{GOOD}a\0b\n");
    let run = fleet.command(&["plan", "-", "--output", &fleet.job]);
    refused(&fleet, &run.input(input).run(), "line 2: ");
}

#[test]
fn fault_44_odd_names_that_are_names_are_planned_as_they_are() {
    let fleet = Fleet::of(Api::new([]));
    let odd = ["1?x=y", "1#c", "a%2fb", "a:b", "\u{430}"];
    let odd = odd.map(|id| format!("enterprises/LC01/devices/d1/operations/{id}"));
    let args = ["plan", "-", "--output", &fleet.job, "--order", "input"];
    let run = fleet.command(&args).input(odd.join("\n")).run();
    if run.code == 0 {
        let planned = fleet.rows().into_iter();
        let planned = planned.map(|row| row.target.name.to_string());
        assert_eq!(planned.collect::<Vec<_>>(), odd);
    } else {
        assert_eq!(run.code, 2, "{run:?}");
    }
}

#[test]
fn fault_44_duplicates_are_counted_and_an_empty_input_is_2() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable; 2]));
    let twice = [fleet.names.join("\n"), fleet.names.join("\r\n")].join("\n");
    let args = ["plan", "-", "--output", &fleet.job, "--json"];
    for empty in ["", "\n\n# no name\n"] {
        let run = fleet.command(&args).input(empty).run();
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        let told = "error: no names of operations were found in standard input; nothing was sent";
        assert_eq!(run.stderr.trim_end(), told);
        assert!(!fs::exists(&fleet.job).unwrap());
        // Also beside one that has names.
        let [full, file] = ["full", "empty"].map(|name| fleet.file(name));
        fs::write(&full, &twice).unwrap();
        fs::write(&file, empty).unwrap();
        let from = [
            "--from",
            full.to_str().unwrap(),
            "--from",
            file.to_str().unwrap(),
        ];
        let run = fleet.command(&[&["plan", "--output", &fleet.job], &from[..]].concat());
        let run = run.run();
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains("were found in /"), "{run:?}");
        assert!(!fs::exists(&fleet.job).unwrap());
    }
    let run = fleet.command(&args).input(twice).run();
    assert_eq!(run.code, 0, "{run:?}");
    let plan = &run.json()[0];
    assert_eq!(
        (&plan["operations"], &plan["duplicates"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(fleet.apply(&[]).run().code, 0);
    assert_eq!(fleet.cancels(), (2, 2));
}

/// In a build without optimisation a tenth of them has to do.
#[test]
fn fault_44_a_million_lines_are_planned() {
    let count = if cfg!(debug_assertions) {
        30_000
    } else {
        1_000_000
    };
    let fleet = Fleet::of(Api::new([]));
    let file = fleet.file("names");
    let line = |number| format!("enterprises/LC01/devices/d{number}/operations/{number}\n");
    fs::write(&file, (0..count).map(line).collect::<String>()).unwrap();
    let from = file.to_str().unwrap();
    let args = ["plan", "--from", from, "--output", &fleet.job, "--json"];
    let running = fleet.command(&args).start();
    let status = format!("/proc/{}/status", running.id());
    let peak = std::cell::Cell::new(0_u64);
    running.until("the plan", |running| {
        // Linux alone tells it; a process that has ended does not.
        let status = fs::read_to_string(&status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak.set(peak.get().max(kib.unwrap_or(0)));
        running.stdout().ends_with('\n')
    });
    let run = running.wait();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(run.json()[0]["operations"], count);
    let bytes = peak.get() * 1024 / count;
    println!(
        "{count} names: {} MiB, {bytes} bytes each",
        peak.get() / 1024
    );
    assert!(bytes < 2000, "{bytes} bytes a name");
    assert_eq!(fleet.requests(), 0);
}
