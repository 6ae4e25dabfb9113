//! One page that needs nothing but itself.

use std::io::{BufWriter, Write};

use askama::Template;

use super::error::ReportError;
use super::html_page::{Foot, Head};
use super::html_rows::{BLOCK, Blocks, RowCells};
use super::overview::Overview;
use super::summary::Summary;
use super::timeline::Moments;
use crate::counts::Counts;
use crate::job_row::JobRow;

/// Number of rows that a browser lays out as one table without a delay for the reader. A longer
/// page has them as lines of text, which cost it next to nothing.
const TABLE_ROWS: u64 = 20_000;

/// Writes the page: the bad news, the verdicts, the time line, the job, and every row.
///
/// `rows` is called twice, because what stands at the top is known after the last row; both times it
/// has to give the same rows, so read them in one transaction. Takes 16 bytes a row, and the rows of
/// the bad news up to [`Overview::KEPT`] of each kind.
///
/// # Errors
/// Errors of `rows` and of `out`, and [`ReportError::Changed`] if the counts of the two times
/// differ; a page that was written then stands and is not complete.
pub fn html<E, I>(
    out: impl Write,
    summary: &Summary,
    mut rows: impl FnMut() -> Result<I, E>,
) -> Result<Counts, ReportError<E>>
where
    I: IntoIterator<Item = Result<JobRow, E>>,
{
    let mut out = BufWriter::new(out);
    let first = rows().map_err(ReportError::Rows)?;
    let (mut overview, mut moments) = (Overview::default(), Moments::default());
    for row in first {
        let row = row.map_err(ReportError::Rows)?;
        moments.add(&row);
        overview.add(row);
    }
    moments.sort();
    let as_text = overview.counts.rows > TABLE_ROWS;
    Head::of(&overview, &moments, summary, as_text).write_into(&mut out)?;

    let mut counts = Counts::default();
    let mut blocks = Blocks::of(&summary.services);
    for row in rows().map_err(ReportError::Rows)? {
        let row = row.map_err(ReportError::Rows)?;
        counts.add(&row);
        if !as_text {
            RowCells::of(&row).write_into(&mut out)?;
        } else {
            blocks.add(&row);
            if counts.rows.is_multiple_of(BLOCK) {
                blocks.write(&mut out)?;
            }
        }
    }
    blocks.write(&mut out)?;
    if counts != overview.counts {
        return Err(ReportError::Changed);
    }
    Foot::of(&counts, &summary.services, as_text).write_into(&mut out)?;
    out.flush()?;
    Ok(counts)
}
