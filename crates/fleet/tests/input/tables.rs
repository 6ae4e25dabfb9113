//! Tables, and our own reports.

use super::*;

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

    // Names and more without a header: no column is known as that of the names.
    for table in [format!("{a},WIPE\n{b},WIPE\n"), "id,type\n1,2\n".to_owned()] {
        let (good, bad) = all(&table, None);
        assert!(
            good.is_empty()
                && matches!(
                    bad[..],
                    [InputError {
                        line: 1,
                        problem: InputProblem::Column(_),
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
    rows[0].target.name = odd.parse().unwrap();
    let good = || rows.iter().cloned().map(Ok::<_, Infallible>);
    let expected: Vec<String> = rows.iter().map(|row| row.target.name.to_string()).collect();

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
        assert_eq!(entry.target, row.target);
        let resolution = row.progress.resolution.as_ref();
        let proven = resolution.filter(|resolution| resolution.operation.is_some());
        let hash = entry
            .evidence
            .as_ref()
            .and_then(|evidence| evidence.body_sha256);
        assert_eq!(hash, proven.and_then(|resolution| resolution.body_sha256));
        let verdict = entry
            .evidence
            .as_ref()
            .and_then(|evidence| evidence.operation.verdict());
        assert_eq!(verdict, proven.and_then(|resolution| resolution.verdict));
    }
}
