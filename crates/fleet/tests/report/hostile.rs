//! Text of strangers is text only, and rows are inputs.

use super::*;

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
    assert_eq!(text(select(&page, ".resume code")[0]), resume);

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
            let about = format!("{}{told} · created 2026-11-25 21:00:00.000", printable(row.target.name.as_str()));
            prop_assert_eq!(&cells[1], &about);
            let state = RowState::of(row).as_str();
            let details = match told.is_empty() {
                true => format!("{state}error code 1; "),
                false => format!("{state}error code 1: {told}; {told}"),
            };
            prop_assert_eq!(&cells[2], &details);
        }
        let expected = Html::parse_document(&html(&job("x"), &plain));
        prop_assert_eq!(skeleton(&page), skeleton(&expected));
        for element in page.tree.nodes().filter_map(|node| node.value().as_element()) {
            for (name, _) in element.attrs() {
                prop_assert!(!name.starts_with("on") && !["style", "src", "srcdoc"].contains(&name));
            }
        }
    }

    /// Every format has a row for each input, in order.
    #[test]
    fn rows_are_inputs(texts in proptest::collection::vec((anything(), verdicts()), 0..40)) {
        let rows: Vec<JobRow> = texts.iter().zip(1..).map(|((text, verdict), position)| {
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
            prop_assert_eq!(line["name"].as_str(), Some(row.target.name.as_str()));
            prop_assert_eq!(line["type"].as_str(), Some(text.as_str()));
        }
    }
}

/// Python's `splitlines` and its like end lines at more than line feeds.
#[test]
fn fault_61_a_row_is_a_line_for_every_splitter() {
    let (summary, mut rows) = hostile();
    let all: String = ('\0'..'\u{30000}')
        .filter(|char| is_hidden(*char))
        .collect();
    rows.push(hostile_row(9999, &all, Some(Verdict::Completed)));
    let mut lines = Vec::new();
    report::ndjson(&mut lines, &summary, good(&rows)).unwrap();
    let text = String::from_utf8(lines).unwrap();
    let ends = |char| "\u{b}\u{c}\u{1c}\u{1d}\u{1e}\u{85}\u{2028}\u{2029}\r\n".contains(char);
    assert_eq!(text.split_terminator(ends).count(), rows.len() + 1);
    assert!(text.chars().all(|char| char == '\n' || !is_hidden(char)));
    let last = text.lines().nth(rows.len() - 1).unwrap();
    let row: Value = serde_json::from_str(last).unwrap();
    assert_eq!(row["type"], all.as_str());

    let mut table = Vec::new();
    report::csv(&mut table, good(&rows)).unwrap();
    let table = String::from_utf8(table).unwrap();
    assert!(
        table
            .replace("\r\n", "")
            .chars()
            .all(|char| !is_hidden(char))
    );
    let page = html(&summary, &rows);
    let bad = page.chars().find(|char| *char != '\n' && is_hidden(*char));
    assert_eq!(bad, None);
    let sentences = Overview::of(good(&rows)).unwrap().sentences(&summary);
    assert!(
        sentences
            .replace('\n', "")
            .chars()
            .all(|char| !is_hidden(char))
    );
}
