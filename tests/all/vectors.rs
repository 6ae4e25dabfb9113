//! The shared vectors, through the Rust API.

use std::time::Duration;

use countermand_core::{
    Cancellation, Endpoint, Error, NameError, Operation, OperationName, Page, PageQuery, PageToken,
    Pages, ParentName, Policy, Request, Service, Step, Time, TransportError, TransportErrorKind,
};
use countermand_tests::vectors::{cases, response};
use http::Response;
use serde_json::Value;

const NAME: &str = "enterprises/LC01abcd89/devices/3f00c0ffee123456/operations/1786048723669";

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} in {value}"))
}

#[test]
fn names() {
    for case in cases("names.json") {
        let parsed: Result<OperationName, NameError> = text(&case, "name").parse();
        match (parsed, case["refused"].as_str()) {
            (Ok(name), None) => {
                let mut path = Vec::new();
                name.encode_into(&mut path);
                assert_eq!(String::from_utf8(path).unwrap(), text(&case, "encoded"));
                assert_eq!(name.parent().parent().id(), text(&case, "enterprise"));
                assert_eq!(name.parent().id(), text(&case, "device"));
                assert_eq!(name.id(), text(&case, "operation"));
                assert_eq!(name.to_string(), text(&case, "name"));
            }
            (Err(error), Some(kind)) => {
                assert_eq!(error.kind().as_str(), kind, "{error}");
                assert_eq!(Some(error.at() as u64), case["at"].as_u64(), "{error}");
                let message = error.to_string();
                assert!(
                    message.contains("enterprises/{enterprise}/devices/{device}"),
                    "{message}"
                );
                assert!(!message.chars().any(char::is_control), "{message:?}");
            }
            (parsed, _) => panic!("{parsed:?} for {case}"),
        }
    }
}

#[test]
fn fault_64_names_as_people_paste_them() {
    for case in cases("given.json") {
        let service = case["service"].as_str();
        let service = service.map_or(Service::DEFAULT, |id| Service::named(id).unwrap());
        let endpoint = match case["endpoint"].as_str() {
            Some(url) => url.parse::<Endpoint>().unwrap().of_service(service),
            None => service.endpoint(),
        };
        let parsed = endpoint.parse_given::<0>(text(&case, "given"));
        match (parsed, case["refused"].as_str()) {
            (Ok(name), None) => assert_eq!(name.as_str(), text(&case, "name")),
            (Err(error), Some(kind)) => assert_eq!(error.kind().as_str(), kind, "{error}"),
            (parsed, _) => panic!("{parsed:?} for {case}"),
        }
    }
}

#[test]
fn requests() {
    for case in cases("requests.json") {
        let endpoint: Endpoint = case["endpoint"]
            .as_str()
            .map_or_else(Endpoint::default, |url| url.parse().unwrap());
        let operation = || text(&case, "name").parse::<OperationName>().unwrap();
        let device = || text(&case, "name").parse::<ParentName>().unwrap();
        let request: http::Request<&'static str> = match text(&case, "call") {
            "cancel" => Request::Cancel(operation()).http(&endpoint),
            "get" => Request::Get(operation()).http(&endpoint),
            "get_parent" => Request::GetParent(device().clone()).http(&endpoint),
            "list_operations" => {
                let size = case["page_size"].as_u64().unwrap() as u32;
                let given = |field: &str| case[field].as_str();
                let page = PageQuery {
                    size,
                    token: given("page_token").map(|token| token.parse().unwrap()),
                    filter: given("filter").map(|filter| filter.parse().unwrap()),
                };
                Request::ListOperations(device(), page).http(&endpoint)
            }
            call => panic!("{call}"),
        };
        assert_eq!(request.method(), text(&case, "method"));
        assert_eq!(request.uri().to_string(), text(&case, "url"));
        let headers = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), Value::from(value.to_str().unwrap())));
        assert_eq!(Value::Object(headers.collect()), case["headers"], "{case}");
    }
}

