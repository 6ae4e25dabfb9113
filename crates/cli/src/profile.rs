//! The profile of a run: the file that the command line or the environment names, else the usual one.

use std::sync::Arc;

use countermand_fleet::Profile;

use crate::args::{Command, Global};
use crate::failure::Failure;

/// Reads it; an empty one where there is none.
pub(crate) fn read(global: &Global) -> Result<Arc<Profile>, Failure> {
    let profile = Profile::load(global.profile_word.as_deref());
    profile
        .map(Arc::new)
        .map_err(|error| Failure::usage(format!("{error}; nothing was sent")))
}

/// Refuses a profile with lanes where the command would pass them over.
pub(crate) fn check(global: &Global, command: &Command) -> Result<(), Failure> {
    if global.profile.lanes.is_empty() || !matches!(command, Command::Doctor(_)) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the profile {} has lanes, and `doctor` checks one access: give its credentials as options, with --profile \
         none; nothing was sent",
        countermand_core::text::shown_path(&global.profile.path)
    )))
}
