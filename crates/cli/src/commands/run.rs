//! Runs a job under the eyes of an operator: for `apply` and `rescue`.

use std::ffi::OsStr;

use countermand::Client;
use countermand_core::{Cause, Error, OperationName, Outcome, Phase, Verdict};
use countermand_fleet::report::{Overview, Summary};
use countermand_fleet::store::{JobError, Kind, Note};
use countermand_fleet::{
    AuthorizedJob, Ended, Job, JobRow, Options, Pace, Run, grouped, now, path_word, quoted,
};
use countermand_scheduler::Event;

use crate::args::Global;
use crate::args::resume::Way;
use crate::commands::follow::{Ending, follow, is_left};
use crate::commands::open;
use crate::commands::stop::Stop;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::progress::time_of_day;
use crate::output::results::Report;
use crate::signals::Signals;

/// Number of lanes of which is told at once that they have stopped; the end tells of all.
const TOLD: usize = 5;

/// Applies a job, or goes on with it.
pub(crate) async fn run(
    global: &Global,
    clients: Vec<Client>,
    job: AuthorizedJob,
    options: Options,
    mut report: Report,
    mut signals: Signals,
) -> Result<Exit, Failure> {
    report.brief = global.brief;
    let mut way = Way::of(global);
    way.in_flight = options.in_flight;
    let settings = job.job().settings();
    let (pace, services) = (Pace::of_job(settings), settings.services());
    let mut run = begin(clients, job)?;
    if global.verbose == 0 {
        report.output.expect(pace);
    }
    let mut watch = Watch {
        report: &report,
        json: global.json,
        exit: Exit::Done,
        stop: Stop::of(services),
        stopped_lanes: 0,
        troubled: false,
    };
    let told = |run: &Run, event| watch.take(run, event);
    let ending = follow(&mut run, &report, &mut signals, told).await;
    let exit = watch.end(&run);
    let how = match ending {
        Ending::Finished => "finished",
        Ending::Stopped(_) => "stopped by a signal",
        // As after a crash: what was told is in the file.
        Ending::Aborted(exit) => {
            let ended = run.end("ended at once by a second signal");
            if let (false, Ok(Some(resume))) = (ended.lost, way.resume(&ended.job)) {
                report.output.note(&format!("to go on:\n  {resume}"));
            }
            return Ok(exit);
        }
    };
    tell_left_alone(&mut run, &report);
    let stopped = run.stopped().map(|cause| cause.exit_class().into());
    let ended = run.end(how);
    let (overview, worst) = overview(&ended, stopped).map_err(|error| open::unread(&error))?;
    let text = text(&way, &ended, &overview).map_err(|error| open::unread(&error))?;
    report.sentence(&text);
    let of_search = search_end(&ended, &report).map_err(|error| open::unread(&error))?;
    let exit = exit.max(worst).max(of_search).max(close(ended, &report));
    let exit = match ending {
        Ending::Stopped(signal) => signal,
        _ => exit,
    };
    Ok(report.end(exit, Some(&text), &mut signals).await)
}

fn begin(clients: Vec<Client>, job: AuthorizedJob) -> Result<Run, Failure> {
    // A rescue that has only its file can as well have another one.
    let new = job.job().settings().kind == Kind::Rescue && job.job().runs().next().is_none();
    Run::begin(clients, job).map_err(|error| match new {
        true => open::uncreated(&error, "--job FILE"),
        false => open::failure(&error),
    })
}

/// Tells the events of a run.
struct Watch<'a> {
    report: &'a Report,
    json: bool,
    /// The exit code that the results of this run ask for, and lists which could not be read: the row of an operation may
    /// have an earlier result that weighs more.
    exit: Exit,
    stop: Stop,
    /// Number of lanes of which it was told at once that they have stopped.
    stopped_lanes: usize,
    /// That the disk takes nothing has been told.
    troubled: bool,
}

impl Watch<'_> {
    fn take(&mut self, run: &Run, event: Event) {
        match event {
            Event::Finished { result, .. } if is_left(&result) => {}
            Event::Finished { name, result } => self.finished(run, &name, &result),
            Event::NotListed { error, .. } | Event::Unreadable { error, .. } => {
                self.exit = self.exit.max(Exit::of_error(&error));
                self.stop.tell_list(self.report, run.lane(), &error);
            }
            Event::ResourceClosed { resource } => self.report.denied(&resource),
            Event::Stopped { cause } => self.stopped(run.lane(), cause),
            _ => {}
        }
    }

    fn finished(&mut self, run: &Run, name: &OperationName, result: &Result<Outcome, Error>) {
        self.exit = self.exit.max(Exit::of_result(result));
        let output = &self.report.output;
        if let Some(problem) = run.trouble() {
            if !std::mem::replace(&mut self.troubled, true) {
                output.note(&format!(
                    "the job file cannot be written: {problem}; the cancelling goes on, results are on standard error"
                ));
            }
            output.note(&Report::outcome_json(name, result));
        }
        // Thousands of good news would hide the bad ones; the report has them all. Those that
        // expired are told on one line.
        let good = matches!(
            result,
            Ok(Outcome {
                verdict: Verdict::Cancelled | Verdict::Expired,
                ..
            })
        );
        let told = self.stop.covers(run.lane(), result);
        if self.json || !(good || told) {
            self.report.outcome(name, result);
        }
    }

    /// Tells at once that a lane has stopped while others go on; of many lanes the first few.
    fn stopped(&mut self, lane: Option<&str>, cause: Cause) {
        if let Some(lane) = lane
            && cause.is_failure()
            && self.stopped_lanes < TOLD
        {
            self.stopped_lanes += 1;
            let text = format!(
                "{} lane {lane} stopped: {cause}; it stops no other lane",
                time_of_day()
            );
            self.report.output.note(&text);
        }
        self.stop.stopped(lane, cause);
    }

    /// Tells the failures that stopped everything, or lanes, if there were some.
    fn end(mut self, run: &Run) -> Exit {
        if let Some(search) = run.search_progress() {
            self.stop.lists(search.not_attempted);
        }
        self.stop.tell(self.report, self.json);
        self.exit
    }
}

