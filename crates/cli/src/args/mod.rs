//! The command line.

pub(crate) mod duration;
pub(crate) mod emulator;
pub(crate) mod jobs;
pub(crate) mod operations;
pub(crate) mod quota;
pub(crate) mod resume;
pub(crate) mod selection;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand};
use clap_complete::Shell;
use countermand_core::Endpoint;

use crate::args::emulator::{Emulator, Simulate};
use crate::args::jobs::{Apply, Export, Find, Plan, Rescue, Status};
use crate::args::operations::{Cancel, Doctor, Get, List};
use crate::exit;

/// Cancels Android Management API operations before the device runs them, and proves it.
#[derive(Debug, Parser)]
#[command(name = "countermand", version, after_long_help = exit::HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command that talks to the API.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Root of the API, by default Google's; without a path it gets /v1
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "COUNTERMAND_ENDPOINT",
        hide_env_values = true
    )]
    pub(crate) endpoint: Option<Endpoint>,
    /// Read the access token from this file, again whenever it changes, instead of COUNTERMAND_TOKEN
    #[arg(long, global = true, value_name = "FILE", group = "access")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// Trust the certificate authorities in this PEM file as well
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Go through the proxy that HTTPS_PROXY names, except to the hosts in NO_PROXY; without this
    /// option no proxy is used
    #[arg(long, global = true)]
    pub(crate) proxy_from_env: bool,
    /// Allow http:// to other machines: every machine on the way can read the token
    #[arg(long, global = true)]
    pub(crate) allow_plaintext: bool,
    /// Print results as JSON, one object a line, each with a `schema`
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say on stderr how each operation ended; twice: each request as well
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Not an option: a run tells its progress and its counts, and no operation
    #[arg(skip)]
    pub(crate) brief: bool,
}

/// Source of access tokens, if not a file or the environment.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Access {
    /// Use these credentials: a service account's key, or a file as gcloud writes them. Without any
    /// of these options and without COUNTERMAND_TOKEN, Google's application default credentials
    #[arg(long, global = true, value_name = "FILE", group = "access")]
    pub(crate) credentials: Option<PathBuf>,
    /// Run this in a shell for an access token: it prints one, or JSON with access_token and
    /// expires_in
    #[arg(long, global = true, value_name = "COMMAND", group = "access")]
    pub(crate) token_command: Option<OsString>,
    /// Act as this service account, which the credentials may impersonate; of several, separated by
    /// commas, each impersonates the next
    #[arg(long, global = true, value_name = "EMAIL")]
    pub(crate) impersonate_service_account: Option<String>,
    /// Act on behalf of this user of the domain; for the key of a service account
    #[arg(long, global = true, value_name = "EMAIL")]
    pub(crate) subject: Option<String>,
    /// The project that pays for the calls, and whose quota they use
    #[arg(long, global = true, value_name = "PROJECT")]
    pub(crate) quota_project: Option<String>,
}

// The options are declared of the command that is called alone: declaring all takes much of the
// time to start. That is why a command's text is here; one at its options, or at what is flattened
// into them, would take its place.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Cancel operations and find out the outcome of each
    ///
    /// Names are enterprises/{enterprise}/devices/{device}/operations/{operation}. If one of them is
    /// bad, nothing is sent. A name given twice is countermanded once.
    Cancel(Cancel),
    /// Show operations as the server tells them
    Get(Get),
    /// List all operations of a device, to the last page
    List(List),
    /// Find pending operations, and cancel nothing
    ///
    /// Lists all devices of the enterprises, and of each device all operations to the last page, under
    /// the quota. With --json, the lines can be given to `plan` or `cancel`.
    Find(Find),
    /// Write a job file of operations to be cancelled, and cancel nothing
    ///
    /// Enterprises and devices are searched; operations are taken as they are, from the command line,
    /// from standard input (-) or from files: one name a line, JSON, CSV, answers of issueCommand or
    /// messages of Pub/Sub. The job file is then applied with `countermand apply`.
    Plan(Plan),
    /// Cancel the operations of a job file, or go on where a run was stopped
    ///
    /// Each request is in the job file before it is sent, and each result before it is shown: after a
    /// crash, the same command goes on. What is cancelled is not asked again, the quota that was spent
    /// is not spent again, and of the results only those are printed that are not `cancelled`.
    Apply(Apply),
    /// Find pending operations and cancel them at once, when every minute counts
    ///
    /// Devices are listed first, then their operations, those of the device that was seen last first;
    /// what is found is cancelled before the next device is listed, and looked at in the end. The job
    /// file is that of `plan`: `apply` goes on with it, `report` tells of it.
    Rescue(Rescue),
    /// Show how far a job has come, also while it is applied
    Status(Status),
    /// Write the outcome of each operation of a job, with the evidence
    ///
    /// One row for each operation that went in, also while the job is applied.
    Report(Export),
    /// Show when the last cancel and the last verdict would be
    ///
    /// Runs the scheduler of `cancel` on a virtual clock against a simulated server, which refuses
    /// what is beyond the quota. Nothing is sent anywhere.
    Simulate(Simulate),
    /// Run an emulated Android Management API
    ///
    /// Prints one line of JSON when it is ready and runs until it is interrupted. Its own endpoints
    /// are under /_emulator/.
    Emulator(Emulator),
    /// Check everything between this machine and a cancelled operation
    ///
    /// Looks at file modes, name resolution, the connection and its TLS, the access token, whether
    /// the API takes it, its scope, the quota and the clock; within 10 s, with 3 calls at most. Its
    /// output holds no secret and can be sent to other people for help.
    Doctor(Doctor),
    /// Show the rescue of an emulated fleet, within half a minute and without any account
    ///
    /// Starts an emulator inside this process, sends 2,000 devices mistaken WIPEs of different
    /// fates, plans and applies their cancellation over real HTTP under the documented quota on a
    /// faster clock, while devices acknowledge, writes the report, and compares each verdict with
    /// what really happened. As some of the commands complete anyway, it exits with code 3.
    Demo,
    /// Print a completion script for a shell
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print the manual page, of the whole command or of one subcommand
    Man {
        /// The subcommand
        command: Option<String>,
    },
}
