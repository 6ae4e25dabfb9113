//! The methods, in the shapes of the discovery document and the words of the front end.

use crate::common::{self, T0, cancel, get, respond, secs, send, single};
use bytes::Bytes;
use countermand_emulator::{Config, Emulator, Fate, NewOperation, NewParent, Quirks, State};
use http::{Request, Version};
use serde_json::{Value, json};

fn pages(emulator: &mut Emulator, name: &str, key: &str, size: u32) -> Vec<Vec<Value>> {
    let (mut pages, mut token) = (Vec::new(), String::new());
    for _ in 0..1000 {
        let path = format!(
            "{name}?pageSize={size}&pageToken={}",
            token.replace('+', "%2B").replace('=', "%3D")
        );
        let (status, page) = get(emulator, T0, &path);
        assert_eq!(status, 200, "{page}");
        pages.push(page[key].as_array().cloned().unwrap_or_default());
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => return pages,
        }
    }
    panic!("the list has no end");
}

#[test]
fn a_seed_is_a_fleet() {
    let fleet = |seed| {
        let emulator = Emulator::new(Config::default().seed(seed).parents(50));
        (emulator.grandparent().to_owned(), emulator.truth(T0))
    };
    assert_eq!(fleet(7), fleet(7));
    assert_ne!(fleet(7), fleet(8));
    let (enterprise, truth) = fleet(7);
    assert_eq!(enterprise.len(), "enterprises/LC".len() + 8);
    assert_eq!(truth.len(), 150);
    let open: Vec<_> = truth
        .iter()
        .filter(|row| row.state == State::Pending)
        .collect();
    assert_eq!(open.len(), 50);
    assert!(open.iter().filter(|row| row.kind == "WIPE").count() > 35);
    assert!(open.iter().filter(|row| row.fate == "cancellable").count() > 30);
    let parts: Vec<&str> = open[0].name.split('/').collect();
    assert_eq!(
        (parts[3].len(), parts[5].len()),
        (16, 13),
        "{}",
        open[0].name
    );
}

#[test]
fn lists_come_in_pages_oldest_first() {
    let mut emulator = Emulator::new(Config::default().parents(25).operations(2, 9));
    let enterprise = emulator.grandparent().to_owned();
    let sizes = |pages: Vec<Vec<Value>>| pages.iter().map(Vec::len).collect::<Vec<_>>();
    let devices = format!("{enterprise}/devices");
    assert_eq!(
        sizes(pages(&mut emulator, &devices, "devices", 0)),
        [10, 10, 5]
    );
    assert_eq!(sizes(pages(&mut emulator, &devices, "devices", 9000)), [25]);
    let operations = format!("{}/operations", emulator.parents()[3]);
    let listed = pages(&mut emulator, &operations, "operations", 4);
    assert_eq!(sizes(listed.clone()), [4, 4, 3]);
    let times: Vec<String> = listed
        .concat()
        .iter()
        .map(|o| o["metadata"]["createTime"].to_string())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(
        get(&mut emulator, T0, &format!("{operations}?pageToken=zzz")).0,
        400
    );
    assert_eq!(
        get(&mut emulator, T0, &format!("{operations}?pageSize=-1")).0,
        400
    );
    assert_eq!(
        get(
            &mut emulator,
            T0,
            &format!("{operations}?returnPartialSuccess=true")
        )
        .0,
        501
    );
}

#[test]
fn lists_can_be_odd() {
    let mut quirks = Quirks::default();
    quirks.empty_page = true;
    let mut emulator = Emulator::new(Config::default().parents(3).quirks(quirks));
    let devices = format!("{}/devices", emulator.grandparent());
    let listed = pages(&mut emulator, &devices, "devices", 0);
    assert_eq!(listed.iter().map(Vec::len).collect::<Vec<_>>(), [0, 3]);

    quirks.repeat_token = true;
    emulator.set_quirks(quirks);
    let first = get(&mut emulator, T0, &devices).1["nextPageToken"]
        .as_str()
        .unwrap()
        .replace('+', "%2B");
    let again = get(&mut emulator, T0, &format!("{devices}?pageToken={first}")).1;
    assert_eq!(
        again["nextPageToken"].as_str().unwrap().replace('+', "%2B"),
        first
    );
}

