//! The manners of other people's clients, as they were seen on the wire.

use std::io::Write;
use std::time::Duration;

use crate::common::{T0, get, respond, secs, send, single, with};
use bytes::Bytes;
use countermand_emulator::{Action, Breakage, Config, Emulator, Fate, NewOperation, Script, State};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response};
use serde_json::{Value, json};

fn cancellable() -> (Emulator, String) {
    single(Config::default(), NewOperation::new(Fate::Cancellable))
}

fn state(emulator: &Emulator, name: &str) -> State {
    emulator.truth_of(T0, name).unwrap().state
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn ask(emulator: &mut Emulator, request: http::request::Builder, body: Vec<u8>) -> (u16, Value) {
    let request = request
        .header("authorization", "Bearer emulator-token")
        .header("content-length", body.len())
        .body(Bytes::from(body))
        .unwrap();
    read(&respond(emulator.handle(T0, &request).action))
}

fn read(response: &Response<Bytes>) -> (u16, Value) {
    let value = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
    (response.status().as_u16(), value)
}

#[test]
fn fault_68_gzip_bodies_are_read_and_bombs_are_refused() {
    let (mut emulator, name) = cancellable();
    let cancel = || Request::post(format!("/v1/{name}:cancel"));
    let coded = || cancel().header("content-encoding", "gzip");
    // 11 MB of zeros in 11 KB.
    assert_eq!(ask(&mut emulator, coded(), gzip(&vec![0; 11 << 20])).0, 413);
    assert_eq!(ask(&mut emulator, coded(), b"not gzip".to_vec()).0, 400);
    let half = gzip(b"{}")[..12].to_vec();
    assert_eq!(ask(&mut emulator, coded(), half).0, 400);
    let zstd = cancel().header("content-encoding", "zstd");
    assert_eq!(ask(&mut emulator, zstd, vec![1]).0, 415);
    assert_eq!(state(&emulator, &name), State::Pending);
    // What the client for Java sends: an empty body, compressed.
    assert_eq!(ask(&mut emulator, coded(), gzip(b"")), (200, json!({})));
    assert_eq!(state(&emulator, &name), State::Cancelled);

    let device = emulator.parents().remove(0);
    let issue = Request::post(format!("/v1/{device}:issueCommand"));
    let issue = issue.header("content-encoding", "GZIP");
    let (status, issued) = ask(&mut emulator, issue, gzip(br#"{"type": "LOCK"}"#));
    assert_eq!((status, &issued["metadata"]["type"]), (200, &json!("LOCK")));
    let statuses: Vec<_> = emulator.audit().iter().map(|row| row.status).collect();
    let expected = [413, 400, 400, 415, 200, 200].map(Some);
    assert_eq!(statuses, expected);
}

#[test]
fn fault_68_a_long_get_comes_as_a_post() {
    let (mut emulator, name) = cancellable();
    let long = format!("fields=name,{}", "done,".repeat(500) + "done");
    for body in [long.clone().into_bytes(), gzip(long.as_bytes())] {
        let coding = if body.starts_with(b"f") {
            "identity"
        } else {
            "gzip"
        };
        let request = Request::post(format!("/v1/{name}?alt=json"))
            .header("x-http-method-override", "GET")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("content-encoding", coding);
        assert_eq!(
            ask(&mut emulator, request, body),
            (200, json!({"name": name}))
        );
    }
    let row = emulator.audit().last().unwrap();
    assert_eq!((&*row.method, row.status), ("GET", Some(200)));
    assert!(
        row.path
            .starts_with(&format!("/v1/{name}?alt=json&fields=name,done"))
    );

    let strange = Request::post(format!("/v1/{name}:cancel"));
    let strange = strange.header("x-http-method-override", "BREW");
    assert_eq!(ask(&mut emulator, strange, Vec::new()).0, 400);
    // A GET is what it is, whatever it says.
    let get = Request::get(format!("/v1/{name}:cancel"));
    let get = get.header("x-http-method-override", "POST");
    assert_eq!(ask(&mut emulator, get, Vec::new()).0, 404);
    assert_eq!(state(&emulator, &name), State::Pending);
}

#[test]
fn fault_68_system_parameters_have_their_other_names() {
    let (mut emulator, name) = cancellable();
    let only_name = json!({"name": name});
    for query in [
        "$alt=json;enum-encoding=int&$fields=name",
        "%24alt=json%3Benum-encoding%3Dint&%24fields=name",
        "alt=json&fields=name&$prettyPrint=false&$.xgafv=1",
    ] {
        let shown = get(&mut emulator, T0, &format!("{name}?{query}"));
        assert_eq!(shown, (200, only_name.clone()), "{query}");
    }
    let masked = Request::get(format!("/v1/{name}")).header("x-goog-fieldmask", "name");
    assert_eq!(
        ask(&mut emulator, masked, Vec::new()),
        (200, only_name.clone())
    );
    let deep = Request::get(format!("/v1/{name}")).header("x-goog-fieldmask", "metadata.type");
    let shown = ask(&mut emulator, deep, Vec::new()).1;
    assert_eq!(shown, json!({"metadata": {"type": "WIPE"}}));
    // The query is nearer to the call than a header.
    let both = Request::get(format!("/v1/{name}?fields=name")).header("x-goog-fieldmask", "done");
    assert_eq!(ask(&mut emulator, both, Vec::new()).1, only_name);
    for (query, status) in [("$alt=media", 400), ("$none=1", 400), ("$.xgafv=3", 400)] {
        assert_eq!(
            get(&mut emulator, T0, &format!("{name}?{query}")).0,
            status,
            "{query}"
        );
    }
}

#[test]
fn fault_68_errors_have_the_list_that_older_clients_read() {
    let (mut emulator, name) = cancellable();
    let unknown = format!("{name}0");
    let reason = |body: &Value| body["error"]["errors"][0]["reason"].clone();
    assert_eq!(reason(&get(&mut emulator, T0, &unknown).1), "notFound");
    assert_eq!(
        reason(&get(&mut emulator, T0, "enterprises/e").1),
        "forbidden"
    );
    assert_eq!(
        reason(&get(&mut emulator, T0, &format!("{name}?x=y")).1),
        "badRequest"
    );
    let second = get(&mut emulator, T0, &format!("{unknown}?$.xgafv=2")).1;
    assert_eq!(second["error"]["status"], "NOT_FOUND");
    assert_eq!(second["error"].get("errors"), None);
    for (status, expected) in [
        (400, "badRequest"),
        (401, "authError"),
        (403, "forbidden"),
        (409, "aborted"),
        (412, "failedPrecondition"),
        (429, "rateLimitExceeded"),
        (500, "backendError"),
        (501, "notImplemented"),
        (503, "backendError"),
    ] {
        emulator.set_script(Script::from_value(json!([{ "status": status }])).unwrap());
        assert_eq!(
            reason(&get(&mut emulator, T0, &name).1),
            expected,
            "{status}"
        );
    }
}

#[test]
fn fault_68_the_scheme_of_a_token_may_be_in_any_case() {
    let (mut emulator, name) = cancellable();
    for (value, status) in [
        ("bearer emulator-token", 200),
        ("BEARER  emulator-token", 200),
        ("bearer emulator-token2", 401),
        ("beareremulator-token", 401),
        ("basic emulator-token", 401),
    ] {
        let request = Request::get(format!("/v1/{name}"))
            .header("authorization", value)
            .body(Bytes::new())
            .unwrap();
        let got = respond(emulator.handle(T0, &request).action).status();
        assert_eq!(got, status, "{value}");
    }
}

#[test]
fn fault_68_a_cancel_may_repeat_the_name_and_nothing_else() {
    let (mut emulator, name) = cancellable();
    let path = format!("/v1/{name}:cancel?$alt=json;enum-encoding=int");
    for (body, status) in [
        (json!({"name": format!("{name}0")}), 400),
        (json!({"name": null}), 400),
        (json!({"name": name, "force": true}), 400),
    ] {
        let got = send(&mut emulator, T0, "POST", &path, &body.to_string());
        assert_eq!(got.0, status, "{body}");
        assert_eq!(state(&emulator, &name), State::Pending);
    }
    let body = json!({ "name": name }).to_string();
    assert_eq!(
        send(&mut emulator, T0, "POST", &path, &body),
        (200, json!({}))
    );
    assert_eq!(state(&emulator, &name), State::Cancelled);
}

#[test]
fn fault_68_programs_begin_with_an_enterprise_a_policy_and_a_token() {
    let mut emulator = Emulator::new(Config::default());
    let enterprise = emulator.grandparent().to_owned();
    assert_eq!(get(&mut emulator, T0, "enterprises").0, 400);
    let listed = get(&mut emulator, T0, "enterprises?projectId=p&view=BASIC").1;
    assert_eq!(listed, json!({"enterprises": [{"name": enterprise}]}));
    assert_eq!(get(&mut emulator, T0, &enterprise).1["name"], *enterprise);
    assert_eq!(get(&mut emulator, T0, "enterprises/LCother").0, 403);

    let policies = format!("{enterprise}/policies");
    let policy = format!("{policies}/default");
    assert_eq!(get(&mut emulator, T0, &policies), (200, json!({})));
    assert_eq!(get(&mut emulator, T0, &policy).0, 404);
    let path = format!("/v1/{policy}");
    let body = r#"{"cameraDisabled": true, "applications": []}"#;
    let (status, made) = send(&mut emulator, T0, "PATCH", &path, body);
    assert_eq!(
        (status, &made["version"], &made["name"]),
        (200, &json!("1"), &json!(policy))
    );
    let masked = format!("{path}?updateMask=cameraDisabled");
    let changed = send(&mut emulator, T0, "PATCH", &masked, r#"{"x": 1}"#).1;
    assert_eq!(
        changed,
        json!({"name": policy, "version": "2", "applications": []})
    );
    assert_eq!(
        get(&mut emulator, T0, &policies).1,
        json!({"policies": [changed]})
    );

    let tokens = format!("{enterprise}/enrollmentTokens");
    let body = json!({"policyName": policy, "duration": "60s"}).to_string();
    let (status, token) = send(
        &mut emulator,
        secs(1),
        "POST",
        &format!("/v1/{tokens}"),
        &body,
    );
    assert_eq!((status, &token["policyName"]), (200, &json!(policy)));
    assert_eq!(token["expirationTimestamp"], "2026-11-02T08:01:01.000Z");
    let code: Value = serde_json::from_str(token["qrCode"].as_str().unwrap()).unwrap();
    assert!(code.to_string().contains(token["value"].as_str().unwrap()));
    assert_eq!(
        get(&mut emulator, T0, token["name"].as_str().unwrap()).1,
        token
    );
    assert_eq!(
        get(&mut emulator, T0, &tokens).1,
        json!({"enrollmentTokens": [token]})
    );
    // No device came of it.
    assert_eq!(emulator.parents().len(), 3);

    // Known to the real API alone: said so, and not an HTML page.
    for (method, path) in [
        ("POST", "/v1/signupUrls".to_owned()),
        ("POST", "/v1/enterprises?projectId=p".to_owned()),
        ("DELETE", format!("/v1/{enterprise}")),
        ("DELETE", format!("/v1/{}", emulator.parents()[0])),
        ("GET", format!("/v1/{enterprise}/webApps")),
    ] {
        let (status, body) = send(&mut emulator, T0, method, &path, "");
        let message = body["error"]["message"].as_str().unwrap_or_default();
        assert!(
            status == 501 && message.contains("emulator"),
            "{method} {path}: {body}"
        );
    }
}

/// The discovery document, asked for at a path by a client that calls the emulator by this name.
fn document(emulator: &mut Emulator, path: &str) -> (u16, Value) {
    let request = Request::get(path)
        .header("host", "127.0.0.1:8080")
        .body(Bytes::new())
        .unwrap();
    read(&respond(emulator.handle(T0, &request).action))
}

#[test]
fn fault_68_the_discovery_document_leads_to_every_method() {
    let mut emulator = Emulator::new(Config::default());
    // It is no call of the API: it takes no fault, and it needs no token.
    emulator.set_script(Script::from_value(json!([{"status": 503}])).unwrap());
    let (status, found) = document(&mut emulator, "/$discovery/rest?version=v1");
    assert_eq!(
        (status, &found["rootUrl"]),
        (200, &json!("http://127.0.0.1:8080/"))
    );
    let other = "/discovery/v1/apis/androidmanagement/v1/rest";
    assert_eq!(document(&mut emulator, other), (200, found.clone()));
    emulator.set_script(Script::default());
    assert_eq!(
        document(&mut emulator, "/$discovery/rest?version=v2").0,
        404
    );

    let (mut methods, mut open) = (0, vec![&found]);
    while let Some(level) = open.pop() {
        for resource in level["resources"].as_object().into_iter().flatten() {
            open.push(resource.1);
        }
        for (word, method) in level["methods"].as_object().into_iter().flatten() {
            methods += 1;
            let text = |key: &str| method[key].as_str().unwrap();
            assert!(text("id").ends_with(&format!(".{word}")), "{method}");
            for schema in [&method["response"], &method["request"]] {
                if let Some(id) = schema["$ref"].as_str() {
                    assert_eq!(found["schemas"][id]["id"], id);
                }
            }
            // Each is a method that the emulator knows: strangers get 403 and not an HTML page.
            let path = text("flatPath").replace(['{', '}'], "x");
            let (status, answer) = send(
                &mut emulator,
                T0,
                text("httpMethod"),
                &format!("/{path}"),
                "",
            );
            let expected = if word == "list" && path.ends_with("v1/enterprises") {
                400
            } else {
                403
            };
            assert_eq!(status, expected, "{path}: {answer}");
        }
    }
    assert_eq!(methods, 14);
}

/// A batch as google-api-python-client writes it.
fn batch(calls: &[(&str, String)]) -> Vec<u8> {
    let mut text = String::new();
    for (number, (method, path)) in calls.iter().enumerate() {
        text += &format!(
            "--===============7330845974216740156==\nContent-Type: application/http\nMIME-Version: 1.0\nContent-Transfer-Encoding: binary\nContent-ID: <b29c5de2 + {number}>\n\n{method} {path} HTTP/1.1\nContent-Type: application/json\nMIME-Version: 1.0\naccept: application/json\nHost: 127.0.0.1\n\n\n"
        );
    }
    (text + "--===============7330845974216740156==--").into_bytes()
}

fn send_batch(emulator: &mut Emulator, body: Vec<u8>) -> Action {
    let kind = "multipart/mixed; boundary=\"===============7330845974216740156==\"";
    let request = Request::post("/batch")
        .header("content-type", kind)
        .header("content-length", body.len())
        .header("authorization", "Bearer emulator-token")
        .body(Bytes::from(body))
        .unwrap();
    emulator.handle(T0, &request).action
}

fn text(response: &Response<Bytes>) -> String {
    String::from_utf8(response.body().to_vec()).unwrap()
}

#[test]
fn fault_68_a_batch_is_answered_part_by_part() {
    let operations = [Fate::Cancellable, Fate::Cancellable].map(NewOperation::new);
    let (mut emulator, names) = with(Config::default(), operations);
    let cancel = |name: &str| ("POST", format!("/v1/{name}:cancel?alt=json"));
    let calls = [
        cancel(&names[0]),
        cancel(&format!("{}0", names[0])),
        (
            "GET",
            format!("/v1/{}?alt=json&prettyPrint=false", names[1]),
        ),
        ("POST", "/batch".to_owned()),
    ];
    let response = respond(send_batch(&mut emulator, batch(&calls)));
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap();
    let boundary = kind.strip_prefix("multipart/mixed; boundary=").unwrap();
    let answer = text(&response);
    let parts: Vec<&str> = answer.split(&format!("--{boundary}")).collect();
    assert_eq!((parts.len(), parts[0], parts[5]), (6, "", "--\r\n"));
    for (number, (part, status)) in parts[1..5].iter().zip([200, 404, 200, 404]).enumerate() {
        let (head, inner) = part.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-ID: <response-b29c5de2 + {number}>")),
            "{head}"
        );
        assert!(inner.starts_with(&format!("HTTP/1.1 {status} ")), "{inner}");
    }
    assert!(
        parts[3].contains(&format!("\"name\":\"{}\"", names[1])),
        "{}",
        parts[3]
    );
    assert_eq!(state(&emulator, &names[0]), State::Cancelled);
    assert_eq!(state(&emulator, &names[1]), State::Pending);
    // Each call is a line of the audit, and so is the batch.
    let rows: Vec<_> = emulator
        .audit()
        .iter()
        .map(|row| (&*row.path, row.status))
        .collect();
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[1], (&*calls[1].1, Some(404)));
    assert_eq!(rows[4], ("/batch", Some(200)));
    assert!(emulator.audit().iter().all(|row| row.had_token));
}

#[test]
fn fault_68_a_batch_is_bounded_and_meets_the_faults_of_its_calls() {
    let (mut emulator, name) = cancellable();
    let get = ("GET", format!("/v1/{name}"));
    let many = vec![get.clone(); 1001];
    assert_eq!(
        respond(send_batch(&mut emulator, batch(&many))).status(),
        400
    );
    for broken in [
        "",
        "--",
        "--===============7330845974216740156==\n\n\n\n--===============7330845974216740156==--",
    ] {
        let refused = respond(send_batch(&mut emulator, broken.into()));
        assert_eq!(refused.status(), 400, "{broken}");
    }
    assert!(emulator.audit().iter().all(|row| !row.effect));

    let script = json!([
        {"method": "get", "status": 503, "delay_ms": 700},
        {"method": "get", "skip": 1, "action": "reset"},
    ]);
    emulator.set_script(Script::from_value(script).unwrap());
    let response = respond(send_batch(
        &mut emulator,
        batch(&[get.clone(), get.clone()]),
    ));
    let answer = text(&response);
    assert!(
        answer.contains("HTTP/1.1 503 ") && answer.contains("HTTP/1.1 200 "),
        "{answer}"
    );
    assert!(matches!(
        send_batch(&mut emulator, batch(&[get])),
        Action::Break(Breakage::Reset)
    ));
}

#[test]
fn fault_68_a_batch_waits_for_its_slowest_call() {
    let (mut emulator, name) = cancellable();
    let script = json!([{"delay_ms": 200}, {"delay_ms": 700}]);
    emulator.set_script(Script::from_value(script).unwrap());
    let body = batch(&[
        ("GET", format!("/v1/{name}")),
        ("GET", format!("/v1/{name}")),
    ]);
    let kind = "multipart/mixed; boundary=\"===============7330845974216740156==\"";
    let request = Request::post("/batch")
        .header("content-type", kind)
        .header("content-length", body.len())
        .body(Bytes::from(body))
        .unwrap();
    let reply = emulator.handle(T0, &request);
    assert_eq!(reply.delay, Duration::from_millis(700));
    // Without a token of their own or of the batch, calls are refused one by one.
    assert_eq!(
        text(&respond(reply.action))
            .matches("HTTP/1.1 401 ")
            .count(),
        2
    );
}

/// A parameter that a method does not have is refused, also where another method has it: a mistake must show here
/// and not only at Google's.
#[test]
fn fault_68_parameters_of_other_methods_cannot_be_bound() {
    let (mut emulator, name) = cancellable();
    let device = emulator.parents().remove(0);
    let device = device.as_str();
    let enterprise = device.split("/devices").next().unwrap().to_owned();
    let mut ask = |method: &str, path: String| {
        let request = Request::builder().method(method).uri(path);
        let (status, answer) = ask(&mut emulator, request, Vec::new());
        (status, answer["error"]["message"].to_string())
    };
    let mine = [
        ("pageSize=5", "operations"),
        ("filter=x", "operations"),
        ("pageSize=5", "devices"),
        ("view=BASIC", "enterprises"),
    ];
    let lists = |list: &str| match list {
        "operations" => format!("/v1/{device}/operations"),
        "devices" => format!("/v1/{enterprise}/devices"),
        _ => "/v1/enterprises".to_owned(),
    };
    for (parameter, list) in mine {
        let (status, message) = ask("GET", format!("{}?{parameter}&projectId=p", lists(list)));
        let bound = list == "enterprises";
        assert_eq!(status == 200, bound, "{list} {message}");
        let (status, _) = ask("GET", format!("{}?{parameter}&quotaUser=me", lists(list)));
        assert!(bound || status == 200, "{list}: {status}");
    }
    for (method, path, parameter) in [
        ("POST", format!("/v1/{name}:cancel"), "updateMask"),
        ("POST", format!("/v1/{name}:cancel"), "pageToken"),
        ("GET", format!("/v1/{name}"), "pageSize"),
        ("GET", format!("/v1/{name}"), "returnPartialSuccess"),
        ("GET", lists("devices"), "filter"),
        ("GET", lists("operations"), "updateMask"),
    ] {
        let (status, message) = ask(method, format!("{path}?{parameter}=1"));
        assert_eq!(status, 400, "{method} {path} {parameter}");
        let expected = format!("Unknown name \\\"{parameter}\\\": Cannot bind query parameter.");
        assert!(message.contains(&expected), "{message}");
    }
    assert_eq!(state(&emulator, &name), State::Pending);
}

/// A method that the emulator has not says so, whatever parameters the real one has: a refusal of the parameter
/// would send the reader looking for a mistake of his own.
#[test]
fn fault_68_a_method_that_is_not_emulated_says_so_whatever_its_parameters() {
    let (mut emulator, _) = cancellable();
    let device = emulator.parents().remove(0);
    let enterprise = device.split("/devices").next().unwrap().to_owned();
    for (method, path) in [
        (
            "DELETE",
            format!("/v1/{device}?wipeDataFlags=WIPE_EXTERNAL_STORAGE&wipeReasonMessage=lost"),
        ),
        ("PATCH", format!("/v1/{device}?updateMask=state")),
        (
            "POST",
            "/v1/signupUrls?projectId=p&callbackUrl=https://example.com".to_owned(),
        ),
        (
            "POST",
            "/v1/enterprises?projectId=p&signupUrlName=s&enterpriseToken=t".to_owned(),
        ),
        (
            "GET",
            format!("/v1/{enterprise}/applications/com.example?languageCode=de"),
        ),
    ] {
        let request = Request::builder().method(method).uri(&path);
        let (status, answer) = ask(&mut emulator, request, Vec::new());
        assert_eq!(status, 501, "{method} {path}: {answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("does not have this method"), "{message}");
    }
}

#[test]
fn fault_68_a_token_may_come_in_the_query() {
    let (mut emulator, name) = cancellable();
    let token = emulator.token().to_owned();
    let mut get = |query: String, header: Option<&str>| {
        let mut request = Request::get(format!("/v1/{name}?{query}"));
        if let Some(value) = header {
            request = request.header("authorization", value);
        }
        let request = request.body(Bytes::new()).unwrap();
        let Action::Respond(response) = emulator.handle(Duration::ZERO, &request).action else {
            panic!("no answer")
        };
        read(&response)
    };
    for key in ["access_token", "oauth_token"] {
        assert_eq!(get(format!("{key}={token}"), None).0, 200, "{key}");
        let (status, answer) = get(format!("{key}=other"), None);
        let reason = &answer["error"]["details"][0]["reason"];
        assert_eq!(
            (status, reason),
            (401, &json!("ACCESS_TOKEN_EXPIRED")),
            "{key}"
        );
        // The header decides where there are both.
        assert_eq!(get(format!("{key}={token}"), Some("Bearer other")).0, 401);
    }
    let (status, answer) = get("key=of-an-app".to_owned(), None);
    let reason = &answer["error"]["details"][0]["reason"];
    assert_eq!((status, reason), (401, &json!("CREDENTIALS_MISSING")));
}

#[test]
fn fault_68_parameters_have_the_names_of_the_fields_as_well() {
    let (mut emulator, name) = cancellable();
    let device = name.split("/operations").next().unwrap();
    let enterprise = device.split("/devices").next().unwrap();
    let list = |query: &str| Request::get(format!("/v1/{device}/operations?{query}"));
    assert_eq!(ask(&mut emulator, list("page_size=-1"), Vec::new()).0, 400);
    assert_eq!(
        ask(&mut emulator, list("page_token=wrong"), Vec::new()).0,
        400
    );
    assert_eq!(
        ask(
            &mut emulator,
            list("return_partial_success=true"),
            Vec::new()
        )
        .0,
        501
    );
    assert_eq!(ask(&mut emulator, list("page_size=1"), Vec::new()).0, 200);
    // Those of another method stay unknown, by either name.
    assert_eq!(ask(&mut emulator, list("update_mask=x"), Vec::new()).0, 400);
    let patch = Request::patch(format!(
        "/v1/{enterprise}/policies/p?update_mask=cameraDisabled"
    ));
    let sent = br#"{"cameraDisabled": true, "playStoreMode": "BLACKLIST"}"#.to_vec();
    let (status, policy) = ask(&mut emulator, patch, sent);
    assert_eq!((status, &policy["cameraDisabled"]), (200, &json!(true)));
    assert_eq!(
        policy["playStoreMode"],
        Value::Null,
        "the mask was not heeded"
    );
}

#[test]
fn fault_68_an_empty_body_is_an_empty_message() {
    let (mut emulator, name) = cancellable();
    let device = name.split("/operations").next().unwrap();
    let enterprise = device.split("/devices").next().unwrap();
    let post = |path: String| Request::post(path).header("content-length", 0);
    let issue = post(format!("/v1/{device}:issueCommand"));
    let (status, answer) = ask(&mut emulator, issue, Vec::new());
    let message = &answer["error"]["message"];
    assert_eq!(
        (status, message),
        (400, &json!("Command type must be specified."))
    );
    let token = post(format!("/v1/{enterprise}/enrollmentTokens"));
    assert_eq!(ask(&mut emulator, token, Vec::new()).0, 200);
}

#[test]
fn fault_68_durations_have_fractions_and_an_end() {
    let (mut emulator, name) = cancellable();
    let device = name.split("/operations").next().unwrap();
    let enterprise = device.split("/devices").next().unwrap();
    let mut ask = |path: String, duration: &str| {
        let body = json!({"type": "LOCK", "duration": duration}).to_string();
        ask(&mut emulator, Request::post(path), body.into_bytes())
    };
    for (sent, shown) in [
        ("600s", "600s"),
        ("86400.500s", "86400.500s"),
        ("3.5s", "3.500s"),
        ("1.000000001s", "1s"),
        ("0s", "0s"),
        ("315576000000s", "315576000000s"),
    ] {
        let (status, answer) = ask(format!("/v1/{device}:issueCommand"), sent);
        assert_eq!(
            (status, &answer["metadata"]["duration"]),
            (200, &json!(shown)),
            "{sent}"
        );
        let (status, answer) = ask(format!("/v1/{enterprise}/enrollmentTokens"), sent);
        assert_eq!(
            (status, &answer["duration"]),
            (200, &json!(shown)),
            "{sent}"
        );
    }
    for bad in [
        "",
        "s",
        "5",
        "-5s",
        "+5s",
        " 5s",
        "5.s",
        ".5s",
        "1.0000000001s",
        "1.+5s",
        "315576000001s",
        "18446744073709551615s",
    ] {
        assert_eq!(
            ask(format!("/v1/{device}:issueCommand"), bad).0,
            400,
            "{bad}"
        );
        assert_eq!(
            ask(format!("/v1/{enterprise}/enrollmentTokens"), bad).0,
            400,
            "{bad}"
        );
    }
}

/// A call of a batch that cannot be understood is a line of the audit like the others, and was not carried out.
#[test]
fn fault_68_a_call_of_a_batch_that_is_refused_is_in_the_audit() {
    let (mut emulator, name) = cancellable();
    let head = format!("POST /v1/{name}:cancel");
    let body = format!(
        "--b\r\ncontent-type: application/http\r\n\r\n{head}\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\n{{}}\r\n--b--"
    );
    let request = Request::post("/batch")
        .header("authorization", "Bearer emulator-token")
        .header("content-type", "multipart/mixed; boundary=b")
        .header("content-length", body.len())
        .body(Bytes::from(body))
        .unwrap();
    let answer = respond(emulator.handle(T0, &request).action);
    assert!(text(&answer).contains("HTTP/1.1 415 "), "{}", text(&answer));
    let audit = emulator.audit().iter();
    let lines: Vec<_> = audit.map(|line| (line.status, line.effect)).collect();
    assert_eq!(lines, [(Some(415), false), (Some(200), false)]);
    assert_eq!(state(&emulator, &name), State::Pending);
}
