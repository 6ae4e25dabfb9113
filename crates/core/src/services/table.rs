//! The services that Google's discovery describes, made into a table by `make services`.

use std::sync::Mutex;

use crate::operation_reader::{MetadataPaths, OperationReader};
use crate::resource_state::{CancelAnswer, Identity, Reading, ResourceState};
use crate::service::{CancelMethod, GOOGLE, Ids, Level, NamePattern, RegionalHosts, Service};

/// A row for each service, sorted by id, after the lists of locations that rows refer to.
const TABLE: &str = include_str!("table.tsv");

/// Before the scopes of the table.
const SCOPES: &str = "https://www.googleapis.com/auth/";

/// The fields of an operation that a verdict rests on. The response can be large, and is not needed.
const OPERATION_FIELDS: &str = "name,done,error,metadata";

/// The query of a list of every service but one.
pub(crate) const LIST_QUERY: &str = "pageSize=";

/// A service of the contract, of which nothing else is documented.
pub(crate) const OF_THE_CONTRACT: Service = Service {
    id: "",
    title: "",
    host: "",
    mtls_host: "",
    regional_hosts: &[],
    prefix: "",
    scope: "",
    patterns: &[],
    cancel: CancelMethod::USUAL,
    list_query: LIST_QUERY,
    quota_levels: 1,
    denial_levels: 1,
    has_parent_records: false,
    lists_parents: false,
    unmanaged_parent: None,
    quota: &[],
    resource_quota: None,
    operation: OperationReader::PLAIN,
};

/// The services that were asked for: each is decoded once.
static DECODED: Mutex<Vec<&'static Service>> = Mutex::new(Vec::new());

/// A row of the table, which is the description of a service.
#[derive(Clone, Copy)]
pub(crate) struct Row(&'static str);

/// The row of an id.
pub(crate) fn row(id: &str) -> Option<Row> {
    rows().find(|row| row.id() == id)
}

pub(crate) fn rows() -> impl Iterator<Item = Row> {
    let rows = TABLE
        .lines()
        .filter(|line| !line.starts_with(['#', '=', '~']));
    rows.map(Row)
}

impl Row {
    pub(crate) fn id(self) -> &'static str {
        self.cell(0)
    }

    /// The name of the API without its version.
    pub(crate) fn api(self) -> &'static str {
        self.id().split('.').next().unwrap_or_default()
    }

    pub(crate) fn title(self) -> &'static str {
        self.cell(1)
    }

    /// The first label of its hosts.
    pub(crate) fn label(self) -> &'static str {
        self.cell(2)
    }

    /// True if the service is served at a host in small letters, one of its regional hosts included.
    pub(crate) fn is_at(self, host: &str) -> bool {
        let own = self.label();
        let label = host.strip_suffix(GOOGLE).unwrap_or_default();
        let is_root = label == own || label.strip_suffix(".mtls") == Some(own);
        // Few rows are decoded for that.
        is_root || label.contains(own) && self.decoded().location_at(host).is_some()
    }

    /// The path that each method begins with.
    pub(crate) fn prefix(self) -> &'static str {
        self.cell(3)
    }

    /// The patterns of names of operations, `*` for a segment and `**` for all that follow.
    pub(crate) fn patterns(self) -> impl Iterator<Item = &'static str> {
        let patterns = self.cell(7).split(' ');
        patterns.map(|pattern| pattern.split(['-', '~']).next().unwrap_or_default())
    }

    /// True if a name is one of a resource so many levels above the operations of a pattern, or of a list of one.
    pub(crate) fn holds(self, name: &str, up: u8) -> bool {
        self.patterns().any(|pattern| {
            // The resource above operations without another level has an empty name.
            if name.is_empty() {
                return up > 0 && pattern.split('/').count() == 2;
            }
            // A level has two segments, and no resource is above the first one.
            let depth = (pattern.split('/').count())
                .saturating_sub(2 * usize::from(up))
                .max(2);
            let mut segments = name.split('/');
            for expected in pattern.split('/').take(depth) {
                match (segments.next(), expected) {
                    (None | Some(""), _) => return false,
                    (Some(_), "**") => return true,
                    (Some(segment), _) if expected != "*" && expected != segment => return false,
                    _ => {}
                }
            }
            let list = pattern.split('/').nth(depth).filter(|_| up == 1);
            segments.next().is_none_or(|more| list == Some(more)) && segments.next().is_none()
        })
    }

    /// The service, which is decoded at the first call.
    pub(crate) fn decoded(self) -> &'static Service {
        // The default service has more than discovery tells.
        if self.id() == Service::DEFAULT.id {
            return Service::DEFAULT;
        }
        // What was decoded before a panic elsewhere is whole.
        let mut decoded = DECODED
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(known) = decoded.iter().find(|service| service.id == self.id()) {
            return known;
        }
        let service: &'static Service = Box::leak(Box::new(self.service()));
        decoded.push(service);
        service
    }

    fn cell(self, number: usize) -> &'static str {
        self.0.split('\t').nth(number).unwrap_or_default()
    }

    fn service(self) -> Service {
        let mut cells = self.0.split('\t');
        let mut cell = || cells.next().unwrap_or_default();
        let (id, title, label, prefix) = (cell(), cell(), cell(), cell());
        let (scope, cancel, hosts, patterns) = (cell(), cell(), cell(), cell());
        let (created, asked, list_query) = (cell(), cell(), cell());
        Service {
            id,
            title,
            host: leaked(format!("{label}.googleapis.com")),
            mtls_host: leaked(format!("{label}.mtls.googleapis.com")),
            regional_hosts: hosts
                .split_terminator(' ')
                .map(|hosts| regional_hosts(label, hosts))
                .collect::<Vec<_>>()
                .leak(),
            prefix,
            scope: match scope {
                "" => "",
                scope => leaked(format!("{SCOPES}{scope}")),
            },
            patterns: patterns.split(' ').map(pattern).collect::<Vec<_>>().leak(),
            cancel: CancelMethod::parse(cancel).unwrap_or(CancelMethod::USUAL),
            list_query: match list_query {
                "" => LIST_QUERY,
                query => query,
            },
            operation: OperationReader::at(MetadataPaths {
                kind: &["verb"],
                create_time: words(created),
                cancel_asked: words(asked),
            }),
            ..OF_THE_CONTRACT
        }
    }
}

