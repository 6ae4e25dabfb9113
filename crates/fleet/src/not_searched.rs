//! Operations that a search does not see, because lists that it does not read have them.

use std::collections::{BTreeSet, HashSet};

use countermand_core::ParentName;
use countermand_core::text::printable;
use serde::{Deserialize, Serialize};

use crate::spell::grouped;

/// Number of patterns that a sentence names; the rest is counted.
const LISTED: usize = 3;

/// Patterns of the operations at or below the names of a search that are in none of the lists it reads: they are in
/// lists of their own, or in none ([`ParentName::other_lists`]).
///
/// They are known before anything is sent. That all lists were read does not cover them.
///
/// ```
/// use countermand_core::{ParentName, Service};
/// use countermand_fleet::NotSearched;
///
/// let service = Service::named("dataproc.v1").expect("it is built in");
/// let jobs = ParentName::parse(service, "//dataproc.googleapis.com/projects/p/regions/r/jobs")?;
/// let others = NotSearched::of([&jobs]);
/// assert!(others.patterns().any(|one| one == "projects/{project}/regions/{region}/operations/{operation}"));
/// assert!(others.patterns().all(|one| one != "projects/{project}/regions/{region}/jobs/{job}"));
/// # Ok::<(), countermand_core::NameError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NotSearched(BTreeSet<String>);

impl NotSearched {
    /// The patterns for a search of these lists.
    #[must_use]
    pub fn of<'a>(lists: impl IntoIterator<Item = &'a ParentName>) -> Self {
        let lists: Vec<_> = lists.into_iter().collect();
        let list = |name: &'a ParentName| (name.relative(), name.pattern().own_level().collection);
        let read: HashSet<_> = lists.iter().copied().map(list).collect();
        let others = lists.iter().flat_map(|name| {
            let depth = name.pattern().above().len();
            // Another list of the same resource may be searched as well; those further down have ids that are not known.
            let is_read = |collection| read.contains(&(name.relative(), collection));
            let others = name.other_lists();
            others.filter(move |other| {
                other.above().len() > depth || !is_read(other.own_level().collection)
            })
        });
        Self(others.map(ToString::to_string).collect())
    }

    /// Takes in those of another search.
    pub(crate) fn merge(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// True if the lists have all that is at or below the names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns in their order, as `countermand services --json` has them.
    pub fn patterns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The text of its note.
    pub(crate) fn to_json(&self) -> String {
        // Texts have a JSON.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the text of a note; empty where another version has written something else.
    pub(crate) fn read(note: &str) -> Self {
        serde_json::from_str(note).unwrap_or_default()
    }

    /// A clause that says so, with the first patterns; `None` without any.
    #[must_use]
    pub fn sentence(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let first: Vec<_> = self.patterns().take(LISTED).map(printable).collect();
        let more = match self.patterns().len().saturating_sub(first.len()) {
            0 => String::new(),
            count => format!(" and {} more", grouped(count as u64)),
        };
        Some(format!(
            "operations of other lists are not searched: {}{more}; search such a list by its own name",
            first.join(", ")
        ))
    }
}
