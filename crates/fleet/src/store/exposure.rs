//! Other accounts that may change a job file.

use std::path::Path;

use crate::system::{others_may_replace, others_may_write};

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
    if let Some(folder) = path.parent()
        && std::fs::metadata(folder).is_ok_and(|folder| others_may_replace(&folder))
    {
        all.push(format!(
            "other accounts may replace files in {}, where the job file is",
            countermand_core::text::shown_path(folder)
        ));
    }
    all
}
