//! Forgeries that the seal and the checksums of the rows alone would not show.

use countermand_fleet::store::{JobErrorKind, View};
use rusqlite::Connection;
use rusqlite::types::Value;
use sha2::{Digest, Sha256};

use crate::{finished, plan};

/// The checksum of a row, by the rules of `docs/job-file.md`.
fn checksum(table: &str, values: &[Value]) -> i64 {
    let mut bytes = Vec::new();
    let mut sized = |kind: u8, value: &[u8]| {
        bytes.push(kind);
        match kind {
            0 | 1 => {}
            _ => bytes.extend((value.len() as u64).to_be_bytes()),
        }
        bytes.extend(value);
    };
    sized(2, table.as_bytes());
    for value in values {
        match value {
            Value::Null => sized(0, &[]),
            Value::Integer(number) => sized(1, &number.to_be_bytes()),
            Value::Text(text) => sized(2, text.as_bytes()),
            Value::Blob(blob) => sized(3, blob),
            Value::Real(number) => panic!("{number}"),
        }
    }
    i64::from_be_bytes(Sha256::digest(&bytes)[..8].try_into().unwrap())
}

/// Changes a job file under a lifted seal, and gives every row the checksum it should have.
fn forge(file: &Connection, table: &str, sql: &str) {
    file.execute("UPDATE seal SET lifted = 1", []).unwrap();
    file.execute_batch(sql).unwrap();
    let mut statement = file
        .prepare(&format!("SELECT rowid, * FROM {table}"))
        .unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        (0..columns)
            .map(|at| row.get::<_, Value>(at))
            .collect::<Result<Vec<_>, _>>()
    });
    for row in rows.unwrap().collect::<Result<Vec<_>, _>>().unwrap() {
        let sum = checksum(table, &row[1..columns - 1]);
        let sql = format!("UPDATE {table} SET checksum = {sum} WHERE rowid = ?1");
        file.execute(&sql, [&row[0]]).unwrap();
    }
    file.execute("UPDATE seal SET lifted = 0", []).unwrap();
}

/// Gives the job the sum of the checksums that its rows have now.
fn fold(file: &Connection) {
    let tables =
        "SELECT name FROM sqlite_schema WHERE sql LIKE '%checksum INTEGER%' AND name <> 'job'";
    let mut tables = file.prepare(tables).unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let sum = tables.fold(0, |sum: i64, table| {
        let sql = format!("SELECT checksum FROM {}", table.unwrap());
        let mut statement = file.prepare(&sql).unwrap();
        let sums = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        sums.map(Result::unwrap).fold(sum, i64::wrapping_add)
    });
    forge(file, "job", &format!("UPDATE job SET fold = {sum}"));
}

fn damage(path: &std::path::Path) -> String {
    match View::open(path).unwrap_err().kind() {
        JobErrorKind::Damaged { what } => what.clone(),
        kind => panic!("{kind:?}"),
    }
}

/// As a page would be that the disk gives back from before.
#[test]
fn a_row_that_is_missing_or_old_shows_in_the_sum() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (table, sql)) in [
        ("notes", "DELETE FROM notes"),
        ("sends", "DELETE FROM sends WHERE id = 4"),
        ("sends", "UPDATE sends SET at = at - 1"),
        (
            "operations",
            "UPDATE operations SET phase = 'accepted' WHERE position = 3",
        ),
        (
            "operations",
            "UPDATE operations SET verdict = 'gone' WHERE position = 3",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(number.to_string());
        finished(&path);
        forge(&Connection::open(&path).unwrap(), table, sql);
        assert_eq!(
            damage(&path),
            "rows are missing or older than others",
            "{sql}"
        );
    }
}

#[test]
fn the_row_that_is_damaged_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    finished(&path);
    let file = Connection::open(&path).unwrap();
    let sql = "UPDATE seal SET lifted = 1;
        UPDATE operations SET verdict = 'gone' WHERE position = 3;
        UPDATE seal SET lifted = 0";
    file.execute_batch(sql).unwrap();
    assert_eq!(damage(&path), "table operations, row 3");
}

