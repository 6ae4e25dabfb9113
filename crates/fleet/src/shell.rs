//! Commands for people to copy into a shell.

use std::ffi::OsStr;

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
