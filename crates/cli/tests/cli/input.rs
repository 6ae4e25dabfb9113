//! Names from standard input and from the command line, good and bad.

use countermand_emulator::{Fate, State};

use crate::api::Api;

#[test]
fn one_bad_name_among_many_sends_nothing() {
    let api = Api::new([Fate::Cancellable; 3]);
    let [first, second, third] = &api.names[..] else {
        unreachable!("three fates")
    };
    let input = format!("{first}\n# wipes\n\n{second}:cancel\n{third}\r\n../{third}\n");
    let run = api.command(&["cancel", "-"]).input(input.clone()).run();
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    let lines: Vec<&str> = run.stderr.lines().collect();
    assert!(
        lines[0].starts_with("line 4: ") && lines[0].contains(":cancel"),
        "{run:?}"
    );
    assert!(lines[1].starts_with("line 6: "), "{run:?}");
    assert!(lines[2].contains("2 bad names") && lines[2].contains("--skip-invalid"));

    let run = api.command(&["cancel", "--json", "-"]).input(input).run();
    assert_eq!(run.code, 2);
    let rows = run.json();
    let bad: Vec<_> = rows.iter().map(|row| &row["error"]["line"]).collect();
    assert_eq!(bad, [4, 6]);
    assert_eq!(rows[0]["name"], format!("{second}:cancel"));
    assert_eq!(rows[0]["error"]["kind"], "invalid_name");
    assert!(rows[0]["verdict"].is_null());

    let run = api.command(&["cancel", first, "x", second]).run();
    assert_eq!(run.code, 2);
    assert!(run.stderr.starts_with("name 2: \"x\""), "{run:?}");
    assert!(api.asked().is_empty());
}

#[test]
fn skipping_bad_names_cancels_the_others_and_exits_1() {
    let api = Api::new([Fate::Cancellable; 2]);
    let input = [
        api.names[0].as_bytes(),
        b"\nenterprises/\xff\xfe\n",
        api.names[1].as_bytes(),
    ]
    .concat();
    let run = api
        .command(&["cancel", "--skip-invalid", "--json", "-"])
        .input(input)
        .run();
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(api.states(), [State::Cancelled; 2]);
    let rows = run.json();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["error"]["line"], 2);
    assert_eq!(rows[0]["name"], "enterprises/\u{fffd}\u{fffd}");
    assert_eq!(
        (&rows[1]["verdict"], &rows[2]["verdict"]),
        (&"cancelled".into(), &"cancelled".into())
    );
    assert!(run.stderr.contains("1 bad name skipped"), "{run:?}");
}

#[test]
fn only_bad_names_to_skip_is_1() {
    let api = Api::new([]);
    let run = api.command(&["cancel", "--skip-invalid", "x"]).run();
    assert_eq!(run.code, 1, "{run:?}");
}

#[test]
fn duplicates_are_countermanded_once_and_counted() {
    let api = Api::new([Fate::Cancellable]);
    let name = &api.names[0];
    let run = api.command(&["cancel", "--json", name, name, name]).run();
    assert_eq!(run.code, 0);
    assert_eq!(run.json().len(), 1);
    assert!(run.stderr.contains("2 duplicates"), "{run:?}");
    assert_eq!(api.requests_for(name), 2);
}

/// A pipe whose writer has failed gives nothing, and must not look like success.
#[test]
fn fault_50_an_input_without_a_name_is_an_error() {
    let api = Api::new([]);
    for input in [
        "",
        "\n\n# no name\n",
        "  \t\n",
        "\u{feff}",
        "[]",
        "{}",
        "name\n",
    ] {
        for command in ["cancel", "get"] {
            for json in [&[][..], &["--json"]] {
                let run = api
                    .command(&[&[command, "-"], json].concat())
                    .without("COUNTERMAND_TOKEN")
                    .input(input)
                    .run();
                assert_eq!(run.code, 2, "{command} {input:?}: {run:?}");
                let told = "error: no names of operations were found in standard input; nothing was sent\n";
                assert!(run.stderr.ends_with(told), "{input:?}: {run:?}");
                assert!(!run.stdout.contains("nothing to do"), "{run:?}");
            }
        }
    }
}

