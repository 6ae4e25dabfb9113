//! An operation as the columns of its row, and back.

use countermand_core::{Metadata, Name, Phase, Timestamp, Verdict, duration};

use rusqlite::types::Value;
use rusqlite::{Connection, Params, Row};

use super::error::JobErrorKind;
use crate::job_row::{JobRow, OperationProgress, Resolution, Target};
use crate::services::Services;

/// A count as a value. None comes near the largest.
pub(super) fn whole(count: u64) -> Value {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

/// Every row of a query, as it is read.
pub(super) fn query<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, JobErrorKind>,
) -> Result<Vec<T>, JobErrorKind> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read(row)?);
    }
    Ok(all)
}

/// The first row of a query, if there is one.
pub(super) fn find<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, JobErrorKind>,
) -> Result<Option<T>, JobErrorKind> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
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

pub(super) fn time(time: Option<Timestamp>) -> Value {
    time.map(Timestamp::unix_millis).into()
}

/// The name in a column, of a service of the job.
pub(super) fn name_at<const UP: u8>(
    row: &Row<'_>,
    at: usize,
    services: &Services,
) -> Result<Name<UP>, JobErrorKind> {
    let name = row.get_ref(at)?.as_str().ok();
    let name = name.and_then(|name| services.parse(name));
    name.ok_or_else(|| JobErrorKind::damaged("a column name"))
}

/// The time in a column.
pub(super) fn time_at(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Timestamp>> {
    let millis = row.get::<_, Option<i64>>(at)?;
    Ok(millis.map(Timestamp::from_unix_millis))
}

/// Every column of a row of the table `operations` but the checksum, in order.
pub(super) fn values(row: &JobRow) -> Vec<Value> {
    let JobRow {
        target, progress, ..
    } = row;
    let command = &target.command;
    let resolution = progress.resolution.as_ref();
    let json = |value: &serde_json::Value| value.to_string();
    vec![
        whole(row.position),
        target.name.as_str().to_owned().into(),
        command.kind.clone().into(),
        time(command.create_time),
        command.duration.map(duration::format).into(),
        command.error_code.clone().into(),
        time(target.device_seen),
        progress.phase.as_str().to_owned().into(),
        progress.attempts.into(),
        time(progress.cancel_sent_at),
        time(progress.maybe_delivered_at),
        time(progress.accepted_at),
        time(resolution.map(|resolution| resolution.at)),
        resolution
            .and_then(|resolution| resolution.verdict)
            .map(|verdict| verdict.as_str().to_owned())
            .into(),
        resolution
            .and_then(|resolution| resolution.operation.as_ref())
            .map(json)
            .into(),
        resolution
            .and_then(|resolution| resolution.error.as_ref())
            .map(json)
            .into(),
        resolution
            .and_then(|resolution| resolution.parent_exists)
            .map(i64::from)
            .into(),
        resolution
            .and_then(|resolution| resolution.body_sha256)
            .map(|hash| hash.to_vec())
            .into(),
    ]
}

/// A row of the table `operations`.
pub(super) fn row(columns: &Row<'_>, services: &Services) -> Result<JobRow, JobErrorKind> {
    let position = columns.get::<_, u64>(0)?;
    let bad = |column: &str| {
        JobErrorKind::damaged(format_args!(
            "table operations, row {position}, column {column}"
        ))
    };
    let time = |at: usize| time_at(columns, at);
    let text = |at: usize| columns.get::<_, Option<String>>(at);
    let json = |at: usize, column: &str| match columns.get_ref(at)?.as_str_or_null() {
        Ok(Some(text)) => serde_json::from_str(text)
            .map(Some)
            .map_err(|_| bad(column)),
        Ok(None) => Ok(None),
        Err(_) => Err(bad(column)),
    };

    let mut command = Metadata::default();
    command.kind = text(2)?;
    command.create_time = time(3)?;
    command.duration = match text(4)? {
        Some(text) => Some(duration::parse(&text).ok_or_else(|| bad("duration"))?),
        None => None,
    };
    command.error_code = text(5)?;
    let name = columns.get_ref(1)?.as_str().map_err(|_| bad("name"))?;
    let target = Target {
        name: services.parse(name).ok_or_else(|| bad("name"))?,
        command,
        device_seen: time(6)?,
    };

    let phase_text = columns.get_ref(7)?.as_str().map_err(|_| bad("phase"))?;
    let mut progress = OperationProgress {
        phase: Phase::from_word(phase_text).ok_or_else(|| bad("phase"))?,
        attempts: columns.get(8)?,
        cancel_sent_at: time(9)?,
        maybe_delivered_at: time(10)?,
        accepted_at: time(11)?,
        resolution: None,
    };
    if let Some(at) = time(12)? {
        let word = text(13)?;
        let verdict = match word {
            Some(word) => Some(Verdict::from_word(&word).ok_or_else(|| bad("verdict"))?),
            None => None,
        };
        progress.resolution = Some(Resolution {
            at,
            verdict,
            operation: json(14, "operation")?,
            error: json(15, "error")?,
            parent_exists: columns.get(16)?,
            body_sha256: columns.get(17)?,
        });
    }
    Ok(JobRow {
        position,
        target,
        progress,
        beyond_max: false,
        lane: None,
        job: None,
    })
}
