//! The check of a job file: nothing that was written is lost or changed, and nothing is added.

use std::collections::{BTreeMap, BTreeSet};

use countermand_core::ParentName;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::checksum::{Digest, Hasher, checksum};
use super::codec::{self, name_at, time_at};
use super::connection::{fold_at_end, in_time};
use super::error::JobErrorKind;
use super::head::Head;
use super::kind::Kind;
use super::schema::{self, BAD, JOB, OPERATIONS, SETTINGS, Table, folded};
use super::settings::Settings;
use crate::counts::Counts;
use crate::services::Services;
use crate::spell::counted;

/// Checks everything in the file, as the connection's current transaction sees it.
///
/// As long as the tables are not known to be ours, the file may be anything and gets half a second.
pub(super) fn all(connection: &mut Connection) -> Result<(Head, Settings), JobErrorKind> {
    let done = check(connection, |connection, names| {
        sound(connection)?;
        contents(connection, names)
    })?;
    fold_at_end(connection, true)?;
    Ok(done)
}

/// Checks everything but the rows of the tables that can be long, and the sums of those.
pub(super) fn all_but_long_tables(
    connection: &mut Connection,
) -> Result<(Head, Settings), JobErrorKind> {
    check(connection, |connection, names| {
        let (head, settings) = head(connection, names)?;
        for table in folded()
            .into_iter()
            .filter(|table| !LONG.contains(&table.name))
        {
            each_row(connection, table, |_| Ok(()))?;
        }
        Ok((head, settings))
    })
}

/// The names of the tables that can be long.
const LONG: [&str; 3] = ["operations", "devices", "sends"];

