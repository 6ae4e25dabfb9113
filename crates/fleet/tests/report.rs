//! Reports: rows = inputs in every format, and no text of a stranger is anything but text.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod report_sample;

use std::convert::Infallible;

use countermand_core::{Verdict, printable};
use countermand_fleet::Row;
use countermand_fleet::report::{self, COLUMNS, Overview, ReportError, State, Summary};
use proptest::prelude::*;
use report_sample::{HOSTILE, at, hostile, hostile_row, row, summary};
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

fn good(rows: &[Row]) -> impl Iterator<Item = Result<Row, Infallible>> {
    rows.iter().cloned().map(Ok)
}

fn html(summary: &Summary, rows: &[Row]) -> String {
    let mut page = Vec::new();
    let counts = report::html(&mut page, summary, || Ok::<_, Infallible>(good(rows))).unwrap();
    assert_eq!(counts.rows, rows.len() as u64);
    String::from_utf8(page).unwrap()
}

fn csv(rows: &[Row]) -> Vec<Vec<String>> {
    let mut table = Vec::new();
    report::csv(&mut table, good(rows)).unwrap();
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(&table[..]);
    let records = reader.records().map(|record| record.unwrap());
    records
        .map(|record| record.iter().map(str::to_owned).collect())
        .collect()
}

fn ndjson(summary: &Summary, rows: &[Row]) -> Vec<Value> {
    let mut lines = Vec::new();
    report::ndjson(&mut lines, summary, good(rows)).unwrap();
    let text = String::from_utf8(lines).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect()
}

fn select<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

/// Every element with its attributes, the positions of the curves aside.
fn skeleton(page: &Html) -> Vec<String> {
    let elements = page
        .tree
        .nodes()
        .filter_map(|node| node.value().as_element().cloned());
    let shown = elements.map(|element| {
        let attributes = element
            .attrs()
            .map(|(name, value)| format!("{name}={value}"));
        format!(
            "{} {}",
            element.name(),
            attributes.collect::<Vec<_>>().join(" ")
        )
    });
    shown.collect()
}

/// The rows of the table as its cells.
fn cells(page: &Html) -> Vec<Vec<String>> {
    let cell = Selector::parse("td, th").unwrap();
    let rows = select(page, "#rows > tbody > tr");
    rows.iter()
        .map(|row| row.select(&cell).map(text).collect())
        .collect()
}

#[test]
fn every_field_has_its_column() {
    let rows: Vec<Row> = (0..110).map(row).collect();
    let table = csv(&rows);
    assert_eq!(table[0], COLUMNS);
    assert_eq!(
        table[1].join("|"),
        "1|enterprises/LC02k7d91x/devices/00003f29c0de91a0/operations/1795640000000|LOCK|\
         2026-11-25T20:53:20.000Z|2026-11-24T21:00:00.000Z|cancelled|cancelled|accepted|2|\
         2026-11-25T21:00:01.500Z|2026-11-25T21:00:01.580Z|2026-11-25T21:00:09.000Z|\
         2026-11-25T21:00:09.000Z|\
         00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9|true|1|\
         The operation was cancelled.|||"
    );
    let states: Vec<&str> = table[1..].iter().map(|fields| &*fields[5]).collect();
    for (index, state) in [
        (3, "completed"),
        (4, "gone"),
        (20, "pending"),
        (23, "error"),
        (96, "unsent"),
    ] {
        assert_eq!(states[index], state);
    }
    // What is not settled is not confirmed; it was only looked at.
    assert_eq!(
        (&*table[5][12], &*table[5][11]),
        ("", "2026-11-25T21:00:09.950Z")
    );
    assert_eq!(table[5][19], "false");
    assert_eq!(table[24][17], "unavailable");

    let lines = ndjson(&summary(110), &rows);
    let first = &lines[0];
    assert_eq!(first["schema"], "countermand.row/1");
    assert_eq!(first["verdict"], "cancelled");
    assert_eq!(first["operation"]["error"]["code"], 1);
    assert_eq!(first["asked"], "2026-11-25T21:00:01.500Z");
    assert_eq!(lines[4]["device_exists"], false);
    assert_eq!(lines[4]["confirmed"], Value::Null);
    assert_eq!(lines[23]["verdict"], Value::Null);
    assert_eq!(lines[23]["error"]["kind"], "unavailable");
    let end = lines.last().unwrap();
    assert_eq!(end["schema"], "countermand.report/1");
    assert_eq!(end["rows"], 110);
    assert_eq!(end["states"]["completed"], 2);
    assert_eq!(end["resume"], "countermand apply wipes.job");
}

