//! The commands that run on an emulated service, and their arguments.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use countermand_emulator::{FailingPart, Fates, WindowKind};
use countermand_scheduler::{Quota, Window};

use crate::args::duration;
use crate::args::operations::Flight;
use crate::args::quota::Budget;
use crate::failure::Failure;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Emulated {
    /// Estimate the times of the last cancel and of the last verdict
    ///
    /// Runs the scheduler of `cancel` on a virtual clock against a simulated server, which refuses
    /// calls beyond the quota. Nothing is sent. With a profile that has lanes it simulates so many
    /// operations in each of them, side by side.
    Simulate(Simulate),
    /// Run an emulated Android Management API, or the service of --service
    ///
    /// Prints one line of JSON when it is ready and runs until it is interrupted. Its own endpoints
    /// are under /_emulator/.
    Emulator(Emulator),
    /// Show the rescue of an emulated fleet, within half a minute and without any account
    ///
    /// Starts an emulator inside this process, sends 2,000 devices mistaken WIPEs of different
    /// fates, plans and applies their cancellation over real HTTP under the documented quota on a
    /// faster clock, while devices acknowledge, writes the report, and compares each verdict with
    /// what really happened. As some of the commands complete anyway, it exits with code 3.
    Demo,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Emulator {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Also serve requests for this host name, for example of a container; may be given again
    #[arg(long = "allow-host", value_name = "NAME")]
    pub(crate) allow_hosts: Vec<String>,
    /// Number of devices, or of the parents of another service's operations [default: 200, or 3 of another
    /// service]
    #[arg(long, value_name = "N",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(0..=1_000_000))]
    pub(crate) devices: Option<usize>,
    /// Seed of the fleet and of all random choices
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub(crate) seed: u64,
    /// Serve TLS and write the authority to trust into this directory, as ca.pem
    #[arg(long, value_name = "DIR")]
    pub(crate) tls: Option<PathBuf>,
    /// The token that is accepted; it opens nothing but this emulator
    #[arg(long, value_name = "TOKEN", default_value = "emulator-token")]
    pub(crate) token: String,
    /// Script of faults, a JSON list
    #[arg(long, value_name = "FILE")]
    pub(crate) faults: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) limits: Limits,
    /// Run the emulator's clock so many times faster than the real one
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) time_scale: u32,
}

// The quota of the emulated server.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("limits").args(["quota", "per_resource"]).multiple(true))]
pub(crate) struct Limits {
    /// Refuse calls beyond these limits, which hold all at once, like 600/60s,1000/100s
    #[arg(long, value_name = "WINDOWS", value_delimiter = ',')]
    pub(crate) quota: Vec<Window>,
    /// Refuse calls of the same method on the same device or enterprise beyond this limit, like 60/60s
    #[arg(long, value_name = "WINDOW")]
    pub(crate) per_resource: Option<Window>,
    /// Kind of the windows of the quota
    #[arg(long, value_enum, default_value_t = WindowWord::Fixed, requires = "limits")]
    pub(crate) window: WindowWord,
    /// Time at which the first fixed window ends and the next begins, for example 37s
    #[arg(long, value_name = "TIME", value_parser = duration::parse, requires = "limits")]
    pub(crate) phase: Option<Duration>,
    /// Hint at the time to wait that a refusal gives
    #[arg(long, value_enum, default_value_t = HintsWord::None, requires = "limits")]
    pub(crate) hints: HintsWord,
    /// Refused calls are spent as well
    #[arg(long, requires = "limits")]
    pub(crate) count_refused: bool,
}

/// Hint at the time to wait that a refusal gives.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum HintsWord {
    /// Nothing
    None,
    /// A google.rpc.RetryInfo in the body
    RetryInfo,
    /// A Retry-After header
    RetryAfter,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Simulate {
    /// Number of operations; of a profile with lanes, in each lane
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) operations: u32,
    /// Simulate resources of this pattern, or of this collection, for example jobs; `services` shows those of a
    /// service [default: the first with a state, else the first]
    #[arg(long, value_name = "PATTERN")]
    pub(crate) pattern: Option<String>,
    /// Number of operations of each device
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) per_device: u32,
    #[command(flatten)]
    pub(crate) budget: Budget,
    /// The quota that the server has in truth, as far as it is not that of --quota
    #[arg(long, value_name = "WINDOWS")]
    pub(crate) server_quota: Option<Quota>,
    /// Kind of the windows of the server's quota
    #[arg(long, value_enum, default_value_t = WindowWord::Sliding)]
    pub(crate) window: WindowWord,
    /// Time at which the first fixed window ends and the next begins, for example 37s
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(crate) phase: Option<Duration>,
    #[command(flatten)]
    pub(crate) flight: Flight,
    /// Let a part of all answers fail, like 503:20%
    #[arg(long, value_name = "STATUS:PART")]
    pub(crate) fail: Option<FailingPart>,
    /// Fates of the operations, in parts: cancellable, completes (too late), stuck (for ever)
    #[arg(long, value_name = "FATES", default_value = "cancellable:1")]
    pub(crate) fates: Fates,
    /// Seed of all random choices
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Kind of the windows of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WindowWord {
    /// One after the other
    Fixed,
    /// Each call is counted until it is a window old
    Sliding,
}

impl WindowWord {
    /// With the moment at which the first fixed window ends.
    pub(crate) fn with(self, phase: Option<Duration>) -> Result<WindowKind, Failure> {
        match (self, phase) {
            (Self::Fixed, phase) => Ok(WindowKind::Fixed {
                phase: phase.unwrap_or_default(),
            }),
            (Self::Sliding, None) => Ok(WindowKind::Sliding),
            (Self::Sliding, Some(_)) => {
                let problem = "--phase is for fixed windows: sliding ones begin with each call";
                Err(Failure::usage(problem))
            }
        }
    }
}