#[test]
fn fault_64_names_as_people_paste_them_are_cancelled() {
    let api = Api::new([Fate::Cancellable; 5]);
    let names = &api.names;
    let input = [
        format!("  {}\t", names[0]),
        format!("/v1/{}", names[1]),
        format!("{}/{}:cancel?alt=json", api.endpoint_v1(), names[2]),
        format!("{}\r", names[3]),
    ];
    let run = api.command(&["cancel", "-"]).input(input.join("\n")).run();
    assert_eq!(run.code, 0, "{run:?}");
    let url = format!("{}/{}", api.endpoint_v1(), names[4]);
    assert_eq!(api.command(&["cancel", &url]).run().code, 0);
    assert_eq!(api.states(), [State::Cancelled; 5]);
}

#[test]
fn fault_64_what_is_no_name_is_told_with_the_line_that_cuts_it() {
    let api = Api::new([Fate::Cancellable]);
    let name = &api.names[0];
    let device = name.split("/operations/").next().unwrap();
    let other = format!("https://api.example/v1/{name}");
    let curl = format!(
        "curl -X POST -H 'Authorization: Bearer canary' -d '{{\"a\":1,\"b\":2}}' {}/{name}:cancel",
        api.endpoint_v1()
    );
    let logged = format!("12:03 WIPE of {name} was sent, token canary");
    for (input, told) in [
        (device, "xargs countermand find --names-only"),
        (&format!("{name}:cancel"), "sed 's|:cancel$||'"),
        (&format!("/{name}"), "sed 's|^/*||'"),
        (&other, "another server than the endpoint of this run"),
        (&curl, "grep -oE 'enterprises/"),
        (&logged, "grep -oE 'enterprises/"),
    ] {
        let run = api.command(&["cancel", "-"]).input(input).run();
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains(told), "{input}: {run:?}");
        assert!(!run.stderr.contains("canary"), "{run:?}");
    }
    // The line does what the sentence says.
    let run = api.command(&["cancel", "-"]).input(logged.clone()).run();
    let cut = run.stderr.split("this cuts names out: ").nth(1).unwrap();
    let cut = cut.lines().next().unwrap().trim_end_matches(" FILE");
    let line = format!("{cut} | countermand cancel -");
    let run = crate::process::Process::shell(&line)
        .env("COUNTERMAND_ENDPOINT", &api.endpoint)
        .env("COUNTERMAND_TOKEN", crate::api::TOKEN)
        .input(logged)
        .run();
    assert_eq!(run.code, 0, "{line}: {run:?}");
    assert_eq!(api.states(), [State::Cancelled]);
}

#[test]
fn a_text_that_is_no_name_is_told_every_kind_of_name_that_is_taken() {
    let api = Api::new([]);
    for args in [&["doctor", "not/a/name"][..], &["find", "not/a/name"]] {
        let run = api.command(args).run();
        assert_eq!(run.code, 2, "{run:?}");
        let kinds = "expected the name of an enterprise, a device or an operation";
        assert!(run.stderr.contains(kinds), "{run:?}");
    }
}

#[test]
fn an_option_that_cancel_has_not_and_a_variable_that_is_wrong_are_told_by_their_names() {
    let api = Api::new([]);
    for args in [
        &["cancel", "--from", "names.txt"][..],
        &["get", "--from=names.txt"],
    ] {
        let run = api.command(args).run();
        assert_eq!(run.code, 2, "{run:?}");
        assert!(
            run.stderr.contains("countermand cancel - < FILE"),
            "{run:?}"
        );
        assert!(!run.stderr.contains("-- --from"), "{run:?}");
    }
    let name = "enterprises/e/devices/d/operations/1";
    let run = api
        .command(&["cancel", name])
        .env("COUNTERMAND_ENDPOINT", "foo")
        .run();
    assert_eq!(run.code, 2, "{run:?}");
    assert!(
        run.stderr
            .starts_with("error: COUNTERMAND_ENDPOINT: \"foo\" is not an endpoint"),
        "{run:?}"
    );
    assert!(!run.stderr.contains("--endpoint"), "{run:?}");
    // One that is empty is not set, and an option goes before the variable.
    let run = api
        .command(&["cancel", "x"])
        .env("COUNTERMAND_ENDPOINT", "")
        .run();
    assert!(run.stderr.starts_with("name 1: "), "{run:?}");
    let run = api.command(&["cancel", "x", "--endpoint", &api.endpoint]);
    let run = run.env("COUNTERMAND_ENDPOINT", "foo").run();
    assert!(run.stderr.starts_with("name 1: "), "{run:?}");
}

