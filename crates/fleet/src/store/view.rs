//! Reading a job file, also while another process applies it.

use std::ops::Deref;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::connection;
use super::contents::Contents;
use super::error::{JobError, JobErrorKind};
use super::head::Head;
use super::settings::Settings;
use super::{beside, check, opening};
use crate::system;

/// The longest that opening waits while another process opens or closes the file.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// A check of a file that has been opened.
type Examine = fn(&mut Connection) -> Result<(Head, Settings), JobErrorKind>;

/// A job file as it was at one moment, for reading.
///
/// Takes no lock and changes nothing; what another process commits later does not show until
/// [`refresh`](Self::refresh). While it is open, the log beside the file (`-wal`) can only grow.
#[derive(Debug)]
pub struct View(Contents);

impl View {
    /// Opens a job file and checks all of it, as [`Job::open`](super::Job::open) does.
    ///
    /// # Errors
    /// As of [`Job::open`](super::Job::open), but never that it is locked.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JobError> {
        Self::open_as(path.as_ref(), check::all)
    }

    /// Opens a job file without reading its long tables: operations, devices and the log of the quota.
    /// Its [counts](Contents::counts), which it keeps of them, are not compared with them. For a look
    /// that decides nothing.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    pub fn open_unchecked(path: impl AsRef<Path>) -> Result<Self, JobError> {
        Self::open_as(path.as_ref(), check::all_but_long_tables)
    }

    fn open_as(path: &Path, check: Examine) -> Result<Self, JobError> {
        view(path, check)
            .map(Self)
            .map_err(|error| error.on_opening().at(path))
    }

    /// Goes on to the state that has been committed since.
    ///
    /// # Errors
    /// The disk's. Then the view still is what it was, or can be refreshed again.
    pub fn refresh(&mut self) -> Result<(), JobError> {
        let Contents {
            connection,
            head,
            path,
            ..
        } = &mut self.0;
        let mut again = || {
            if !connection.is_autocommit() {
                connection.execute_batch("COMMIT")?;
            }
            connection.execute_batch("BEGIN")?;
            *head = Head::read(connection)?;
            Ok::<_, JobErrorKind>(())
        };
        again().map_err(|error| error.at(path))
    }
}

impl Deref for View {
    type Target = Contents;

    fn deref(&self) -> &Contents {
        &self.0
    }
}

fn view(path: &Path, check: Examine) -> Result<Contents, JobErrorKind> {
    let descriptor = opening::look(path)?;
    let (connection, (head, settings)) = snapshot(path, check)?;
    Ok(Contents {
        connection,
        descriptor,
        path: path.into(),
        head,
        services: settings.services(),
        settings,
    })
}

fn snapshot(path: &Path, check: Examine) -> Result<(Connection, (Head, Settings)), JobErrorKind> {
    let end = Instant::now() + PATIENCE;
    loop {
        match connection::open(path).and_then(connection::begin) {
            Ok(mut connection) => {
                let verified = check(&mut connection)?;
                return Ok((connection, verified));
            }
            Err(JobErrorKind::Disk { .. }) if !beside::has_log(path) && !may_write_beside(path) => {
                let mut connection = connection::begin(connection::open_immutable(path)?)?;
                let verified = check(&mut connection)?;
                return Ok((connection, verified));
            }
            Err(JobErrorKind::Disk { .. }) if Instant::now() < end => std::thread::sleep(PAUSE),
            Err(error) => return Err(error),
        }
    }
}

/// True if this process could make a file beside it: then its failure had another reason.
fn may_write_beside(path: &Path) -> bool {
    system::may_write_in(system::folder_of(path)).is_ok()
}
