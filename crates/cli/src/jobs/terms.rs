//! How a job is to be run, as it is typed.

use std::time::Duration;

use countermand_fleet::store::{Kind, Settings};

use super::selection::Selection;
use super::sources::Sources;
use crate::args::{Flight, Global};
use crate::budget::Budget;
use crate::duration;
use crate::failure::Failure;

// What `plan` and `rescue` write into a job, so that whoever resumes it does the same.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Terms {
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// For how long each operation is asked after and looked at, like 30s or 5m
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = duration::parse)]
    deadline: Duration,
    #[command(flatten)]
    budget: Budget,
    #[command(flatten)]
    pub(crate) flight: Flight,
}

impl Terms {
    pub(crate) fn settings(
        &self,
        kind: Kind,
        global: &Global,
        sources: &Sources,
    ) -> Result<Settings, Failure> {
        let mut settings = Settings::new(kind);
        let endpoint = global.endpoint.clone().unwrap_or_default();
        settings.endpoint = endpoint.to_string();
        settings.deadline = self.deadline;
        settings.enterprises = sources.enterprises.clone();
        settings.filter = self.selection.filter(&endpoint)?;
        self.budget.settle(&mut settings);
        Ok(settings)
    }
}
