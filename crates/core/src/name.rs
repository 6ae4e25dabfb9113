//! Resource names, parsed once into types that cannot hold a bad one.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::call::Call;
use crate::endpoint::location;
use crate::name_error::{NameError, NameErrorKind};
use crate::name_parse::{self, Ends, Parsed};
use crate::percent;
use crate::project::Project;
use crate::resource_state::Reading;
use crate::service::{Level, NamePattern, Service, described};

/// A checked name of a service, so many levels above its operations: [`OperationName`], [`ParentName`]
/// or [`GrandparentName`].
///
/// A value that exists is valid: it is not checked again, and no request made of it fails. It is the only
/// text of the caller's that reaches a URL: what is legal is percent-encoded by the transcoding rule of gRPC,
/// and what is not (`..`, control characters, another number of segments) is refused, so that no id reaches
/// another resource.
///
/// Its [`FromStr`] and serde forms are the [text form](Self::as_str): a relative name is one of the
/// [default service](Service::DEFAULT), and the host of a full resource name tells its API. A full name has no
/// version: the newest one that has such names is taken, so that a name of another version comes back as one of
/// that. [`parse`](Self::parse) takes both forms of one service.
#[derive(Clone)]
pub struct Name<const UP: u8>(Parsed);

/// The name of a long-running operation, `enterprises/{enterprise}/devices/{device}/operations/{operation}`.
///
/// The argument of [`Cancellation::new`](crate::Cancellation::new) and of [`Request`](crate::Request).
///
/// ```
/// use countermand_core::OperationName;
///
/// let name: OperationName = "enterprises/LC01/devices/3f/operations/1786048723669".parse()?;
/// assert_eq!(name.id(), "1786048723669");
/// assert_eq!(name.parent().as_str(), "enterprises/LC01/devices/3f");
/// assert_eq!(name.prefix(1), "enterprises/LC01");
///
/// let error = "enterprises/LC01/devices/3f".parse::<OperationName>().unwrap_err();
/// assert!(error.to_string().contains("names a device"));
/// # Ok::<(), countermand_core::NameError>(())
/// ```
pub type OperationName = Name<0>;

/// The name of what operations belong to, `enterprises/{enterprise}/devices/{device}`: the resource whose
/// operations are listed.
///
/// A resource may have several lists, and names of two of them are not equal: its own name means the first one, and any
/// other has its collection at the end.
///
/// ```
/// use countermand_core::{OperationName, Service};
///
/// let service = Service::named("dataproc.v1").expect("it is built in");
/// let job = OperationName::parse(service, "projects/p/regions/r/jobs/1")?;
/// assert_eq!(job.parent().as_str(), "//dataproc.googleapis.com/projects/p/regions/r/jobs");
/// assert_eq!(job.parent().relative(), "projects/p/regions/r");
/// # Ok::<(), countermand_core::NameError>(())
/// ```
pub type ParentName = Name<1>;

/// The name one level above, `enterprises/{enterprise}`: the resource under which the
/// [parents](ParentName) of operations are listed.
pub type GrandparentName = Name<2>;

impl<const UP: u8> Name<UP> {
    /// Parses a name of a service.
    ///
    /// # Errors
    /// Everything that is not the name of a resource so many levels above the service's operations.
    pub fn parse(service: &'static Service, text: &str) -> Result<Self, NameError> {
        name_parse::parse(service, text, UP).map(Self)
    }