#[test]
fn issue_command_echoes_everything_but_what_the_mask_hides() {
    let mut emulator = Emulator::new(Config::default());
    let device = emulator.parents().remove(0);
    let path = format!("/v1/{device}:issueCommand");
    let command = r#"{"type": "RESET_PASSWORD", "newPassword": "canary", "duration": "60s"}"#;
    let (status, operation) = send(&mut emulator, secs(1), "POST", &path, command);
    assert_eq!(status, 200, "{operation}");
    let metadata = &operation["metadata"];
    assert_eq!(
        metadata["@type"],
        "type.googleapis.com/google.android.devicemanagement.v1.Command"
    );
    assert_eq!(
        (&metadata["newPassword"], &metadata["duration"]),
        (&json!("canary"), &json!("60s"))
    );
    assert_eq!(metadata["createTime"], "2026-11-02T08:00:01.000Z");
    let name = operation["name"].as_str().unwrap().to_owned();
    assert!(name.ends_with("/operations/1793606401000"), "{name}");

    let masked = "fields=name,done,error,metadata(%40type,type,createTime,duration,errorCode)";
    let shown = get(&mut emulator, secs(1), &format!("{name}?{masked}")).1;
    assert!(!shown.to_string().contains("canary"), "{shown}");
    assert_eq!(shown["metadata"]["type"], "RESET_PASSWORD");
    assert_eq!(
        get(&mut emulator, secs(1), &format!("{name}?fields=a(")).0,
        400
    );
    let mut quirks = Quirks::default();
    quirks.ignore_fields = true;
    emulator.set_quirks(quirks);
    assert!(
        get(&mut emulator, secs(1), &format!("{name}?{masked}"))
            .1
            .to_string()
            .contains("canary")
    );

    let (_, second) = send(
        &mut emulator,
        secs(1),
        "POST",
        &path,
        r#"{"wipeParams": {}}"#,
    );
    assert!(
        second["name"]
            .as_str()
            .unwrap()
            .ends_with("/operations/1793606401001")
    );
    assert_eq!(
        (&second["metadata"]["type"], &second["metadata"]["duration"]),
        (&json!("WIPE"), &json!("600s"))
    );
    for bad in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"type": "EXPLODE"}"#,
        r#"{"type": "WIPE", "duration": "long"}"#,
    ] {
        assert_eq!(
            send(&mut emulator, secs(1), "POST", &path, bad).0,
            400,
            "{bad}"
        );
    }
}

#[test]
fn authorization_is_checked_and_tokens_can_be_rotated() {
    let (mut emulator, name) = single(
        Config::default().token("one"),
        NewOperation::new(Fate::Cancellable),
    );
    let ask = |emulator: &mut Emulator, value: Option<&str>| {
        let mut request = Request::get(format!("/v1/{name}?access_token=one"));
        if let Some(value) = value {
            request = request.header("authorization", value);
        }
        let response = respond(
            emulator
                .handle(T0, &request.body(Bytes::new()).unwrap())
                .action,
        );
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(
            response.headers().contains_key("www-authenticate"),
            response.status() == 401
        );
        let reason = body["error"]["details"][0]["reason"]
            .as_str()
            .map(str::to_owned);
        (response.status().as_u16(), reason)
    };
    let refused = |reason: &str| (401, Some(reason.to_owned()));
    assert_eq!(ask(&mut emulator, Some("Bearer one")), (200, None));
    // The token in the query counts where there is no header.
    assert_eq!(ask(&mut emulator, None), (200, None));
    assert_eq!(
        ask(&mut emulator, Some("Bearer two")),
        refused("ACCESS_TOKEN_EXPIRED")
    );
    assert_eq!(
        ask(&mut emulator, Some("Basic one")),
        refused("ACCESS_TOKEN_EXPIRED")
    );
    emulator.accept_tokens(["two"]);
    assert_eq!(
        ask(&mut emulator, Some("Bearer one")),
        refused("ACCESS_TOKEN_EXPIRED")
    );
    assert_eq!(ask(&mut emulator, Some("Bearer two")), (200, None));
    assert_eq!(emulator.token(), "two");
    let audit = emulator.audit();
    assert!(
        audit
            .iter()
            .all(|row| row.had_token && row.path.ends_with("access_token=...")),
        "{audit:?}"
    );
}

#[test]
fn strangers_get_403_and_unknown_names_404() {
    let (mut emulator, name) = single(Config::default(), NewOperation::new(Fate::Cancellable));
    let (status, body) = cancel(
        &mut emulator,
        T0,
        "enterprises/LCother/devices/d/operations/1",
    );
    assert_eq!(status, 403);
    assert_eq!(
        body["error"]["message"],
        "Caller is not authorized to manage enterprise."
    );
    let (status, body) = cancel(&mut emulator, T0, &format!("{name}0"));
    let text = "Requested entity was not found.";
    let listed = json!([{"message": text, "domain": "global", "reason": "notFound"}]);
    let expected =
        json!({"error": {"code": 404, "message": text, "status": "NOT_FOUND", "errors": listed}});
    assert_eq!((status, body), (404, expected));
}