#[test]
fn f30_what_completed_anyway_comes_first() {
    let rows: Vec<Row> = (0..300).map(row).collect();
    let page = html(&summary(300), &rows);
    let parsed = Html::parse_document(&page);
    assert_eq!(
        text(select(&parsed, "h1")[0]),
        "3 of 300 operations completed anyway"
    );
    let [completed, gone, time, all] = [
        "id=\"completed\"",
        "id=\"gone\"",
        "id=\"time\"",
        "id=\"rows\"",
    ]
    .map(|id| page.find(id).unwrap());
    assert!(completed < gone && gone < time && time < all);
    let device = rows[3].item.name.device();
    assert!(text(select(&parsed, ".alarm.completed")[0]).contains(device.as_str()));
    let overview = Overview::of(good(&rows)).unwrap();
    let sentences = overview.sentences(&summary(300));
    assert_eq!(
        sentences.lines().next().unwrap(),
        "WARNING: 3 completed anyway: the server says so, and the devices may have carried them out:"
    );
    assert!(
        sentences.ends_with("12 not resolved; to go on:\n  countermand apply wipes.job\n"),
        "{sentences}"
    );
    assert!(sentences.contains(
        "300 operations: 3 completed anyway, 3 gone, 3 unconfirmed, 3 pending, 3 without a verdict, 3 unsent, 3 failed, 3 expired, 276 cancelled."
    ), "{sentences}");
    assert!(
        sentences.contains("The last cancel so far was sent after 39 s."),
        "{sentences}"
    );
}

#[test]
fn nothing_and_one_and_all_cancelled() {
    let page = html(&summary(0), &[]);
    assert!(page.contains("<h1 class=\"none\">No operations</h1>"));
    assert!(page.contains("Nothing was sent") && !page.contains("<svg class=\"timeline\""));
    let page = html(&summary(1), &[row(0)]);
    assert!(page.contains("<h1 class=\"cancelled\">The operation is cancelled</h1>"));
    let three: Vec<Row> = (0..3).map(row).collect();
    let page = html(&summary(3), &three);
    assert!(page.contains("<h1 class=\"cancelled\">All 3 operations cancelled</h1>"));
    assert!(!page.contains("To go on"), "there is nothing left to do");
    let overview = Overview::of(good(&three)).unwrap();
    assert_eq!(overview.counts.sentence(), "3 operations: 3 cancelled");
    // Gone is no verdict to go on from, but not the end of the matter either.
    let page = html(&summary(1), &[row(4)]);
    assert!(page.contains("1 of 1 operation may have executed"));
}

