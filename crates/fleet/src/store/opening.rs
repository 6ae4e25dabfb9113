//! Making and opening the file of a job: the lock first, then SQLite, then everything is verified.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use countermand_core::Timestamp;

use crate::output_file::create_new;
use crate::system::{self, FileId, folder_of};

use super::contents::{Contents, holder};
use super::descriptor::{self, Descriptor};
use super::error::JobErrorKind;
use super::head::Head;
use super::kind::Kind;
use super::settings::Settings;
use super::{beside, check, connection, schema};

/// The names that a plan has, as fingerprints, until it is frozen.
pub(super) type Names = HashSet<u128>;

pub(super) fn create(
    path: &Path,
    settings: &Settings,
    now: Timestamp,
) -> Result<(Contents, Option<Names>), JobErrorKind> {
    // First: what stands beside a job that is there belongs to it.
    nothing_at(path)?;
    beside::nothing(path)?;
    // Closed at once, before SQLite opens it.
    drop(create_new(path)?);
    let mut descriptor = Descriptor::open(path)?;
    let new = NewFile::of(path, &descriptor);
    if !descriptor.lock()? {
        return Err(JobErrorKind::Locked { holder: None });
    }
    let connection = connection::open(path)?;
    connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", schema::VERSION)?;
    // Still with a rollback journal: the file is a job file before there is a log beside it.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for statement in schema::statements() {
        connection.execute_batch(&statement)?;
    }
    let names = match settings.kind {
        Kind::Plan => Some(HashSet::new()),
        Kind::Rescue | Kind::Feed => {
            connection.execute_batch(schema::NAMES)?;
            None
        }
    };
    let text = serde_json::to_string(settings).map_err(|error| JobErrorKind::Sqlite {
        what: format!("settings: {error}"),
    })?;
    let cookie = connection.pragma_query_value(None, "schema_version", |row| row.get(0))?;
    let head = Head::new(now, &text, cookie);
    connection.execute("INSERT INTO seal VALUES (1, 1)", [])?;
    head.put_settings(&connection)?;
    head.put(&connection, &schema::JOB.insert)?;
    connection.execute("UPDATE seal SET lifted = 0", [])?;
    connection.execute_batch("COMMIT")?;
    connection::use_wal(&connection)?;
    // So that its name survives a power failure.
    system::sync_folder(folder_of(path))?;

    let contents = Contents {
        connection,
        descriptor,
        path: path.into(),
        head,
        settings: settings.clone(),
        services: settings.services(),
    };
    new.keep();
    Ok((contents, names))
}

fn nothing_at(path: &Path) -> Result<(), JobErrorKind> {
    match path.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(there) if there.is_dir() => {
            let folder = "it is a folder, and a file is expected";
            Err(io::Error::new(io::ErrorKind::IsADirectory, folder).into())
        }
        Ok(_) => Err(JobErrorKind::Exists),
    }
}

pub(super) fn may_be_made(path: &Path) -> Result<(), JobErrorKind> {
    nothing_at(path)?;
    beside::nothing(path)?;
    Ok(system::may_write_in(folder_of(path))?)
}

/// The file of a new job, which is removed again unless it is kept.
pub(super) struct NewFile<'a> {
    path: &'a Path,
    file: FileId,
    kept: bool,
}

impl<'a> NewFile<'a> {
    pub(super) fn of(path: &'a Path, descriptor: &Descriptor) -> Self {
        Self {
            path,
            file: descriptor.file().clone(),
            kept: false,
        }
    }

    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        // Another file may have come to stand there: that one is not ours.
        if self.kept || !descriptor::is_at(&self.file, self.path).unwrap_or(false) {
            return;
        }
        for ending in beside::ENDINGS.into_iter().chain([""]) {
            let file = beside::beside(self.path, ending);
            // That one of them stays is no second failure, and most of them are not there.
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Looks at a file, and at those beside it, before SQLite does.
pub(super) fn look(path: &Path) -> Result<Descriptor, JobErrorKind> {
    let descriptor = Descriptor::open(path)?;
    connection::check_header(&descriptor)?;
    beside::only_sqlites(path)?;
    Ok(descriptor)
}

/// Opens and locks a file, and checks all of it.
pub(super) fn open(path: &Path) -> Result<Contents, JobErrorKind> {
    let mut descriptor = look(path)?;
    if !descriptor.lock()? {
        // The process that has it is writing perhaps; not to know its name is no reason to wait.
        let asked = connection::open(path).and_then(connection::begin);
        let holder = asked.and_then(|mut connection| connection::in_time(&mut connection, holder));
        return Err(JobErrorKind::Locked {
            holder: holder.ok().flatten(),
        });
    }
    let mut connection = connection::open(path)?;
    connection.execute_batch("BEGIN")?;
    let (head, settings) = check::all(&mut connection)?;
    connection.execute_batch("COMMIT")?;
    connection::use_wal(&connection)?;
    Ok(Contents {
        connection,
        descriptor,
        path: path.into(),
        head,
        services: settings.services(),
        settings,
    })
}