#[test]
fn responses() {
    let name: OperationName = NAME.parse().unwrap();
    for case in cases("responses.json") {
        let (answer, expect) = (response(&case), &case["expect"]);
        let shown = || {
            let case = case.to_string();
            case.chars().take(300).collect::<String>()
        };
        let error = match text(&case, "parser") {
            "cancel" => Request::Cancel(name.clone())
                .read(&answer)
                .map(|_| assert_eq!(expect["ok"], true, "{}", shown()))
                .err(),
            "device" => Request::GetParent(name.parent().clone())
                .read(&answer)
                .map(|_| assert_eq!(expect["ok"], true, "{}", shown()))
                .err(),
            "operation" => Operation::read(name.clone(), &answer)
                .map(|operation| {
                    assert!(
                        expect.get("verdict").is_some(),
                        "{operation:?} for {}",
                        shown()
                    );
                    let verdict = operation.verdict().map(|verdict| verdict.as_str());
                    assert_eq!(verdict, expect["verdict"].as_str(), "{}", shown());
                    let command = operation.metadata.clone().unwrap_or_default();
                    assert_eq!(command.kind.as_deref(), expect["type"].as_str());
                    let created = command.create_time.map(|time| time.unix_millis());
                    assert_eq!(created, expect["create_time_ms"].as_i64());
                    let duration = command.duration.map(|duration| duration.as_millis() as u64);
                    assert_eq!(duration, expect["duration_ms"].as_u64());
                    if let Some(secret) = expect["absent"].as_str() {
                        assert!(
                            !format!(
                                "{operation:?}{}",
                                serde_json::to_string(&operation).unwrap()
                            )
                            .contains(secret)
                        );
                    }
                })
                .err(),
            "operations" => Page::<Operation>::read(&name.parent(), &answer)
                .and_then(|page| match &page.unreadable {
                    Some(error) => Err(error.clone()),
                    None => Ok(page),
                })
                .map(|page| {
                    let names = page
                        .entries
                        .iter()
                        .map(|operation| operation.name.as_str())
                        .collect::<Vec<_>>();
                    assert_eq!(serde_json::json!(names), expect["names"], "{}", shown());
                    assert_eq!(
                        page.next_page_token.as_ref().map(PageToken::as_str),
                        expect["next"].as_str()
                    );
                })
                .err(),
            parser => panic!("{parser}"),
        };
        match (error, expect["error"].as_str()) {
            (None, None) => {}
            (Some(error), Some(kind)) => check_error(&error, kind, expect),
            (error, _) => panic!("{error:?} for {}", shown()),
        }
    }
}

fn check_error(error: &Error, kind: &str, expect: &Value) {
    assert_eq!(error.kind().as_str(), kind, "{error}");
    let message = error.to_string();
    assert!(
        !message.chars().any(char::is_control) && message.len() < 1500,
        "{message:?}"
    );
    let answer = error.kind().api_error();
    for (key, value) in expect.as_object().unwrap() {
        match (key.as_str(), value) {
            ("error", _) => {}
            ("key", value) => assert_eq!(error.key().as_str(), value, "{message}"),
            ("absent", value) => {
                let shown = format!(
                    "{error} {error:?} {}",
                    serde_json::to_string(error).unwrap()
                );
                assert!(!shown.contains(value.as_str().unwrap()), "{shown}");
            }
            ("failure_scope", value) => {
                assert_eq!(*value, error.kind().failure_scope().as_str(), "{message}")
            }
            ("reason", value) => assert_eq!(answer.unwrap().reason(), value.as_str(), "{message}"),
            ("rpc_status", value) => {
                assert_eq!(answer.unwrap().status(), value.as_str(), "{message}")
            }
            ("http_status", value) => {
                assert_eq!(*value, answer.unwrap().http_status(), "{message}")
            }
            ("quota_limit", value) => {
                assert_eq!(answer.unwrap().quota_limit(), value.as_u64(), "{message}")
            }
            ("message", value) => assert!(message.contains(value.as_str().unwrap()), "{message}"),
            ("advice", value) => assert!(
                error.advice().contains(value.as_str().unwrap()),
                "{}",
                error.advice()
            ),
            (key, _) => panic!("{key}"),
        }
    }
}

