//! Opens job files, and says what is wrong with them.

use std::io::ErrorKind;
use std::path::Path;

use countermand_core::Endpoint;
use countermand_fleet::job::{Contents, JobError, JobErrorKind, View};
use countermand_fleet::{Job, now};
use countermand_hyper::Client;

use crate::args::Global;
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;

/// A job to be applied.
pub(crate) fn job(path: &Path) -> Result<Job, Failure> {
    Job::open(path, now()).map_err(|error| failure(&error))
}

/// A job to be read.
pub(crate) fn view(path: &Path) -> Result<View, Failure> {
    View::open(path).map_err(|error| failure(&error))
}

pub(crate) fn failure(error: &JobError) -> Failure {
    let (exit, advice) = match error.kind() {
        JobErrorKind::Exists => (Exit::Usage, "give another name, or `apply` that job"),
        JobErrorKind::Io(io) if io.kind() == ErrorKind::NotFound => (Exit::Usage, "check the path"),
        JobErrorKind::Io(io) if io.kind() == ErrorKind::InvalidInput => {
            (Exit::Usage, "a job needs a file of its own")
        }
        JobErrorKind::Edited { .. } | JobErrorKind::Incomplete => {
            (Exit::Refused, "nothing was sent: plan again")
        }
        JobErrorKind::Locked { .. } => (
            Exit::JobFile,
            "nothing was sent: `status` shows what that process does",
        ),
        JobErrorKind::Damaged { .. } | JobErrorKind::NotAJob => (
            Exit::JobFile,
            "nothing was sent: take a copy of the file that is whole, or plan again",
        ),
        JobErrorKind::NewerVersion { .. } => {
            (Exit::JobFile, "nothing was sent: update countermand")
        }
        _ => (Exit::JobFile, "check the disk and the file's permissions"),
    };
    Failure::new(exit, format!("{error}; {advice}"))
}

/// A client for the endpoint of a job; another one that is asked for is a mistake.
pub(crate) async fn client(global: &Global, job: &Contents) -> Result<Client, Failure> {
    let planned = &job.settings().endpoint;
    let endpoint: Endpoint = planned
        .parse()
        .map_err(|error| Failure::new(Exit::JobFile, format!("the job's endpoint: {error}")))?;
    if let Some(asked) = &global.endpoint
        && asked.to_string() != *planned
    {
        return Err(Failure::usage(format!(
            "the job is for {planned}, not for {asked}; nothing was sent"
        )));
    }
    let mut global = global.clone();
    global.endpoint = Some(endpoint);
    connect::client(&global).await
}