fn words(text: &'static str) -> &'static [&'static str] {
    text.split_terminator(' ').collect::<Vec<_>>().leak()
}

pub(crate) fn all_leaked(texts: Vec<String>) -> &'static [&'static str] {
    texts.into_iter().map(leaked).collect::<Vec<_>>().leak()
}

pub(crate) fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// Hosts such as `LABEL.LOCATION.rep=3`, whose locations are those of list 3.
fn regional_hosts(label: &str, hosts: &str) -> RegionalHosts {
    let (form, list) = hosts.split_once('=').unwrap_or_default();
    let form = form
        .replace("LABEL", label)
        .replace("LOCATION", "{location}");
    let list = TABLE.lines().find_map(|line| {
        let (number, locations) = line.strip_prefix('=')?.split_once('\t')?;
        (number == list).then_some(locations)
    });
    RegionalHosts {
        template: leaked(format!("{form}.googleapis.com")),
        locations: words(list.unwrap_or_default()),
    }
}

/// A pattern such as `projects/*/operations/*-list`: its levels, and the methods that are missing. One with
/// `~3` before these is of resources that state 3 is read of, and with `~3?1` level 1 is in the query.
fn pattern(text: &'static str) -> NamePattern {
    let (names, lacks) = match text.find('-') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let (names, state) = match names.split_once('~') {
        Some((names, number)) => (names, Some(number)),
        None => (names, None),
    };
    let (state, query_level) = match state.and_then(|state| state.split_once('?')) {
        Some((number, level)) => (Some(number), level.parse().ok()),
        None => (state, None),
    };
    let mut levels: Vec<Level> = Vec::new();
    let mut segments = names.split('/').peekable();
    while let Some(collection) = segments.next() {
        let id = segments.peek().copied();
        let ids = match id {
            Some("*") => Ids::Any,
            Some("**") => Ids::Rest,
            Some("global") => Ids::Only("global"),
            _ => Ids::None,
        };
        if ids != Ids::None {
            segments.next();
        }
        levels.push(Level {
            ids,
            ..Level::new(collection, singular(collection))
        });
    }
    let (page, reading) = match state.map(resource_state) {
        None => ("operations", Reading::Operation),
        Some((page, state)) => (page, Reading::State(state)),
    };
    if let Some(own) = levels.last_mut() {
        own.fields = fields_of(&reading);
        let (field, unreachable) = page.split_once(' ').unwrap_or((page, ""));
        own.unreachable = unreachable;
        own.page_field = match field {
            "" => own.collection,
            field => field,
        };
    }
    NamePattern {
        levels: levels.leak(),
        has_get: !lacks.contains("-get"),
        has_list: !lacks.contains("-list"),
        has_filter: !(lacks.contains("-list") || lacks.contains("-filter")),
        query_level,
        reading,
    }
}

