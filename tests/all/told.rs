//! Texts: errors and their advice, answers, endpoints, names, verdicts.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use countermand_core::text::{chain, printable};
use countermand_core::{
    ApiError, Endpoint, Error, ErrorKind, FailureScope, NameError, NameErrorKind, Operation,
    OperationName, Page, Request, Resource, RetryAction, Service, Timestamp, TransportError,
    TransportErrorKind, Verdict,
};
use countermand_tests::vectors::envelope;
use http::Response;

const NAME: &str = "enterprises/LC01/devices/3f/operations/17";

fn name(id: u32) -> OperationName {
    let name = format!("enterprises/LC01/devices/3f/operations/{id}");
    name.parse().unwrap()
}

/// The error of an operation that was left alone because of this one.
fn not_attempted(cause: &Error) -> Error {
    Error::not_attempted(cause.kind().into()).with_resource(&name(17))
}

fn refused(status: u16, body: &str) -> Error {
    // An empty body stands for the shortest error of the API.
    let body = match body {
        "" => envelope(status),
        body => body.to_owned(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status.try_into().unwrap();
    Request::Cancel(name(17)).read(&response).unwrap_err()
}

fn answer(error: &Error) -> &ApiError {
    error.kind().api_error().unwrap()
}

fn lost(kind: TransportErrorKind) -> Error {
    TransportError::new(kind, io::Error::other("the cause")).into()
}

#[test]
fn each_error_has_its_advice() {
    use TransportErrorKind as Kind;

    let final_quota = r#"{"error":{"code":429,"errors":[{"reason":"dailyLimitExceeded"}]}}"#;
    for (error, advice) in [
        (refused(400, ""), "check the name"),
        (refused(401, ""), "get a new access token"),
        (refused(403, ""), "does not manage this enterprise"),
        (refused(404, ""), "drops finished operations"),
        (refused(409, ""), "look at it again with get"),
        (refused(429, ""), "wait a minute"),
        (refused(429, final_quota), "for the day"),
        (refused(501, ""), "does not offer cancel"),
        (refused(503, ""), "passing problem"),
        (refused(302, ""), "captive portal"),
        (refused(404, "<html>"), "captive portal"),
        (refused(200, "[]"), "proxies"),
        (lost(Kind::Tls), "--ca-file"),
        (lost(Kind::Proxy), "NO_PROXY"),
        (lost(Kind::TokenUnavailable), "where the token comes from"),
        (
            lost(Kind::CredentialsRejected),
            "where the token comes from",
        ),
        (lost(Kind::NotAllowed), "loopback only"),
        (lost(Kind::ConnectionLost), "check the network"),
        (not_attempted(&refused(401, "")), "solve the cause"),
    ] {
        assert!(error.advice().contains(advice), "{}", error.advice());
    }
}

#[test]
fn an_error_tells_its_causes_once() {
    let error = lost(TransportErrorKind::ConnectionLost);
    assert_eq!(error.source().unwrap().to_string(), "the cause");
    let text = chain(&error);
    assert_eq!(text, format!("{error}: the cause"));
    assert!(refused(500, "").source().is_none());

    let named = not_attempted(&refused(401, ""));
    assert_eq!(chain(&named), named.to_string(), "without a cause");
    let shown = format!("{named:?}");
    assert!(
        shown.contains("NotAttempted") && shown.contains(NAME),
        "{shown}"
    );

    let twice = TransportError::new(
        TransportErrorKind::ConnectionLost,
        io::Error::other("reset"),
    );
    let outer = TransportError::new(
        TransportErrorKind::ConnectionLost,
        io::Error::other(twice.to_string()),
    );
    let text = chain(&Error::from(outer));
    assert_eq!(text.matches(&twice.to_string()).count(), 1, "{text}");
}

#[test]
fn what_an_error_concerns() {
    use TransportErrorKind as Kind;

    for kind in [
        Kind::Proxy,
        Kind::Tls,
        Kind::CredentialsRejected,
        Kind::NotAllowed,
    ] {
        let error = lost(kind);
        assert_eq!(
            error.kind().failure_scope(),
            FailureScope::Everything,
            "{kind:?}"
        );
        assert_eq!(error.kind().retry_action(), RetryAction::Fail, "{kind:?}");
    }
    assert_eq!(
        lost(Kind::TokenUnavailable).kind().failure_scope(),
        FailureScope::Operation
    );
    assert_eq!(
        refused(401, "").kind().failure_scope(),
        FailureScope::Everything
    );
    assert_eq!(
        refused(403, "").kind().failure_scope(),
        FailureScope::DeniedResource
    );
    assert_eq!(
        refused(404, "").kind().failure_scope(),
        FailureScope::Operation
    );
}

#[test]
fn answers_tell_what_they_hold() {
    let body = r#"{"error":{"code":403,"status":"PERMISSION_DENIED","message":"no","details":[{"@type":"a"},{"@type":"b"}]}}"#;
    let error = refused(403, body);
    assert_eq!(answer(&error).code(), Some(403));
    assert_eq!(answer(&error).status(), Some("PERMISSION_DENIED"));
    assert_eq!(answer(&error).details().len(), 2);
    assert_eq!(answer(&error).details()[1]["@type"], "b");

    let bare = refused(403, "no");
    assert_eq!(answer(&bare).code(), None);
    assert_eq!(answer(&bare).status(), None);
    assert!(answer(&bare).details().is_empty());
}

#[test]
fn an_envelope_may_have_64_kib_and_no_more() {
    let sized = |size: usize| {
        let empty = r#"{"error":{"code":503,"status":"UNAVAILABLE","message":""}}"#.len();
        let message = "x".repeat(size - empty);
        format!(r#"{{"error":{{"code":503,"status":"UNAVAILABLE","message":"{message}"}}}}"#)
    };
    let most = 64 * 1024;
    assert_eq!(answer(&refused(503, &sized(most))).code(), Some(503));
    assert_eq!(answer(&refused(503, &sized(most + 1))).code(), None);
}

#[test]
fn no_delay_is_longer_than_a_day() {
    let delay = |seconds: u32| {
        let response = Response::builder().status(503);
        let response = response.header("retry-after", seconds).body("").unwrap();
        let error = Request::Cancel(name(17)).read(&response).unwrap_err();
        answer(&error).retry_delay().unwrap()
    };
    assert_eq!(delay(86_399), Duration::from_secs(86_399));
    assert_eq!(delay(86_401), Duration::from_secs(86_400));
}

#[test]
fn a_success_that_is_none_is_described() {
    let message = |body: &str| answer(&refused(200, body)).message().to_owned();
    assert!(message("[1]").ends_with("; the body is 3 bytes of JSON"));
    assert!(message("[1]").starts_with("cancel answers an empty JSON object"));
    assert_eq!(message("<html>"), "<html>");

    let looked = |body: &str| {
        let response = Response::new(body.to_owned());
        let error = Operation::read(name(17).clone(), &response).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Malformed(_)), "{error}");
        answer(&error).message().to_owned()
    };
    assert!(looked("").ends_with("; the body is empty"));
    for (body, problem) in [
        (r#"{"name":5}"#, "expected a string"),
        ("[]", "expected a JSON object"),
        (r#"{"done":"hunter2"}"#, "string, expected a boolean"),
    ] {
        let message = looked(body);
        assert!(message.contains(problem), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
    let response = Response::new(r#"{"operations":5}"#.to_owned());
    let device = name(17).parent();
    let error = Page::<Operation>::read(&device, &response).unwrap_err();
    assert!(error.to_string().contains("expected a list"), "{error}");
}

#[test]
fn endpoints_tell_their_parts() {
    let endpoint = |text: &str| text.parse::<Endpoint>();
    let google = Endpoint::default();
    assert_eq!(google.host(), "androidmanagement.googleapis.com");
    assert!(!google.is_plaintext());
    let mtls = Service::DEFAULT.mtls_endpoint();
    assert_eq!(
        mtls.to_string(),
        "https://androidmanagement.mtls.googleapis.com/v1"
    );
    let local = endpoint("http://127.0.0.1:8080").unwrap();
    assert!(local.is_plaintext() && local.is_loopback());
    assert_eq!(local.host(), "127.0.0.1");

    let long = |length: usize| {
        let start = "https://example.org/";
        start.to_owned() + &"a".repeat(length - start.len())
    };
    assert!(endpoint(&long(1024)).is_ok());
    for length in [1025, 1026] {
        let error = endpoint(&long(length)).unwrap_err().to_string();
        assert!(error.contains("longer than 1024 bytes"), "{error}");
    }
}

#[test]
fn names_say_what_was_expected() {
    use countermand_core::{GrandparentName, ParentName};

    let refused = |error: NameError, pattern: &str| {
        assert_eq!(error.expected(), pattern);
        let text = error.to_string();
        assert!(text.ends_with(&format!("expected {pattern}")), "{text}");
    };
    let patterns = [
        "enterprises/{enterprise}",
        "enterprises/{enterprise}/devices/{device}",
        "enterprises/{enterprise}/devices/{device}/operations/{operation}",
    ];
    refused("e/x".parse::<GrandparentName>().unwrap_err(), patterns[0]);
    let id = "x".parse::<GrandparentName>().unwrap_err().to_string();
    assert!(id.contains("did you mean enterprises/x?"), "{id}");
    refused("x".parse::<ParentName>().unwrap_err(), patterns[1]);
    refused("x".parse::<OperationName>().unwrap_err(), patterns[2]);
    let kind = |text: &str| text.parse::<OperationName>().unwrap_err().kind();
    for (at, collection) in ["enterprises", "devices", "operations"]
        .into_iter()
        .enumerate()
    {
        let mut segments = NAME.split('/').collect::<Vec<_>>();
        segments[2 * at] = "apps";
        let kind = kind(&segments.join("/"));
        assert_eq!(kind, NameErrorKind::Collection(collection));
        assert_eq!(kind.to_string(), "collection");
    }
    let extra = "enterprises/e/devices"
        .parse::<GrandparentName>()
        .unwrap_err();
    assert_eq!(extra.kind(), NameErrorKind::ExtraSegments);
    assert_eq!(
        (extra.input(), extra.expected()),
        ("enterprises/e/devices", "enterprises/{enterprise}")
    );

    // An invisible character is refused at an end, where it comes from copying, and nowhere else.
    for char in ['\u{200b}', '\u{feff}'] {
        assert_eq!(
            kind(&format!("{NAME}{char}")),
            NameErrorKind::WhiteSpace(char)
        );
        let inside = format!("enterprises/e{char}e/devices/d/operations/o");
        assert!(inside.parse::<OperationName>().is_ok());
    }
    assert_eq!(
        Resource::Operation(name(17)).quota_resource(),
        "enterprises/LC01/devices/3f"
    );
}

#[test]
fn verdicts_say_what_they_mean() {
    let mut meanings = Verdict::ALL.map(Verdict::meaning);
    meanings.sort_unstable();
    assert!(
        meanings
            .windows(2)
            .all(|two| two[0] < two[1] && two[0].len() > 10)
    );
    assert!(Verdict::Cancelled.meaning().contains("confirms"));
    assert_eq!(format!("{:>10}", Verdict::Gone), "      gone");
    let settled = Verdict::ALL
        .into_iter()
        .filter(|verdict| verdict.is_final());
    assert_eq!(
        settled.collect::<Vec<_>>(),
        [
            Verdict::Cancelled,
            Verdict::Completed,
            Verdict::Failed,
            Verdict::Expired
        ]
    );
}

#[test]
fn what_strangers_write_is_made_fit_to_be_shown() {
    assert_eq!(printable("plain: ü"), "plain: ü");
    assert_eq!(
        printable("a\u{1b}[31m\u{202e}b\n"),
        r"a\u{1b}[31m\u{202e}b\n"
    );
}

#[test]
fn an_operation_is_written_without_what_it_has_not() {
    let written = |body: &str| {
        let response = Response::new(format!(r#"{{"name":"{NAME}",{body}}}"#));
        let operation = Operation::read(name(17).clone(), &response).unwrap();
        serde_json::to_value(operation).unwrap()
    };
    let bare = written(r#""done":true"#);
    assert!(bare.get("hasResponse").is_none(), "{bare}");
    let full = written(r#""done":true,"response":{}"#);
    assert_eq!(full["hasResponse"], true, "{full}");
}

#[test]
fn an_answer_tells_the_time_of_its_server() {
    let response = Response::builder().header("date", "Thu, 06 Aug 2026 20:38:43 GMT");
    let response = response.body("").unwrap();
    let time = Timestamp::from_headers(response.headers()).unwrap();
    assert_eq!(time.to_string(), "2026-08-06T20:38:43.000Z");
    assert!(Timestamp::from_headers(Response::new("").headers()).is_none());
}
