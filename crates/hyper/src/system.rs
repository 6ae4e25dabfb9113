//! The operating system: what std tells of a file on Unix only.

use std::fs::Metadata;

/// The mode of a regular file; `None` where files have no modes.
#[cfg(unix)]
pub(crate) fn mode(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    metadata.is_file().then(|| metadata.mode() & 0o7777)
}

#[cfg(not(unix))]
pub(crate) const fn mode(_: &Metadata) -> Option<u32> {
    None
}

/// True for a pipe and a terminal, whose content can be read once.
#[cfg(unix)]
pub(crate) fn is_stream(metadata: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    let kind = metadata.file_type();
    kind.is_fifo() || kind.is_char_device()
}

#[cfg(not(unix))]
pub(crate) const fn is_stream(_: &Metadata) -> bool {
    false
}
