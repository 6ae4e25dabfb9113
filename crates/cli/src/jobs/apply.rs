//! `countermand apply`.

use std::path::PathBuf;
use std::time::Duration;

use countermand_fleet::job::{Contents, Kind};
use countermand_fleet::report::spell;
use countermand_fleet::{Options, now};

use super::confirm;
use super::open;
use super::run::run;
use crate::args::{Flight, Global};

use crate::duration;
use crate::exit::{self, Exit};
use crate::failure::Failure;
use crate::report::Report;
use crate::signals::{Hangup, Signals};

#[derive(Clone, Debug, clap::Args)]
#[command(after_long_help = exit::HELP)]
pub(crate) struct Apply {
    /// The job file, of `plan` or of `rescue`
    #[arg(value_name = "FILE")]
    job: PathBuf,
    /// That this is meant, as ENTERPRISE:COUNT for each enterprise of a plan, ENTERPRISE of a rescue;
    /// without it, a terminal is asked
    #[arg(long, value_name = "ENTERPRISE:COUNT", value_delimiter = ',')]
    confirm: Vec<String>,
    /// How old a plan may be that was never applied
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    max_age: Option<Duration>,
    /// Only look again at what is not resolved; cancel nothing
    #[arg(long)]
    recheck: bool,
    #[command(flatten)]
    flight: Flight,
}

pub(crate) async fn apply(global: &Global, options: Apply) -> Result<Exit, Failure> {
    let signals = Signals::listen(Hangup::Outlived)?;
    let job = open::job(&options.job)?;
    if !options.recheck {
        fresh(&job, options.max_age)?;
        let phrases = confirm::phrases(&job).map_err(|error| open::failure(&error))?;
        let what = match job.settings().kind {
            Kind::Plan => "the plan",
            Kind::Rescue => "the rescue",
        };
        confirm::ask(what, &phrases, &options.confirm)?;
    }
    let options = Options {
        in_flight: options.flight.in_flight,
        recheck: options.recheck,
    };
    run(global, job, options, Report::start(global.json), signals).await
}

/// Refuses a plan that is too old: what was pending then may not be what is meant now. One that was
/// begun goes on, however old it is.
fn fresh(job: &Contents, max_age: Option<Duration>) -> Result<(), Failure> {
    let settings = job.settings();
    let begun = job.runs().next().is_some();
    if settings.kind == Kind::Rescue || begun {
        return Ok(());
    }
    let (age, limit) = (
        now().since(job.created()),
        max_age.unwrap_or(settings.max_age),
    );
    if age <= limit {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Refused,
        format!(
            "the plan is {} old, and may be {} (--max-age); nothing was sent: plan again",
            spell(age),
            spell(limit)
        ),
    ))
}
