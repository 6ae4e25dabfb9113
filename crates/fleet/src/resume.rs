//! Resume commands, for people to copy into a shell.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::path::{self, PathBuf};

use countermand_core::GrandparentName;

use crate::store::{Contents, JobError, Kind};

/// The run that applies a job, or goes on with it: `Display` is the command with all that the job
/// itself asks for. A front-end adds how it reaches the server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resume {
    /// The job file.
    pub path: PathBuf,
    /// The kind of the job.
    pub kind: Kind,
    /// Numbers of operations to confirm, by enterprise.
    pub confirm: BTreeMap<GrandparentName, u64>,
    /// The endpoint, if it is not Google's.
    pub endpoint: Option<String>,
}

impl Resume {
    /// Of a job. Reads every row.
    ///
    /// # Errors
    /// The disk's.
    pub fn of(job: &Contents) -> Result<Self, JobError> {
        let settings = job.settings();
        Ok(Self {
            path: job.path().to_owned(),
            kind: settings.kind,
            confirm: job.enterprises()?,
            endpoint: settings.other_endpoint().map(str::to_owned),
        })
    }

    /// The same from any folder: the path is absolute.
    #[must_use]
    pub fn from_anywhere(mut self) -> Self {
        self.path = path::absolute(&self.path).unwrap_or(self.path);
        self
    }
}

impl fmt::Display for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "countermand apply {}", quoted(self.path.as_os_str()))?;
        for phrase in phrases(self.kind, &self.confirm) {
            write!(f, " --confirm {phrase}")?;
        }
        match &self.endpoint {
            Some(endpoint) => write!(f, " --endpoint {}", quoted(OsStr::new(endpoint))),
            None => Ok(()),
        }
    }
}

/// The phrases that confirm a job on a command line: `LC01abcd89:5000` for each enterprise of a plan,
/// the enterprise alone for a rescue, whose number is not known before it ends.
#[must_use]
pub fn phrases(kind: Kind, planned: &BTreeMap<GrandparentName, u64>) -> Vec<String> {
    let phrase = |(name, count): (&GrandparentName, &u64)| match kind {
        Kind::Plan => format!("{}:{count}", name.id()),
        Kind::Rescue => name.id().to_owned(),
    };
    planned.iter().map(phrase).collect()
}

/// A word as a POSIX shell reads it back.
///
/// ```
/// use countermand_fleet::quoted;
/// assert_eq!(quoted("wipes.job".as_ref()), "wipes.job");
/// assert_eq!(quoted("my wipes.job".as_ref()), "'my wipes.job'");
/// assert_eq!(quoted("it's".as_ref()), r"'it'\''s'");
/// assert_eq!(quoted("".as_ref()), "''");
/// ```
#[must_use]
pub fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let bare = |char: char| char.is_ascii_alphanumeric() || "-_./:=,@%+".contains(char);
    if !text.is_empty() && text.chars().all(bare) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}
