//! The tables of a job file. `docs/job-file.md` describes their columns; a test compares.

use std::iter::once;
use std::sync::LazyLock;

/// `PRAGMA application_id` of a job file: `CtmJ`.
pub(super) const APPLICATION_ID: i32 = 0x4374_6d4a;
/// `PRAGMA user_version`, and the column `schema` of the table `job`.
pub(super) const VERSION: i64 = 11;

/// The statements of all tables and indices but [`NAMES`].
const SCHEMA: &str = include_str!("schema.sql");

/// A plan gets it when it is frozen: sorted once, it takes a fraction of the time that a million
/// insertions in no order take. Until then the names are kept in memory.
pub(super) const NAMES: &str = "CREATE UNIQUE INDEX operations_by_name ON operations (name)";

/// The bad news, which is rare, so that the first of it is found without reading all rows.
pub(super) const BAD: &str = "verdict IN ('completed', 'gone')";

/// A table whose rows carry a checksum in their last column. The first is its integer key.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Every column but the checksum.
    pub(super) columns: Vec<&'static str>,
    /// The number of columns, from the first, that never change.
    pub(super) fixed: usize,
    /// Inserts a row; the parameters are its columns and the checksum. Does nothing when its key
    /// or its name is there.
    pub(super) insert: String,
    /// Writes the columns that change of the row with its key; same parameters.
    pub(super) update: String,
}

pub(super) static JOB: LazyLock<Table> = LazyLock::new(|| Table::named("job", 2));
pub(super) static SETTINGS: LazyLock<Table> = LazyLock::new(|| Table::named("settings", 2));
pub(super) static HOLDER: LazyLock<Table> = LazyLock::new(|| Table::named("holder", 1));
pub(super) static OPERATIONS: LazyLock<Table> = LazyLock::new(|| Table::named("operations", 7));
pub(super) static SENDS: LazyLock<Table> = LazyLock::new(|| Table::named("sends", 5));
pub(super) static LIMITS: LazyLock<Table> = LazyLock::new(|| Table::named("limits", 3));
pub(super) static PAUSES: LazyLock<Table> = LazyLock::new(|| Table::named("pauses", 1));
pub(super) static DEVICES: LazyLock<Table> = LazyLock::new(|| Table::named("devices", 2));
pub(super) static ENTERPRISES: LazyLock<Table> = LazyLock::new(|| Table::named("enterprises", 2));
pub(super) static NOTES: LazyLock<Table> = LazyLock::new(|| Table::named("notes", 4));
pub(super) static RUNS: LazyLock<Table> = LazyLock::new(|| Table::named("runs", 6));

/// The tables that the fold of the job is over.
pub(super) fn folded() -> [&'static Table; 10] {
    [
        &SETTINGS,
        &OPERATIONS,
        &DEVICES,
        &ENTERPRISES,
        &SENDS,
        &LIMITS,
        &PAUSES,
        &NOTES,
        &RUNS,
        &HOLDER,
    ]
}

/// Every statement that makes the schema but [`NAMES`], in order.
pub(super) fn statements() -> Vec<String> {
    let mut all: Vec<_> = SCHEMA
        .trim()
        .split_terminator(';')
        .map(str::trim)
        .map(str::to_owned)
        .collect();
    for table in once(&*JOB).chain(folded()) {
        for (event, row) in [("insert", "NEW"), ("update", "NEW"), ("delete", "OLD")] {
            all.push(trigger(table, event, row));
        }
    }
    all
}

fn trigger(table: &Table, event: &str, row: &str) -> String {
    let (name, key) = (table.name, table.columns[0]);
    format!(
        "CREATE TRIGGER {name}_{event} AFTER {} ON {name}
WHEN (SELECT lifted FROM seal) IS NOT 1
BEGIN
  INSERT INTO edits VALUES ('{name}', '{event}', {row}.{key}, 1, CURRENT_TIMESTAMP)
  ON CONFLICT DO UPDATE SET rows = rows + 1;
END",
        event.to_uppercase()
    )
}

impl Table {
    /// A table of the schema: each of its columns begins a line.
    fn named(name: &'static str, fixed: usize) -> Self {
        let create = format!("CREATE TABLE {name} (\n");
        let (_, rest) = SCHEMA.split_once(&create).unwrap_or_default();
        let lines = rest
            .lines()
            .filter_map(|line| line.strip_prefix("  ")?.split_once(' '));
        let columns = lines
            .map(|(column, _)| column)
            .filter(|column| !column.is_empty());
        let columns: Vec<_> = columns.take_while(|column| *column != "checksum").collect();
        let places = vec!["?"; columns.len() + 1].join(", ");
        let changing = columns.iter().enumerate().skip(fixed);
        let sets = changing.map(|(at, column)| format!("{column} = ?{}", at + 1));
        let sets = sets.collect::<Vec<_>>().join(", ");
        let (key, last) = (columns[0], columns.len() + 1);
        Self {
            name,
            fixed,
            insert: format!("INSERT INTO {name} VALUES ({places}) ON CONFLICT DO NOTHING"),
            update: format!("UPDATE {name} SET {sets}, checksum = ?{last} WHERE {key} = ?1"),
            columns,
        }
    }
}
