//! Operations that are done by the word of the input: nothing is claimed of the server.

use std::fs;

use countermand_emulator::Fate;
use serde_json::{Value, json};

use crate::api::Api;
use crate::fleet::Fleet;

/// A plan of three operations, of which the input says that the first two are done.
fn planned(options: &[&str]) -> (Fleet, String) {
    let fleet = Fleet::of(Api::new([
        Fate::Cancellable,
        Fate::Cancellable,
        Fate::Cancellable,
    ]));
    let [cancelled, completed, open] = &fleet.names[..] else {
        unreachable!("three fates");
    };
    let input = [
        json!({"name": cancelled, "done": true, "error": {"code": 1}}),
        json!({"name": completed, "done": true, "response": {}}),
        json!({"name": open}),
    ];
    let input = input.map(|line| line.to_string()).join("\n");
    let args = [&["plan", "-", "--output", &fleet.job], options].concat();
    let run = fleet.command(&args).input(input).run();
    assert_eq!(run.code, 0, "{run:?}");
    (fleet, run.stdout)
}

#[test]
fn a_plan_cancels_nothing_that_its_input_says_is_done() {
    let (fleet, text) = planned(&[]);
    assert!(
        text.starts_with("3 operations in the plan, 1 to be cancelled\n"),
        "{text}"
    );
    let done = "2 done according to the input (1 completed anyway, 1 cancelled): \
        nothing is sent, the server is not asked, and that is no proof";
    assert!(text.contains(done), "{text}");
    let run = fleet.apply(&[]).run();
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.stdout.contains(done), "{run:?}");
    assert!(!run.stdout.contains("the server says so"), "{run:?}");
    assert!(
        run.stdout
            .contains("1 completed anyway: the input of the plan says so"),
        "{run:?}"
    );
    assert_eq!(fleet.requests_for(&fleet.names[0]), 0);
    assert_eq!(fleet.requests_for(&fleet.names[1]), 0);
    let (_, line) = planned(&["--json"]);
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["from_input"], json!({"completed": 1, "cancelled": 1}));
}

#[test]
fn a_report_says_that_the_input_said_so() {
    let (fleet, _) = planned(&[]);
    assert_eq!(fleet.apply(&[]).run().code, 3);
    let lines = fleet.command(&["report", &fleet.job]).run().json();
    let of = |name: &String| lines.iter().find(|line| line["name"] == **name).unwrap();
    for (name, from_input) in fleet.names.iter().zip([true, true, false]) {
        let row = of(name);
        assert_eq!(row["from_input"], from_input, "{row}");
        assert_eq!(row["verified_at"].is_null(), from_input, "{row}");
        assert_eq!(row["resolved_at"].is_null(), from_input, "no answer: {row}");
    }
    let counts = json!({"completed": 1, "cancelled": 1});
    assert_eq!(lines.last().unwrap()["from_input"], counts);
    let status = fleet.command(&["status", &fleet.job, "--check", "--json"]);
    assert_eq!(status.run().json()[0]["counts"]["from_input"], counts);
    let page = fleet.file("report.html");
    let page = page.to_str().unwrap();
    let run = fleet.command(&["report", &fleet.job, "--output", page]);
    assert_eq!(run.run().code, 0);
    let page = fs::read_to_string(page).unwrap();
    for text in [
        "1 confirmed as cancelled by the server. 1 cancelled according to the input of the plan",
        "Of 1 of them, only the input of the plan says so.",
        "not asked: by the input",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("The server says that"), "{page}");
}

/// Nothing that a reader takes for a proof: the server was never asked.
#[test]
fn a_job_that_is_done_by_its_input_alone_claims_no_proof() {
    let fleet = Fleet::of(Api::new([Fate::Cancellable; 2]));
    let done = |name: &String| json!({"name": name, "done": true, "error": {"code": 1}});
    let input = fleet.names.iter().map(|name| done(name).to_string() + "\n");
    let args = ["plan", "-", "--output", &fleet.job];
    let run = fleet.command(&args).input(input.collect::<String>()).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.stdout.contains("\nNothing is left to be sent.\n"),
        "{run:?}"
    );
    let run = fleet.apply(&[]).run();
    assert_eq!((run.code, fleet.requests()), (0, 0), "{run:?}");
    let words = "2 done according to the input (2 cancelled): nothing is sent, the server is not asked, and that is no proof.";
    assert!(run.stdout.contains(words), "{run:?}");
    let page = fleet.file("report.html");
    let page = page.to_str().unwrap();
    let run = fleet
        .command(&["report", &fleet.job, "--output", page])
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    let page = fs::read_to_string(page).unwrap();
    assert!(
        page.contains("<h1 class=\"open\">Done by the word of the input alone</h1>"),
        "{page}"
    );
    for text in ["All 2", "confirm", "nothing is known"] {
        assert!(!page.contains(text), "{text}: {page}");
    }
    let lines = fleet.command(&["report", &fleet.job]).run().json();
    assert_eq!(lines[0]["resolved_at"], Value::Null);
    let last = &lines[2];
    let times = ["last_known", "first_cancel_sent_at"].map(|time| last[time].is_null());
    assert_eq!(times, [true; 2], "{last}");
}
