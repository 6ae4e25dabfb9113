//! Reports: rows = inputs in every format, and no text of a stranger is anything but text.

#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod hostile;
#[path = "../report_sample/mod.rs"]
mod report_sample;

use std::convert::Infallible;

use countermand_core::text::{is_hidden, printable};
use countermand_core::{Call, Verdict};
use countermand_fleet::JobRow;
use countermand_fleet::report::{self, COLUMNS, Overview, ReportError, Summary};
use countermand_fleet::store::{Job, Kind, Record, Settings, Vanished, View};
use countermand_fleet::{RowState, SearchProgress};
use proptest::prelude::*;
use report_sample::{HOSTILE, at, hostile, hostile_row, row, summary};
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;

fn good(rows: &[JobRow]) -> impl Iterator<Item = Result<JobRow, Infallible>> {
    rows.iter().cloned().map(Ok)
}

fn html(summary: &Summary, rows: &[JobRow]) -> String {
    let mut page = Vec::new();
    let counts = report::html(&mut page, summary, || Ok::<_, Infallible>(good(rows))).unwrap();
    assert_eq!(counts.rows, rows.len() as u64);
    String::from_utf8(page).unwrap()
}

fn csv(rows: &[JobRow]) -> Vec<Vec<String>> {
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

fn ndjson(summary: &Summary, rows: &[JobRow]) -> Vec<Value> {
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
    let rows: Vec<JobRow> = (0..110).map(row).collect();
    let table = csv(&rows);
    assert_eq!(table[0], COLUMNS.map(|column| column.name));
    assert_eq!(
        table[1].join("|"),
        "1|enterprises/LC02k7d91x/devices/00003f29c0de91a0/operations/1795640000000|\
         enterprises/LC02k7d91x|enterprises/LC02k7d91x/devices/00003f29c0de91a0|LOCK|\
         2026-11-25T20:53:20.000Z|2026-11-24T21:00:00.000Z|cancelled|cancelled|accepted|2|\
         2026-11-25T21:00:01.500Z|2026-11-25T21:00:01.580Z|2026-11-25T21:00:09.000Z|\
         2026-11-25T21:00:09.000Z|\
         00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9|true|1|\
         The operation was cancelled.||||false|\
         androidmanagement.v1|enterprises/LC02k7d91x/devices/00003f29c0de91a0||"
    );
    let states: Vec<&str> = table[1..].iter().map(|fields| &*fields[7]).collect();
    for (index, state) in [
        (3, "completed"),
        (4, "gone"),
        (20, "pending"),
        (23, "error"),
        (96, "unsent"),
    ] {
        assert_eq!(states[index], state);
    }
    // A row that is not settled is not verified; it was only looked at.
    assert_eq!(
        (&*table[5][14], &*table[5][13]),
        ("", "2026-11-25T21:00:09.950Z")
    );
    assert_eq!(table[5][21], "false");
    assert_eq!(table[24][19], "unavailable");

    let lines = ndjson(&summary(110), &rows);
    // A line has each column, and in place of some an object that they are parts of.
    for (line, fields) in lines.iter().zip(&table[1..]) {
        for (column, field) in COLUMNS.iter().zip(fields) {
            let value = line.get(column.name);
            let text = match value {
                None | Some(Value::Null) => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
            };
            match column.part_of {
                None => assert_eq!(&text, field, "{}", column.name),
                Some(whole) => assert!(value.is_none() && line.get(whole).is_some()),
            }
        }
    }
    let first = &lines[0];
    assert_eq!(first["schema"], "countermand.row/1");
    assert_eq!(first["verdict"], "cancelled");
    assert_eq!(first["operation"]["error"]["code"], 1);
    assert_eq!(first["cancel_sent_at"], "2026-11-25T21:00:01.500Z");
    assert_eq!(lines[4]["parent_exists"], false);
    assert_eq!(lines[4]["verified_at"], Value::Null);
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
    let rows: Vec<JobRow> = (0..300).map(row).collect();
    let mut summary_of_all = summary(300);
    summary_of_all.vanished = vec![Vanished {
        device: "enterprises/LC02k7d91x/devices/0badc0de".parse().unwrap(),
        seen: Some(at(1_795_640_400_000)),
        at: at(1_795_640_460_000),
    }];
    let page = html(&summary_of_all, &rows);
    let parsed = Html::parse_document(&page);
    assert_eq!(
        text(select(&parsed, "h1")[0]),
        "3 of 300 operations completed anyway"
    );
    // Each with when its device was last seen.
    let unsent = text(select(&parsed, "section:has(#unsent) tbody tr")[0]);
    assert!(
        unsent.contains(rows[96].target.name.parent().as_str()),
        "{unsent}"
    );
    assert!(unsent.contains("2026-11-24 20:58:36.000"), "{unsent}");
    let vanished = text(select(&parsed, "section:has(#vanished) tbody tr")[0]);
    assert_eq!(
        vanished,
        "enterprises/LC02k7d91x/devices/0badc0de2026-11-25 21:00:00.0002026-11-25 21:01:00.000"
    );
    assert_eq!(
        text(select(&parsed, ".resume code")[0]),
        "countermand apply wipes.job"
    );
    // A column that says nothing is not there.
    assert!(!page.contains("not looked for"));
    let heads = |id: &str| {
        let heads = select(&parsed, &format!("section:has(#{id}) thead th"));
        heads.into_iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(heads("gone").last().unwrap(), "Device record");
    assert_eq!(heads("pending").last().unwrap(), "Looked at");
    assert_eq!(heads("error").last().unwrap(), "Why");
    let ids = [
        "completed",
        "gone",
        "vanished",
        "pending",
        "unverified",
        "error",
        "unsent",
        "verdicts",
        "time",
        "rows",
    ];
    let places = ids.map(|id| page.find(&format!("id=\"{id}\"")).unwrap());
    assert!(places.is_sorted(), "{places:?}");
    let device = rows[3].target.name.parent();
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
        "300 operations: 3 completed anyway, 3 gone, 3 unverified, 3 pending, 3 without a verdict, 3 unsent, 3 failed, 3 expired, 276 cancelled."
    ), "{sentences}");
    assert!(
        sentences.contains("The last cancel so far was sent 39 s after the run began."),
        "{sentences}"
    );
}

