//! The `countermand` command: cancels Android Management API operations from a terminal, and says
//! what became of each.
//!
//! ```
//! # #[cfg(feature = "emulator")] {
//! // On the emulated service: how long is the rescue of 5,000 operations?
//! let code = countermand_cli::run(["countermand", "simulate", "--operations", "5000"].map(Into::into));
//! assert_eq!(code, 0);
//! # }
//! ```
//!
//! A library, so that the `countermand` that comes with the Python package is the same code:
//! [`run`] takes the arguments and gives the exit code. Results go to standard output, as text or,
//! with `--json`, as one object a line; everything else goes to standard error.
//!
//! The exit codes are 0 all cancelled (or nothing was found), 1 other failure, 2 usage, 3 some may
//! have executed, 4 authentication or permission, 5 unresolved, 6 quota, 8 refused, 9 the job file or a disk,
//! 130, 143 and 129 stopped by SIGINT, SIGTERM and SIGHUP (which `cancel`, `apply` and `rescue`
//! outlive). Where several of them apply, the first in the order 9,
//! 8, 4, 6, 3, 5, 1 is given.
//!
//! The feature `emulator`, on by default, is the commands `demo`, `emulator` and `simulate`, which run on an emulated service.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod args;
mod commands;
mod connect;
mod exit;
mod failure;
mod output;
mod profile;
mod signals;
mod system;

use std::ffi::{OsStr, OsString};

use clap::{CommandFactory, Parser};

use crate::args::{Args, Command};
#[cfg(feature = "emulator")]
use crate::args::{Global, emulated::Emulated};
#[cfg(feature = "emulator")]
use crate::commands::emulated::{demo, emulator, simulate};
use crate::commands::{
    apply, cancel, doctor, find, manual, plan, read, report, rescue, services, status,
};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{logging, streams};
use crate::signals::{Hangup, Signals};

/// Runs the command with these arguments, the first of which is the program's name, and returns
/// its exit code.
///
/// For programs that offer the same command under their own roof. It writes to the process's
/// standard output and error, takes over SIGINT, SIGTERM and SIGHUP, and never panics on what it is given.
///
/// ```
/// assert_eq!(countermand_cli::run(["countermand".into(), "cancel".into()]), 2);
/// ```
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let mut parsed = match Args::try_parse_from(&args) {
        Ok(parsed) => parsed,
        Err(error) => return refuse(error).code(),
    };
    parsed.global.typed = args.into_iter().skip(1).collect();
    let exit = execute(parsed).unwrap_or_else(|failure| {
        streams::note(&format!("error: {failure}"));
        failure.exit
    });
    match streams::lost() {
        Some(problem) => {
            streams::note(&format!(
                "error: cannot write to standard output: {problem}; results are missing there"
            ));
            Exit::JobFile.code()
        }
        None => exit.code(),
    }
}

fn execute(args: Args) -> Result<Exit, Failure> {
    let Args {
        mut global,
        command,
    } = args;
    let name = command.first_name().and_then(OsStr::to_str);
    let described = connect::described(&global)?;
    if command.takes_profile() {
        global.profile = profile::read(&global)?;
        profile::check(&global, &command)?;
    }
    global.meant = described.map_or_else(|| connect::service(&global, name), Ok)?;
    global.endpoint = connect::endpoint(&global)?;
    logging::start(global.verbose);
    match command {
        Command::Completions { shell } => Ok(manual::completions(shell)),
        Command::Man { command } => manual::page(command.as_deref()),
        Command::Cancel(cancel) => within_tokio(cancel::run(&global, cancel)),
        Command::Get(get) => within_tokio(until_stopped(read::get(&global, get))),
        Command::List(list) => within_tokio(until_stopped(read::list(&global, list))),
        Command::Find(options) => within_tokio(find::run(&global, options)),
        Command::Plan(options) => within_tokio(plan::run(&global, options)),
        Command::Apply(options) => within_tokio(apply::apply(&global, options)),
        Command::Rescue(options) => within_tokio(rescue::rescue(&global, options)),
        Command::Status(options) => status::run(&global, &options),
        Command::Report(options) => report::run(&global, &options),
        Command::Services(options) => Ok(services::run(&global, &options)),
        Command::Doctor(options) => within_tokio(until_stopped(doctor::run(&global, options))),
        #[cfg(feature = "emulator")]
        Command::Emulated(command) => emulated(&global, command),
    }
}

#[cfg(feature = "emulator")]
fn emulated(global: &Global, command: Emulated) -> Result<Exit, Failure> {
    match command {
        Emulated::Simulate(options) => simulate::run(global, &options),
        Emulated::Emulator(options) => within_tokio(emulator::run(global, options)),
        Emulated::Demo => within_tokio(until_stopped(demo::run(global))),
    }
}

fn within_tokio(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
    let result = runtime.block_on(work);
    // A thread that still reads standard input must not keep the process.
    runtime.shutdown_background();
    result
}

/// Ends work that changes nothing at the first signal.
async fn until_stopped(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let mut signals = Signals::listen(Hangup::Ends)?;
    tokio::select! {
        result = work => result,
        exit = signals.next() => Ok(exit),
    }
}

/// Tells the error of a command line, or shows the help that was asked for.
fn refuse(error: clap::Error) -> Exit {
    use clap::error::{ContextKind, ContextValue};
    let mut error = without_secrets(error);
    if error.get(ContextKind::SuggestedArg).is_none() {
        // An option that is unknown is not a name that begins with a hyphen.
        error.remove(ContextKind::Suggested);
    }
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => flag.split('=').next(),
        _ => None,
    };
    let kind = clap::error::ErrorKind::UnknownArgument;
    let unknown = flag.filter(|_| error.kind() == kind);
    // Not clap's own message: nothing of what was typed is repeated.
    let message = match unknown {
        Some("--token") => Some(
            "a token is never taken from the command line, where every process of the \
            machine can read it: put it into the environment variable COUNTERMAND_TOKEN or into a \
            file for --token-file (and get a new one, this one has been seen)",
        ),
        Some("--from") => Some(
            "there is no option --from here: `-` in place of a name reads names from standard input, \
            as in: countermand cancel - < FILE",
        ),
        _ => None,
    };
    // If the help or the complaint has no reader, there is nothing to do about it.
    let _ = match message {
        Some(message) => Args::command().error(kind, message).print(),
        None => error.print(),
    };
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Done
    }
}

/// The same complaint, in which a text like a secret is described instead of repeated.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    use clap::error::{ContextKind, ContextValue};
    let mut hidden = false;
    for kind in [
        ContextKind::InvalidArg,
        ContextKind::InvalidSubcommand,
        ContextKind::InvalidValue,
    ] {
        let Some(ContextValue::String(given)) = error.get(kind) else {
            continue;
        };
        let (option, value) = match given.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, value),
            _ => ("", given.as_str()),
        };
        let shown = countermand_core::text::shown(value);
        if shown != value {
            let shown = match option {
                "" => shown.into_owned(),
                option => format!("{}={shown}", countermand_core::text::shown(option)),
            };
            error.insert(kind, ContextValue::String(shown));
            hidden = true;
        }
    }
    if hidden {
        // Advice repeats what was typed.
        error.remove(ContextKind::Suggested);
        error.remove(ContextKind::SuggestedArg);
        error.remove(ContextKind::SuggestedSubcommand);
        error.remove(ContextKind::SuggestedValue);
    }
    error
}
