//! Place of a profile: the file that a caller or the environment names, else the usual one.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use countermand_core::text::{shown_excerpt, shown_path};

use super::{Profile, ProfileError};

const VARIABLE: &str = "COUNTERMAND_PROFILE";

/// Stands for no profile.
const NONE: &str = "none";

impl Profile {
    /// Reads the profile that a word means: a file, `prod` for `prod.toml` in the folder of profiles, or `none`.
    ///
    /// Without a word it is that of `COUNTERMAND_PROFILE`, else `config.toml` in that folder, if it exists. Where there
    /// is none, the profile is empty.
    ///
    /// # Errors
    /// As of [`read`](Self::read), and a name where the environment has no folder of profiles.
    pub fn load(word: Option<&OsStr>) -> Result<Self, ProfileError> {
        Self::load_in(word, &|name: &str| std::env::var_os(name))
    }

    /// As [`load`](Self::load), in an environment whose variables are those that `variable` knows.
    ///
    /// # Errors
    /// As of [`load`](Self::load).
    pub fn load_in(
        word: Option<&OsStr>,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ProfileError> {
        let named = variable(VARIABLE).filter(|word| !word.is_empty());
        let path = match word.map(OsStr::to_owned).or(named) {
            Some(word) => file(&word, variable)?,
            None => folder(variable)
                .map(|folder| folder.join("config.toml"))
                .filter(|path| path.exists()),
        };
        path.map_or_else(|| Ok(Self::default()), Self::read)
    }

    /// True if a word means a file: a name has no folder and no ending.
    #[must_use]
    pub fn is_file(word: &OsStr) -> bool {
        word.to_string_lossy().contains(['/', '\\', '.'])
    }
}

/// The file of a word; `None` for no profile.
fn file(
    word: &OsStr,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<Option<PathBuf>, ProfileError> {
    if word == NONE {
        return Ok(None);
    }
    if Profile::is_file(word) {
        return Ok(Some(word.into()));
    }
    let Some(folder) = folder(variable) else {
        return Err(ProfileError {
            path: shown_excerpt(&word.to_string_lossy(), 80),
            lane: None,
            problem: "neither XDG_CONFIG_HOME nor HOME says where it is: give its file".to_owned(),
        });
    };
    let mut file = word.to_owned();
    file.push(".toml");
    let file = folder.join(file);
    if !file.exists() {
        let problem = "there is no such file; a word with \"/\", \"\\\" or \".\" is a file elsewhere, such as ./lanes.toml";
        return Err(ProfileError {
            path: shown_path(&file),
            lane: None,
            problem: problem.to_owned(),
        });
    }
    Ok(Some(file))
}

/// The folder of profiles.
fn folder(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let of = |name| variable(name).map(PathBuf::from);
    let config = of("XDG_CONFIG_HOME").filter(|path: &PathBuf| path.is_absolute());
    let config = config.or_else(|| Some(of("HOME")?.join(".config")))?;
    Some(config.join("countermand"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(word: Option<&str>, variables: &[(&str, &str)]) -> Result<PathBuf, String> {
        let known = |name: &str| {
            let mut variables = variables.iter();
            let found = variables.find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let profile = Profile::load_in(word.map(OsStr::new), &known);
        profile
            .map(|profile| profile.path)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_word_is_a_file_or_a_name() {
        let folder = tempfile::tempdir().unwrap();
        let profiles = folder.path().join("countermand");
        std::fs::create_dir(&profiles).unwrap();
        let text = "schema = \"countermand.profile/1\"\n";
        let (prod, own) = (profiles.join("prod.toml"), folder.path().join("own.toml"));
        for file in [&prod, &own] {
            std::fs::write(file, text).unwrap();
        }
        let at = folder.path().to_str().unwrap();
        let config = [("XDG_CONFIG_HOME", at)];
        assert_eq!(load(Some("prod"), &config), Ok(prod.clone()));
        assert_eq!(load(own.to_str(), &config), Ok(own));
        assert_eq!(load(Some("none"), &config), Ok(PathBuf::new()));
        // Without a word: the variable, else the usual file, else none.
        let variables = [config[0], (VARIABLE, "prod")];
        assert_eq!(load(None, &variables), Ok(prod));
        assert_eq!(load(Some("none"), &variables), Ok(PathBuf::new()));
        assert_eq!(load(None, &config), Ok(PathBuf::new()));
        let usual = profiles.join("config.toml");
        std::fs::write(&usual, text).unwrap();
        assert_eq!(load(None, &config), Ok(usual));
        assert_eq!(
            load(None, &[config[0], (VARIABLE, "none")]),
            Ok(PathBuf::new())
        );

        let nowhere = load(Some("prod"), &[("XDG_CONFIG_HOME", "relative")]).unwrap_err();
        assert_eq!(
            nowhere,
            "the profile prod: neither XDG_CONFIG_HOME nor HOME says where it is: give its file"
        );
        let missing = load(Some("other"), &config).unwrap_err();
        assert!(
            missing.contains("other.toml: there is no such file; a word with"),
            "{missing}"
        );
    }
}
