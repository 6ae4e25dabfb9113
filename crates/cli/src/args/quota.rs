//! The part of the project's quota that a run may spend.

use std::str::FromStr;

use countermand_fleet::QuotaTerms;
use countermand_scheduler::{Quota, QuotaError, ShareError, Window};

// The quota and our part of it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Budget {
    /// Quota of the project, CALLS/SECONDS for each window, or `none` for no limit of our own
    /// [default: 600/60s,1000/100s; of other services the documented one, else 600/60s]
    #[arg(long, value_name = "WINDOWS")]
    quota: Option<Quota>,
    /// Quota of one method on one device, or `none` [default: 60/60s, `none` if --quota is `none`]
    #[arg(long, value_name = "WINDOW")]
    per_resource: Option<PerResource>,
    /// Part of the quota that this run may use, above 0 and up to 1 [default: 0.8]
    #[arg(long, value_name = "PART", value_parser = share)]
    share: Option<f64>,
}

/// A window, or `none`.
#[derive(Clone, Copy, Debug)]
struct PerResource(Option<Window>);

impl FromStr for PerResource {
    type Err = QuotaError;

    fn from_str(text: &str) -> Result<Self, QuotaError> {
        match text {
            "none" => Ok(Self(None)),
            window => window.parse().map(Some).map(Self),
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    // A text that is no number is no share either.
    let share = ShareError::check(text.parse().unwrap_or(f64::NAN));
    share.map_err(|error| format!("{error}, like 0.8"))
}

impl Budget {
    /// The parts of it that options name.
    pub(crate) fn terms(&self) -> QuotaTerms {
        QuotaTerms {
            quota: self.quota.clone(),
            per_resource: self.per_resource.map(|PerResource(window)| window),
            share: self.share,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_help_are_those_of_the_default_service() {
        let quota = Quota::default();
        assert_eq!(quota.to_string(), "600/60s,1000/100s");
        assert_eq!(quota.get_share().to_string(), "0.8");
    }
}
