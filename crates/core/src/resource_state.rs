//! Resources whose own state tells what became of them: jobs, builds, pipelines, executions.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::json::{Text, fields, without_value};
use crate::metadata::Metadata;
use crate::timestamp::Timestamp;
use crate::verdict::Verdict;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a service that is not built in is written as a literal"
)]
pub struct ResourceState {
    /// Answer of the method that cancels.
    pub answer: CancelAnswer,
    /// Place of its name or ids.
    pub identity: Identity,
    /// Path of the field with the state, `status.state`.
    pub path: &'static str,
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
    /// Fields at two paths: the id of its project, empty where it does not tell that, and its own.
    Ids {
        /// Path of the id of its project.
        project: &'static str,
        /// Path of its own id.
        own: &'static str,
    },
}

/// The state of a resource as its server tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct State {
    /// The word of the service, `JOB_STATE_CANCELLED`: an open set.
    pub word: String,
    /// Its meaning.
    pub meaning: StateMeaning,
}

/// Meaning of a state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a verdict follows from each")]
pub enum StateMeaning {
    /// It has not ended. The meaning of every word that the description does not know.
    #[default]
    Pending,
    /// It has not ended, and a cancel was taken.
    Cancelling,
    /// It was cancelled.
    Cancelled,
    /// It has ended with its work done.
    Completed,
    /// It has ended otherwise.
    Failed,
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
        let known = lists.iter().find(|(words, _)| words.contains(&word));
        known.map_or(StateMeaning::Pending, |(_, meaning)| *meaning)
    }

    /// The partial response mask of what is read.
    #[must_use]
    pub fn fields(&self) -> String {
        let identity = match self.identity {
            Identity::Name => ["name", ""],
            Identity::Ids { project, own } => [own, project],
        };
        let paths = identity.into_iter().chain([self.path, self.create_time]);
        let paths = paths.filter(|path| !path.is_empty());
        let paths: Vec<_> = paths.map(|path| path.replace('.', "/")).collect();
        paths.join(",")
    }

    /// Reads a resource of a collection, whose parent was asked for by this name.
    pub(crate) fn read(
        &self,
        json: &str,
        parent: &str,
        collection: &str,
    ) -> Result<RawResource, String> {
        let word = text_at(json, self.path)?.unwrap_or_default();
        let meaning = self.meaning(&word);
        let created = match self.create_time {
            "" => None,
            path => text_at(json, path)?,
        };
        let metadata = Metadata {
            create_time: created.as_deref().and_then(Timestamp::parse_rfc3339),
            cancel_asked: meaning == StateMeaning::Cancelling,
            ..Metadata::default()
        };
        Ok(RawResource {
            name: self.name_in(json, parent, collection)?,
            metadata,
            state: State { word, meaning },
        })
    }

    fn name_in(&self, json: &str, parent: &str, collection: &str) -> Result<String, String> {
        let (project, own) = match self.identity {
            Identity::Name => return Ok(text_at(json, "name")?.unwrap_or_default()),
            Identity::Ids { project, own } => (project, own),
        };
        let id = text_at(json, own)?.ok_or_else(|| format!("it has no `{own}`"))?;
        let told = match project {
            "" => None,
            project => text_at(json, project)?,
        };
        let parent = match (told, parent.strip_prefix("projects/")) {
            (Some(told), Some(rest)) => {
                let rest = rest.find('/').map_or("", |end| &rest[end..]);
                format!("projects/{told}{rest}")
            }
            _ => parent.to_owned(),
        };
        match parent.as_str() {
            "" => Ok(format!("{collection}/{id}")),
            _ => Ok(format!("{parent}/{collection}/{id}")),
        }
    }
}

/// A resource of any name.
pub(crate) struct RawResource {
    pub(crate) name: String,
    pub(crate) metadata: Metadata,
    pub(crate) state: State,
}

/// The text at a path of fields. What is there and is no text is an error, as is an object on the way that is
/// none.
fn text_at(json: &str, path: &str) -> Result<Option<String>, String> {
    let mut value = json;
    for field in path.split('.') {
        let [found] = fields(value, [field])?;
        match found.map(RawValue::get) {
            Some(found) => value = found,
            None => return Ok(None),
        }
    }
    let text = serde_json::from_str::<Text<'_>>(value);
    let text = text.map_err(|error| without_value(&error.to_string()))?;
    Ok(Some(text.into_string()))
}
