//! The filter: which of the operations that are found are meant.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use countermand_core::text::printable;
use countermand_core::{
    GrandparentName, ListFilter, Metadata, Name, NameError, Operation, OperationName, ParentName,
    Service, Timestamp,
};
use serde::{Deserialize, Serialize};
use strsim::osa_distance;

use crate::already_done::AlreadyDone;
use crate::job_row::Target;
use crate::seconds;
use crate::services::Services;
use crate::spell::{counted, grouped, spell};
use crate::spelling::{SameProject, Spellings};

/// Types of commands that the API documents.
pub const KNOWN_TYPES: [&str; 11] = [
    "ADD_ESIM",
    "CLEAR_APP_DATA",
    "LOCK",
    "REBOOT",
    "RELINQUISH_OWNERSHIP",
    "REMOVE_ESIM",
    "REQUEST_DEVICE_INFO",
    "RESET_PASSWORD",
    "START_LOST_MODE",
    "STOP_LOST_MODE",
    "WIPE",
];

/// The prefix of a type that this version does not know.
const UNKNOWN: &str = "unknown:";

/// The pending operations that are meant; by default all.
///
/// A field that the server does not tell of an operation never excludes it: a WIPE without metadata
/// is found by a filter for WIPEs. Ages are counted by `createTime` against the time of the search;
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
    /// Names of operations, devices and enterprises that are left alone. They are compared with those of the
    /// search, so that a project has to be spelled in the same way there: see [`check_excluded`](Self::check_excluded).
    pub exclude: BTreeSet<String>,
    /// The filter that the server applies to its lists of operations. It is an aid: what the server leaves out is not
    /// seen, and what it lists is judged by all the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_side: Option<ListFilter>,
}

/// A filter that would leave out more than is meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// The type is none that the API documents: nothing would be found under a misspelt one.
    #[error(
        "the type is none of a command that is known{}; known are {}; one that the API has and this \
         version does not know is written unknown:TYPE",
        near.map(|near| format!(": did you mean {near}?")).unwrap_or_default(),
        KNOWN_TYPES.join(", ")
    )]
    Type {
        /// The known type that is nearly the same.
        near: Option<&'static str>,
    },
    /// The text after `unknown:` is not a word of capitals, digits and `_`.
    #[error("unknown: is followed by a type of command, in capitals, digits and _")]
    Word,
    /// A type of another service is no text that can be seen.
    #[error("the type is empty, or has characters that cannot be seen")]
    Invisible,
    /// No operation or resource with a name of this pattern tells when it was created.
    #[error(
        "what is named like {pattern} ({service}) does not tell when it was created, so none is known to be newer or older"
    )]
    NoTimes {
        /// The id of the service.
        service: &'static str,
        /// The pattern.
        pattern: String,
    },
    /// No operation or resource with a name of this pattern tells a type.
    #[error(
        "what is named like {pattern} ({service}) tells no type, so none would be left out by it"
    )]
    NoTypes {
        /// The id of the service.
        service: &'static str,
        /// The pattern.
        pattern: String,
    },
    /// The list takes no filter.
    #[error(transparent)]
    NoServerSide(#[from] NameError),
    /// All that is to be searched is excluded by name.
    #[error(
        "all that is to be searched is excluded by name ({}): nothing would be searched",
        counted(*count as u64, "resource")
    )]
    NothingLeft {
        /// Resources that were given to be searched.
        count: usize,
    },
    /// No operation is as young as the one limit and as old as the other.
    #[error(
        "no operation is newer than {} and older than {}: the limits contradict each other",
        spell(*newer_than),
        spell(*older_than)
    )]
    Ages {
        /// The greatest age.
        newer_than: Duration,
        /// The least age.
        older_than: Duration,
    },
}

/// The reason why an operation is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exclusion {
    Type,
    Old,
    New,
    Name,
}

/// Number of types that are counted apart; further ones are counted together.
const TYPES: usize = 12;

/// Operations that were seen and that a filter left out, counted by the first reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excluded {
    done: AlreadyDone,
    types: BTreeMap<String, u64>,
    other_types: u64,
    old: u64,
    new: u64,
    named: u64,
}

impl Excluded {
    /// The number of all of them.
    #[must_use]
    pub fn count(&self) -> u64 {
        let types = self.types.values().sum::<u64>() + self.other_types;
        self.done.operations + types + self.old + self.new + self.named
    }

