//! Which of the operations that are found are meant.

use std::collections::BTreeSet;
use std::time::Duration;

use countermand_core::{Command, DeviceName, EnterpriseName, Operation, OperationName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Item, seconds};

/// Which pending operations are meant; by default all.
///
/// What the server does not tell of an operation never excludes it: a WIPE without metadata is
/// found by a filter for WIPEs. Ages are counted by `createTime` against the time of the search;
/// the time stamp that an operation's id seems to hold is not relied on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Filter {
    /// Types of commands (`WIPE`, `LOCK`, …, an open set); empty for all.
    pub types: BTreeSet<String>,
    /// No older than this.
    #[serde(with = "seconds::optional")]
    pub newer_than: Option<Duration>,
    /// At least so old.
    #[serde(with = "seconds::optional")]
    pub older_than: Option<Duration>,
    /// Names of operations, devices and enterprises that are left alone.
    pub exclude: BTreeSet<String>,
}

impl Filter {
    /// Whether an operation is meant: it is not done, and nothing that is known excludes it.
    #[must_use]
    pub fn matches(&self, operation: &Operation, now: Timestamp) -> bool {
        !operation.done && self.means(&operation.name, operation.command.as_ref(), now)
    }

    /// Whether an operation is meant whose name somebody has already.
    #[must_use]
    pub fn admits(&self, item: &Item, now: Timestamp) -> bool {
        self.means(&item.name, Some(&item.command), now)
    }

    fn means(&self, name: &OperationName, command: Option<&Command>, now: Timestamp) -> bool {
        let kind = command.and_then(|command| command.kind.as_deref());
        let typed = kind.is_none_or(|kind| self.types.is_empty() || self.types.contains(kind));
        let created = command.and_then(|command| command.create_time);
        let age = created.map(|created| now.since(created));
        let new = age.is_none_or(|age| self.newer_than.is_none_or(|limit| age <= limit));
        let old = age.is_none_or(|age| self.older_than.is_none_or(|limit| age >= limit));
        typed && new && old && !self.excludes_operation(name)
    }

    /// Whether nothing of a device is meant, so that its operations need not be listed.
    #[must_use]
    pub fn excludes_device(&self, device: &DeviceName) -> bool {
        self.has(device.as_str()) || self.excludes_enterprise(&device.enterprise())
    }

    /// Whether nothing of an enterprise is meant.
    #[must_use]
    pub fn excludes_enterprise(&self, enterprise: &EnterpriseName) -> bool {
        self.has(enterprise.as_str())
    }

    /// Whether an operation is left alone by its name.
    #[must_use]
    pub fn excludes_operation(&self, name: &OperationName) -> bool {
        !self.exclude.is_empty()
            && (self.has(name.as_str()) || self.excludes_device(&name.device()))
    }

    fn has(&self, name: &str) -> bool {
        self.exclude.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(id: &str, rest: &str) -> Operation {
        let name = format!("enterprises/e/devices/d/operations/{id}");
        let body = format!(r#"{{"name":"{name}"{rest}}}"#);
        let response = http::Response::new(body);
        countermand_core::wire::parse_operation(&response, &name.parse().unwrap()).unwrap()
    }

    #[test]
    fn unknown_excludes_nothing_and_known_does() {
        let now = Timestamp::from_unix_millis(1_000_000);
        let wipe = operation(
            "1",
            r#","metadata":{"type":"WIPE","createTime":"1970-01-01T00:10:00Z"}"#,
        );
        let lock = operation(
            "2",
            r#","metadata":{"type":"LOCK","createTime":"1970-01-01T00:16:00Z"}"#,
        );
        let unknown = operation("3", "");
        let done = operation("4", r#","done":true"#);
        let matching = |filter: &Filter| {
            [&wipe, &lock, &unknown, &done].map(|operation| filter.matches(operation, now))
        };
        let mut filter = Filter::default();
        assert_eq!(matching(&filter), [true, true, true, false]);
        filter.types.insert("WIPE".to_owned());
        assert_eq!(matching(&filter), [true, false, true, false]);
        filter.types.clear();
        // They are 400 s and 40 s old.
        filter.newer_than = Some(Duration::from_secs(399));
        assert_eq!(matching(&filter), [false, true, true, false]);
        filter.newer_than = Some(Duration::from_secs(400));
        filter.older_than = Some(Duration::from_secs(41));
        assert_eq!(matching(&filter), [true, false, true, false]);
        for excluded in [
            "enterprises/e",
            "enterprises/e/devices/d",
            "enterprises/e/devices/d/operations/3",
        ] {
            let mut filter = Filter::default();
            filter.exclude.insert(excluded.to_owned());
            let rest = excluded.ends_with('3');
            assert_eq!(matching(&filter), [rest, rest, false, false], "{excluded}");
        }
    }
}