fn check(
    connection: &mut Connection,
    read: impl FnOnce(&Connection, bool) -> Result<(Head, Settings), JobErrorKind>,
) -> Result<(Head, Settings), JobErrorKind> {
    in_time(connection, version)?;
    let names = in_time(connection, same_schema);
    let checked = names.and_then(|names| read(connection, names));
    // An edit is told as such, also if nothing would show otherwise.
    match checked.map_err(JobErrorKind::on_opening) {
        Ok(done) => match in_time(connection, edits)? {
            None if is_unfinished(&done.0, &done.1) => Err(JobErrorKind::Incomplete),
            None => Ok(done),
            Some(what) => Err(JobErrorKind::Edited { what }),
        },
        // The damage is what the edit has done.
        Err(JobErrorKind::Damaged { what }) => match in_time(connection, edits) {
            Ok(Some(what)) => Err(JobErrorKind::Edited { what }),
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

/// The row of the job, and its settings.
fn head(connection: &Connection, names: bool) -> Result<(Head, Settings), JobErrorKind> {
    each_row(connection, &JOB, |_| Ok(()))?;
    each_row(connection, &SETTINGS, |_| Ok(()))?;
    let head = Head::read(connection)?;
    let settings = Settings::read(&head.settings)?;
    match names || is_unfinished(&head, &settings) {
        true => Ok((head, settings)),
        false => Err(JobErrorKind::damaged("the index of the names is missing")),
    }
}

/// The counts of the rows of the long tables, to be compared with those that the file keeps.
#[derive(Default)]
struct Counted {
    counts: Counts,
    enterprises: BTreeMap<String, u64>,
    devices: u64,
    searched: u64,
    /// Sums over the entries that the two indices of operations should have.
    named: i64,
    bad: i64,
}

fn contents(connection: &Connection, names: bool) -> Result<(Head, Settings), JobErrorKind> {
    let (head, settings) = head(connection, names)?;
    let mut fold = 0_i64;
    let services = settings.services();
    let mut counted = Counted::default();
    let mut kept = BTreeMap::new();
    let mut plan = plan_hasher(&head.settings);
    for table in folded() {
        fold = fold.wrapping_add(each_row(connection, table, |row| match table.name {
            "operations" => {
                add_to_plan(&mut plan, row)?;
                counted.operation(row, (&settings, &services))
            }
            "devices" => counted.device(row, (&settings, &services)),
            "enterprises" => {
                kept.insert(row.get(1)?, row.get(2)?);
                Ok(())
            }
            _ => Ok(()),
        })?);
    }
    let count = counted.counts.rows;
    let damage = if count != head.counts.rows {
        format!("{count} operations instead of {}", head.counts.rows)
    } else if fold != head.fold {
        "rows are missing or older than others".to_owned()
    } else if names && counted.named != entries(connection, "name", "true")? {
        "the index of the names is another".to_owned()
    } else if counted.bad != entries(connection, "verdict", BAD)? {
        "the index of the verdicts is another".to_owned()
    } else if head.digest.is_some_and(|digest| digest != plan.finish()) {
        "the digest of the plan is another".to_owned()
    } else if let Some(which) = counted.differs(&head, &kept) {
        format!("the kept {which} are not what its rows come to")
    } else {
        return Ok((head, settings));
    };
    Err(JobErrorKind::damaged(damage))
}

impl Counted {
    fn operation(
        &mut self,
        row: &Row<'_>,
        (settings, services): (&Settings, &Services),
    ) -> Result<(), JobErrorKind> {
        let (position, verdict) = (row.get_ref(0)?, row.get_ref(13)?);
        self.named = self.named.wrapping_add(entry(position, row.get_ref(1)?));
        if matches!(verdict.as_str(), Ok("completed" | "gone")) {
            self.bad = self.bad.wrapping_add(entry(position, verdict));
        }
        let row = settings.limited(codec::row(row, services)?);
        self.counts.add(&row);
        let enterprise = row.target.name.parent().parent().to_string();
        *self.enterprises.entry(enterprise).or_default() += 1;
        match self.counts.rows {
            position if position == row.position => Ok(()),
            missing => Err(JobErrorKind::damaged(format_args!(
                "operation {missing} is missing"
            ))),
        }
    }

    fn device(
        &mut self,
        row: &Row<'_>,
        (settings, services): (&Settings, &Services),
    ) -> Result<(), JobErrorKind> {
        let name: ParentName = name_at(row, 1, services)?;
        self.enterprises
            .entry(name.parent().to_string())
            .or_default();
        if !settings.filter.excludes(&name) {
            self.devices += 1;
            self.searched += u64::from(time_at(row, 3)?.is_some());
        }
        Ok(())
    }

    /// The part that the file keeps otherwise.
    fn differs(&self, head: &Head, enterprises: &BTreeMap<String, u64>) -> Option<&'static str> {
        let kept = [
            ("counts", self.counts == head.counts),
            ("enterprises", self.enterprises == *enterprises),
            (
                "devices",
                (self.devices, self.searched) == (head.devices, head.searched),
            ),
        ];
        kept.into_iter()
            .find(|(_, same)| !same)
            .map(|(which, _)| which)
    }
}

/// SQLite's own check of every page. What it would do for the index of the names, to look up
/// each in no order, takes a minute for a million: [`entries`] is for that.
fn sound(connection: &Connection) -> Result<(), JobErrorKind> {
    let check = |pragma: &str, what: &str| {
        let sql = format!("PRAGMA {pragma}({what})");
        match connection.query_row(&sql, [], |row| row.get::<_, String>(0))? {
            sound if sound == "ok" => Ok(()),
            what => Err(JobErrorKind::damaged(what)),
        }
    };
    check("quick_check", "1")?;
    let others = folded()
        .into_iter()
        .filter(|table| table.name != OPERATIONS.name);
    let others = others
        .map(|table| table.name)
        .chain(["job", "seal", "edits"]);
    others
        .into_iter()
        .try_for_each(|table| check("integrity_check", table))
}

/// An entry of an index of operations, for comparing it with the table.
fn entry(position: ValueRef<'_>, value: ValueRef<'_>) -> i64 {
    checksum("operations", [position, value])
}

/// The sum over all entries of an index of operations, which have to be in order, and each once.
fn entries(connection: &Connection, column: &str, which: &str) -> Result<i64, JobErrorKind> {
    let mut statement = connection.prepare(&format!(
        "SELECT position, {column} FROM operations INDEXED BY operations_by_{column}
         WHERE {which} ORDER BY {column}, position"
    ))?;
    let mut rows = statement.query([])?;
    let mut sum = 0_i64;
    let mut last = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let (position, value) = (row.get::<_, i64>(0)?, row.get_ref(1)?);
        let text = value.as_bytes().unwrap_or_default();
        if (text, position) <= (last.0.as_slice(), last.1) {
            return Err(JobErrorKind::damaged("an index is out of order"));
        }
        last.0.clear();
        last.0.extend_from_slice(text);
        last.1 = position;
        sum = sum.wrapping_add(entry(row.get_ref(0)?, value));
    }
    Ok(sum)
}

/// The begin of the digest of a plan.
fn plan_hasher(settings: &str) -> Hasher {
    let mut hasher = Hasher::default();
    hasher.add(ValueRef::Text(settings.as_bytes()));
    hasher
}

/// Adds the plan of an operation: the columns that never change.
fn add_to_plan(hasher: &mut Hasher, row: &Row<'_>) -> Result<(), JobErrorKind> {
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
    mut each: impl FnMut(&Row<'_>) -> Result<(), JobErrorKind>,
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

/// The changes of another program, as far as they can be told.
fn edits(connection: &Connection) -> Result<Option<String>, JobErrorKind> {
    let mut statement = connection.prepare("SELECT place, event, first, rows, at FROM edits")?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else {
        return uncounted_edits(connection);
    };
    let (place, event): (String, String) = (row.get(0)?, row.get(1)?);
    let (first, count, at): (i64, i64, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
    Ok(Some(format!(
        "{event} of {} of the table {place}, from row {first} on, at {at} UTC",
        counted(count.unsigned_abs(), "row")
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
