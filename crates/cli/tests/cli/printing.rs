//! Output that is printed, with a reader and without one.

use countermand_emulator::{Fate, NewOperation, Quirks, State};
use serde_json::json;

use crate::api::{Api, COMPLETES};

#[test]
fn json_has_one_line_for_each_name() {
    let api = Api::new([Fate::Cancellable, COMPLETES, Fate::Cancellable]);
    let refused = api.names[2].clone();
    let api = api.faults(json!([{"fault": "invalid-argument", "name": refused}]));
    let run = api.cancel(&["--json"]).run();
    assert_eq!(run.code, 3);
    let mut rows = run.json();
    rows.sort_by_key(|row| {
        let name = row["name"].as_str().unwrap();
        api.names.iter().position(|known| known == name).unwrap()
    });
    assert_eq!(rows.len(), 3);
    for (row, name) in rows.iter().zip(&api.names) {
        assert_eq!(row["schema"], "countermand.outcome/1");
        assert_eq!(row["name"], name.as_str());
        let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
        for key in ["verdict", "attempts", "operation", "error"] {
            assert!(keys.contains(&&key.to_owned()), "{row}");
        }
    }
    assert_eq!(
        (&rows[0]["verdict"], &rows[0]["attempts"]),
        (&json!("cancelled"), &json!(2))
    );
    assert_eq!(rows[0]["operation"]["error"]["code"], 1);
    assert_eq!(rows[0]["operation"]["metadata"]["type"], "WIPE");
    assert!(rows[0]["error"].is_null());
    assert_eq!(rows[1]["verdict"], "completed");
    assert!(rows[2]["verdict"].is_null() && rows[2]["operation"].is_null());
    assert_eq!(rows[2]["attempts"], 1);
    let error = &rows[2]["error"];
    assert_eq!(
        (&error["kind"], &error["http_status"]),
        (&json!("invalid_argument"), &json!(400))
    );
    assert!(error["advice"].as_str().unwrap().contains("check the name"));
    assert_eq!(error["maybe_delivered"], false);
    // The summary is for people.
    assert!(
        run.stderr.contains("WARNING: 1 completed anyway"),
        "{run:?}"
    );
}

#[test]
fn the_columns_line_up() {
    let api = Api::new([Fate::Cancellable, COMPLETES]);
    let run = api.cancel(&[]).run();
    let ends = api.names.iter().map(|name| {
        let mut lines = run.stdout.lines().filter(|line| !line.starts_with(' '));
        lines.find_map(|line| line.find(name.as_str())).unwrap()
    });
    assert_eq!(ends.collect::<Vec<_>>(), [13, 13]);
}

#[test]
fn colours_only_where_they_are_wanted() {
    let api = Api::new([Fate::Cancellable, COMPLETES]);
    let plain = api.cancel(&[]).run();
    assert!(!plain.stdout.contains('\u{1b}'), "a pipe gets no colours");
    let forced = api.cancel(&[]).env("CLICOLOR_FORCE", "1").run();
    assert!(forced.stdout.contains('\u{1b}'), "{forced:?}");
    let none = api
        .cancel(&[])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1")
        .run();
    assert!(!none.stdout.contains('\u{1b}'), "{none:?}");
}

#[test]
fn hostile_words_of_a_server_reach_no_terminal() {
    let api = Api::new([Fate::Cancellable]).faults(json!([{"fault": "hostile-message"}]));
    let run = api.cancel(&[]).run();
    assert_eq!(run.code, 1);
    let odd = |char: char| (char.is_control() && char != '\n') || char == '\u{202e}';
    assert!(!run.stdout.contains(odd), "{run:?}");
}

#[test]
fn a_closed_stdout_never_stops_the_cancelling() {
    for options in [&[][..], &["--json"]] {
        let api = Api::new(vec![Fate::Cancellable; 30].into_iter().chain([COMPLETES]));
        let mut running = api.cancel(options).start_unread();
        running.close_stdout();
        let run = running.wait();
        assert_eq!(run.code, 3, "{run:?}");
        assert_eq!(api.states()[..30], [State::Cancelled; 30]);
        assert!(
            run.stderr.contains("WARNING: 1 completed anyway"),
            "{run:?}"
        );
    }
}

#[test]
fn a_pager_that_does_not_read_never_stops_the_cancelling() {
    let api = Api::new(vec![Fate::Cancellable; 400]);
    let mut running = api.cancel(&["--json", "--quota", "none"]).start_unread();
    // More is written than a pipe holds, so the writer is stuck by now.
    running.until("the last cancel", |_| {
        api.states().iter().all(|state| *state == State::Cancelled)
    });
    running.read_stdout();
    let run = running.wait();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stdout.len() > 70_000);
    assert_eq!(run.json().len(), 400);
}

/// Texts of a server are data: on a terminal, in a log and in JSON, of which a row is a line for
/// every program.
#[test]
fn fault_61_texts_of_a_server_are_one_line_and_seen() {
    let hidden = [
        '\u{85}', '\u{9b}', '\u{202e}', '\u{2028}', '\u{2029}', '\u{200b}', '\u{3164}',
    ]
    .into_iter()
    .chain([
        '\u{34f}',
        '\u{fe0f}',
        '\u{e0041}',
        '\u{b}',
        '\u{c}',
        '\u{1c}',
        '\u{1b}',
        '\u{7f}',
    ]);
    let kind: String = hidden.clone().flat_map(|char| [char, 'x']).collect();
    let operations = [NewOperation::new(Fate::Cancellable).kind(&kind)];
    let api = Api::with(operations, Quirks::default(), None);
    let is_hidden = |char: char| hidden.clone().any(|known| known == char);
    let enterprise = api.names[0].split("/devices/").next().unwrap().to_owned();
    for args in [
        &["get", &api.names[0]][..],
        &["find", &enterprise],
        &["cancel", "-v", "-v", &api.names[0]],
    ] {
        let run = api.command(args).run();
        assert_eq!(run.code, 0, "{run:?}");
        let told = format!("{}{}", run.stdout, run.stderr).replace('\n', "");
        assert!(!told.contains(is_hidden), "{run:?}");
        assert!(run.stdout.contains(r"\u{202e}x\u{2028}x"), "{run:?}");
    }
    for args in [
        &["get", "--json", &api.names[0]][..],
        &["cancel", "--json", &api.names[0]],
    ] {
        let run = api.command(args).run();
        assert!(!run.stdout.trim_end().contains(is_hidden), "{run:?}");
        let [line] = &run.json()[..] else {
            panic!("one line: {run:?}");
        };
        assert_eq!(line["operation"]["metadata"]["type"], kind.as_str());
    }
}
