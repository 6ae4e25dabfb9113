//! The usage of a quota, for people and for tests.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// The calls that are spent of the quota, and those that were refused for it.
///
/// A test that claims a client keeps to the quota looks at `refused`, and at `used` to know that there was something to keep to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct QuotaReport {
    /// The windows for all calls together, in the order they were given.
    pub windows: Vec<WindowReport>,
    /// The window for the same method on the same resource; `used` is that of the busiest.
    pub per_resource: Option<WindowReport>,
    /// The ten busiest pairs of method and resource, busiest first; without such a window, none.
    pub resources: Vec<ResourceReport>,
    /// Calls that the quota let pass since the start.
    pub allowed: u64,
    /// Calls that it refused since the start, each counted once.
    pub refused: u64,
}

/// One window.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WindowReport {
    /// Calls that it allows.
    pub limit: u32,
    /// Its length on the emulator's clock; in JSON `span_s`, in seconds.
    #[serde(rename = "span_s", serialize_with = "seconds")]
    pub span: Duration,
    /// Calls that are spent in it now; more than `limit` only if refused calls count.
    pub used: usize,
    /// Calls that it refused since the start; a call can be refused by several windows.
    pub refused: u64,
}

/// The usage of one method on one resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ResourceReport {
    /// The method, in a script's words.
    pub method: String,
    /// The resource, as many levels of its name as share a quota.
    pub resource: String,
    /// Calls that are spent in the window now.
    pub used: usize,
}

fn seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(span.as_secs_f64())
}
