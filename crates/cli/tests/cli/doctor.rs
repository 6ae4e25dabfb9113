//! `countermand doctor`, where all is well and in each bad state.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use countermand_emulator::{Fate, Tls};
use serde_json::{Value, json};

use crate::access::{file, secret};
use crate::api::{Api, TOKEN};
use crate::process::{Process, Run};

/// An API whose clock is right.
fn api() -> Api {
    let api = Api::new([Fate::Cancellable]);
    set_clock(&api, 0);
    api
}

/// Sets the emulator's clock, so many seconds ahead of the real one.
fn set_clock(api: &Api, ahead: u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    api.shared.with(|emulator, at| {
        let date = Duration::from_millis(emulator.unix_ms(at));
        emulator.advance((now + Duration::from_secs(ahead)).saturating_sub(date));
    });
}

fn doctor(api: &Api, args: &[&str]) -> Process {
    api.command(&[&["doctor", "--json"], args].concat())
}

/// The one line of JSON; what is not checked says why, and a token is good only if it was accepted; never a secret, never long, never more than 3 calls.
fn report(api: Option<&Api>, process: Process) -> (Run, Value) {
    let (begun, before) = (Instant::now(), api.map_or(0, calls));
    let run = process.run();
    assert!(begun.elapsed() < Duration::from_secs(11), "{run:?}");
    assert!(api.map_or(0, calls) - before <= 3, "{run:?}");
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains(TOKEN) && !text.contains("canary"), "{run:?}");
    }
    let report = run.json().remove(0);
    assert_eq!(report["schema"], "countermand.doctor/1");
    assert_eq!(report["exit_code"], run.code);
    for row in report["checks"].as_array().unwrap() {
        let (outcome, told) = (row["outcome"].as_str(), row["message"].as_str().unwrap());
        let unchecked = ["not checked: ", "not known: ", "not tried: "];
        let says = unchecked.iter().any(|words| told.contains(words));
        assert_eq!(outcome == Some("skipped"), says, "{report:#}");
        let accepted = told.contains("and the API accepts it");
        assert_eq!(row["check"] == "token" && outcome == Some("ok"), accepted);
    }
    (run, report)
}

fn calls(api: &Api) -> usize {
    let asked = api.asked();
    asked
        .iter()
        .filter(|(path, _)| path.starts_with("/v1/enterprises"))
        .count()
}

fn outcome<'a>(report: &'a Value, check: &str) -> &'a str {
    let checks = report["checks"].as_array().unwrap();
    let row = checks.iter().find(|row| row["check"] == check);
    row.map_or("absent", |row| row["outcome"].as_str().unwrap())
}

#[test]
fn all_is_well() {
    let api = api();
    let (run, report) = report(Some(&api), doctor(&api, &[&api.names[0]]));
    assert_eq!(run.code, 0, "{run:?}");
    for check in [
        "files",
        "name",
        "connection",
        "token",
        "api",
        "scope",
        "quota",
        "clock",
    ] {
        assert_eq!(outcome(&report, check), "ok", "{check} {report:#}");
    }
    assert_eq!(calls(&api), 1);
    let variables = report["variables"].as_array().unwrap();
    assert!(variables.contains(&json!("COUNTERMAND_TOKEN")));
    // As text; without a name, with a device, and with an enterprise.
    let device = api.names[0].split("/operations/").next().unwrap();
    let enterprise = device.split("/devices/").next().unwrap();
    for (args, scope) in [
        (&["doctor"][..], "skipped"),
        (&["doctor", device], "ok"),
        (&["doctor", enterprise], "ok"),
    ] {
        let run = api.command(args).run();
        assert_eq!(run.code, 0, "{run:?}");
        assert!(
            run.stdout.contains(&format!("scope       {scope}")),
            "{run:?}"
        );
        assert!(!run.stdout.contains(TOKEN));
    }
    for name in [
        "enterprises",
        "enterprises/e/devices",
        "enterprises/e/operations/1",
    ] {
        let run = api.command(&["doctor", name]).run();
        assert_eq!(run.code, 2, "{run:?}");
    }
}

#[test]
fn an_enterprise_is_asked_for_one_device_and_a_device_for_one_operation() {
    for (levels, method, list) in [
        (2, "devices.list", "/devices?pageSize=1&"),
        (4, "list", "/operations?pageSize=1&"),
    ] {
        let api = api();
        let parts: Vec<_> = api.names[0].split('/').take(levels).collect();
        let name = parts.join("/");
        let (run, good) = report(Some(&api), doctor(&api, &[&name]));
        assert_eq!(
            (run.code, outcome(&good, "api")),
            (0, "ok"),
            "{method} {good:#}"
        );
        assert_eq!(outcome(&good, "scope"), "ok", "{good:#}");
        assert!(
            good.to_string().contains("the enterprise may be managed"),
            "{good:#}"
        );
        let asked = api.asked();
        let asked: Vec<_> = asked.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(
            asked[0].starts_with(&format!("/v1/{name}{list}")),
            "{asked:?}"
        );
        // One that is not the caller's.
        let api = api.faults(json!([{"fault": "forbidden-enterprise"}]));
        let (run, bad) = report(Some(&api), doctor(&api, &[&name]));
        assert_eq!((run.code, outcome(&bad, "api")), (4, "fail"), "{bad:#}");
        assert!(
            bad.to_string().contains("does not manage this enterprise"),
            "{bad:#}"
        );
    }
}