#[test]
fn nothing_and_one_and_all_cancelled() {
    let page = html(&summary(0), &[]);
    assert!(page.contains("<h1 class=\"none\">No operations</h1>"));
    assert!(page.contains("Nothing was sent") && !page.contains("<svg class=\"timeline\""));
    // A rescue that has not reached the server has found nothing, which is not that there is nothing.
    let mut rescue = summary(0);
    rescue.search = Some(SearchProgress::default());
    rescue.digest = None;
    let page = html(&rescue, &[]);
    assert!(page.contains("<h1 class=\"open\">Search not finished</h1>"));
    assert!(page.contains("More may be pending") && !page.contains("nothing to cancel"));
    let page = html(&summary(1), &[row(0)]);
    assert!(page.contains("<h1 class=\"cancelled\">The operation is cancelled</h1>"));
    let three: Vec<JobRow> = (0..3).map(row).collect();
    let page = html(&summary(3), &three);
    assert!(page.contains("<h1 class=\"cancelled\">All 3 operations cancelled</h1>"));
    assert!(
        page.contains("To go on"),
        "with the command that it is given"
    );
    let page = html(
        &{
            let mut done = summary(3);
            done.resume = None;
            done
        },
        &three,
    );
    assert!(!page.contains("To go on"), "{page}");
    let overview = Overview::of(good(&three)).unwrap();
    assert_eq!(overview.counts.sentence(), "3 operations: 3 cancelled");
    // Gone is no verdict to go on from, but not the end of the matter either.
    let page = html(&summary(1), &[row(4)]);
    assert!(page.contains("1 of 1 operation may have executed"));
}

