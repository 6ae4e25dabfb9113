//! One cause that stops everything is told once, and means the same to every command.

use std::io::{Read, Write};
use std::net::TcpListener;

use countermand_emulator::{Fate, NewOperation, Quirks, Script, State, Tls};
use serde_json::{Value, json};

use crate::api::Api;
use crate::fleet::Fleet;
use crate::process::{Process, Run};

const GOOD: Fate = Fate::Cancellable;

fn script(fleet: &Fleet, faults: Value) {
    let script = Script::from_value(faults).unwrap();
    fleet.shared.with(|emulator, _| emulator.set_script(script));
}

/// The one line that tells it.
fn stopped(run: &Run) -> &str {
    let mut lines = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("stopped: "));
    let line = lines.next().unwrap_or_else(|| panic!("{run:?}"));
    assert_eq!(lines.next(), None, "{run:?}");
    line
}

/// The number before these words.
///
/// One operation is spoken of in the singular.
fn before(text: &str, words: &str) -> usize {
    let one = words
        .replace("operations were", "operation was")
        .replace("operations", "operation");
    let Some((front, _)) = text.split_once(words).or_else(|| text.split_once(&one)) else {
        return 0;
    };
    let number = front.split_whitespace().next_back().unwrap();
    number.replace(',', "").parse().unwrap()
}

/// Number of operations that have a line of their own.
fn lines(run: &Run) -> usize {
    let lines = run.stdout.lines();
    lines
        .filter(|line| {
            line.split_whitespace()
                .nth(1)
                .is_some_and(|name| name.contains("/operations/"))
        })
        .count()
}

#[test]
fn fault_47_an_expired_token_is_told_once_with_how_many_were_not_attempted() {
    let fleet = Fleet::planned([GOOD; 200], &["--quota", "none"]);
    for process in [fleet.cancel(&["--quota", "none"]), fleet.apply(&[])] {
        let run = process.env("COUNTERMAND_TOKEN", "expired").run();
        assert_eq!(run.code, 4, "{run:?}");
        assert!(run.stderr.lines().count() < 10, "{run:?}");
        let line = stopped(&run);
        assert!(line.contains("get a new access token"), "{line}");
        let (left, same) = (
            before(line, " operations were not attempted"),
            before(line, " operations ended with this error"),
        );
        assert!(left > 0, "{line}");
        assert_eq!((lines(&run), left + same), (0, 200), "{run:?}");
        assert!(run.stdout.contains("200 operations: "), "{run:?}");
    }
    assert_eq!(fleet.states(), [State::Pending; 200]);

    // Programs have a line for each, and one for the cause.
    let process = fleet.cancel(&["--json", "--quota", "none"]);
    let run = process.env("COUNTERMAND_TOKEN", "expired").run();
    let mut rows = run.json();
    let last = rows.pop().unwrap();
    assert_eq!(last["schema"], "countermand.stopped/1");
    assert_eq!(last["cause"], "unauthenticated");
    assert_eq!(rows.len(), 200);
    let left = rows
        .iter()
        .filter(|row| row["error"]["kind"] == "not_attempted");
    assert_eq!(last["not_attempted"], left.count());
    let same = rows
        .iter()
        .filter(|row| row["error"]["key"] == "unauthenticated");
    assert_eq!(last["same_error"], same.count());
}

/// Operations whose cancels an earlier run has sent.
#[test]
fn fault_47_an_expired_token_is_4_whatever_was_accepted_before() {
    let fleet = Fleet::planned([Fate::Stuck; 3], &["--quota", "none", "--deadline", "1s"]);
    assert_eq!(fleet.apply(&[]).run().code, 5);
    for options in [&["--json"][..], &["--json", "--recheck"]] {
        let process = fleet.apply(options);
        let run = process.env("COUNTERMAND_TOKEN", "expired").run();
        assert_eq!(run.code, 4, "{run:?}");
        let mut rows = run.json();
        let last = rows.pop().unwrap();
        assert_eq!(last["schema"], "countermand.stopped/1", "{run:?}");
        let with = |word, text| {
            let rows = rows.iter().filter(|row| row["error"][word] == text);
            rows.count()
        };
        let same = with("key", "unauthenticated");
        assert!(same > 0, "{run:?}");
        assert_eq!(last["same_error"], same, "{run:?}");
        assert!(stopped(&run).contains(" ended with this error"), "{run:?}");
    }
    // A run that was denied is no worse than before.
    assert_eq!(fleet.apply(&["--recheck"]).run().code, 5);
}

