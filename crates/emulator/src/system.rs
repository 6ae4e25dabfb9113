//! The operating system: the mode of a new file.

use tempfile::Builder;

/// Gives a new file a mode.
#[cfg(unix)]
pub(crate) fn with_mode<'b, 'c, 'd>(
    options: &'b mut Builder<'c, 'd>,
    mode: u32,
) -> &'b mut Builder<'c, 'd> {
    use std::os::unix::fs::PermissionsExt;
    options.permissions(std::fs::Permissions::from_mode(mode))
}

/// Leaves a new file the access rights of its folder.
#[cfg(not(unix))]
pub(crate) const fn with_mode<'b, 'c, 'd>(
    options: &'b mut Builder<'c, 'd>,
    _: u32,
) -> &'b mut Builder<'c, 'd> {
    options
}
