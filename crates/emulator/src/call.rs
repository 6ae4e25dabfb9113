//! A request, understood: which method, on what, with which parameters.

use http::Request;

use crate::answer::{Failure, Style};
use crate::discovery;
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
    EnterprisesGet,
    EnterprisesList,
    PoliciesGet,
    PoliciesList,
    PoliciesPatch,
    EnrollmentTokensCreate,
    EnrollmentTokensGet,
    EnrollmentTokensList,
    /// One that the real API has and the emulator has not.
    NotEmulated,
}

impl Method {
    /// Its name in the discovery document; `None` for one that the emulator has not.
    const fn id(self) -> Option<&'static str> {
        Some(match self {
            Self::Cancel => "enterprises.devices.operations.cancel",
            Self::Get => "enterprises.devices.operations.get",
            Self::List => "enterprises.devices.operations.list",
            Self::DevicesGet => "enterprises.devices.get",
            Self::DevicesList => "enterprises.devices.list",
            Self::IssueCommand => "enterprises.devices.issueCommand",
            Self::EnterprisesGet => "enterprises.get",
            Self::EnterprisesList => "enterprises.list",
            Self::PoliciesGet => "enterprises.policies.get",
            Self::PoliciesList => "enterprises.policies.list",
            Self::PoliciesPatch => "enterprises.policies.patch",
            Self::EnrollmentTokensCreate => "enterprises.enrollmentTokens.create",
            Self::EnrollmentTokensGet => "enterprises.enrollmentTokens.get",
            Self::EnrollmentTokensList => "enterprises.enrollmentTokens.list",
            Self::NotEmulated => return None,
        })
    }

    /// The words a script has for the methods.
    pub(crate) const WORDS: [(&str, Self); 14] = [
        ("cancel", Self::Cancel),
        ("get", Self::Get),
        ("list", Self::List),
        ("devices.get", Self::DevicesGet),
        ("devices.list", Self::DevicesList),
        ("issueCommand", Self::IssueCommand),
        ("enterprises.get", Self::EnterprisesGet),
        ("enterprises.list", Self::EnterprisesList),
        ("policies.get", Self::PoliciesGet),
        ("policies.list", Self::PoliciesList),
        ("policies.patch", Self::PoliciesPatch),
        ("enrollmentTokens.create", Self::EnrollmentTokensCreate),
        ("enrollmentTokens.get", Self::EnrollmentTokensGet),
        ("enrollmentTokens.list", Self::EnrollmentTokensList),
    ];

    pub(crate) fn word(self) -> &'static str {
        let known = Self::WORDS.iter().find(|(_, method)| *method == self);
        known.map_or("not emulated", |(word, _)| word)
    }
}

/// A method and the resource in its path: for a list its parent, for `enterprises.list` nothing.
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
        let (method, named) = method(request.method(), &segments, verb)?;
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

/// The method of a path's segments and its verb, and how many of the segments are the resource's name.
fn method(http: &http::Method, segments: &[&str], verb: Option<&str>) -> Option<(Method, usize)> {
    use Method::{
        Cancel, DevicesGet, DevicesList, EnrollmentTokensCreate, EnrollmentTokensGet,
        EnrollmentTokensList, EnterprisesGet, EnterprisesList, Get, IssueCommand, List,
        NotEmulated, PoliciesGet, PoliciesList, PoliciesPatch,
    };
    let found = match (http.as_str(), segments, verb) {
        ("GET", ["enterprises"], None) => (EnterprisesList, 0),
        ("GET", ["enterprises", _], None) => (EnterprisesGet, 2),
        ("GET", ["enterprises", _, "devices"], None) => (DevicesList, 2),
        ("GET", ["enterprises", _, "devices", _], None) => (DevicesGet, 4),
        ("GET", ["enterprises", _, "devices", _, "operations"], None) => (List, 4),
        ("GET", ["enterprises", _, "devices", _, "operations", _], None) => (Get, 6),
        ("POST", ["enterprises", _, "devices", _, "operations", _], Some("cancel")) => (Cancel, 6),
        ("POST", ["enterprises", _, "devices", _], Some("issueCommand")) => (IssueCommand, 4),
        ("GET", ["enterprises", _, "policies"], None) => (PoliciesList, 2),
        ("GET", ["enterprises", _, "policies", _], None) => (PoliciesGet, 4),
        ("PATCH", ["enterprises", _, "policies", _], None) => (PoliciesPatch, 4),
        ("POST", ["enterprises", _, "enrollmentTokens"], None) => (EnrollmentTokensCreate, 2),
        ("GET", ["enterprises", _, "enrollmentTokens"], None) => (EnrollmentTokensList, 2),
        ("GET", ["enterprises", _, "enrollmentTokens", _], None) => (EnrollmentTokensGet, 4),
        // The rest of the real API, as far as its paths go.
        ("POST", ["signupUrls" | "enterprises"], None) | ("GET", ["provisioningInfo", _], None) => {
            (NotEmulated, 0)
        }
        ("PATCH" | "DELETE", ["enterprises", _], None)
        | ("POST", ["enterprises", _], Some("generateEnterpriseUpgradeUrl"))
        | (
            "GET" | "POST",
            [
                "enterprises",
                _,
                "webApps" | "webTokens" | "migrationTokens",
            ],
            None,
        ) => (NotEmulated, 2),
        ("PATCH" | "DELETE", ["enterprises", _, "devices", _], None)
        | ("DELETE", ["enterprises", _, "policies" | "enrollmentTokens", _], None)
        | (
            "POST",
            ["enterprises", _, "policies", _],
            Some("modifyPolicyApplications" | "removePolicyApplications"),
        )
        | ("GET", ["enterprises", _, "applications" | "migrationTokens", _], None)
        | ("GET" | "PATCH" | "DELETE", ["enterprises", _, "webApps", _], None) => (NotEmulated, 4),
        _ => return None,
    };
    Some(found)
}

/// The query parameters that mean something here.
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
    /// A parameter of another method is as unknown as one that no method has.
    pub(crate) fn parse(
        method: Method,
        query: Option<&str>,
        field_mask: Option<&str>,
    ) -> Result<Self, Failure> {
        let own = method.id().and_then(discovery::parameters);
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
                others
                    if own.is_some_and(|own| !own.contains(&others))
                        && discovery::is_parameter(others) =>
                {
                    return Err(unbound(others));
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
                "pageSize" => {
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
