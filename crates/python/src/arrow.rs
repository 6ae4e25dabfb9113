//! The rows of a report as Arrow, by its C stream interface.
//!
//! The consumer (polars, pandas, pyarrow, duckdb …) reads a batch at a time, from any thread.

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
use countermand_fleet::store::Digest;
use pyo3::prelude::*;
use pyo3::types::PyCapsule;

use crate::files::Snapshot;
use crate::process;

/// Rows of a batch, which take a few megabytes.
const BATCH: usize = 8192;

/// A capsule as the Arrow PyCapsule interface wants it: an `ArrowArrayStream` under this name,
/// released with the capsule unless a consumer has moved it out.
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
            failed => {
                self.ended = true;
                let error = match failed {
                    Some(Err(error)) => error.into(),
                    _ => process::elsewhere().into(),
                };
                return Some(Err(ArrowError::ExternalError(error)));
            }
        };
        self.after = rows.last()?.position;
        let records = rows.iter().map(Record::of).collect::<Vec<_>>();
        let arrays = COLUMNS.iter().map(|(_, values)| values.of(&records));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays.collect());
        Some(batch)
    }
}

impl RecordBatchReader for Batches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

/// Values of a column: the first three are in every row.
enum Values {
    Positions(fn(&Record<'_>) -> u64),
    Counts(fn(&Record<'_>) -> u32),
    Words(for<'a> fn(&Record<'a>) -> &'a str),
    Texts(for<'a> fn(&Record<'a>) -> Option<&'a str>),
    Digests(fn(&Record<'_>) -> Option<Digest>),
    Times(fn(&Record<'_>) -> Option<Timestamp>),
    Codes(fn(&Record<'_>) -> Option<i64>),
    Flags(fn(&Record<'_>) -> Option<bool>),
}

/// The columns of a table: those of the CSV, in its order, with types.
const COLUMNS: [(&str, Values); 21] = [
    ("position", Values::Positions(|row| row.position)),
    ("name", Values::Words(|row| row.name)),
    ("type", Values::Texts(|row| row.kind)),
    ("create_time", Values::Times(|row| row.create_time)),
    ("device_seen", Values::Times(|row| row.device_seen)),
    ("state", Values::Words(|row| row.state.as_str())),
    ("verdict", Values::Texts(|row| Some(row.verdict?.as_str()))),
    ("phase", Values::Words(|row| row.phase)),
    ("attempts", Values::Counts(|row| row.attempts)),
    ("cancel_sent_at", Values::Times(|row| row.cancel_sent_at)),
    ("accepted_at", Values::Times(|row| row.accepted_at)),
    ("found", Values::Times(|row| row.found)),
    ("verified_at", Values::Times(|row| row.verified_at)),
    ("body_sha256", Values::Digests(|row| row.body_sha256)),
    ("done", Values::Flags(|row| row.done())),
    ("code", Values::Codes(|row| row.code())),
    ("message", Values::Texts(|row| row.message())),
    ("problem", Values::Texts(|row| row.problem())),
    (
        "problem_message",
        Values::Texts(|row| row.problem_message()),
    ),
    ("parent_exists", Values::Flags(|row| row.parent_exists)),
    ("from_input", Values::Flags(|row| Some(row.from_input))),
];

fn schema() -> SchemaRef {
    let fields = COLUMNS.iter().map(|(name, values)| {
        let always = matches!(
            values,
            Values::Positions(_) | Values::Counts(_) | Values::Words(_)
        );
        Field::new(*name, values.of(&[]).data_type().clone(), !always)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl Values {
    fn of(&self, records: &[Record<'_>]) -> ArrayRef {
        let rows = records.iter();
        match self {
            Self::Positions(of) => Arc::new(UInt64Array::from_iter_values(rows.map(of))),
            Self::Counts(of) => Arc::new(UInt32Array::from_iter_values(rows.map(of))),
            Self::Words(of) => Arc::new(StringArray::from_iter_values(rows.map(of))),
            Self::Texts(of) => Arc::new(rows.map(of).collect::<StringArray>()),
            Self::Digests(of) => Arc::new(
                rows.map(|row| of(row).map(|hash| hash.to_string()))
                    .collect::<StringArray>(),
            ),
            Self::Times(of) => {
                let times = rows.map(|row| of(row).map(Timestamp::unix_millis));
                let times: PrimitiveArray<TimestampMillisecondType> = times.collect();
                Arc::new(times.with_timezone("UTC"))
            }
            Self::Codes(of) => Arc::new(rows.map(of).collect::<Int64Array>()),
            Self::Flags(of) => Arc::new(rows.map(of).collect::<BooleanArray>()),
        }
    }
}
