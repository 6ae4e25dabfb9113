//! The methods of a service.

use std::sync::Arc;

use countermand_core::{CancelAnswer, Ids, Level, NamePattern, Reading, ResourceState, Service};

/// A method: one of those that a service's description implies, or one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Method {
    Cancel,
    Get,
    List,
    GetParent,
    ListParents,
    /// A method of one service, by its word.
    Own(&'static str),
    /// A method that the real API has and the emulator has not.
    NotEmulated,
}

/// A method that one service has beside those of its description, as data.
#[derive(Debug)]
pub(crate) struct OwnMethod {
    /// Its word in a script. The verb behind the last dot is that of the discovery document.
    pub(crate) word: &'static str,
    /// Its path behind the prefix, with `*` for an id; the resource that it is about ends with the last of them.
    pub(crate) path: &'static str,
    /// Its query parameters, without those of the system.
    pub(crate) query: &'static [&'static str],
    /// The message that it is about, as in [`Row::message`].
    pub(crate) message: &'static str,
}

/// A method of an emulated service: its route and its discovery document.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) method: Method,
    /// Its word in a script, `cancel` or `devices.list`.
    pub(crate) word: String,
    /// The HTTP method.
    pub(crate) http: &'static str,
    /// The name of the resource that it is about, with `*` for a segment and `**` for all that follow.
    pub(crate) resource: String,
    /// The rest of the path: `:cancel`, or the collection that is listed.
    pub(crate) rest: String,
    /// The levels of the resource, where the description has it.
    pub(crate) levels: &'static [Level],
    /// The number of the level that no path has: a query parameter, or for a list all of its ids.
    pub(crate) query_level: Option<usize>,
    /// Its query parameters, without those of the system.
    pub(crate) query: Arc<[&'static str]>,
    /// The message that it is about: a resource, or the request of a method that starts an operation.
    pub(crate) message: String,
    /// The level that is listed, where the description has it.
    pub(crate) listed: Option<&'static Level>,
    /// The reading of what it is about, where that is a resource with a state of its own.
    pub(crate) state: Option<&'static ResourceState>,
}

/// The query parameters of a list.
pub(crate) const PAGES: &[&str] = &["pageSize", "pageToken"];

impl Row {
    /// The verb in the discovery document.
    pub(crate) fn verb(&self) -> &str {
        self.word
            .rsplit_once('.')
            .map_or(&*self.word, |(_, verb)| verb)
    }

    /// The schema of its request, if it has one.
    pub(crate) fn request(&self) -> Option<&str> {
        let reads = matches!(self.verb(), "get" | "list");
        (matches!(self.method, Method::Own(_)) && !reads).then_some(&self.message)
    }

    /// The schema of its response.
    pub(crate) fn response(&self) -> String {
        match self.verb() {
            "list" => {
                let collection = self.collections().last().unwrap_or_default();
                format!("List{}Response", capitalized(collection))
            }
            "get" | "create" | "patch" => self.message.clone(),
            "cancel" => match self.state.map(|state| state.answer) {
                None | Some(CancelAnswer::Empty) => "Empty".to_owned(),
                Some(CancelAnswer::Resource) if self.answer_field().is_empty() => {
                    self.message.clone()
                }
                Some(CancelAnswer::Resource) => format!("{}CancelResponse", self.message),
                Some(CancelAnswer::Operation) => "Operation".to_owned(),
                Some(CancelAnswer::Object) => format!("Cancel{}Response", self.message),
            },
            _ => "Operation".to_owned(),
        }
    }

    /// The field of the answer to a cancel that has the resource; empty where that is the whole answer.
    pub(crate) fn answer_field(&self) -> &'static str {
        self.state.map_or("", |state| state.answer_field)
    }

    /// The collections in its path, the first one first.
    pub(crate) fn collections(&self) -> impl Iterator<Item = &str> {
        let rest = match self.method {
            Method::Cancel => "",
            _ if self.rest.starts_with(':') => "",
            _ => &self.rest,
        };
        let segments = self.resource.split('/').chain(rest.split('/'));
        segments.filter(|segment| !matches!(*segment, "" | "*" | "**"))
    }

    /// The number of segments that name the resource, if the method has this path. `verb` is what follows the
    /// colon of the last segment.
    pub(crate) fn matches(
        &self,
        http: &http::Method,
        segments: &[&str],
        verb: Option<&str>,
    ) -> Option<usize> {
        let (rest, own_verb) = match self.rest.strip_prefix(':') {
            Some(verb) => ("", Some(verb)),
            None => (self.rest.trim_start_matches('/'), None),
        };
        if self.http != http.as_str() || own_verb != verb {
            return None;
        }
        let named = match (segments, rest) {
            (named, "") => named,
            ([named @ .., last], rest) if *last == rest => named,
            _ => return None,
        };
        let mut left = named.iter();
        for own in self.resource.split('/').filter(|own| !own.is_empty()) {
            let segment = left.next()?;
            match own {
                "**" => return Some(named.len()),
                "*" => {}
                own if own == *segment => {}
                _ => return None,
            }
        }
        left.next().is_none().then_some(named.len())
    }
}

/// Every method of an emulated service.
#[derive(Debug)]
pub(crate) struct Methods {
    rows: Vec<Row>,
    /// Ids of a level that no path has, which a request may leave out.
    usual_ids: &'static [&'static str],
}

