//! Failures of a report.

use std::io;

/// The failure that left a report incomplete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError<E> {
    /// It could not be written.
    #[error("the report could not be written")]
    Write(#[from] io::Error),
    /// The rows could not be read.
    #[error("the rows of the job could not be read")]
    Rows(#[source] E),
    /// The rows were others the second time. Read them in one transaction.
    #[error("the job changed while its report was written")]
    Changed,
}