#[test]
fn a_large_job_loses_no_row() {
    let rows: Vec<Row> = (0..20_001).map(row).collect();
    let page = Html::parse_document(&html(&summary(20_001), &rows));
    assert!(select(&page, "#rows").is_empty());
    let blocks = select(&page, "#blocks > details > pre");
    assert_eq!(blocks.len(), 21);
    let lines: Vec<String> = blocks
        .iter()
        .flat_map(|block| text(*block).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(lines.len(), rows.len());
    for (line, row) in lines.iter().zip(&rows) {
        let fields: Vec<&str> = line.split('\t').collect();
        assert_eq!(fields.len(), 12);
        assert_eq!(fields[1], State::of(row).as_str());
        assert_eq!(fields[2], row.item.name.as_str());
    }
}

#[test]
fn a_job_that_changes_under_the_report_is_told() {
    let mut more = 2;
    let again = || {
        more += 1;
        Ok::<_, Infallible>((0..more).map(row).map(Ok))
    };
    let result = report::html(Vec::new(), &summary(3), again);
    assert!(matches!(result, Err(ReportError::Changed)), "{result:?}");
}

#[test]
fn errors_of_rows_and_of_the_file_end_the_report() {
    let rows = || [Ok(row(0)), Err("damaged")];
    assert!(matches!(
        report::ndjson(Vec::new(), &summary(1), rows()),
        Err(ReportError::Rows("damaged"))
    ));
    assert!(matches!(
        report::csv(Vec::new(), rows()),
        Err(ReportError::Rows("damaged"))
    ));
    assert!(matches!(
        report::html(Vec::new(), &summary(1), || Ok(rows())),
        Err(ReportError::Rows("damaged"))
    ));
    let mut small = [0; 100];
    assert!(matches!(
        report::csv(&mut small[..], good(&[row(0)])),
        Err(ReportError::Write(_))
    ));
    assert!(matches!(
        report::ndjson(&mut small[..], &summary(1), good(&[row(0)])),
        Err(ReportError::Write(_))
    ));
}

#[test]
fn hostile_texts_are_text() {
    let (summary, rows) = hostile();
    let page = Html::parse_document(&html(&summary, &rows));
    assert!(page.errors.is_empty(), "{:?}", page.errors);
    let notes: Vec<String> = select(&page, ".notes > li").into_iter().map(text).collect();
    let expected: Vec<String> = HOSTILE
        .iter()
        .map(|text| printable(text).into_owned())
        .collect();
    assert_eq!(notes, expected);
    let title = text(select(&page, "title")[0]);
    assert_eq!(title, "22 of 88 operations completed anyway – Countermand");
    assert_eq!(select(&page, "script").len(), 1);
    let resume = printable(summary.resume.as_ref().unwrap()).into_owned();
    assert_eq!(
        select(&page, ".facts code").into_iter().map(text).last(),
        Some(resume)
    );

    for (fields, row) in csv(&rows)[1..].iter().zip(&rows) {
        assert_eq!(fields[0], row.position.to_string());
        for field in fields {
            assert!(
                !field.trim_start().starts_with(['=', '+', '-', '@']),
                "{field:?}"
            );
            assert!(!field.chars().any(char::is_control), "{field:?}");
        }
    }
    let sentences = Overview::of(good(&rows)).unwrap().sentences(&summary);
    assert!(!sentences.replace('\n', "").chars().any(char::is_control));
}

/// The policy allows the page's own style and script, by what they are.
#[test]
fn the_policy_allows_what_is_in_the_page_and_nothing_else() {
    use base64::Engine;
    use sha2::Digest;
    let page = Html::parse_document(&html(&summary(1), &[row(0)]));
    let policy = select(&page, "meta[http-equiv='Content-Security-Policy']")[0];
    let policy = policy.attr("content").unwrap();
    for (element, directive) in [("style", "style-src"), ("script", "script-src")] {
        let digest = sha2::Sha256::digest(text(select(&page, element)[0]));
        let digest = base64::engine::general_purpose::STANDARD.encode(digest);
        assert!(
            policy.contains(&format!("{directive} 'sha256-{digest}'")),
            "{policy}"
        );
    }
    assert!(policy.starts_with("default-src 'none';"));
    assert!(select(&page, "[style], [onclick], [src], link").is_empty());
}

fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(&HOSTILE[..]).prop_map(str::to_owned),
        "\\PC{0,20}",
        proptest::collection::vec(any::<char>(), 0..30)
            .prop_map(|chars| chars.into_iter().collect()),
        (
            proptest::sample::select(&HOSTILE[..]),
            "[ ,;\t'\"=+@-]{0,6}"
        )
            .prop_map(|(a, b)| format!("{b}{a}{b}")),
    ]
}

