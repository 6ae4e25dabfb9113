//! Names from files, answers and messages: what is read, what is refused and where, and that nothing
//! is lost however the bytes come.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod report_sample;

use std::convert::Infallible;
use std::io::{self, Read};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countermand_core::{Timestamp, Verdict};
use countermand_fleet::input::{Entry, Format, InputError, InputProblem, read};
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
            Ok(entry) => good.push((entry.line, entry.item.name.to_string())),
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
    let hostile: [(&[u8], &str); 15] = [
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
            "URL",
        ),
        (b"enterprises/LC01/devices/3f/operations/\0", "U+0000"),
        (b"enterprises/LC01/devices/3f/operations/1\r\r", "U+000D"),
        (b" enterprises/LC01/devices/3f/operations/1", "white space"),
        (b"enterprises/\xff", "not UTF-8 at byte 12"),
        (
            "enterprises/LC01/devices/3f/operations/\u{202e}1".as_bytes(),
            "bidirectional",
        ),
        (
            "\u{435}nterprises/LC01/devices/3f/operations/1".as_bytes(),
            "does not have `enterprises`",
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
    assert_eq!(good, numbered(&[(1, 1), (18, 2)]));
    assert_eq!(bad.len(), hostile.len());
    for ((error, (_, words)), line) in bad.iter().zip(hostile).zip(3..) {
        assert_eq!(error.line, line);
        assert_eq!(error.to_string(), format!("line {line}"));
        assert!(error.problem.to_string().contains(words), "{error:?}");
        assert!(error.given.as_ref().unwrap().len() <= 3 * 1025, "cut");
    }
    // What a URL would change is percent-encoded later, so it is a name.
    for odd in ["%2f", "?x=y", "c#f"] {
        assert_eq!(names(format!("{NAME}{odd}")), [(1, format!("{NAME}{odd}"))]);
    }
}

