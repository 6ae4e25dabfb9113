//! Rows of a table one after the other, in memory a page at a time.

use std::path::Path;
use std::vec;

use rusqlite::{Connection, Row};

use super::error::{JobError, JobErrorKind};
use super::schema::Table;
use crate::services::Services;

/// Rows that are read at once.
const PAGE: usize = 256;

/// Makes a value of a row, whose names are of some services.
type Read<T> = fn(&Row<'_>, &Services) -> Result<T, JobErrorKind>;

/// Every row of a table, by its key.
pub(super) struct Pages<'a, T> {
    connection: &'a Connection,
    path: &'a Path,
    sql: String,
    read: Read<T>,
    services: &'a Services,
    page: vec::IntoIter<T>,
    /// The key of the last row read; `None` at the end.
    after: Option<i64>,
}

impl<'a, T> Pages<'a, T> {
    /// The rows whose key is greater.
    pub(super) fn after(
        connection: &'a Connection,
        path: &'a Path,
        table: &Table,
        (read, services): (Read<T>, &'a Services),
        after: i64,
    ) -> Self {
        let (name, key) = (table.name, table.columns[0]);
        Self {
            connection,
            path,
            sql: format!("SELECT * FROM {name} WHERE {key} > ?1 ORDER BY {key} LIMIT {PAGE}"),
            read,
            services,
            page: Vec::new().into_iter(),
            after: Some(after),
        }
    }

    fn turn(&mut self, after: i64) -> Result<(), JobErrorKind> {
        let mut statement = self.connection.prepare_cached(&self.sql)?;
        let mut rows = statement.query([after])?;
        let mut page = Vec::with_capacity(PAGE);
        while let Some(row) = rows.next()? {
            page.push((self.read)(row, self.services)?);
            self.after = Some(row.get(0)?);
        }
        if page.len() < PAGE {
            self.after = None;
        }
        self.page = page.into_iter();
        Ok(())
    }
}

impl<T> Iterator for Pages<'_, T> {
    type Item = Result<T, JobError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(next) = self.page.next() {
            return Some(Ok(next));
        }
        if let Err(error) = self.turn(self.after?) {
            self.after = None;
            return Some(Err(error.at(self.path)));
        }
        self.page.next().map(Ok)
    }
}
