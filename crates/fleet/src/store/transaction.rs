//! Changing a job file: one transaction, in which every row gets its checksum.

use std::collections::BTreeMap;

use countermand_core::{GrandparentName, OperationName};
use rusqlite::types::Value;
use rusqlite::{Connection, Params, Row, TransactionBehavior};

use super::checksum::checksum_of;
use super::codec::{self, put, query};
use super::contents::Contents;
use super::error::JobErrorKind;
use super::head::Head;
use super::schema::{JOB, Table};
use super::settings::Settings;
use crate::job_row::JobRow;
use crate::services::Services;

/// A transaction on a job file.
pub(super) struct Transaction<'a> {
    pub(super) connection: &'a Connection,
    pub(super) settings: &'a Settings,
    pub(super) services: &'a Services,
    pub(super) head: Head,
    /// Operations that were changed, to be written and counted at its end.
    pub(super) rows: BTreeMap<OperationName, Changed>,
    /// New operations of each enterprise.
    pub(super) enterprises: BTreeMap<GrandparentName, u64>,
}

/// A row that was changed, and its state in the file.
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
        services: &contents.services,
        head: contents.head.clone(),
        rows: BTreeMap::new(),
        enterprises: BTreeMap::new(),
    };
    let done = work(&mut open)?;
    open.write_rows()?;
    open.write_enterprises()?;
    let new = open.head;
    new.put(&transaction, &JOB.update)?;
    transaction.prepare_cached(lift)?.execute([0])?;
    transaction.commit()?;
    contents.head = new;
    Ok(done)
}

impl Transaction<'_> {
    /// Adds a row; `false` if there is one with its key or its name.
    pub(super) fn insert(&mut self, table: &Table, values: &[Value]) -> Result<bool, JobErrorKind> {
        let sum = checksum_of(table.name, values);
        let added = put(self.connection, &table.insert, values, sum)? > 0;
        if added {
            self.head.fold = self.head.fold.wrapping_add(sum);
        }
        Ok(added)
    }

    /// Replaces the changing columns of a row that had this checksum.
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
        put(self.connection, &table.update, values, new)?;
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
        codec::find(self.connection, sql, params, read)
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
        for sum in query(self.connection, &sql, params, |row| Ok(row.get(0)?))? {
            self.head.fold = self.head.fold.wrapping_sub(sum);
        }
        Ok(())
    }
}