impl Methods {
    /// The methods that the description of a service implies, its own ones, and those that are not emulated.
    pub(crate) fn new(
        service: &Service,
        others: &[OwnMethod],
        not_emulated: &[(&'static str, &'static str)],
        usual_ids: &'static [&'static str],
    ) -> Self {
        let mut rows = described(service);
        rows.extend(others.iter().map(own));
        rows.extend(not_emulated.iter().map(|(http, path)| Row {
            http,
            ..Row::of_path(Method::NotEmulated, "not emulated", path)
        }));
        Self { rows, usual_ids }
    }

    pub(crate) const fn usual_ids(&self) -> &'static [&'static str] {
        self.usual_ids
    }

    /// Those that the emulator has.
    pub(crate) fn emulated(&self) -> impl Iterator<Item = &Row> {
        let rows = self.rows.iter();
        rows.filter(|row| row.method != Method::NotEmulated)
    }

    pub(crate) fn all(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn word(&self, method: Method) -> &str {
        let row = self.rows.iter().find(|row| row.method == method);
        row.map_or("not emulated", |row| &row.word)
    }
}

/// The methods that a description of a service implies: those of each pattern of names, and those of the parents
/// of the usual one.
fn described(service: &Service) -> Vec<Row> {
    let mut rows = Vec::new();
    for pattern in service.patterns {
        let Some((own, above)) = pattern.levels.split_last() else {
            continue;
        };
        let (message, state) = match pattern.reading {
            Reading::Operation => ("Operation".to_owned(), None),
            Reading::State(state) => (capitalized(own.noun), Some(state)),
        };
        let message = || message.clone();
        let cancel = Row {
            http: service.cancel.verb.as_str(),
            rest: service.cancel.suffix.to_owned(),
            ..Row::of(Method::Cancel, "cancel", pattern.levels, message())
        };
        let get = Row::of(Method::Get, "get", pattern.levels, message());
        let list = Row {
            query: list_query(service, pattern).into(),
            ..Row::list(Method::List, "list", above, own, message())
        };
        let in_query = pattern
            .query_level
            .map(|number| &pattern.levels[number].noun);
        let one = [Some(cancel), pattern.has_get.then_some(get)];
        let one = one.into_iter().flatten().map(|row| Row {
            query: in_query.into_iter().copied().collect(),
            ..row
        });
        let all = one.chain(pattern.has_list.then_some(list));
        rows.extend(all.map(|row| Row {
            state,
            resource: template(row.levels, pattern.query_level),
            query_level: pattern.query_level,
            ..row
        }));
    }
    if let [above @ .., parents, _] = service.levels() {
        let message = || capitalized(parents.noun);
        let levels = &service.levels()[..=above.len()];
        let get = format!("{}.get", parents.collection);
        let list = format!("{}.list", parents.collection);
        rows.push(Row::of(Method::GetParent, &get, levels, message()));
        rows.push(Row::list(
            Method::ListParents,
            &list,
            above,
            parents,
            message(),
        ));
    }
    rows
}

/// The query parameters of the list of a pattern, sorted.
fn list_query(service: &Service, pattern: &NamePattern) -> Vec<&'static str> {
    let pairs = service.list_query.split('&');
    let own = pairs.filter_map(|pair| pair.split('=').next());
    let partial = matches!(pattern.reading, Reading::Operation).then_some("returnPartialSuccess");
    let filter = pattern.has_filter.then_some("filter");
    let mut query: Vec<_> = own
        .chain(filter)
        .chain(partial)
        .chain(["pageToken"])
        .collect();
    query.sort_unstable();
    query
}

fn own(own: &OwnMethod) -> Row {
    let mut row = Row {
        query: own.query.into(),
        message: own.message.to_owned(),
        ..Row::of_path(Method::Own(own.word), own.word, own.path)
    };
    row.http = match row.verb() {
        "get" | "list" => "GET",
        "patch" => "PATCH",
        _ => "POST",
    };
    row
}

impl Row {
    /// A method that reads the resource of these levels.
    fn of(method: Method, word: &str, levels: &'static [Level], message: String) -> Self {
        Self {
            resource: template(levels, None),
            levels,
            message,
            ..Self::of_path(method, word, "")
        }
    }

    /// A method that lists the resources of one level below these.
    fn list(
        method: Method,
        word: &str,
        above: &'static [Level],
        listed: &'static Level,
        message: String,
    ) -> Self {
        let slash = if above.is_empty() { "" } else { "/" };
        Self {
            rest: format!("{slash}{}", listed.collection),
            listed: Some(listed),
            query: PAGES.into(),
            ..Self::of(method, word, above, message)
        }
    }

    /// A method with this path behind the prefix, whose resource ends with the last `*`.
    fn of_path(method: Method, word: &str, path: &str) -> Self {
        let (resource, rest) = path.split_at(path.rfind('*').map_or(0, |last| last + 1));
        Self {
            method,
            word: word.to_owned(),
            http: "GET",
            resource: resource.to_owned(),
            rest: rest.to_owned(),
            levels: &[],
            query_level: None,
            query: [].into(),
            message: String::new(),
            listed: None,
            state: None,
        }
    }
}

/// The names of these levels in a path, which may lack one, with `*` for a segment and `**` for all that follow.
fn template(levels: &[Level], without: Option<usize>) -> String {
    let level = |level: &Level| match level.ids {
        Ids::Any => format!("{}/*", level.collection),
        Ids::Rest => format!("{}/**", level.collection),
        Ids::Only(id) => format!("{}/{id}", level.collection),
        Ids::None => level.collection.to_owned(),
    };
    let levels = levels.iter().enumerate();
    let levels = levels.filter(|(number, _)| Some(*number) != without);
    levels
        .map(|(_, it)| level(it))
        .collect::<Vec<_>>()
        .join("/")
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
