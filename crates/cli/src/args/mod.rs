//! The command line.

pub(crate) mod duration;
#[cfg(feature = "emulator")]
pub(crate) mod emulated;
pub(crate) mod jobs;
pub(crate) mod operations;
pub(crate) mod quota;
pub(crate) mod resume;
pub(crate) mod selection;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgAction, Parser, Subcommand};
use clap_complete::Shell;
use countermand_core::{Endpoint, Service};
use countermand_fleet::{Defaults, Profile};

#[cfg(feature = "emulator")]
use crate::args::emulated::Emulated;
use crate::args::jobs::{Apply, Export, Find, Plan, Rescue, Status};
use crate::args::operations::{Cancel, Doctor, Get, List, Services};
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
    /// URL of the API; without a path it gets /v1 [env: COUNTERMAND_ENDPOINT] [default: Google's]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<Endpoint>,
    /// Service of the operations, such as documentai or documentai.v1; `countermand services` lists all
    /// [default: the one that the full name of an operation tells, else androidmanagement]
    #[arg(long, global = true, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Service of the operations, described by this JSON file, if it is not one of those
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "service")]
    pub(crate) service_file: Option<PathBuf>,
    /// File of lanes and defaults, or NAME for NAME.toml in $XDG_CONFIG_HOME/countermand; `none` for no profile
    /// [env: COUNTERMAND_PROFILE] [default: config.toml there, if it exists]
    #[arg(long = "profile", global = true, value_name = "FILE|NAME")]
    pub(crate) profile_word: Option<OsString>,
    /// Not an option: the profile of this run, empty without one
    #[arg(skip)]
    pub(crate) profile: Arc<Profile>,
    /// OAuth scope of the access tokens [default: that of the service]
    #[arg(long, global = true, value_name = "SCOPE")]
    pub(crate) scope: Option<String>,
    /// Not an option: the service that is meant
    #[arg(skip = Service::DEFAULT)]
    pub(crate) meant: &'static Service,
    /// Read the access token from this file, and again when it changes, instead of COUNTERMAND_TOKEN
    #[arg(long, global = true, value_name = "FILE", group = "access")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// Trust the certificate authorities in this PEM file, besides those of the system
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Use the proxy of HTTPS_PROXY, except for the hosts of NO_PROXY; without this option no proxy is
    /// used
    #[arg(long, global = true)]
    pub(crate) proxy_from_env: bool,
    /// Allow http:// to other machines: every machine on the way can read the token
    #[arg(long, global = true)]
    pub(crate) allow_plaintext: bool,
    /// Print results as JSON, one object a line, each with a `schema`
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print the end of each operation on standard error; -vv also each request
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Not an option: a run tells its progress and its counts, and no operation
    #[arg(skip)]
    pub(crate) brief: bool,
    /// Not an option: the command line without the program's name
    #[arg(skip)]
    pub(crate) typed: Vec<OsString>,
}

impl Global {
    /// The option that names credentials, if one does.
    pub(crate) fn access_option(&self) -> Option<&'static str> {
        let Access {
            credentials,
            token_command,
            impersonate_service_account,
            subject,
            quota_project,
        } = &self.access;
        let given = [
            ("--token-file", self.token_file.is_some()),
            ("--credentials", credentials.is_some()),
            ("--token-command", token_command.is_some()),
            (
                "--impersonate-service-account",
                impersonate_service_account.is_some(),
            ),
            ("--subject", subject.is_some()),
            ("--quota-project", quota_project.is_some()),
        ];
        let mut given = given.into_iter().filter(|(_, given)| *given);
        given.next().map(|(option, _)| option)
    }

    /// The settings of the profile.
    pub(crate) fn usual(&self) -> &Defaults {
        &self.profile.defaults
    }

    /// The endpoint that was given, else the root of the service.
    pub(crate) fn place(&self) -> Endpoint {
        let endpoint = self.endpoint.clone();
        endpoint.unwrap_or_else(|| self.meant.endpoint())
    }
}

/// Source of access tokens, if not a file or the environment.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Access {
    /// Use these credentials: the key of a service account, or a file that gcloud has written
    /// [default: COUNTERMAND_TOKEN, otherwise Google's application default credentials]
    #[arg(long, global = true, value_name = "FILE", group = "access")]
    pub(crate) credentials: Option<PathBuf>,
    /// Run this command in a shell to get an access token; it prints the token, or JSON with
    /// access_token and expires_in
    #[arg(long, global = true, value_name = "COMMAND", group = "access")]
    pub(crate) token_command: Option<OsString>,
    /// Impersonate this service account; of several, separated by commas, each impersonates the next
    #[arg(long, global = true, value_name = "EMAIL")]
    pub(crate) impersonate_service_account: Option<String>,
    /// Act on behalf of this user (domain-wide delegation); needs the key of a service account
    #[arg(long, global = true, value_name = "EMAIL")]
    pub(crate) subject: Option<String>,
    /// Project that pays for the calls, and whose quota they use
    #[arg(long, global = true, value_name = "PROJECT")]
    pub(crate) quota_project: Option<String>,
}

