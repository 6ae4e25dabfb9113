//! Reports of a job, with every operation: as NDJSON, as CSV, as one HTML page, and in sentences.
//!
//! Every format has a row for each operation that went in, and none besides. Texts of the server and
//! of files are data everywhere: escaped in HTML, unable to begin a formula in CSV, and without
//! control characters wherever a person reads them. `docs/report.md` describes columns and schemas.

mod columns;
mod csv;
mod error;
mod form;
mod html;
mod html_page;
mod html_rows;
mod job_counts;
mod jobs;
mod lanes;
mod ndjson;
mod of_job;
mod overview;
mod row;
mod sentences;
mod status;
mod summary;
mod timeline;
mod worst;

pub use self::columns::{COLUMNS, Column, Values};
pub use self::csv::csv;
pub(crate) use self::csv::rearm;
pub use self::error::ReportError;
pub use self::form::Form;
pub use self::html::html;
pub use self::job_counts::{JobCounts, Repeated};
pub use self::jobs::Jobs;
pub use self::lanes::LaneCounts;
pub use self::ndjson::ndjson;
pub use self::overview::Overview;
pub use self::row::Row;
pub use self::sentences::vanished;
pub use self::status::Status;
pub use self::summary::{RunSpan, Summary};
pub use self::worst::worst;
