//! The reader of resources that tell their own state.

use std::borrow::Cow;

use crate::json_path::{text_at, value_at};
use crate::metadata::Metadata;
use crate::resource_state::{Identity, ResourceState, State, StateMeaning};
use crate::service::{Ids, NamePattern};
use crate::timestamp::Timestamp;

/// A resource of any name.
pub(crate) struct RawResource {
    pub(crate) name: String,
    pub(crate) metadata: Metadata,
    pub(crate) state: State,
}

impl ResourceState {
    /// Reads a resource with these names, whose parent was asked for by this one.
    pub(crate) fn read(
        &self,
        json: &str,
        parent: &str,
        names: &NamePattern,
    ) -> Result<RawResource, String> {
        let state = self.state(json)?;
        let created = match self.create_time {
            "" => None,
            path => text_at(json, path)?,
        };
        let metadata = Metadata {
            create_time: created.as_deref().and_then(time),
            cancel_asked: state.meaning == StateMeaning::Cancelling,
            ..Metadata::default()
        };
        Ok(RawResource {
            name: match self.identity {
                Identity::Name => text_at(json, "name")?.unwrap_or_default(),
                Identity::Ids {
                    project,
                    location,
                    own,
                } => name_of(json, [project, location, own], parent, names)?,
            },
            metadata,
            state,
        })
    }

    fn state(&self, json: &str) -> Result<State, String> {
        let (holder, field) = self.place();
        let Some(holder) = value_at(json, holder)? else {
            return Ok(State::default());
        };
        let word = text_at(holder, field)?.unwrap_or_default();
        // A state that looks like one with its reason is none that is known.
        let is_known = !word.contains('/');
        let word = match self.reason_in(holder)? {
            Some(reason) => format!("{word}/{reason}"),
            None => word,
        };
        let meaning = match is_known {
            true => self.meaning(&word),
            false => StateMeaning::Pending,
        };
        Ok(State { word, meaning })
    }

    /// The reason in the object that has the state. An object that is there for the reason is one, also without
    /// a word: an error is an error.
    fn reason_in(&self, holder: &str) -> Result<Option<String>, String> {
        let (first, rest) = match self.reason.split_once('.') {
            None if self.reason.is_empty() => return Ok(None),
            None => return text_at(holder, self.reason),
            Some(path) => path,
        };
        match value_at(holder, first)? {
            Some(object) => text_at(object, rest).map(|reason| Some(reason.unwrap_or_default())),
            None => Ok(None),
        }
    }
}

/// The name of these levels that the ids in a resource give. A level above it whose id it does not tell has the one
/// that was asked for.
fn name_of(
    json: &str,
    [project, location, own]: [&str; 3],
    parent: &str,
    names: &NamePattern,
) -> Result<String, String> {
    let mut asked = parent.split('/').filter(|part| !part.is_empty());
    let mut name: Vec<Cow<'_, str>> = Vec::new();
    for (number, level) in names.levels.iter().enumerate() {
        let path = match number {
            _ if number + 1 == names.levels.len() => own,
            0 => project,
            1 => location,
            _ => "",
        };
        let collection = asked.next().unwrap_or(level.collection);
        name.push(collection.into());
        if level.ids == Ids::None {
            continue;
        }
        let asked = asked.next();
        let told = match path {
            "" => None,
            path => text_at(json, path)?,
        };
        let id = told.map(Cow::from).or(asked.map(Cow::from));
        name.push(id.ok_or_else(|| format!("it has no `{path}`"))?);
    }
    Ok(names.canonical(&name.join("/")).into_owned())
}

/// A time stamp, or milliseconds since the Unix epoch.
fn time(text: &str) -> Option<Timestamp> {
    let millis = text.parse().ok().map(Timestamp::from_unix_millis);
    millis.or_else(|| Timestamp::parse_rfc3339(text))
}
