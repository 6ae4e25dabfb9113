//! A job that is being applied: its progress on the way, and its report at the end.

use std::path::PathBuf;

use countermand::Client;
use countermand_core::text::shown_path;
use countermand_core::{Error, FailureScope};
use countermand_fleet::store::View;
use countermand_fleet::{
    Authorization, AuthorizedJob, AuthorizedRescue, Job, JobError, Options, Pace, Refusal, Run,
    decisive, now,
};
use countermand_scheduler::Event;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::task::{JoinError, spawn_blocking};

use crate::call::Ready;
use crate::client::Connected;
use crate::files::OpenFile;
use crate::progress::Now;
use crate::raiser::Raiser;
use crate::report::Report;
use crate::stream::{Out, Stopped, Stream};
use crate::watcher::Watcher;
use crate::ways::NoClient;
use crate::{job_errors, run};

/// The work of a run.
pub(crate) enum Work {
    /// A job that is there.
    Apply(PathBuf, Authorization),
    /// A search that cancels what it finds, into a new file.
    Rescue(PathBuf, AuthorizedRescue),
}

/// Reasons for which it came to nothing.
pub(crate) enum Failure {
    /// The search of a rescue was refused; the file goes on from there.
    Search(Box<Error>, PathBuf),
    Refused(Refusal),
    Job(JobError),
    NoClient(NoClient),
    Died(String),
}

/// Applies a job. Its progress comes out if it is `watched`, and its report at the end.
pub(crate) fn begin(
    py: Python<'_>,
    connected: Connected,
    work: Work,
    options: Options,
    watched: bool,
) -> PyResult<Stream> {
    let file = OpenFile::new()?;
    Stream::of_work(py, move |out, stopped| async move {
        let raiser = connected.raiser.clone();
        let ended = run(connected, work, options, watched, &out, stopped).await;
        let ready: Ready = match ended {
            Ok(Some(view)) => Box::new(|py| Ok(Py::new(py, Report::new(view, file))?.into_any())),
            // No caller waits for it.
            Ok(None) => return,
            Err(failure) => Box::new(move |py| Err(failure.raise(py, &raiser))),
        };
        let _ = out.send(ready);
    })
}

/// Runs it to its end; `None` if it was asked to end early.
async fn run(
    connected: Connected,
    work: Work,
    options: Options,
    watched: bool,
    out: &Out,
    mut stopped: Stopped,
) -> Result<Option<View>, Failure> {
    let (job, clients) = open(&connected, work, options).await?;
    let mut run = spawn_blocking(move || Run::begin(clients, job)).await??;
    let pace = run.job(|job| Pace::of_job(job.settings()));
    let watcher = Watcher::new(watched, pace, out);
    let mut errors = Vec::new();
    let take = |event| {
        errors.extend(of_search(event));
        true
    };
    let interrupted = !run::follow(&mut run, watcher, &mut stopped, take).await;
    let refused = run.has_failed() && !interrupted;
    let error = if refused { decisive(errors) } else { None };
    spawn_blocking(move || end(run, interrupted, error)).await?
}

impl run::Run for Run {
    fn now(&self) -> Now {
        Now {
            standing: self.progress(),
            counted: self.counted(),
            outage: self.outage(),
        }
    }
}

/// The error of an event, if it may be what ended a search.
fn of_search(event: Event) -> Option<Error> {
    match event {
        Event::NotListed { error, .. } => Some(error),
        Event::Finished { result, .. } => {
            let error = match result {
                Ok(outcome) => outcome.error,
                Err(error) => Some(error),
            };
            error.filter(|error| error.kind().failure_scope() == FailureScope::Everything)
        }
        _ => None,
    }
}

/// The job, opened or made, and the client of each of its lanes. Credentials that are of no use leave no new file
/// behind.
async fn open(
    connected: &Connected,
    work: Work,
    options: Options,
) -> Result<(AuthorizedJob, Vec<Client>), Failure> {
    match work {
        Work::Apply(path, authorization) => {
            let job = spawn_blocking(move || {
                let job = authorization.check(Job::open(path, now())?, options, now());
                job.map_err(|error| Failure::from(error.into_parts().1))
            });
            let job = job.await??;
            let lanes = job.job().settings().lanes.clone();
            let clients = connected.clients(&lanes).await?;
            Ok((job, clients))
        }
        Work::Rescue(path, rescue) => {
            let clients = connected.clients(&rescue.settings().lanes).await?;
            let job = spawn_blocking(move || rescue.create(path, options, now()));
            Ok((job.await??, clients))
        }
    }
}

/// Closes the file, and looks at it.
fn end(run: Run, interrupted: bool, refused: Option<Error>) -> Result<Option<View>, Failure> {
    let ended = run.end(match (interrupted, &refused) {
        (true, _) => "interrupted",
        (false, Some(_)) => "refused",
        (false, None) => "done",
    });
    let path = ended.job.path().to_owned();
    let closed = ended.job.close();
    if let Some(trouble) = ended.trouble {
        return Err(trouble.into());
    }
    closed?;
    if let Some(error) = refused {
        return Err(Failure::Search(error.into(), path));
    }
    match interrupted {
        true => Ok(None),
        false => Ok(Some(View::open(path)?)),
    }
}

impl Failure {
    pub(crate) fn raise(self, py: Python<'_>, raiser: &Raiser) -> PyErr {
        match self {
            Self::Search(error, path) => {
                let raised = raiser.raise(py, &error);
                let file = shown_path(&path);
                let note = format!(
                    "what was found and done until then is in the job file {file}; \
                     client.open(path).apply(confirm=...) goes on with it"
                );
                match raised.value(py).call_method1("add_note", (note,)) {
                    Ok(_) => raised,
                    Err(error) => error,
                }
            }
            Self::Refused(refusal) => job_errors::refusal(py, &refusal),
            Self::Job(error) => job_errors::error(py, &error),
            Self::NoClient(error) => error.raise(py),
            Self::Died(how) => PyRuntimeError::new_err(how),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        Self::Job(error)
    }
}

impl From<NoClient> for Failure {
    fn from(error: NoClient) -> Self {
        Self::NoClient(error)
    }
}

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        Self::Died(error.to_string())
    }
}
