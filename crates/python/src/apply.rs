//! A job that is being applied: what it tells on the way, and its report at the end.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use countermand::Client;
use countermand_core::text::shown_path;
use countermand_core::{Error, FailureScope};
use countermand_fleet::store::View;
use countermand_fleet::{
    Authorization, AuthorizedRescue, Job, JobError, Options, Refusal, Run, now, refusal,
};
use countermand_scheduler::Event;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use futures_util::stream;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::timeout;

use crate::bulk::Results;
use crate::call::{Call, Ready};
use crate::files::OpenFile;
use crate::job_errors;
use crate::lock::Lock;
use crate::process::{self, Native};
use crate::progress::{Now, PACE, Reports};
use crate::raiser::Raiser;
use crate::report::Report;

/// Time for which an interrupt waits until the file is closed.
const CLOSING: Duration = Duration::from_millis(200);

/// The work of a run.
pub(crate) enum Work {
    /// A job that is there.
    Apply(PathBuf, Authorization),
    /// A search that cancels what it finds, into a new file.
    Rescue(PathBuf, AuthorizedRescue),
}

/// A job that is being applied, by a task of its own.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Applying {
    results: Results,
    stop: Lock<Option<Native<Stop>>>,
}

/// The way to end it early.
struct Stop {
    /// It ends when this is dropped.
    asked: oneshot::Sender<()>,
    /// Fails once the file is closed.
    closed: Receiver<()>,
}

/// Reasons for which it came to nothing.
enum Failure {
    /// The search of a rescue was refused; the file goes on from there.
    Search(Box<Error>, PathBuf),
    Refused(Refusal),
    Job(JobError),
    Died(String),
}

impl Applying {
    pub(crate) fn new(
        py: Python<'_>,
        client: Client,
        raiser: Raiser,
        work: Work,
        options: Options,
        watched: bool,
    ) -> PyResult<Self> {
        let file = OpenFile::new()?;
        let (out, mut ready) = unbounded_channel::<Ready>();
        let (asked, stopped) = oneshot::channel();
        let (closing, closed) = sync_channel::<()>(0);
        process::engine(py)?.spawn(async move {
            let watcher = watched.then(|| out.clone());
            let ended = run(client, work, options, watcher, stopped).await;
            let ready: Ready = match ended {
                Ok(Some(view)) => {
                    Box::new(|py| Ok(Py::new(py, Report::new(view, file))?.into_any()))
                }
                // No caller waits for it.
                Ok(None) => Box::new(|py| Ok(py.None())),
                Err(failure) => Box::new(move |py| Err(failure.raise(py, &raiser))),
            };
            let _ = out.send(ready);
            drop(closing);
        });
        let stop = Stop { asked, closed };
        Ok(Self {
            results: Results::new(stream::poll_fn(move |context| ready.poll_recv(context))),
            stop: Lock::new(Some(Native::new(stop))),
        })
    }
}

#[pymethods]
impl Applying {
    /// The call for what comes next: where it stands, or the report, which is the last.
    fn next(&self) -> PyResult<Call> {
        self.results.next()
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    /// Ends it: nothing more is sent, and the file is closed, unless the disk takes its time.
    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) {
        let stop = self.stop.take();
        if let Some(stop) = stop
            && stop.get().is_some()
        {
            py.detach(move || stop.into_inner().map(Stop::wait));
        }
    }
}

impl Stop {
    fn wait(self) {
        let Self { asked, closed } = self;
        drop(asked);
        let _ = closed.recv_timeout(CLOSING);
    }
}

/// Runs it to its end; `None` if it was asked to end early.
async fn run(
    client: Client,
    work: Work,
    options: Options,
    watcher: Option<UnboundedSender<Ready>>,
    mut stopped: oneshot::Receiver<()>,
) -> Result<Option<View>, Failure> {
    let mut run = spawn_blocking(move || begin(&client, work, options)).await??;
    let pace = run.job(|job| job.settings().quota().pace());
    let reports = Reports::new(countermand::hyper::now(), pace);
    // Without a watcher there is nothing to wake for.
    let look_each = if watcher.is_some() {
        PACE / 2
    } else {
        Duration::MAX
    };
    let mut look = countermand::hyper::now();
    let mut errors = Vec::new();
    let interrupted = loop {
        let event = timeout(look_each, run.next());
        match select(&mut stopped, pin!(event)).await {
            Either::Left(_) => break true,
            Either::Right((Ok(None), _)) => break false,
            Either::Right((Ok(Some(event)), _)) => errors.extend(of_search(event)),
            Either::Right((Err(_), _)) => {}
        }
        let at = countermand::hyper::now();
        if let Some(watcher) = &watcher
            && at >= look
        {
            look = at + look_each;
            if let Some(ready) = reports.due(at, standing(&run)) {
                let _ = watcher.send(ready);
            }
        }
    };
    if let Some(watcher) = watcher {
        let _ = watcher.send(reports.last(countermand::hyper::now(), standing(&run)));
    }
    let refused = run.is_refused() && !interrupted;
    let error = if refused { refusal(errors) } else { None };
    spawn_blocking(move || end(run, interrupted, error)).await?
}

fn standing(run: &Run) -> Now {
    Now {
        standing: run.progress(),
        operations: run.expected(),
        search: run.search_progress(),
        outage: run.outage(),
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

/// Opens the file, or makes it, and begins.
fn begin(client: &Client, work: Work, options: Options) -> Result<Run, Failure> {
    let job = match work {
        Work::Apply(path, authorization) => {
            let job = authorization.check(Job::open(path, now())?, options, now());
            job.map_err(|error| error.refusal)?
        }
        Work::Rescue(path, rescue) => rescue.create(path, options, now())?,
    };
    Ok(Run::begin(client, job)?)
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
    fn raise(self, py: Python<'_>, raiser: &Raiser) -> PyErr {
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

impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        Self::Died(error.to_string())
    }
}