#[test]
fn fault_46_the_id_of_an_enterprise_is_answered_with_its_name() {
    let api = Api::new([]);
    for args in [
        &["doctor", "LC01abcd89"][..],
        &["find", "LC01abcd89"],
        &["plan", "LC01abcd89", "--output", "/nonexistent/x.job"],
        &["rescue", "LC01abcd89", "--confirm", "LC01abcd89"],
    ] {
        let run = api.command(args).run();
        assert_eq!(run.code, 2, "{run:?}");
        let offer = "did you mean enterprises/LC01abcd89?";
        assert!(run.stderr.contains(offer), "{run:?}");
    }
}

#[test]
fn many_lines_stream_and_the_last_one_still_counts() {
    let api = Api::new([Fate::Cancellable]);
    let mut input = format!("{}\n", api.names[0]).repeat(50_000);
    let run = api.command(&["cancel", "-"]).input(input.clone()).run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("49,999 duplicates"), "{run:?}");
    let before = api.asked().len();
    input.push_str("enterprises/e/devices/d/operations/..\n");
    let run = api.command(&["cancel", "-"]).input(input).run();
    assert_eq!(run.code, 2);
    assert!(run.stderr.starts_with("line 50001: "), "{run:?}");
    assert_eq!(api.asked().len(), before);
}

#[test]
fn a_token_from_a_file() {
    let api = Api::new([Fate::Cancellable]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, format!("{}\n", crate::api::TOKEN)).unwrap();
    let run = api
        .cancel(&["--token-file", path.to_str().unwrap()])
        .without("COUNTERMAND_TOKEN")
        .run();
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn fault_46_a_rescue_says_which_commands_it_cancels_before_it_is_confirmed() {
    let api = Api::new([]);
    let ask = |options: &[&str]| {
        let args = [&["rescue", "enterprises/LC01"], options].concat();
        let run = api.command(&args).run();
        assert_eq!(run.code, 8, "{run:?}");
        run.stderr
    };
    let told = ask(&["--type", "WIPE", "--newer-than", "2h"]);
    assert!(
        told.contains("It cancels what it finds: pending commands of type WIPE, no older than 2 h"),
        "{told}"
    );
    let told = ask(&["--older-than", "30m"]);
    assert!(told.contains("of every type, at least 30 min"), "{told}");
}

#[test]
fn a_name_with_a_remark_behind_it_is_refused_and_not_asked_for() {
    let api = Api::new([Fate::Cancellable]);
    let name = &api.names[0];
    for remark in [" hello", "\t# note", " 'again'"] {
        for args in [&["cancel", "-"][..], &["get", "-"]] {
            let run = api.command(args).input(format!("{name}{remark}\n")).run();
            assert_eq!(run.code, 2, "{remark:?}: {run:?}");
            assert!(run.stderr.contains("line 1"), "{run:?}");
        }
    }
    assert_eq!(api.asked(), []);
}

#[test]
fn results_that_a_full_disk_did_not_take_are_told_and_exit_with_9() {
    let api = Api::new([Fate::Cancellable]);
    let (name, endpoint) = (&api.names[0], api.endpoint.clone());
    let enterprise = name.split("/devices/").next().unwrap();
    for command in [
        format!("find {enterprise} --names-only"),
        format!("find {enterprise} --json"),
        format!("get {name}"),
        format!("doctor {enterprise}"),
        format!("cancel {name} --json"),
    ] {
        let line = format!("countermand {command} >/dev/full");
        let run = crate::process::Process::shell(&line)
            .env("COUNTERMAND_ENDPOINT", &endpoint)
            .env("COUNTERMAND_TOKEN", crate::api::TOKEN)
            .run();
        assert_eq!(run.code, 9, "{command}: {run:?}");
        let told = "cannot write to standard output: No space left on device";
        assert!(run.stderr.contains(told), "{command}: {run:?}");
    }
    // A reader that wants no more is no failure.
    let line = format!("countermand get {name} {name} {name} | true");
    let run = crate::process::Process::shell(&line)
        .env("COUNTERMAND_ENDPOINT", &endpoint)
        .env("COUNTERMAND_TOKEN", crate::api::TOKEN)
        .run();
    assert!(!run.stderr.contains("cannot write"), "{run:?}");
}
