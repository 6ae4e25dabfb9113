//! One description of what differs between the APIs whose operations can be cancelled.

use std::borrow::Cow;
use std::fmt;

use crate::operation_reader::OperationReader;
use crate::resource_state::Reading;

/// The end of the hosts of Google's services.
pub(crate) const GOOGLE: &str = ".googleapis.com";

/// A service with long-running operations, as data: hosts, names, methods, quotas, and the reading of
/// its answers.
///
/// Nothing else in this crate knows an API. The contract that all of them share is
/// `google.longrunning.Operations`: `POST {name}:cancel` is answered with `{}`, `GET {name}` tells the
/// operation, and only `done` with `error.code == 1` proves that it was cancelled.
///
/// ```
/// use countermand_core::Service;
///
/// let service = Service::DEFAULT;
/// assert_eq!(service.id, "androidmanagement.v1");
/// assert_eq!(service.pattern(), "enterprises/{enterprise}/devices/{device}/operations/{operation}");
/// ```
///
/// Descriptions with the same [`id`](Self::id) and host are equal: they are of one service. A description is
/// trusted as code is: a host that is none, or no pattern at all, panics at its first use.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a service that is not built in is written as a literal"
)]
pub struct Service {
    /// Name and version in discovery, `androidmanagement.v1`.
    pub id: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Host of the root endpoint.
    pub host: &'static str,
    /// Host for mutual TLS.
    pub mtls_host: &'static str,
    /// Hosts that serve the resources of one location each.
    pub regional_hosts: &'static [RegionalHosts],
    /// Path that every method begins with, without a slash at its end.
    pub prefix: &'static str,
    /// OAuth scope that is enough to get, list and cancel; empty where none is known.
    pub scope: &'static str,
    /// Patterns of the names of operations, the usual one first; at least one.
    pub patterns: &'static [NamePattern],
    /// Method that cancels.
    pub cancel: CancelMethod,
    /// Query of a list, before the size of the page: `pageSize=`.
    pub list_query: &'static str,
    /// Levels of a name that share the quota of a method.
    pub quota_levels: usize,
    /// Levels of a name that a denial (403) concerns.
    pub denial_levels: usize,
    /// True where the parent of an operation is looked at after a 404: without a record of it, the
    /// operation may have executed.
    pub has_parent_records: bool,
    /// True where the parents of operations can be listed, so that a search takes the resource above them.
    pub lists_parents: bool,
    /// Words of a 400 that is about the parent, which this service no longer manages, in small letters.
    pub unmanaged_parent: Option<&'static str>,
    /// Known quotas of a project, as calls in seconds: documented, or told by an answer of the server; empty where none
    /// is known.
    pub quota: &'static [(u32, u64)],
    /// Known quota of a method on one resource, likewise.
    pub resource_quota: Option<(u32, u64)>,
    /// Reader of the JSON of an operation: [`OperationReader::PLAIN`] where its metadata is not read.
    pub operation: OperationReader,
}

/// The HTTP form of the method that cancels.
///
/// ```
/// use countermand_core::{CancelMethod, Service};
///
/// let dataflow = Service::named("dataflow.v1b3").expect("it is built in");
/// let cancel = r#"PUT  {"requestedState":"JOB_STATE_CANCELLED"}"#;
/// assert_eq!(dataflow.cancel.to_string(), cancel);
/// assert_eq!(CancelMethod::USUAL.to_string(), "POST :cancel");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a service that is not built in is written as a literal"
)]
pub struct CancelMethod {
    /// HTTP method.
    pub verb: CancelVerb,
    /// End of its path, behind the name; empty where an update of the resource cancels it.
    pub suffix: &'static str,
    /// JSON body of its request; empty where it has none, as nearly all have.
    pub body: &'static str,
}

/// HTTP method of a method that cancels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a service that is not built in is written as a literal"
)]
pub enum CancelVerb {
    /// `POST`.
    Post,
    /// `GET`, of one service.
    Get,
    /// `PUT`, of an update.
    Put,
}

impl CancelMethod {
    /// `POST {name}:cancel`.
    pub const USUAL: Self = Self {
        verb: CancelVerb::Post,
        suffix: ":cancel",
        body: "",
    };

