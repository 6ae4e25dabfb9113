//! Every exit code, and which one wins.

use countermand_emulator::{Fate, Quirks, State, Tls};
use serde_json::json;

use crate::api::{Api, COMPLETES, FAILS, TOKEN};
use crate::process::Process;

#[test]
fn all_cancelled_is_0() {
    let api = Api::new([Fate::Cancellable, Fate::Cancellable]);
    let run = api.cancel(&[]).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(api.states(), [State::Cancelled; 2]);
    for name in &api.names {
        assert_eq!(run.verdict(name), "cancelled");
    }
    assert!(run.stdout.contains("2 operations: 2 cancelled."), "{run:?}");
    assert_eq!(run.stderr, "");
}

#[test]
fn a_command_that_failed_by_itself_is_0() {
    let api = Api::new([FAILS]);
    let run = api.cancel(&[]).run();
    assert_eq!((run.code, run.verdict(&api.names[0])), (0, "failed"));
    assert!(run.stdout.contains("code 9"), "{run:?}");
}

#[test]
fn an_error_is_1() {
    let api = Api::new([Fate::Cancellable]).faults(json!([{"fault": "invalid-argument"}]));
    let run = api.cancel(&[]).run();
    assert_eq!((run.code, run.verdict(&api.names[0])), (1, "error"));
    assert!(run.stdout.contains("check the name"), "{run:?}");
    assert_eq!(api.states(), [State::Pending]);
}

#[test]
fn completed_anyway_is_3_and_stands_first() {
    let api = Api::new([Fate::Cancellable, COMPLETES]);
    let run = api.cancel(&[]).run();
    assert_eq!((run.code, run.verdict(&api.names[1])), (3, "completed"));
    let (_, summary) = run.stdout.split_once("\n\n").unwrap();
    assert!(
        summary.starts_with("WARNING: 1 completed anyway"),
        "{summary}"
    );
    assert_eq!(summary.lines().nth(1).unwrap().trim(), api.names[1]);
    assert!(
        summary.contains("2 operations: 1 completed anyway, 1 cancelled."),
        "{summary}"
    );
}

#[test]
fn a_refused_token_is_4_and_stops_the_rest() {
    let api = Api::new([Fate::Cancellable; 20]);
    let run = api
        .cancel(&["--in-flight", "1"])
        .env("COUNTERMAND_TOKEN", "another-token")
        .run();
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.stderr.contains("get a new access token"), "{run:?}");
    // The server's text ends with a full stop, and the sentence goes on.
    assert!(!run.stderr.contains(".;"), "{run:?}");
    assert!(
        run.stdout
            .contains("20 not resolved; to go on:\n  countermand cancel --in-flight 1 ")
    );
    // The first attempt and the one after the refresh.
    assert_eq!(api.asked().len(), 2);
}

#[test]
fn a_foreign_enterprise_is_4() {
    let api = Api::new([Fate::Cancellable]).faults(json!([{"fault": "forbidden-enterprise"}]));
    assert_eq!(api.cancel(&[]).run().code, 4);
}

#[test]
fn no_token_is_4_in_one_sentence() {
    let api = Api::new([Fate::Cancellable]);
    for token in [None, Some("")] {
        let process = api.cancel(&[]).without("COUNTERMAND_TOKEN");
        let run = match token {
            None => process.run(),
            Some(token) => process.env("COUNTERMAND_TOKEN", token).run(),
        };
        assert_eq!((run.code, run.stdout.as_str()), (4, ""));
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
        assert!(
            run.stderr
                .contains("COUNTERMAND_TOKEN or give --token-file FILE, --credentials FILE"),
            "{run:?}"
        );
    }
    assert!(api.asked().is_empty());
}

#[test]
fn a_missing_token_file_is_4() {
    let api = Api::new([Fate::Cancellable]);
    let run = api.cancel(&["--token-file", "/nonexistent/token"]).run();
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.stderr.contains("/nonexistent/token"), "{run:?}");
}

#[test]
fn pending_is_5_with_the_command_to_apply_again() {
    let api = Api::new([Fate::Cancellable, Fate::Stuck]);
    let run = api.cancel(&["--deadline", "300ms"]).run();
    assert_eq!((run.code, run.verdict(&api.names[1])), (5, "pending"));
    let again = format!(
        "countermand cancel --deadline 300ms --endpoint {} {}",
        api.endpoint_v1(),
        api.names[1]
    );
    assert!(
        run.stdout.lines().any(|line| line.trim() == again),
        "{run:?}"
    );
}

#[test]
fn gone_is_3_and_names_the_device() {
    let api = Api::new([Fate::Vanishes]);
    let run = api.cancel(&[]).run();
    assert_eq!((run.code, run.verdict(&api.names[0])), (3, "gone"));
    let device = api.names[0].split("/operations/").next().unwrap();
    assert!(
        run.stdout
            .lines()
            .any(|line| line.trim().starts_with(device)),
        "{run:?}"
    );
}

#[test]
fn in_doubt_after_an_error_is_5() {
    let script = json!([{"fault": "html-success", "times": null}]);
    let api = Api::new([Fate::Cancellable]).faults(script);
    let run = api.cancel(&["--deadline", "300ms"]).run();
    assert_eq!((run.code, run.verdict(&api.names[0])), (5, "error"));
    assert!(run.stdout.contains("may have been delivered"), "{run:?}");
}

