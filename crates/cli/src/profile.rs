//! The profile of a run: the file that the command line or the environment names, else the usual one.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use countermand_core::text::shown_excerpt;
use countermand_fleet::Profile;

use crate::args::{Command, Global};
use crate::failure::Failure;

const VARIABLE: &str = "COUNTERMAND_PROFILE";

/// Stands for no profile.
const NONE: &str = "none";

/// True if a word is a file: a name has no folder and no ending.
pub(crate) fn is_file(word: &OsStr) -> bool {
    let text = word.to_string_lossy();
    text.contains(['/', '\\', '.'])
}

/// Reads it; an empty one where there is none.
pub(crate) fn read(global: &Global) -> Result<Arc<Profile>, Failure> {
    let variable = env::var_os(VARIABLE).filter(|word| !word.is_empty());
    let path = match (&global.profile_word, variable) {
        (Some(word), _) => named(word, "--profile")?,
        (None, Some(word)) => named(&word, VARIABLE)?,
        (None, None) => folder()
            .map(|folder| folder.join("config.toml"))
            .filter(|path| path.exists()),
    };
    let profile = path.map(Profile::read).transpose();
    profile
        .map(|profile| Arc::new(profile.unwrap_or_default()))
        .map_err(|error| Failure::usage(format!("{error}; nothing was sent")))
}

/// Refuses a profile with lanes where the command would pass them over.
pub(crate) fn check(global: &Global, command: &Command) -> Result<(), Failure> {
    if global.profile.lanes.is_empty() || !matches!(command, Command::Doctor(_)) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "the profile {} has lanes, and `doctor` checks one access: give its credentials as options, with --profile \
         {NONE}; nothing was sent",
        countermand_core::text::shown_path(&global.profile.path)
    )))
}

fn named(word: &OsString, source: &str) -> Result<Option<PathBuf>, Failure> {
    if word == NONE {
        return Ok(None);
    }
    if is_file(word) {
        return Ok(Some(word.into()));
    }
    let name = shown_excerpt(&word.to_string_lossy(), 80);
    let Some(folder) = folder() else {
        return Err(Failure::usage(format!(
            "{source} {name}: neither XDG_CONFIG_HOME nor HOME says where that profile is: give its file; nothing was sent"
        )));
    };
    let mut file = word.clone();
    file.push(".toml");
    Ok(Some(folder.join(file)))
}

/// The folder of profiles.
fn folder() -> Option<PathBuf> {
    let of = |variable| env::var_os(variable).map(PathBuf::from);
    let config = of("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(of("HOME")?.join(".config")))?;
    Some(config.join("countermand"))
}