    /// A clause about them: `15 operations were seen and left out: 12 of type REBOOT, 3 older than
    /// 2 h 0 min`; nothing if there are none.
    #[must_use]
    pub fn sentence(&self, filter: &Filter) -> Option<String> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let age = |age: Option<Duration>| spell(age.unwrap_or_default());
        let types = self.types.iter().map(|(kind, count)| {
            let meant = filter.types.iter().find(|meant| is_near(meant, kind));
            let meant = meant.map(|meant| format!(", which is nearly {}", printable(meant)));
            let kind = printable(kind);
            (
                *count,
                format!("of type {kind}{}", meant.unwrap_or_default()),
            )
        });
        let parts: Vec<String> = types
            .chain([
                (self.other_types, "of other types".to_owned()),
                (self.old, format!("older than {}", age(filter.newer_than))),
                (self.new, format!("newer than {}", age(filter.older_than))),
                (self.named, "excluded by name".to_owned()),
                (self.done.operations, "done already".to_owned()),
            ])
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", grouped(count)))
            .collect();
        let operations = match count {
            1 => "operation was",
            _ => "operations were",
        };
        Some(format!(
            "{} {operations} seen and left out: {}",
            grouped(count),
            parts.join(", ")
        ))
    }

    /// Those that would be meant if they were not done.
    #[must_use]
    pub const fn already_done(&self) -> &AlreadyDone {
        &self.done
    }

    /// Counts an operation that is left out for this reason; true if there is none.
    fn count_in(&mut self, exclusion: Option<Exclusion>, command: Option<&Metadata>) -> bool {
        let kind = command.and_then(|command| command.kind.as_deref());
        exclusion
            .map(|exclusion| self.add(exclusion, kind))
            .is_none()
    }

    fn add(&mut self, exclusion: Exclusion, kind: Option<&str>) {
        *match (exclusion, kind) {
            (Exclusion::Old, _) => &mut self.old,
            (Exclusion::New, _) => &mut self.new,
            (Exclusion::Name, _) => &mut self.named,
            (Exclusion::Type, Some(kind))
                if self.types.len() < TYPES || self.types.contains_key(kind) =>
            {
                self.types.entry(kind.to_owned()).or_default()
            }
            (Exclusion::Type, _) => &mut self.other_types,
        } += 1;
    }
}

impl Filter {
    /// The operations that are meant, in words: `pending commands of type WIPE, no older than 2 h 0 min`.
    #[must_use]
    pub fn words(&self, services: &Services) -> String {
        let operations = match services.are_default() {
            true => "commands",
            false => "operations",
        };
        let types: Vec<_> = self.types.iter().map(|kind| printable(kind)).collect();
        let mut text = match types.is_empty() {
            true => format!("pending {operations} of every type"),
            false => format!("pending {operations} of type {}", types.join(" or ")),
        };
        match self.newer_than {
            Some(age) => text.push_str(&format!(", no older than {}", spell(age))),
            None if self.older_than.is_none() => text.push_str(", of any age"),
            None => {}
        }
        if let Some(age) = self.older_than {
            text.push_str(&format!(", at least {} old", spell(age)));
        }
        if !self.exclude.is_empty() {
            let names = grouped(self.exclude.len() as u64);
            text.push_str(&format!(", except what {names} names exclude"));
        }
        if let Some(filter) = &self.server_side {
            let filter = printable(filter.as_str());
            text.push_str(&format!(
                ", as far as the server lists them for the filter {filter}"
            ));
        }
        text
    }

    /// Adds a type of operation of these services, which is taken as it is.
    ///
    /// A command of the Android Management API is taken in any case. A misspelt one is refused, because nothing would
    /// be found; `unknown:TYPE` adds one that the API has and this version does not know. Beside other services, what is
    /// not nearly a command is a type of theirs.
    ///
    /// # Errors
    /// [`FilterError::Type`], [`FilterError::Word`], [`FilterError::Invisible`]. They do not repeat the text.
    pub fn add_type(&mut self, services: &Services, text: &str) -> Result<(), FilterError> {
        if services.iter().any(|service| service == Service::DEFAULT) {
            match self.add_command(text) {
                Err(FilterError::Type { near: None }) if services.only().is_none() => {}
                added => return added,
            }
        }
        match text.trim().is_empty() || printable(text) != text {
            true => Err(FilterError::Invisible),
            false => {
                self.types.insert(text.to_owned());
                Ok(())
            }
        }
    }

