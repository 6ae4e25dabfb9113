//! `countermand status`.

use std::path::PathBuf;

use countermand_fleet::job::{Contents, JobError};
use countermand_fleet::report::{Counts, Overview, Summary};
use countermand_fleet::{Progress, now};
use serde::Serialize;

use super::open;
use crate::again::Way;
use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Status {
    /// The job file
    #[arg(value_name = "FILE")]
    job: PathBuf,
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
    /// The search, the rates of now and the time left.
    progress: Progress,
    /// The process that applies it.
    holder: Option<String>,
    /// Whether it does so right now; else it was killed.
    applied: bool,
}

pub(crate) fn run(global: &Global, options: &Status) -> Result<Exit, Failure> {
    let view = open::view(&options.job)?;
    let text = tell(global, &view).map_err(|error| open::failure(&error))?;
    output::print(&text);
    Ok(Exit::Done)
}

fn tell(global: &Global, job: &Contents) -> Result<String, JobError> {
    let applied = job.is_applied();
    // A second run would be refused, and is not needed.
    let resume = match applied {
        true => None,
        false => Some(Way::of(global).apply(job.path(), job)?),
    };
    let summary = Summary::of_job(job, now(), resume)?;
    let overview = Overview::of(job.rows())?;
    let holder = job.holder()?.map(|holder| holder.to_string());
    let progress = Progress::of_job(job, now())?;
    if global.json {
        let line = Line {
            schema: "countermand.status/1",
            open: overview.counts.open(),
            counts: &overview.counts,
            summary: &summary,
            progress,
            holder,
            applied,
        };
        // Names, words and numbers: there is nothing in it that could fail.
        return Ok(countermand_core::json_line(&line).unwrap_or_default());
    }
    let mut text = String::new();
    if let Some(holder) = holder {
        text.push_str(&match applied {
            true => {
                format!("Applied by {holder}, which is alive: nothing else has to be started.\n")
            }
            false => format!("Applied by {holder}, which was killed or has died.\n"),
        });
    }
    if let Some(endpoint) = job.settings().other_endpoint() {
        let endpoint = countermand_core::printable(endpoint);
        text.push_str(&format!("For {endpoint}, which is not Google's server.\n"));
    }
    // While it is applied the time left is news; otherwise only how far a search has come.
    let standing = match progress.requests_per_second {
        Some(_) => Some(progress.line()),
        None => progress.search_words(),
    };
    if let Some(standing) = standing {
        text.push_str(&format!("So far: {standing}.\n"));
    }
    text.push_str(overview.sentences(&summary).trim_end());
    Ok(text)
}
