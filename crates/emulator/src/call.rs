//! A request, understood: its method, its resource and its parameters.

use std::sync::Arc;

use countermand_core::{Level, OperationName, Service};
use http::Request;
use serde_json::{Map, Value};

use crate::answer::{Failure, Style};
use crate::mask::Mask;
use crate::method::{Method, Methods, Row};
use crate::name::{prefix, with_level};
use crate::percent::{decode, decode_query};

/// A method and the resource in its path: for a list its parent, empty for a list at the root.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) name: String,
    /// The levels of its resource, where the description has it.
    pub(crate) levels: &'static [Level],
    /// The level that is listed, where the description has it.
    pub(crate) listed: Option<&'static Level>,
    /// The number of the level that its path lacks.
    pub(crate) query_level: Option<usize>,
    /// Its query parameters, without those of the system.
    pub(crate) query: Arc<[&'static str]>,
}

impl Call {
    /// The first so many levels of its resource.
    pub(crate) fn prefix(&self, levels: usize) -> &str {
        prefix(self.levels, &self.name, levels)
    }

    /// `None` for a request that the front end does not route. A broken escape is not routed either. `is_known`: the names
    /// that there are.
    pub(crate) fn route<B>(
        service: &'static Service,
        methods: &Methods,
        request: &Request<B>,
        is_known: impl Fn(&str) -> bool,
    ) -> Option<Self> {
        let rest = request.uri().path().strip_prefix(service.prefix)?;
        let rest = rest.strip_prefix('/')?;
        // The verb is what follows the last literal colon of the last segment; inside an id it would be %3A.
        let (path, verb) = match rest.rsplit_once(':') {
            Some((path, verb)) if !verb.contains('/') => (path, Some(verb)),
            _ => (rest, None),
        };
        let segments: Vec<&str> = path.splitn(64, '/').collect();
        if segments.iter().any(|segment| segment.is_empty()) {
            return None;
        }
        let (row, named) = methods.all().iter().find_map(|row| {
            let named = row.matches(request.method(), &segments, verb)?;
            Some((row, named))
        })?;
        let mut name = String::with_capacity(path.len());
        for segment in &segments[..named] {
            if !name.is_empty() {
                name.push('/');
            }
            name.push_str(&decode(segment)?);
        }
        let query = request.uri().query().unwrap_or_default();
        Some(Self {
            method: row.method,
            name: whole_name(service, (methods, row), &name, query, is_known).unwrap_or(name),
            levels: row.levels,
            listed: row.listed,
            query_level: row.query_level,
            query: row.query.clone(),
        })
    }
}

/// The name in the one spelling of one resource whose path lacks a level, which the query has. Where the query does not
/// have it, a resource at one of the usual ids is found all the same.
fn whole_name(
    service: &'static Service,
    (methods, row): (&Methods, &Row),
    name: &str,
    query: &str,
    is_known: impl Fn(&str) -> bool,
) -> Option<String> {
    let number = row.query_level.filter(|_| row.method != Method::List)?;
    let noun = row.levels.get(number)?.noun;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let given =
        pairs.find(|(key, id)| decode_query(key).as_deref() == Some(noun) && !id.is_empty());
    let whole = |id: &str| {
        let name = with_level(row.levels, name, number, id)?;
        let parsed = OperationName::parse(service, &name).ok()?;
        Some(parsed.relative().to_owned())
    };
    match given {
        Some((_, id)) => whole(&decode_query(id)?),
        None => {
            let usual = methods.usual_ids().iter();
            usual.filter_map(|id| whole(id)).find(|name| is_known(name))
        }
    }
}

/// Query parameters that some methods have and others do not.
const OF_METHODS: [&str; 8] = [
    "filter",
    "maxResults",
    "pageSize",
    "pageToken",
    "projectId",
    "returnPartialSuccess",
    "updateMask",
    "view",
];

