//! Fault 64: inputs as people have them. What is no operation is counted, what is no text of names
//! is told in one sentence, and a flood of mistakes is a few lines.

use super::*;

const WIPE: &str = "enterprises/LC01/devices/3f/operations/1";

fn wipe(number: u32) -> serde_json::Value {
    json!({"name": format!("{WIPE}{number}"), "metadata": {
        "@type": "type.googleapis.com/google.android.devicemanagement.v1.Command",
        "type": "WIPE", "createTime": "2026-09-21T12:53:20.123Z", "duration": "600s"}})
}

/// The numbers of the operations, in order, and the sentences about the rest; no mistakes.
fn took(input: impl AsRef<[u8]>) -> (Vec<u32>, Vec<String>) {
    let mut entries = read(input.as_ref(), None);
    let names: Vec<u32> = entries
        .by_ref()
        .map(|entry| {
            let name = entry.unwrap().target.name.to_string();
            name.strip_prefix(WIPE).unwrap().parse().unwrap()
        })
        .collect();
    (names, entries.left_out().sentences().collect())
}

fn sentences<const N: usize>(sentences: [&str; N]) -> Vec<String> {
    sentences.map(str::to_owned).to_vec()
}

/// The one mistake of an input of which nothing is read.
fn refused(input: impl AsRef<[u8]>) -> (u64, String) {
    for format in [
        None,
        Some(Format::Text),
        Some(Format::Json),
        Some(Format::Csv),
    ] {
        let (good, bad) = all(input.as_ref(), format);
        if format.is_none() || matches!(bad[0].problem, InputProblem::Foreign(_)) {
            assert!(good.is_empty() && bad.len() == 1, "{good:?} {bad:?}");
            assert!(bad[0].ends_input() && bad[0].given.is_none(), "{bad:?}");
        }
    }
    let (_, bad) = all(input, None);
    (bad[0].line, bad[0].problem.to_string())
}

#[test]
fn fault_64_pages_with_empty_answers_among_them() {
    let pages = json!([
        {"operations": [wipe(1)], "nextPageToken": "x"}, {}, {"operations": [wipe(2)]},
        {"operations": []}, {"nextPageToken": "y"}
    ]);
    let expected = sentences(["3 empty answers left out (line 1)"]);
    assert_eq!(took(pages.to_string()), (vec![1, 2], expected));
    let lines: Vec<String> = pages
        .as_array()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    let expected = (
        vec![1, 2],
        sentences(["3 empty answers left out (lines 2, 4 and 5)"]),
    );
    assert_eq!(took(lines.join("\n")), expected);
    // The first answer may be the empty one.
    let lines = format!("{{}}\n{{ }}\n{}\n", wipe(1));
    let expected = (
        vec![1],
        sentences(["2 empty answers left out (lines 1 and 2)"]),
    );
    assert_eq!(took(lines), expected);
}