#[test]
fn a_quota_of_zero_is_6() {
    let api = Api::new([Fate::Cancellable]).faults(json!([{"fault": "quota-zero"}]));
    let run = api.cancel(&[]).run();
    assert_eq!(run.code, 6, "{run:?}");
    assert!(run.stderr.contains("stopped: quota"), "{run:?}");
}

#[test]
fn the_worst_wins() {
    let fates = [COMPLETES, Fate::Stuck, Fate::Cancellable, Fate::Cancellable];
    let api = Api::new(fates);
    let (quota, refused) = (api.names[2].clone(), api.names[3].clone());
    let mut faults = vec![json!({"status": 400, "times": null, "name": refused})];
    let cancel = |api: &Api| api.cancel(&["--deadline", "200ms"]).run().code;
    let api = api.faults(json!(faults));
    assert_eq!(cancel(&api), 3, "completed before pending and failed");
    faults.push(json!({"fault": "quota-zero", "name": quota}));
    let api = api.faults(json!(faults));
    assert_eq!(cancel(&api), 6, "quota before completed");
    faults[0] = json!({"fault": "forbidden-enterprise", "name": refused});
    let api = api.faults(json!(faults));
    assert_eq!(cancel(&api), 4, "permission before quota");
}

#[test]
fn only_asking_is_0_and_says_how_to_find_out() {
    let api = Api::new([Fate::Stuck]);
    let run = api.cancel(&["--no-verify"]).run();
    assert_eq!((run.code, run.verdict(&api.names[0])), (0, "unverified"));
    assert_eq!(api.asked().len(), 1);
    let words = format!(
        "1 accepted and, as asked, not verified; to go on:\n  countermand cancel --endpoint {} {}",
        api.endpoint_v1(),
        api.names[0]
    );
    assert!(run.stdout.contains(&words), "{run:?}");
    assert!(!run.stdout.contains("not resolved"), "{run:?}");
    // What was not accepted is not resolved.
    let api = Api::new([Fate::Cancellable; 2]);
    let fault = json!([{"status": 503, "name": api.names[0], "times": null}]);
    let api = api.faults(fault);
    let run = api.cancel(&["--no-verify", "--deadline", "500ms"]).run();
    assert_eq!(run.code, 5, "{run:?}");
    let words = "1 not resolved, 1 accepted and, as asked, not verified; to go on:";
    assert!(run.stdout.contains(words), "{run:?}");
}

#[test]
fn usage_is_2() {
    let api = Api::new([Fate::Cancellable]);
    let name = api.names[0].as_str();
    for args in [
        &["cancel"][..],
        &["cancel", "--deadline", "soon", name],
        &["cancel", "--deadline", "0", name],
        &["cancel", "--in-flight", "0", name],
        &["cancel", "--frobnicate", name],
        &["frobnicate"],
        &[],
        &["cancel", "--endpoint", "not a url", name],
        &["cancel", "--endpoint", "http://192.0.2.1", name],
        &["cancel", "--ca-file", "/nonexistent/ca.pem", name],
        &["cancel", name, "-"],
        &["list", name],
        &["get", "enterprises/e"],
        &["man", "frobnicate"],
        &["emulator", "--faults", "/nonexistent/faults.json"],
    ] {
        let run = api.command(args).run();
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args:?} {run:?}");
        assert!(!run.stderr.is_empty(), "{args:?}");
    }
    assert!(api.asked().is_empty());
}

#[test]
fn plain_http_to_another_machine_is_refused_clearly() {
    let run = Process::new(&["cancel", "enterprises/e/devices/d/operations/o"])
        .env("COUNTERMAND_ENDPOINT", "http://192.0.2.1:80")
        .env("COUNTERMAND_TOKEN", TOKEN)
        .run();
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("plain http to another machine"),
        "{run:?}"
    );
}

#[test]
fn a_token_on_the_command_line_is_refused_and_not_repeated() {
    let name = "enterprises/e/devices/d/operations/o";
    for args in [
        &["cancel", "--token", TOKEN, name][..],
        &["cancel", &format!("--token={TOKEN}"), name],
        &["--token", TOKEN, "cancel", name],
        &["get", name, "--token", TOKEN],
        &["list", "--token", TOKEN, "enterprises/e/devices/d"],
    ] {
        let run = Process::new(args).run();
        assert_eq!(run.code, 2, "{run:?}");
        assert!(
            run.stderr.contains("never taken from the command line"),
            "{run:?}"
        );
        assert!(run.stderr.contains("COUNTERMAND_TOKEN"), "{run:?}");
        assert!(!run.stderr.contains(TOKEN) && !run.stdout.contains(TOKEN));
    }
}

#[test]
fn tls_by_an_unknown_authority_is_1_and_by_a_trusted_one_0() {
    let tls = Tls::localhost().unwrap();
    let wipe = countermand_emulator::NewOperation::new(Fate::Cancellable);
    let api = Api::with([wipe], Quirks::default(), Some(&tls));
    let run = api.cancel(&[]).run();
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("--ca-file"), "{run:?}");
    assert!(api.asked().is_empty());

    let directory = tempfile::tempdir().unwrap();
    let ca = tls.write_to(directory.path()).unwrap();
    let run = api.cancel(&["--ca-file", ca.to_str().unwrap()]).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(api.states(), [State::Cancelled]);
}