    /// The service whose resource it is.
    #[must_use]
    pub fn service(&self) -> &'static Service {
        self.0.header.service
    }

    fn text(&self) -> &str {
        &self.0.slice
    }

    fn ends(&self) -> Ends {
        self.0.header.ends
    }

    /// The pattern of the operations at or below it.
    #[must_use]
    pub fn pattern(&self) -> &'static NamePattern {
        &self.service().patterns[self.ends().pattern as usize]
    }

    /// Its levels.
    fn levels(&self) -> &'static [Level] {
        let levels = self.pattern().levels;
        &levels[..name_parse::depth(levels, UP)]
    }

    /// The pattern that it has, for people.
    pub(crate) fn described(&self) -> String {
        described(self.levels())
    }

    /// The text form: the name as the API writes it for the [default service](Service::DEFAULT), and for any
    /// other the full resource name, `//translation.googleapis.com/projects/p/locations/l/operations/1` (AIP-122).
    /// A parent whose list is not the first of its lists has the collection at its end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text()
    }

    /// The name of the resource as the API writes it, not percent-encoded. It is relative to the service.
    #[must_use]
    pub fn relative(&self) -> &str {
        self.resource().get(self.host_len()..).unwrap_or_default()
    }

    /// The location that it has: the segment after `locations` or, as older services say it, `regions`.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        location(self.relative())
    }

    /// The text form of the resource, whichever of its lists is meant.
    fn resource(&self) -> &str {
        let text = self.text();
        &text[..text.len() - usize::from(self.ends().list)]
    }

    /// The length of the host before the relative name, with its slashes.
    fn host_len(&self) -> usize {
        match self.text().as_bytes() {
            [b'/', b'/', ..] => self.service().host.len() + 3,
            _ => 0,
        }
    }

    /// True if the name may be written so: as it is, in full, or by a server with the number of its project in
    /// place of the project's id, or the other way round.
    pub(crate) fn is_spelled(&self, told: &str) -> bool {
        let own = self.relative();
        if own == told || self.resource() == told {
            return true;
        }
        match (Project::of(own), Project::of(told)) {
            (Some(own), Some(told)) => {
                own.is_number != told.is_number && (own.host, own.below) == (told.host, told.below)
            }
            _ => false,
        }
    }

    /// The id: the last segment. The parent of operations at the root has none.
    #[must_use]
    pub fn id(&self) -> &str {
        let resource = self.resource();
        resource
            .get(usize::from(self.ends().id)..)
            .unwrap_or_default()
    }

    /// The text form without the id: of an operation the list that shows it.
    ///
    /// It is that of its [parent](OperationName::parent) where this has the collection at its end.
    #[must_use]
    pub fn without_id(&self) -> &str {
        let end = usize::from(self.ends().id).saturating_sub(1);
        self.text().get(..end).unwrap_or_default()
    }

    /// Refuses a method that the service does not have for names of this pattern: some operations cannot be
    /// looked at, and some cannot be listed. Every operation can be cancelled.
    ///
    /// ```
    /// use countermand_core::{Call, OperationName, Service};
    ///
    /// let service = Service::named("cloudbuild.v1").expect("it is built in");
    /// let name = OperationName::parse(service, "projects/p/locations/us/operations/1")?;
    /// assert!(name.check_method(Call::Get).is_ok());
    /// let error = name.parent().check_method(Call::ListOperations).unwrap_err();
    /// assert!(error.to_string().contains("no method that lists the operations of"), "{error}");
    /// # Ok::<(), countermand_core::NameError>(())
    /// ```
    ///
    /// # Errors
    /// [`NameErrorKind::NoMethod`].
    pub fn check_method(&self, call: Call) -> Result<(), NameError> {
        let known = match call {
            Call::Cancel => true,
            Call::Get => self.pattern().has_get,
            // Several patterns may have one parent.
            Call::ListOperations => self.lists().next().is_some(),
            Call::GetParent => self.service().has_parent_records,
            Call::ListParents => self.service().lists_parents,
        };
        let is_list = matches!(call, Call::ListOperations | Call::ListParents);
        let (kind, expected) = match known {
            true => return Ok(()),
            false => (is_list.then(|| self.listed_below()).flatten()).unwrap_or_else(|| {
                let kind = NameErrorKind::NoMethod(self.service(), call);
                (kind, self.pattern().to_string())
            }),
        };
        Err(NameError::new(self.relative(), kind, 0, expected))
    }

    /// True if names of a pattern may begin with this one.
    fn begins(&self, pattern: &NamePattern) -> bool {
        let levels = pattern.levels.get(..self.levels().len());
        levels.is_some_and(|levels| name_parse::has_levels(levels, self.relative()))
    }

    /// The refusal of a name whose operations are listed only further down, and the names to give instead.
    fn listed_below(&self) -> Option<(NameErrorKind, String)> {
        let own = self.levels();
        let below = self.service().patterns.iter().filter(|pattern| {
            pattern.has_list && pattern.above().len() > own.len() && self.begins(pattern)
        });
        let nearest = below.clone().map(|pattern| pattern.levels.len()).min()?;
        let mut expected = Vec::new();
        let mut level = None;
        for pattern in below.filter(|pattern| pattern.levels.len() == nearest) {
            level = level.or(pattern.above().last());
            let text = described(pattern.above());
            if !expected.contains(&text) {
                expected.push(text);
            }
        }
        let kind = NameErrorKind::NotSearched(own.last()?, level?);
        Some((kind, expected.join(" or ")))
    }

    /// The patterns of what is in the list at or below it: several may have one parent.
    fn lists(&self) -> impl Iterator<Item = &'static NamePattern> {
        self.service().patterns.iter().filter(|pattern| {
            let above = name_parse::depth(pattern.levels, UP);
            pattern.has_list
                && pattern.levels[..above] == *self.levels()
                && pattern.own_level().collection == self.pattern().own_level().collection
        })
    }

    /// Refuses a filter of the server's for the operations at or below it, where their list takes none.
    ///
    /// # Errors
    /// [`NameErrorKind::NoFilter`].
    pub fn check_filter(&self) -> Result<(), NameError> {
        if self.lists().any(|pattern| pattern.has_filter) {
            return Ok(());
        }
        let kind = NameErrorKind::NoFilter(self.service());
        let expected = self.pattern().to_string();
        Err(NameError::new(self.as_str(), kind, 0, expected))
    }

    /// True if the operations at or below it tell what kind they are of.
    #[must_use]
    pub fn tells_kind(&self) -> bool {
        matches!(self.pattern().reading, Reading::Operation)
    }

    /// True if some of the operations at or below it tell when they were created.
    #[must_use]
    pub fn tells_create_time(&self) -> bool {
        match self.pattern().reading {
            Reading::Operation => self.service().operation.reads_create_time(),
            Reading::State(state) => !state.create_time.is_empty(),
        }
    }

    /// Refuses a name of another service than this one.
    ///
    /// # Errors
    /// [`NameErrorKind::OtherService`].
    pub fn check_service(&self, service: &Service) -> Result<(), NameError> {
        if self.service() == service {
            return Ok(());
        }
        let kind = NameErrorKind::OtherService;
        let error = NameError::new(self.as_str(), kind, 0, service.pattern());
        Err(error.of_services(vec![self.service().id]))
    }

    /// The first so many levels of the text form of the resource; all of it, if it has no more.
    #[must_use]
    pub fn prefix(&self, levels: usize) -> &str {
        let own = self.levels();
        match levels {
            _ if levels >= own.len() => self.resource(),
            _ if levels + 1 == own.len() => self.parent_str(),
            _ => {
                let segments: usize = own[..levels].iter().map(Level::segments).sum();
                // Bytes, because searching for a character is several times as slow.
                let host = self.host_len();
                let bytes = self.relative().bytes().enumerate();
                let mut slashes = bytes.filter(|(_, byte)| *byte == b'/');
                let end = segments.checked_sub(1).and_then(|nth| slashes.nth(nth));
                &self.text()[..end.map_or(host.saturating_sub(1), |(at, _)| host + at)]
            }
        }
    }

    /// The part of the name whose quota for a method it counts into; what a rate limiter is given.
    #[must_use]
    pub fn quota_resource(&self) -> &str {
        self.prefix(self.service().quota_levels)
    }

    /// The part of the name that a denial (403) concerns.
    #[must_use]
    pub fn denied_resource(&self) -> &str {
        self.prefix(self.service().denial_levels)
    }

    /// Appends the name to a URL path, percent-encoded by the transcoding rule: everything
    /// outside `[-_.~/0-9a-zA-Z]`, UTF-8 byte by byte. A level whose id is a [query
    /// parameter](Self::query_parameter) is left out.
    ///
    /// For those who build requests themselves; [`Request`](crate::Request) does it for you.
    pub fn encode_into(&self, path: &mut Vec<u8>) {
        let name = self.relative();
        match self.query_range() {
            None if self.ends().coded == 0 => path.extend_from_slice(name.as_bytes()),
            None => percent::encode(name, path),
            Some(level) => {
                percent::encode(&name[..level.start], path);
                percent::encode(&name[level.end..], path);
            }
        }
    }

    /// The query parameter that requests have in place of a level of the name: its noun, and the id.
    ///
    /// ```
    /// use countermand_core::OperationName;
    ///
    /// let name = "//bigquery.googleapis.com/projects/p/locations/US/jobs/j";
    /// let name: OperationName = name.parse()?;
    /// assert_eq!(name.query_parameter(), Some(("location", "us")));
    /// let mut path = Vec::new();
    /// name.encode_into(&mut path);
    /// assert_eq!(path, b"projects/p/jobs/j");
    /// # Ok::<(), countermand_core::NameError>(())
    /// ```
    #[must_use]
    pub fn query_parameter(&self) -> Option<(&'static str, &str)> {
        let level = &self.relative()[self.query_range()?];
        let noun = self.levels().get(self.pattern().query_level?)?.noun;
        Some((noun, level.rsplit('/').next()?))
    }

    /// The part of the relative name that no path has, with the slash before it.
    fn query_range(&self) -> Option<Range<usize>> {
        let number = self.pattern().query_level?;
        let host = self.host_len();
        let end = |levels| self.prefix(levels).len().saturating_sub(host);
        (number < self.levels().len()).then(|| end(number)..end(number + 1))
    }

    /// The length of the encoded name, so that a path can be allocated once.
    pub(crate) fn encoded_len(&self) -> usize {
        self.relative().len() + 2 * usize::from(self.ends().coded)
    }

    fn parent_str(&self) -> &str {
        &self.text()[..usize::from(self.ends().parent)]
    }

    /// The name of the parent, whose text is known to be one.
    fn above<const ABOVE: u8>(&self) -> Name<ABOVE> {
        let levels = self.pattern().levels;
        let above = match name_parse::depth(levels, ABOVE) < self.levels().len() {
            true => self.parent_str(),
            false => self.resource(),
        };
        let relative = above.get(self.host_len()..).unwrap_or_default();
        let (service, ends) = (self.service(), self.ends());
        Name(name_parse::parse_above(service, ends, ABOVE, relative))
    }
}