#[test]
fn fault_46_what_an_answer_does_not_show_is_skipped() {
    let denied = |reason: &str| {
        json!({"times": null, "status": 403, "body": {"error": {
            "code": 403, "status": "PERMISSION_DENIED", "message": "no",
            "details": [{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason,
                "domain": "googleapis.com",
                "metadata": {"consumer": "projects/7"},
            }],
        }}})
    };
    let page =
        json!({"times": null, "status": 403, "body": "<html>Blocked by the web filter</html>"});
    let missing = json!({"times": null, "status": 404, "body": {"error": {
        "code": 404, "status": "NOT_FOUND", "message": "Requested entity was not found."}}});
    let (bad, good, skipped) = ("fail", "ok", "skipped");
    let forbidden = json!({"fault": "forbidden-enterprise"});
    for (fault, levels, code, grades, told) in [
        // A refusal without a reason, with and without a name.
        (
            forbidden.clone(),
            2,
            4,
            [bad, skipped, skipped],
            "check both",
        ),
        (
            forbidden.clone(),
            6,
            4,
            [bad, skipped, skipped],
            "check both",
        ),
        (
            forbidden,
            0,
            0,
            [good, skipped, skipped],
            "name an enterprise",
        ),
        (
            denied("USER_PROJECT_DENIED"),
            0,
            4,
            [bad, skipped, skipped],
            "serviceUsageConsumer",
        ),
        (
            denied("USER_PROJECT_DENIED"),
            2,
            4,
            [bad, skipped, skipped],
            "serviceUsageConsumer",
        ),
        (
            denied("SECURITY_POLICY_VIOLATED"),
            2,
            4,
            [bad, skipped, skipped],
            "VPC Service Controls",
        ),
        (
            denied("CONSUMER_INVALID"),
            2,
            4,
            [bad, skipped, skipped],
            "has no billing",
        ),
        (
            denied("A_NEW_REASON"),
            2,
            4,
            [bad, skipped, skipped],
            "Google refuses this caller",
        ),
        (
            json!({"fault": "scope-insufficient"}),
            2,
            4,
            [skipped, bad, skipped],
            "auth/androidmanagement",
        ),
        (
            page.clone(),
            0,
            5,
            [bad, skipped, skipped],
            "something other than the API answered",
        ),
        (page, 2, 5, [bad, skipped, skipped], "web filter"),
        (
            json!({"fault": "quota-zero"}),
            2,
            6,
            [skipped, skipped, bad],
            "the quota is zero",
        ),
        // The method's own answer shows that the rest let the request pass.
        (
            missing.clone(),
            2,
            1,
            [bad, good, good],
            "there is no such enterprise",
        ),
        (
            missing.clone(),
            4,
            1,
            [bad, good, good],
            "there is no enterprises/",
        ),
        (
            missing.clone(),
            6,
            1,
            [bad, good, good],
            "there is no enterprises/",
        ),
        (missing, 0, 0, [good, good, good], "name an enterprise"),
    ] {
        let api = api().faults(json!([fault]));
        let name = api.names[0]
            .split('/')
            .take(levels)
            .collect::<Vec<_>>()
            .join("/");
        let names = [name.as_str()];
        let names = if levels == 0 { &[][..] } else { &names };
        let (run, report) = report(Some(&api), doctor(&api, names));
        let found = ["api", "scope", "quota"].map(|check| outcome(&report, check));
        assert_eq!((run.code, found), (code, grades), "{fault} {report:#}");
        assert!(report.to_string().contains(told), "{told} {report:#}");
    }
}

#[test]
fn each_bad_answer_of_the_api() {
    for (fault, code, check, others) in [
        (json!({"fault": "unauthenticated"}), 4, "token", "clock"),
        (json!({"fault": "scope-insufficient"}), 4, "scope", "clock"),
        (json!({"fault": "service-disabled"}), 4, "api", "token"),
        (json!({"fault": "forbidden-enterprise"}), 4, "api", "token"),
        (
            json!({"fault": "quota", "times": null}),
            6,
            "quota",
            "connection",
        ),
        (json!({"fault": "quota-zero"}), 6, "quota", "connection"),
        (
            json!({"fault": "internal", "times": null}),
            5,
            "api",
            "connection",
        ),
        (
            json!({"fault": "html-success", "times": null}),
            5,
            "api",
            "connection",
        ),
        (
            json!({"fault": "redirect", "times": null}),
            5,
            "api",
            "connection",
        ),
        (
            json!({"fault": "stall", "times": null}),
            5,
            "api",
            "connection",
        ),
        (
            json!({"fault": "reset-before", "times": null}),
            5,
            "api",
            "connection",
        ),
    ] {
        let api = api().faults(json!([fault]));
        let (run, report) = report(Some(&api), doctor(&api, &[&api.names[0]]));
        assert_eq!(run.code, code, "{fault} {report:#}");
        assert_eq!(outcome(&report, check), "fail", "{fault} {report:#}");
        assert_eq!(outcome(&report, others), "ok", "{fault} {report:#}");
    }
}

