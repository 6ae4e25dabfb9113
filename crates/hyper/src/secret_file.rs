//! Files that hold secrets, and pipes that stand for them.

use std::fmt;
use std::fs::{self, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use countermand_core::text::{path_problem, shown_path};
use zeroize::Zeroizing;

use crate::system::{is_stream, mode};

/// Time for the writer of a pipe to write all of it.
const PIPE: Duration = Duration::from_secs(10);

/// A file with a secret, which an option, a variable or another file names.
///
/// A regular file is read each time. A pipe, such as a shell makes of `<(command)`, gives its
/// content once, so that is kept. `Debug` shows the path only if it looks like one.
#[derive(Clone)]
pub struct SecretFile(Arc<Given>);

struct Given {
    path: PathBuf,
    /// Content of a pipe.
    kept: OnceLock<Result<Zeroizing<Vec<u8>>, String>>,
}

/// Files are equal if they have one path.
impl PartialEq for SecretFile {
    fn eq(&self, other: &Self) -> bool {
        self.path() == other.path()
    }
}

impl Eq for SecretFile {}

impl SecretFile {
    /// The largest file with a token or credentials, in bytes.
    pub const CAP: u64 = 64 << 10;

    /// Reads nothing yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Given {
            path: path.into(),
            kept: OnceLock::new(),
        }))
    }

    /// The path, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The metadata of the file, which is not opened; `None` for a pipe.
    ///
    /// # Errors
    /// There is no such file, or it is neither a file nor a pipe.
    pub fn metadata(&self) -> Result<Option<Metadata>, String> {
        if self.0.kept.get().is_some() {
            return Ok(None);
        }
        let metadata = fs::metadata(self.path()).map_err(|error| error.to_string())?;
        match metadata.is_file() {
            true => Ok(Some(metadata)),
            false if is_descriptor(self.path()) && is_stream(&metadata) => Ok(None),
            false => Err("it is not a regular file".to_owned()),
        }
    }

    /// The content, at most `cap` bytes.
    ///
    /// # Errors
    /// It cannot be read or is longer. The text never repeats its content.
    pub fn read(&self, cap: u64) -> Result<Zeroizing<Vec<u8>>, String> {
        match self.metadata()? {
            Some(_) => read(self.path(), cap),
            None => self
                .0
                .kept
                .get_or_init(|| read_pipe(self.path(), cap))
                .clone(),
        }
    }

    /// A warning about its mode: others can read it, or can write it and so decide where the secrets of
    /// credentials are sent. `None` if nothing is wrong, if there is no such file, and where files have no
    /// modes.
    #[must_use]
    pub fn exposure(&self) -> Option<String> {
        let mode = mode(&fs::metadata(self.path()).ok()?)?;
        let others = match (mode & 0o044 != 0, mode & 0o022 != 0) {
            (false, false) => return None,
            (true, false) => "can be read by others",
            (false, true) => "can be written by others",
            (true, true) => "can be read and written by others",
        };
        let path = shown_path(self.path());
        Some(format!("{path} {others} (mode {mode:04o}): chmod 600 it"))
    }

    /// Opens a regular file, and looks for a pipe, whose opening would wait for its writer.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn check_readable(&self) -> io::Result<()> {
        match fs::metadata(self.path())?.is_file() {
            true => fs::File::open(self.path()).map(drop),
            false => Ok(()),
        }
    }

    /// The text of an error about this file.
    #[must_use]
    pub fn problem(&self, what: &str, problem: impl fmt::Display) -> String {
        path_problem(what, self.path(), problem)
    }
}

impl<P: Into<PathBuf>> From<P> for SecretFile {
    fn from(path: P) -> Self {
        Self::new(path)
    }
}

impl fmt::Debug for SecretFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown_path(self.path()))
    }
}

/// True for the path of an open descriptor, as a shell makes of `<(command)`. A pipe with a name of its
/// own may have no writer for ever.
fn is_descriptor(path: &Path) -> bool {
    ["/dev/fd", "/dev/stdin", "/proc/self/fd"]
        .iter()
        .any(|place| path.starts_with(place))
}

fn read(path: &Path, cap: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    // Of the full size at once: memory that grew would leave copies behind.
    let most = file
        .metadata()
        .map_or(cap, |metadata| match metadata.len() {
            0 => cap,
            length => length.min(cap),
        });
    let mut bytes = Zeroizing::new(Vec::with_capacity(most as usize + 1));
    file.take(cap + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    match bytes.len() as u64 > cap {
        true => Err(format!("it has more than {cap} bytes")),
        false => Ok(bytes),
    }
}

/// Reads on a thread of its own: opening a pipe waits for a writer, and reading it for its end.
fn read_pipe(path: &Path, cap: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let (sender, receiver) = mpsc::channel();
    let owned = path.to_owned();
    std::thread::Builder::new()
        .name("pipe".to_owned())
        .spawn(move || {
            // After the time limit, the content is dropped.
            let _ = sender.send(read(&owned, cap));
        })
        .map_err(|error| error.to_string())?;
    receiver.recv_timeout(PIPE).unwrap_or_else(|_| {
        Err(format!(
            "the pipe was not written and closed within {PIPE:?}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn fault_65_a_secret_file_that_others_can_write_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        for (mode, words) in [
            (0o600, None),
            (0o640, Some("can be read by others (mode 0640)")),
            (0o602, Some("can be written by others (mode 0602)")),
            (0o620, Some("can be written by others (mode 0620)")),
            (0o666, Some("can be read and written by others (mode 0666)")),
        ] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            let told = SecretFile::new(file.path()).exposure();
            assert_eq!(told.is_some(), words.is_some(), "{told:?}");
            assert!(told.unwrap_or_default().contains(words.unwrap_or_default()));
        }
    }

    #[test]
    fn fault_55_what_is_no_path_is_not_shown() {
        let given = SecretFile::new("{\"private_key\": \"canary\"}");
        let problem = given.read(SecretFile::CAP).unwrap_err();
        let text = format!("{given:?} {}", given.problem("the key", problem));
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("expected the path of a file"), "{text}");
    }
}
