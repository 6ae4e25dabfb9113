//! The summary of a job file.

use countermand_core::Timestamp;

use super::summary::{Run, Summary};
use crate::job::{Contents, JobError, Kind, Settings};

impl Summary {
    /// Of what stands in a job file; `resume` is the command that goes on with it.
    ///
    /// # Errors
    /// The disk's.
    pub fn of(
        job: &Contents,
        reported: Timestamp,
        resume: Option<String>,
    ) -> Result<Self, JobError> {
        let settings = job.settings();
        let kind = match settings.kind {
            Kind::Plan => "plan",
            Kind::Rescue => "rescue",
        };
        let mut summary = Self::new(kind, &settings.endpoint, job.created(), reported);
        summary.digest = job.digest().map(|digest| *digest.as_bytes());
        summary.quota = Some(quota(settings));
        for run in job.runs() {
            let run = run?;
            summary.runs.push(Run {
                began: run.begun,
                ended: run.ended,
            });
        }
        summary.duplicates = job.duplicates();
        for note in job.notes() {
            let note = note?;
            summary.notes.push(format!("{}: {}", note.at, note.text));
        }
        summary.resume = resume;
        Ok(summary)
    }
}

/// The quota in words: `80 % of 600/60s, 1000/100s`.
fn quota(settings: &Settings) -> String {
    if settings.quota.is_empty() {
        return "no quota of its own".to_owned();
    }
    let windows = settings.quota.iter().map(ToString::to_string);
    let windows = windows.collect::<Vec<_>>().join(", ");
    match settings.share {
        1.0 => windows,
        share => format!("{} % of {windows}", (share * 1000.0).round() / 10.0),
    }
}
