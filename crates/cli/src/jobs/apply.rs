//! `countermand apply`.

use std::path::PathBuf;
use std::time::Duration;

use countermand_fleet::{Authorization, Options};

use super::confirm;
use super::open;
use super::run::run;
use crate::args::{Flight, Global};
use crate::connect;
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
    /// How old a plan may be that was never applied [default: 1h]
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    max_age: Option<Duration>,
    /// Only look again at what is not resolved; cancel nothing
    #[arg(long)]
    recheck: bool,
    #[command(flatten)]
    flight: Flight,
}

pub(crate) async fn apply(global: &Global, options: Apply) -> Result<Exit, Failure> {
    let mut signals = Signals::listen(Hangup::Outlived)?;
    let authorization = Authorization {
        endpoint: global.endpoint.clone().unwrap_or_default(),
        digest: None,
        confirmed: confirm::parse(&options.confirm)?,
        max_age: options.max_age,
    };
    let job = open::job(&options.job)?;
    let options = Options {
        in_flight: options.flight.in_flight,
        recheck: options.recheck,
    };
    confirm::authorize(&job, authorization, options, &mut signals).await?;
    let client = connect::client(global).await?;
    let report = Report::start(global.json);
    run(global, &client, job, options, report, signals).await
}