#[test]
fn json_in_every_shape() {
    let n = |number: u32| format!("{NAME}{number}");
    let lines = format!(
        "\"{}\"\n{}\n\n{}\n{}\n{}\n{}\n",
        n(1),
        json!({"name": n(2), "error": "somebody's own", "note": {"deep": [1, {}]}}),
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
    assert_eq!(entry.item.command.kind.as_deref(), Some("RESET_PASSWORD"));
    assert_eq!(entry.item.command.duration, Some(Duration::from_secs(600)));
    assert_eq!(
        entry.item.command.create_time,
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
        assert_eq!(entries.other_messages(), others, "{input}");
        for entry in found {
            assert_eq!(entry.item.command.kind.as_deref(), Some("RESET_PASSWORD"));
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
        json!({"message": {"data": "hunter2"}}).to_string(),
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

    // Nobody knows where the next value begins, so the error is the last.
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

#[test]
fn tables_with_and_without_a_header() {
    let [a, b] = [1, 2].map(|number| format!("{NAME}{number}"));
    for table in [
        format!("device,Name,x\nd,{a},1\r\n\nd,\"{b}\",\"a\nb\"\n"),
        format!("\u{feff}\"Operation\";\"x\"\r\n\"{a}\";1\r\n\r\n{b};2\r\n"),
        format!("OPERATION_NAME\n{a}\n\n{b}\n"),
        format!("operation\tname\nx\t{a}\n\nx\t{b}"),
    ] {
        assert_eq!(names(&table), numbered(&[(2, 1), (4, 2)]), "{table:?}");
    }
    assert_eq!(
        names(format!("\"{a}\"\n\"{b}\"\n")),
        numbered(&[(1, 1), (2, 2)])
    );
    let (good, _) = all(format!("{a}\n{b}"), Some(Format::Csv));
    assert_eq!(good, numbered(&[(1, 1), (2, 2)]));

    // Names and more without a header: nobody knows what is a name.
    for table in [format!("{a},WIPE\n{b},WIPE\n"), "id,type\n1,2\n".to_owned()] {
        let (good, bad) = all(&table, None);
        assert!(
            good.is_empty()
                && matches!(
                    bad[..],
                    [InputError {
                        line: 1,
                        problem: InputProblem::Column,
                        ..
                    }]
                ),
            "{bad:?}"
        );
    }
    // A quote that swallows names must not make them disappear.
    let (good, bad) = all(format!("name,x\n{a},\"open\n{b},x\n"), None);
    assert!(
        good.is_empty() && bad.len() == 1 && bad[0].line == 2,
        "{bad:?}"
    );
    assert!(matches!(bad[0].problem, InputProblem::Quote));

    let (good, bad) = all(format!("x,name\n1\n1,..\n1,{b}\n1,\u{202e}\n"), None);
    assert_eq!(good, numbered(&[(4, 2)]));
    assert!(matches!(bad[0].problem, InputProblem::Field));
    assert_eq!(
        bad.iter().map(|error| error.line).collect::<Vec<_>>(),
        [2, 3, 5]
    );
}

#[test]
fn our_reports_are_read_again() {
    let (_, mut rows) = hostile();
    rows.extend((0..200).map(row));
    let odd = "enterprises/e/devices/a;=1,+2/operations/'=\"x@|-\u{200b}y";
    rows[0].item.name = odd.parse().unwrap();
    let good = || rows.iter().cloned().map(Ok::<_, Infallible>);
    let expected: Vec<String> = rows.iter().map(|row| row.item.name.to_string()).collect();

    let mut table = Vec::new();
    report::csv(&mut table, good()).unwrap();
    assert!(String::from_utf8_lossy(&table).contains("a;'=1,'+2"));
    let found: Vec<String> = names(&table).into_iter().map(|(_, name)| name).collect();
    assert_eq!(found, expected);

    // The real rows, whose operations are the ones that their names say.
    let real: Vec<_> = (0..200).map(row).collect();
    let mut lines = Vec::new();
    report::ndjson(
        &mut lines,
        &summary(0),
        real.iter().cloned().map(Ok::<_, Infallible>),
    )
    .unwrap();
    let entries: Vec<Entry> = read(&lines[..], None).map(Result::unwrap).collect();
    assert_eq!(entries.len(), real.len());
    for (entry, row) in entries.iter().zip(&real) {
        assert_eq!(entry.line, row.position);
        assert_eq!(entry.item, row.item);
        let finding = row.standing.finding.as_ref();
        let proven = finding.filter(|finding| finding.operation.is_some());
        let hash = entry
            .evidence
            .as_ref()
            .and_then(|evidence| evidence.body_sha256);
        assert_eq!(hash, proven.and_then(|finding| finding.body_sha256));
        let verdict = entry
            .evidence
            .as_ref()
            .and_then(|evidence| evidence.operation.verdict());
        assert_eq!(verdict, proven.and_then(|finding| finding.verdict));
    }
}

#[test]
fn large_inputs_do_not_fill_the_memory() {
    // Endless lines, blanks, values and records: each ends with an error, or is passed over.
    let endless = |start: &'static str, byte: u8| {
        let start = io::Cursor::new(start.as_bytes());
        start.chain(io::repeat(byte)).take(20 << 20)
    };
    for (input, words) in [
        (endless("", b'a'), "longer than 1024 bytes"),
        (endless("[\"", b'a'), "longer than 16777216 bytes"),
        (endless("{\"name\":", b'['), "longer than 16777216 bytes"),
        (endless("name,x\n\"", b'a'), "longer than 1048576 bytes"),
        (endless("name,x\n\"", b'\n'), "longer than 1048576 bytes"),
    ] {
        let mut entries = read(input, None);
        let error = entries.next().unwrap().unwrap_err();
        assert!(error.problem.to_string().contains(words), "{error:?}");
        assert!(entries.next().is_none());
    }
    assert!(read(endless("", b' '), None).next().is_none());
    assert!(read(endless("", b'\n'), None).next().is_none());
}

#[test]
fn a_million_lines_stream() {
    struct Lines(u64, Vec<u8>);
    impl Read for Lines {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.1.is_empty() && self.0 < 1_000_000 {
                self.0 += 1;
                self.1 = format!("{NAME}{}\n", self.0).into_bytes();
            }
            let count = self.1.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.1[..count]);
            self.1.drain(..count);
            Ok(count)
        }
    }
    let mut last = 0;
    for entry in read(Lines(0, Vec::new()), None) {
        last = entry.unwrap().line;
    }
    assert_eq!(last, 1_000_000);
}

#[test]
fn a_reader_that_fails_ends_the_input_with_its_error() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk"))
        }
    }
    for start in [
        "",
        "enterprises/e/devices/d/operations/1\n",
        "[",
        "{\"name\":",
        "name\n",
        "x,name\n1,",
    ] {
        let found: Vec<_> = read(start.as_bytes().chain(Broken), None).collect();
        let Some(Err(error)) = found.last() else {
            panic!("{start}: {found:?}")
        };
        assert!(
            matches!(error.problem, InputProblem::Read(_)),
            "{start}: {error:?}"
        );
        assert_eq!(found.iter().filter(|entry| entry.is_err()).count(), 1);
    }
}

