//! Whether a job file is what was written: nothing lost, nothing changed, nothing added.

use std::collections::BTreeSet;

use countermand_core::Timestamp;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use super::checksum::{Digest, Hasher, checksum};
use super::codec;
use super::connection::{fold_at_end, in_time};
use super::error::JobErrorKind;
use super::schema::{self, JOB, LEDGER, OPERATIONS, Table};
use super::settings::{Kind, Settings};
use super::transaction::Head;

/// Verifies everything in the file, as the connection's current transaction sees it.
///
/// Until the tables are known to be ours, the file may be anything and gets half a second.
pub(super) fn verify(connection: &mut Connection) -> Result<(Head, Settings), JobErrorKind> {
    in_time(connection, version)?;
    let names = in_time(connection, same_schema);
    let check = names.and_then(|names| contents(connection, names));
    // What was edited is told as such, also where nothing would show otherwise.
    match check.map_err(JobErrorKind::on_opening) {
        Ok(done) => match in_time(connection, edits)? {
            None if is_unfinished(&done.0, &done.1) => Err(JobErrorKind::Incomplete),
            None => {
                fold_at_end(connection, true)?;
                Ok(done)
            }
            Some(what) => Err(JobErrorKind::Edited { what }),
        },
        Err(JobErrorKind::Damaged { what }) => match in_time(connection, edits) {
            Ok(Some(edited)) => Err(JobErrorKind::Edited {
                what: format!("{edited}; {what}"),
            }),
            _ => Err(JobErrorKind::Damaged { what }),
        },
        Err(error) => Err(error),
    }
}

/// A plan without a digest was never finished.
fn is_unfinished(head: &Head, settings: &Settings) -> bool {
    settings.kind == Kind::Plan && head.digest.is_none()
}

/// The version stands in two places, so that one flipped byte does not make a file look newer.
fn version(connection: &Connection) -> Result<(), JobErrorKind> {
    let version =
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))?;
    if version == schema::VERSION {
        return Ok(());
    }
    let inside = connection.query_row("SELECT schema FROM job", [], |row| row.get::<_, i64>(0));
    match inside {
        Ok(inside) if inside == version => Err(JobErrorKind::OtherVersion { version }),
        _ => Err(JobErrorKind::damaged(format_args!(
            "schema version {version}"
        ))),
    }
}

fn contents(connection: &Connection, names: bool) -> Result<(Head, Settings), JobErrorKind> {
    sound(connection)?;
    each_row(connection, &JOB, |_| Ok(()))?;
    let head = head(connection)?;
    let settings: Settings = serde_json::from_str(&head.settings)
        .map_err(|error| JobErrorKind::damaged(format_args!("settings: {error}")))?;
    let unfinished = is_unfinished(&head, &settings);
    if !names && !unfinished {
        return Err(JobErrorKind::damaged("the index of the names is missing"));
    }

    let mut fold = 0_i64;
    let mut count = 0;
    let mut named = 0_i64;
    let mut plan = plan_hasher(&head.settings);
    for table in LEDGER {
        fold = fold.wrapping_add(each_row(connection, table, |row| {
            if table.name == OPERATIONS.name {
                count += 1;
                named = named.wrapping_add(entry(row.get_ref(0)?, row.get_ref(1)?));
                add_to_plan(&mut plan, row)?;
                if codec::row(row)?.position != count {
                    return Err(JobErrorKind::damaged(format_args!(
                        "operation {count} is missing"
                    )));
                }
            }
            Ok(())
        })?);
    }
    if count != head.operations {
        return Err(JobErrorKind::damaged(format_args!(
            "{count} operations instead of {}",
            head.operations
        )));
    }
    if fold != head.fold {
        return Err(JobErrorKind::damaged(
            "rows are missing or older than others",
        ));
    }
    if names && named != name_index(connection)? {
        return Err(JobErrorKind::damaged("the index of the names is another"));
    }
    match head.digest {
        Some(digest) if digest != plan.finish() => {
            Err(JobErrorKind::damaged("the digest of the plan is another"))
        }
        _ => Ok((head, settings)),
    }
}

/// SQLite's own check of every page. What it would do for the index of the names, to look up
/// each in no order, takes a minute for a million: [`name_index`] is for that.
fn sound(connection: &Connection) -> Result<(), JobErrorKind> {
    let check = |pragma: &str, what: &str| {
        let sql = format!("PRAGMA {pragma}({what})");
        match connection.query_row(&sql, [], |row| row.get::<_, String>(0))? {
            sound if sound == "ok" => Ok(()),
            what => Err(JobErrorKind::damaged(what)),
        }
    };
    check("quick_check", "1")?;
    let others = LEDGER.iter().filter(|table| table.name != OPERATIONS.name);
    let others = others
        .map(|table| table.name)
        .chain(["job", "seal", "edits"]);
    others
        .into_iter()
        .try_for_each(|table| check("integrity_check", table))
}

/// A name and its place, for comparing the table with the index.
fn entry(position: ValueRef<'_>, name: ValueRef<'_>) -> i64 {
    checksum("operations_by_name", [position, name])
}