/// The token expires when all cancels are accepted.
#[test]
fn fault_47_a_401_after_all_cancels_is_4() {
    let fault = json!([{"fault": "unauthenticated", "method": "get", "skip": 2, "times": null}]);
    let quick = ["--quota", "none", "--deadline", "20s"];
    let fleet = Fleet::planned([Fate::Stuck; 5], &quick);
    for process in [fleet.cancel(&quick), fleet.apply(&[])] {
        script(&fleet, fault.clone());
        let run = process.run();
        assert_eq!(run.code, 4, "{run:?}");
        assert!(stopped(&run).contains("401"), "{run:?}");
    }
}

/// One enterprise of several would go on, so that nothing is stopped.
#[test]
fn fault_16_an_enterprise_that_closes_after_its_cancels_is_4() {
    let quick = ["--quota", "none", "--deadline", "1s"];
    let fleet = Fleet::planned([Fate::Stuck; 3], &quick);
    assert_eq!(fleet.apply(&[]).run().code, 5);
    let fault = json!([{"fault": "forbidden-enterprise", "times": null}]);
    script(&fleet, fault);
    for options in [&[][..], &["--recheck"]] {
        let run = fleet.apply(options).run();
        assert_eq!(run.code, 4, "{run:?}");
    }
    assert_eq!(fleet.verdicts(), ["unverified"; 3]);
}

#[test]
fn fault_18_a_quota_of_zero_is_6_whatever_was_accepted_before() {
    let quick = ["--quota", "none", "--deadline", "1s"];
    let fleet = Fleet::planned([Fate::Stuck; 3], &quick);
    assert_eq!(fleet.apply(&[]).run().code, 5);
    script(&fleet, json!([{"fault": "quota-zero", "times": null}]));
    for process in [
        fleet.cancel(&quick),
        fleet.apply(&[]),
        fleet.apply(&["--recheck"]),
    ] {
        let run = process.run();
        assert_eq!(run.code, 6, "{run:?}");
    }
}

#[test]
fn fault_47_a_401_in_mid_run_is_told_once_and_the_sums_agree_with_the_lines() {
    let fleet = Fleet::planned([GOOD; 60], &["--quota", "none"]);
    let fault = json!([{"fault": "unauthenticated", "method": "cancel", "skip": 20}]);
    script(&fleet, fault.clone());
    let options = ["--in-flight", "10", "--quota", "none"];
    let run = fleet.cancel(&options).run();
    assert_eq!(run.code, 4, "{run:?}");
    let line = stopped(&run);
    let (left, same) = (
        before(line, " operations were not attempted"),
        before(line, " operations ended with this error"),
    );
    assert!(left > 0 && run.stderr.lines().count() < 10, "{run:?}");
    assert_eq!(lines(&run) + left + same, 60, "{run:?}");
    let sum = run
        .stdout
        .lines()
        .find(|line| line.starts_with("60 operations: "));
    let sum = sum.unwrap_or_else(|| panic!("{run:?}"));
    assert_eq!(before(sum, " unsent"), left, "{run:?}");
    let of = |word: &str| {
        run.stdout
            .lines()
            .filter(|line| line.starts_with(word))
            .count()
    };
    assert_eq!(
        before(sum, " without a verdict"),
        of("error ") + same,
        "{run:?}"
    );
    assert_eq!(before(sum, " cancelled"), of("cancelled "), "{run:?}");

    let fleet = Fleet::planned([GOOD; 60], &["--quota", "none"]);
    script(&fleet, fault);
    let run = fleet.apply(&["--in-flight", "10"]).run();
    assert_eq!(run.code, 4, "{run:?}");
    let left = before(stopped(&run), " operations were not attempted");
    assert!(left > 0 && run.stderr.lines().count() < 10, "{run:?}");
    // The run is recorded as stopped, and by what.
    let view = countermand_fleet::store::View::open(&fleet.job).unwrap();
    let run = view.runs().last().unwrap().unwrap();
    let how = run.how.unwrap();
    assert!(how.starts_with("stopped: ") && how.contains("401"), "{how}");
}