#[test]
fn fault_64_answers_of_commands_that_failed() {
    let failed = json!({"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}});
    let lines = format!("null\n{}\n{failed}\n{}\nnull\n", wipe(1), wipe(2));
    let expected = sentences([
        "1 failed answer left out (line 3)",
        "2 nulls left out (lines 1 and 5)",
    ]);
    assert_eq!(took(lines), (vec![1, 2], expected));
    let lines = format!("{failed}\n").repeat(9);
    let expected = sentences(["9 failed answers left out (lines 1, 2, 3 and 6 more)"]);
    assert_eq!(took(lines), (vec![], expected));
    let list = json!([null, failed, wipe(7), failed, failed, failed]).to_string();
    let (names, left_out) = took(&list);
    assert_eq!(names, [7]);
    assert_eq!(
        left_out,
        [
            "4 failed answers left out (line 1)",
            "1 null left out (line 1)"
        ]
    );
}

#[test]
fn fault_64_messages_without_a_kind() {
    let data = STANDARD.encode(wipe(1).to_string());
    let typed = json!({"attributes": {"notificationType": "COMMAND"}, "data": data});
    let untyped = json!({"data": "aGVsbG8=", "messageId": "2"});
    let pull = json!([{"ackId": "a", "message": typed}, {"ackId": "b", "message": untyped}]);
    let other = |lines: &str| vec![format!("1 other message left out ({lines})")];
    assert_eq!(took(pull.to_string()), (vec![1], other("line 1")));
    let pull = json!({"receivedMessages": pull});
    assert_eq!(took(pull.to_string()), (vec![1], other("line 1")));
    let lines = format!("{typed}\n{untyped}\n");
    assert_eq!(took(lines), (vec![1], other("line 2")));
    // One that lost its attributes is still an operation; one that is told to be and is not, is a
    // mistake.
    let bare = json!({"message": {"data": data, "messageId": "3"}});
    assert_eq!(took(bare.to_string()), (vec![1], vec![]));
    let broken = message("COMMAND", "aGVsbG8=").to_string();
    assert_eq!(all(broken, None).1.len(), 1);
}

#[test]
fn fault_64_messages_as_bigquery_and_eventarc_store_them() {
    let attributes = json!({"notificationType": "COMMAND"}).to_string();
    let row = |number: u32| {
        json!({"subscription_name": "projects/1/subscriptions/s", "message_id": "1",
            "publish_time": "2026-09-21 12:53:20 UTC", "attributes": attributes,
            "data": wipe(number).to_string()})
    };
    let other = json!({"attributes": {"notificationType": "STATUS_REPORT"}, "data": {"name": "x"}});
    let rows = format!("{}\n{}\n{other}\n", row(1), row(2));
    let expected = sentences(["1 other message left out (line 3)"]);
    assert_eq!(took(rows), (vec![1, 2], expected));
    assert_eq!(took(json!([row(3)]).to_string()), (vec![3], vec![]));

    let data = STANDARD.encode(wipe(4).to_string());
    let event = json!({"specversion": "1.0", "type": "google.cloud.pubsub.topic.v1.messagePublished",
        "data": {"message": {"attributes": {"notificationType": "COMMAND"}, "data": data},
            "subscription": "s"}});
    assert_eq!(took(event.to_string()), (vec![4], vec![]));

    // The same rows as a table.
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let record = |number: u32| {
        [
            quoted("1"),
            quoted(&attributes),
            quoted(&wipe(number).to_string()),
        ]
        .join(",")
    };
    let table = format!(
        "message_id,attributes,data\n{}\n{}\n3,{{}},x\n",
        record(5),
        record(6)
    );
    let expected = sentences(["1 other message left out (line 4)"]);
    assert_eq!(took(table), (vec![5, 6], expected));
}

#[test]
fn fault_64_devices_among_operations() {
    let device = json!({"name": "enterprises/LC01/devices/3f", "state": "ACTIVE", "apiLevel": 33});
    let lines = format!("{}\n{}\n{device}\n", wipe(1), wipe(2));
    let expected = sentences(["1 device left out (line 3)"]);
    assert_eq!(took(lines), (vec![1, 2], expected));
    let page = json!({"devices": [device, device]}).to_string();
    let expected = sentences(["2 devices left out (line 1)"]);
    assert_eq!(took(page), (vec![], expected));
    // The bare name of a device is no device that was listed, but the wrong name.
    let (good, bad) = all(r#"{"name": "enterprises/LC01/devices/3f"}"#, None);
    assert!(good.is_empty() && bad.len() == 1);
}

#[test]
fn fault_64_cells_without_a_name() {
    let table = format!(
        "operation_name,status\r\n{WIPE}1,ok\r\n,failed 429\r\nNULL,x\r\n{WIPE}2,ok\r\n\r\n"
    );
    let expected = sentences(["2 empty cells left out (lines 3 and 4)"]);
    assert_eq!(took(table), (vec![1, 2], expected));
    // Also before the first name, and if there is none.
    let table = format!("serial,operation_name\na,\nb,\nc,{WIPE}3\n");
    let expected = sentences(["2 empty cells left out (lines 2 and 3)"]);
    assert_eq!(took(table), (vec![3], expected.clone()));
    assert_eq!(
        took("name,operation_name\nTablet 12,\nTablet 13,\n"),
        (vec![], expected)
    );
}

#[test]
fn fault_64_the_column_whose_cells_are_names_wins() {
    let friendly = format!("name,serial,operation_name\r\n\"Warehouse tablet 12\",R5,{WIPE}1\r\n");
    assert_eq!(took(friendly), (vec![1], vec![]));
    let late = format!("name,operation\nA,\nB,{WIPE}2\nC,{WIPE}3\n");
    let expected = sentences(["1 empty cell left out (line 2)"]);
    assert_eq!(took(late), (vec![2, 3], expected));
    // Under a name of its own.
    assert_eq!(
        took(format!("id;wipe issued\n1;{WIPE}4\n")),
        (vec![4], vec![])
    );
    // Two columns of names: the one that is called so, or nothing.
    let two = format!("other,operation\n{WIPE}8,{WIPE}5\n");
    assert_eq!(took(two), (vec![5], vec![]));
    let (good, bad) = all(format!("a,b\n{WIPE}8,{WIPE}5\n"), None);
    assert!(good.is_empty() && bad.len() == 1, "{good:?}");
    assert!(matches!(bad[0].problem, InputProblem::Columns));
    // A name that was mistyped is still in its column, and a device is no operation.
    let (good, bad) = all(
        format!("name,last\nenterprises/LC01/devices/3f,{WIPE}6:cancel\nx,{WIPE}7\n"),
        None,
    );
    assert_eq!(good, numbered(&[(3, 7)]));
    assert!(bad.len() == 1 && bad[0].line == 2, "{bad:?}");
}

#[test]
fn fault_64_rows_before_the_first_name_are_bounded() {
    let rows = "Tablet,\n".repeat(5000);
    let (good, bad) = all(format!("name,operation\n{rows}T,{WIPE}1\n"), None);
    // By the name of the column that is empty so far.
    assert_eq!((good.len(), bad.len()), (1, 0));
    let rows = "Tablet,R5\n".repeat(5000);
    let (good, bad) = all(format!("name,serial,operation\n{rows}"), None);
    assert!(good.is_empty() && bad.len() == 5000, "{}", bad.len());
    // Told before the input is over, which may be longer than memory.
    for (row, most) in [
        ("Tablet,R5\n".to_owned(), 256 << 10),
        ("x".repeat(50_000) + ",R5\n", 2 << 20),
    ] {
        let header = b"name,serial,operation\n".as_slice();
        let mut rest = io::Cursor::new(row.repeat((4 << 20) / row.len()).into_bytes());
        assert!(read(header.chain(&mut rest), None).next().unwrap().is_err());
        assert!(rest.position() < most, "{}", rest.position());
    }
}

#[test]
fn fault_64_utf_16_is_read_as_text() {
    let texts = [
        format!("{WIPE}1\r\n{WIPE}2\r\n"),
        format!("name\ttype\r\n{WIPE}1\tWIPE\r\n{WIPE}2\tWIPE\r\n"),
        format!("[{},\r\n{}]", wipe(1), wipe(2)),
    ];
    for text in texts {
        for mark in ["\u{feff}", ""] {
            let units = format!("{mark}{text}").encode_utf16().collect::<Vec<u16>>();
            let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            assert_eq!(took(little), (vec![1, 2], vec![]), "{text}");
            assert_eq!(took(big), (vec![1, 2], vec![]), "{text}");
        }
    }
    // Characters beyond the first plane, and what is cut or no character.
    let name = "enterprises/e/devices/d/operations/\u{1d54f}x";
    let units = |text: &str| -> Vec<u8> {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xff, 0xfe].into_iter().chain(units).collect()
    };
    assert_eq!(names(units(name)), [(1, name.to_owned())]);
    let mut broken = units(&format!("{WIPE}1\n{WIPE}2"));
    broken.push(b'3');
    let (good, bad) = all(&broken, None);
    assert_eq!((good, bad.len()), (numbered(&[(1, 1)]), 1));
    let mut lone = units(&format!("{WIPE}1\n{WIPE}"));
    lone.extend([0x00, 0xd8, b'2', 0]);
    assert!(matches!(
        all(&lone, None).1[0].problem,
        InputProblem::Encoding(_)
    ));
}

#[test]
fn fault_64_a_file_of_another_kind_is_one_sentence() {
    let http = format!(
        "HTTP/2 200 \r\ncontent-type: application/json\r\n\r\n{}",
        wipe(1)
    );
    let cases: [(&[u8], &str); 20] = [
        (http.as_bytes(), "curl"),
        (b"HTTP/1.1 429 Too Many Requests\r\n\r\n", "curl"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03KI,I\x04", "gzip"),
        (b"\x28\xb5\x2f\xfd\x04\x58\n\n\n", "zstd"),
        (b"BZh91AY&SY\xb9\x95\n", "bzip2"),
        (b"\xfd7zXZ\0\0\x04\xe6\n", "xz"),
        (b"PK\x03\x04\x14\0\x06\0\n\n", "xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "xls"),
        (b"Obj\x01\x04\x14avro.codec\n", "Avro"),
        (b"PAR1\x15\x04\x15\n", "Parquet"),
        (b"ARROW1\0\0\xff\xff", "Arrow"),
        (b"SQLite format 3\0\x10\0", "apply"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"\xff\xfe\0\0e\0\0\0", "UTF-32"),
        (b"\n<!DOCTYPE html>\n<html>\n", "web page"),
        (b"---\nname: enterprises/e/devices/d/operations/o\n", "YAML"),
        (b"- name: enterprises/e/devices/d/operations/o\n", "YAML"),
        ("┌──────┐\n│ name │\n".as_bytes(), "drawn"),
        (
            b"NAME            TYPE\nenterprises/e/devices/d/operations/o  WIPE\n",
            "spaces",
        ),
        (b"\x7fELF\x02\x01\0\0\0\0", "NUL"),
    ];
    for (input, word) in cases {
        let blank = u64::from(input.starts_with(b"\n"));
        let (line, sentence) = refused(input);
        assert!(sentence.contains(word), "{sentence}");
        assert_eq!(line, 1 + blank, "{sentence}");
    }
    assert!(matches!(
        all(http, None).1[0].problem,
        InputProblem::Foreign(Foreign::HttpHeaders)
    ));
}

#[test]
fn fault_64_a_table_that_is_printed_for_people_is_one_sentence() {
    let line = format!("{WIPE}1");
    let rule = "-".repeat(line.len() + 2);
    let tables = [
        // bq, mysql
        format!(
            "+{rule}+------+\n| name{:w$} | type |\n+{rule}+------+\n| {line} | WIPE |\n| {WIPE}2 | WIPE |\n+{rule}+------+\n2 rows in set (0.00 sec)\n",
            "",
            w = line.len() - 4
        ),
        // psql
        format!(
            " id |{:>w$}name{:>w$}\n----+{rule}\n  1 | {line}\n  2 | {WIPE}2\n(2 rows)\n\n",
            "",
            "",
            w = 20
        ),
        // psql -A
        format!("id|operation\n1|{line}\n2|{WIPE}2\n(2 rows)\n"),
        // Markdown
        format!("| type | name |\n|:----|-----|\n| WIPE | {line} |\n| WIPE | {WIPE}2 |\n"),
        // One column, padded.
        format!("{:>20}name\n{rule}\n {line}\n {WIPE}2\n(2 rows)\n", ""),
    ];
    for table in tables {
        let (line, sentence) = refused(table.as_bytes());
        assert_eq!(line, 1, "{table}");
        assert!(sentence.contains("print CSV or JSON"), "{sentence}");
    }
    // Also one whose cells were cut or wrapped, and one without a name of an operation.
    for row in [
        format!("| {WIPE}17… |"),
        format!("| {WIPE}17... |"),
        format!("| {WIPE}1 | 7 |"),
        format!("| {WIPE}1\n7 |"),
        "| NULL |".to_owned(),
    ] {
        let table = format!("| name |\n|------|\n{row}\n");
        assert!(refused(table.as_bytes()).1.contains("drawn"), "{row}");
    }
}

#[test]
fn fault_64_a_million_bad_lines_are_a_few_sentences() {
    let count = if cfg!(debug_assertions) {
        100_000
    } else {
        1_000_000
    };
    let input = format!("{WIPE}1\n{}", "device 12 was wiped\n".repeat(count));
    let mut refusals = Mistakes::default();
    let mut shown = Vec::new();
    for entry in read(input.as_bytes(), None) {
        if let Err(error) = entry
            && refusals.add(&error.problem)
        {
            shown.push(error.line);
        }
    }
    assert_eq!(shown, [2, 3, 4]);
    assert_eq!(refusals.count(), count as u64);
    let more: Vec<String> = refusals.more().collect();
    let expected = countermand_fleet::grouped(count as u64 - 3);
    assert_eq!(more, [format!("{expected} more are no names")]);
    // Each kind has its own.
    let input = format!("{}{}", "17\n".repeat(5), "{\"a\":\n".repeat(7));
    let mut refusals = Mistakes::default();
    let entries = read(input.as_bytes(), Some(Format::Json));
    let shown = entries.filter(|entry| refusals.add(&entry.as_ref().unwrap_err().problem));
    assert_eq!(shown.count(), 6);
    let more: Vec<String> = refusals.more().collect();
    assert_eq!(more, ["4 more are not JSON", "2 more hold no name"]);
}
