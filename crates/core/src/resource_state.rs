//! Resources whose own state tells what became of them: jobs, builds, pipelines, executions.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::json_path::{self, put_at};
use crate::verdict::Verdict;
use crate::words::words;

/// The reading of what the names of a pattern name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a service that is not built in is written as a literal"
)]
pub enum Reading {
    /// An operation of the contract, `google.longrunning.Operation`: `done` with `error.code == 1` proves that
    /// it was cancelled.
    Operation,
    /// A resource with a state of its own.
    State(&'static ResourceState),
}

/// Place of the state of a resource, and the meaning of each word there.
///
/// A word is compared at this path alone, and whole: steps and approvals of a job have states of their own. A
/// word that stands in no list here is pending, as is a state that is absent.
///
/// A path is fields with dots between them. Of a list, `conditions[type=Completed]` is the one element whose field
/// `type` is `Completed`. Where the state does not tell its reason, the word has both, `DONE/stopped`, and
/// `DONE/*` in a list means that state with each reason that no other word here has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a service that is not built in is written as a literal"
)]
pub struct ResourceState {
    /// Answer of the method that cancels.
    pub answer: CancelAnswer,
    /// Field of that answer with the resource; empty where that is the whole answer, or no part of it.
    pub answer_field: &'static str,
    /// Place of its name or ids.
    pub identity: Identity,
    /// Path of the field with the state, `status.state`.
    pub path: &'static str,
    /// Path of the reason of the state, from the object that has the state on; empty where there is none. A
    /// reason is there if the first field of its path is.
    pub reason: &'static str,
    /// Path of the field with the time of its creation; empty where there is none.
    pub create_time: &'static str,
    /// Words that prove that it was cancelled.
    pub cancelled: &'static [&'static str],
    /// Words that say that a cancel was taken, and not what becomes of it.
    pub cancelling: &'static [&'static str],
    /// Words that say that it has ended with its work done.
    pub completed: &'static [&'static str],
    /// Words that say that it has ended otherwise.
    pub failed: &'static [&'static str],
}

/// Answer of a method that cancels a resource, once it has taken the cancel. An empty object is taken from each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a service that is not built in is written as a literal"
)]
pub enum CancelAnswer {
    /// An object without fields.
    Empty,
    /// The resource.
    Resource,
    /// An operation of its own. If that has failed, the cancel was refused.
    Operation,
    /// An object with fields that prove nothing.
    Object,
}

impl CancelAnswer {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Empty, Self::Resource, Self::Operation, Self::Object];

    /// The word for it in a description of a service.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Resource => "resource",
            Self::Operation => "operation",
            Self::Object => "object",
        }
    }

    /// The one with this word.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|answer| answer.as_str() == word)
    }
}

impl Serialize for CancelAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Place where a resource tells its name or ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a service that is not built in is written as a literal"
)]
pub enum Identity {
    /// The field `name`, with its whole name.
    Name,
    /// Fields at these paths, empty where it does not tell the id.
    Ids {
        /// Path of the id at the first level of its name, its project.
        project: &'static str,
        /// Path of the id at the second level, its location.
        location: &'static str,
        /// Path of its own id.
        own: &'static str,
    },
}

/// The state of a resource as its server tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct State {
    /// The word of the service, `JOB_STATE_CANCELLED`, or its state and reason, `DONE/stopped`: an open set.
    pub word: String,
    /// Its meaning.
    pub meaning: StateMeaning,
}

words! {
    /// Meaning of a state.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    #[expect(clippy::exhaustive_enums, reason = "a verdict follows from each")]
    pub enum StateMeaning {
        /// It has not ended. The meaning of every word that the description does not know.
        #[default]
        Pending = "pending",
        /// It has not ended, and a cancel was taken.
        Cancelling = "cancelling",
        /// It was cancelled.
        Cancelled = "cancelled",
        /// It has ended with its work done.
        Completed = "completed",
        /// It has ended otherwise.
        Failed = "failed",
    }
}

impl StateMeaning {
    /// The verdict that it proves; `None` while the resource has not ended.
    #[must_use]
    pub const fn verdict(self) -> Option<Verdict> {
        match self {
            Self::Pending | Self::Cancelling => None,
            Self::Cancelled => Some(Verdict::Cancelled),
            Self::Completed => Some(Verdict::Completed),
            Self::Failed => Some(Verdict::Failed),
        }
    }
}

impl ResourceState {
    /// The meaning of a word.
    #[must_use]
    pub fn meaning(&self, word: &str) -> StateMeaning {
        let lists = [
            (self.cancelled, StateMeaning::Cancelled),
            (self.cancelling, StateMeaning::Cancelling),
            (self.completed, StateMeaning::Completed),
            (self.failed, StateMeaning::Failed),
        ];
        let known = |word: &str| lists.iter().find(|(words, _)| words.contains(&word));
        let state = word.split_once('/').map(|(state, _)| format!("{state}/*"));
        let known = known(word).or_else(|| known(state.as_deref()?));
        known.map_or(StateMeaning::Pending, |(_, meaning)| *meaning)
    }

    /// The partial response mask of what is read.
    #[must_use]
    pub fn fields(&self) -> String {
        let ids = match self.identity {
            Identity::Name => ["name", "", ""],
            Identity::Ids {
                project,
                location,
                own,
            } => [own, location, project],
        };
        let (holder, _) = self.place();
        let reason = self.reason.split('.').next().filter(|it| !it.is_empty());
        let reason = reason.map(|first| match holder {
            "" => first.to_owned(),
            holder => format!("{holder}.{first}"),
        });
        let paths = ids.into_iter().chain([self.path, self.create_time]);
        let paths = paths.chain(reason.as_deref());
        json_path::masks(paths.filter(|path| !path.is_empty()))
    }

    /// Writes what its server shows of the resource of this relative name, in the state of a word: what is read of
    /// it, but for the time of its creation. No word is no state.
    pub fn write(&self, shown: &mut Map<String, Value>, name: &str, word: Option<&str>) {
        match self.identity {
            Identity::Name => put_at(shown, "name", name.into()),
            Identity::Ids {
                project,
                location,
                own,
            } => {
                let segments: Vec<_> = name.split('/').collect();
                let ids = [
                    (project, segments.get(1)),
                    (location, segments.get(3)),
                    (own, segments.last()),
                ];
                for (path, id) in ids.into_iter().filter(|(path, _)| !path.is_empty()) {
                    put_at(shown, path, id.copied().into());
                }
            }
        }
        let Some(word) = word else { return };
        let (word, reason) = word.split_once('/').unwrap_or((word, ""));
        put_at(shown, self.path, word.into());
        if !reason.is_empty() {
            let path = match self.place() {
                ("", _) => self.reason.to_owned(),
                (holder, _) => format!("{holder}.{}", self.reason),
            };
            // Any reason that has no meaning of its own.
            let reason = reason.replace('*', "internalError");
            put_at(shown, &path, reason.into());
        }
    }

    /// The path of the object that has the state, and the field there.
    pub(crate) fn place(&self) -> (&'static str, &'static str) {
        self.path.rsplit_once('.').unwrap_or(("", self.path))
    }
}