/// Tells of the operations that a recheck cannot look at, and of those that a rescue has found and left alone.
fn tell_left_alone(run: &mut Run, report: &Report) {
    if run.not_rechecked() > 0 {
        let title = run.job(|job| job.services().title());
        report.output.note(&format!(
            "{} not looked at: {} has no method that shows such an operation; nothing was sent for {}",
            grouped(run.not_rechecked()),
            title,
            if run.not_rechecked() == 1 { "it" } else { "them" },
        ));
    }
    if run.skipped() > 0 {
        report.output.note(&format!(
            "{} more were found than --max allows and left alone",
            grouped(run.skipped())
        ));
    }
}

/// The overview, also of what the disk did not take: no cancel that left is counted as unsent. And the
/// worst exit code that a row asks for.
fn overview(ended: &Ended, stopped: Option<Exit>) -> Result<(Overview, Exit), JobError> {
    let mut exit = Exit::Done;
    let overview = Overview::of(ended.rows().inspect(|row| {
        if let Ok(row) = row {
            exit = exit.max(exit_of(row, stopped));
        }
    }))?;
    Ok((overview, exit))
}

/// Tells programs what the search of the job has not seen, in whichever run it was, and gives the exit code that
/// this asks for: such a job is no complete success.
fn search_end(ended: &Ended, report: &Report) -> Result<Exit, JobError> {
    let (missed, vanished) = (ended.job.missed()?, ended.job.vanished()?);
    let not_searched = ended.job.not_searched()?;
    report.not_seen(ended.job.services(), &missed, &vanished, &not_searched);
    let exits = missed.iter().map(|missed| missed.exit_class().into());
    let executed = vanished.first().map(|_| Exit::Executed);
    Ok(exits.chain(executed).max().unwrap_or(Exit::Done))
}

/// The exit code that a row asks for, where a failure that means `stopped` has stopped the run.
fn exit_of(row: &JobRow, stopped: Option<Exit>) -> Exit {
    let Some(resolution) = &row.progress.resolution else {
        let unsent = row.progress.phase == Phase::Unsent;
        return stopped.filter(|_| unsent).unwrap_or(Exit::Unresolved);
    };
    match resolution.verdict {
        Some(verdict) => Exit::of_verdict(verdict),
        None => resolution
            .error_facts()
            .map_or(Exit::Unresolved, |facts| facts.exit_class().into()),
    }
}

/// The summary, and where the whole story is.
fn text(way: &Way<'_>, ended: &Ended, overview: &Overview) -> Result<String, JobError> {
    let resume = match ended.lost {
        true => None,
        false => way.resume(&ended.job)?,
    };
    let mut summary = Summary::of_job(&ended.job, now(), resume)?;
    // The others were told while it ran.
    summary.notes = left_out(&ended.job)?.into_iter().collect();
    if way.global.brief {
        return Ok(overview.brief(&summary).trim_end().to_owned());
    }
    let mut text = format!("\n{}", overview.sentences(&summary));
    // A file that has not all of it has not the whole story.
    if ended.trouble.is_none() {
        let path = quoted(OsStr::new(&path_word(ended.job.path())));
        text.push_str(&format!(
            "For each result and its evidence: countermand report {path} --output report.html"
        ));
    }
    Ok(text.trim_end().to_owned())
}

/// The operations that a rescue has seen and left out, where it has found nothing else.
fn left_out(job: &Job) -> Result<Option<String>, JobError> {
    let mut last = None;
    for note in job.notes() {
        let note = note?;
        if note.kind == Note::LEFT_OUT && job.operations() == 0 {
            last = Some(note.text);
        }
    }
    Ok(last)
}

/// Closes the job, and tells what its file lacks.
fn close(ended: Ended, report: &Report) -> Exit {
    let unwritten = ended.unwritten();
    let Ended {
        job, trouble, lost, ..
    } = ended;
    let mut exit = Exit::Done;
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
        exit = Exit::JobFile;
    }
    if let Err(error) = job.close() {
        report.output.note(&format!("warning: {error}"));
    }
    exit
}