/// The partial response mask of what is read so.
pub(crate) fn fields_of(reading: &Reading) -> &'static str {
    match reading {
        Reading::Operation => OPERATION_FIELDS,
        Reading::State(state) => leaked(state.fields()),
    }
}

/// The state of this number, and the fields of a page: of the resources, where it is another one than the collection, and
/// of places that were not reached.
fn resource_state(number: &str) -> (&'static str, &'static ResourceState) {
    let line = TABLE.lines().find_map(|line| {
        let (own, cells) = line.strip_prefix('~')?.split_once('\t')?;
        (own == number).then_some(cells)
    });
    let mut cells = line.unwrap_or_default().split('\t');
    let mut cell = || cells.next().unwrap_or_default();
    let (page_field, answer, ids, path) = (cell(), cell(), cell(), cell());
    let (path, reason) = path.split_once(' ').unwrap_or((path, ""));
    let (answer, answer_field) = answer.split_once(' ').unwrap_or((answer, ""));
    let mut ids = ids.split(' ');
    let state = ResourceState {
        answer: CancelAnswer::named(answer).unwrap_or(CancelAnswer::Empty),
        answer_field,
        identity: match (ids.next(), ids.next(), ids.next()) {
            (Some(project), Some(location), Some(own)) => Identity::Ids {
                project,
                location,
                own,
            },
            _ => Identity::Name,
        },
        path,
        reason,
        create_time: cell(),
        cancelled: words(cell()),
        cancelling: words(cell()),
        completed: words(cell()),
        failed: words(cell()),
    };
    (page_field, Box::leak(Box::new(state)))
}