#[test]
fn retry() {
    for case in cases("retry.json") {
        let now = Time::START;
        let Step::Send(attempt) = Cancellation::new(NAME.parse().unwrap()).start(now, 7) else {
            panic!()
        };
        let step = match transport(&case) {
            Some(error) => attempt.failed(now, error),
            None => attempt.response(now, &response(&case)),
        };
        let then = &case["then"];
        match (step, text(then, "step")) {
            (Step::Wait(pause), "wait") => {
                check_wait(pause.until() - now, &then["min_ms"], &then["max_ms"], &case)
            }
            (Step::Send(attempt), "send") => {
                assert_eq!(attempt.call().as_str(), text(then, "call"), "{case}");
                let reauthorize = then["reauthorize"].as_bool().unwrap_or(false);
                assert_eq!(attempt.transmit(now).reauthorize, reauthorize, "{case}");
            }
            (Step::Done(Err(error)), "done") => {
                assert_eq!(error.kind().as_str(), text(then, "error"), "{case}")
            }
            (step, _) => panic!("{step:?} for {case}"),
        }
    }
}

fn check_wait(pause: Duration, min: &Value, max: &Value, case: &Value) {
    let millis = pause.as_nanos().div_ceil(1_000_000) as u64;
    assert!(
        (min.as_u64().unwrap()..=max.as_u64().unwrap()).contains(&millis),
        "{millis} ms for {case}"
    );
}

fn transport(case: &Value) -> Option<TransportError> {
    let kind = TransportErrorKind::from_word(case["transport"].as_str()?).unwrap();
    Some(TransportError::new(kind, "scripted"))
}

fn policy(case: &Value) -> Policy {
    let millis = |key: &str, default| Duration::from_millis(case[key].as_u64().unwrap_or(default));
    Policy::default()
        .deadline(millis("deadline_ms", 120_000))
        .max_attempts(case["max_attempts"].as_u64().unwrap_or(5) as u32)
        .backoff(millis("backoff_ms", 1000), millis("backoff_cap_ms", 32_000))
        .poll_interval(
            millis("poll_interval_ms", 1000),
            millis("poll_interval_cap_ms", 30_000),
        )
        .verify(case["verify"].as_bool().unwrap_or(true))
}

#[test]
fn cancellation() {
    for case in cases("cancellation.json") {
        // Jitter must not decide a row of the table.
        for seed in case["seed"].as_u64().unwrap()..20 {
            run_cancellation(&case, seed);
        }
    }
}

fn run_cancellation(case: &Value, seed: u64) {
    let title = text(case, "title");
    let mut now = Time::START;
    let mut step = Cancellation::new(NAME.parse().unwrap())
        .policy(policy(&case["policy"]))
        .start(now, seed);
    for (number, row) in case["steps"].as_array().unwrap().iter().enumerate() {
        let (expect, then) = (&row["expect"], &row["then"]);
        let place = format!("{title}, step {number}, seed {seed}");
        step = match step {
            Step::Send(attempt) => {
                assert_eq!(
                    Some(attempt.call().as_str()),
                    expect["send"].as_str(),
                    "{place}"
                );
                let reauthorize = expect["reauthorize"].as_bool().unwrap_or(false);
                assert_eq!(attempt.transmit(now).reauthorize, reauthorize, "{place}");
                match transport(then) {
                    Some(error) => attempt.failed(now, error),
                    None => attempt.response(now, &response(then)),
                }
            }
            Step::Wait(pause) => {
                let [min, max] = expect["wait"]
                    .as_array()
                    .unwrap_or_else(|| panic!("a pause: {place}"))
                    .as_slice()
                else {
                    panic!("{place}")
                };
                check_wait(pause.until() - now, min, max, &Value::from(place.clone()));
                let kind = pause.error().map(|error| error.kind().as_str());
                assert_eq!(kind, expect["error"].as_str(), "{place}");
                now = pause.until();
                pause.resume(now)
            }
            Step::Done(result) => {
                check_done(result, &expect["done"], &place);
                assert_eq!(
                    number + 1,
                    case["steps"].as_array().unwrap().len(),
                    "{place}"
                );
                return;
            }
        };
    }
    panic!("{title} did not end: {step:?}");
}