#[test]
fn clocks() {
    for (ahead, expected, code) in [(120, "warn", 0), (7200, "fail", 1)] {
        let api = Api::new([Fate::Cancellable]);
        set_clock(&api, ahead);
        let (run, report) = report(Some(&api), doctor(&api, &[]));
        assert_eq!(outcome(&report, "clock"), expected, "{report:#}");
        assert_eq!(run.code, code);
    }
}

#[test]
fn tokens() {
    let api = api();
    let directory = tempfile::tempdir().unwrap();
    // Good credentials say what they are.
    let key = file(&api, directory.path(), "service_account");
    let (run, good) = report(Some(&api), doctor(&api, &["--credentials", &key]));
    assert_eq!(run.code, 0, "{good:#}");
    assert!(good["tokens"].as_str().unwrap().contains("rescue@"));
    // None at all, a file that is of no use, an endpoint in trouble, one that hangs.
    let none = doctor(&api, &[]).without("COUNTERMAND_TOKEN");
    let bad = secret(
        directory.path(),
        "bad.json",
        "{\"private_key\": \"canary\"}",
    );
    let bad = doctor(&api, &["--credentials", bad.to_str().unwrap()]);
    for process in [none, bad, doctor(&api, &["--token-file", "/nonexistent"])] {
        let (run, report) = report(Some(&api), process);
        assert_eq!(
            (run.code, outcome(&report, "token")),
            (4, "fail"),
            "{report:#}"
        );
        // The way to the server is checked all the same.
        assert_eq!(report["endpoint"], api.endpoint_v1());
        assert!(report["tokens"].is_string());
        assert_eq!(outcome(&report, "connection"), "ok", "{report:#}");
        assert_eq!(outcome(&report, "api"), "skipped", "{report:#}");
    }
    let api = api.faults(json!([{"method": "token", "action": "stall", "times": null}]));
    let (run, hung) = report(Some(&api), doctor(&api, &["--credentials", &key]));
    assert_eq!((run.code, outcome(&hung, "token")), (4, "fail"), "{hung:#}");
    assert_eq!(outcome(&hung, "api"), "skipped");
}

#[test]
fn networks() {
    let process = |endpoint: &str| {
        Process::new(&["doctor", "--json", "--endpoint", endpoint]).env("COUNTERMAND_TOKEN", TOKEN)
    };
    let (run, nowhere) = report(None, process("https://nowhere.invalid"));
    assert_eq!(
        (run.code, outcome(&nowhere, "name")),
        (5, "fail"),
        "{nowhere:#}"
    );
    assert_eq!(outcome(&nowhere, "connection"), "skipped");
    // It was not tried.
    assert_eq!(outcome(&nowhere, "token"), "skipped");
    // No server listens there.
    let (run, closed) = report(None, process("http://127.0.0.1:1"));
    assert_eq!(
        (run.code, outcome(&closed, "connection")),
        (5, "fail"),
        "{closed:#}"
    );
    // TLS by an unknown authority, and by a known one.
    let tls = Tls::localhost().unwrap();
    let wipe = countermand_emulator::NewOperation::new(Fate::Cancellable);
    let api = Api::with([wipe], countermand_emulator::Quirks::default(), Some(&tls));
    set_clock(&api, 0);
    let (run, unknown) = report(Some(&api), doctor(&api, &[]));
    assert_eq!(
        (run.code, outcome(&unknown, "connection")),
        (1, "fail"),
        "{unknown:#}"
    );
    assert_eq!(calls(&api), 0);
    let directory = tempfile::tempdir().unwrap();
    let ca = tls.write_to(directory.path()).unwrap();
    let (run, known) = report(
        Some(&api),
        doctor(&api, &["--ca-file", ca.to_str().unwrap()]),
    );
    assert_eq!(run.code, 0, "{known:#}");
    assert!(known.to_string().contains("HTTP/2 with TLS"), "{known:#}");
}

#[cfg(unix)]
#[test]
fn files() {
    use std::os::unix::fs::PermissionsExt;
    let api = api();
    let directory = tempfile::tempdir().unwrap();
    let key = file(&api, directory.path(), "service_account");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (run, report) = report(Some(&api), doctor(&api, &["--credentials", &key]));
    assert_eq!(
        (run.code, outcome(&report, "files")),
        (0, "warn"),
        "{report:#}"
    );
}
