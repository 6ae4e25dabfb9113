//! The process that has a job file open.

use std::fmt;

use countermand_core::Timestamp;
use rusqlite::types::Value;

use crate::system;

/// The process that has a job file open for applying.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockOwner {
    /// Its process id.
    pub pid: u32,
    /// The name of its machine.
    pub host: String,
    /// Time since which it has the lock.
    pub since: Timestamp,
}

impl fmt::Display for LockOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, host, since } = self;
        write!(f, "process {pid} on {host} since {since}")
    }
}

impl LockOwner {
    /// This process.
    pub(super) fn this(now: Timestamp) -> Self {
        Self {
            pid: std::process::id(),
            host: system::host_name(),
            since: now,
        }
    }

    /// The row of the table `holder` that says it.
    pub(super) fn values(&self) -> [Value; 4] {
        let Self { pid, host, since } = self.clone();
        let since = since.unix_millis();
        [1.into(), pid.into(), host.into(), since.into()]
    }
}