    fn add_command(&mut self, text: &str) -> Result<(), FilterError> {
        // The API writes them in capitals, people do not always.
        let kind = text.to_uppercase();
        if let Some(kind) = kind.strip_prefix(&UNKNOWN.to_uppercase()) {
            let is_word = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
            let word = !kind.is_empty() && kind.bytes().all(|byte| is_word(byte) || byte == b'_');
            return match word {
                true => {
                    self.types.insert(kind.to_owned());
                    Ok(())
                }
                false => Err(FilterError::Word),
            };
        }
        if KNOWN_TYPES.contains(&&*kind) {
            self.types.insert(kind);
            return Ok(());
        }
        let near = KNOWN_TYPES.iter();
        let near = near.min_by_key(|known| distance(&kind, known));
        Err(FilterError::Type {
            near: near.copied().filter(|known| is_near(&kind, known)),
        })
    }

    /// Refuses what cannot be answered of the operations at or below a name: it would leave out none, or all.
    ///
    /// # Errors
    /// [`FilterError::NoTimes`], [`FilterError::NoTypes`], [`FilterError::NoServerSide`].
    pub fn check_name<const UP: u8>(&self, name: &Name<UP>) -> Result<(), FilterError> {
        let (pattern, service) = (|| name.pattern().to_string(), name.service().id);
        let limits = self.newer_than.or(self.older_than);
        if limits.is_some() && !name.tells_create_time() {
            return Err(FilterError::NoTimes {
                service,
                pattern: pattern(),
            });
        }
        if !self.types.is_empty() && !name.tells_kind() {
            return Err(FilterError::NoTypes {
                service,
                pattern: pattern(),
            });
        }
        match self.server_side {
            Some(_) => Ok(name.check_filter()?),
            None => Ok(()),
        }
    }

    /// Refuses limits that no operation can be within.
    ///
    /// # Errors
    /// [`FilterError::Ages`].
    pub fn check(&self) -> Result<(), FilterError> {
        match (self.newer_than, self.older_than) {
            (Some(newer_than), Some(older_than)) if newer_than <= older_than => {
                Err(FilterError::Ages {
                    newer_than,
                    older_than,
                })
            }
            _ => Ok(()),
        }
    }

    /// Refuses names to search, or of operations, that [`exclude`](Self::exclude) may name by another spelling of their
    /// project: a filter compares names, and what may be excluded is not cancelled.
    ///
    /// # Errors
    /// The two names.
    pub fn check_excluded<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), SameProject> {
        if self.exclude.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = names.into_iter().collect();
        let excluded = || self.exclude.iter().map(String::as_str);
        let (above, below) = (
            Spellings::new(excluded()),
            Spellings::new(names.iter().copied()),
        );
        names.iter().try_for_each(|name| above.check(name))?;
        // What is searched may have it below.
        excluded().try_for_each(|name| below.check(name))
    }

    /// True if an operation of a list is meant: it is not done, and nothing that is known excludes it. One
    /// that is left out is counted.
    pub fn takes(&self, operation: &Operation, now: Timestamp, excluded: &mut Excluded) -> bool {
        let command = operation.metadata.as_ref();
        let exclusion = self.exclusion(&operation.name, command, now);
        if exclusion.is_none() && operation.done {
            excluded.done.add(operation);
            return false;
        }
        excluded.count_in(exclusion, command)
    }

    /// True if an operation is meant whose name the caller has already; one that is left out is counted.
    pub fn takes_target(&self, target: &Target, now: Timestamp, excluded: &mut Excluded) -> bool {
        let exclusion = self.exclusion(&target.name, Some(&target.command), now);
        excluded.count_in(exclusion, Some(&target.command))
    }

    /// The first reason why an operation is left out, done or not.
    fn exclusion(
        &self,
        name: &OperationName,
        command: Option<&Metadata>,
        now: Timestamp,
    ) -> Option<Exclusion> {
        let kind = command.and_then(|command| command.kind.as_deref());
        let created = command.and_then(|command| command.create_time);
        let age = created.map(|created| now.since(created));
        let is = |limit: Option<Duration>, outside: fn(Duration, Duration) -> bool| matches!((age, limit), (Some(age), Some(limit)) if outside(age, limit));
        if self.excludes(name) {
            Some(Exclusion::Name)
        } else if kind.is_some_and(|kind| !self.types.is_empty() && !self.types.contains(kind)) {
            Some(Exclusion::Type)
        } else if is(self.newer_than, |age, limit| age > limit) {
            Some(Exclusion::Old)
        } else if is(self.older_than, |age, limit| age < limit) {
            Some(Exclusion::New)
        } else {
            None
        }
    }

    /// True if a name, that of a resource above it at any level, or that of the list it is in, is one of what is left
    /// alone: nothing of it is meant, and its list need not be read.
    #[must_use]
    pub fn excludes<const UP: u8>(&self, name: &Name<UP>) -> bool {
        if self.exclude.is_empty() {
            return false;
        }
        let resource = name.prefix(usize::MAX);
        let above = (0..).map(|levels| name.prefix(levels));
        let above = above.take_while(|prefix| prefix.len() < resource.len());
        // One of several lists of a parent may be excluded alone.
        let mut texts = above.chain([resource, name.without_id(), name.as_str()]);
        texts.any(|text| self.exclude.contains(text))
    }

    /// Refuses an exclusion that leaves nothing of what is to be searched.
    ///
    /// # Errors
    /// [`FilterError::NothingLeft`].
    pub fn check_search(
        &self,
        enterprises: &[GrandparentName],
        parents: &[ParentName],
    ) -> Result<(), FilterError> {
        let count = enterprises.len() + parents.len();
        let of_enterprises = enterprises.iter().all(|name| self.excludes(name));
        match of_enterprises && parents.iter().all(|name| self.excludes(name)) {
            true if count > 0 => Err(FilterError::NothingLeft { count }),
            _ => Ok(()),
        }
    }
}

