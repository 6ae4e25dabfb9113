//! A service that a file describes: the JSON form of a [`Service`].

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::json::{Text, without_value};
use crate::operation_reader::{MetadataPaths, OperationReader};
use crate::resource_state::{Reading, ResourceState};
use crate::service::{GOOGLE, Ids, Level, NamePattern, RegionalHosts, Service};
use crate::services::table::{self, leaked};
use crate::shown::shown_excerpt;

/// The `schema` of the form.
const SCHEMA: &str = "countermand.service/1";

/// The largest file, in bytes.
const LONGEST: usize = 64 << 10;

/// Patterns of one service: their numbers are kept in a byte.
const PATTERNS: usize = 256;

/// Bytes of a host: with two slashes before it and one behind, they are counted in a byte.
const HOST: usize = 250;

/// Bytes of any other text.
const TEXT: usize = 500;

/// Services that files described, each with the text of its file.
static DESCRIBED: Mutex<Vec<(&'static str, &'static Service)>> = Mutex::new(Vec::new());

/// A text that describes no service: the field that is wrong, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFileError {
    field: String,
    reason: String,
}

impl ServiceFileError {
    fn new(field: &str, reason: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            reason: reason.into(),
        }
    }

    /// The path of the field, `names[0].pattern`; empty for the whole text.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The reason, in which a text that looks like a secret is not repeated.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for ServiceFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.reason),
            field => write!(f, "`{field}`: {}", self.reason),
        }
    }
}

impl std::error::Error for ServiceFileError {}

impl Service {
    /// Reads the description of a service that is not built in, in the JSON form that `Service` has in serde
    /// (`countermand.service/1`).
    ///
    /// From then on [`named`](Self::named) knows it, and full names with its host are read. It stays for as long as
    /// the process runs, so an id has one description: the same text gives the same service.
    ///
    /// A file can be wrong or written by others, so it is checked. All hosts are plain DNS names. Regional
    /// hosts and one for mutual TLS end in `.googleapis.com`, as the host then does as well.
    ///
    /// ```
    /// use countermand_core::{OperationName, Service};
    ///
    /// let service = Service::from_json(br#"{
    ///     "schema": "countermand.service/1",
    ///     "id": "private.v1",
    ///     "title": "A private API",
    ///     "host": "private.googleapis.com",
    ///     "names": [{"pattern": "projects/{project}/operations/{operation}"}]
    /// }"#)?;
    /// let name: OperationName = "//private.googleapis.com/projects/p/operations/1".parse()?;
    /// assert_eq!(name.service(), service);
    ///
    /// let error = Service::from_json(b"{}").unwrap_err();
    /// assert_eq!(error.to_string(), "`schema`: it is missing; expected \"countermand.service/1\"");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A field is missing, unknown or wrong, the id is built in, or this process has read another description
    /// of it.
    pub fn from_json(json: &[u8]) -> Result<&'static Self, ServiceFileError> {
        if json.len() > LONGEST {
            let reason = format!("it is longer than {LONGEST} bytes");
            return Err(ServiceFileError::new("", reason));
        }
        let Ok(text) = std::str::from_utf8(json) else {
            return Err(ServiceFileError::new("", "it is not UTF-8 text"));
        };
        if let Some((_, known)) = described().iter().find(|(read, _)| *read == text) {
            return Ok(known);
        }
        let draft = Draft::read(text)?;
        if table::row(&draft.id).is_some() {
            let reason = format!(
                "{} is built in, expected another id for another description",
                draft.id
            );
            return Err(ServiceFileError::new("id", reason));
        }
        // Held until it is in, so that two threads that read one file get one service.
        let mut described = described();
        if let Some((read, known)) = described.iter().find(|(_, known)| known.id == draft.id) {
            let reason = "this process has read another description of it, and names refer to that";
            return match *read == text {
                true => Ok(known),
                false => Err(ServiceFileError::new("id", reason)),
            };
        }
        let service = draft.leaked();
        described.push((leaked(text.to_owned()), service));
        Ok(service)
    }

    /// The text that it was [read from](Self::from_json); `None` if it is built in or written in code.
    #[must_use]
    pub fn json_text(&self) -> Option<&'static str> {
        let described = described();
        let own = described
            .iter()
            .find(|(_, known)| std::ptr::eq(*known, self));
        own.map(|(text, _)| *text)
    }
}

/// The list, also after a panic elsewhere: an entry of it is whole.
fn described() -> MutexGuard<'static, Vec<(&'static str, &'static Service)>> {
    DESCRIBED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The service of this id that a file described.
pub(crate) fn named(id: &str) -> Option<&'static Service> {
    let described = described();
    let mut services = described.iter().map(|(_, service)| *service);
    services.find(|service| service.id == id)
}

/// The service that a file described at a host in small letters.
pub(crate) fn at_host(host: &str) -> Option<&'static Service> {
    let described = described();
    let mut services = described.iter().map(|(_, service)| *service);
    services.find(|it| it.host == host || it.regional_hosts.iter().any(|hosts| hosts.has(host)))
}