/// The noun for a resource of a collection, for people.
fn singular(collection: &'static str) -> &'static str {
    if collection.ends_with("Series") {
        return collection;
    }
    if let Some(stem) = collection.strip_suffix("ies") {
        return leaked(format!("{stem}y"));
    }
    let stem = ["xes", "sses", "nches"].iter().find_map(|end| {
        collection
            .ends_with(end)
            .then(|| &collection[..collection.len() - 2])
    });
    match stem {
        Some(stem) => stem,
        None => collection.strip_suffix('s').unwrap_or(collection),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cancellation::Cancellation;
    use crate::endpoint::Endpoint;
    use crate::fetch::Fetch;
    use crate::name::OperationName;
    use crate::request::{PageQuery, Request};
    use crate::step::Step;
    use crate::time::Time;

    #[test]
    fn every_row_is_a_service() {
        let ids: Vec<_> = Service::ids().collect();
        assert!(ids.len() > 180 && ids.is_sorted(), "{ids:?}");
        for id in ids {
            let service = Service::named(id).unwrap();
            assert_eq!(service.id, id);
            assert!(std::ptr::eq(service, Service::named(id).unwrap()));
            assert!(
                !service.patterns.is_empty() && service.patterns.len() <= 256,
                "{id}"
            );
            assert!(service.host.ends_with(".googleapis.com") && service.prefix.starts_with('/'));
            for hosts in service.regional_hosts {
                assert!(hosts.template.contains("{location}"), "{hosts:?}");
                assert!(!hosts.locations.is_empty(), "{hosts:?}");
            }
        }
        assert!(TABLE.len() <= 64 * 1024);
    }

    #[test]
    fn a_noun_is_the_singular_of_its_collection() {
        for (collection, noun) in [
            ("branches", "branch"),
            ("ssdCaches", "ssdCache"),
            ("timeSeries", "timeSeries"),
            ("savedQueries", "savedQuery"),
            ("indexes", "index"),
            ("databases", "database"),
        ] {
            assert_eq!(singular(collection), noun);
        }
    }

    #[test]
    fn a_name_of_each_pattern_is_read() {
        for id in Service::ids() {
            let service = Service::named(id).unwrap();
            for (number, pattern) in service.patterns.iter().enumerate() {
                let text = name_of(pattern);
                let name = OperationName::parse(service, &text).unwrap();
                let own = name.pattern();
                assert!(own == pattern || number > 0, "{id} {text} {own:?}");
                let parent = name.parent();
                let above = own_parent(&text, own);
                assert_eq!(parent.relative(), above, "{id} {text}");
                let collection = pattern.own_level().collection;
                let list = Request::ListOperations(parent, PageQuery::default());
                let path = list.http(&service.endpoint()).uri().path().to_owned();
                // A level in the query is no part of the path.
                let above = match own.query_level {
                    Some(_) => above.replace("/locations/x", ""),
                    None => above.to_owned(),
                };
                let own = format!("{}/{above}/{collection}", service.prefix);
                assert_eq!(path, own.replace("//", "/"), "{id} {text}");
            }
        }
    }

    /// Ids that look like something else on the wire, or in another part of the name.
    #[test]
    fn any_id_has_parents_that_are_names() {
        let ids = [
            "x:cancel",
            "cancel",
            "operations",
            "projects",
            "a%2Fb",
            "..a",
            "ü ü",
            "//",
            "#?",
        ];
        for service in Service::ids().filter_map(Service::named) {
            for (pattern, id) in service
                .patterns
                .iter()
                .flat_map(|one| ids.map(|id| (one, id)))
            {
                let text = name_with(pattern, id);
                let Ok(name) = OperationName::parse(service, &text) else {
                    let refused = ["x:cancel", "cancel", "//"].contains(&id);
                    assert!(refused, "{} {text}", service.id);
                    continue;
                };
                let parent = name.parent();
                let above = parent.parent();
                assert!(name.as_str().starts_with(parent.as_str()), "{text}");
                assert!(parent.as_str().starts_with(above.as_str()), "{text}");
                assert_eq!(name.prefix(usize::MAX), name.as_str());
                assert!(name.as_str().starts_with(name.prefix(1)), "{text}");
                assert_eq!(
                    name.as_str()
                        .parse::<OperationName>()
                        .map(|same| same.relative().to_owned()),
                    Ok(pattern.canonical(&text).into_owned())
                );
            }
        }
    }

    fn name_of(pattern: &NamePattern) -> String {
        name_with(pattern, "x")
    }

    fn name_with(pattern: &NamePattern, id: &str) -> String {
        let level = |level: &Level| {
            let collection = level.collection;
            match level.ids {
                Ids::Any => format!("{collection}/{id}"),
                Ids::Rest => format!("{collection}/{id}/y/z"),
                Ids::Only(only) => format!("{collection}/{only}"),
                Ids::None => collection.to_owned(),
            }
        };
        pattern
            .levels
            .iter()
            .map(level)
            .collect::<Vec<_>>()
            .join("/")
    }

    fn own_parent<'a>(text: &'a str, pattern: &NamePattern) -> &'a str {
        let last = pattern.levels.last().unwrap().collection;
        let end = text.rfind(&format!("{last}/")).unwrap();
        text[..end].trim_end_matches('/')
    }

    #[test]
    fn only_a_listed_location_enters_a_host() {
        let vertex = Service::named("aiplatform.v1").unwrap();
        let root = vertex.endpoint();
        let of = |location: &str| {
            let name = format!("projects/p/locations/{location}/operations/1");
            root.regional(&name).map(|endpoint| endpoint.to_string())
        };
        let dutch = "https://europe-west4-aiplatform.googleapis.com/v1";
        assert_eq!(of("europe-west4").as_deref(), Some(dutch));
        let american = "https://aiplatform.us.rep.googleapis.com/v1";
        assert_eq!(of("us").as_deref(), Some(american));
        for other in [
            "global",
            "mars",
            "us@evil.example",
            "us#",
            "us?",
            "us:80",
            "evil.example",
            "us.",
            "",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        for other in ["operations/us", "locations", ""] {
            assert!(root.regional(other).is_none(), "{other}");
        }
        // Another place than Google's serves all locations itself.
        let local: Endpoint = "http://127.0.0.1:1".parse().unwrap();
        let local = local.of_service(vertex);
        assert!(
            local
                .regional("projects/p/locations/us/operations/1")
                .is_none()
        );
    }

    #[test]
    fn a_machine_does_not_begin_at_the_endpoint_of_another_service() {
        let documentai = Service::named("documentai.v1").unwrap();
        let text = "projects/p/locations/us/operations/1";
        let name = OperationName::parse(documentai, text).unwrap();
        for (url, begins) in [
            ("https://documentai.googleapis.com", true),
            ("https://us-documentai.googleapis.com", true),
            ("http://127.0.0.1:1", true),
            ("https://androidmanagement.googleapis.com", false),
            ("https://AndroidManagement.googleapis.com.", false),
            ("https://androidmanagement.googleapis.com.:443", false),
            ("https://xdocumentai.googleapis.com", false),
        ] {
            let endpoint: Endpoint = url.parse().unwrap();
            let cancel = Cancellation::new(name.clone()).endpoint(endpoint.clone());
            let get = Fetch::operation(name.clone()).endpoint(endpoint);
            let refused = match (cancel.start(Time::START, 1), get.start(Time::START, 1)) {
                (Step::Send(_), Step::Send(_)) => None,
                (Step::Done(Err(one)), Step::Done(Err(two))) => Some([one, two]),
                _ => panic!("{url}"),
            };
            assert_eq!(refused.is_none(), begins, "{url}");
            for error in refused.into_iter().flatten() {
                assert_eq!((error.key().as_str(), error.attempts()), ("not_allowed", 0));
                assert!(!error.maybe_delivered(), "{error}");
            }
        }
    }

    #[test]
    fn a_machine_does_not_begin_a_method_that_the_service_has_not() {
        let builds = Service::named("cloudbuild.v1").unwrap();
        let gke = Service::named("container.v1").unwrap();
        let text = "projects/p/locations/us/operations/1";
        let build = OperationName::parse(builds, text).unwrap();
        let cluster = OperationName::parse(gke, text).unwrap();
        let listed = |name: &OperationName| {
            let request = Request::ListOperations(name.parent(), PageQuery::default());
            Fetch::new(request).unwrap().start(Time::START, 1)
        };
        let get = Fetch::operation(build.clone()).start(Time::START, 1);
        assert!(matches!(get, Step::Send(_)));
        let get = Fetch::operation(cluster.clone()).start(Time::START, 1);
        let Step::Done(Err(get)) = get else {
            panic!("{get:?}");
        };
        let (Step::Done(Err(one)), Step::Done(Err(other))) = (listed(&build), listed(&cluster))
        else {
            panic!("a list of what has none");
        };
        for error in [get, one, other] {
            assert_eq!((error.key().as_str(), error.attempts()), ("no_method", 0));
            let text = crate::chain::chain(&error);
            assert!(text.contains("no method that"), "{text}");
        }
        // A cancel has no other condition, and is unverified at its end.
        let cancel = Cancellation::new(cluster).start(Time::START, 1);
        assert!(matches!(cancel, Step::Send(_)));
    }

    #[test]
    fn a_token_may_go_to_the_hosts_of_its_service_alone() {
        let root = Service::named("aiplatform.v1").unwrap().endpoint();
        for (host, may) in [
            ("https://aiplatform.googleapis.com/", true),
            ("https://europe-west4-aiplatform.googleapis.com/", true),
            ("https://aiplatform.us.rep.googleapis.com/", true),
            ("http://aiplatform.us.rep.googleapis.com/", false),
            ("https://aiplatform.us.rep.googleapis.com:444/", false),
            ("https://mars-aiplatform.googleapis.com/", false),
            ("https://aiplatform.mars.rep.googleapis.com/", false),
            ("https://documentai.us.rep.googleapis.com/", false),
            (
                "https://europe-west4-aiplatform.googleapis.com.evil.example/",
                false,
            ),
            (
                "https://evil.example/europe-west4-aiplatform.googleapis.com",
                false,
            ),
        ] {
            assert_eq!(root.is_origin_of(&host.parse().unwrap()), may, "{host}");
        }
    }
}
