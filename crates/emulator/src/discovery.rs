//! The discovery document: the methods the emulator has, for clients that are made from it.

use http::{Method, Request};
use serde_json::{Map, Value, json};

use crate::identity::SCOPE;

/// The method's id below `androidmanagement.`.
type Id = &'static str;
/// The resource in the path, `*` for an id, and what follows it.
type Path = (&'static str, &'static str);

/// Id, HTTP method, path, the path's parameter, query parameters, request and response.
type Row = (
    Id,
    &'static str,
    Path,
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static str,
);

const METHODS: [Row; 14] = [
    (
        "enterprises.list",
        "GET",
        ("", "enterprises"),
        "",
        &["projectId", "view", "pageSize", "pageToken"],
        "",
        "ListEnterprisesResponse",
    ),
    (
        "enterprises.get",
        "GET",
        ("enterprises/*", ""),
        "name",
        &[],
        "",
        "Enterprise",
    ),
    (
        "enterprises.devices.list",
        "GET",
        ("enterprises/*", "/devices"),
        "parent",
        &["pageSize", "pageToken"],
        "",
        "ListDevicesResponse",
    ),
    (
        "enterprises.devices.get",
        "GET",
        ("enterprises/*/devices/*", ""),
        "name",
        &[],
        "",
        "Device",
    ),
    (
        "enterprises.devices.issueCommand",
        "POST",
        ("enterprises/*/devices/*", ":issueCommand"),
        "name",
        &[],
        "Command",
        "Operation",
    ),
    (
        "enterprises.devices.operations.list",
        "GET",
        ("enterprises/*/devices/*/operations", ""),
        "name",
        &["filter", "pageSize", "pageToken", "returnPartialSuccess"],
        "",
        "ListOperationsResponse",
    ),
    (
        "enterprises.devices.operations.get",
        "GET",
        ("enterprises/*/devices/*/operations/*", ""),
        "name",
        &[],
        "",
        "Operation",
    ),
    (
        "enterprises.devices.operations.cancel",
        "POST",
        ("enterprises/*/devices/*/operations/*", ":cancel"),
        "name",
        &[],
        "",
        "Empty",
    ),
    (
        "enterprises.policies.list",
        "GET",
        ("enterprises/*", "/policies"),
        "parent",
        &["pageSize", "pageToken"],
        "",
        "ListPoliciesResponse",
    ),
    (
        "enterprises.policies.get",
        "GET",
        ("enterprises/*/policies/*", ""),
        "name",
        &[],
        "",
        "Policy",
    ),
    (
        "enterprises.policies.patch",
        "PATCH",
        ("enterprises/*/policies/*", ""),
        "name",
        &["updateMask"],
        "Policy",
        "Policy",
    ),
    (
        "enterprises.enrollmentTokens.create",
        "POST",
        ("enterprises/*", "/enrollmentTokens"),
        "parent",
        &[],
        "EnrollmentToken",
        "EnrollmentToken",
    ),
    (
        "enterprises.enrollmentTokens.get",
        "GET",
        ("enterprises/*/enrollmentTokens/*", ""),
        "name",
        &[],
        "",
        "EnrollmentToken",
    ),
    (
        "enterprises.enrollmentTokens.list",
        "GET",
        ("enterprises/*", "/enrollmentTokens"),
        "parent",
        &["pageSize", "pageToken"],
        "",
        "ListEnrollmentTokensResponse",
    ),
];

/// The query parameters of a method by itself; those of the system are every method's.
pub(crate) fn parameters(id: &str) -> Option<&'static [&'static str]> {
    let row = METHODS.iter().find(|row| row.0 == id)?;
    Some(row.4)
}

/// A query parameter that one of the methods has by itself.
pub(crate) fn is_parameter(name: &str) -> bool {
    METHODS.iter().any(|row| row.4.contains(&name))
}

/// Whether the request asks for the document: at the API's own address, or at the one of the directory of APIs.
pub(crate) fn is_asked<B>(request: &Request<B>) -> bool {
    let uri = request.uri();
    let named = || {
        let mut query = uri.query().unwrap_or_default().split('&');
        query.any(|pair| pair == "version=v1")
    };
    request.method() == Method::GET
        && match uri.path() {
            "/discovery/v1/apis/androidmanagement/v1/rest" => true,
            "/$discovery/rest" | "/%24discovery/rest" => named(),
            _ => false,
        }
}

/// The document of an emulator at `root`, which has no slash at its end.
pub(crate) fn document(root: &str) -> Value {
    let mut resources = Map::new();
    for row in &METHODS {
        insert(&mut resources, row);
    }
    json!({
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "androidmanagement:v1",
        "name": "androidmanagement",
        "version": "v1",
        "revision": "0",
        "title": "Android Management API (emulator)",
        "description": "The methods of the Android Management API that the emulator of Countermand has.",
        "protocol": "rest",
        "rootUrl": format!("{root}/"),
        "baseUrl": format!("{root}/"),
        "servicePath": "",
        "basePath": "",
        "batchPath": "batch",
        "auth": {"oauth2": {"scopes": {SCOPE: {"description": "Manage Android devices"}}}},
        "parameters": {
            "$.xgafv": {"location": "query", "type": "string", "enum": ["1", "2"], "enumDescriptions": ["", ""]},
            "access_token": {"location": "query", "type": "string"},
            "alt": {"location": "query", "type": "string", "default": "json"},
            "callback": {"location": "query", "type": "string"},
            "fields": {"location": "query", "type": "string"},
            "key": {"location": "query", "type": "string"},
            "oauth_token": {"location": "query", "type": "string"},
            "prettyPrint": {"location": "query", "type": "boolean", "default": "true"},
            "quotaUser": {"location": "query", "type": "string"},
            "uploadType": {"location": "query", "type": "string"},
            "upload_protocol": {"location": "query", "type": "string"},
        },
        "resources": resources,
        "schemas": schemas(),
    })
}

