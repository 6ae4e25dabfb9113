//! The rows of a report as Arrow, by its C stream interface.
//!
//! The consumer (polars, pandas, pyarrow, duckdb …) reads a batch at a time, from any thread.

use std::iter::repeat_n;
use std::sync::Arc;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::{Int32Type, TimestampMillisecondType};
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Int64Array, PrimitiveArray, RecordBatch,
    RecordBatchIterator, RecordBatchReader, StringArray, UInt32Array, UInt64Array, new_null_array,
};
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use countermand_core::Timestamp;
use countermand_fleet::JobRow;
use countermand_fleet::report::{COLUMNS, Column, Row, Values};
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

/// Rows that were told one by one, and values that are no names, as the same columns.
pub(crate) fn of_rows<'py>(
    py: Python<'py>,
    rows: &[JobRow],
    refused: &[Refused],
) -> PyResult<Bound<'py, PyCapsule>> {
    let schema = schema();
    let batch = |arrays| RecordBatch::try_new(Arc::clone(&schema), arrays);
    let mut batches = Vec::new();
    if !rows.is_empty() {
        let records = rows.iter().map(Row::of).collect::<Vec<_>>();
        let arrays = COLUMNS.iter().map(|column| array(column.values, &records));
        batches.push(batch(arrays.collect()));
    }
    if !refused.is_empty() {
        let arrays = COLUMNS.iter().map(|column| of_refused(column, refused));
        batches.push(batch(arrays.collect()));
    }
    let batches = RecordBatchIterator::new(batches, schema);
    let stream = FFI_ArrowArrayStream::new(Box::new(batches));
    PyCapsule::new_with_value(py, stream, c"arrow_array_stream")
}

/// A value that is no name: as it is shown, and the kind and the message of its error.
pub(crate) type Refused = (String, String, String);

/// A column of values that are no names: most of it is not known.
fn of_refused(column: &Column, refused: &[Refused]) -> ArrayRef {
    let texts = |of: fn(&Refused) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(refused.iter().map(of)))
    };
    let count = refused.len();
    match (column.name, column.values) {
        ("problem", _) => texts(|(_, kind, _)| kind),
        ("problem_message", _) => texts(|(_, _, message)| message),
        (name, Values::Words(words, _)) => {
            let word = match name {
                "state" => Some("error"),
                "phase" => Some("unsent"),
                _ => None,
            };
            let key = words.iter().position(|it| Some(*it) == word);
            let keys = repeat_n(key.map(|key| key as i32), count).collect();
            let words = Arc::new(StringArray::from_iter_values(words));
            Arc::new(DictionaryArray::<Int32Type>::new(keys, words))
        }
        ("name", _) => texts(|(name, ..)| name),
        (_, Values::Names(_)) => texts(|_| ""),
        (_, Values::Positions(_)) => Arc::new(UInt64Array::from_iter_values(repeat_n(0, count))),
        (_, Values::Counts(_)) => Arc::new(UInt32Array::from_iter_values(repeat_n(0, count))),
        (_, values) => new_null_array(array(values, &[]).data_type(), count),
    }
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
        let records = rows.iter().map(Row::of).collect::<Vec<_>>();
        let arrays = COLUMNS.iter().map(|column| array(column.values, &records));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays.collect());
        Some(batch)
    }
}

impl RecordBatchReader for Batches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

fn schema() -> SchemaRef {
    let fields = COLUMNS.iter().map(|column| {
        let always = matches!(
            column.values,
            Values::Positions(_) | Values::Counts(_) | Values::Names(_)
        );
        let kind = array(column.values, &[]).data_type().clone();
        Field::new(column.name, kind, !always)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn array(values: Values, records: &[Row<'_>]) -> ArrayRef {
    let rows = records.iter();
    match values {
        Values::Positions(of) => Arc::new(UInt64Array::from_iter_values(rows.map(of))),
        Values::Counts(of) => Arc::new(UInt32Array::from_iter_values(rows.map(of))),
        Values::Names(of) => Arc::new(StringArray::from_iter_values(rows.map(of))),
        // The dictionary is the same in every batch: some readers take the first for all of them.
        Values::Words(words, of) => {
            let key = |word| {
                words
                    .iter()
                    .position(|it| *it == word)
                    .map(|key| key as i32)
            };
            let keys = rows.map(|row| of(row).and_then(key)).collect();
            let words = Arc::new(StringArray::from_iter_values(words));
            Arc::new(DictionaryArray::<Int32Type>::new(keys, words))
        }
        Values::Levels(of) => Arc::new(rows.map(of).collect::<StringArray>()),
        Values::Texts(of) => Arc::new(rows.map(of).collect::<StringArray>()),
        Values::Digests(of) => Arc::new(
            rows.map(|row| of(row).map(|hash| hash.to_string()))
                .collect::<StringArray>(),
        ),
        Values::Times(of) => {
            let times = rows.map(|row| of(row).map(Timestamp::unix_millis));
            let times: PrimitiveArray<TimestampMillisecondType> = times.collect();
            Arc::new(times.with_timezone("UTC"))
        }
        Values::Codes(of) => Arc::new(rows.map(of).collect::<Int64Array>()),
        Values::Flags(of) => Arc::new(rows.map(of).collect::<BooleanArray>()),
    }
}
