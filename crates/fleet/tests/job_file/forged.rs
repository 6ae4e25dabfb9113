//! What the seal and the checksums of the rows alone would not show.

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
    let sum: i64 = {
        let mut statement = file.prepare("SELECT checksum FROM operations").unwrap();
        let sums = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
        sums.map(Result::unwrap).fold(0, i64::wrapping_add)
    };
    forge(&file, "job", &format!("UPDATE job SET fold = {sum}"));
    assert_eq!(damage(&path), "the digest of the plan is another");
}
