//! The fuzz targets as plain functions: libFuzzer calls them with generated input, the tests with
//! the corpora.
//!
//! Each panics when a property does not hold.

#![forbid(unsafe_code)]

mod credentials;
mod delay;
mod job;
mod scheduler;

pub use credentials::credentials;
pub use delay::delay;
pub use job::job;
pub use scheduler::scheduler;

use std::time::Duration;

use countermand_core::{
    Call, Cancellation, Endpoint, GrandparentName, Operation, OperationName, PageQuery, ParentName,
    Policy, Request, Step, Time, TransportError, TransportErrorKind, Verdict,
};
use countermand_fleet::input::{self, Format};
use http::{Response, StatusCode};

const NAME: &str = "enterprises/e/devices/d/operations/o";

fn operation() -> OperationName {
    NAME.parse().expect("a name")
}

/// Names: an accepted name makes a URL that holds it and nothing else; a refusal has a reason.
pub fn name(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    for refusal in [
        text.parse::<OperationName>().err(),
        text.parse::<ParentName>().err(),
        text.parse::<GrandparentName>().err(),
    ]
    .into_iter()
    .flatten()
    {
        let message = refusal.to_string();
        assert!(
            message.contains("expected ") && !message.chars().any(char::is_control),
            "{message:?}"
        );
        assert!(refusal.at() <= text.len());
    }
    let Ok(name) = text.parse::<OperationName>() else {
        return;
    };
    assert_eq!(name.as_str(), text);
    assert_eq!(name.parent().parent().as_str(), name.prefix(1));
    let request = Request::Cancel(name.clone()).http(&Endpoint::default());
    let path = request
        .uri()
        .path()
        .strip_prefix("/v1/")
        .and_then(|path| path.strip_suffix(":cancel"));
    let path = path.expect("the method is never lost");
    assert!(request.uri().query().is_none());
    assert_eq!(path.split('/').count(), 6);
    assert!(
        !path.contains(':')
            && path
                .split('/')
                .all(|segment| !matches!(segment, "." | ".." | ""))
    );
    assert_eq!(decode(path), text.as_bytes());
}

fn decode(path: &str) -> Vec<u8> {
    let mut bytes = path.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| {
            char::from(byte.expect("two digits"))
                .to_digit(16)
                .expect("a digit")
        };
        decoded.push(match byte {
            b'%' => (digit(bytes.next()) * 16 + digit(bytes.next())) as u8,
            literal => literal,
        });
    }
    decoded
}

/// Answers: two bytes of status, a byte of parser and header, then the body.
pub fn response(data: &[u8]) {
    let [high, low, header, body @ ..] = data else {
        return;
    };
    let number = u16::from_be_bytes([*high, *low]) % 900 + 100;
    let Ok(status) = StatusCode::from_u16(number) else {
        return;
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    // A part of the body as headers, so that they are generated too.
    let text = &body[..body.len().min(usize::from(*header))];
    for name in ["retry-after", "date"] {
        if let Ok(value) = http::HeaderValue::from_bytes(text) {
            answer.headers_mut().insert(name, value);
        }
    }
    let parent = operation().parent();
    let errors = [
        Request::Cancel(operation()).read(&answer).err(),
        Operation::read(operation(), &answer)
            .map(|parsed| assert!(status.is_success() && parsed.name.as_str() == NAME))
            .err(),
        Request::ListOperations(parent.clone(), PageQuery::default())
            .read(&answer)
            .map(|page| {
                if let countermand_core::Response::Operations(page) = page {
                    let next = PageQuery::after(page.next_page_token);
                    drop(Request::ListOperations(parent.clone(), next).http(&Endpoint::default()));
                }
            })
            .err(),
        Request::ListParents(parent.parent(), PageQuery::default())
            .read(&answer)
            .err(),
        Request::GetParent(parent).read(&answer).err(),
    ];
    for error in errors.into_iter().flatten() {
        let shown = format!("{error} {} {error:?}", error.advice());
        assert!(
            !error.to_string().chars().any(char::is_control),
            "{shown:?}"
        );
        assert!(
            error.kind().server_delay() <= Some(Duration::from_secs(86_400)),
            "{shown}"
        );
    }
    if Request::Cancel(operation()).read(&answer).is_ok() {
        assert!(body.iter().all(|byte| b"{} \t\r\n".contains(byte)));
    }
}

/// Inputs: a byte of format, a byte of how many bytes come at a time, then the input.
pub fn input(data: &[u8]) {
    let [format, size, data @ ..] = data else {
        return;
    };
    let format = [
        None,
        Some(Format::Text),
        Some(Format::Json),
        Some(Format::Csv),
    ][usize::from(format % 4)];
    let lines = data.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let mut last = 1;
    let mut whole = Vec::new();
    for entry in input::read(data, format) {
        let line = entry
            .as_ref()
            .map_or_else(|error| error.line, |entry| entry.line);
        assert!(last <= line && line <= lines, "{line} of {lines}");
        last = line;
        if let Ok(entry) = &entry {
            let evidence = entry.evidence.as_ref();
            assert!(
                evidence
                    .is_none_or(|it| it.operation.done && it.operation.name == entry.target.name)
            );
        }
        whole.push(format!("{entry:?}"));
    }
    let pieces = Pieces(data, usize::from(*size).max(1));
    let pieces = input::read(pieces, format).map(|entry| format!("{entry:?}"));
    assert!(pieces.eq(whole), "the same, however it comes");
}

/// A reader that gives a fixed number of bytes at a time.
struct Pieces<'a>(&'a [u8], usize);

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(buffer.len()).min(self.0.len());
        let (now, rest) = self.0.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.0 = rest;
        Ok(count)
    }
}