impl OperationName {
    /// The resource that the operation belongs to.
    #[must_use]
    pub fn parent(&self) -> ParentName {
        self.above()
    }

    /// The same name as that of the parent of other operations, if these can be listed.
    #[must_use]
    pub fn as_parent(&self) -> Option<ParentName> {
        let parent = ParentName::parse(self.service(), self.relative()).ok()?;
        let is_listed = parent.check_method(Call::ListOperations).is_ok();
        is_listed.then_some(parent)
    }

    /// The operation of the same id, named under the same parent in another spelling.
    pub(crate) fn of(&self, parent: &ParentName) -> Result<Self, NameError> {
        let own = usize::from(self.ends().parent);
        let text = format!("{}{}", parent.resource(), &self.text()[own..]);
        Self::parse(self.service(), &text)
    }
}

impl ParentName {
    /// The resource one level above.
    #[must_use]
    pub fn parent(&self) -> GrandparentName {
        self.above()
    }

    /// Patterns of the operations at or below this resource that the list of its own operations does not show: they
    /// are in lists of their own, or in none.
    ///
    /// ```
    /// use countermand_core::{ParentName, Service};
    ///
    /// let service = Service::named("spanner.v1").expect("it is built in");
    /// let instance = ParentName::parse(service, "projects/p/instances/i")?;
    /// let others: Vec<_> = instance.other_lists().map(|one| one.above()).collect();
    /// let nouns = others.iter().filter_map(|above| above.last()).map(|level| level.noun);
    /// assert_eq!(nouns.collect::<Vec<_>>(), ["backup", "database", "instancePartition"]);
    /// # Ok::<(), countermand_core::NameError>(())
    /// ```
    pub fn other_lists(&self) -> impl Iterator<Item = &'static NamePattern> {
        let (depth, list) = (self.levels().len(), self.pattern().own_level().collection);
        let patterns = self.service().patterns.iter();
        patterns.filter(move |other| {
            let above = other.above().len();
            let is_other = above > depth || other.own_level().collection != list;
            above >= depth && is_other && self.begins(other)
        })
    }
}

