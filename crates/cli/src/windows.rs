//! How the windows of a server's quota run, as it is typed.

use std::time::Duration;

use clap::ValueEnum;
use countermand_emulator::WindowKind;

use crate::failure::Failure;

/// How the windows of a quota run.
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
