//! Other accounts that may change a job file.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Warnings of accounts besides the owner's that could change a job file: one that can do that can
/// say what is cancelled.
#[must_use]
pub fn exposure(path: &Path) -> Vec<String> {
    let mut all = Vec::new();
    if std::fs::metadata(path).is_ok_and(|file| others_may_write(&file)) {
        all.push(format!(
            "other accounts may write to the job file {}: chmod go-w",
            countermand_core::text::shown_path(path)
        ));
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if let Some(folder) = path.parent() {
        // With the sticky bit, as in /tmp, no other account can replace a file there.
        let metadata = std::fs::metadata(folder);
        if metadata.is_ok_and(|folder| folder.mode() & 0o1000 == 0 && others_may_write(&folder)) {
            all.push(format!(
                "other accounts may replace files in {}, where the job file is",
                countermand_core::text::shown_path(folder)
            ));
        }
    }
    all
}

/// A group with the number of its user is that user's alone.
fn others_may_write(metadata: &Metadata) -> bool {
    let (mode, private) = (metadata.mode(), metadata.uid() == metadata.gid());
    mode & 0o002 != 0 || mode & 0o020 != 0 && !private
}
