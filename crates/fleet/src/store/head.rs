//! The row of the job itself, with its sums of all others.

use countermand_core::Timestamp;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::checksum::{Digest, checksum_of};
use super::codec::{put, whole};
use super::error::JobErrorKind;
use super::schema::{self, JOB};
use crate::counts::Counts;

/// The one row of the table `job`.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) cookie: i64,
    pub(super) created: Timestamp,
    pub(super) settings: String,
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
    /// The head of a new job.
    pub(super) fn new(created: Timestamp, settings: String, cookie: i64) -> Self {
        Self {
            cookie,
            created,
            settings,
            duplicates: 0,
            devices: 0,
            searched: 0,
            counts: Counts::default(),
            digest: None,
            fold: 0,
        }
    }

    pub(super) fn read(connection: &Connection) -> Result<Self, JobErrorKind> {
        let mut statement = connection.prepare_cached("SELECT * FROM job")?;
        let mut rows = statement.query([])?;
        let row = rows.next()?;
        let row = row.ok_or_else(|| JobErrorKind::damaged("table job has no row"))?;
        let counts = serde_json::from_str(row.get_ref(8)?.as_str().unwrap_or_default());
        Ok(Self {
            cookie: row.get(2)?,
            created: Timestamp::from_unix_millis(row.get(3)?),
            settings: row.get(4)?,
            duplicates: row.get(5)?,
            devices: row.get(6)?,
            searched: row.get(7)?,
            counts: counts
                .map_err(|error| JobErrorKind::damaged(format_args!("counts: {error}")))?,
            digest: row.get::<_, Option<[u8; 32]>>(9)?.map(Digest::new),
            fold: row.get(10)?,
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
            self.settings.clone().into(),
            whole(self.duplicates),
            whole(self.devices),
            whole(self.searched),
            counts.into(),
            self.digest.map(|digest| digest.as_bytes().to_vec()).into(),
            self.fold.into(),
        ]
    }

    /// Writes it by one of the statements of its table.
    pub(super) fn put(&self, connection: &Connection, sql: &str) -> Result<(), JobErrorKind> {
        let values = self.values();
        put(connection, sql, &values, checksum_of(JOB.name, &values)).map(|_| ())
    }
}
