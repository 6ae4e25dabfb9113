//! The rows of a report as Arrow, by its C stream interface.
//!
//! Whoever takes it (polars, pandas, pyarrow, duckdb …) reads a batch at a time, from any thread.

use std::sync::Arc;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{
    ArrayRef, BooleanArray, Int64Array, PrimitiveArray, RecordBatch, RecordBatchReader,
    StringArray, UInt32Array, UInt64Array,
};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use countermand_core::Timestamp;
use countermand_fleet::report::Record;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::bulk::forked;
use crate::report::Snapshot;
use crate::rows::hex;

/// So many rows take a few megabytes.
const BATCH: usize = 8192;

/// A capsule as the Arrow PyCapsule interface wants it: an `ArrowArrayStream` under this name,
/// released with the capsule unless somebody has moved it out.
pub(crate) fn stream(py: Python<'_>, snapshot: Arc<Snapshot>) -> PyResult<Bound<'_, PyCapsule>> {
    let batches = Batches {
        snapshot,
        after: 0,
        ended: false,
        schema: schema(),
    };
    let stream = FFI_ArrowArrayStream::new(Box::new(batches));
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

struct Batches {
    snapshot: Arc<Snapshot>,
    /// The position of the last row that was read.
    after: u64,
    ended: bool,
    schema: SchemaRef,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let rows = match self.snapshot.rows(self.after, BATCH) {
            Some(Ok(rows)) => rows,
            Some(Err(error)) => {
                self.ended = true;
                return Some(Err(ArrowError::ExternalError(Box::new(error))));
            }
            None => {
                self.ended = true;
                return Some(Err(ArrowError::ExternalError(forked().into())));
            }
        };
        self.after = rows.last()?.position;
        let records = rows.iter().map(Record::of).collect::<Vec<_>>();
        let arrays = columns(&records).into_iter().map(|column| column.array);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays.collect());
        Some(batch)
    }
}

impl RecordBatchReader for Batches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

struct Column {
    name: &'static str,
    array: ArrayRef,
    /// Whether it may be absent.
    optional: bool,
}

fn schema() -> SchemaRef {
    let fields = columns(&[]).into_iter().map(|column| {
        let kind = column.array.data_type().clone();
        Field::new(column.name, kind, column.optional)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The columns of a table of these records: those of the CSV, in its order, with types.
fn columns(records: &[Record<'_>]) -> Vec<Column> {
    let positions = records.iter().map(|record| record.position);
    let attempts = records.iter().map(|record| record.attempts);
    vec![
        Column {
            name: "position",
            array: Arc::new(UInt64Array::from_iter_values(positions)),
            optional: false,
        },
        words("name", records, |record| record.name),
        texts("type", records, |record| record.kind),
        times("create_time", records, |record| record.create_time),
        times("device_seen", records, |record| record.device_seen),
        words("state", records, |record| record.state.as_str()),
        texts("verdict", records, |record| {
            record.verdict.map(|verdict| verdict.as_str())
        }),
        words("phase", records, |record| record.phase),
        Column {
            name: "attempts",
            array: Arc::new(UInt32Array::from_iter_values(attempts)),
            optional: false,
        },
        times("cancel_sent_at", records, |record| record.cancel_sent_at),
        times("accepted_at", records, |record| record.accepted_at),
        times("found", records, |record| record.found),
        times("verified_at", records, |record| record.verified_at),
        texts("body_sha256", records, |record| record.body_sha256.map(hex)),
        flags("done", records, |record| record.done()),
        Column {
            name: "code",
            array: Arc::new(records.iter().map(Record::code).collect::<Int64Array>()),
            optional: true,
        },
        texts("message", records, |record| record.message()),
        texts("problem", records, |record| record.problem()),
        texts("problem_message", records, |record| {
            record.problem_message()
        }),
        flags("parent_exists", records, |record| record.parent_exists),
    ]
}

fn words<'a>(
    name: &'static str,
    records: &'a [Record<'a>],
    of: impl Fn(&'a Record<'a>) -> &'a str,
) -> Column {
    Column {
        name,
        array: Arc::new(StringArray::from_iter_values(records.iter().map(of))),
        optional: false,
    }
}

fn texts<'a, T: AsRef<str>>(
    name: &'static str,
    records: &'a [Record<'a>],
    of: impl Fn(&'a Record<'a>) -> Option<T>,
) -> Column {
    Column {
        name,
        array: Arc::new(records.iter().map(of).collect::<StringArray>()),
        optional: true,
    }
}

fn times(
    name: &'static str,
    records: &[Record<'_>],
    of: impl Fn(&Record<'_>) -> Option<Timestamp>,
) -> Column {
    let times = records
        .iter()
        .map(|record| of(record).map(Timestamp::unix_millis));
    let times: PrimitiveArray<TimestampMillisecondType> = times.collect();
    Column {
        name,
        array: Arc::new(times.with_timezone("UTC")),
        optional: true,
    }
}

fn flags(
    name: &'static str,
    records: &[Record<'_>],
    of: impl Fn(&Record<'_>) -> Option<bool>,
) -> Column {
    Column {
        name,
        array: Arc::new(records.iter().map(of).collect::<BooleanArray>()),
        optional: true,
    }
}