/// Number of typing mistakes between two types.
fn distance(one: &str, other: &str) -> usize {
    let [one, other] = [one, other].map(|text| text.chars().take(64).collect::<String>());
    osa_distance(&one, &other)
}

/// True if the one may be a misspelt other: the case of letters is no mistake alone.
fn is_near(one: &str, other: &str) -> bool {
    distance(&one.to_lowercase(), &other.to_lowercase()) <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands() -> Services {
        Services::new([Service::DEFAULT])
    }

    #[test]
    fn a_list_is_excluded_alone_or_with_its_parent() {
        let service = Service::named("dataproc.v1").unwrap();
        let region = "//dataproc.googleapis.com/projects/p/regions/r";
        let jobs = format!("{region}/jobs");
        let parent = |text: &str| ParentName::parse(service, text).unwrap();
        let operation = |text: &str| OperationName::parse(service, text).unwrap();
        for (excluded, of_jobs, of_operations) in [
            (region, true, true),
            (&jobs, true, false),
            (&format!("{region}/jobs/2"), false, false),
            (
                "//dataproc.googleapis.com/projects/p/regions/q",
                false,
                false,
            ),
        ] {
            let mut filter = Filter::default();
            filter.exclude.insert(excluded.to_owned());
            for (list, expected) in [("jobs", of_jobs), ("operations", of_operations)] {
                let name = operation(&format!("projects/p/regions/r/{list}/1"));
                assert_eq!(filter.excludes(&name), expected, "{excluded} {list}");
                assert_eq!(
                    filter.excludes(&name.parent()),
                    expected,
                    "{excluded} {list}"
                );
            }
        }
        assert_eq!(
            operation("projects/p/regions/r/jobs/1").parent(),
            parent(&jobs)
        );
    }

    fn operation(id: &str, rest: &str) -> Operation {
        let name = format!("enterprises/e/devices/d/operations/{id}");
        let body = format!(r#"{{"name":"{name}"{rest}}}"#);
        let response = http::Response::new(body);
        Operation::read(name.parse().unwrap(), &response).unwrap()
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
            [&wipe, &lock, &unknown, &done]
                .map(|operation| filter.takes(operation, now, &mut Excluded::default()))
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

    #[test]
    fn fault_50_a_misspelt_type_is_refused_with_the_one_that_is_meant() {
        let mut filter = Filter::default();
        for known in KNOWN_TYPES {
            filter.add_type(&commands(), &known.to_lowercase()).unwrap();
        }
        assert_eq!(filter.types.len(), KNOWN_TYPES.len());
        for (text, meant) in [
            ("WIEP", Some("WIPE")),
            ("wipee", Some("WIPE")),
            ("RESET-PASSWORD", Some("RESET_PASSWORD")),
            ("BLOCK", Some("LOCK")),
            ("", None),
            ("DO_NEW_THINGS", None),
            ("ya29.secret", None),
        ] {
            let error = filter.add_type(&commands(), text).unwrap_err();
            assert_eq!(error, FilterError::Type { near: meant }, "{text}");
            let shown = error.to_string();
            assert!(
                shown.contains("LOCK, REBOOT") && shown.contains("unknown:TYPE"),
                "{shown}"
            );
            assert!(text.is_empty() || !shown.contains(text), "{shown}");
        }
        let mut filter = Filter::default();
        filter
            .add_type(&commands(), "unknown:do_new_things")
            .unwrap();
        assert!(filter.types.contains("DO_NEW_THINGS"));
        for text in ["unknown:", "unknown:a b", "unknown:\u{e9}"] {
            assert_eq!(
                filter.add_type(&commands(), text),
                Err(FilterError::Word),
                "{text}"
            );
        }
    }

    #[test]
    fn fault_50_ages_that_contradict_each_other_are_refused() {
        let hours = |hours: u64| Some(Duration::from_secs(3600 * hours));
        let mut filter = Filter::default();
        for (newer_than, older_than, good) in [
            (None, None, true),
            (hours(2), None, true),
            (None, hours(2), true),
            (hours(3), hours(2), true),
            (hours(2), hours(2), false),
            (hours(2), hours(3), false),
        ] {
            (filter.newer_than, filter.older_than) = (newer_than, older_than);
            assert_eq!(
                filter.check().is_ok(),
                good,
                "{newer_than:?} {older_than:?}"
            );
        }
        let error = filter.check().unwrap_err().to_string();
        assert!(
            error.contains("2 h 0 min") && error.contains("3 h 0 min"),
            "{error}"
        );
    }

    #[test]
    fn fault_50_what_is_left_out_is_counted_by_its_reason() {
        let now = Timestamp::from_unix_millis(1_000_000);
        let lock = r#","metadata":{"type":"LOCK","createTime":"1970-01-01T00:16:00Z"}"#;
        let wipe = |time: &str| {
            let metadata = r#"{"type":"WIPE","createTime":"1970-01-01T00:"#;
            format!(r#","metadata":{metadata}{time}Z"}}"#)
        };
        let mut filter = Filter::default();
        filter.add_type(&commands(), "WIPE").unwrap();
        filter.newer_than = Some(Duration::from_secs(400));
        filter.older_than = Some(Duration::from_secs(100));
        filter
            .exclude
            .insert("enterprises/e/devices/d/operations/9".to_owned());
        let mut excluded = Excluded::default();
        assert_eq!(excluded.sentence(&filter), None);
        let (old, new, good) = (wipe("05:00"), wipe("16:00"), wipe("12:00"));
        for (id, rest, taken) in [
            ("1", lock, false),
            ("2", lock, false),
            ("3", &old, false),
            ("4", &new, false),
            ("5", r#","done":true"#, false),
            ("6", &good, true),
            ("9", &good, false),
            ("7", &format!(r#"{good},"done":true"#), false),
            (
                "8",
                &format!(r#"{good},"done":true,"error":{{"code":1}}"#),
                false,
            ),
            // A done one that is not meant is none of them.
            ("10", &format!(r#"{lock},"done":true"#), false),
        ] {
            let operation = operation(id, rest);
            let before = excluded.count();
            assert_eq!(filter.takes(&operation, now, &mut excluded), taken, "{id}");
            assert_eq!(excluded.count() == before, taken, "{id}");
        }
        assert_eq!(
            excluded.sentence(&filter).unwrap(),
            "9 operations were seen and left out: 3 of type LOCK, 1 older than 6 min 40 s, \
             1 newer than 100 s, 1 excluded by name, 3 done already"
        );
        let done = excluded.already_done();
        assert_eq!(
            done.sentence().unwrap(),
            "3 more match and are done already, 2 of them completed: check their devices"
        );
        let named = ["5", "7"].map(|id| operation(id, "").name);
        assert_eq!(done.first, named);
        // A server that invents types does not fill the memory.
        for number in 0..1000 {
            let kind = format!(r#","metadata":{{"type":"T{number:03}"}}"#);
            filter.takes(&operation("1", &kind), now, &mut excluded);
        }
        assert!(excluded.types.len() <= TYPES);
        assert_eq!(excluded.count(), 1009);
        // Nor does a fleet that is done.
        for number in 0..1000 {
            let rest = format!(r#"{good},"done":true"#);
            filter.takes(&operation(&format!("5{number}"), &rest), now, &mut excluded);
        }
        let done = excluded.already_done();
        assert_eq!((done.completed, done.first.len()), (1002, 20));
        assert!(
            done.lines().ends_with("\n  and 982 more\n"),
            "{}",
            done.lines()
        );
    }

    #[test]
    fn what_may_be_excluded_by_another_spelling_is_refused() {
        let host = "//documentai.googleapis.com";
        let mut filter = Filter::default();
        let location = format!("{host}/projects/p/locations/us");
        let operation = format!("{location}/operations/7");
        for (below, of_location, of_operation) in [
            ("", true, true),
            ("/locations/us", true, true),
            ("/locations/us/operations/7", true, true),
            ("/locations/us/operations/8", true, false),
            ("/locations/eu/operations/7", false, false),
        ] {
            for (number, may_be) in [("90210", true), ("p", false), ("q", false)] {
                filter.exclude = [format!("{host}/projects/{number}{below}")].into();
                for (name, expected) in [(&location, of_location), (&operation, of_operation)] {
                    let refused = filter.check_excluded([&**name]).is_err();
                    assert_eq!(refused, expected && may_be, "{number}{below} {name}");
                }
            }
        }
        filter.exclude.clear();
        assert_eq!(filter.check_excluded([&*operation]), Ok(()));
    }

    #[test]
    fn a_filter_that_the_names_cannot_answer_is_refused() {
        let named = |id| Service::named(id).unwrap();
        let document_ai = named("documentai.v1");
        let mut filter = Filter::default();
        filter
            .add_type(&Services::new([document_ai]), "BatchProcessMetadata")
            .unwrap();
        assert!(filter.types.contains("BatchProcessMetadata"));
        for text in ["", " ", "a\nb"] {
            let refused = filter.add_type(&Services::new([document_ai]), text);
            assert_eq!(refused, Err(FilterError::Invisible), "{text:?}");
        }
        let checked = |filter: &Filter, id, text: &str| {
            let checked = filter.check_name(&ParentName::parse(named(id), text).unwrap());
            checked.map_err(|error| error.to_string())
        };
        let location = "projects/p/locations/l";
        let scan = "projects/p/locations/l/lakes/a/tasks/t/jobs";
        let jobs = "projects/p/regions/r/jobs";
        let age = Filter {
            older_than: Some(Duration::from_secs(60)),
            ..Filter::default()
        };
        let server = Filter {
            server_side: Some("done=false".parse().unwrap()),
            ..Filter::default()
        };
        for (filter, id, text, problem) in [
            (&filter, "cloudshell.v1", "", ""),
            (&age, "documentai.v1", location, ""),
            (
                &age,
                "cloudshell.v1",
                "",
                "named like operations/{operation=**} (cloudshell.v1) does not tell when",
            ),
            (&age, "batch.v1", "projects/p/locations/l/jobs", ""),
            (
                &age,
                "dataproc.v1",
                jobs,
                "regions/{region}/jobs/{job} (dataproc.v1) does not tell when",
            ),
            (&age, "dataproc.v1", "projects/p/regions/r", ""),
            (
                &filter,
                "dataproc.v1",
                jobs,
                "jobs/{job} (dataproc.v1) tells no type",
            ),
            (&server, "dataproc.v1", jobs, ""),
            (&server, "documentai.v1", location, ""),
            (&server, "dataplex.v1", location, ""),
            (
                &server,
                "dataplex.v1",
                scan,
                "takes no filter for the list of the operations of",
            ),
        ] {
            let told = checked(filter, id, text);
            let told = told.err().unwrap_or_default();
            assert_eq!(told.is_empty(), problem.is_empty(), "{id} {text}: {told}");
            assert!(told.contains(problem), "{id} {text}: {told}");
        }
    }
}
