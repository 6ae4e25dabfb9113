//! The row of the job itself, with its sums of all others.

use std::sync::Arc;

use countermand_core::Timestamp;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::checksum::{Digest, checksum_of};
use super::codec::{find, put, whole};
use super::error::JobErrorKind;
use super::schema::{self, JOB, SETTINGS};
use crate::counts::Counts;

/// The one row of the table `job`.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) cookie: i64,
    pub(super) created: Timestamp,
    /// The text of the settings, which has a table of its own: with many lanes it is long, and never changes.
    pub(super) settings: Arc<str>,
    pub(super) duplicates: u64,
    /// Devices that the filter does not exclude, and those of them that have been searched.
    pub(super) devices: u64,
    pub(super) searched: u64,
    /// Kept in step with the rows of operations: each transaction that changes rows changes them.
    pub(super) counts: Counts,
    pub(super) digest: Option<Digest>,
    /// The sum of the checksums of all rows, wrapping: a row that is lost or older than the
    /// others shows in it.
    pub(super) fold: i64,
}

impl Head {
    /// The head of a new job, beside the row of its settings.
    pub(super) fn new(created: Timestamp, settings: &str, cookie: i64) -> Self {
        Self {
            cookie,
            created,
            settings: settings.into(),
            duplicates: 0,
            devices: 0,
            searched: 0,
            counts: Counts::default(),
            digest: None,
            fold: checksum_of(SETTINGS.name, &Self::settings_row(settings)),
        }
    }

    pub(super) fn read(connection: &Connection) -> Result<Self, JobErrorKind> {
        let sql = "SELECT text FROM settings";
        let settings = find(connection, sql, [], |row| Ok(row.get::<_, String>(0)?))?;
        let settings =
            settings.ok_or_else(|| JobErrorKind::damaged("table settings has no row"))?;
        let mut statement = connection.prepare_cached("SELECT * FROM job")?;
        let mut rows = statement.query([])?;
        let row = rows.next()?;
        let row = row.ok_or_else(|| JobErrorKind::damaged("table job has no row"))?;
        let counts = serde_json::from_str(row.get_ref(7)?.as_str().unwrap_or_default());
        Ok(Self {
            cookie: row.get(2)?,
            created: Timestamp::from_unix_millis(row.get(3)?),
            settings: settings.into(),
            duplicates: row.get(4)?,
            devices: row.get(5)?,
            searched: row.get(6)?,
            counts: counts
                .map_err(|error| JobErrorKind::damaged(format_args!("counts: {error}")))?,
            digest: row.get::<_, Option<[u8; 32]>>(8)?.map(Digest::new),
            fold: row.get(9)?,
        })
    }

    /// Every column but the checksum, in order.
    fn values(&self) -> Vec<Value> {
        // Words, numbers and times: there is nothing in it that could fail.
        let counts = serde_json::to_string(&self.counts).unwrap_or_default();
        vec![
            1.into(),
            schema::VERSION.into(),
            self.cookie.into(),
            self.created.unix_millis().into(),
            whole(self.duplicates),
            whole(self.devices),
            whole(self.searched),
            counts.into(),
            self.digest.map(|digest| digest.as_bytes().to_vec()).into(),
            self.fold.into(),
        ]
    }

    fn settings_row(settings: &str) -> [Value; 2] {
        [1.into(), settings.to_owned().into()]
    }

    /// Writes the row of the settings of a new job.
    pub(super) fn put_settings(&self, connection: &Connection) -> Result<(), JobErrorKind> {
        let row = Self::settings_row(&self.settings);
        let sum = checksum_of(SETTINGS.name, &row);
        put(connection, &SETTINGS.insert, &row, sum).map(|_| ())
    }

    /// Writes it by one of the statements of its table.
    pub(super) fn put(&self, connection: &Connection, sql: &str) -> Result<(), JobErrorKind> {
        let values = self.values();
        put(connection, sql, &values, checksum_of(JOB.name, &values)).map(|_| ())
    }
}
