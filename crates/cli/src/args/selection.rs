//! Which operations are meant, as it is typed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countermand_core::Endpoint;
use countermand_fleet::{Filter, FilterError, Services};

use crate::args::duration;
use crate::args::operations::ServerSide;
use crate::failure::Failure;

// Of the pending operations, those that are meant.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Selection {
    /// Take only commands of this type, for example WIPE; may be given several times; unknown:TYPE for
    /// a type that this version does not know. Of another service, the type that its operations tell
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// Take only operations created within the last TIME, for example 30m, 2h or 2d
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(crate) newer_than: Option<Duration>,
    /// Take only operations created at least TIME ago, for example 30m, 2h or 2d
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub(crate) older_than: Option<Duration>,
    /// Leave out the operations, devices and enterprises named in this file, one a line
    #[arg(long, value_name = "FILE")]
    pub(crate) exclude: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerSide,
}

impl Selection {
    /// The filter of operations of these services; `at` gives the endpoint of the service that a name tells.
    pub(crate) fn filter(
        &self,
        services: &Services,
        at: impl Fn(&str) -> Endpoint,
    ) -> Result<Filter, Failure> {
        let mut filter = Filter::default();
        for kind in &self.types {
            let added = filter.add_type(services, kind);
            added.map_err(|error| unanswered(&error))?;
        }
        filter.newer_than = self.newer_than;
        filter.older_than = self.older_than;
        filter.server_side = self.server.filter.clone();
        let checked = filter.check();
        checked.map_err(|error| unanswered(&error))?;
        for path in &self.exclude {
            exclude(path, services, &at, &mut filter)?;
        }
        Ok(filter)
    }
}

/// The refusal of a filter, behind its option.
pub(crate) fn unanswered(error: &FilterError) -> Failure {
    let option = match error {
        FilterError::NoTimes { .. } | FilterError::Ages { .. } => "--newer-than, --older-than",
        FilterError::NoServerSide(_) => "--filter",
        _ => "--type",
    };
    Failure::usage(format!("{option}: {error}; nothing was sent"))
}

/// Reads names of all three kinds. One that is none could be a typing error in the name of a device
/// that must be left alone, so nothing goes on; nor does it after a file with nothing in it, whose writer
/// has probably failed.
fn exclude(
    path: &Path,
    services: &Services,
    at: impl Fn(&str) -> Endpoint,
    filter: &mut Filter,
) -> Result<(), Failure> {
    let problem = |what: String| {
        Failure::usage(countermand_core::text::path_problem(
            "cannot use",
            path,
            what,
        ))
    };
    let text = fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
    if text.trim().is_empty() {
        return Err(problem(
            "it is empty; a comment (# none) says that this is meant; nothing was sent".to_owned(),
        ));
    }
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let name = at(line).parse_given_resource(line);
        let name = name.map_err(|error| {
            problem(format!(
                "line {number}: {error}; it names no operation, {} or {}; nothing was sent",
                services.noun(1),
                services.noun(2)
            ))
        })?;
        filter.exclude.insert(name.to_string());
    }
    Ok(())
}
