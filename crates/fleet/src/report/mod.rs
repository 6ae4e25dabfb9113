//! What became of every operation of a job: as NDJSON, as CSV, as one HTML page, and in sentences.
//!
//! Every format has a row for each operation that went in, and none besides. Texts of the server and
//! of files are data everywhere: escaped in HTML, unable to begin a formula in CSV, and without
//! control characters wherever a person reads them. `docs/report.md` describes columns and schemas.

mod counts;
mod csv;
mod form;
mod html;
mod html_page;
mod html_rows;
mod ndjson;
mod of_job;
mod overview;
mod record;
mod sentences;
mod spell;
mod state;
mod summary;
mod timeline;
mod worst;

use std::io;

pub use self::counts::Counts;
pub(crate) use self::csv::rearm;
pub use self::csv::{COLUMNS, csv};
pub use self::form::Form;
pub use self::html::html;
pub use self::ndjson::ndjson;
pub use self::overview::Overview;
pub use self::record::Record;
pub use self::sentences::vanished;
pub use self::spell::{counted, grouped, spell};
pub use self::state::State;
pub use self::summary::{RunSpan, Summary};
pub(crate) use self::summary::{optional_time, time};
pub use self::worst::worst;

/// Why a report is not complete.
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
