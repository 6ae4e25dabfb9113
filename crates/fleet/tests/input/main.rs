//! Names from files, answers and messages: what is read, what is refused and where, and that nothing
//! is lost however the bytes come.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod json;
mod left_out;
mod others;
#[path = "../report_sample/mod.rs"]
mod report_sample;
mod streams;
mod tables;

use std::convert::Infallible;
use std::io::{self, Read};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countermand_core::{Timestamp, Verdict};
use countermand_fleet::input::{
    Entry, Foreign, Format, InputError, InputProblem, LeftOutKind, Mistakes, read,
};
use countermand_fleet::report;
use proptest::prelude::*;
use report_sample::{hostile, row, summary};
use serde_json::json;
use sha2::Digest;

const NAME: &str = "enterprises/LC01/devices/3f/operations/1";

/// Every name with its line, and every refusal with its line.
fn all(input: impl AsRef<[u8]>, format: Option<Format>) -> (Vec<(u64, String)>, Vec<InputError>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for entry in read(input.as_ref(), format) {
        match entry {
            Ok(entry) => good.push((entry.line, entry.target.name.to_string())),
            Err(error) => bad.push(error),
        }
    }
    (good, bad)
}

fn names(input: impl AsRef<[u8]>) -> Vec<(u64, String)> {
    let (good, bad) = all(input, None);
    assert!(bad.is_empty(), "{bad:?}");
    good
}

fn numbered(lines: &[(u64, u32)]) -> Vec<(u64, String)> {
    let name = |number: &u32| format!("{NAME}{number}");
    lines
        .iter()
        .map(|(line, number)| (*line, name(number)))
        .collect()
}

fn entries(input: &str) -> Vec<Entry> {
    read(input.as_bytes(), None).map(Result::unwrap).collect()
}

/// An operation as issueCommand answers it, with a secret that must not be kept.
fn operation(done: bool) -> serde_json::Value {
    json!({"name": format!("{NAME}1"), "done": done, "metadata": {
        "@type": "type.googleapis.com/google.android.devicemanagement.v1.Command",
        "type": "RESET_PASSWORD", "newPassword": "hunter2", "duration": "600s",
        "createTime": "2026-11-25T20:53:20.004Z", "userName": format!("{NAME}9")}})
}

fn message(kind: &str, data: &str) -> serde_json::Value {
    json!({"message": {"attributes": {"notificationType": kind}, "data": data,
        "messageId": "136969346945", "publishTime": "2026-11-25T20:53:21Z"},
        "subscription": "projects/p/subscriptions/s"})
}

#[test]
fn text_as_people_keep_it() {
    let text =
        format!("\u{feff}\n\r\n# wipes\n{NAME}1\r\n  \t\n{NAME}2\n{NAME}1\n#{NAME}3\n{NAME}4");
    assert_eq!(names(&text), numbered(&[(4, 1), (6, 2), (7, 1), (9, 4)]));
    assert_eq!(names(""), []);
    assert_eq!(names("\n\n \n"), []);
    assert_eq!(names("\u{feff}"), []);
}

#[test]
fn f44_each_bad_name_is_told_by_its_line() {
    let hostile: [(&[u8], &str); 16] = [
        (
            b"enterprises/LC01/devices/../operations/1",
            "`.` or `..` segment",
        ),
        (b"enterprises/LC01/devices//operations/1", "empty segment"),
        (
            b"enterprises/LC01/devices/3f/operations/1:cancel",
            "`:cancel`",
        ),
        (b"enterprises/LC01/devices/3f", "names a device"),
        (
            b"https://androidmanagement.googleapis.com/v1/enterprises/LC01",
            "names an enterprise",
        ),
        (
            b"https://api.example/v1/enterprises/LC01/devices/3f/operations/1",
            "another server",
        ),
        (b"enterprises/LC01/devices/3f/operations/\0", "U+0000"),
        (b"enterprises/LC01/devices/3f/operations/1\r\r", "U+000D"),
        (
            "\u{200b}enterprises/LC01/devices/3f/operations/1".as_bytes(),
            "white space",
        ),
        (b"enterprises/\xff", "not UTF-8 at byte 12"),
        (
            "enterprises/LC01/devices/3f/operations/\u{202e}1".as_bytes(),
            "bidirectional",
        ),
        (
            "\u{435}nterprises/LC01/devices/3f/operations/1".as_bytes(),
            "does not begin with `enterprises/`",
        ),
        (
            b"/enterprises/LC01/devices/3f/operations/1",
            "starts with a slash",
        ),
        (b"enterprises/LC01/devices/3f/operations/1/x", "goes on"),
        (&[b'a'; 10_240], "longer than"),
        (&[0xc3; 10_240], "longer than"),
    ];
    let mut input = format!("{NAME}1\n\n").into_bytes();
    for (line, _) in hostile {
        input.extend_from_slice(line);
        input.push(b'\n');
    }
    input.extend_from_slice(format!("{NAME}2").as_bytes());
    let (good, bad) = all(&input, None);
    assert_eq!(good, numbered(&[(1, 1), (19, 2)]));
    assert_eq!(bad.len(), hostile.len());
    for ((error, (_, words)), line) in bad.iter().zip(hostile).zip(3..) {
        assert_eq!(error.line, line);
        assert_eq!(error.to_string(), format!("line {line}"));
        assert!(error.problem.to_string().contains(words), "{error:?}");
        assert!(error.given.as_ref().unwrap().len() <= 3 * 1025, "cut");
    }
    // What a URL would read in another way is a name only within a URL.
    for odd in ["%2f", "?x=y", "c#f"] {
        let (good, bad) = all(format!("{NAME}{odd}").as_bytes(), None);
        assert_eq!((good.len(), bad.len()), (0, 1), "{odd}");
    }
}
