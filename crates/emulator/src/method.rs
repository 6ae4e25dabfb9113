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
    /// The path behind the prefix, with `*` for an id. The resource that it is about ends with the last of them.
    pub(crate) path: String,
    /// Its query parameters, without those of the system.
    pub(crate) query: &'static [&'static str],
    /// The message that it is about: a resource, or the request of a method that starts an operation.
    pub(crate) message: String,
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
            "cancel" => "Empty".to_owned(),
            _ => "Operation".to_owned(),
        }
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
            message: String::new(),
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
    let depth = service.levels().len();
    let path = |levels: usize| {
        let segments = service.levels().iter().take(levels);
        let segments = segments.map(|level| format!("{}/*", level.collection));
        segments.collect::<Vec<_>>().join("/")
    };
    let (operation, parent) = (service.level_above(0), service.level_above(1));
    let cancel = format!("{}{}", path(depth), service.cancel);
    let list = |levels| path(levels).trim_end_matches("/*").to_owned();
    let get_parent = format!("{}.get", parent.collection);
    let list_parents = format!("{}.list", parent.collection);
    let rows = [
        (Method::Cancel, "cancel", cancel, &[][..], operation),
        (Method::Get, "get", path(depth), &[], operation),
        (
            Method::List,
            "list",
            list(depth),
            OPERATION_PAGES,
            operation,
        ),
        (Method::GetParent, &get_parent, path(depth - 1), &[], parent),
        (
            Method::ListParents,
            &list_parents,
            list(depth - 1),
            PAGES,
            parent,
        ),
    ];
    let rows = rows.map(|(method, word, path, query, level)| Row {
        method,
        word: word.to_owned(),
        http: if method == Method::Cancel {
            "POST"
        } else {
            "GET"
        },
        path,
        query,
        message: capitalized(level.noun),
    });
    rows.into()
}

fn own(own: &OwnMethod) -> Row {
    let mut row = Row {
        method: Method::Own(own.word),
        word: own.word.to_owned(),
        http: "POST",
        path: own.path.to_owned(),
        query: own.query,
        message: own.message.to_owned(),
    };
    row.http = match row.verb() {
        "get" | "list" => "GET",
        "patch" => "PATCH",
        _ => "POST",
    };
    row
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
