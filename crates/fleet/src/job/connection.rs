//! Opening SQLite on a job file, so that what is committed is on the disk.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::descriptor::Descriptor;
use super::error::JobErrorKind;
use super::schema;

/// For how long a change waits for another program that writes.
const PATIENCE: Duration = Duration::from_secs(5);
/// What SQLite may keep in memory, in KiB.
const CACHE: i64 = 32 * 1024;

/// Refuses what is not a job file before SQLite sees it.
pub(super) fn check_header(descriptor: &Descriptor) -> Result<(), JobErrorKind> {
    let header: [u8; 100] = descriptor.head().map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => JobErrorKind::NotAJob,
        _ => error.into(),
    })?;
    // Offset 68: the application id, big-endian (https://sqlite.org/fileformat.html, 1.3).
    let ours = header[68..72] == schema::APPLICATION_ID.to_be_bytes();
    match header.starts_with(b"SQLite format 3\0") && ours {
        true => Ok(()),
        false => Err(JobErrorKind::NotAJob),
    }
}

/// A connection that may write, if the file system lets it.
pub(super) fn open(path: &Path) -> Result<Connection, JobErrorKind> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // An absolute path cannot be one of SQLite's special names.
    let path = std::path::absolute(path)?;
    configure(Connection::open_with_flags(path, flags)?)
}

/// A connection to a file that nobody changes, on a medium that takes no files beside it.
pub(super) fn open_immutable(path: &Path) -> Result<Connection, JobErrorKind> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let path = std::path::absolute(path)?;
    let coded = path.as_os_str().as_encoded_bytes().iter();
    let coded = coded.map(|byte| match byte {
        b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
            char::from(*byte).to_string()
        }
        byte => format!("%{byte:02X}"),
    });
    let uri = format!("file:{}?immutable=1", coded.collect::<String>());
    configure(Connection::open_with_flags(uri, flags)?)
}

fn configure(connection: Connection) -> Result<Connection, JobErrorKind> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Nothing in the schema of a file from elsewhere may call what has side effects.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Where fsync does not reach the disk itself, what does is used.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    Ok(connection)
}

/// Switches to the write-ahead log, which lets others read while this process writes.
pub(super) fn use_wal(connection: &Connection) -> Result<(), JobErrorKind> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    match mode.as_str() {
        "wal" => Ok(()),
        _ => Err(JobErrorKind::Disk {
            what: format!("this file system allows no write-ahead log (journal mode {mode})"),
        }),
    }
}

/// Brings everything from the log into the file itself, if nobody else reads an older state.
pub(super) fn checkpoint(connection: &Connection) -> Result<(), JobErrorKind> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}
