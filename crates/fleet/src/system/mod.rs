//! The operating system: what std does not offer, or offers on some systems only.
//!
//! Both files have the same items. Tests run those of `portable` on every system.

#[cfg(any(not(unix), test))]
#[cfg_attr(unix, expect(dead_code, reason = "tests use a part of it"))]
mod portable;
#[cfg(unix)]
mod unix;

use std::path::Path;

#[cfg(not(unix))]
pub(crate) use self::portable::*;
#[cfg(unix)]
pub(crate) use self::unix::*;

/// The folder of a file: the current one for a mere name.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
