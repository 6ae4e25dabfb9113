//! Arguments of commands that make a job file, or read one.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use countermand_fleet::input::Format;
use countermand_fleet::report;
use countermand_fleet::store::Settings;

use crate::args::duration;
use crate::args::operations::{Deadline, Flight};
use crate::args::quota::Budget;
use crate::args::selection::Selection;
use crate::exit;

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Find {
    /// Enterprises (enterprises/{enterprise}) and devices to search, or of another service resources whose
    /// operations it lists (projects/{project}/locations/{location})
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<OsString>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) budget: Budget,
    #[command(flatten)]
    pub(crate) flight: Flight,
    /// Print only names
    #[arg(long)]
    pub(crate) names_only: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    /// Enterprises and devices to search, or of another service resources whose operations it lists; names of
    /// operations; or - for standard input
    #[arg(value_name = "NAME", required_unless_present = "from")]
    pub(crate) names: Vec<OsString>,
    /// Read names of operations from this file; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Vec<PathBuf>,
    /// Format of files and of standard input [default: that of the first line]
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatWord>,
    /// Leave bad names out instead of refusing them all
    #[arg(long)]
    pub(crate) skip_invalid: bool,
    /// Job file to write; it must not exist
    #[arg(
        long,
        short,
        value_name = "FILE",
        required_unless_present = "split_lanes"
    )]
    pub(crate) output: Option<PathBuf>,
    /// Folder to make, with a job file for each lane of the profile, LANE.job: for several machines or people
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    pub(crate) split_lanes: Option<PathBuf>,
    /// Order of the cancels
    #[arg(long, value_enum, default_value_t = OrderWord::Harm)]
    pub(crate) order: OrderWord,
    #[command(flatten)]
    pub(crate) terms: Terms,
}

/// Order of the cancels.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OrderWord {
    /// The most harmful types first (WIPE), and of a type those of the devices seen last
    Harm,
    /// As in the input, and as found
    Input,
}

/// Format in which names are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum FormatWord {
    /// One name a line
    Text,
    /// JSON: names, operations, Pub/Sub messages, in a list or one after the other
    Json,
    /// A table with a column `name`
    Csv,
}

impl FormatWord {
    pub(crate) const fn format(self) -> Format {
        match self {
            Self::Text => Format::Text,
            Self::Json => Format::Json,
            Self::Csv => Format::Csv,
        }
    }
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = exit::HELP)]
pub(crate) struct Apply {
    /// The job file, of `plan` or of `rescue`
    #[arg(value_name = "FILE")]
    pub(crate) job: PathBuf,
    /// Authorise the run: ENTERPRISE:COUNT for each enterprise of a plan, ENTERPRISE for those of a rescue;
    /// of another service projects/p:COUNT, as `plan` prints it [default: ask at the terminal]
    #[arg(long, value_name = "NAME:COUNT", value_delimiter = ',')]
    pub(crate) confirm: Vec<String>,
    /// Maximum age of a plan that was never applied, for example 30m or 2h [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(crate) max_age: Option<Duration>,
    /// Poll the operations that are not resolved, and cancel nothing
    #[arg(long)]
    pub(crate) recheck: bool,
    #[command(flatten)]
    pub(crate) flight: Flight,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = exit::HELP)]
pub(crate) struct Rescue {
    /// Enterprises (enterprises/{enterprise}) and devices to search, or of another service resources whose
    /// operations it lists (projects/{project}/locations/{location})
    #[arg(value_name = "NAME", required = true)]
    pub(crate) names: Vec<OsString>,
    /// Job file to write; it must not exist [default: rescue-TIME.job]
    #[arg(long, value_name = "FILE")]
    pub(crate) job: Option<PathBuf>,
    /// Authorise the run: ENTERPRISE for each enterprise, projects/p of another service [default: ask at the
    /// terminal]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) confirm: Vec<String>,
    /// Maximum number of operations to cancel; the others are left pending and counted
    #[arg(long, value_name = "N", default_value_t = Settings::MAX_OF_RESCUE)]
    pub(crate) max: u64,
    #[command(flatten)]
    pub(crate) terms: Terms,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Status {
    /// The job file, or several
    #[arg(value_name = "FILE", required = true)]
    pub(crate) jobs: Vec<PathBuf>,
    /// Check the whole file: every checksum, and the counts that it keeps
    #[arg(long)]
    pub(crate) check: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Export {
    /// The job file, or several
    #[arg(value_name = "FILE", required = true)]
    pub(crate) jobs: Vec<PathBuf>,
    /// File to write; an existing one is replaced [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Format of the report [default: by the ending of --output, ndjson without one]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Form>,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Form {
    /// One JSON object a row
    Ndjson,
    /// A table for spreadsheets
    Csv,
    /// One page for people, which needs nothing but itself
    Html,
}

impl From<Form> for report::Form {
    fn from(form: Form) -> Self {
        match form {
            Form::Ndjson => Self::Ndjson,
            Form::Csv => Self::Csv,
            Form::Html => Self::Html,
        }
    }
}

// Settings that `plan` and `rescue` write into a job, so that a process that resumes it does the same.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Terms {
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) deadline: Deadline,
    #[command(flatten)]
    pub(crate) budget: Budget,
    #[command(flatten)]
    pub(crate) flight: Flight,
}