fn verdicts() -> impl Strategy<Value = Option<Verdict>> {
    proptest::option::of(proptest::sample::select(&Verdict::ALL[..]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The page parses to the texts that went in, and its elements are those of a harmless job of
    /// the same shape: none, and no attribute, comes from data.
    #[test]
    fn no_element_comes_from_data(
        texts in proptest::collection::vec((anything(), verdicts()), 0..12),
        of_job in anything(),
    ) {
        let job = |text: &str| {
            let mut job = Summary::new(text, text, at(0), at(0));
            job.quota = Some(text.to_owned());
            job.notes = vec![text.to_owned(); 2];
            job.resume = Some(text.to_owned());
            job
        };
        let rows = |harmless: bool| texts.iter().zip(1..).map(|((text, verdict), position)| {
            hostile_row(position, if harmless { "x" } else { text }, *verdict)
        }).collect::<Vec<_>>();
        let (strange, plain) = (rows(false), rows(true));
        let page = Html::parse_document(&html(&job(&of_job), &strange));
        prop_assert!(page.errors.is_empty(), "{:?}", page.errors);
        let cells = cells(&page);
        prop_assert_eq!(cells.len(), strange.len());
        for (cells, (row, (told, _))) in cells.iter().zip(strange.iter().zip(&texts)) {
            let told = printable(told);
            prop_assert_eq!(&cells[0], &row.position.to_string());
            let about = format!("{}{told} · created 2026-11-25 21:00:00.000", printable(row.item.name.as_str()));
            prop_assert_eq!(&cells[1], &about);
            let state = State::of(row).as_str();
            let details = match told.is_empty() {
                true => format!("{state}error code 1; "),
                false => format!("{state}error code 1: {told}; {told}"),
            };
            prop_assert_eq!(&cells[2], &details);
        }
        let expected = Html::parse_document(&html(&job("x"), &plain));
        // Devices are grouped by name, and names differ: the heads of the groups are left out.
        let bones = |page: &Html| {
            let mut bones = skeleton(page);
            bones.retain(|bone| !bone.contains("rowgroup"));
            bones
        };
        if strange.iter().filter(|row| State::of(row) <= State::Gone).count() <= 1 {
            prop_assert_eq!(bones(&page), bones(&expected));
        }
        for element in page.tree.nodes().filter_map(|node| node.value().as_element()) {
            for (name, _) in element.attrs() {
                prop_assert!(!name.starts_with("on") && !["style", "src", "srcdoc"].contains(&name));
            }
        }
    }

    /// Every format has a row for each input, in order.
    #[test]
    fn rows_are_inputs(texts in proptest::collection::vec((anything(), verdicts()), 0..40)) {
        let rows: Vec<Row> = texts.iter().zip(1..).map(|((text, verdict), position)| {
            hostile_row(position, text, *verdict)
        }).collect();
        let places: Vec<String> = (1..=rows.len()).map(|place| place.to_string()).collect();
        let page = Html::parse_document(&html(&summary(0), &rows));
        let in_page: Vec<String> = cells(&page).into_iter().map(|mut cells| cells.remove(0)).collect();
        prop_assert_eq!(&in_page, &places);
        let table = csv(&rows);
        let in_csv: Vec<String> = table[1..].iter().map(|fields| fields[0].clone()).collect();
        prop_assert_eq!(&in_csv, &places);
        let lines = ndjson(&summary(0), &rows);
        let (end, lines) = lines.split_last().unwrap();
        prop_assert_eq!(end["rows"].as_u64(), Some(rows.len() as u64));
        prop_assert_eq!(lines.len(), rows.len());
        for (line, (row, (text, _))) in lines.iter().zip(rows.iter().zip(&texts)) {
            prop_assert_eq!(line["name"].as_str(), Some(row.item.name.as_str()));
            prop_assert_eq!(line["type"].as_str(), Some(text.as_str()));
        }
    }
}
