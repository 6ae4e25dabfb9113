//! The tables of a job file. `docs/job-file.md` says what stands in them; a test compares.

use std::sync::OnceLock;

/// `PRAGMA application_id` of a job file: `CtmJ`.
pub(super) const APPLICATION_ID: i32 = 0x4374_6d4a;
/// `PRAGMA user_version`, and the column `schema` of the table `job`.
pub(super) const VERSION: i64 = 5;

/// A table whose rows carry a checksum in their last column. The first is its integer key.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Every column but the checksum.
    pub(super) columns: &'static [&'static str],
    /// How many of them never change.
    pub(super) fixed: usize,
    create: &'static str,
    insert: OnceLock<String>,
    update: OnceLock<String>,
}

/// The job itself: one row. Its `fold` is over the rows of all other tables.
pub(super) static JOB: Table = Table::new(
    "job",
    &[
        "id",
        "schema",
        "cookie",
        "created",
        "settings",
        "duplicates",
        "devices",
        "searched",
        "counts",
        "digest",
        "fold",
    ],
    2,
    "CREATE TABLE job (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  schema INTEGER NOT NULL,
  cookie INTEGER NOT NULL,
  created INTEGER NOT NULL,
  settings TEXT NOT NULL CHECK (json_valid(settings)),
  duplicates INTEGER NOT NULL,
  devices INTEGER NOT NULL,
  searched INTEGER NOT NULL,
  counts TEXT NOT NULL CHECK (json_valid(counts)),
  digest BLOB CHECK (length(digest) = 32),
  fold INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT",
);

pub(super) static HOLDER: Table = Table::new(
    "holder",
    &["id", "pid", "host", "since"],
    1,
    "CREATE TABLE holder (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  since INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT",
);

pub(super) static OPERATIONS: Table = Table::new(
    "operations",
    &[
        "position",
        "name",
        "type",
        "created",
        "duration",
        "error_code",
        "device_seen",
        "phase",
        "attempts",
        "cancel_sent_at",
        "last_cancel_sent_at",
        "accepted_at",
        "found",
        "verdict",
        "operation",
        "error",
        "parent_exists",
        "body_sha256",
    ],
    7,
    "CREATE TABLE operations (
  position INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  type TEXT,
  created INTEGER,
  duration TEXT,
  error_code TEXT,
  device_seen INTEGER,
  phase TEXT NOT NULL CHECK (phase IN ('unsent', 'maybe_sent', 'accepted')),
  attempts INTEGER NOT NULL,
  cancel_sent_at INTEGER,
  last_cancel_sent_at INTEGER,
  accepted_at INTEGER,
  found INTEGER,
  verdict TEXT CHECK (verdict IN
    ('cancelled', 'completed', 'failed', 'expired', 'pending', 'gone', 'unverified')),
  operation TEXT CHECK (json_valid(operation)),
  error TEXT CHECK (json_valid(error)),
  parent_exists INTEGER CHECK (parent_exists IN (0, 1)),
  body_sha256 BLOB CHECK (length(body_sha256) = 32),
  checksum INTEGER NOT NULL
) STRICT",
);

pub(super) static SENDS: Table = Table::new(
    "sends",
    &["id", "at", "call", "resource"],
    4,
    "CREATE TABLE sends (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  call TEXT NOT NULL,
  resource TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT",
);

pub(super) static LIMITS: Table = Table::new(
    "limits",
    &["id", "span", "calls"],
    2,
    "CREATE TABLE limits (
  id INTEGER PRIMARY KEY,
  span TEXT NOT NULL UNIQUE,
  calls INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT",
);

pub(super) static HOLD: Table = Table::new(
    "hold",
    &["id", "at", "until", "calls"],
    1,
    "CREATE TABLE hold (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  at INTEGER NOT NULL,
  until INTEGER NOT NULL,
  calls INTEGER,
  checksum INTEGER NOT NULL
) STRICT",
);

