//! The state of the emulated service, as one request sees it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::answer::Failure;
use crate::fate::Fate;
use crate::fleet::Fleet;
use crate::quirks::Quirks;
use crate::truth::State;

/// Everything that the methods work on for the length of one request.
pub(crate) struct World<'a> {
    pub(crate) fleet: &'a mut Fleet,
    /// Resources of collections beside the described ones, by name.
    pub(crate) resources: &'a mut BTreeMap<String, Value>,
    pub(crate) quirks: &'a Quirks,
    /// Unix milliseconds.
    pub(crate) now: u64,
}

impl World<'_> {
    pub(crate) fn missing(&self) -> Failure {
        Failure::not_found(self.quirks.missing_is_500)
    }

    /// True if one of its operations has deleted the parent, as a confirmed wipe does. Only what has records can
    /// be deleted: a location cannot.
    pub(crate) fn deleted(&self, parent: usize) -> bool {
        let has_records = self.fleet.service().has_parent_records;
        has_records
            && self.fleet.parents[parent].operations().any(|index| {
                let operation = &self.fleet.operations[index];
                matches!(operation.fate, Fate::Wiped { .. })
                    && operation.state(self.quirks, self.now) == State::Gone
            })
    }

    /// The parent of that name, unless it is deleted.
    pub(crate) fn live_parent(&self, name: &str) -> Result<usize, Failure> {
        let parent = self.fleet.parent(name);
        parent
            .filter(|&parent| !self.deleted(parent))
            .ok_or_else(|| self.missing())
    }
    /// The resources whose names begin with `prefix`, in order.
    pub(crate) fn resources_below(&self, prefix: &str) -> Vec<Value> {
        let from = self.resources.range(prefix.to_owned()..);
        let below = from.take_while(|(name, _)| name.starts_with(prefix));
        below.map(|(_, value)| value.clone()).collect()
    }
}
