//! The state of a job at one moment.

use std::fmt;

use countermand_core::Timestamp;
use countermand_core::text::printable;
use serde::{Serialize, Serializer};

use super::overview::Overview;
use super::sentences::LISTED;
use super::summary::Summary;
use crate::counts::Counts;
use crate::progress::JobProgress;
use crate::store::{Activity, Contents, JobError, View};

/// The state of a job at one moment, from the counts that its file keeps: its operations are not read.
///
/// Its text is for an operator; it serialises as `countermand.status/1`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The use that is made of the file.
    pub activity: Activity,
    /// The job itself.
    pub summary: Summary,
    /// The counts, and the first operations that completed or are gone.
    pub overview: Overview,
    /// The search, the rates of now and the time left.
    pub progress: JobProgress,
    /// The endpoint, if it is not Google's.
    pub other_endpoint: Option<String>,
}

impl Status {
    /// Goes on to the latest state of a job and tells it, as of `now`. `resume` gives the command that
    /// goes on with it; it is not asked while a process has the file, which needs no second run.
    ///
    /// # Errors
    /// The disk's.
    pub fn of(
        job: &mut View,
        now: Timestamp,
        resume: impl FnOnce(&Contents) -> Result<Option<String>, JobError>,
    ) -> Result<Self, JobError> {
        // Everything below is of the one moment that the view shows then.
        let activity = job.activity()?;
        let resume = match activity.is_applied() {
            true => None,
            false => resume(job)?,
        };
        Ok(Self {
            activity,
            summary: Summary::of_job(job, now, resume)?,
            overview: Overview::of_job(job, LISTED)?,
            progress: JobProgress::of_job(job, now)?,
            other_endpoint: job.settings().other_endpoint().map(str::to_owned),
        })
    }
}

/// Some lines without colours and control characters.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", printable(&self.activity.to_string()))?;
        if let Some(endpoint) = &self.other_endpoint {
            let endpoint = printable(endpoint);
            writeln!(f, "For {endpoint}, which is not Google's server.")?;
        }
        // Of a run that has ended the verdicts below say more; only how far a search has come is news.
        let so_far = match self.activity {
            Activity::Applied(_) | Activity::EndUnknown(_) => Some(self.progress.line()),
            Activity::Ended(_) => self.progress.search_words(),
            Activity::Idle => None,
        };
        if let Some(so_far) = so_far {
            writeln!(f, "So far: {so_far}.")?;
        }
        f.write_str(self.overview.sentences(&self.summary).trim_end())
    }
}

/// `countermand.status/1`.
#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    #[serde(flatten)]
    summary: &'a Summary,
    counts: &'a Counts,
    /// Operations whose end is not known.
    open: u64,
    progress: &'a JobProgress,
    /// The process that has the file now.
    holder: Option<String>,
    /// A process has the file now.
    applied: bool,
    /// The use that is made of the file, in a word.
    activity: &'static str,
    /// The end of the latest run, if the file has it.
    ended: Option<&'a str>,
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            activity,
            overview: Overview { counts, .. },
            ..
        } = self;
        let line = Line {
            schema: "countermand.status/1",
            summary: &self.summary,
            counts,
            open: counts.open(),
            progress: &self.progress,
            holder: activity.holder().map(ToString::to_string),
            applied: activity.is_applied(),
            activity: activity.as_str(),
            ended: match activity {
                Activity::Ended(run) => run.how.as_deref(),
                _ => None,
            },
        };
        line.serialize(serializer)
    }
}
