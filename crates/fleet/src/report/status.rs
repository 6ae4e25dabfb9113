//! The state of a job at one moment.

use std::fmt;

use countermand_core::Timestamp;
use countermand_core::text::printable;
use serde::{Serialize, Serializer};

use super::jobs::Jobs;
use super::overview::Overview;
use super::sentences::LISTED;
use super::summary::Summary;
use crate::counts::Counts;
use crate::progress::JobProgress;
use crate::spell::not_googles;
use crate::store::{Activity, Contents, JobError, View};

/// The state of a job, or of several, at one moment, from the counts that files keep: operations are read only to find
/// those that are in two files.
///
/// Its text is for an operator; it serialises as `countermand.status/1`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Status {
    /// The use that is made of the file; of several the busiest.
    pub activity: Activity,
    /// The job itself.
    pub summary: Summary,
    /// The counts, and the first operations that completed or are gone.
    pub overview: Overview,
    /// The search, the rates of now and the time left.
    pub progress: JobProgress,
    /// The endpoints that are not Google's.
    pub other_endpoints: Vec<String>,
}

impl Status {
    /// Goes on to the latest state of some jobs and tells it, as of `now`. `resume` gives the command that
    /// goes on with one; it is not asked while a process has the file, which needs no second run.
    ///
    /// # Errors
    /// The disk's, and those of [`Jobs::new`].
    pub fn of(
        jobs: &mut [View],
        now: Timestamp,
        resume: impl Fn(&Contents) -> Result<Option<String>, JobError>,
    ) -> Result<Self, JobError> {
        // Everything below is of the one moment that each view shows then.
        let activities = jobs.iter_mut().map(View::activity);
        let activities = activities.collect::<Result<Vec<_>, _>>()?;
        let mut parts = Vec::new();
        for (job, activity) in jobs.iter().zip(&activities) {
            let resume = match activity.is_applied() {
                true => None,
                false => resume(job)?,
            };
            parts.push((&**job, resume));
        }
        let jobs = Jobs::new(parts)?;
        let mut summary = jobs.summary(now)?;
        summary.used(&activities);
        let progress = jobs.files().map(|job| JobProgress::of_job(job, now));
        let progress = progress.collect::<Result<Vec<_>, _>>()?;
        let mut other_endpoints: Vec<String> = Vec::new();
        for endpoint in jobs
            .files()
            .flat_map(|job| job.settings().other_endpoints())
        {
            if !other_endpoints.iter().any(|known| known == endpoint) {
                other_endpoints.push(endpoint.to_owned());
            }
        }
        Ok(Self {
            activity: Activity::busiest(activities),
            overview: Overview::of_jobs(jobs.files(), LISTED)?,
            progress: JobProgress {
                search: summary
                    .search
                    .filter(|_| progress.iter().any(|one| one.search.is_some())),
                ..JobProgress::together(progress)
            },
            other_endpoints,
            summary,
        })
    }
}

/// Some lines without colours and control characters.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of several files, the lines below tell the use of each.
        if self.summary.jobs.is_empty() {
            writeln!(f, "{}", printable(&self.activity.to_string()))?;
        }
        let others: Vec<_> = self.other_endpoints.iter().map(String::as_str).collect();
        if let Some(servers) = not_googles(&others) {
            writeln!(f, "For {servers}.")?;
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