// The options are declared of the command that is called alone: declaring all takes much of the
// time to start. That is why a command's text is here; one at its options, or at what is flattened
// into them, would take its place.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Cancel operations, and verify the outcome of each
    ///
    /// A name is enterprises/{enterprise}/devices/{device}/operations/{operation}. If one name is
    /// invalid, nothing is sent. A name that is given twice is cancelled once. To read the names from a
    /// file: countermand cancel - < FILE
    Cancel(Cancel),
    /// Show operations as the server reports them
    Get(Get),
    /// List all operations of a device, to the last page
    List(List),
    /// Find pending operations, and cancel nothing
    ///
    /// Lists all devices of the enterprises, and of each device all operations to the last page, under
    /// the quota. With --json, the lines can be given to `plan` or `cancel`.
    Find(Find),
    /// Write a job file with the operations to cancel, and cancel nothing
    ///
    /// Enterprises and devices are searched for pending operations. Names of operations are taken from
    /// the command line, from standard input (-) and from files (--from): one name a line, JSON, CSV,
    /// answers of issueCommand or messages of Pub/Sub. `countermand apply` then applies the job file.
    Plan(Plan),
    /// Cancel the operations of a job file, or resume a run that was stopped
    ///
    /// Each request is recorded in the job file before it is sent, and each result before it is shown,
    /// so after a crash the same command resumes. Operations that are cancelled are not requested again,
    /// and quota that was used stays counted. Results other than `cancelled` and `expired` are printed.
    Apply(Apply),
    /// Find pending operations and cancel them at once, when every minute counts
    ///
    /// Lists the devices, then the operations of each device, the device seen last first. The operations
    /// found are cancelled before the next device is listed, and verified at the end. The results are in
    /// a job file: `apply` resumes it, `status` and `report` read it.
    Rescue(Rescue),
    /// Show the progress and the results of a job, also while it is applied
    Status(Status),
    /// Write the outcome of each operation of a job, with the evidence
    ///
    /// The report has one row for each operation of the job. It can be written while the job is applied.
    Report(Export),
    /// List the services whose operations can be cancelled, and the names of these
    ///
    /// An operation of a service is given by its full name, //HOST/NAME, or by --service and its name. A
    /// search takes the resources whose operations the service lists.
    Services(Services),
    /// Check the files, the network, the credentials and the access that a cancel needs
    ///
    /// Checks file modes, name resolution, the connection and its TLS, the access token and its scope,
    /// the answer of the API, the quota and the clock, within 10 s and with at most 3 calls. The output
    /// has no secrets, so you can send it to other people for help.
    Doctor(Doctor),
    #[cfg(feature = "emulator")]
    #[command(flatten)]
    Emulated(Emulated),
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

impl Command {
    /// True if it sends requests, or simulates some, for which a profile has settings.
    pub(crate) const fn takes_profile(&self) -> bool {
        match self {
            Self::Cancel(_) | Self::Get(_) | Self::List(_) | Self::Find(_) => true,
            Self::Plan(_) | Self::Apply(_) | Self::Rescue(_) | Self::Doctor(_) => true,
            Self::Status(_) | Self::Report(_) | Self::Services(_) => false,
            Self::Completions { .. } | Self::Man { .. } => false,
            #[cfg(feature = "emulator")]
            Self::Emulated(command) => matches!(command, Emulated::Simulate(_)),
        }
    }

    /// The first name that tells a service.
    pub(crate) fn first_name(&self) -> Option<&OsStr> {
        match self {
            Self::Cancel(cancel) => cancel.names.names.first().map(OsString::as_os_str),
            Self::Get(get) => get.names.names.first().map(OsString::as_os_str),
            Self::List(list) => Some(&list.device),
            Self::Find(find) => find.names.first().map(OsString::as_os_str),
            Self::Plan(plan) => plan.names.first().map(OsString::as_os_str),
            Self::Rescue(rescue) => rescue.names.first().map(OsString::as_os_str),
            Self::Doctor(doctor) => doctor.name.as_deref().map(OsStr::new),
            _ => None,
        }
    }
}
