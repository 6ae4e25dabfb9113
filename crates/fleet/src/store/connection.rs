//! Opening SQLite on a job file, so that a committed change is on the disk.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};

use super::beside;
use super::descriptor::Descriptor;
use super::error::JobErrorKind;
use super::schema;

/// The longest that a change waits for another program that writes.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest that a file may keep SQLite busy before it is known to have our tables and no others.
const FOREIGN: Duration = Duration::from_millis(500);
/// The longest value and the longest row that is read. A job's settings with a long list of what to
/// leave alone are the longest there are.
const LONGEST: i32 = 64 << 20;
/// The memory that SQLite may keep, in KiB.
const CACHE: i64 = 32 * 1024;

/// Refuses a file that is not a job file before SQLite sees it.
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
    let connection = configure(Connection::open_with_flags(&path, flags)?)?;
    // SQLite takes the log of any other database for this file's.
    fold_at_end(&connection, !beside::has_log(&path))?;
    Ok(connection)
}

/// Says whether closing the last connection writes the log into the file, and removes it.
pub(super) fn fold_at_end(connection: &Connection, fold: bool) -> Result<(), JobErrorKind> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !fold)?;
    Ok(())
}

/// A connection to a file that does not change, on a medium that takes no files beside it.
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
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST)?;
    // No job file needs another one.
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Nothing in the schema of a file from elsewhere may call what has side effects.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -CACHE)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On systems on which fsync does not reach the disk itself, the call that does is used.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    Ok(connection)
}

/// Reads a table that may be anything, like a view that never ends: after half a second it is
/// interrupted.
pub(super) fn in_time<T>(
    connection: &mut Connection,
    read: impl FnOnce(&Connection) -> Result<T, JobErrorKind>,
) -> Result<T, JobErrorKind> {
    let end = Instant::now() + FOREIGN;
    connection.progress_handler(1000, Some(move || Instant::now() > end))?;
    let done = read(connection);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    done
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

/// Brings everything from the log into the file itself, if no other process reads an older state.
pub(super) fn checkpoint(connection: &Connection) -> Result<(), JobErrorKind> {
    Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
}

/// Begins a transaction that sees one state and changes nothing.
pub(super) fn begin(connection: Connection) -> Result<Connection, JobErrorKind> {
    connection.pragma_update(None, "query_only", true)?;
    connection.execute_batch("BEGIN")?;
    // The state is that of the first read.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}