/// The form that [`from_json`](Service::from_json) reads.
impl Serialize for Service {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Hosts {
            template: &'static str,
            locations: &'static [&'static str],
        }
        #[derive(Serialize)]
        struct Names {
            pattern: String,
            get: bool,
            list: bool,
            list_field: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            state: Option<&'static ResourceState>,
        }
        // A reader with a type of its own has the fields of the API.
        let typed = MetadataPaths {
            kind: &["type"],
            create_time: &["createTime"],
            cancel_asked: &[],
        };
        let paths = self.operation.paths().unwrap_or(&typed);
        let hosts = self.regional_hosts.iter().map(|hosts| Hosts {
            template: hosts.template,
            locations: hosts.locations,
        });
        let names = self.patterns.iter().map(|pattern| Names {
            pattern: pattern.to_string(),
            get: pattern.has_get,
            list: pattern.has_list,
            list_field: pattern.own_level().page_field,
            state: match pattern.reading {
                Reading::Operation => None,
                Reading::State(state) => Some(state),
            },
        });
        let method = if self.cancels_by_get { "GET" } else { "POST" };
        let mut form = serializer.serialize_struct("Service", 13)?;
        form.serialize_field("schema", SCHEMA)?;
        form.serialize_field("id", self.id)?;
        form.serialize_field("title", self.title)?;
        form.serialize_field("host", self.host)?;
        form.serialize_field("mtls_host", self.mtls_host)?;
        form.serialize_field("regional_hosts", &hosts.collect::<Vec<_>>())?;
        form.serialize_field("prefix", self.prefix)?;
        let scope = (!self.scope.is_empty()).then_some(self.scope);
        form.serialize_field("scope", &scope)?;
        form.serialize_field("cancel", &format!("{method} {}", self.cancel))?;
        form.serialize_field("names", &names.collect::<Vec<_>>())?;
        form.serialize_field("kind_paths", paths.kind)?;
        form.serialize_field("create_time_paths", paths.create_time)?;
        form.serialize_field("cancel_asked_paths", paths.cancel_asked)?;
        form.end()
    }
}

/// A checked description.
struct Draft {
    id: String,
    title: String,
    host: String,
    mtls_host: String,
    regional_hosts: Vec<(String, Vec<String>)>,
    prefix: String,
    scope: String,
    cancels_by_get: bool,
    cancel: String,
    names: Vec<Names>,
    kind: Vec<String>,
    create_time: Vec<String>,
    cancel_asked: Vec<String>,
}

struct Names {
    levels: Vec<DraftLevel>,
    has_get: bool,
    has_list: bool,
    list_field: String,
}

struct DraftLevel {
    collection: String,
    ids: DraftIds,
    noun: String,
}

enum DraftIds {
    Any,
    Rest,
    Only(String),
    None,
}

impl Draft {
    fn read(text: &str) -> Result<Self, ServiceFileError> {
        let mut fields = Fields::read("", text)?;
        match fields.text("schema")?.as_deref() {
            Some(SCHEMA) => {}
            Some(other) => {
                return Err(fields.error("schema", found(&format!("\"{SCHEMA}\""), other)));
            }
            None => {
                let reason = format!("it is missing; expected \"{SCHEMA}\"");
                return Err(fields.error("schema", reason));
            }
        }
        let id = fields.checked("id", "a name and a version such as speech.v1", is_id)?;
        let id = fields.given("id", id)?;
        let expected = "a text for people, without control characters";
        let title = fields.checked("title", expected, is_title)?;
        let title = fields.given("title", title)?;
        let host = fields.text("host")?;
        let host = fields.given("host", host)?;
        check_host(&host).map_err(|reason| fields.error("host", reason))?;
        let mtls_host = mtls_host(&mut fields, &host)?;
        let regional_hosts = regional_hosts(&mut fields, &host)?;
        let expected = "a path such as /v1, or an empty text";
        let prefix = fields.checked("prefix", expected, is_prefix)?;
        let scope = fields.checked("scope", "an OAuth scope", is_scope)?;
        let expected = "POST or GET, a space, and :cancel or /cancel";
        let cancel = fields.checked("cancel", expected, |text| split_cancel(text).is_some())?;
        let cancel = cancel.as_deref().and_then(split_cancel);
        let (method, cancel) = cancel.unwrap_or(("POST", ":cancel"));
        let cancel = cancel.to_owned();
        let draft = Self {
            title,
            mtls_host,
            regional_hosts,
            prefix: prefix.unwrap_or_else(|| version_path(&id)),
            scope: scope.unwrap_or_default(),
            cancels_by_get: method == "GET",
            cancel,
            names: names(&mut fields)?,
            kind: fields
                .paths("kind_paths")?
                .unwrap_or_else(|| vec!["verb".to_owned()]),
            create_time: fields.paths("create_time_paths")?.unwrap_or_default(),
            cancel_asked: fields.paths("cancel_asked_paths")?.unwrap_or_default(),
            id,
            host,
        };
        fields.end()?;
        Ok(draft)
    }

