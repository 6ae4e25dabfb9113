//! Faults: which calls they strike, and what they do.

use std::time::Duration;

use crate::common::{T0, cancel, get, reply, respond, secs, single};
use countermand_emulator::{
    Action, Config, Emulator, Fate, Mangling, NewOperation, PRESETS, Script, State,
};
use serde_json::json;

fn scripted(script: &str) -> (Emulator, String) {
    let script: Script = script.parse().unwrap();
    single(
        Config::default().script(script),
        NewOperation::new(Fate::Cancellable),
    )
}

fn statuses(emulator: &mut Emulator, name: &str, count: usize) -> Vec<u16> {
    (0..count).map(|_| cancel(emulator, T0, name).0).collect()
}

#[test]
fn the_first_entry_that_applies_wins_and_counts() {
    let (mut emulator, name) = scripted(
        r#"[{"method": "get", "status": 418, "times": null},
            {"status": 429, "skip": 1, "times": 2},
            {"fault": "unavailable"}]"#,
    );
    // The third entry takes the call that the second one skips.
    assert_eq!(statuses(&mut emulator, &name, 4), [503, 429, 429, 200]);
    assert_eq!(get(&mut emulator, T0, &name).0, 418);
    assert_eq!(get(&mut emulator, T0, &name).0, 418);
}

#[test]
fn names_cover_what_is_below_them_and_other_texts_what_contains_them() {
    let (mut emulator, name) = scripted("[]");
    let device = name.split("/operations/").next().unwrap().to_owned();
    let enterprise = emulator.grandparent().to_owned();
    let cut = &name[..name.len() - 1];
    for (filter, struck) in [
        (name.as_str(), true),
        (&device, true),
        (&enterprise, true),
        (cut, false),
        (&cut[60..], true),
        ("zzz", false),
    ] {
        emulator.set_script(Script::from_value(json!([{"name": filter, "status": 503}])).unwrap());
        assert_eq!(
            cancel(&mut emulator, T0, &name).0 == 503,
            struck,
            "{filter}"
        );
    }
}