fn check_done(result: Result<countermand_core::Outcome, Error>, expect: &Value, place: &str) {
    match (result, expect["verdict"].as_str()) {
        (Ok(outcome), Some(verdict)) => {
            assert_eq!(outcome.verdict.as_str(), verdict, "{place}");
            assert_eq!(
                Some(u64::from(outcome.attempts)),
                expect["attempts"].as_u64(),
                "{place}"
            );
            let error = outcome.error.as_ref();
            let kind = error.map(|error| error.kind().as_str());
            assert_eq!(kind, expect["error"].as_str(), "{place}");
            // Each verdict beside an error rests on a cancel that may have been delivered.
            assert!(error.is_none_or(Error::maybe_delivered), "{place}");
            assert_eq!(
                outcome.parent_exists,
                expect["parent_exists"].as_bool(),
                "{place}"
            );
        }
        (Err(error), None) => {
            assert_eq!(
                Some(error.kind().as_str()),
                expect["error"].as_str(),
                "{place}"
            );
            assert_eq!(
                Some(u64::from(error.attempts())),
                expect["attempts"].as_u64(),
                "{place}"
            );
            assert_eq!(
                Some(error.maybe_delivered()),
                expect["maybe_delivered"].as_bool(),
                "{place}"
            );
            assert_eq!(
                error.parent_exists(),
                expect["parent_exists"].as_bool(),
                "{place}"
            );
            assert_eq!(
                error.operation().map(OperationName::as_str),
                Some(NAME),
                "{place}"
            );
        }
        (result, _) => panic!("{result:?}: {place}"),
    }
}

/// A pause that is resumed early changes nothing: the machine does not trust the caller's clock.
#[test]
fn early_resume_waits_on() {
    let now = Time::START;
    let Step::Send(attempt) = Cancellation::new(NAME.parse().unwrap()).start(now, 7) else {
        panic!()
    };
    let answer = Response::builder()
        .status(503)
        .header("retry-after", "5")
        .body("")
        .unwrap();
    let Step::Wait(pause) = attempt.response(now, &answer) else {
        panic!()
    };
    let until = pause.until();
    let Step::Wait(pause) = pause.resume(now + Duration::from_secs(4)) else {
        panic!()
    };
    assert_eq!(pause.until(), until);
}

/// A machine that slept past its deadline sends nothing more; one whose timer is a little late does.
#[test]
fn late_resume_sends_nothing() {
    let now = Time::START;
    for (late, sends) in [
        (Duration::from_millis(20), true),
        (Duration::from_secs(3600), false),
    ] {
        let policy = Policy::default().deadline(Duration::from_secs(10));
        let Step::Send(attempt) = Cancellation::new(NAME.parse().unwrap())
            .policy(policy)
            .start(now, 7)
        else {
            panic!()
        };
        let answer = Response::builder()
            .status(503)
            .header("retry-after", "10")
            .body("")
            .unwrap();
        let Step::Wait(pause) = attempt.response(now, &answer) else {
            panic!()
        };
        assert_eq!(pause.until(), now + Duration::from_secs(10));
        match pause.resume(now + Duration::from_secs(10) + late) {
            Step::Send(_) => assert!(sends, "{late:?}"),
            Step::Done(Err(error)) => assert!(!sends && error.maybe_delivered(), "{error}"),
            step => panic!("{step:?}"),
        }
    }
}

/// A list that never ends, or that repeats itself, is an error.
#[test]
fn pages_end() {
    let device: ParentName = "enterprises/e/devices/d".parse().unwrap();
    let page = |token: &str| {
        let body = serde_json::json!({ "nextPageToken": token }).to_string();
        Page::<Operation>::read(&device, &Response::new(body)).unwrap()
    };
    let mut circle = Pages::operations(device.clone(), None);
    circle.turn(&page("a")).unwrap();
    circle.turn(&page("b")).unwrap();
    let error = circle.turn(&page("a")).unwrap_err().to_string();
    assert!(
        error.contains("repeats") && error.contains(device.as_str()),
        "{error}"
    );
    assert!(circle.is_at_end());

    let mut endless = Pages::operations(device.clone(), None);
    let error = (0..20_000).find_map(|number| endless.turn(&page(&number.to_string())).err());
    assert!(error.unwrap().to_string().contains("does not end"));
}