pub(super) static DEVICES: Table = Table::new(
    "devices",
    &["position", "name", "seen", "searched"],
    2,
    "CREATE TABLE devices (
  position INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  seen INTEGER,
  searched INTEGER,
  checksum INTEGER NOT NULL
) STRICT",
);

pub(super) static ENTERPRISES: Table = Table::new(
    "enterprises",
    &["id", "name", "operations"],
    2,
    "CREATE TABLE enterprises (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  operations INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT",
);

pub(super) static NOTES: Table = Table::new(
    "notes",
    &["id", "at", "kind", "text"],
    4,
    "CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT",
);

pub(super) static RUNS: Table = Table::new(
    "runs",
    &[
        "id", "begun", "pid", "host", "boot", "uptime", "ended", "how",
    ],
    6,
    "CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  begun INTEGER NOT NULL,
  pid INTEGER NOT NULL,
  host TEXT NOT NULL,
  boot TEXT,
  uptime INTEGER,
  ended INTEGER,
  how TEXT,
  checksum INTEGER NOT NULL
) STRICT",
);

/// The tables that the fold of the job is over.
pub(super) static FOLDED: [&Table; 9] = [
    &OPERATIONS,
    &DEVICES,
    &ENTERPRISES,
    &SENDS,
    &LIMITS,
    &HOLD,
    &NOTES,
    &RUNS,
    &HOLDER,
];

/// Changes that this program made stand between a lifted seal and a set one, in one transaction;
/// the triggers, which run in every program, count all others as edits.
const SEAL: &str = "CREATE TABLE seal (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  lifted INTEGER NOT NULL
) STRICT";

const EDITS: &str = "CREATE TABLE edits (
  place TEXT NOT NULL,
  event TEXT NOT NULL,
  first INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (place, event)
) STRICT";

/// A plan gets it when it is frozen: sorted once, it takes a fraction of the time that a million
/// insertions in no order take. Until then the names are kept in memory.
pub(super) const NAMES: &str = "CREATE UNIQUE INDEX operations_by_name ON operations (name)";

/// The bad news, which is rare, so that the first of it is found without reading all rows.
pub(super) const BAD: &str = "verdict IN ('completed', 'gone')";

const SENDS_BY_TIME: &str = "CREATE INDEX sends_by_time ON sends (at)";

/// Every statement that makes the schema but [`NAMES`], in order.
pub(super) fn statements() -> Vec<String> {
    let tables = || std::iter::once(&JOB).chain(FOLDED);
    let mut all = vec![SEAL.to_owned(), EDITS.to_owned()];
    all.extend(tables().map(|table| table.create.to_owned()));
    all.push(format!(
        "CREATE INDEX operations_by_verdict ON operations (verdict, position)\nWHERE {BAD}"
    ));
    all.push(SENDS_BY_TIME.to_owned());
    for table in tables() {
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
    const fn new(
        name: &'static str,
        columns: &'static [&'static str],
        fixed: usize,
        create: &'static str,
    ) -> Self {
        Self {
            name,
            columns,
            fixed,
            create,
            insert: OnceLock::new(),
            update: OnceLock::new(),
        }
    }

    /// Inserts a row; the parameters are its columns and the checksum. Does nothing when its key
    /// or its name is there.
    pub(super) fn insert(&self) -> &str {
        self.insert.get_or_init(|| {
            let places = vec!["?"; self.columns.len() + 1].join(", ");
            let name = self.name;
            format!("INSERT INTO {name} VALUES ({places}) ON CONFLICT DO NOTHING")
        })
    }

    /// Writes the columns that change of the row with its key; same parameters.
    pub(super) fn update(&self) -> &str {
        self.update.get_or_init(|| {
            let changing = self.columns.iter().enumerate().skip(self.fixed);
            let sets = changing.map(|(at, column)| format!("{column} = ?{}", at + 1));
            let sets = sets.collect::<Vec<_>>().join(", ");
            let (name, key, last) = (self.name, self.columns[0], self.columns.len() + 1);
            format!("UPDATE {name} SET {sets}, checksum = ?{last} WHERE {key} = ?1")
        })
    }
}
