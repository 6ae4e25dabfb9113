//! Several job files in figures: the counts of each, and the operations that are in two.

use countermand_core::OperationName;
use serde::Serialize;

use super::lanes::LaneCounts;
use crate::counts::Counts;
use crate::store::Digest;

/// One of several job files in figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct JobCounts {
    /// The file, as it was named.
    pub path: String,
    /// The kind of the job, in a word.
    pub kind: String,
    /// The id of its service; `None` of several, which its lanes have.
    pub service: Option<&'static str>,
    /// Its endpoint.
    pub endpoint: String,
    /// SHA-256 over the operations of a plan.
    pub digest: Option<Digest>,
    /// The use that is made of the file, in a word; of a report none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity: Option<&'static str>,
    /// Its operations by state.
    pub counts: Counts,
    /// Its lanes, if they have names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<LaneCounts>,
    /// The command that goes on with it, if there is something to go on with.
    pub resume: Option<String>,
    /// The search of a rescue has not come to its end.
    #[serde(skip)]
    pub(super) search_is_open: bool,
}

/// Operations that are in more than one of the files, and counted in each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Repeated {
    /// Number of them.
    pub operations: u64,
    /// The first of their names, five at most.
    pub first: Vec<OperationName>,
}

impl Repeated {
    /// True if there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.operations == 0
    }
}