impl<const UP: u8> FromStr for Name<UP> {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let service = match text.starts_with("//") {
            true => Service::of_full_name(text, UP).unwrap_or(Service::DEFAULT),
            false => Service::DEFAULT,
        };
        Self::parse(service, text)
    }
}

impl<const UP: u8> TryFrom<&str> for Name<UP> {
    type Error = NameError;

    fn try_from(text: &str) -> Result<Self, NameError> {
        text.parse()
    }
}

impl<const UP: u8> AsRef<str> for Name<UP> {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// Names of the same text, which tells the list as well, are equal only within one service: versions of an API share a host.
impl<const UP: u8> PartialEq for Name<UP> {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text() && self.service() == other.service()
    }
}

impl<const UP: u8> Eq for Name<UP> {}

impl<const UP: u8> Ord for Name<UP> {
    fn cmp(&self, other: &Self) -> Ordering {
        let texts = self.text().cmp(other.text());
        texts.then_with(|| self.service().id.cmp(other.service().id))
    }
}

impl<const UP: u8> PartialOrd for Name<UP> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const UP: u8> Hash for Name<UP> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text().hash(state);
    }
}

impl<const UP: u8> fmt::Display for Name<UP> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const UP: u8> fmt::Debug for Name<UP> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match UP {
            0 => "OperationName",
            1 => "ParentName",
            _ => "GrandparentName",
        };
        write!(f, "{kind}({:?})", self.as_str())
    }
}