#[test]
fn chance_comes_from_the_seed() {
    let run = |seed| {
        let script = r#"[{"status": 503, "probability": 0.3, "times": null}]"#
            .parse()
            .unwrap();
        let config = Config::default().seed(seed).script(script);
        let (mut emulator, name) = single(config, NewOperation::new(Fate::Stuck));
        statuses(&mut emulator, &name, 400)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let struck = run(1).iter().filter(|status| **status == 503).count();
    assert!((80..160).contains(&struck), "{struck}");
}

#[test]
fn effect_decides_whether_the_call_was_carried_out() {
    for (script, carried_out) in [
        (r#"[{"action": "reset"}]"#, false),
        (r#"[{"action": "reset", "effect": true}]"#, true),
        (r#"[{"status": 504}]"#, false),
        (r#"[{"status": 504, "effect": true}]"#, true),
        (r#"[{"action": "stall", "effect": true}]"#, true),
        (r#"[{"action": "refused-stream"}]"#, false),
        (r#"[{"action": "truncate"}]"#, true),
        (r#"[{"action": "flood", "status": 200}]"#, false),
    ] {
        let (mut emulator, name) = scripted(script);
        let reply = reply(&mut emulator, T0, "POST", &format!("/v1/{name}:cancel"));
        assert_eq!(reply.effect, carried_out, "{script}");
        let row = emulator.audit().last().unwrap();
        assert_eq!(
            (row.effect, row.status),
            (
                carried_out,
                reply
                    .action
                    .response()
                    .map(|response| response.status().as_u16())
            )
        );
        let cancelled = emulator.truth_of(T0, &name).unwrap().cancelled;
        assert_eq!(cancelled, carried_out, "{script}");
    }
}

#[test]
fn answers_are_scripted_down_to_their_headers() {
    let (mut emulator, name) = scripted(
        r#"[{"status": 302, "headers": {"location": "https://elsewhere.test/x"}, "delay_ms": 250},
            {"body": "<p>hello", "content_type": "application/json"},
            {"status": 200, "generated": "nesting"},
            {"action": "drip", "interval_ms": 5}]"#,
    );
    let path = format!("/v1/{name}");
    let redirect = reply(&mut emulator, T0, "GET", &path);
    assert_eq!(redirect.delay, Duration::from_millis(250));
    assert_eq!(
        respond(redirect.action).headers()["location"],
        "https://elsewhere.test/x"
    );
    let page = respond(reply(&mut emulator, T0, "GET", &path).action);
    assert_eq!(
        (page.status().as_u16(), &page.body()[..]),
        (200, &b"<p>hello"[..])
    );
    assert_eq!(page.headers()["content-type"], "application/json");
    assert_eq!(
        respond(reply(&mut emulator, T0, "GET", &path).action)
            .body()
            .len(),
        20_000
    );
    match reply(&mut emulator, T0, "GET", &path).action {
        Action::Mangle(response, Mangling::Drip { interval }) => {
            assert_eq!(interval, Duration::from_millis(5));
            assert!(
                response.body().starts_with(b"{"),
                "the API's own answer is what drips"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn set_changes_what_becomes_of_the_operation() {
    let (mut emulator, name) =
        scripted(r#"[{"method": "cancel", "set": {"fate": "completes", "after_ms": 2000}}]"#);
    assert_eq!(cancel(&mut emulator, secs(10), &name), (200, json!({})));
    assert_eq!(
        emulator.truth_of(secs(11), &name).unwrap().state,
        State::Pending
    );
    assert_eq!(
        emulator.truth_of(secs(12), &name).unwrap().state,
        State::Completed
    );
}

#[test]
fn every_preset_does_something_by_name_and_by_number() {
    for preset in PRESETS.iter() {
        let method = if preset.entry.contains_key("method") {
            "cancel"
        } else {
            "any"
        };
        for word in [&preset.name, &preset.number] {
            let script = Script::from_value(json!([{"fault": word, "method": method}]));
            let script = script.unwrap_or_else(|problem| panic!("{word}: {problem}"));
            let config = Config::default().script(script);
            let (mut emulator, name) = single(
                config,
                NewOperation::new(Fate::Acknowledged { after: secs(60) }),
            );
            let path = format!("/v1/{name}:cancel");
            let struck = reply(&mut emulator, T0, "POST", &path);
            let plain = matches!(&struck.action, Action::Respond(response) if &response.body()[..] == b"{}\n");
            // What strikes an operation itself shows in what becomes of it.
            let shown = get(&mut emulator, T0, &name);
            let truth = emulator.truth_of(T0, &name).unwrap();
            let ordinary = shown.1["name"] == name.as_str()
                && shown.1["done"] == true
                && shown.1["error"]["code"] == 1
                && shown.1.get("response").is_none()
                && get(&mut emulator, T0, &name).1 == shown.1;
            assert!(
                !plain || !ordinary || truth.fate != "acknowledged",
                "{word} does nothing"
            );
        }
    }
}

#[test]
fn presets_can_be_adjusted() {
    let (mut emulator, name) =
        scripted(r#"[{"fault": "quota", "times": 2, "headers": {"retry-after": "9"}}]"#);
    let path = format!("/v1/{name}:cancel");
    let first = respond(reply(&mut emulator, T0, "POST", &path).action);
    assert_eq!(
        (
            first.status().as_u16(),
            first.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "9")
    );
    assert_eq!(statuses(&mut emulator, &name, 2), [429, 200]);
}

#[test]
fn a_bad_script_says_which_entry_and_why() {
    for (script, complaint) in [
        ("nonsense", "not JSON: expected ident at line 1 column 2"),
        ("{}", "a script is a list of faults"),
        ("[7]", "fault 1: a fault is an object"),
        ("[{}]", "fault 1: nothing happens"),
        (
            r#"[{"status": 500}, {"stats": 1}]"#,
            "fault 2: unknown field `stats`, expected one of",
        ),
        (
            r#"[{"fault": "quotas"}]"#,
            "fault 1: unknown fault `quotas`, expected one of refused, ",
        ),
        (
            r#"[{"status": 20}]"#,
            "fault 1: `status` 20 is not a final HTTP status",
        ),
        (
            r#"[{"status": "x"}]"#,
            "fault 1: invalid type: string \"x\", expected u16",
        ),
        (
            r#"[{"method": "put", "status": 500}]"#,
            "fault 1: unknown method `put`, expected any, cancel",
        ),
        (
            r#"[{"action": "explode"}]"#,
            "fault 1: unknown variant `explode`, expected one of",
        ),
        (
            r#"[{"action": "reset", "status": 500}]"#,
            "fault 1: this action has no answer",
        ),
        (
            r#"[{"action": "reset", "after": 5}]"#,
            "fault 1: `after` does not go with this action",
        ),
        (
            r#"[{"status": 500, "headers": {"a b": "c"}}]"#,
            "fault 1: `a b` is no header name",
        ),
        (
            r#"[{"headers": {"a": "c"}, "delay_ms": 1}]"#,
            "fault 1: `headers` and `content_type` go with",
        ),
        (
            r#"[{"status": 500, "probability": 2}]"#,
            "fault 1: `probability` is from 0 to 1",
        ),
        (
            r#"[{"set": {"fate": "stuck", "after_ms": 1}}]"#,
            "fault 1: set: fate `stuck` takes no `after_ms`",
        ),
        (r#"[{"set": {"type": "WIPE"}}]"#, "fault 1: set: only fate"),
        (
            r#"[{"set": {"fate": "lucky"}}]"#,
            "fault 1: `fate`: unknown variant `lucky`, expected one of",
        ),
        (
            r#"[{"delay_ms": 1, "effect": false}]"#,
            "fault 1: `effect` false needs",
        ),
    ] {
        let problem = script.parse::<Script>().unwrap_err().to_string();
        assert!(problem.starts_with(complaint), "{script}: {problem}");
    }
}
