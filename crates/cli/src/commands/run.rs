//! Runs a job under the eyes of an operator: for `apply` and `rescue`.

use countermand::Client;
use countermand_core::{Outcome, Verdict, chain};
use countermand_fleet::RowState;
use countermand_fleet::report::{Overview, Summary};
use countermand_fleet::store::Kind;
use countermand_fleet::{AuthorizedJob, Ended, JobRow, Run, now, quoted};
use countermand_scheduler::Event;

use crate::args::Global;
use crate::args::operations::Flight;
use crate::args::resume::Way;
use crate::commands::follow::{Ending, follow};
use crate::commands::open;
use crate::commands::stop::Stop;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::results::Report;
use crate::output::streams;
use crate::signals::Signals;

/// Applies a job, or goes on with it.
pub(crate) async fn run(
    global: &Global,
    client: &Client,
    job: AuthorizedJob,
    in_flight: usize,
    mut report: Report,
    mut signals: Signals,
) -> Result<Exit, Failure> {
    report.brief = global.brief;
    let failed = |error| open::failure(&error);
    let mut way = Way::of(global);
    way.flight = Flight { in_flight };
    let resume = way.apply(job.job()).map_err(failed)?;
    let pace = job.job().settings().quota().pace();
    // A rescue that has only its file can as well have another one.
    let new = job.job().settings().kind == Kind::Rescue && job.job().runs().next().is_none();
    let mut run = Run::begin(client, job).map_err(|error| match new {
        true => open::uncreated(&error, "--job"),
        false => failed(error),
    })?;
    let failed = |error| open::unread(&error);
    if global.verbose == 0 {
        report.output.expect(run.expected(), pace);
    }
    let (mut exit, mut troubled) = (Exit::Done, false);
    let mut stop = Stop::default();
    let (ending, _) = follow(&mut run, &report, &mut signals, |run, event| match event {
        Event::Finished { name, result } => {
            let trouble = run.trouble();
            if let Some(problem) = trouble.as_ref().filter(|_| !troubled) {
                report.output.note(&format!(
                    "the job file cannot be written: {problem}; the cancelling goes on, results are on standard error"
                ));
            }
            troubled |= trouble.is_some();
            if trouble.is_some() {
                report.output.note(&Report::outcome_json(&name, &result));
            }
            // Thousands of good news would hide the bad ones; the report has them all. Those that
            // expired are told on one line.
            let good = matches!(
                &result,
                Ok(Outcome { verdict: Verdict::Cancelled | Verdict::Expired, .. })
            );
            let told = matches!(&result, Err(error) if stop.covers(error));
            if global.json || !(good || told) {
                report.outcome(&name, &result);
            }
        }
        Event::NotListed { error, .. } | Event::Unreadable { error, .. } => {
            exit = exit.max(Exit::of_error(&error));
            if !stop.covers_list(&error) {
                let problem = chain(&error);
                report.output.note(&format!("not searched: {problem}; {}", error.advice()));
            }
        }
        Event::ParentClosed { parent } => {
            report.output.note(&format!("{parent} denies everything and is left alone"));
        }
        Event::Stopped { cause } => stop.stopped(cause),
        _ => {}
    })
    .await;
    if let Some(search) = run.search_progress() {
        stop.lists(search.not_attempted);
    }
    stop.tell(&report, global.json);
    let stopped = run.stopped().map(|cause| cause.exit_class().into());
    let how = match ending {
        Ending::Finished => "finished",
        Ending::Stopped(_) => "stopped by a signal",
        // As after a crash: what was told is in the file.
        Ending::Aborted(exit) => {
            drop(run.end("ended at once by a second signal"));
            report.output.note(&format!("to go on:\n  {resume}"));
            return Ok(exit);
        }
    };
    let left = run.left();
    let excluded = run.excluded();
    let ended = run.end(how);
    let job = &ended.job;
    if job.operations() == 0
        && let Some(excluded) = excluded
    {
        report.output.note(&excluded);
    }
    if left > 0 {
        report.output.note(&format!(
            "{} more were found than --max allows and left alone",
            countermand_fleet::grouped(left)
        ));
    }
    // Also what the disk did not take: no cancel that left is counted as unsent.
    let overview = Overview::of(ended.rows().inspect(|row| {
        if let Ok(row) = row {
            exit = exit.max(exit_of(row, stopped));
        }
    }))
    .map_err(failed)?;
    let mut summary =
        Summary::of_job(job, now(), Some(resume).filter(|_| !ended.lost)).map_err(failed)?;
    summary.notes.clear();
    let mut text = match global.brief {
        true => overview.brief(&summary),
        false => format!("\n{}", overview.sentences(&summary)),
    };
    // A file that has not all of it has not the whole story.
    if !global.brief && ended.trouble.is_none() {
        let path = quoted(job.path().as_os_str());
        text.push_str(&format!(
            "For the whole story: countermand report {path} --output report.html"
        ));
    }
    report.sentence(text.trim_end());
    let unwritten = ended.unwritten();
    let Ended {
        job, trouble, lost, ..
    } = ended;
    if let Some(error) = trouble {
        let then = match lost {
            true => {
                "the file has what came before, if it still is anywhere: find it, or plan what is left again"
            }
            false => {
                "the file has what came before: make room, or check the disk, before you go on with it"
            }
        };
        report.output.note(&format!(
            "error: {error}: not all results are in the job file: {unwritten} of them are above on standard error \
             alone, and counted here; {then}"
        ));
        exit = exit.max(Exit::JobFile);
    }
    if let Err(error) = job.close() {
        report.output.note(&format!("warning: {error}"));
    }
    if let Ending::Stopped(signal) = ending {
        exit = signal;
    }
    tokio::select! {
        written = report.output.finish() => {
            if !written {
                streams::note("warning: standard output was closed, results are missing there");
                streams::note(&text);
            }
            Ok(exit)
        }
        signal = signals.next() => Ok(signal),
    }
}

/// The exit code that a row asks for, where a failure that means `stopped` has stopped the run.
fn exit_of(row: &JobRow, stopped: Option<Exit>) -> Exit {
    let resolution = row.progress.resolution.as_ref();
    match RowState::of(row) {
        RowState::Cancelled | RowState::Failed | RowState::Expired => Exit::Done,
        RowState::Completed => Exit::Completed,
        RowState::Unsent => stopped.unwrap_or(Exit::Unresolved),
        RowState::Gone | RowState::Pending | RowState::Unverified => Exit::Unresolved,
        RowState::Error => resolution
            .and_then(|resolution| resolution.error_facts())
            .map_or(Exit::Unresolved, |facts| facts.exit_class().into()),
    }
}
