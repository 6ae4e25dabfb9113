//! Changing a job file: one transaction, in which every row gets its checksum.

use std::collections::BTreeMap;

use countermand_core::{OperationName, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, Params, TransactionBehavior};

use super::checksum::{Digest, checksum_of};
use super::error::JobErrorKind;
use super::schema::{self, JOB, SENDS, Table};
use crate::job_row::JobRow;

/// The one row of the table `job`.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) cookie: i64,
    pub(super) created: Timestamp,
    pub(super) settings: String,
    pub(super) operations: u64,
    pub(super) duplicates: u64,
    pub(super) digest: Option<Digest>,
    /// The sum of the checksums of all rows, wrapping: a row that is lost or older than the
    /// others shows in it.
    pub(super) fold: i64,
}

impl Head {
    pub(super) fn values(&self) -> Vec<Value> {
        vec![
            1.into(),
            schema::VERSION.into(),
            self.cookie.into(),
            self.created.unix_millis().into(),
            self.settings.clone().into(),
            whole(self.operations),
            whole(self.duplicates),
            self.digest.map(|digest| digest.as_bytes().to_vec()).into(),
            self.fold.into(),
        ]
    }
}

/// A count as a value. None comes near the largest.
pub(super) fn whole(count: u64) -> Value {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

/// A transaction on a job file.
pub(super) struct Transaction<'a> {
    pub(super) connection: &'a Connection,
    pub(super) head: Head,
    /// Operations that were changed, with the checksums of their rows in the file.
    pub(super) rows: BTreeMap<OperationName, (JobRow, i64)>,
}

/// Does `work` in one transaction, which is durable on return: all of it, or nothing. The head is
/// changed only then.
pub(super) fn transact<T>(
    connection: &mut Connection,
    head: &mut Head,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, JobErrorKind>,
) -> Result<T, JobErrorKind> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let lift = "UPDATE seal SET lifted = ?1";
    transaction.prepare_cached(lift)?.execute([1])?;
    let mut open = Transaction {
        connection: &transaction,
        head: head.clone(),
        rows: BTreeMap::new(),
    };
    let done = work(&mut open)?;
    open.write_rows()?;
    let new = open.head;
    let values = new.values();
    put(
        &transaction,
        JOB.update(),
        &values,
        checksum_of(JOB.name, &values),
    )?;
    transaction.prepare_cached(lift)?.execute([0])?;
    transaction.commit()?;
    *head = new;
    Ok(done)
}

/// Executes a statement with a row and its checksum; how many rows it changed.
pub(super) fn put(
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

    /// The key for a new row.
    pub(super) fn next_key(&self, table: &Table) -> Result<i64, JobErrorKind> {
        let (name, key) = (table.name, table.columns[0]);
        let sql = format!("SELECT coalesce(max({key}), 0) + 1 FROM {name}");
        Ok(self
            .connection
            .prepare_cached(&sql)?
            .query_row([], |row| row.get(0))?)
    }

    /// Forgets the calls that were sent before `horizon`.
    pub(super) fn prune(&mut self, horizon: Timestamp) -> Result<(), JobErrorKind> {
        self.delete(&SENDS, "at < ?1", [horizon.unix_millis()])
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