/// Puts a method where its id says.
fn insert(resources: &mut Map<String, Value>, row: &Row) {
    let (id, http, (resource, rest), parameter, query, request, response) = row;
    let mut parameters = Map::new();
    let mut order = Vec::new();
    let mut path = format!("v1/{rest}");
    if !parameter.is_empty() {
        path = format!("v1/{{+{parameter}}}{rest}");
        order.push(*parameter);
        let pattern = format!("^{}$", resource.replace('*', "[^/]+"));
        parameters.insert(
            (*parameter).to_owned(),
            json!({"location": "path", "type": "string", "required": true, "pattern": pattern}),
        );
    }
    for name in *query {
        let kind = match *name {
            "pageSize" => json!({"location": "query", "type": "integer", "format": "int32"}),
            "returnPartialSuccess" => json!({"location": "query", "type": "boolean"}),
            "updateMask" => {
                json!({"location": "query", "type": "string", "format": "google-fieldmask"})
            }
            _ => json!({"location": "query", "type": "string"}),
        };
        parameters.insert((*name).to_owned(), kind);
    }
    let mut method = json!({
        "id": format!("androidmanagement.{id}"),
        "httpMethod": http,
        "path": path,
        "flatPath": format!("v1/{}{rest}", flat(resource)),
        "parameters": parameters,
        "parameterOrder": order,
        "response": {"$ref": response},
        "scopes": [SCOPE],
    });
    if !request.is_empty() {
        method["request"] = json!({"$ref": request});
    }
    let (parents, word) = id.rsplit_once('.').unwrap_or((id, id));
    let mut parents = parents.split('.');
    let first = parents.next().unwrap_or_default();
    let mut at = resources.entry(first).or_insert_with(|| json!({}));
    for parent in parents {
        at = &mut at["resources"][parent];
    }
    at["methods"][word] = method;
}

/// `enterprises/*/devices/*` as `enterprises/{enterprisesId}/devices/{devicesId}`.
fn flat(resource: &str) -> String {
    let mut text = String::new();
    let mut collection = "";
    for segment in resource.split('/').filter(|segment| !segment.is_empty()) {
        if !text.is_empty() {
            text.push('/');
        }
        if segment == "*" {
            text.push_str(&format!("{{{collection}Id}}"));
        } else {
            text.push_str(segment);
            collection = segment;
        }
    }
    text
}

fn schemas() -> Value {
    let text = || json!({"type": "string"});
    let any = || json!({"type": "object", "additionalProperties": {"type": "any"}});
    let list = |key: &str, of: &str| {
        json!({
            key: {"type": "array", "items": {"$ref": of}},
            "nextPageToken": text(),
        })
    };
    let rows = [
        (
            "Command",
            json!({"type": text(), "duration": {"type": "string", "format": "google-duration"}, "createTime": {"type": "string", "format": "google-datetime"}, "newPassword": text(), "errorCode": text(), "wipeParams": any()}),
        ),
        (
            "Device",
            json!({"name": text(), "state": text(), "appliedState": text(), "managementMode": text(), "ownership": text(), "enrollmentTime": {"type": "string", "format": "google-datetime"}, "lastStatusReportTime": {"type": "string", "format": "google-datetime"}, "lastPolicySyncTime": {"type": "string", "format": "google-datetime"}}),
        ),
        ("Empty", json!({})),
        (
            "EnrollmentToken",
            json!({"name": text(), "value": text(), "duration": {"type": "string", "format": "google-duration"}, "expirationTimestamp": {"type": "string", "format": "google-datetime"}, "policyName": text(), "qrCode": text(), "additionalData": text(), "oneTimeOnly": {"type": "boolean"}}),
        ),
        (
            "Enterprise",
            json!({"name": text(), "enterpriseDisplayName": text()}),
        ),
        ("ListDevicesResponse", list("devices", "Device")),
        (
            "ListEnrollmentTokensResponse",
            list("enrollmentTokens", "EnrollmentToken"),
        ),
        ("ListEnterprisesResponse", list("enterprises", "Enterprise")),
        ("ListOperationsResponse", list("operations", "Operation")),
        ("ListPoliciesResponse", list("policies", "Policy")),
        (
            "Operation",
            json!({"name": text(), "metadata": any(), "done": {"type": "boolean"}, "error": {"$ref": "Status"}, "response": any()}),
        ),
        (
            "Policy",
            json!({"name": text(), "version": {"type": "string", "format": "int64"}}),
        ),
        (
            "Status",
            json!({"code": {"type": "integer", "format": "int32"}, "message": text(), "details": {"type": "array", "items": any()}}),
        ),
    ];
    let schemas = rows.into_iter().map(|(id, properties)| {
        let schema = json!({"id": id, "type": "object", "properties": properties});
        (id.to_owned(), schema)
    });
    Value::Object(schemas.collect())
}