/// Gives its bytes in pieces of the sizes told, with an interruption between them.
struct Pieces<'a> {
    rest: &'a [u8],
    sizes: Vec<usize>,
    at: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.at += 1;
        if self.at.is_multiple_of(3) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = self.sizes[self.at % self.sizes.len()];
        let count = size.min(self.rest.len()).min(buffer.len());
        let (now, rest) = self.rest.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.rest = rest;
        Ok(count)
    }
}

fn any_format() -> impl Strategy<Value = Option<Format>> {
    prop_oneof![
        Just(None),
        Just(Some(Format::Text)),
        Just(Some(Format::Json)),
        Just(Some(Format::Csv)),
    ]
}

/// Bytes that are nearly an input.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let push = message("COMMAND", &STANDARD.encode(operation(true).to_string())).to_string();
    let parts = vec![
        format!("{NAME}1"),
        format!("\"{NAME}2\""),
        operation(true).to_string(),
        push,
        "name,x\n".to_owned(),
        "{\"name\":".to_owned(),
        "{".to_owned(),
        "}".to_owned(),
        "[".to_owned(),
        "]".to_owned(),
        "\"".to_owned(),
        ",".to_owned(),
        "\\".to_owned(),
        "\n".to_owned(),
        "\r\n".to_owned(),
        "\u{feff}".to_owned(),
        "#".to_owned(),
        " ".to_owned(),
        ";".to_owned(),
        "\t".to_owned(),
        "1".to_owned(),
    ];
    let part = prop_oneof![
        4 => proptest::sample::select(parts).prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..9),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    /// Whatever the bytes, and however they come: the same, in order of lines, to an end.
    #[test]
    fn pieces_give_the_same_as_the_whole(
        input in nearly(), format in any_format(), sizes in proptest::collection::vec(1_usize..9, 1..6),
    ) {
        let shown = |entries: Vec<Result<Entry, InputError>>| format!("{entries:?}");
        let whole: Vec<_> = read(&input[..], format).collect();
        let lines: Vec<u64> = whole.iter().map(|entry| match entry {
            Ok(entry) => entry.line,
            Err(error) => error.line,
        }).collect();
        prop_assert!(lines.is_sorted() && lines.first() != Some(&0), "{:?}", lines);
        let last = input.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        prop_assert!(lines.iter().all(|line| *line <= last), "{:?} of {}", lines, last);
        let pieces = read(Pieces { rest: &input, sizes, at: 0 }, format);
        prop_assert_eq!(shown(pieces.collect()), shown(whole));
    }

    /// Names that are written in any format are read, on their lines.
    #[test]
    fn round_trips(ids in proptest::collection::vec("[0-9a-zA-Z.~_=+@'\"-]{1,12}x", 1..20)) {
        let names: Vec<String> = ids.iter().map(|id| format!("enterprises/e/devices/d/operations/{id}")).collect();
        let expected: Vec<(u64, String)> = (1..).zip(names.iter().cloned()).collect();
        let below: Vec<(u64, String)> = (2..).zip(names.iter().cloned()).collect();
        prop_assert_eq!(&all(names.join("\n"), None).0, &expected);
        let lines: Vec<String> = names.iter().map(|name| json!(name).to_string()).collect();
        prop_assert_eq!(&all(lines.join("\n"), None).0, &expected);
        let lines: Vec<String> = names.iter().map(|name| json!({"name": name}).to_string()).collect();
        prop_assert_eq!(&all(lines.join("\r\n"), None).0, &expected);
        let list = serde_json::to_string_pretty(&json!(names)).unwrap();
        prop_assert_eq!(&all(list, None).0, &below);
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{}\",x", name.replace('"', "\"\""))).collect();
        prop_assert_eq!(&all(format!("name,y\n{}", quoted.join("\n")), None).0, &below);
    }
}