    fn leaked(self) -> &'static Service {
        let hosts = self.regional_hosts.into_iter();
        let hosts = hosts.map(|(template, locations)| RegionalHosts {
            template: leaked(template),
            locations: all_leaked(locations),
        });
        let patterns = self.names.into_iter().map(Names::leaked);
        Box::leak(Box::new(Service {
            id: leaked(self.id),
            title: leaked(self.title),
            host: leaked(self.host),
            mtls_host: leaked(self.mtls_host),
            regional_hosts: hosts.collect::<Vec<_>>().leak(),
            prefix: leaked(self.prefix),
            scope: leaked(self.scope),
            patterns: patterns.collect::<Vec<_>>().leak(),
            cancel: leaked(self.cancel),
            cancels_by_get: self.cancels_by_get,
            operation: OperationReader::at(MetadataPaths {
                kind: all_leaked(self.kind),
                create_time: all_leaked(self.create_time),
                cancel_asked: all_leaked(self.cancel_asked),
            }),
            ..table::OF_THE_CONTRACT
        }))
    }
}

impl Names {
    fn leaked(self) -> NamePattern {
        let levels = self.levels.into_iter().map(|level| Level {
            ids: match level.ids {
                DraftIds::Any => Ids::Any,
                DraftIds::Rest => Ids::Rest,
                DraftIds::Only(id) => Ids::Only(leaked(id)),
                DraftIds::None => Ids::None,
            },
            ..Level::new(leaked(level.collection), leaked(level.noun))
        });
        let mut levels: Vec<_> = levels.collect();
        if let Some(operations) = levels.last_mut() {
            operations.page_field = leaked(self.list_field);
            operations.fields = table::OPERATION_FIELDS;
        }
        NamePattern {
            levels: levels.leak(),
            has_get: self.has_get,
            has_list: self.has_list,
            reading: Reading::Operation,
        }
    }
}

fn all_leaked(texts: Vec<String>) -> &'static [&'static str] {
    texts.into_iter().map(leaked).collect::<Vec<_>>().leak()
}

fn mtls_host(fields: &mut Fields<'_>, host: &str) -> Result<String, ServiceFileError> {
    let Some(given) = fields.text("mtls_host")? else {
        return Ok(match host.strip_suffix(GOOGLE) {
            Some(label) => format!("{label}.mtls{GOOGLE}"),
            None => host.to_owned(),
        });
    };
    check_host(&given).map_err(|reason| fields.error("mtls_host", reason))?;
    match given == host || is_googles(&given) && is_googles(host) {
        true => Ok(given),
        false => Err(fields.error("mtls_host", beside_other_host(&given, host))),
    }
}

fn regional_hosts(
    fields: &mut Fields<'_>,
    host: &str,
) -> Result<Vec<(String, Vec<String>)>, ServiceFileError> {
    let mut all = Vec::new();
    for mut hosts in fields.objects("regional_hosts")?.unwrap_or_default() {
        let template = hosts.text("template")?;
        let template = hosts.given("template", template)?;
        let wrong = match template.matches("{location}").count() {
            1 => check_host(&template.replace("{location}", "l")).err(),
            _ => Some(found(
                "a host with {location} in place of the location",
                &template,
            )),
        };
        if let Some(reason) = wrong {
            return Err(hosts.error("template", reason));
        }
        if !is_googles(&template) || !is_googles(host) {
            return Err(hosts.error("template", beside_other_host(&template, host)));
        }
        let locations = hosts.texts("locations")?;
        let locations = hosts.given("locations", locations)?;
        if let Some(wrong) = locations.iter().find(|location| !is_label(location)) {
            let expected = "locations such as europe-west4";
            return Err(hosts.error("locations", found(expected, wrong)));
        }
        hosts.end()?;
        all.push((template, locations));
    }
    Ok(all)
}

/// Tokens of a service go to all of its hosts, so another host than Google's stands alone, where people see it.
fn beside_other_host(given: &str, host: &str) -> String {
    format!(
        "{given} and {host} do not both end in {GOOGLE}: an API elsewhere has one host, without regional ones"
    )
}

