//! Files that hold secrets.

use std::fs::{self, Metadata};
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

/// The largest file that is read, in bytes. Whatever is larger is neither token nor key.
const CAP: u64 = 64 << 10;

/// What is wrong with the mode of a file that holds a secret: that others can read it. `None` if
/// nothing is, if there is no such file, and where files have no modes.
///
/// For a warning: whoever reads the token can wipe the fleet.
#[must_use]
pub fn exposure(path: &Path) -> Option<String> {
    mode(&fs::metadata(path).ok()?)
        .filter(|mode| mode & 0o044 != 0)
        .map(|mode| {
            let path = path.display();
            format!("{path} can be read by others (mode {mode:04o}): chmod 600 it")
        })
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    metadata.is_file().then(|| metadata.mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> Option<u32> {
    None
}

/// Looks at a file before it is opened: opening a pipe waits for somebody to write.
pub(crate) fn look(path: &Path) -> Result<Metadata, String> {
    let metadata = fs::metadata(path).map_err(|error| error.to_string())?;
    match metadata.is_file() {
        true => Ok(metadata),
        false => Err("it is not a regular file".to_owned()),
    }
}

/// The content of a file that was looked at. A failure says what is wrong, never what is in it.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    // Of the full size at once: memory that grew would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(CAP as usize + 1));
    file.take(CAP + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    match bytes.len() as u64 > CAP {
        true => Err(format!("it has more than {CAP} bytes")),
        false => Ok(bytes),
    }
}