/// Lists are no operations, whatever stops them.
#[test]
fn fault_47_a_401_in_mid_search_counts_lists_and_no_operations() {
    let fleet = Fleet::of(Api::new([GOOD; 60]));
    let whole = format!("enterprises/{}", fleet.enterprise());
    let fault = json!([{"fault": "unauthenticated", "method": "list", "skip": 5, "times": null}]);
    let enterprise = fleet.enterprise();
    let confirm = ["--confirm", &enterprise];
    let rescue = ["rescue", &whole, "--job", &fleet.job];
    let plan = ["plan", &whole, "--output", &fleet.job];
    for args in [
        &["find", whole.as_str()][..],
        &plan,
        &[&rescue[..], &confirm].concat(),
    ] {
        // A plan of what was found before.
        let _ = std::fs::remove_file(&fleet.job);
        script(&fleet, fault.clone());
        let run = fleet.command(&[args, &["--in-flight", "2"]].concat()).run();
        assert_eq!(run.code, 4, "{run:?}");
        let line = stopped(&run);
        // A rescue has found some that are to be looked at.
        let most = if args[0] == "rescue" { 5 } else { 0 };
        assert!(before(line, " operation") <= most, "{line}");
        assert!(line.contains(" could not be read"), "{line}");
        assert!(line.contains(" not asked for"), "{line}");
    }
}

/// Refuses every tunnel.
fn proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n");
        }
    });
    format!("http://{address}")
}

#[test]
fn fault_46_the_same_cause_is_the_same_exit_code_of_cancel_and_apply() {
    let tls = Tls::localhost().unwrap();
    let api = || {
        let operations = [GOOD; 12].map(NewOperation::new);
        Api::with(operations, Quirks::default(), Some(&tls))
    };
    let folder = tempfile::tempdir().unwrap();
    let ca = tls.write_to(folder.path()).unwrap();
    let ca = ca.to_str().unwrap();
    let proxy = proxy();
    type Change<'a> = &'a dyn Fn(Process) -> Process;
    let same: Change<'_> = &|process| process;
    let through: Change<'_> = &|process| process.env("HTTPS_PROXY", &proxy).env("NO_PROXY", "");
    let no_token: Change<'_> = &|process| process.without("COUNTERMAND_TOKEN");
    let kinds: [(&str, &[&str], Change<'_>, i32); 5] = [
        (
            "credentials",
            &["--ca-file", ca, "--token-command", "exit 7"],
            no_token,
            4,
        ),
        ("unknown authority", &[], same, 1),
        ("proxy", &["--ca-file", ca, "--proxy-from-env"], through, 4),
        (
            "expired",
            &["--ca-file", ca],
            &|process| process.env("COUNTERMAND_TOKEN", "expired"),
            4,
        ),
        ("forbidden", &["--ca-file", ca], same, 4),
    ];
    for (kind, options, change, code) in kinds {
        let fleet = Fleet::of(api());
        let run = fleet.plan(&[]);
        assert_eq!(run.code, 0, "{run:?}");
        if kind == "forbidden" {
            script(
                &fleet,
                json!([{"fault": "forbidden-enterprise", "times": null}]),
            );
        }
        let more = [options, &["--in-flight", "2"]].concat();
        for process in [fleet.cancel(&more), fleet.apply(&more)] {
            let run = change(process).run();
            assert_eq!(run.code, code, "{kind}: {run:?}");
            // Another enterprise may be allowed, so this does not stop everything.
            let stops = kind != "forbidden";
            assert_eq!(run.stderr.contains("stopped: "), stops, "{kind}: {run:?}");
        }
        assert_eq!(fleet.states(), [State::Pending; 12], "{kind}");
    }
}
