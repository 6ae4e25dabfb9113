//! The methods of a service.

use countermand_core::{CancelAnswer, Ids, Level, Reading, ResourceState, Service};

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
    /// Its query parameters, without those of the system.
    pub(crate) query: &'static [&'static str],
    /// The message that it is about: a resource, or the request of a method that starts an operation.
    pub(crate) message: String,
    /// The level that is listed, where the description has it.
    pub(crate) listed: Option<&'static Level>,
    /// The reading of what it is about, where that is a resource with a state of its own.
    pub(crate) state: Option<&'static ResourceState>,
}

/// The query parameters of a list.
pub(crate) const PAGES: &[&str] = &["pageSize", "pageToken"];
const OPERATION_PAGES: &[&str] = &["filter", "pageSize", "pageToken", "returnPartialSuccess"];
const STATE_PAGES: &[&str] = &["filter", "pageSize", "pageToken"];

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
                Some(CancelAnswer::Resource) => self.message.clone(),
                Some(CancelAnswer::Operation) => "Operation".to_owned(),
                Some(CancelAnswer::Object) => format!("Cancel{}Response", self.message),
            },
            _ => "Operation".to_owned(),
        }
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
pub(crate) struct Methods(Vec<Row>);

impl Methods {
    /// The methods that the description of a service implies, its own ones, and those that are not emulated.
    pub(crate) fn new(
        service: &Service,
        others: &[OwnMethod],
        not_emulated: &[(&'static str, &'static str)],
    ) -> Self {
        let mut rows = described(service);
        rows.extend(others.iter().map(own));
        rows.extend(not_emulated.iter().map(|(http, path)| Row {
            http,
            ..Row::of_path(Method::NotEmulated, "not emulated", path)
        }));
        Self(rows)
    }

    /// Those that the emulator has.
    pub(crate) fn emulated(&self) -> impl Iterator<Item = &Row> {
        let rows = self.0.iter();
        rows.filter(|row| row.method != Method::NotEmulated)
    }

    pub(crate) fn all(&self) -> &[Row] {
        &self.0
    }

    pub(crate) fn word(&self, method: Method) -> &str {
        let row = self.0.iter().find(|row| row.method == method);
        row.map_or("not emulated", |row| &row.word)
    }
}

/// The methods that a description of a service implies: those of each pattern of names, and those of the parents
/// of the usual one.
fn described(service: &Service) -> Vec<Row> {
    let mut rows = Vec::new();
    for pattern in service.patterns {
        // Paths without a level of the name lead to no resource of the emulator.
        if pattern.query_level.is_some() {
            continue;
        }
        let Some((own, above)) = pattern.levels.split_last() else {
            continue;
        };
        let (message, state, query) = match pattern.reading {
            Reading::Operation => ("Operation".to_owned(), None, OPERATION_PAGES),
            Reading::State(state) => (capitalized(own.noun), Some(state), STATE_PAGES),
        };
        let message = || message.clone();
        let cancel = Row {
            http: service.cancel.verb.as_str(),
            rest: service.cancel.suffix.to_owned(),
            ..Row::of(Method::Cancel, "cancel", pattern.levels, message())
        };
        let get = Row::of(Method::Get, "get", pattern.levels, message());
        let list = Row::list(Method::List, "list", above, own, message());
        let get = pattern.has_get.then_some(get);
        let list = pattern.has_list.then_some(Row { query, ..list });
        let all = [Some(cancel), get, list].into_iter().flatten();
        rows.extend(all.map(|row| Row { state, ..row }));
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

fn own(own: &OwnMethod) -> Row {
    let mut row = Row {
        query: own.query,
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
            resource: template(levels),
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
            query: PAGES,
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
            query: &[],
            message: String::new(),
            listed: None,
            state: None,
        }
    }
}

/// The names of these levels, with `*` for a segment and `**` for all that follow.
fn template(levels: &[Level]) -> String {
    let level = |level: &Level| match level.ids {
        Ids::Any => format!("{}/*", level.collection),
        Ids::Rest => format!("{}/**", level.collection),
        Ids::Only(id) => format!("{}/{id}", level.collection),
        Ids::None => level.collection.to_owned(),
    };
    levels.iter().map(level).collect::<Vec<_>>().join("/")
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