/// The sum over all entries of the index of the names, which have to be in order.
fn name_index(connection: &Connection) -> Result<i64, JobErrorKind> {
    let mut statement = connection.prepare(
        "SELECT position, name FROM operations INDEXED BY operations_by_name ORDER BY name",
    )?;
    let mut rows = statement.query([])?;
    let mut sum = 0_i64;
    let mut last = Vec::new();
    while let Some(row) = rows.next()? {
        let name = row.get_ref(1)?;
        let text = name.as_bytes().unwrap_or_default();
        if text <= last.as_slice() {
            return Err(JobErrorKind::damaged(
                "the index of the names is out of order",
            ));
        }
        last.clear();
        last.extend_from_slice(text);
        sum = sum.wrapping_add(entry(row.get_ref(0)?, name));
    }
    Ok(sum)
}

/// What the digest of a plan begins with.
fn plan_hasher(settings: &str) -> Hasher {
    let mut hasher = Hasher::default();
    hasher.add(ValueRef::Text(settings.as_bytes()));
    hasher
}

/// Adds what is planned for an operation: the columns that never change.
fn add_to_plan(hasher: &mut Hasher, row: &rusqlite::Row<'_>) -> Result<(), JobErrorKind> {
    for at in 0..OPERATIONS.fixed {
        hasher.add(row.get_ref(at)?);
    }
    Ok(())
}

/// The digest over a plan as it stands in the file.
pub(super) fn plan_digest(connection: &Connection, settings: &str) -> Result<Digest, JobErrorKind> {
    let mut hasher = plan_hasher(settings);
    each_row(connection, &OPERATIONS, |row| add_to_plan(&mut hasher, row))?;
    Ok(hasher.finish())
}

/// Compares the checksum of every row, in the order of their keys; the sum of all.
fn each_row(
    connection: &Connection,
    table: &Table,
    mut each: impl FnMut(&rusqlite::Row<'_>) -> Result<(), JobErrorKind>,
) -> Result<i64, JobErrorKind> {
    let (name, key, last) = (table.name, table.columns[0], table.columns.len());
    let mut statement = connection.prepare(&format!("SELECT * FROM {name} ORDER BY {key}"))?;
    let mut rows = statement.query([])?;
    let mut fold = 0_i64;
    while let Some(row) = rows.next()? {
        let values = (0..last).map(|at| row.get_ref(at));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        let sum = checksum(name, values);
        if row.get::<_, i64>(last)? != sum {
            let key = row.get::<_, i64>(0)?;
            return Err(JobErrorKind::damaged(format_args!(
                "table {name}, row {key}"
            )));
        }
        fold = fold.wrapping_add(sum);
        each(row)?;
    }
    Ok(fold)
}

/// The one row of the table `job`.
pub(super) fn head(connection: &Connection) -> Result<Head, JobErrorKind> {
    let mut statement = connection.prepare("SELECT * FROM job")?;
    let head = statement.query_row([], |row| {
        Ok(Head {
            cookie: row.get(2)?,
            created: Timestamp::from_unix_millis(row.get(3)?),
            settings: row.get(4)?,
            operations: row.get(5)?,
            duplicates: row.get(6)?,
            digest: row.get::<_, Option<[u8; 32]>>(7)?.map(Digest::new),
            fold: row.get(8)?,
        })
    });
    Ok(head?)
}

/// Compares the tables and triggers with those that were made; whether the index of the names is
/// there. What ANALYZE adds changes nothing.
fn same_schema(connection: &Connection) -> Result<bool, JobErrorKind> {
    let mut statement = connection.prepare(
        "SELECT sql FROM sqlite_schema
         WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_stat%'",
    )?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?;
    let mut found = found.collect::<Result<BTreeSet<_>, _>>()?;
    let names = found.remove(schema::NAMES);
    match found == schema::statements().into_iter().collect() {
        true => Ok(names),
        false => Err(JobErrorKind::damaged("the schema is another")),
    }
}

/// What another program has changed, as far as it can be told.
fn edits(connection: &Connection) -> Result<Option<String>, JobErrorKind> {
    let mut statement = connection.prepare("SELECT place, event, first, rows, at FROM edits")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else {
        return uncounted_edits(connection);
    };
    let (place, event): (String, String) = (row.get(0)?, row.get(1)?);
    let (first, count, at): (i64, i64, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
    Ok(Some(format!(
        "{event} in table {place}, row {first} first, {count} in all, {at} UTC"
    )))
}

/// Changes that no trigger counts: of the seal, and of the schema, which SQLite itself counts.
fn uncounted_edits(connection: &Connection) -> Result<Option<String>, JobErrorKind> {
    let lifted = connection.query_row("SELECT lifted FROM seal", [], |row| row.get::<_, i64>(0));
    match lifted {
        Ok(0) => {}
        Ok(_) => return Ok(Some("the seal is lifted".to_owned())),
        Err(rusqlite::Error::QueryReturnedNoRows) => {
            return Ok(Some("the seal is gone".to_owned()));
        }
        Err(error) => return Err(error.into()),
    }
    let cookie =
        connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0))?;
    let made_with: i64 = connection.query_row("SELECT cookie FROM job", [], |row| row.get(0))?;
    if cookie != made_with && !matches!(same_schema(connection), Ok(true)) {
        return Ok(Some("tables or triggers were changed".to_owned()));
    }
    Ok(None)
}