/// Query parameters with a meaning here.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) fields: Option<Mask>,
    pub(crate) style: Style,
    pub(crate) page_size: u32,
    pub(crate) page_token: Option<String>,
    pub(crate) partial_success: bool,
    pub(crate) project: Option<String>,
    pub(crate) update_mask: Option<Mask>,
}

impl Query {
    /// The parameters of a query, and of the header `X-Goog-FieldMask`. System parameters may begin with `$`.
    /// A parameter of another method is as unknown as one that no method has; `own` are those of this one.
    pub(crate) fn parse(
        own: &[&str],
        query: Option<&str>,
        field_mask: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut parsed = Self {
            fields: field_mask.map(mask).transpose()?,
            ..Self::default()
        };
        for pair in query
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
        {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(key), Some(value)) = (decode_query(key), decode_query(value)) else {
                return Err(Failure::invalid("Request contains an invalid argument."));
            };
            match json_name(&key) {
                name if OF_METHODS.contains(&name) && !own.contains(&name) => {
                    return Err(unbound(name));
                }
                "fields" | "$fields" if value.is_empty() => {}
                "fields" | "$fields" => parsed.fields = Some(mask(&value)?),
                "prettyPrint" | "$prettyPrint" => parsed.style.pretty = boolean(&key, &value)?,
                "$.xgafv" => match &*value {
                    "1" => {}
                    "2" => parsed.style.error_list = false,
                    _ => return Err(unfit(&key, &value)),
                },
                "returnPartialSuccess" => parsed.partial_success = boolean(&key, &value)?,
                "pageSize" | "maxResults" => {
                    parsed.page_size = value.parse().map_err(|_| unfit(&key, &value))?;
                }
                "pageToken" if value.is_empty() => {}
                "pageToken" => parsed.page_token = Some(value.into_owned()),
                // Enums stay words: their numbers are published nowhere, and readers of JSON take both.
                "alt" | "$alt" if value == "json" || value == "json;enum-encoding=int" => {}
                "alt" | "$alt" => return Err(unfit(&key, &value)),
                "projectId" => parsed.project = Some(value.into_owned()),
                "updateMask" if value.is_empty() => {}
                "updateMask" => parsed.update_mask = Some(mask(&value)?),
                "filter" | "view" | "quotaUser" | "$quotaUser" | "key" | "$key"
                | "access_token" | "oauth_token" | "callback" | "$callback" | "uploadType"
                | "upload_protocol" => {}
                name if own.contains(&name) => {}
                _ => return Err(unbound(&key)),
            }
        }
        Ok(parsed)
    }
}

/// The name in JSON of a parameter that may be called as its field is in the protocol buffer.
fn json_name(key: &str) -> &str {
    match key {
        "page_size" => "pageSize",
        "page_token" => "pageToken",
        "project_id" => "projectId",
        "return_partial_success" => "returnPartialSuccess",
        "update_mask" => "updateMask",
        key => key,
    }
}

fn mask(text: &str) -> Result<Mask, Failure> {
    Mask::parse(text).ok_or_else(|| Failure::invalid(format!("Invalid field selection {text}")))
}

fn boolean(key: &str, value: &str) -> Result<bool, Failure> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(unfit(key, value)),
    }
}

fn unbound(key: &str) -> Failure {
    Failure::invalid(format!(
        "Invalid JSON payload received. Unknown name \"{key}\": Cannot bind query parameter."
    ))
}

fn unfit(key: &str, value: &str) -> Failure {
    Failure::invalid(format!("Invalid value at '{key}': \"{value}\""))
}

/// The message in a body; no body is an empty one.
pub(crate) fn object(body: &[u8]) -> Result<Map<String, Value>, Failure> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_slice(body)
        .map_err(|_| Failure::invalid("Invalid JSON payload received. Unexpected token."))
}

pub(crate) fn unknown_field(key: &str) -> Failure {
    Failure::invalid(format!(
        "Invalid JSON payload received. Unknown name \"{key}\": Cannot find field."
    ))
}
