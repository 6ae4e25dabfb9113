//! The forms of a report, and the file that holds one.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::csv::csv;
use super::error::ReportError;
use super::html::html;
use super::jobs::Jobs;
use super::ndjson::ndjson;
use crate::clock::now;
use crate::counts::Counts;
use crate::output_file::OutputFile;
use crate::store::{JobError, is_of_job};
use crate::system;

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a caller offers all of them")]
pub enum Form {
    /// One JSON object a row.
    Ndjson,
    /// A table for spreadsheets.
    Csv,
    /// One page for people, which needs nothing but itself.
    Html,
}

impl Form {
    /// The form that a file's ending names.
    ///
    /// ```
    /// use countermand_fleet::report::Form;
    /// assert_eq!(Form::of("wipes.html".as_ref()), Some(Form::Html));
    /// assert_eq!(Form::of("wipes.pdf".as_ref()), None);
    /// ```
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "html" | "htm" => Some(Self::Html),
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" | "json" => Some(Self::Ndjson),
            _ => None,
        }
    }

    /// Writes the report of some jobs.
    ///
    /// # Errors
    /// As [`html`], [`csv()`] and [`ndjson`].
    pub fn write(
        self,
        mut out: impl Write,
        jobs: &Jobs<'_>,
    ) -> Result<Counts, ReportError<JobError>> {
        let summary = jobs.summary(now()).map_err(ReportError::Rows)?;
        match self {
            Self::Ndjson => ndjson(&mut out, &summary, jobs.rows()),
            Self::Csv => csv(&mut out, jobs.rows()),
            Self::Html => html(&mut out, &summary, || Ok(jobs.rows())),
        }
    }

    /// Writes the report of some jobs to an [`OutputFile`]: half a report would read like one with fewer
    /// operations.
    ///
    /// # Errors
    /// As [`write`](Self::write); [`io::ErrorKind::InvalidInput`] for the path of the job itself.
    pub fn save(self, path: &Path, jobs: &Jobs<'_>) -> Result<Counts, ReportError<JobError>> {
        if jobs.files().any(|job| is_of_job(path, job.path())) {
            let error = "the job itself is there";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, error).into());
        }
        // Held until the file is open: with a reader there, that does not wait.
        let reader = system::has_reader(path)?;
        let mut file = OutputFile::create(path)?;
        drop(reader);
        let mut out = BufWriter::new(&mut file);
        let counts = self.write(&mut out, jobs)?;
        out.flush()?;
        drop(out);
        file.commit()?;
        Ok(counts)
    }
}
