//! A request, understood: which method, on what, with which parameters.

use http::Request;

use crate::answer::Failure;
use crate::mask::Mask;
use crate::percent::{decode, decode_query};

/// A method of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Method {
    Cancel,
    Get,
    List,
    DevicesGet,
    DevicesList,
    IssueCommand,
}

impl Method {
    /// The words a script has for the methods.
    pub(crate) const WORDS: [(&str, Self); 6] = [
        ("cancel", Self::Cancel),
        ("get", Self::Get),
        ("list", Self::List),
        ("devices.get", Self::DevicesGet),
        ("devices.list", Self::DevicesList),
        ("issueCommand", Self::IssueCommand),
    ];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Get => "get",
            Self::List => "list",
            Self::DevicesGet => "devices.get",
            Self::DevicesList => "devices.list",
            Self::IssueCommand => "issueCommand",
        }
    }
}

/// A method and the resource in its path; an enterprise for `devices.list`, a device for `list` and `issueCommand`.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) name: String,
}

impl Call {
    /// `None` for what the front end does not route. An escape that is broken is not routed either.
    pub(crate) fn route<B>(request: &Request<B>) -> Option<Self> {
        let rest = request.uri().path().strip_prefix("/v1/")?;
        // The verb is what follows the last literal colon of the last segment; inside an id it would be %3A.
        let (path, verb) = match rest.rsplit_once(':') {
            Some((path, verb)) if !verb.contains('/') => (path, Some(verb)),
            _ => (rest, None),
        };
        let segments: Vec<&str> = path.splitn(8, '/').collect();
        if segments.iter().any(|segment| segment.is_empty()) {
            return None;
        }
        use Method::{Cancel, DevicesGet, DevicesList, Get, IssueCommand, List};
        let post = request.method() == http::Method::POST;
        if !post && request.method() != http::Method::GET {
            return None;
        }
        let (method, named) = match (post, segments.as_slice(), verb) {
            (false, ["enterprises", _, "devices"], None) => (DevicesList, 2),
            (false, ["enterprises", _, "devices", _], None) => (DevicesGet, 4),
            (false, ["enterprises", _, "devices", _, "operations"], None) => (List, 4),
            (false, ["enterprises", _, "devices", _, "operations", _], None) => (Get, 6),
            (true, ["enterprises", _, "devices", _, "operations", _], Some("cancel")) => {
                (Cancel, 6)
            }
            (true, ["enterprises", _, "devices", _], Some("issueCommand")) => (IssueCommand, 4),
            _ => return None,
        };
        let mut name = String::with_capacity(path.len());
        for segment in &segments[..named] {
            if !name.is_empty() {
                name.push('/');
            }
            name.push_str(&decode(segment)?);
        }
        Some(Self { method, name })
    }

    /// What a quota is counted on: the device, or the enterprise whose devices are listed.
    pub(crate) fn resource(&self) -> &str {
        match self.name.find("/operations/") {
            Some(end) => &self.name[..end],
            None => &self.name,
        }
    }
}

/// The query parameters that mean something here.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) fields: Option<Mask>,
    pub(crate) pretty: bool,
    pub(crate) page_size: u32,
    pub(crate) page_token: Option<String>,
    pub(crate) partial_success: bool,
}

impl Query {
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, Failure> {
        let mut parsed = Self {
            fields: None,
            pretty: true,
            page_size: 0,
            page_token: None,
            partial_success: false,
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
            match &*key {
                "fields" if value.is_empty() => {}
                "fields" => {
                    let mask = Mask::parse(&value).ok_or_else(|| {
                        Failure::invalid(format!("Invalid field selection {value}"))
                    })?;
                    parsed.fields = Some(mask);
                }
                "prettyPrint" => parsed.pretty = boolean(&key, &value)?,
                "returnPartialSuccess" => parsed.partial_success = boolean(&key, &value)?,
                "pageSize" => {
                    parsed.page_size = value.parse().map_err(|_| unfit(&key, &value))?;
                }
                "pageToken" if value.is_empty() => {}
                "pageToken" => parsed.page_token = Some(value.into_owned()),
                "alt" if value == "json" => {}
                "alt" => return Err(unfit(&key, &value)),
                "filter" | "quotaUser" | "$.xgafv" | "key" | "access_token" | "oauth_token"
                | "callback" | "uploadType" | "upload_protocol" => {}
                unknown => {
                    return Err(Failure::invalid(format!(
                        "Invalid JSON payload received. Unknown name \"{unknown}\": Cannot bind query parameter."
                    )));
                }
            }
        }
        Ok(parsed)
    }
}

fn boolean(key: &str, value: &str) -> Result<bool, Failure> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(unfit(key, value)),
    }
}

fn unfit(key: &str, value: &str) -> Failure {
    Failure::invalid(format!("Invalid value at '{key}': \"{value}\""))
}