/// Cancellations: each byte is an answer, a failure, or the time by which a pause is resumed early.
pub fn cancellation(data: &[u8]) {
    let [seed, deadline, attempts, events @ ..] = data else {
        return;
    };
    let policy = Policy::default()
        .deadline(Duration::from_secs(u64::from(*deadline)))
        .max_attempts(u32::from(attempts % 8))
        .verify(*attempts < 240);
    let base = Time::START;
    let mut now = base;
    let mut proof = false;
    let mut events = events.iter().copied();
    let mut step = Cancellation::new(operation())
        .policy(policy)
        .start(now, u64::from(*seed));
    for _ in 0..100_000 {
        step = match step {
            Step::Send(attempt) => {
                assert!(now <= base + Duration::from_secs(u64::from(*deadline)));
                let timeout = attempt.transmit(now).timeout;
                // When the events run out, the server does not answer.
                let event = events.next().unwrap_or(3);
                now += timeout * u32::from(event >> 6) / 4;
                proof = event % 32 == 7 && attempt.call() == Call::Get;
                match answer(event) {
                    Ok(response) => attempt.response(now, &response),
                    Err(kind) => attempt.failed(now, TransportError::new(kind, "invented")),
                }
            }
            Step::Wait(pause) => {
                now = now.max(pause.until());
                pause.resume(now)
            }
            Step::Done(result) => {
                let cancelled = result.is_ok_and(|outcome| outcome.verdict == Verdict::Cancelled);
                assert_eq!(
                    cancelled, proof,
                    "cancelled exactly if the last answer proved it"
                );
                return;
            }
        };
    }
    panic!("no end");
}

fn answer(event: u8) -> Result<Response<String>, TransportErrorKind> {
    let operation = |rest: &str| (200, format!(r#"{{"name":"{NAME}"{rest}}}"#));
    let (status, body) = match event % 32 {
        0 => return Err(TransportErrorKind::Connect),
        1 => return Err(TransportErrorKind::Unprocessed),
        2 => return Err(TransportErrorKind::ConnectionLost),
        3 => return Err(TransportErrorKind::TimedOut),
        4 => return Err(TransportErrorKind::EnhanceYourCalm),
        5 => return Err(TransportErrorKind::TooLarge),
        6 => return Err(TransportErrorKind::Tls),
        7 => operation(r#","done":true,"error":{"code":1}"#),
        8 => operation(r#","done":true,"error":{"code":5}"#),
        9 => operation(r#","done":true"#),
        10 => operation(r#","error":{"code":1}"#),
        11..=13 => operation(""),
        14..=18 => (200, "{}".to_owned()),
        19 => (200, "<html>".to_owned()),
        20 => (429, String::new()),
        21 => (401, String::new()),
        22 => (403, String::new()),
        23 | 24 => (404, String::new()),
        25 => (409, String::new()),
        26 => (500, String::new()),
        27 => (501, String::new()),
        28 => (302, String::new()),
        29 => (400, String::new()),
        30 => (
            200,
            format!(r#"{{"name":"{NAME}2","done":true,"error":{{"code":1}}}}"#),
        ),
        _ => (503, String::new()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    if event % 32 == 31 {
        let delay = (u32::from(event) * 3).into();
        response.headers_mut().insert("retry-after", delay);
    }
    Ok(response)
}