#[test]
fn fewer_operations_are_never_silent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    plan(&path, 5).close().unwrap();
    let file = Connection::open(&path).unwrap();
    forge(
        &file,
        "operations",
        "DELETE FROM operations WHERE position = 5",
    );
    assert_eq!(damage(&path), "4 operations instead of 5");
    forge(
        &file,
        "operations",
        "DELETE FROM operations WHERE position = 1",
    );
    assert_eq!(damage(&path), "operation 1 is missing");
}

#[test]
fn another_order_is_another_plan() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    plan(&path, 5).close().unwrap();
    let file = Connection::open(&path).unwrap();
    let swap = "UPDATE operations SET name = name || 'x' WHERE position = 1;
        UPDATE operations SET name = (SELECT name FROM operations WHERE position = 5) || 'y' WHERE position = 2";
    forge(&file, "operations", swap);
    fold(&file);
    assert_eq!(damage(&path), "the digest of the plan is another");
}

/// Counts that the file keeps of its rows are believed by `status` alone, and only until it is checked.
#[test]
fn kept_counts_that_are_not_those_of_the_rows_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (table, sql, which)) in [
        (
            "job",
            "UPDATE job SET counts = json_set(counts, '$.states.cancelled', 11)",
            "counts",
        ),
        (
            "job",
            "UPDATE job SET counts = json_set(counts, '$.attempts', 11)",
            "counts",
        ),
        (
            "job",
            "UPDATE job SET counts = json_set(counts, '$.last_known', null)",
            "counts",
        ),
        ("job", "UPDATE job SET devices = 11", "devices"),
        ("job", "UPDATE job SET searched = 11", "devices"),
        (
            "enterprises",
            "UPDATE enterprises SET operations = 11",
            "enterprises",
        ),
        (
            "enterprises",
            "UPDATE enterprises SET name = 'enterprises/LC02'",
            "enterprises",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(number.to_string());
        finished(&path);
        let file = Connection::open(&path).unwrap();
        forge(&file, table, sql);
        fold(&file);
        drop(file);
        View::open_unchecked(&path).unwrap();
        let told = format!("the kept {which} are not what its rows come to");
        assert_eq!(damage(&path), told, "{sql}");
    }
}

/// Also without a look at the rows, the row of the job has to be whole.
#[test]
fn counts_that_are_none_are_damage_at_first_sight() {
    let folder = tempfile::tempdir().unwrap();
    for (number, sql) in [
        "UPDATE job SET counts = '[]'",
        "UPDATE job SET counts = json_set(counts, '$.lost', 1)",
        "UPDATE job SET counts = json_remove(counts, '$.again')",
        "UPDATE job SET counts = json_set(counts, '$.rows', -1)",
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path().join(number.to_string());
        finished(&path);
        forge(&Connection::open(&path).unwrap(), "job", sql);
        for opened in [View::open(&path), View::open_unchecked(&path)] {
            let error = opened.unwrap_err().to_string();
            assert!(error.contains("damaged: counts: "), "{error}");
        }
    }
    let path = folder.path().join("flipped");
    finished(&path);
    let file = Connection::open(&path).unwrap();
    let sql =
        "UPDATE seal SET lifted = 1; UPDATE job SET duplicates = 9; UPDATE seal SET lifted = 0";
    file.execute_batch(sql).unwrap();
    let error = View::open_unchecked(&path).unwrap_err();
    assert!(error.to_string().contains("table job, row 1"), "{error}");
    let edited = folder.path().join("edited");
    finished(&edited);
    let file = Connection::open(&edited).unwrap();
    file.execute("UPDATE operations SET attempts = 9", [])
        .unwrap();
    let error = View::open_unchecked(&edited).unwrap_err();
    assert!(
        error.to_string().contains("edited by another program"),
        "{error}"
    );
}

/// An index that lost an entry would hide bad news.
#[test]
fn the_index_of_the_bad_news_has_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job");
    finished(&path);
    let open = || Connection::open(&path).unwrap();
    let gone = "UPDATE operations SET verdict = 'gone' WHERE position = 3";
    forge(&open(), "operations", gone);
    let index = |from: &str, to: &str| {
        let sql = format!(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, '{from}', '{to}')
             WHERE name = 'operations_by_verdict'"
        );
        open().execute_batch(&sql).unwrap();
    };
    index("gone", "lost");
    open()
        .execute_batch("REINDEX operations_by_verdict")
        .unwrap();
    index("lost", "gone");
    fold(&open());
    assert_eq!(damage(&path), "the index of the verdicts is another");
}