    /// The form that [`Display`](fmt::Display) writes: the HTTP method, the suffix and the body, if there is one.
    #[must_use]
    pub fn parse(text: &'static str) -> Option<Self> {
        let (verb, rest) = text.split_once(' ')?;
        let (suffix, body) = rest.split_once(' ').unwrap_or((rest, ""));
        let verbs = [CancelVerb::Post, CancelVerb::Get, CancelVerb::Put];
        Some(Self {
            verb: verbs.into_iter().find(|known| known.as_str() == verb)?,
            suffix,
            body,
        })
    }

    /// The name in the path of the method; `None` if the path does not end with the suffix.
    #[must_use]
    pub fn name_in<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_suffix(self.suffix)
    }

    /// True if a text ends with the suffix, which tells the method from the name.
    pub(crate) fn ends(&self, text: &str) -> bool {
        !self.suffix.is_empty() && text.ends_with(self.suffix)
    }
}

impl fmt::Display for CancelMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb.as_str(), self.suffix)?;
        match self.body {
            "" => Ok(()),
            body => write!(f, " {body}"),
        }
    }
}

impl CancelVerb {
    /// Its name in HTTP, `POST`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Get => "GET",
            Self::Put => "PUT",
        }
    }
}

/// Hosts of a service of one form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a service that is not built in is written as a literal"
)]
pub struct RegionalHosts {
    /// Host, with `{location}` in place of the location: `documentai.{location}.rep.googleapis.com`.
    pub template: &'static str,
    /// Locations that have one. Any other is served by the root endpoint.
    pub locations: &'static [&'static str],
}

impl RegionalHosts {
    /// True if a host is one of these.
    pub(crate) fn has(&self, host: &str) -> bool {
        let Some((before, behind)) = self.template.split_once("{location}") else {
            return false;
        };
        let location = host.strip_prefix(before);
        let location = location.and_then(|rest| rest.strip_suffix(behind));
        location.is_some_and(|location| self.locations.contains(&location))
    }
}

/// A pattern of the names of operations, and which methods there are for these names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a service that is not built in is written as a literal"
)]
pub struct NamePattern {
    /// Levels of a name, the first one first, the operation's own one last; at least one.
    pub levels: &'static [Level],
    /// True if such an operation can be looked at.
    pub has_get: bool,
    /// True if the operations of its parent can be listed.
    pub has_list: bool,
    /// True if that list takes a [filter](crate::ListFilter).
    pub has_filter: bool,
    /// Number of the level whose id is no part of a path: a cancel and a get have it as the query parameter of
    /// the level's noun, and a list, which covers all ids there, does not have it. Servers write that id in large
    /// or small letters, `US` or `us`, and a name has it in small ones, so that one resource has one name.
    pub query_level: Option<usize>,
    /// Kind of what its names name, and the proof that one was cancelled.
    pub reading: Reading,
}

impl NamePattern {
    /// The level of what is cancelled, the last one.
    #[must_use]
    pub const fn own_level(&self) -> &'static Level {
        &self.levels[self.levels.len() - 1]
    }

    /// The levels above that one: those of the resource whose list shows it.
    #[must_use]
    pub fn above(&self) -> &'static [Level] {
        &self.levels[..self.levels.len() - 1]
    }

    /// The one spelling of a relative name of this pattern, or of a resource above it.
    pub(crate) fn canonical<'a>(&self, relative: &'a str) -> Cow<'a, str> {
        let Some(number) = self.query_level else {
            return relative.into();
        };
        let before = self.levels.iter().take(number).map(Level::segments);
        let id = before.sum::<usize>() + 1;
        let segments = relative.split('/').enumerate();
        let segments = segments.map(|(nth, segment)| match nth == id {
            true => segment.to_ascii_lowercase().into(),
            false => Cow::from(segment),
        });
        segments.collect::<Vec<_>>().join("/").into()
    }

    /// A pattern of operations that can be looked at, and listed with a filter, as nearly all can.
    #[must_use]
    pub const fn new(levels: &'static [Level]) -> Self {
        Self {
            levels,
            has_get: true,
            has_list: true,
            has_filter: true,
            query_level: None,
            reading: Reading::Operation,
        }
    }
}

/// The pattern for people: `projects/{project}/operations/{operation}`.
impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&described(self.levels))
    }
}