fn names(fields: &mut Fields<'_>) -> Result<Vec<Names>, ServiceFileError> {
    let given = fields.objects("names")?;
    let given = fields.given("names", given)?;
    if given.is_empty() || given.len() > PATTERNS {
        let reason = format!("expected 1 to {PATTERNS} patterns, found {}", given.len());
        return Err(fields.error("names", reason));
    }
    let mut patterns: Vec<String> = Vec::new();
    let mut all = Vec::new();
    for mut names in given {
        let pattern = names.text("pattern")?;
        let pattern = names.given("pattern", pattern)?;
        let levels = levels(&pattern).map_err(|reason| names.error("pattern", reason))?;
        if patterns.contains(&pattern) {
            return Err(names.error("pattern", "it is there twice"));
        }
        patterns.push(pattern);
        let list_field = names.checked("list_field", "a field such as operations", is_field)?;
        all.push(Names {
            levels,
            has_get: names.flag("get")?.unwrap_or(true),
            has_list: names.flag("list")?.unwrap_or(true),
            list_field: list_field.unwrap_or_else(|| "operations".to_owned()),
        });
        names.end()?;
    }
    Ok(all)
}

/// The levels of a pattern such as `projects/{project}/operations/{operation}`.
fn levels(pattern: &str) -> Result<Vec<DraftLevel>, String> {
    let expected = "segments such as projects/{project}/operations/{operation}";
    let mut levels = Vec::new();
    let mut segments = pattern.split('/').peekable();
    while let Some(collection) = segments.next() {
        if !is_word(collection) && collection != "*" {
            return Err(found(expected, pattern));
        }
        let mut level = DraftLevel {
            collection: collection.to_owned(),
            ids: DraftIds::None,
            noun: collection.to_owned(),
        };
        let Some(id) = segments.peek().copied() else {
            return Err(format!(
                "expected an id such as {{operation}} behind \"{}\", found the end",
                shown_excerpt(collection, 80)
            ));
        };
        if let Some(noun) = braced(id) {
            segments.next();
            let (noun, rest) = match noun.strip_suffix("=**") {
                Some(noun) => (noun, true),
                None => (noun, false),
            };
            if !is_word(noun) {
                return Err(found(expected, pattern));
            }
            if rest && segments.peek().is_some() {
                return Err("nothing can stand behind an id of several segments".to_owned());
            }
            level.ids = if rest { DraftIds::Rest } else { DraftIds::Any };
            level.noun = noun.to_owned();
        } else {
            // A word that has an id behind it is a collection.
            let mut behind = segments.clone().skip(1);
            if behind.next().is_none_or(|it| braced(it).is_none()) && is_word(id) {
                segments.next();
                level.ids = DraftIds::Only(id.to_owned());
            }
        }
        levels.push(level);
    }
    let is_id = |level: &DraftLevel| matches!(level.ids, DraftIds::Any | DraftIds::Rest);
    match levels.last().is_some_and(is_id) {
        true if levels.last().is_some_and(|level| level.collection == "*") => {
            Err("the collection of the operations has a name".to_owned())
        }
        true => Ok(levels),
        false => Err(found("an id such as {operation} at the end", pattern)),
    }
}

