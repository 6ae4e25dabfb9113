//! Changing a job file: one transaction, in which every row gets its checksum.

use std::collections::BTreeMap;

use countermand_core::{GrandparentName, OperationName, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, Params, Row, TransactionBehavior};

use super::checksum::{Digest, checksum_of};
use super::contents::Contents;
use super::error::JobErrorKind;
use super::schema::{self, JOB, Table};
use super::settings::Settings;
use crate::counts::Counts;
use crate::job_row::JobRow;

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

/// A count as a value. None comes near the largest.
pub(super) fn whole(count: u64) -> Value {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

/// A transaction on a job file.
pub(super) struct Transaction<'a> {
    pub(super) connection: &'a Connection,
    pub(super) settings: &'a Settings,
    pub(super) head: Head,
    /// Operations that were changed, to be written and counted at its end.
    pub(super) rows: BTreeMap<OperationName, Changed>,
    /// New operations of each enterprise.
    pub(super) enterprises: BTreeMap<GrandparentName, u64>,
}

/// A row that was changed, and what the file has of it.
pub(super) struct Changed {
    pub(super) old: JobRow,
    pub(super) checksum: i64,
    pub(super) new: JobRow,
}

/// Does `work` in one transaction, which is durable on return: all of it, or nothing. The head is
/// changed only then.
pub(super) fn transact<T>(
    contents: &mut Contents,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, JobErrorKind>,
) -> Result<T, JobErrorKind> {
    let begun = &mut contents.connection;
    let transaction = begun.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let lift = "UPDATE seal SET lifted = ?1";
    transaction.prepare_cached(lift)?.execute([1])?;
    let mut open = Transaction {
        connection: &transaction,
        settings: &contents.settings,
        head: contents.head.clone(),
        rows: BTreeMap::new(),
        enterprises: BTreeMap::new(),
    };
    let done = work(&mut open)?;
    open.write_rows()?;
    open.write_enterprises()?;
    let new = open.head;
    new.put(&transaction, JOB.update())?;
    transaction.prepare_cached(lift)?.execute([0])?;
    transaction.commit()?;
    contents.head = new;
    Ok(done)
}

/// Executes a statement with a row and its checksum; how many rows it changed.
fn put(
    connection: &Connection,
    sql: &str,
    values: &[Value],
    checksum: i64,
) -> Result<usize, JobErrorKind> {
    let mut statement = connection.prepare_cached(sql)?;
    for (at, value) in (1..).zip(values) {
        statement.raw_bind_parameter(at, value)?;
    }
    statement.raw_bind_parameter(values.len() + 1, checksum)?;
    Ok(statement.raw_execute()?)
}

impl Transaction<'_> {
    /// Adds a row; `false` if there is one with its key or its name.
    pub(super) fn insert(&mut self, table: &Table, values: &[Value]) -> Result<bool, JobErrorKind> {
        let sum = checksum_of(table.name, values);
        let added = put(self.connection, table.insert(), values, sum)? > 0;
        if added {
            self.head.fold = self.head.fold.wrapping_add(sum);
        }
        Ok(added)
    }

    /// Replaces what changes of a row that had this checksum.
    pub(super) fn update(
        &mut self,
        table: &Table,
        old: i64,
        values: &[Value],
    ) -> Result<(), JobErrorKind> {
        let new = checksum_of(table.name, values);
        if new == old {
            return Ok(());
        }
        put(self.connection, table.update(), values, new)?;
        self.head.fold = self.head.fold.wrapping_sub(old).wrapping_add(new);
        Ok(())
    }

    /// Adds a row or replaces the one with its key.
    pub(super) fn upsert(&mut self, table: &Table, values: &[Value]) -> Result<(), JobErrorKind> {
        if self.insert(table, values)? {
            return Ok(());
        }
        let (name, key) = (table.name, table.columns[0]);
        let sql = format!("SELECT checksum FROM {name} WHERE {key} = ?1");
        let mut statement = self.connection.prepare_cached(&sql)?;
        let old = statement.query_row([&values[0]], |row| row.get(0))?;
        drop(statement);
        self.update(table, old, values)
    }

    /// The row that a query is for, if there is one.
    pub(super) fn find<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T, JobErrorKind>,
    ) -> Result<Option<T>, JobErrorKind> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params)?;
        rows.next()?.map(read).transpose()
    }

    /// The key for a new row.
    pub(super) fn next_key(&self, table: &Table) -> Result<i64, JobErrorKind> {
        let (name, key) = (table.name, table.columns[0]);
        let sql = format!("SELECT coalesce(max({key}), 0) + 1 FROM {name}");
        Ok(self
            .connection
            .prepare_cached(&sql)?
            .query_row([], |row| row.get(0))?)
    }

    /// Deletes every row.
    pub(super) fn clear(&mut self, table: &Table) -> Result<(), JobErrorKind> {
        self.delete(table, "true", [])
    }

    /// Deletes the rows that a condition names.
    pub(super) fn delete(
        &mut self,
        table: &Table,
        which: &str,
        params: impl Params,
    ) -> Result<(), JobErrorKind> {
        let sql = format!(
            "DELETE FROM {} WHERE {which} RETURNING checksum",
            table.name
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut gone = statement.query(params)?;
        while let Some(row) = gone.next()? {
            self.head.fold = self.head.fold.wrapping_sub(row.get(0)?);
        }
        Ok(())
    }
}