/// One level of the names of a service: a collection and the resources in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a service that is not built in is written as a literal"
)]
pub struct Level {
    /// Collection in a name, `devices`.
    pub collection: &'static str,
    /// Ids of its resources.
    pub ids: Ids,
    /// One of its resources, `device`.
    pub noun: &'static str,
    /// Field of a page of the list of them.
    pub page_field: &'static str,
    /// Field of such a page with the places that the server did not reach (AIP-217), whose resources are not in the list;
    /// empty where there is none.
    pub unreachable: &'static str,
    /// Partial response mask of one of them. Of what is cancelled: the fields that a verdict rests on, and no
    /// secret.
    pub fields: &'static str,
    /// Field of the time at which one of them was last active (RFC 3339).
    pub active_time: Option<&'static str>,
}

/// Ids of the resources at a level of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a service that is not built in is written as a literal"
)]
pub enum Ids {
    /// Any id of one segment.
    Any,
    /// Any id, also of several segments: only the last level has these.
    Rest,
    /// One id alone: `locations/global`.
    Only(&'static str),
    /// None: the level is one resource, `ragEngineConfig`.
    None,
}

impl Level {
    /// A level with any ids, of which lists tell the name.
    #[must_use]
    pub const fn new(collection: &'static str, noun: &'static str) -> Self {
        Self {
            collection,
            ids: Ids::Any,
            noun,
            page_field: collection,
            unreachable: "",
            fields: "name",
            active_time: None,
        }
    }

    /// Number of segments that it has in a name; an id of several counts as one.
    pub(crate) const fn segments(&self) -> usize {
        match self.ids {
            Ids::None => 1,
            _ => 2,
        }
    }
}

impl Service {
    /// The host in the text form of its names; the default service's have none.
    pub(crate) fn full_name_host(&self) -> Option<&'static str> {
        let is_default = std::ptr::eq(self, Self::DEFAULT) || self.id == Self::DEFAULT.id;
        (!is_default).then_some(self.host)
    }

    /// True for its id, and for that without the version, as a text names the service.
    pub(crate) fn is_named(&self, text: &str) -> bool {
        let name = self.id.split_once('.').map_or(self.id, |(name, _)| name);
        text == self.id || text == name
    }

    /// True if its host is one of Google's, `*.googleapis.com`. A token goes to another host only if the caller
    /// names that host.
    #[must_use]
    pub fn is_googles(&self) -> bool {
        self.host.ends_with(GOOGLE)
    }

    /// The usual pattern of the names of operations.
    #[must_use]
    pub fn pattern(&self) -> String {
        described(self.levels())
    }

    /// Levels of the usual pattern of the names of operations.
    #[must_use]
    pub const fn levels(&self) -> &'static [Level] {
        self.patterns[0].levels
    }

    /// The level of the usual names that is so many levels above the operations; the first one where there is
    /// none.
    #[must_use]
    pub const fn level_above(&self, up: u8) -> &'static Level {
        let levels = self.levels();
        &levels[levels.len().saturating_sub(1 + up as usize)]
    }

    /// The pattern, for people, of what stands so many levels above names of the usual pattern that have a parent:
    /// `projects/{project}`; `None` where no name has one.
    #[must_use]
    pub fn described_above(&self, up: u8) -> Option<String> {
        let mut all = self.patterns.iter().map(|pattern| pattern.levels);
        let levels = all.find(|levels| levels.len() > 1)?;
        let above = levels.len().saturating_sub(usize::from(up)).max(1);
        Some(described(&levels[..above]))
    }

    /// A text with what is special about this service in place of `{parent}`, `{denied}`, `{title}`,
    /// `{host}` and `{scope}`.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let levels = self.levels();
        let denied = self.denial_levels.clamp(1, levels.len()) - 1;
        text.replace("{parent}", self.level_above(1).noun)
            .replace("{denied}", levels[denied].noun)
            .replace("{title}", self.title)
            .replace("{host}", self.host)
            .replace("{scope}", self.scope)
    }
}

/// The pattern of names of these levels, for people.
pub(crate) fn described(levels: &[Level]) -> String {
    let level = |level: &Level| match level.ids {
        Ids::Any => format!("{}/{{{}}}", level.collection, level.noun),
        Ids::Rest => format!("{}/{{{}=**}}", level.collection, level.noun),
        Ids::Only(id) => format!("{}/{id}", level.collection),
        Ids::None => level.collection.to_owned(),
    };
    levels.iter().map(level).collect::<Vec<_>>().join("/")
}

impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || (self.id == other.id && self.host == other.host)
    }
}

impl Eq for Service {}
