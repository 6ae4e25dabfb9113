//! `countermand status`.

use countermand_fleet::Counts;
use countermand_fleet::report::{Overview, Summary};
use countermand_fleet::store::{Activity, JobError, View};
use countermand_fleet::{Progress, now};
use serde::Serialize;

use crate::args::Global;
use crate::args::jobs::Status;
use crate::args::resume::Way;
use crate::commands::open;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;

/// `countermand.status/1`.
#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    #[serde(flatten)]
    summary: &'a Summary,
    counts: &'a Counts,
    /// Operations whose end is not known.
    open: u64,
    /// The search, the rates of now and the time left.
    progress: Progress,
    /// The process that has the file now.
    holder: Option<String>,
    /// A process has the file now.
    applied: bool,
    /// The use that is made of the file, in a word.
    activity: &'static str,
    /// The end of the latest run, if the file has it.
    ended: Option<&'a str>,
}

pub(crate) fn run(global: &Global, options: &Status) -> Result<Exit, Failure> {
    let mut view = open::view(&options.job)?;
    let text = tell(global, &mut view).map_err(|error| open::failure(&error))?;
    streams::print(&text);
    Ok(Exit::Done)
}

fn tell(global: &Global, job: &mut View) -> Result<String, JobError> {
    // Everything below is of the one moment that the view shows then.
    let activity = job.activity()?;
    // A second run would be refused, and is not needed.
    let resume = match activity.is_applied() {
        true => None,
        false => Some(Way::of(global).apply(job)?),
    };
    let summary = Summary::of_job(job, now(), resume)?;
    let overview = Overview::of(job.rows())?;
    let progress = Progress::of_job(job, now())?;
    if global.json {
        let line = Line {
            schema: "countermand.status/1",
            open: overview.counts.open(),
            counts: &overview.counts,
            summary: &summary,
            progress,
            holder: activity.holder().map(ToString::to_string),
            applied: activity.is_applied(),
            activity: activity.as_str(),
            ended: match &activity {
                Activity::Ended(run) => run.how.as_deref(),
                _ => None,
            },
        };
        // Names, words and numbers: there is nothing in it that could fail.
        return Ok(countermand_core::json_line(&line).unwrap_or_default());
    }
    let mut text = format!("{}\n", countermand_core::printable(&activity.to_string()));
    if let Some(endpoint) = job.settings().other_endpoint() {
        let endpoint = countermand_core::printable(endpoint);
        text.push_str(&format!("For {endpoint}, which is not Google's server.\n"));
    }
    // Of a run that has ended the verdicts below say more; only how far a search has come is news.
    let standing = match activity {
        Activity::Applied(_) | Activity::EndUnknown(_) => Some(progress.line()),
        Activity::Ended(_) => progress.search_words(),
        Activity::Idle => None,
    };
    if let Some(standing) = standing {
        text.push_str(&format!("So far: {standing}.\n"));
    }
    text.push_str(overview.sentences(&summary).trim_end());
    Ok(text)
}