#[test]
fn a_large_job_loses_no_row() {
    let rows: Vec<JobRow> = (0..20_001).map(row).collect();
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
        assert_eq!(fields[1], RowState::of(row).as_str());
        assert_eq!(fields[2], row.target.name.as_str());
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

/// From a job file, read at one moment.
#[test]
fn a_job_file_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wipes.job");
    let settings = Settings::new(Kind::Plan);
    let mut job = Job::create(&path, &settings, at(1000)).unwrap();
    let rows: Vec<JobRow> = [row(3), row(0)].into();
    let targets = rows.iter().map(|row| row.target.clone());
    job.add(targets.chain([rows[0].target.clone()])).unwrap();
    let digest = job.freeze().unwrap();
    let mut records = vec![Record::Begun {
        at: at(2000),
        uptime: None,
    }];
    for row in &rows {
        let name = row.target.name.clone();
        records.push(Record::Sent {
            lane: 0,
            operation: Some(name.clone()),
            resource: name.parent().to_string(),
            call: Call::Cancel,
            at: at(3000),
            sending: None,
            refused: false,
        });
        records.push(Record::Accepted {
            name: name.clone(),
            at: at(3100),
        });
        let resolution = row.progress.resolution.clone().unwrap();
        records.push(Record::Finished { name, resolution });
    }
    records.push(Record::Note {
        at: at(4000),
        kind: "paused".to_owned(),
        text: "<b>a note</b>".to_owned(),
    });
    job.record(&records).unwrap();

    // Also while the process that runs it has the lock.
    let view = View::open(&path).unwrap();
    let resume = "countermand apply wipes.job".to_owned();
    let summary = Summary::of_job(&view, at(9000), Some(resume)).unwrap();
    assert_eq!(summary.duplicates, 1);
    assert_eq!(
        summary.quota.as_deref(),
        Some("80 % of 600/60s and 1000/100s")
    );
    assert_eq!(summary.digest, Some(digest));
    let note = format!("{}: <b>a note</b>", at(4000));
    assert_eq!(summary.notes, [note]);
    let mut page = Vec::new();
    let counts = report::html(&mut page, &summary, || Ok(view.rows())).unwrap();
    assert_eq!(
        counts.sentence(),
        "2 operations: 1 completed anyway, 1 cancelled"
    );
    assert_eq!(counts.time_to_last_cancel(&summary).unwrap().as_secs(), 1);
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("report of a plan") && page.contains(&digest.to_string()));
    let page = Html::parse_document(&page);
    assert_eq!(cells(&page)[0][2], "completed");
    let mut lines = Vec::new();
    let counts = report::ndjson(&mut lines, &summary, view.rows()).unwrap();
    assert_eq!((counts.rows, counts.again), (2, 0));
}

/// A number of a page, without its commas.
fn number(text: &str) -> u64 {
    text.replace(',', "").parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Parts equal the total, in every place that tells both.
    #[test]
    fn parts_add_up_to_the_total(
        // A row of each state, some of them more often than a list at the top is long.
        states in proptest::collection::vec(
            (proptest::sample::select(vec![0, 3, 4, 20, 21, 22, 23, 24, 96]), 1..700_usize), 0..6),
    ) {
        let numbers = states.iter().flat_map(|(number, times)| vec![*number; *times]);
        let rows: Vec<JobRow> = numbers.zip(1..).map(|(number, position)| {
            let mut row = row(number);
            row.position = position;
            row
        }).collect();
        let total = rows.len() as u64;
        let overview = Overview::of(good(&rows)).unwrap();
        let counts = &overview.counts;
        prop_assert_eq!(counts.rows, total);
        prop_assert_eq!(counts.states.values().sum::<u64>(), total);
        let settled = [RowState::Failed, RowState::Expired, RowState::Cancelled].map(|state| counts.of(state));
        let acted = counts.of(RowState::Completed) + counts.of(RowState::Gone);
        prop_assert_eq!(counts.open() + acted + settled.iter().sum::<u64>(), total);
        prop_assert!(counts.again <= counts.open());

        let sentence = counts.sentence();
        let mut told = sentence
            .split([' ', ':'])
            .filter(|word| word.starts_with(|char: char| char.is_ascii_digit()))
            .map(number);
        prop_assert_eq!(told.next(), Some(total));
        prop_assert_eq!(told.sum::<u64>(), total);

        let page = html(&summary(total), &rows);
        let page = Html::parse_document(&page);
        let tiles = select(&page, ".tiles b").into_iter().map(|tile| number(&text(tile)));
        prop_assert_eq!(tiles.sum::<u64>(), total);
        prop_assert_eq!(cells(&page).len() as u64, total);
        // At the top: what is listed, what is said to be more, and what is all there is.
        let mut at_top = 0;
        for alarm in select(&page, ".alarm") {
            let listed = alarm.select(&Selector::parse("tbody tr").unwrap()).count() as u64;
            let last = text(alarm.select(&Selector::parse("p").unwrap()).last().unwrap());
            at_top += match last.strip_prefix("And ") {
                Some(more) => listed + number(more.split(' ').next().unwrap()),
                None if listed == 0 => total,
                None => listed,
            };
        }
        prop_assert_eq!(at_top, counts.open() + acted);
        let lines = ndjson(&summary(total), &rows);
        let end = lines.last().unwrap();
        let states = end["states"].as_object().unwrap().values();
        prop_assert_eq!(states.map(|count| count.as_u64().unwrap()).sum::<u64>(), total);
        prop_assert_eq!(end["rows"].as_u64(), Some(total));
    }
}
