//! One description of what differs between the APIs whose operations can be cancelled.

use crate::endpoint::Endpoint;
use crate::operation_reader::OperationReader;

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
/// Descriptions with the same [`id`](Self::id) are equal: they are of one service.
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
    /// Path that every method begins with, without a slash at its end.
    pub prefix: &'static str,
    /// OAuth scope that is enough to get, list and cancel.
    pub scope: &'static str,
    /// Levels of an operation's name, the first one first, the operation's own one last; at least one.
    pub levels: &'static [Level],
    /// Suffix of the path that cancels.
    pub cancel: &'static str,
    /// Partial response mask of an operation: the fields that a verdict rests on, and no secret.
    pub operation_fields: &'static str,
    /// Levels of a name that share the quota of a method.
    pub quota_levels: usize,
    /// Levels of a name that a denial (403) concerns.
    pub denial_levels: usize,
    /// True where the parent of an operation is looked at after a 404: without a record of it, the
    /// operation may have executed.
    pub has_parent_records: bool,
    /// Words of a 400 that is about the parent, which this service no longer manages, in small letters.
    pub unmanaged_parent: Option<&'static str>,
    /// Known quotas of a project, as calls in seconds: documented, or told by an answer of the server.
    pub quota: &'static [(u32, u64)],
    /// Known quota of a method on one resource, likewise.
    pub resource_quota: Option<(u32, u64)>,
    /// Reader of the JSON of an operation: [`OperationReader::PLAIN`] where its metadata is not read.
    pub operation: OperationReader,
}

/// One level of the names of a service: a collection and the resources in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a service that is not built in is written as a literal"
)]
pub struct Level {
    /// Collection in a name, `devices`; also the field of a page that lists it.
    pub collection: &'static str,
    /// One of its resources, `device`.
    pub noun: &'static str,
    /// Partial response mask of one of them in a list.
    pub fields: &'static str,
    /// Field of the time at which one of them was last active (RFC 3339).
    pub active_time: Option<&'static str>,
}

/// The end of the hosts of Google's services.
const GOOGLE: &str = ".googleapis.com";

impl Service {
    /// The root endpoint.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::of(self.host, self.prefix)
    }

    /// The endpoint for mutual TLS.
    #[must_use]
    pub fn mtls_endpoint(&self) -> Endpoint {
        Endpoint::of(self.mtls_host, self.prefix)
    }

    /// False if the host ends in `.googleapis.com` and does not contain the first label of this service's
    /// host, as the regional and private hosts of the service do. Any other host, such as that of an
    /// emulator, may serve it.
    pub(crate) fn may_be_at(&self, endpoint: &Endpoint) -> bool {
        // First, and without a search for the host: nearly every operation is at this one.
        if endpoint.authority() == self.host {
            return true;
        }
        let host = endpoint.host();
        let end = host.get(host.len().saturating_sub(GOOGLE.len())..);
        let word = self.host.split('.').next().unwrap_or_default();
        !end.is_some_and(|end| end.eq_ignore_ascii_case(GOOGLE))
            || host.to_ascii_lowercase().contains(word)
    }

    /// The pattern of the names of operations.
    #[must_use]
    pub fn pattern(&self) -> String {
        self.pattern_of(self.levels.len())
    }

    /// The pattern of the names of so many levels.
    pub(crate) fn pattern_of(&self, levels: usize) -> String {
        let segments = self.levels.iter().take(levels);
        let segments = segments.map(|level| format!("{}/{{{}}}", level.collection, level.noun));
        segments.collect::<Vec<_>>().join("/")
    }

    /// The level that is so many levels above the operations; the first one where there is none.
    #[must_use]
    pub const fn level_above(&self, up: u8) -> &'static Level {
        let levels = self.levels;
        &levels[levels.len().saturating_sub(1 + up as usize)]
    }

    /// A text with what is special about this service in place of `{parent}`, `{denied}`, `{title}`,
    /// `{host}` and `{scope}`.
    #[must_use]
    pub fn fill(&self, text: &str) -> String {
        let denied = self.denial_levels.clamp(1, self.levels.len()) - 1;
        text.replace("{parent}", self.level_above(1).noun)
            .replace("{denied}", self.levels[denied].noun)
            .replace("{title}", self.title)
            .replace("{host}", self.host)
            .replace("{scope}", self.scope)
    }
}

impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Service {}
