//! The methods of a service.

use countermand_core::Service;

/// A method: one of the five that a service's description implies, or one of its own.
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

/// A method that one service has beside the five, as data.
#[derive(Debug)]
pub(crate) struct OwnMethod {
    /// Its word in a script. The verb behind the last dot is that of the discovery document.
    pub(crate) word: &'static str,
    /// Its path, as in [`Row::path`].
    pub(crate) path: &'static str,
    /// Its query parameters, without those of the system.
    pub(crate) query: &'static [&'static str],
    /// The schema of its request, empty for none.
    pub(crate) request: &'static str,
    /// The schema of its response.
    pub(crate) response: &'static str,
}

/// A method of an emulated service: its route and its discovery document.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) method: Method,
    /// Its word in a script, `cancel` or `devices.list`.
    pub(crate) word: String,
    /// The HTTP method.
    pub(crate) http: &'static str,
    /// The path behind the prefix, with `*` for an id. The resource that it is about ends with the last of them.
    pub(crate) path: String,
    /// Its query parameters, without those of the system.
    pub(crate) query: &'static [&'static str],
    /// The schema of its request, empty for none.
    pub(crate) request: &'static str,
    /// The schema of its response.
    pub(crate) response: String,
}

/// The query parameters of a list.
pub(crate) const PAGES: &[&str] = &["pageSize", "pageToken"];
const OPERATION_PAGES: &[&str] = &["filter", "pageSize", "pageToken", "returnPartialSuccess"];

impl Row {
    /// The verb in the discovery document.
    pub(crate) fn verb(&self) -> &str {
        self.word
            .rsplit_once('.')
            .map_or(&*self.word, |(_, verb)| verb)
    }

    /// The collections in its path, the first one first.
    pub(crate) fn collections(&self) -> impl Iterator<Item = &str> {
        let path = self.path.split(':').next().unwrap_or_default();
        path.split('/').step_by(2)
    }

    /// The segments of its path, and what follows the colon.
    fn template(&self) -> (impl Iterator<Item = &str>, Option<&str>) {
        let (path, verb) = match self.path.split_once(':') {
            Some((path, verb)) => (path, Some(verb)),
            None => (&*self.path, None),
        };
        (path.split('/'), verb)
    }

    /// The number of segments that name the resource, if the method has this path.
    pub(crate) fn matches(
        &self,
        http: &http::Method,
        segments: &[&str],
        verb: Option<&str>,
    ) -> Option<usize> {
        let (template, own_verb) = self.template();
        if self.http != http.as_str() || own_verb != verb {
            return None;
        }
        let (mut named, mut count) = (0, 0);
        for own in template {
            let segment = segments.get(count)?;
            count += 1;
            match own {
                "*" => named = count,
                own if own == *segment => {}
                _ => return None,
            }
        }
        (count == segments.len()).then_some(named)
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
            method: Method::NotEmulated,
            word: "not emulated".to_owned(),
            http,
            path: (*path).to_owned(),
            query: &[],
            request: "",
            response: String::new(),
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

/// The five methods that every description of a service implies.
fn described(service: &Service) -> Vec<Row> {
    let depth = service.levels.len();
    let path = |levels: usize| {
        let segments = service.levels.iter().take(levels);
        let segments = segments.map(|level| format!("{}/*", level.collection));
        segments.collect::<Vec<_>>().join("/")
    };
    let list = |levels: usize| {
        let above = path(levels - 1);
        let collection = service.levels[levels - 1].collection;
        let path = format!("{above}/{collection}");
        let response = format!("List{}Response", capitalized(collection));
        (path.trim_start_matches('/').to_owned(), response)
    };
    let row = |method, word: &str, http, path, query, response| Row {
        method,
        word: word.to_owned(),
        http,
        path,
        query,
        request: "",
        response,
    };
    let (operation, parent) = (service.level_above(0), service.level_above(1));
    let cancel = format!("{}{}", path(depth), service.cancel);
    let shown = capitalized(operation.noun);
    let (operations, page) = list(depth);
    let mut rows = vec![
        row(
            Method::Cancel,
            "cancel",
            "POST",
            cancel,
            &[],
            "Empty".to_owned(),
        ),
        row(Method::Get, "get", "GET", path(depth), &[], shown),
        row(
            Method::List,
            "list",
            "GET",
            operations,
            OPERATION_PAGES,
            page,
        ),
    ];
    if depth > 1 {
        let (get, shown) = (
            format!("{}.get", parent.collection),
            capitalized(parent.noun),
        );
        rows.push(row(
            Method::GetParent,
            &get,
            "GET",
            path(depth - 1),
            &[],
            shown,
        ));
        let (word, (parents, page)) = (format!("{}.list", parent.collection), list(depth - 1));
        rows.push(row(Method::ListParents, &word, "GET", parents, PAGES, page));
    }
    rows
}

fn own(own: &OwnMethod) -> Row {
    let mut row = Row {
        method: Method::Own(own.word),
        word: own.word.to_owned(),
        http: "POST",
        path: own.path.to_owned(),
        query: own.query,
        request: own.request,
        response: own.response.to_owned(),
    };
    row.http = match row.verb() {
        "get" | "list" => "GET",
        "patch" => "PATCH",
        _ => "POST",
    };
    row
}

/// The word as it stands in the name of a message.
pub(crate) fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
