//! Arguments of commands that take operations by name.

use std::ffi::OsString;
use std::time::Duration;

use countermand_core::{ListFilter, Policy};
use countermand_fleet::{Defaults, Options};

use crate::args::duration;
use crate::args::quota::Budget;
use crate::exit;

#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = exit::HELP)]
pub(crate) struct Cancel {
    #[command(flatten)]
    pub(crate) names: Names,
    /// Send the cancels, and do not verify their outcomes
    #[arg(long)]
    pub(crate) no_verify: bool,
    /// Leave bad names out instead of refusing them all
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    #[command(flatten)]
    pub(crate) deadline: Deadline,
    #[command(flatten)]
    pub(crate) budget: Budget,
    #[command(flatten)]
    pub(crate) flight: Flight,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) names: Names,
    #[command(flatten)]
    pub(crate) flight: Flight,
    /// Time limit per operation, for example 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    pub(crate) deadline: Duration,
}

// Names of operations, in the order given.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Names {
    /// Names of operations, or - to read them from standard input: one a line (without blank lines and
    /// lines that start with #), JSON or CSV
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<OsString>,
}

// Time limit of an operation.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Deadline {
    /// Time limit per operation, for example 30s or 5m; waiting for the quota is not counted [default: 120s]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    deadline: Option<Duration>,
}

impl Deadline {
    /// The time of the option, else that of the profile, else that of a policy.
    pub(crate) fn get(self, usual: &Defaults) -> Duration {
        let named = self.deadline.or(usual.deadline);
        named.unwrap_or(Policy::default().get_deadline())
    }
}

// Limit of the requests in flight.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Flight {
    /// Maximum number of requests in flight [default: 100]
    #[arg(long, value_name = "N",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    in_flight: Option<usize>,
}

impl Flight {
    /// The number of the option, else that of the profile, else the usual one.
    pub(crate) fn in_flight(&self, usual: &Defaults) -> usize {
        let named = self.in_flight.or(usual.in_flight);
        named.unwrap_or(Options::default().in_flight)
    }
}

// The filter that the server applies to lists.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ServerSide {
    /// Let the server apply this filter, in the language of the service, to its lists of operations: what it
    /// leaves out is not seen
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<ListFilter>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct List {
    /// The device, enterprises/{enterprise}/devices/{device}, or the parent of the operations of another service
    #[arg(value_name = "PARENT")]
    pub(crate) device: OsString,
    /// Print only operations that are not done
    #[arg(long)]
    pub(crate) pending: bool,
    #[command(flatten)]
    pub(crate) server: ServerSide,
    /// Time limit per page, for example 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    pub(crate) deadline: Duration,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Doctor {
    /// Enterprise, device or operation of which the access is checked as well
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Services {
    /// Names or parts of names: only services that have one of them in their id or title, or are called so
    #[arg(value_name = "WORD")]
    pub(crate) words: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_help_are_those_of_a_run() {
        assert_eq!(Options::default().in_flight, 100);
        assert_eq!(
            duration::parse("120s"),
            Ok(Policy::default().get_deadline())
        );
    }
}
