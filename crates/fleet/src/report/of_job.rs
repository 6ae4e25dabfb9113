//! The summary of a job file.

use countermand_core::Timestamp;

use super::lanes::{LaneCounts, quota};
use super::summary::{RunSpan, Summary};
use crate::authorize::stale;
use crate::progress;
use crate::spell::spell;
use crate::store::{Contents, JobError};

impl Summary {
    /// The report of a job at `now`; `resume` is the command that goes on with it.
    ///
    /// Report on a [`View`](crate::store::View): it shows one moment, however long it is read.
    ///
    /// ```no_run
    /// use countermand_fleet::store::View;
    /// use countermand_fleet::{now, report};
    ///
    /// let job = View::open("wipes.job")?;
    /// let resume = Some("countermand apply wipes.job".to_owned());
    /// let summary = report::Summary::of_job(&job, now(), resume)?;
    /// let page = std::fs::File::create("wipes.html")?;
    /// report::html(page, &summary, || Ok(job.rows()))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The disk's.
    pub fn of_job(
        job: &Contents,
        now: Timestamp,
        resume: Option<String>,
    ) -> Result<Self, JobError> {
        let settings = job.settings();
        let kind = settings.kind.as_str();
        let mut summary = Self::new(kind, &settings.lane().endpoint, job.created(), now);
        summary.services = job.services().clone();
        summary
            .server_filter
            .clone_from(&settings.filter.server_side);
        summary.digest = job.digest();
        summary.lanes = LaneCounts::of_job(job)?;
        // Each of several has its own.
        if summary.lanes.len() <= 1 {
            summary.quota = quota(settings.lane());
        }
        summary.duplicates = job.duplicates();
        summary.search = match progress::search(job)? {
            None => progress::planned(job)?,
            search => search,
        };
        summary.missed = job.missed()?;
        summary.not_searched = job.not_searched()?;
        let counts = job.counts();
        let left = counts.again + counts.beyond_max > 0 || summary.search_is_open();
        summary.resume = resume.filter(|_| left);
        for run in job.runs() {
            let run = run?;
            summary.runs.push(RunSpan {
                begun: run.begun,
                ended: run.ended,
            });
        }
        summary.vanished = job.vanished()?;
        summary.already_done = job.already_done()?;
        if let Some((age, most)) = stale(job, None, now)? {
            let (age, most) = (spell(age), spell(most));
            summary.notes.push(format!(
                "the plan is {age} old, its greatest age is {most}, and its operations may have changed: plan again"
            ));
        }
        for note in job.notes() {
            let note = note?;
            if !note.is_record() {
                let sentence = note.sentence();
                summary.notes.push(format!("{}: {sentence}", note.at));
            }
        }
        Ok(summary)
    }
}
