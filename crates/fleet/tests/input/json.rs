//! Values, answers and messages.

use super::*;

#[test]
fn json_in_every_shape() {
    let n = |number: u32| format!("{NAME}{number}");
    let lines = format!(
        "\"{}\"\n{}\n\n{}\n{}\n{}\n{}\n",
        n(1),
        json!({"name": n(2), "error": "of another program", "note": {"deep": [1, {}]}}),
        json!({"schema": "countermand.outcome/1", "name": n(3), "verdict": null, "attempts": 0,
            "operation": null, "error": {"kind": "unavailable"}}),
        json!({"schema": "countermand.operation/1", "name": n(4), "state": "pending",
            "operation": {"name": n(4), "done": false}, "error": null}),
        json!({"schema": "countermand.report/1", "rows": 4}),
        json!({"operations": [{"name": n(5)}, {"name": n(6), "done": true}], "nextPageToken": "t"}),
    );
    assert_eq!(
        names(&lines),
        numbered(&[(1, 1), (2, 2), (4, 3), (5, 4), (7, 5), (7, 6)])
    );
    let list = json!([n(1), {"name": n(2)}, operation(true)]);
    assert_eq!(names(list.to_string()), numbered(&[(1, 1), (1, 2), (1, 1)]));
    let pretty = serde_json::to_string_pretty(&json!([n(1), n(2)])).unwrap();
    assert_eq!(
        names(format!("\n{pretty}\n[]\n \"{}\" ", n(3))),
        numbered(&[(3, 1), (4, 2), (7, 3)])
    );
    let pretty = serde_json::to_string_pretty(&json!({"name": n(7)})).unwrap();
    assert_eq!(
        names(format!("{pretty}\n{pretty}{pretty}")),
        numbered(&[(1, 7), (4, 7), (6, 7)])
    );
    assert_eq!(names("[]"), []);
}

#[test]
fn an_answer_is_evidence_only_if_it_is_done() {
    let [entry] = &entries(&operation(false).to_string())[..] else {
        panic!()
    };
    assert_eq!(entry.target.command.kind.as_deref(), Some("RESET_PASSWORD"));
    assert_eq!(
        entry.target.command.duration,
        Some(Duration::from_secs(600))
    );
    assert_eq!(
        entry.target.command.create_time,
        Timestamp::parse_rfc3339("2026-11-25T20:53:20.004Z")
    );
    assert_eq!(entry.evidence, None);

    let mut done = operation(true);
    let verdict = |value: &serde_json::Value| {
        let entries = entries(&serde_json::to_string_pretty(value).unwrap());
        let [entry] = &entries[..] else { panic!() };
        assert!(
            !format!("{entry:?}").contains("hunter2"),
            "secrets are not kept"
        );
        entry
            .evidence
            .as_ref()
            .and_then(|evidence| evidence.operation.verdict())
    };
    assert_eq!(verdict(&done), Some(Verdict::Completed));
    let text = done.to_string();
    let [entry] = &entries(&text)[..] else {
        panic!()
    };
    let hash: [u8; 32] = sha2::Sha256::digest(&text).into();
    assert_eq!(entry.evidence.as_ref().unwrap().body_sha256, Some(hash));
    done["error"] = json!({"code": 1, "message": "cancelled"});
    assert_eq!(verdict(&done), Some(Verdict::Cancelled));
    done["error"] = json!({"code": 5});
    assert_eq!(verdict(&done), Some(Verdict::Failed));
    done["done"] = json!(false);
    assert_eq!(verdict(&done), None);
}

#[test]
fn messages_as_pushed_and_as_pulled() {
    let json = operation(true).to_string();
    let push = message("COMMAND", &STANDARD.encode(&json));
    let urlsafe = message(
        "COMMAND",
        &URL_SAFE_NO_PAD.encode(format!("{json}  ÿ>?").trim_end_matches("ÿ>?")),
    );
    let other = message("STATUS_REPORT", "e30=");
    let pull = json!({"receivedMessages": [
        {"ackId": "a", "message": push["message"]}, {"ackId": "b", "message": other["message"]}]});
    for (input, count, others) in [
        (push.to_string(), 1, 0),
        (serde_json::to_string_pretty(&push).unwrap(), 1, 0),
        (push["message"].to_string(), 1, 0),
        (urlsafe.to_string(), 1, 0),
        (serde_json::to_string_pretty(&pull).unwrap(), 1, 1),
        (
            json!([{"ackId": "a", "message": push["message"]}]).to_string(),
            1,
            0,
        ),
        (format!("{push}\n{pull}\n{other}\n{push}"), 3, 2),
    ] {
        let mut entries = read(input.as_bytes(), None);
        let found: Vec<Entry> = entries.by_ref().map(Result::unwrap).collect();
        assert_eq!(found.len(), count, "{input}");
        assert_eq!(
            entries.left_out().count(LeftOutKind::OtherMessage),
            others,
            "{input}"
        );
        for entry in found {
            assert_eq!(entry.target.command.kind.as_deref(), Some("RESET_PASSWORD"));
            assert_eq!(
                entry.evidence.unwrap().operation.verdict(),
                Some(Verdict::Completed)
            );
        }
    }
}

#[test]
fn bad_json_is_told_by_its_line_and_never_quoted() {
    let n = format!("{NAME}1");
    let bad = [
        r#"{"name": "enterprises/LC01"}"#.to_owned(),
        r#"{"newPassword": "hunter2"}"#.to_owned(),
        r#"{"name": {"newPassword": "hunter2"}}"#.to_owned(),
        r#"{"name": "x", "newPassword": "hunter2""#.to_owned(),
        format!(r#"{{"name": "{n}", "name": "{n}"}}"#),
        format!(r#"{{"name": "{n}", "done": "hunter2"}}"#),
        format!(
            r#"{{"name": "{n}", "done": true, "metadata": {{"type": {{"newPassword": "hunter2"}}}}}}"#
        ),
        format!(r#"{{"name": "{n}", "done": true, "done": false}}"#),
        "17".to_owned(),
        "[\"hunter2\"]".to_owned(),
        message("COMMAND", "hunter2!").to_string(),
        message(
            "COMMAND",
            &STANDARD.encode("{\"newPassword\": \"hunter2\"}"),
        )
        .to_string(),
        message("COMMAND", &STANDARD.encode([0xff])).to_string(),
        json!({"message": "hunter2"}).to_string(),
        format!(
            "{{\"name\": \"{n}\", \"metadata\": {}1{}}}",
            "[".repeat(10_000),
            "]".repeat(10_000)
        ),
        "\u{0}".to_owned(),
    ];
    let input = format!("\"{n}\"\n{}\n\"{n}\"\n", bad.join("\n"));
    let (good, errors) = all(&input, None);
    assert_eq!(good, [(1, n.clone()), (2 + bad.len() as u64, n)]);
    let lines: Vec<u64> = errors.iter().map(|error| error.line).collect();
    assert_eq!(
        lines,
        (2..2 + bad.len() as u64).collect::<Vec<_>>(),
        "{errors:#?}"
    );
    assert!(!format!("{errors:?}").contains("hunter2"), "{errors:?}");

    // The begin of the next value is not known, so the error is the last.
    let (good, errors) = all(
        "[\n\"enterprises/e/devices/d/operations/1\",\n{\"name\": ",
        None,
    );
    assert_eq!((good.len(), errors.len(), errors[0].line), (1, 1, 3));
    let (_, errors) = all("[\n", Some(Format::Json));
    assert_eq!(
        errors.len(),
        1,
        "a list that was cut off is not the whole list"
    );
}
