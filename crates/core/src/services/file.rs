//! A service that a file describes: the JSON form of a [`Service`].

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::operation_reader::{MetadataPaths, OperationReader};
use crate::resource_state::Reading;
use crate::service::{CancelMethod, GOOGLE, Ids, Level, NamePattern, RegionalHosts, Service};
use crate::services::fields::{Fields, ServiceFileError, found, is_field, is_word};
use crate::services::state_form::StateForm;
use crate::services::table::{self, all_leaked, leaked};
use crate::shown::{looks_secret, shown_excerpt};

/// The `schema` of the form.
const SCHEMA: &str = "countermand.service/1";

/// The largest file, in bytes.
const LONGEST: usize = 64 << 10;

/// Patterns of one service: their numbers are kept in a byte.
const PATTERNS: usize = 256;

/// Bytes of a host: with two slashes before it and one behind, they are counted in a byte.
const HOST: usize = 250;

/// Services that files described, each with the text of its file.
static DESCRIBED: Mutex<Vec<(&'static str, &'static Service)>> = Mutex::new(Vec::new());

impl Service {
    /// Reads the description of a service that is not built in, in the JSON form that `Service` has in serde
    /// (`countermand.service/1`).
    ///
    /// From then on [`named`](Self::named) knows it, and full names with its host are read. It stays for as long as
    /// the process runs, so an id has one description: a text of the same meaning gives the same service.
    ///
    /// A file can be wrong or written by others, so it is checked. All hosts are plain DNS names. Regional
    /// hosts and one for mutual TLS end in `.googleapis.com`, as the host then does as well. A host has the
    /// versions of one API: at the host of a service that is built in, a file describes another version of it.
    /// A full name is of a version that is built in, if its patterns hold it.
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
    /// A field is missing, unknown or wrong, the id is built in, this process has read another description
    /// of it, or a host is one of another API.
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
            // Compared by meaning: an editor may have put the lines in another way.
            if Draft::read(read).is_ok_and(|other| other == draft) {
                return Ok(known);
            }
            let reason = "this process has read another description of it, and names refer to that; a new \
                          process takes this one";
            return Err(ServiceFileError::new("id", reason));
        }
        draft.check_api(described.iter().map(|(_, known)| *known))?;
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

/// The versions of an API that files described.
pub(crate) fn of_api(api: &str) -> Vec<&'static Service> {
    let described = described();
    let services = described.iter().map(|(_, service)| *service);
    services
        .filter(|service| api_of(service.id) == api)
        .collect()
}

/// The services that files described at a host in small letters: versions of one API.
pub(crate) fn at_host(host: &str) -> Vec<&'static Service> {
    let described = described();
    let services = described.iter().map(|(_, service)| *service);
    services.filter(|service| is_at(service, host)).collect()
}

fn is_at(service: &Service, host: &str) -> bool {
    let mut regional = service.regional_hosts.iter();
    [service.host, service.mtls_host].contains(&host) || regional.any(|hosts| hosts.has(host))
}

/// True if each name of one pattern is a name of another one.
fn covers(pattern: &str, other: &str) -> bool {
    let is_rest = |segment: &str| braced(segment).is_some_and(|noun| noun.ends_with("=**"));
    let mut segments = other.split('/');
    for own in pattern.split('/') {
        match segments.next() {
            None | Some("") => return false,
            Some(_) if is_rest(own) => return true,
            Some(segment) if braced(own).is_some() && !is_rest(segment) => {}
            Some(segment) if segment == own => {}
            Some(_) => return false,
        }
    }
    segments.next().is_none()
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
            filter: bool,
            list_field: &'static str,
            #[serde(skip_serializing_if = "str::is_empty")]
            unreachable_field: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            query_parameter: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            state: Option<StateForm>,
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
            filter: pattern.has_filter,
            list_field: pattern.own_level().page_field,
            unreachable_field: pattern.own_level().unreachable,
            query_parameter: pattern.query_level.map(|level| pattern.levels[level].noun),
            state: match pattern.reading {
                Reading::Operation => None,
                Reading::State(state) => Some(StateForm::of(state)),
            },
        });
        let mut form = serializer.serialize_struct("Service", 14)?;
        form.serialize_field("schema", SCHEMA)?;
        form.serialize_field("id", self.id)?;
        form.serialize_field("title", self.title)?;
        form.serialize_field("host", self.host)?;
        form.serialize_field("mtls_host", self.mtls_host)?;
        form.serialize_field("regional_hosts", &hosts.collect::<Vec<_>>())?;
        form.serialize_field("prefix", self.prefix)?;
        let scope = (!self.scope.is_empty()).then_some(self.scope);
        form.serialize_field("scope", &scope)?;
        form.serialize_field("cancel", &self.cancel.to_string())?;
        if self.list_query != table::LIST_QUERY {
            form.serialize_field("list_query", self.list_query)?;
        }
        form.serialize_field("names", &names.collect::<Vec<_>>())?;
        form.serialize_field("kind_paths", paths.kind)?;
        form.serialize_field("create_time_paths", paths.create_time)?;
        form.serialize_field("cancel_asked_paths", paths.cancel_asked)?;
        form.end()
    }
}

