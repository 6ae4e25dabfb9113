//! Fault 64: inputs as people have them. What is left out is counted, and a flood is a few lines.

use std::fs;

use countermand_emulator::Fate;
use serde_json::json;

use crate::api::Api;
use crate::fleet::Fleet;

const NAME: &str = "enterprises/LC01/devices/d1/operations/1";

fn wipe(number: u32) -> String {
    json!({"name": format!("{NAME}{number}"), "metadata": {"type": "WIPE"}}).to_string()
}

#[test]
fn fault_64_a_plan_counts_what_it_leaves_out() {
    let fleet = Fleet::of(Api::new([]));
    let file = fleet.file("answers");
    let failed = json!({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}});
    let lines = [wipe(1), failed.to_string(), "{}".to_owned(), wipe(2)];
    fs::write(&file, lines.join("\n")).unwrap();
    let from = file.to_str().unwrap();
    let args = ["plan", "--from", from, "--output", &fleet.job, "--json"];
    let run = fleet.command(&args).run();
    assert_eq!(run.code, 0, "{run:?}");
    let notes = [
        format!("{from}: 1 empty answer left out (line 3)\n"),
        format!("{from}: 1 failed answer left out (line 2)\n"),
    ];
    assert_eq!(run.stderr, notes.concat());
    let plan = &run.json()[0];
    assert_eq!(plan["operations"], 2);
    assert_eq!(
        plan["left_out"],
        json!({"empty_answer": 1, "failed_answer": 1})
    );
    assert_eq!(plan["refused"], 0);
}

#[test]
fn fault_64_a_plan_leaves_bad_names_out_when_it_is_told_to() {
    let fleet = Fleet::of(Api::new([]));
    let input = format!("{NAME}1\nx\n{NAME}2\n");
    let args = ["plan", "-", "--output", &fleet.job, "--json"];
    let run = fleet.command(&args).input(input.clone()).run();
    assert_eq!(run.code, 2, "{run:?}");
    assert!(!fs::exists(&fleet.job).unwrap());
    let args = [&args[..], &["--skip-invalid"]].concat();
    let run = fleet.command(&args).input(input).run();
    // As with `cancel`: something was left out, and a script notices.
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("standard input, line 2: "), "{run:?}");
    let plan = &run.json()[0];
    assert_eq!(
        (&plan["operations"], &plan["refused"]),
        (&json!(2), &json!(1))
    );
    // An input that ends too early would leave out more than its bad names.
    fs::remove_file(&fleet.job).unwrap();
    let input = format!("[\n\"{NAME}1\",\n{{\"name\":");
    let run = fleet.command(&args).input(input).run();
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
    assert!(run.stderr.contains("not read to its end"), "{run:?}");
    assert!(!fs::exists(&fleet.job).unwrap());
}

#[test]
fn fault_64_a_file_of_another_kind_is_one_sentence() {
    let fleet = Fleet::of(Api::new([]));
    let file = fleet.file("answers");
    let from = file.to_str().unwrap();
    let http = format!(
        "HTTP/2 200 \r\ncontent-type: application/json\r\n\r\n{}",
        wipe(1)
    );
    for (input, word) in [
        (http.as_bytes(), "curl"),
        (b"\x1f\x8b\x08\0\n\n\n", "gunzip"),
    ] {
        fs::write(&file, input).unwrap();
        let run = fleet
            .command(&["plan", "--from", from, "--output", &fleet.job])
            .run();
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains(word), "{run:?}");
        assert_eq!(run.stderr.lines().count(), 2, "{run:?}");
    }
}

#[test]
fn fault_64_a_flood_of_bad_lines_is_a_few_lines() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable]));
    let count: usize = if cfg!(debug_assertions) {
        50_000
    } else {
        1_000_000
    };
    let input = "device 12 was wiped\n".repeat(count);
    let plan = ["plan", "-", "--output", &fleet.job];
    for args in [&plan[..], &["cancel", "-"], &["get", "-"]] {
        let run = fleet.command(args).input(input.clone()).run();
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (2, ""),
            "{}",
            run.stderr.len()
        );
        assert!(
            run.stderr.len() < 2000,
            "{args:?}: {} bytes",
            run.stderr.len()
        );
        assert!(run.stderr.contains(",997 more are no names"), "{run:?}");
        assert!(run.stderr.contains("line 3: "), "{run:?}");
        assert!(!run.stderr.contains("line 4: "), "{run:?}");
    }
    assert_eq!(fleet.requests(), 0);
}

#[test]
fn fault_64_cancel_reads_and_counts_the_same() {
    let api = Api::new([Fate::Cancellable]);
    let name = &api.names[0];
    let units = format!("\u{feff}serial\tname\r\n1\t\r\n2\t{name}\r\n");
    let input: Vec<u8> = units.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let run = api.command(&["cancel", "-", "--json"]).input(input).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.stderr.contains("1 empty cell left out (line 2)"),
        "{run:?}"
    );
    let rows = run.json();
    assert_eq!(rows[0]["schema"], "countermand.input/1");
    assert_eq!(rows[0]["left_out"], json!({"empty_cell": 1}));
    assert_eq!(rows[1]["verdict"], "cancelled");
    let run = api
        .command(&["cancel", "-", "--skip-invalid"])
        .input("[\n{\"na")
        .run();
    assert_eq!(run.code, 2, "{run:?}");
}

/// The answer to `POST /_emulator/devices`, and a list of names as a program prints it.
#[test]
fn fault_64_the_names_that_an_emulator_answers_are_planned() {
    let answer = json!({"enterprise": "enterprises/LC01", "devices": [
        {"name": "enterprises/LC01/devices/d1", "operations": [format!("{NAME}1"), format!("{NAME}2")]},
    ]});
    let list = format!("\"{NAME}1\",\n\"{NAME}2\",\n");
    let inputs = [answer.to_string(), format!("{answer:#}"), list];
    for input in inputs {
        let fleet = Fleet::of(Api::new([]));
        let args = ["plan", "-", "--output", &fleet.job, "--json"];
        let run = fleet.command(&args).input(input.clone()).run();
        assert_eq!(run.code, 0, "{input}: {run:?}");
        assert_eq!(run.json()[0]["operations"], 2, "{run:?}");
    }
}

#[test]
fn fault_50_an_empty_list_of_what_is_left_alone_is_an_error() {
    let fleet = Fleet::of(Api::new([]));
    let file = fleet.file("keep");
    let args = [
        "plan",
        &format!("{NAME}1"),
        "--output",
        &fleet.job,
        "--exclude",
        file.to_str().unwrap(),
    ];
    fs::write(&file, " \n").unwrap();
    let run = fleet.command(&args).run();
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("it is empty"), "{run:?}");
    fs::write(&file, "# none\n").unwrap();
    assert_eq!(fleet.command(&args).run().code, 0);
}
