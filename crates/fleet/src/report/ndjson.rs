//! One JSON object a line.

use std::io::{BufWriter, Write};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::columns::{COLUMNS, ERROR, OPERATION, Values};
use super::error::ReportError;
use super::row::Row;
use super::summary::Summary;
use crate::counts::Counts;
use crate::job_row::JobRow;

/// The last line: the job, and how many rows stand above it.
#[derive(Serialize)]
struct End<'a> {
    schema: &'static str,
    #[serde(flatten)]
    counts: &'a Counts,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Writes a `countermand.row/1` for each row, and one `countermand.report/1` at the end.
///
/// The summary stands last because only then the counts are known in one pass; a file without it
/// was cut off. Memory does not grow with the rows.
///
/// # Errors
/// Those of `rows` and of `out`; the part that was written stands.
pub fn ndjson<E>(
    out: impl Write,
    summary: &Summary,
    rows: impl IntoIterator<Item = Result<JobRow, E>>,
) -> Result<Counts, ReportError<E>> {
    let mut out = BufWriter::new(out);
    let mut counts = Counts::default();
    let mut line = Vec::new();
    for row in rows {
        let row = row.map_err(ReportError::Rows)?;
        counts.add(&row);
        write_line(&mut out, &mut line, &Row::of(&row))?;
    }
    let end = End {
        schema: "countermand.report/1",
        counts: &counts,
        summary,
    };
    write_line(&mut out, &mut line, &end)?;
    out.flush()?;
    Ok(counts)
}

fn write_line<E>(
    out: &mut impl Write,
    line: &mut Vec<u8>,
    value: &impl Serialize,
) -> Result<(), ReportError<E>> {
    line.clear();
    countermand_core::text::write_json_line(&mut *line, value).map_err(std::io::Error::from)?;
    line.push(b'\n');
    Ok(out.write_all(line)?)
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("schema", "countermand.row/1")?;
        for column in COLUMNS.iter().filter(|column| column.part_of.is_none()) {
            let name = column.name;
            match column.values {
                Values::Positions(of) => line.serialize_entry(name, &of(self))?,
                Values::Counts(of) => line.serialize_entry(name, &of(self))?,
                Values::Names(of) => line.serialize_entry(name, of(self))?,
                Values::Levels(of) => line.serialize_entry(name, &of(self))?,
                Values::Words(_, of) => line.serialize_entry(name, &of(self))?,
                Values::Texts(of) => line.serialize_entry(name, &of(self))?,
                Values::Digests(of) => line.serialize_entry(name, &of(self))?,
                Values::Times(of) => line.serialize_entry(name, &of(self))?,
                Values::Codes(of) => line.serialize_entry(name, &of(self))?,
                // A question that was not asked has no answer.
                Values::Flags(of) => {
                    if let Some(flag) = of(self) {
                        line.serialize_entry(name, &flag)?;
                    }
                }
            }
        }
        line.serialize_entry(OPERATION, &self.operation)?;
        line.serialize_entry(ERROR, &self.error)?;
        line.end()
    }
}
