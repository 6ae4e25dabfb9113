//! The part of the project's quota that a run may spend.

use std::str::FromStr;

use countermand_core::Service;
use countermand_scheduler::{Quota, QuotaError, ShareError, Window};

// The quota and our part of it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Budget {
    /// Quota of the project, CALLS/SECONDS for each window, or `none` for no limit of our own;
    /// of other services 600/60s is assumed
    #[arg(long, value_name = "WINDOWS", default_value_t = Quota::default())]
    quota: Quota,
    /// Quota of one method on one device, or `none` [default: 60/60s, `none` if --quota is `none`]
    #[arg(long, value_name = "WINDOW")]
    per_resource: Option<PerResource>,
    /// Part of the quota that this run may use, above 0 and up to 1
    #[arg(long, value_name = "PART", default_value_t = Quota::default().get_share(), value_parser = share)]
    share: f64,
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
    /// The quota of a service as the scheduler takes it; its known quota is the default.
    pub(crate) fn quota_for(&self, service: &Service) -> Quota {
        let quota = match self.quota == Quota::default() {
            true => Quota::of_service(service),
            false => self.quota.clone(),
        };
        let quota = quota.share(self.share);
        match self.per_resource {
            Some(PerResource(window)) => quota.per_resource(window),
            None => quota,
        }
    }
}
