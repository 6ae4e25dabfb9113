//! What a run may spend of the project's quota, as it is typed.

use std::str::FromStr;
use std::time::Duration;

use countermand_emulator::ServerQuota;
use countermand_fleet::Settings;
use countermand_scheduler::{Quota, QuotaError, Window};

// The quota and our part of it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Budget {
    /// The project's quota, calls and seconds, all of them at once; `none` obeys the server alone
    #[arg(long, value_name = "WINDOWS", default_value = "600/60s,1000/100s")]
    quota: Windows,
    /// The quota of the same method on the same device, or `none`; 60/60s unless --quota is `none`
    #[arg(long, value_name = "WINDOW")]
    per_resource: Option<PerResource>,
    /// The part of the quota that is for this run, above 0 and up to 1: others use it as well
    #[arg(long, value_name = "PART", default_value_t = 0.8, value_parser = share)]
    share: f64,
}

/// Windows that hold all at once; none of them for no limit.
#[derive(Clone, Debug)]
pub(crate) struct Windows(Vec<Window>);

impl FromStr for Windows {
    type Err = QuotaError;

    fn from_str(text: &str) -> Result<Self, QuotaError> {
        if text == "none" {
            return Ok(Self(Vec::new()));
        }
        // The whole text is in the complaint, not only the window that is wrong.
        text.parse::<Quota>()?;
        text.split(',')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// A window, or none.
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
    let share = text.parse().ok();
    share
        .filter(|share| *share > 0.0 && *share <= 1.0)
        .ok_or_else(|| "expected a number above 0 and up to 1, like 0.8".to_owned())
}

impl Budget {
    /// As the scheduler takes it.
    pub(crate) fn quota(&self) -> Quota {
        let quota = match self.quota.0.is_empty() {
            true => Quota::unlimited(),
            false => Quota::default().windows(self.windows().iter().copied()),
        };
        quota.per_resource(self.per_resource()).share(self.share)
    }

    /// As a job keeps it.
    pub(crate) fn settle(&self, settings: &mut Settings) {
        settings.quota = self.windows().to_vec();
        settings.per_resource = self.per_resource();
        settings.share = self.share;
    }

    /// As a server has it that keeps to it, with these windows for the project if they are others.
    pub(crate) fn server_quota(&self, windows: Option<&Windows>) -> ServerQuota {
        let Windows(windows) = windows.unwrap_or(&self.quota);
        ServerQuota::default()
            .windows(windows.iter().copied())
            .per_resource(self.per_resource())
    }

    fn per_resource(&self) -> Option<Window> {
        match self.per_resource {
            Some(PerResource(window)) => window,
            None if self.quota.0.is_empty() => None,
            None => Some(Window::new(60, Duration::from_secs(60))),
        }
    }

    /// The project's windows.
    fn windows(&self) -> &[Window] {
        &self.quota.0
    }

    /// Requests a second in the long run; `None` without a limit.
    pub(crate) fn pace(&self) -> Option<f64> {
        let paces = self.windows().iter();
        paces
            .map(|window| f64::from(window.limit()) * self.share / window.span().as_secs_f64())
            .reduce(f64::min)
    }
}