#[test]
fn what_the_front_end_does_not_route_is_an_html_404() {
    let (mut emulator, name) = single(Config::default(), NewOperation::new(Fate::Cancellable));
    for (method, path) in [
        ("POST", format!("/v1/{name}")),
        ("GET", format!("/v1/{name}:cancel")),
        ("DELETE", format!("/v1/{name}")),
        ("POST", format!("/v9/{name}:cancel")),
        ("POST", format!("/v1/{name}/:cancel")),
        ("GET", "/v1/enterprises//devices".to_owned()),
        ("GET", "/".to_owned()),
    ] {
        let response = respond(common::reply(&mut emulator, T0, method, &path).action);
        assert_eq!(response.status(), 404, "{method} {path}");
        assert!(
            response.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
    }
    assert_eq!(emulator.truth_of(T0, &name).unwrap().state, State::Pending);
}

#[test]
fn names_are_decoded_segment_by_segment() {
    let mut emulator = Emulator::new(Config::default().parents(0));
    let device: NewParent = serde_json::from_value(
        json!({"name": "enterprises/e x/devices/d#?", "operations": [{"id": "a:b%ł"}]}),
    )
    .unwrap();
    let name = emulator.add(T0, device).unwrap().operations.remove(0);
    assert_eq!(name, "enterprises/e x/devices/d#?/operations/a:b%ł");
    let path = "enterprises/e%20x/devices/d%23%3F/operations/a%3Ab%25%C5%82";
    assert_eq!(cancel(&mut emulator, T0, path), (200, json!({})));
    assert_eq!(
        emulator.truth_of(T0, &name).unwrap().state,
        State::Cancelled
    );
    // A slash that is escaped does not make another segment.
    assert_eq!(
        get(&mut emulator, T0, "enterprises/e%20x%2F/devices").0,
        404
    );
    assert_eq!(
        get(
            &mut emulator,
            T0,
            "enterprises/e%20x/devices/d%23%3F%2Foperations%2Fa"
        )
        .0,
        404
    );
}

#[test]
fn requests_are_held_to_what_google_holds_them_to() {
    let (mut emulator, name) = single(Config::default(), NewOperation::new(Fate::Stuck));
    let path = format!("/v1/{name}:cancel");
    assert_eq!(send(&mut emulator, T0, "POST", &path, "{}").0, 200);
    for bad in [r#"{"name": "x"}"#, "nonsense", "[]"] {
        let (status, body) = send(&mut emulator, T0, "POST", &path, bad);
        assert_eq!(
            (status, &body["error"]["status"]),
            (400, &json!("INVALID_ARGUMENT")),
            "{bad}"
        );
    }
    assert_eq!(
        get(
            &mut emulator,
            T0,
            &format!("{name}?alt=json&prettyPrint=false&quotaUser=q&$.xgafv=2")
        )
        .0,
        200
    );
    for bad in ["alt=proto", "nonsense=1", "prettyPrint=perhaps"] {
        assert_eq!(
            get(&mut emulator, T0, &format!("{name}?{bad}")).0,
            400,
            "{bad}"
        );
    }
    let unsized_post = |version| {
        let token = "Bearer emulator-token";
        let request = Request::post(&path)
            .version(version)
            .header("authorization", token);
        request.body(Bytes::new()).unwrap()
    };
    for (version, status) in [(Version::HTTP_11, 411), (Version::HTTP_2, 200)] {
        let response = respond(emulator.handle(T0, &unsized_post(version)).action);
        assert_eq!(response.status(), status, "{version:?}");
    }
}

#[test]
fn answers_have_the_headers_of_the_front_end_and_its_date() {
    let mut emulator = Emulator::new(Config::default());
    emulator.advance(secs(60));
    let path = format!("/v1/{}", emulator.parents()[0]);
    let response = respond(common::reply(&mut emulator, secs(1), "GET", &path).action);
    assert_eq!(response.headers()["date"], "Mon, 02 Nov 2026 08:01:01 GMT");
    assert_eq!(
        response.headers()["content-type"],
        "application/json; charset=UTF-8"
    );
    assert!(
        response.body().starts_with(b"{\n"),
        "pretty unless asked otherwise"
    );
    let compact = respond(
        common::reply(
            &mut emulator,
            secs(1),
            "GET",
            &format!("{path}?prettyPrint=false"),
        )
        .action,
    );
    assert!(compact.body().starts_with(b"{\""));
}
