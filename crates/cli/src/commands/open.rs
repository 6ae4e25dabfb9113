//! Opens job files, and tells their errors.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use countermand_fleet::store::{Contents, JobError, JobErrorKind, View, exposure};
use countermand_fleet::{Job, now};

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;

/// A job to be applied.
pub(crate) fn job(path: &Path) -> Result<Job, Failure> {
    let job = Job::open(path, now()).map_err(|error| failure(&error))?;
    warn(path);
    Ok(job)
}

/// A job to be read.
pub(crate) fn view(path: &Path) -> Result<View, Failure> {
    let view = View::open(path).map_err(|error| failure(&error))?;
    warn(path);
    Ok(view)
}

/// A job to be looked at: its sums are not compared with its operations.
pub(crate) fn unchecked(path: &Path) -> Result<View, Failure> {
    let view = View::open_unchecked(path).map_err(|error| failure(&error))?;
    warn(path);
    Ok(view)
}

/// Job files to be read, each of the service that the options name, if they name one.
pub(crate) fn each(
    global: &Global,
    paths: &[PathBuf],
    open: fn(&Path) -> Result<View, Failure>,
) -> Result<Vec<View>, Failure> {
    let views = paths.iter().map(|path| {
        let view = open(path)?;
        check_service(global, &view)?;
        Ok(view)
    });
    views.collect()
}

/// Refuses a job of another service than the options name, if they name one.
fn check_service(global: &Global, job: &Contents) -> Result<(), Failure> {
    let named = global.service.is_some() || global.service_file.is_some();
    let (own, meant) = (job.services(), global.meant);
    match named && own.iter().all(|own| own != meant) {
        true => Err(Failure::usage(format!(
            "the job is for the service {}, and the options name {}",
            own.ids(),
            meant.id
        ))),
        false => Ok(()),
    }
}

/// Tells of accounts that could change the file.
fn warn(path: &Path) {
    for warning in exposure(path) {
        crate::output::streams::note(&format!("warning: {warning}"));
    }
}

/// A job file that could not be read after a run.
pub(crate) fn unread(error: &JobError) -> Failure {
    let text = format!("{error}: no summary can be made; what was sent and told above stands");
    Failure::new(Exit::JobFile, text)
}

/// A job file that could not be made; `option` gives another place.
pub(crate) fn uncreated(error: &JobError, option: &str) -> Failure {
    let exit = match error.kind() {
        JobErrorKind::Io(io) if io.kind() == ErrorKind::InvalidInput => return failure(error),
        JobErrorKind::Io(io) => Exit::of_path(io.kind()),
        JobErrorKind::Disk { .. } => Exit::JobFile,
        _ => return failure(error),
    };
    Failure::new(
        exit,
        format!("{error}; nothing was cancelled: give another place: {option}"),
    )
}

/// An error of opening a job file. It says what this command has not done, and nothing of earlier runs.
pub(crate) fn failure(error: &JobError) -> Failure {
    let (exit, advice) = match error.kind() {
        JobErrorKind::Exists => (Exit::Usage, "give another name, or `apply` that job"),
        JobErrorKind::Io(io) => match io.kind() {
            ErrorKind::NotFound => (Exit::Usage, "check the path"),
            ErrorKind::InvalidInput => (Exit::Usage, "a job needs a file of its own"),
            kind => (Exit::of_path(kind), DISK),
        },
        JobErrorKind::Service { .. } => (Exit::Usage, "check --service and --service-file"),
        JobErrorKind::OtherEndpoint { .. } => (Exit::Refused, "give the job's with --endpoint"),
        JobErrorKind::SameProject(_) | JobErrorKind::NoLanes | JobErrorKind::Twice => {
            (Exit::Usage, "nothing was sent")
        }
        JobErrorKind::Edited { .. } => (
            Exit::Refused,
            "this command sent nothing; the file is no proof of earlier runs any more: plan again",
        ),
        JobErrorKind::Incomplete => (Exit::Refused, "this command sent nothing"),
        JobErrorKind::Locked { .. } => (
            Exit::JobFile,
            "this command sent nothing: `status` shows what that process does",
        ),
        JobErrorKind::Damaged { .. } | JobErrorKind::NotAJob => (
            Exit::JobFile,
            "this command sent nothing: use an undamaged copy of the file, or plan again",
        ),
        JobErrorKind::OtherVersion { .. } => (
            Exit::JobFile,
            "this command sent nothing: use that version for this job, or plan again with this one",
        ),
        _ => (Exit::JobFile, DISK),
    };
    Failure::new(exit, format!("{error}; {advice}"))
}

const DISK: &str = "this command sent nothing: check the disk and the file's permissions";