fn braced(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// Refuses a text that is no DNS name, with its fault.
fn check_host(host: &str) -> Result<(), String> {
    let expected = "expected a DNS name such as speech.googleapis.com";
    let has = |part: &str| Err(format!("{expected}, found {part}"));
    match host {
        _ if host.contains("://") => has("a URL with a scheme"),
        _ if host.contains('@') => has("user information before an @"),
        _ if host.contains(['/', '?', '#']) => has("a path behind the host"),
        _ if host.contains(':') => has("a port, or an address"),
        _ if host.len() > HOST => has(&format!("more than {HOST} bytes")),
        _ if host.bytes().any(|byte| byte.is_ascii_uppercase()) => has("capital letters"),
        _ => {
            let labels = || host.split('.');
            let number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
            match labels().count() > 1
                && labels().all(is_label)
                && !labels().next_back().is_some_and(number)
            {
                true => Ok(()),
                false => has(&format!("\"{}\"", shown_excerpt(host, 80))),
            }
        }
    }
}

fn is_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(plain)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_googles(host: &str) -> bool {
    host.ends_with(GOOGLE)
}

fn is_id(id: &str) -> bool {
    let plain = |text: &str| {
        let mut bytes = text.bytes();
        !text.is_empty() && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let parts = id.split_once(".v");
    id.len() <= 80 && parts.is_some_and(|(api, version)| plain(api) && plain(version))
}

/// The path of the version in an id: `/v1`.
fn version_path(id: &str) -> String {
    let version = id.split_once('.').map_or("", |(_, version)| version);
    format!("/{version}")
}

fn is_title(title: &str) -> bool {
    !title.trim().is_empty() && crate::printable::printable(title) == title
}

fn is_prefix(prefix: &str) -> bool {
    let plain = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
    let segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.chars().all(plain);
    let path = prefix.strip_prefix('/');
    prefix.is_empty() || path.is_some_and(|path| path.split('/').all(segment))
}

/// The tokens of RFC 6749, 3.3, one of them.
fn is_scope(scope: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    !scope.is_empty() && scope.bytes().all(plain)
}

fn split_cancel(text: &str) -> Option<(&str, &str)> {
    let (method, suffix) = text.split_once(' ')?;
    let known = matches!(method, "POST" | "GET") && matches!(suffix, ":cancel" | "/cancel");
    known.then_some((method, suffix))
}

fn is_word(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    word.starts_with(|char: char| char.is_ascii_alphabetic()) && word.bytes().all(plain)
}

fn is_field(field: &str) -> bool {
    is_word(field.strip_prefix('@').unwrap_or(field))
}

/// "expected X, found Y".
fn found(expected: &str, given: &str) -> String {
    format!(
        "expected {expected}, found \"{}\"",
        shown_excerpt(given, 80)
    )
}

/// The fields of an object that are not read yet.
struct Fields<'a> {
    place: String,
    left: Vec<(String, &'a RawValue)>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    fn read(place: &str, json: &'a str) -> Result<Self, ServiceFileError> {
        let Entries(left) = parsed(place, json)?;
        for (at, (field, _)) in left.iter().enumerate() {
            if left[..at].iter().any(|(other, _)| other == field) {
                let field = shown_excerpt(field, 80);
                return Err(ServiceFileError::new(
                    &path_of(place, &field),
                    "it is there twice",
                ));
            }
        }
        Ok(Self {
            place: place.to_owned(),
            left,
            known: Vec::new(),
        })
    }

    /// The value of a field; null is as good as absent.
    fn take(&mut self, field: &'static str) -> Option<&'a str> {
        self.known.push(field);
        let at = self.left.iter().position(|(name, _)| name == field)?;
        let json = self.left.swap_remove(at).1.get();
        (json != "null").then_some(json)
    }

    fn error(&self, field: &str, reason: impl Into<String>) -> ServiceFileError {
        ServiceFileError::new(&path_of(&self.place, field), reason)
    }

    fn given<T>(&self, field: &str, value: Option<T>) -> Result<T, ServiceFileError> {
        value.ok_or_else(|| self.error(field, "it is missing"))
    }

    fn text(&mut self, field: &'static str) -> Result<Option<String>, ServiceFileError> {
        let json = self.take(field);
        let place = path_of(&self.place, field);
        json.map(|json| text_at(&place, json)).transpose()
    }

    /// A text of which `is` holds.
    fn checked(
        &mut self,
        field: &'static str,
        expected: &str,
        is: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, ServiceFileError> {
        match self.text(field)? {
            Some(text) if !is(&text) => Err(self.error(field, found(expected, &text))),
            text => Ok(text),
        }
    }

    fn flag(&mut self, field: &'static str) -> Result<Option<bool>, ServiceFileError> {
        match self.take(field) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(json) => {
                let reason = format!("expected true or false, found {}", kind(json));
                Err(self.error(field, reason))
            }
        }
    }

    /// A list, each value with its place.
    fn list(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Vec<(String, &'a str)>>, ServiceFileError> {
        let Some(json) = self.take(field) else {
            return Ok(None);
        };
        let place = path_of(&self.place, field);
        if !json.starts_with('[') {
            let reason = format!("expected a list, found {}", kind(json));
            return Err(ServiceFileError::new(&place, reason));
        }
        let values: Vec<&RawValue> = parsed(&place, json)?;
        let values = values.into_iter().enumerate();
        let values = values.map(|(at, value)| (format!("{place}[{at}]"), value.get()));
        Ok(Some(values.collect()))
    }

    fn texts(&mut self, field: &'static str) -> Result<Option<Vec<String>>, ServiceFileError> {
        let Some(values) = self.list(field)? else {
            return Ok(None);
        };
        let texts = values.iter().map(|(place, json)| text_at(place, json));
        texts.collect::<Result<_, _>>().map(Some)
    }

    fn objects(&mut self, field: &'static str) -> Result<Option<Vec<Self>>, ServiceFileError> {
        let Some(values) = self.list(field)? else {
            return Ok(None);
        };
        let objects = values.iter().map(|(place, json)| Self::read(place, json));
        objects.collect::<Result<_, _>>().map(Some)
    }

    /// Paths of fields, `genericMetadata.createTime`.
    fn paths(&mut self, field: &'static str) -> Result<Option<Vec<String>>, ServiceFileError> {
        let paths = self.texts(field)?;
        let is_path = |path: &String| path.split('.').all(is_field);
        match paths.iter().flatten().find(|path| !is_path(path)) {
            Some(wrong) => {
                let expected = "paths of fields such as genericMetadata.createTime";
                Err(self.error(field, found(expected, wrong)))
            }
            None => Ok(paths),
        }
    }

    /// Refuses what was not asked for.
    fn end(self) -> Result<(), ServiceFileError> {
        let Some((unknown, _)) = self.left.first() else {
            return Ok(());
        };
        let reason = format!(
            "there is no such field here; the fields are {}",
            self.known.join(", ")
        );
        Err(self.error(&shown_excerpt(unknown, 80), reason))
    }
}

fn path_of(place: &str, field: &str) -> String {
    match place {
        "" => field.to_owned(),
        place => format!("{place}.{field}"),
    }
}

fn parsed<'a, T: Deserialize<'a>>(place: &str, json: &'a str) -> Result<T, ServiceFileError> {
    serde_json::from_str(json).map_err(|error| {
        let reason = match json.trim_start().as_bytes().first() {
            Some(b'{' | b'[') | None => {
                format!("it is not JSON: {}", without_value(&error.to_string()))
            }
            Some(_) => format!("expected an object, found {}", kind(json)),
        };
        ServiceFileError::new(place, reason)
    })
}

fn text_at(place: &str, json: &str) -> Result<String, ServiceFileError> {
    let refuse = |reason: String| Err(ServiceFileError::new(place, reason));
    match serde_json::from_str::<Text<'_>>(json).map(Text::into_string) {
        Ok(text) if text.len() > TEXT => refuse(format!("it is longer than {TEXT} bytes")),
        Ok(text) => Ok(text),
        Err(_) => refuse(format!("expected a text, found {}", kind(json))),
    }
}

/// The kind of a JSON value, for people.
fn kind(json: &str) -> &'static str {
    match json.trim_start().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a text that is not Unicode, or in the wrong place",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// The fields of an object, in their order.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(field) = map.next_key::<Text<'de>>()? {
                    entries.push((field.into_string(), map.next_value()?));
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_map(Map).map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::name::OperationName;

    /// A description with all that one can have.
    fn full(id: &str) -> Value {
        json!({
            "schema": SCHEMA,
            "id": id,
            "title": "A private API",
            "host": "private.googleapis.com",
            "mtls_host": "private.mtls.googleapis.com",
            "regional_hosts": [
                {"template": "{location}-private.googleapis.com", "locations": ["us", "europe-west4"]},
            ],
            "prefix": "/private/v1",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "cancel": "POST :cancel",
            "names": [
                {
                    "pattern": "projects/{project}/operations/{operation=**}",
                    "get": true,
                    "list": false,
                    "list_field": "items",
                },
            ],
            "kind_paths": ["kind"],
            "create_time_paths": ["common.createTime"],
            "cancel_asked_paths": ["cancelRequested"],
        })
    }

    fn read(value: &Value) -> Result<&'static Service, String> {
        Service::from_json(value.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_form_that_is_written_is_the_form_that_is_read() {
        let value = full("private.v1");
        let service = read(&value).unwrap();
        assert_eq!(serde_json::to_value(service).unwrap(), value);
        // A field that is left out has a value.
        let short = json!({
            "schema": SCHEMA,
            "id": "short.v2",
            "title": "t",
            "host": "short.googleapis.com",
            "scope": null,
            "names": [{"pattern": "operations/{operation}"}],
        });
        let service = read(&short).unwrap();
        let mut value = serde_json::to_value(service).unwrap();
        for (field, default) in [
            ("mtls_host", json!("short.mtls.googleapis.com")),
            ("prefix", json!("/v2")),
            ("regional_hosts", json!([])),
            ("cancel", json!("POST :cancel")),
            ("kind_paths", json!(["verb"])),
            ("create_time_paths", json!([])),
            ("cancel_asked_paths", json!([])),
        ] {
            let object = value.as_object_mut().unwrap();
            assert_eq!(object.remove(field), Some(default), "{field}");
        }
        let own = json!({"pattern": "operations/{operation}", "get": true, "list": true, "list_field": "operations"});
        assert_eq!(value["names"], json!([own]));
        assert_eq!(service.quota, &[(600, 60)]);
    }

    /// Each row of the table, written, read under another id, and compared.
    #[test]
    fn every_service_that_is_built_in_can_be_described() {
        for service in Service::ids().filter_map(Service::named) {
            let mut value = serde_json::to_value(service).unwrap();
            let refused = read(&value).unwrap_err();
            let is_operation = |it: &NamePattern| it.reading == Reading::Operation;
            if !service.patterns.iter().all(is_operation) {
                // A file has no field for a state: it is refused, and nothing is read as something else.
                assert!(
                    refused.contains(".state`") || refused.contains("longer than"),
                    "{refused}"
                );
                continue;
            }
            assert!(refused.starts_with("`id`: "), "{refused}");
            assert!(refused.contains("is built in"), "{refused}");
            value["id"] = json!(service.id.replace(".v", "copy.v"));
            if value.to_string().len() > LONGEST {
                continue;
            }
            let copy = read(&value).unwrap_or_else(|error| panic!("{}: {error}", service.id));
            assert_eq!(serde_json::to_value(copy).unwrap(), value);
            let usual = |pattern: &NamePattern| {
                let levels = pattern.levels.iter();
                let levels = levels.map(|level| (level.collection, level.ids));
                levels.collect::<Vec<_>>()
            };
            if service.id != Service::DEFAULT.id {
                let levels =
                    |service: &Service| service.patterns.iter().map(usual).collect::<Vec<_>>();
                assert_eq!(levels(copy), levels(service), "{}", service.id);
                assert_eq!(copy.operation.paths(), service.operation.paths());
            }
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_field_and_its_reason() {
        let name = json!({"pattern": "operations/{operation}"});
        for (path, value, text) in [
            (
                "/schema",
                json!("countermand.service/2"),
                "`schema`: expected \"countermand.service/1\", found \"countermand.service/2\"",
            ),
            (
                "/id",
                json!("private"),
                "`id`: expected a name and a version such as speech.v1, found \"private\"",
            ),
            (
                "/id",
                json!("documentai.v1"),
                "`id`: documentai.v1 is built in",
            ),
            (
                "/id",
                json!("androidmanagement.v1"),
                "`id`: androidmanagement.v1 is built in",
            ),
            ("/id", json!(7), "`id`: expected a text, found a number"),
            (
                "/title",
                json!("a\u{1b}[31m"),
                "`title`: expected a text for people",
            ),
            (
                "/title",
                json!("x".repeat(501)),
                "`title`: it is longer than 500 bytes",
            ),
            ("/host", Value::Null, "`host`: it is missing"),
            (
                "/host",
                json!("https://x.googleapis.com"),
                "`host`: expected a DNS name such as speech.googleapis.com, found a URL with a scheme",
            ),
            ("/host", json!("a@x.googleapis.com"), "user information"),
            ("/host", json!("x.googleapis.com:443"), "a port"),
            ("/host", json!("[::1]"), "a port, or an address"),
            ("/host", json!("127.0.0.1"), "found \"127.0.0.1\""),
            (
                "/host",
                json!("x.googleapis.com/v1"),
                "a path behind the host",
            ),
            (
                "/host",
                json!("x.googleapis.com#"),
                "a path behind the host",
            ),
            ("/host", json!("X.googleapis.com"), "capital letters"),
            ("/host", json!("localhost"), "found \"localhost\""),
            ("/host", json!("x..googleapis.com"), "expected a DNS name"),
            ("/host", json!("x.googleapis.com."), "expected a DNS name"),
            (
                "/host",
                json!(format!("{}com", "a.".repeat(200))),
                "more than 250 bytes",
            ),
            (
                "/mtls_host",
                json!("evil.example"),
                "`mtls_host`: evil.example and private.googleapis.com do not both end in .googleapis.com",
            ),
            (
                "/mtls_host",
                json!("private.googleapis.com.evil.example"),
                "do not both end",
            ),
            (
                "/host",
                json!("private.example"),
                "`mtls_host`: private.mtls.googleapis.com and private.example do not both end",
            ),
            (
                "/regional_hosts/0/template",
                json!("{location}.evil.example"),
                "`regional_hosts[0].template`: {location}.evil.example and private.googleapis.com do not",
            ),
            (
                "/regional_hosts/0/template",
                json!("us.googleapis.com"),
                "with {location} in place",
            ),
            (
                "/regional_hosts/0/template",
                json!("{location}:80.googleapis.com"),
                "a port",
            ),
            (
                "/regional_hosts/0/locations",
                json!(["us", "evil.example/"]),
                "`regional_hosts[0].locations`: expected locations such as europe-west4, found \"evil.example/\"",
            ),
            (
                "/regional_hosts",
                json!({}),
                "`regional_hosts`: expected a list, found an object",
            ),
            ("/regional_hosts/0", json!([]), "`regional_hosts[0]`: "),
            (
                "/prefix",
                json!("v1"),
                "`prefix`: expected a path such as /v1",
            ),
            ("/prefix", json!("/v1/../v2"), "`prefix`: "),
            ("/prefix", json!("/v1?x="), "`prefix`: "),
            (
                "/scope",
                json!("two scopes"),
                "`scope`: expected an OAuth scope",
            ),
            (
                "/cancel",
                json!("POST :delete"),
                "`cancel`: expected POST or GET, a space, and :cancel or /cancel, found \"POST :delete\"",
            ),
            (
                "/names",
                json!([]),
                "`names`: expected 1 to 256 patterns, found 0",
            ),
            (
                "/names",
                json!([name, name]),
                "`names[1].pattern`: it is there twice",
            ),
            (
                "/names/0/pattern",
                json!("projects"),
                "`names[0].pattern`: expected an id such as {operation} behind \"projects\", found the end",
            ),
            (
                "/names/0/pattern",
                json!("projects/global"),
                "an id such as {operation} at the end",
            ),
            (
                "/names/0/pattern",
                json!("{project}/operations/{o}"),
                "segments such as",
            ),
            (
                "/names/0/pattern",
                json!("p/{a=**}/operations/{o}"),
                "nothing can stand behind",
            ),
            ("/names/0/pattern", json!("*/{o}"), "has a name"),
            (
                "/names/0/pattern",
                json!("/operations/{o}"),
                "segments such as",
            ),
            (
                "/names/0/pattern",
                json!("operations/{}"),
                "segments such as",
            ),
            (
                "/names/0/get",
                json!("yes"),
                "`names[0].get`: expected true or false, found a text",
            ),
            (
                "/names/0/list_field",
                json!("a,b(c"),
                "`names[0].list_field`: ",
            ),
            (
                "/names/0/lists",
                json!(true),
                "`names[0].lists`: there is no such field here; the fields are pattern, list_field, get, list",
            ),
            (
                "/hosts",
                json!([]),
                "`hosts`: there is no such field here; the fields are schema, id, title",
            ),
            (
                "/create_time_paths",
                json!(["a..b"]),
                "`create_time_paths`: expected paths of fields",
            ),
            (
                "/kind_paths/0",
                json!({}),
                "`kind_paths[0]`: expected a text, found an object",
            ),
        ] {
            let mut wrong = full("mistaken.v1");
            let (above, field) = path.rsplit_once('/').unwrap();
            match wrong.pointer_mut(path) {
                Some(place) => *place = value,
                None => {
                    let above = wrong.pointer_mut(above).unwrap();
                    above
                        .as_object_mut()
                        .unwrap()
                        .insert(field.to_owned(), value);
                }
            }
            let error = read(&wrong).unwrap_err();
            assert!(error.contains(text), "{path}: {error}");
        }
        assert!(Service::named("mistaken.v1").is_none());
    }

    #[test]
    fn what_is_no_object_of_json_is_refused() {
        let secret = r#"{"schema": "countermand.service/1", "id": "ya29.a0AfB_byC"}"#;
        let twice = r#"{"id": "a.v1", "id": "a.v1"}"#;
        let long = format!("{{{}}}", " ".repeat(LONGEST));
        let deep = format!(
            "{{\"names\":{}1{}}}",
            "[".repeat(20_000),
            "]".repeat(20_000)
        );
        for (bytes, text) in [
            (&b""[..], "it is not JSON: EOF while parsing"),
            (b"\xff{}", "it is not UTF-8 text"),
            (b"7", "expected an object, found a number"),
            (
                b"{\"id\": }",
                "it is not JSON: expected value at line 1 column 8",
            ),
            (b"{} {}", "it is not JSON: trailing characters"),
            (twice.as_bytes(), "`id`: it is there twice"),
            (secret.as_bytes(), "that looks like an access token"),
            (long.as_bytes(), "it is longer than 65536 bytes"),
            (deep.as_bytes(), "`schema`: it is missing"),
        ] {
            let error = Service::from_json(bytes).unwrap_err().to_string();
            assert!(error.starts_with(text) || error.contains(text), "{error}");
        }
    }

    #[test]
    fn an_id_has_one_description() {
        let value = full("once.v1");
        let service = read(&value).unwrap();
        assert!(std::ptr::eq(service, read(&value).unwrap()));
        assert_eq!(service.json_text(), Some(value.to_string().as_str()));
        assert!(std::ptr::eq(service, Service::named("once.v1").unwrap()));
        assert_eq!(Service::DEFAULT.json_text(), None);
        let mut other = value;
        other["prefix"] = json!("/v2");
        let error = read(&other).unwrap_err();
        assert!(error.contains("another description"), "{error}");
    }

    #[test]
    fn a_full_name_with_its_host_is_one_of_it() {
        let mut value = full("elsewhere.v1");
        value["host"] = json!("api.elsewhere.example");
        value["regional_hosts"] = json!([]);
        value.as_object_mut().unwrap().remove("mtls_host");
        let service = read(&value).unwrap();
        assert!(!service.is_googles() && service.mtls_host == service.host);
        let text = "//api.elsewhere.example/projects/p/operations/a/b";
        let name: OperationName = text.parse().unwrap();
        assert_eq!(
            (name.service(), name.as_str(), name.id()),
            (service, text, "a/b")
        );
        assert!(
            service
                .endpoint()
                .regional("projects/p/locations/us/operations/1")
                .is_none()
        );
    }

    proptest! {
        /// No text panics, and what is read has names, hosts and URLs.
        #[test]
        fn no_text_panics(
            at in 0_usize..2000,
            bytes in proptest::collection::vec(any::<u8>(), 0..6),
            cut in any::<bool>(),
        ) {
            let mut text = full("fuzzed.v1").to_string().into_bytes();
            let at = at % text.len();
            let end = if cut { text.len() } else { (at + bytes.len()).min(text.len()) };
            text.splice(at..end, bytes);
            if let Ok(draft) = std::str::from_utf8(&text).map_err(|_| ()).and_then(|text| Draft::read(text).map_err(|_| ())) {
                // Not kept: each would stay for as long as the process runs.
                check_host(&draft.host).unwrap();
                check_host(&draft.mtls_host).unwrap();
                prop_assert!(!draft.names.is_empty());
                prop_assert_eq!(is_googles(&draft.host), is_googles(&draft.mtls_host));
            }
        }
    }
}