impl<const UP: u8> Serialize for Name<UP> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, const UP: u8> Deserialize<'de> for Name<UP> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<const UP: u8>;

        impl<const UP: u8> de::Visitor<'_> for Text<UP> {
            type Value = Name<UP>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a resource")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name<UP>, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_names_themselves() {
        let name: OperationName = "enterprises/e/devices/d/operations/o".parse().unwrap();
        assert_eq!(name.parent(), "enterprises/e/devices/d".parse().unwrap());
        assert_eq!(name.prefix(1), "enterprises/e");
        assert_eq!(name.parent().parent(), "enterprises/e".parse().unwrap());
        assert_eq!(name.parent().parent().id(), "e");
        assert_eq!(name.parent().id(), "d");
        assert_eq!(name.quota_resource(), name.parent().as_str());
        assert_eq!(name.parent().quota_resource(), name.parent().as_str());
        assert_eq!(name.parent().parent().quota_resource(), "enterprises/e");
        assert_eq!(name.denied_resource(), "enterprises/e");
        let prefixes = [0, 1, 2, 3, 4].map(|levels| name.prefix(levels).len());
        assert_eq!(prefixes, [0, 13, 23, 36, 36]);
    }

    #[test]
    fn a_project_has_an_id_and_a_number() {
        let service = Service::named("documentai.v1").unwrap();
        let name = OperationName::parse(service, "projects/p-1/locations/us/operations/7").unwrap();
        for (told, same) in [
            ("projects/p-1/locations/us/operations/7", true),
            ("projects/90210/locations/us/operations/7", true),
            (
                "//documentai.googleapis.com/projects/p-1/locations/us/operations/7",
                true,
            ),
            (
                "//translation.googleapis.com/projects/p-1/locations/us/operations/7",
                false,
            ),
            ("projects/90210/locations/us/operations/8", false),
            ("projects/90210/locations/eu/operations/7", false),
            ("projects/p-2/locations/us/operations/7", false),
            ("projects/90210", false),
            ("", false),
        ] {
            assert_eq!(name.is_spelled(told), same, "{told}");
        }
        let number = OperationName::parse(service, "projects/4/locations/us/operations/7").unwrap();
        assert!(!number.is_spelled("projects/5/locations/us/operations/7"));
        assert_eq!(number.of(&name.parent()).unwrap(), name);
    }

    #[test]
    fn an_id_of_a_parent_may_end_as_the_method_does() {
        let name: OperationName = "enterprises/e:cancel/devices/d:cancel/operations/o"
            .parse()
            .unwrap();
        assert_eq!(
            name.parent().as_str(),
            "enterprises/e:cancel/devices/d:cancel"
        );
        assert_eq!(name.parent().parent().id(), "e:cancel");
        assert!(
            "enterprises/e/devices/d/operations/o:cancel"
                .parse::<OperationName>()
                .is_err()
        );
    }

    #[test]
    fn serde_goes_through_the_parser() {
        let json = r#""enterprises/e/devices/d/operations/o""#;
        let name: OperationName = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), json);
        let error = serde_json::from_str::<OperationName>(r#""enterprises/e""#).unwrap_err();
        assert!(error.to_string().contains("names an enterprise"), "{error}");
    }

    #[test]
    fn encoded_length_is_exact() {
        let name: OperationName = "enterprises/e/devices/ü%/operations/a:b#?".parse().unwrap();
        let mut path = Vec::new();
        name.encode_into(&mut path);
        assert_eq!(
            path,
            b"enterprises/e/devices/%C3%BC%25/operations/a%3Ab%23%3F"
        );
        assert_eq!(path.len(), name.encoded_len());
        let mut parent = Vec::new();
        name.parent().encode_into(&mut parent);
        assert_eq!(parent.len(), name.parent().encoded_len());
    }
}
