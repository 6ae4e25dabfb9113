//! How far a search, or a job, has come.

use serde::Serialize;

/// The devices of a search, and what was found on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SearchProgress {
    /// Devices to be searched, as far as they have been listed.
    pub devices: u64,
    /// The lists of devices have come to their end, so that there are no more devices.
    pub all_listed: bool,
    /// Devices whose operations have been listed to the end.
    pub searched: u64,
    /// Devices that vanished before they were searched.
    pub vanished: u64,
    /// Lists that could not be read to their end.
    pub missed: u64,
    /// Lists that were not asked for, because an earlier failure or a stop concerns all of them.
    pub not_attempted: u64,
    /// Pending operations found that are meant.
    pub found: u64,
}