/// A checked description.
#[derive(PartialEq)]
struct Draft {
    id: String,
    title: String,
    host: String,
    mtls_host: String,
    regional_hosts: Vec<(String, Vec<String>)>,
    prefix: String,
    scope: String,
    cancel: String,
    list_query: String,
    names: Vec<Names>,
    kind: Vec<String>,
    create_time: Vec<String>,
    cancel_asked: Vec<String>,
}

#[derive(PartialEq)]
struct Names {
    levels: Vec<DraftLevel>,
    has_get: bool,
    has_list: bool,
    has_filter: bool,
    list_field: String,
    unreachable_field: String,
    query_level: Option<usize>,
    state: Option<StateForm>,
}

#[derive(PartialEq)]
struct DraftLevel {
    collection: String,
    ids: DraftIds,
    noun: String,
}

#[derive(PartialEq)]
enum DraftIds {
    Any,
    Rest,
    Only(String),
    None,
}

impl DraftIds {
    const fn are_any(&self) -> bool {
        matches!(self, Self::Any)
    }
}

impl Draft {
    fn read(text: &str) -> Result<Self, ServiceFileError> {
        // Some editors write a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut fields = Fields::read("", text)?;
        match fields.text("schema")?.as_deref() {
            Some(SCHEMA) => {}
            Some(other) => {
                return Err(fields.error("schema", found(&format!("\"{SCHEMA}\""), other)));
            }
            None => {
                let reason = format!("{}; expected \"{SCHEMA}\"", fields.absence("schema"));
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
        let prefix = prefix.unwrap_or_else(|| version_path(&id));
        let scope = fields.checked("scope", "an OAuth scope", is_scope)?;
        let expected = "POST or GET, a space, and :cancel or /cancel, or PUT, two spaces, and a \
                        field of text such as {\"requestedState\":\"CANCELLED\"}";
        let cancel = fields.checked("cancel", expected, is_cancel)?;
        let draft = Self {
            title,
            mtls_host,
            regional_hosts,
            names: names(&mut fields, &prefix)?,
            prefix,
            scope: scope.unwrap_or_default(),
            cancel: cancel.unwrap_or_else(|| CancelMethod::USUAL.to_string()),
            list_query: fields
                .checked("list_query", "a query such as pageSize=", is_list_query)?
                .unwrap_or_else(|| table::LIST_QUERY.to_owned()),
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

    /// Refuses a host of another API: a full name tells its service by the host.
    fn check_api(
        &self,
        described: impl Iterator<Item = &'static Service> + Clone,
    ) -> Result<(), ServiceFileError> {
        let api = api_of(&self.id);
        let regional = self.regional_hosts.iter().enumerate();
        let regional = regional.flat_map(|(at, (template, locations))| {
            let hosts = locations.iter();
            let hosts = hosts.map(|location| template.replace("{location}", location));
            hosts.map(move |host| (format!("regional_hosts[{at}].template"), host))
        });
        let own = [("host", &self.host), ("mtls_host", &self.mtls_host)];
        let own = own.map(|(field, host)| (field.to_owned(), host.clone()));
        for (field, host) in own.into_iter().chain(regional) {
            let built_in = table::rows().filter(|row| is_googles(&host) && row.is_at(&host));
            let mut ids: Vec<_> = built_in.map(table::Row::id).collect();
            let read = described.clone().filter(|service| is_at(service, &host));
            ids.extend(read.map(|service| service.id));
            if let Some(id) = ids
                .first()
                .filter(|_| ids.iter().all(|id| api_of(id) != api))
            {
                let reason = format!(
                    "{host} is a host of {id}, expected another host, or a version of {} as `id`",
                    api_of(id)
                );
                return Err(ServiceFileError::new(&field, reason));
            }
        }
        Ok(())
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
            cancel: CancelMethod::parse(leaked(self.cancel)).unwrap_or(CancelMethod::USUAL),
            list_query: leaked(self.list_query),
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
        let reading = match self.state {
            None => Reading::Operation,
            Some(state) => Reading::State(Box::leak(Box::new(state.leaked()))),
        };
        if let Some(own) = levels.last_mut() {
            own.page_field = leaked(self.list_field);
            own.unreachable = leaked(self.unreachable_field);
            own.fields = table::fields_of(&reading);
        }
        NamePattern {
            levels: levels.leak(),
            has_get: self.has_get,
            has_list: self.has_list,
            has_filter: self.has_filter,
            query_level: self.query_level,
            reading,
        }
    }
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

fn names(fields: &mut Fields<'_>, prefix: &str) -> Result<Vec<Names>, ServiceFileError> {
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
        check_pattern(&pattern, &patterns, prefix)
            .map_err(|reason| names.error("pattern", reason))?;
        let list_field = names.checked("list_field", "a field such as operations", is_field)?;
        let unreachable =
            names.checked("unreachable_field", "a field such as unreachable", is_field)?;
        let (has_get, has_list) = (names.flag("get")?, names.flag("list")?);
        let has_list = has_list.unwrap_or(true);
        let has_filter = names.flag("filter")?.unwrap_or(has_list);
        if has_filter && !has_list {
            return Err(names.error("filter", "there is no list that could take it"));
        }
        let parameter = names.text("query_parameter")?;
        let query_level = parameter.map(|noun| {
            let level = levels.iter().position(|level| level.noun == noun);
            // The levels around it name the resource of a list, and what is in the list.
            let between = |at: &usize| *at > 0 && at + 1 < levels.len();
            let level = level.filter(between).filter(|at| levels[*at].ids.are_any());
            let expected = "the word in braces of a level between the first and the last";
            level.ok_or_else(|| names.error("query_parameter", found(expected, &noun)))
        });
        let query_level = query_level.transpose()?;
        let state = names.object("state")?;
        let state = state.map(|fields| StateForm::read(fields, &pattern));
        let state = state.transpose()?;
        // A list of operations has that field everywhere; another one is named as its collection is.
        let usual = match (&state, levels.last()) {
            (Some(_), Some(own)) => &own.collection,
            _ => "operations",
        };
        all.push(Names {
            list_field: list_field.unwrap_or_else(|| usual.to_owned()),
            unreachable_field: unreachable.unwrap_or_default(),
            levels,
            has_get: has_get.unwrap_or(true),
            has_list,
            has_filter,
            query_level,
            state,
        });
        patterns.push(pattern);
        names.end()?;
    }
    Ok(all)
}

/// Refuses a pattern whose names are those of one before it, which counts, and one with the path of the version.
fn check_pattern(pattern: &str, before: &[String], prefix: &str) -> Result<(), String> {
    let first = pattern.split('/').next().unwrap_or_default();
    let behind = |path: &str| {
        pattern
            .strip_prefix(path)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    let is_version = first
        .strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|it: char| it.is_ascii_digit()));
    if !prefix.is_empty() && (is_version || behind(&prefix[1..])) {
        let expected =
            format!("a name without the version, as `prefix` ({prefix}) stands before it");
        return Err(found(&expected, pattern));
    }
    match before.iter().position(|other| covers(other, pattern)) {
        Some(at) => Err(format!(
            "each of its names is one of names[{at}] as well, and the first pattern counts; leave one out, or put \
             the narrower one first"
        )),
        None => Ok(()),
    }
}

/// The levels of a pattern such as `projects/{project}/operations/{operation}`.
fn levels(pattern: &str) -> Result<Vec<DraftLevel>, String> {
    let expected = "segments such as projects/{project}/operations/{operation}";
    let mut levels = Vec::new();
    let mut segments = pattern.split('/').peekable();
    while let Some(collection) = segments.next() {
        if !is_word(collection) {
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

/// The name of the API in an id.
fn api_of(id: &str) -> &str {
    id.split_once('.').map_or(id, |(api, _)| api)
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
    !scope.is_empty() && scope.bytes().all(plain) && looks_secret(scope).is_none()
}

fn is_cancel(text: &str) -> bool {
    let suffix = text.strip_prefix("POST ").or(text.strip_prefix("GET "));
    matches!(suffix, Some(":cancel" | "/cancel"))
        || text.strip_prefix("PUT  ").is_some_and(is_update)
}

/// An update of one field to one word: no file may have more of a resource changed.
fn is_update(body: &str) -> bool {
    let field = body
        .strip_prefix("{\"")
        .and_then(|body| body.strip_suffix("\"}"));
    let field = field.and_then(|field| field.split_once("\":\""));
    field.is_some_and(|(field, word)| is_word(field) && is_word(word))
}

/// Parameters of a list that no file sets: those of each request, and secrets.
const OWN_PARAMETERS: [&str; 7] = [
    "access_token",
    "alt",
    "fields",
    "filter",
    "key",
    "oauth_token",
    "pageToken",
];

/// Parameters of a list with their values, and the parameter of the size of a page.
fn is_list_query(query: &str) -> bool {
    let Some(query) = query.strip_suffix('=') else {
        return false;
    };
    let mut parameters = query.rsplit('&');
    let is_name = |name: &str| is_word(name) && !OWN_PARAMETERS.contains(&name);
    let given = |parameter: &str| {
        let given = parameter.split_once('=');
        given.is_some_and(|(name, value)| is_name(name) && is_word(value))
    };
    parameters.next().is_some_and(is_name) && parameters.all(given)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::name::OperationName;
    use crate::operation::Operation;
    use crate::resource_state::{CancelAnswer, Identity, ResourceState, StateMeaning};
    use crate::verdict::Verdict;

    /// A description with all that one can have.
    fn full(id: &str) -> Value {
        let api = api_of(id);
        json!({
            "schema": SCHEMA,
            "id": id,
            "title": "A private API",
            "host": format!("{api}.googleapis.com"),
            "mtls_host": format!("{api}.mtls.googleapis.com"),
            "regional_hosts": [
                {"template": format!("{{location}}-{api}.googleapis.com"), "locations": ["us", "europe-west4"]},
            ],
            "prefix": "/private/v1",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "cancel": "POST :cancel",
            "names": [
                {
                    "pattern": "projects/{project}/operations/{operation=**}",
                    "get": true,
                    "list": true,
                    "filter": false,
                    "list_field": "items",
                },
                {
                    "pattern": "projects/{project}/jobs/{job}",
                    "get": true,
                    "list": true,
                    "filter": true,
                    "list_field": "jobs",
                    "state": state(),
                },
            ],
            "kind_paths": ["kind"],
            "create_time_paths": ["common.createTime"],
            "cancel_asked_paths": ["cancelRequested"],
        })
    }

    fn state() -> Value {
        json!({
            "path": "status.state",
            "create_time_path": "createTime",
            "cancelled": ["CANCELLED", "STOPPED"],
            "cancelling": ["CANCELLING"],
            "completed": ["DONE"],
            "failed": ["FAILED"],
            "cancel_answer": "resource",
            "project_path": "reference.projectId",
            "id_path": "reference.jobId",
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
        let own = json!({"pattern": "operations/{operation}", "get": true, "list": true, "filter": true, "list_field": "operations"});
        assert_eq!(value["names"], json!([own]));
        assert_eq!(service.quota, &[]);
    }

    #[test]
    fn a_state_that_is_left_out_in_part_has_values() {
        let state = json!({"path": "state", "cancelled": ["CANCELLED"], "id_path": "job.id"});
        let short = json!({
            "schema": SCHEMA,
            "id": "states.v1",
            "title": "t",
            "host": "states.googleapis.com",
            "names": [{"pattern": "folders/{folder}/jobs/{job}", "state": state}],
        });
        let service = read(&short).unwrap();
        let [pattern] = service.patterns else {
            panic!("{service:?}");
        };
        let own = pattern.own_level();
        assert_eq!((own.page_field, own.fields), ("jobs", "job/id,state"));
        static EXPECTED: ResourceState = ResourceState {
            answer_field: "",
            reason: "",
            answer: CancelAnswer::Empty,
            identity: Identity::Ids {
                location: "",
                project: "",
                own: "job.id",
            },
            path: "state",
            create_time: "",
            cancelled: &["CANCELLED"],
            cancelling: &[],
            completed: &[],
            failed: &[],
        };
        assert_eq!(pattern.reading, Reading::State(&EXPECTED));
        let printed = json!({
            "path": "state",
            "cancelled": ["CANCELLED"],
            "cancelling": [],
            "completed": [],
            "failed": [],
            "cancel_answer": "empty",
            "id_path": "job.id",
        });
        let value = serde_json::to_value(service).unwrap();
        assert_eq!(value["names"][0]["state"], printed);
    }

    #[test]
    fn a_resource_of_a_file_is_read_by_its_state() {
        let mut value = full("stateful.v1");
        value["host"] = json!("stateful.googleapis.com");
        let service = read(&value).unwrap();
        let name = OperationName::parse(service, "projects/p/jobs/7").unwrap();
        for (word, verdict) in [
            ("CANCELLED", Some(Verdict::Cancelled)),
            ("STOPPED", Some(Verdict::Cancelled)),
            ("CANCELLING", None),
            ("DONE", Some(Verdict::Completed)),
            ("FAILED", Some(Verdict::Failed)),
            ("cancelled", None),
            ("NEW", None),
        ] {
            let ids = json!({"projectId": "p", "jobId": "7"});
            let body = json!({"reference": ids, "status": {"state": word}});
            let response = http::Response::new(body.to_string());
            let operation = Operation::read(name.clone(), &response).unwrap();
            assert_eq!(operation.verdict(), verdict, "{word}");
        }
        // The id of another one proves nothing of this.
        let ids = json!({"projectId": "p", "jobId": "8"});
        let body = json!({"reference": ids, "status": {"state": "CANCELLED"}});
        let response = http::Response::new(body.to_string());
        assert!(Operation::read(name, &response).is_err());
    }

    /// Its names have no parent.
    #[test]
    fn a_resource_at_the_root_is_known_by_its_id() {
        let mut value = full("root.v1");
        value["host"] = json!("root.googleapis.com");
        value["names"] = json!([{
            "pattern": "jobs/{job}",
            "state": {"path": "state", "cancelled": ["CANCELLED"], "id_path": "id"},
        }]);
        let service = read(&value).unwrap();
        let name = OperationName::parse(service, "jobs/7").unwrap();
        let response = http::Response::new(r#"{"id":"7","state":"CANCELLED"}"#);
        let operation = Operation::read(name, &response).unwrap();
        assert_eq!(operation.verdict(), Some(Verdict::Cancelled));
    }

    /// Each row of the table, written, read under another id, and compared.
    #[test]
    fn every_service_that_is_built_in_can_be_described() {
        for service in Service::ids().filter_map(Service::named) {
            let mut value = serde_json::to_value(service).unwrap();
            let refused = read(&value).unwrap_err();
            assert!(refused.starts_with("`id`: "), "{refused}");
            assert!(refused.contains("is built in"), "{refused}");
            value["id"] = json!(format!("{}copy", service.id));
            let copy = read(&value).unwrap_or_else(|error| panic!("{}: {error}", service.id));
            assert_eq!(serde_json::to_value(copy).unwrap(), value);
            if service.id == Service::DEFAULT.id {
                continue;
            }
            assert_eq!(copy.operation.paths(), service.operation.paths());
            assert_eq!(copy.patterns.len(), service.patterns.len());
            for (copy, own) in copy.patterns.iter().zip(service.patterns) {
                let levels = |it: &NamePattern| {
                    let levels = it.levels.iter();
                    let levels = levels.map(|it| (it.collection, it.ids, it.page_field, it.fields));
                    levels.collect::<Vec<_>>()
                };
                assert_eq!(levels(copy), levels(own), "{}", service.id);
                let rest = |it: &NamePattern| (it.has_get, it.has_list, it.reading);
                assert_eq!(rest(copy), rest(own), "{} {own}", service.id);
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
            ("/host", Value::Null, "`host`: it is null"),
            ("/title", Value::Null, "`title`: it is null"),
            (
                "/schema",
                Value::Null,
                "`schema`: it is null; expected \"countermand.service/1\"",
            ),
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
                "`mtls_host`: evil.example and mistaken.googleapis.com do not both end in .googleapis.com",
            ),
            (
                "/mtls_host",
                json!("private.googleapis.com.evil.example"),
                "do not both end",
            ),
            (
                "/host",
                json!("private.example"),
                "`mtls_host`: mistaken.mtls.googleapis.com and private.example do not both end",
            ),
            (
                "/regional_hosts/0/template",
                json!("{location}.evil.example"),
                "`regional_hosts[0].template`: {location}.evil.example and mistaken.googleapis.com do not",
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
                "/scope",
                json!("ya29.a0AfB_canary-SECRET"),
                "`scope`: expected an OAuth scope, found \"(a value of 24 characters that looks like an access token)",
            ),
            ("/list_query", json!("pageSize"), "`list_query`: "),
            ("/list_query", json!("a=b&pageToken="), "`list_query`: "),
            (
                "/list_query",
                json!("pageToken=x&pageSize="),
                "`list_query`: ",
            ),
            (
                "/list_query",
                json!("filter=done&pageSize="),
                "`list_query`: ",
            ),
            ("/list_query", json!("key=x&pageSize="), "`list_query`: "),
            (
                "/cancel",
                json!("POST :delete"),
                "`cancel`: expected POST or GET, a space, and :cancel or /cancel, or PUT, two spaces, and a \
                 field of text such as {\"requestedState\":\"CANCELLED\"}, found \"POST :delete\"",
            ),
            (
                "/names",
                json!([]),
                "`names`: expected 1 to 256 patterns, found 0",
            ),
            (
                "/names",
                json!([name, name]),
                "`names[1].pattern`: each of its names is one of names[0] as well, and the first pattern counts",
            ),
            (
                "/names",
                json!([{"pattern": "projects/{p}/operations/{o}"}, {"pattern": "projects/{q}/operations/{r}", "get": false}]),
                "`names[1].pattern`: each of its names is one of names[0]",
            ),
            (
                "/names",
                json!([name, {"pattern": "x/{y}"}, {"pattern": "x/global/z/{z}"}, {"pattern": "x/{y=**}"}, {"pattern": "x/{y}/z/{z}"}]),
                "`names[4].pattern`: each of its names is one of names[3]",
            ),
            (
                "/names/0/pattern",
                json!("v1beta/projects/{project}/operations/{operation}"),
                "`names[0].pattern`: expected a name without the version, as `prefix` (/private/v1) stands before it, \
                 found \"v1beta/projects/{project}/operations/{operation}\"",
            ),
            (
                "/names/0/pattern",
                json!("private/v1/operations/{operation}"),
                "expected a name without the version",
            ),
            (
                "/names/0/pattern",
                json!("{a}/{b}"),
                "segments such as projects/{project}/operations/{operation}, found \"{a}/{b}\"",
            ),
            (
                "/names/0/pattern",
                json!("{\"pass\": 1}"),
                "that looks like JSON",
            ),
            (
                "/names/0/pattern",
                json!("{ya29.a0AfB_byC}"),
                "found \"(a value of",
            ),
            (
                "/regional_hosts/0/template",
                json!("{location}.{location}.googleapis.com"),
                "found \"{location}.{location}.googleapis.com\"",
            ),
            (
                "/names",
                json!("projects/{p}"),
                "`names`: expected a list, found a text",
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
            ("/names/0/pattern", json!("*/{o}"), "segments such as"),
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
                "`names[0].get`: expected true or false, found a text\n",
            ),
            (
                "/names/0",
                json!({"pattern": "operations/{operation}", "list": false, "filter": true}),
                "`names[0].filter`: there is no list that could take it",
            ),
            (
                "/names/0/list_field",
                json!("a,b(c"),
                "`names[0].list_field`: ",
            ),
            (
                "/names/0/lists",
                json!(true),
                "`names[0].lists`: there is no such field here; the fields are pattern, list_field, unreachable_field, get, list, filter, query_parameter, state",
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
                "/kind_paths",
                json!("type"),
                "`kind_paths`: expected a list, found a text\n",
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
            let error = read(&wrong).unwrap_err() + "\n";
            assert!(error.contains(text), "{path}: {error}");
        }
        assert!(Service::named("mistaken.v1").is_none());
    }

    #[test]
    fn a_mistake_in_a_state_is_told_with_its_field_and_its_reason() {
        for (field, value, text) in [
            ("path", Value::Null, "path`: it is null"),
            (
                "path",
                json!(""),
                "path`: expected a path of fields such as status.state, found \"\"",
            ),
            ("path", json!("status..state"), "path`: expected a path"),
            ("path", json!("conditions[0]"), "path`: expected a path"),
            ("path", json!("status/state"), "path`: expected a path"),
            ("path", json!("a,b"), "path`: expected a path"),
            (
                "path",
                json!(["state"]),
                "path`: expected a text, found a list",
            ),
            (
                "path",
                json!("reference.jobId"),
                "path`: expected another place than that of reference.jobId, found reference.jobId",
            ),
            (
                "path",
                json!("reference.jobId.state"),
                "another place than that of reference.jobId,",
            ),
            ("path", json!("reference"), "path`: expected another place"),
            (
                "create_time_path",
                json!("status.state"),
                "create_time_path`: expected another place",
            ),
            (
                "create_time_path",
                json!("createTime."),
                "create_time_path`: expected a path",
            ),
            (
                "cancelled",
                Value::Null,
                "cancelled`: expected one word or more: without one",
            ),
            (
                "cancelled",
                json!([]),
                "cancelled`: expected one word or more",
            ),
            (
                "cancelled",
                json!("CANCELLED"),
                "cancelled`: expected a list, found a text",
            ),
            (
                "cancelled",
                json!([1]),
                "cancelled[0]`: expected a text, found a number",
            ),
            (
                "cancelled",
                json!([""]),
                "cancelled[0]`: expected a word without spaces",
            ),
            (
                "cancelled",
                json!(["A", "B C"]),
                "cancelled[1]`: expected a word without spaces",
            ),
            (
                "cancelled",
                json!(["A", "A"]),
                "cancelled[1]`: A is in `cancelled` as well, expected it once",
            ),
            (
                "completed",
                json!(["DONE", "STOPPED"]),
                "completed[1]`: STOPPED is in `cancelled` as well, expected it once",
            ),
            (
                "failed",
                json!(["DONE"]),
                "failed[0]`: DONE is in `completed` as well",
            ),
            (
                "cancelling",
                json!(["CANCELLED"]),
                "cancelling[0]`: CANCELLED is in `cancelled`",
            ),
            (
                "cancel_answer",
                json!("nothing"),
                "cancel_answer`: expected empty or resource or operation or object, found \"nothing\"",
            ),
            (
                "id_path",
                Value::Null,
                "project_path`: it is of use beside `id_path` only",
            ),
            ("id_path", json!("id."), "id_path`: expected a path"),
            (
                "project_path",
                json!("reference.jobId"),
                "project_path`: expected another place",
            ),
            (
                "path",
                json!("conditions[type].state"),
                "path`: expected a path",
            ),
            (
                "path",
                json!("state[type=Completed]"),
                "path`: expected a path",
            ),
            (
                "cancel_answer_field",
                json!("a.b"),
                "cancel_answer_field`: expected a field such as job",
            ),
            (
                "identity",
                json!("name"),
                "identity`: there is no such field here; the fields are path, create_time_path, cancelled, \
                 cancelling, completed, failed, cancel_answer, reason_path, cancel_answer_field, \
                 project_path, location_path, id_path",
            ),
        ] {
            let mut wrong = full("misstated.v1");
            wrong["names"][1]["state"][field] = value;
            let error = read(&wrong).unwrap_err();
            let text = format!("`names[1].state.{}", text.trim_start_matches('`'));
            match text.contains("another place than that of reference.jobId,") {
                true => assert!(error.contains("another place than that of"), "{error}"),
                false => assert!(error.contains(&text), "{text}: {error}"),
            }
        }
        let mut wrong = full("misstated.v1");
        wrong["names"][1]["pattern"] = json!("folders/{folder}/jobs/{job}");
        let error = read(&wrong).unwrap_err();
        let text = "project_path`: the pattern does not begin with projects/{project}";
        assert!(error.contains(text), "{error}");
        for (value, text) in [
            (
                json!("state"),
                "`names[1].state`: expected an object, found a text",
            ),
            (
                json!(["state"]),
                "`names[1].state`: expected an object, found a list",
            ),
        ] {
            let mut wrong = full("misstated.v1");
            wrong["names"][1]["state"] = value;
            let error = read(&wrong).unwrap_err();
            assert!(error.starts_with(text), "{error}");
        }
        assert!(Service::named("misstated.v1").is_none());
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
            (b"hello", "it is not JSON: expected value"),
            (b"tru", "it is not JSON: "),
            (b"true", "expected an object, found true or false"),
            (b"\xef\xbb\xbf7", "expected an object, found a number"),
            (
                br#"{"schema": "\ud800"}"#,
                "`schema`: it is a text that is not Unicode",
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
        // The same meaning in other lines, with a byte order mark.
        let pretty = format!("\u{feff}{}", serde_json::to_string_pretty(&value).unwrap());
        let again = Service::from_json(pretty.as_bytes()).unwrap();
        assert!(std::ptr::eq(service, again));
        let mut other = value;
        other["prefix"] = json!("/v2");
        let error = read(&other).unwrap_err();
        assert!(error.contains("another description"), "{error}");
        assert!(error.contains("a new process takes this one"), "{error}");
    }

    #[test]
    fn a_host_has_the_versions_of_one_api() {
        let one = full("hosted.v1");
        read(&one).unwrap();
        for (field, host, owner) in [
            ("host", "documentai.googleapis.com", "documentai"),
            ("host", "us-documentai.googleapis.com", "documentai"),
            ("host", "documentai.mtls.googleapis.com", "documentai"),
            ("host", "hosted.googleapis.com", "hosted"),
            ("host", "us-hosted.googleapis.com", "hosted"),
            ("mtls_host", "hosted.mtls.googleapis.com", "hosted"),
            (
                "mtls_host",
                "androidmanagement.mtls.googleapis.com",
                "androidmanagement",
            ),
            (
                "regional_hosts[0].template",
                "{location}-documentai.googleapis.com",
                "documentai",
            ),
        ] {
            let mut other = full("guest.v1");
            match field {
                "regional_hosts[0].template" => {
                    other["regional_hosts"][0]["template"] = json!(host)
                }
                field => other[field] = json!(host),
            }
            let error = read(&other).unwrap_err();
            let shown = host.replace("{location}", "us");
            assert!(
                error.starts_with(&format!("`{field}`: {shown} is a host of {owner}.v")),
                "{error}"
            );
            assert!(
                error.ends_with(&format!("a version of {owner} as `id`")),
                "{error}"
            );
        }
        // A full name is of the version that is built in, if that has it; a URL tells the version.
        let mut newer = full("documentai.v9");
        newer["regional_hosts"] = json!([]);
        newer["prefix"] = json!("/v9");
        newer["names"] = json!([
            {"pattern": "projects/{project}/locations/{location}/operations/{operation}"},
            {"pattern": "projects/{project}/trials/{trial}"},
        ]);
        read(&newer).unwrap();
        for (text, id) in [
            (
                "//documentai.googleapis.com/projects/p/locations/us/operations/1",
                "documentai.v1",
            ),
            (
                "//documentai.googleapis.com/projects/p/trials/1",
                "documentai.v9",
            ),
        ] {
            let name: OperationName = text.parse().unwrap();
            assert_eq!(name.service().id, id);
        }
        let meant = |url| Service::meant(None, Some(url)).unwrap().id;
        let url = "https://documentai.googleapis.com/v9/projects/p/locations/us/operations/1";
        assert_eq!(meant(url), "documentai.v9");
        assert_eq!(meant(&url.replace("v9", "v1")), "documentai.v1");
        let chosen = |word, name| Service::choose(word, name).map(|service| service.id);
        assert_eq!(chosen("documentai", None), Ok("documentai.v1"));
        assert_eq!(
            chosen("documentai", Some("projects/p/trials/1")),
            Ok("documentai.v9")
        );
        assert_eq!(chosen("hosted", None), Ok("hosted.v1"));
        // Of two versions in files the newest that has the name.
        let mut next = full("hosted.v2");
        next["names"] = json!([{"pattern": "projects/{project}/jobs/{job}"}]);
        read(&next).unwrap();
        let host = "//hosted.googleapis.com/projects/p";
        for (name, id) in [("jobs/1", "hosted.v2"), ("operations/a/b", "hosted.v1")] {
            let name: OperationName = format!("{host}/{name}").parse().unwrap();
            assert_eq!(name.service().id, id);
        }
        assert_eq!(chosen("hosted", None), Ok("hosted.v2"));
        assert_eq!(
            chosen("hosted", Some("projects/p/operations/a/b")),
            Ok("hosted.v1")
        );
        let error = chosen("hosted", Some("folders/f")).unwrap_err().to_string();
        assert!(
            error.ends_with("\"folders/f\": projects/{project}/jobs/{job}"),
            "{error}"
        );
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

        /// Lists are read if no word is in two places, and then each word has the meaning of its list.
        #[test]
        fn a_word_has_the_meaning_of_its_list(
            lists in proptest::array::uniform4(proptest::collection::vec("[A-C]{0,2}", 0..3)),
        ) {
            let fields = ["cancelled", "cancelling", "completed", "failed"];
            let mut value = full("worded.v1");
            for (field, list) in fields.into_iter().zip(&lists) {
                value["names"][1]["state"][field] = json!(list);
            }
            let draft = Draft::read(&value.to_string());
            let mut all: Vec<_> = lists.iter().flatten().collect();
            let given = all.len();
            all.sort();
            all.dedup();
            let valid = all.len() == given && !lists[0].is_empty() && !all.contains(&&String::new());
            prop_assert_eq!(draft.is_ok(), valid, "{:?}", draft.err());
            let Ok(mut draft) = draft else { return Ok(()) };
            let state = draft.names.remove(1).state.unwrap().leaked();
            let meanings = [
                StateMeaning::Cancelled,
                StateMeaning::Cancelling,
                StateMeaning::Completed,
                StateMeaning::Failed,
            ];
            for (meaning, list) in meanings.into_iter().zip(&lists) {
                for word in list {
                    prop_assert_eq!(state.meaning(word), meaning);
                }
            }
            prop_assert_eq!(state.meaning("RUNNING"), StateMeaning::Pending);
        }
    }
}
