//! The discovery document: the methods the emulator has, for clients that are made from it.

use countermand_core::Service;
use http::{Method as Http, Request};
use serde_json::{Map, Value, json};

use crate::extras::Extras;
use crate::method::{Method, Methods, Row};

/// The name and the version of a service.
fn versioned(service: &Service) -> (&str, &str) {
    service.id.split_once('.').unwrap_or((service.id, "v1"))
}

/// True if the request is for the document: at the API's own address, or at the one of the directory of APIs.
pub(crate) fn is_asked<B>(service: &Service, request: &Request<B>) -> bool {
    let uri = request.uri();
    let (name, version) = versioned(service);
    request.method() == Http::GET
        && match uri.path() {
            "/$discovery/rest" | "/%24discovery/rest" => {
                let mut query = uri.query().unwrap_or_default().split('&');
                query.any(|pair| pair.strip_prefix("version=") == Some(version))
            }
            path => path
                .strip_prefix("/discovery/v1/apis/")
                .is_some_and(|path| path == format!("{name}/{version}/rest")),
        }
}

/// The document of an emulator at `root`, which has no slash at its end.
pub(crate) fn document(service: &Service, extras: &Extras, methods: &Methods, root: &str) -> Value {
    let (name, version) = versioned(service);
    let mut resources = Map::new();
    for row in methods.emulated() {
        insert(&mut resources, service, extras, row);
    }
    json!({
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": format!("{name}:{version}"),
        "name": name,
        "version": version,
        "revision": "0",
        "title": format!("{} (emulator)", service.title),
        "description": service.fill("The methods of the {title} that the emulator of Countermand has."),
        "protocol": "rest",
        "rootUrl": format!("{root}/"),
        "baseUrl": format!("{root}/"),
        "servicePath": "",
        "basePath": "",
        "batchPath": "batch",
        "auth": {"oauth2": {"scopes": {service.scope: {"description": service.title}}}},
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
        "schemas": schemas(extras, methods),
    })
}

/// Puts a method at the place that its id says.
fn insert(resources: &mut Map<String, Value>, service: &Service, extras: &Extras, row: &Row) {
    let prefix = service.prefix.trim_start_matches('/');
    let joined = format!("{}{}", row.resource, row.rest);
    let named = match row.method {
        Method::List if extras.names_collections => joined.len(),
        _ => row.resource.len(),
    };
    let (resource, rest) = joined.split_at(named);
    let parameter = match row.method {
        _ if resource.is_empty() => None,
        Method::List if row.state.is_none() => Some("name"),
        Method::Cancel => Some("name"),
        _ if rest.starts_with('/') => Some("parent"),
        _ => Some("name"),
    };
    let mut parameters = Map::new();
    let mut path = format!("{prefix}/{rest}");
    if let Some(parameter) = parameter {
        path = format!("{prefix}/{{+{parameter}}}{rest}");
        let segments = resource.split('/').map(|segment| match segment {
            "*" => "[^/]+",
            "**" => ".*",
            literal => literal,
        });
        let pattern = format!("^{}$", segments.collect::<Vec<_>>().join("/"));
        parameters.insert(
            parameter.to_owned(),
            json!({"location": "path", "type": "string", "required": true, "pattern": pattern}),
        );
    }
    for name in row.query.iter() {
        let kind = match *name {
            "pageSize" | "maxResults" => {
                json!({"location": "query", "type": "integer", "format": "int32"})
            }
            "returnPartialSuccess" => json!({"location": "query", "type": "boolean"}),
            "updateMask" => {
                json!({"location": "query", "type": "string", "format": "google-fieldmask"})
            }
            _ => json!({"location": "query", "type": "string"}),
        };
        parameters.insert((*name).to_owned(), kind);
    }
    let collections: Vec<&str> = row.collections().collect();
    let (name, _) = versioned(service);
    let verb = row.verb();
    let mut method = json!({
        "id": format!("{name}.{}.{verb}", collections.join(".")),
        "httpMethod": row.http,
        "path": path,
        "flatPath": format!("{prefix}/{}{rest}", flat(resource)),
        "parameters": parameters,
        "parameterOrder": parameter.into_iter().collect::<Vec<_>>(),
        "response": {"$ref": row.response()},
        "scopes": [service.scope],
    });
    if let Some(request) = row.request() {
        method["request"] = json!({"$ref": request});
    }
    let mut parents = collections.into_iter();
    let first = parents.next().unwrap_or_default();
    let mut at = resources.entry(first).or_insert_with(|| json!({}));
    for parent in parents {
        at = &mut at["resources"][parent];
    }
    at["methods"][verb] = method;
}

/// `enterprises/*/devices/*` as `enterprises/{enterprisesId}/devices/{devicesId}`.
fn flat(resource: &str) -> String {
    let mut collection = "";
    let segments = resource.split('/').map(|segment| {
        if matches!(segment, "*" | "**") {
            return format!("{{{collection}Id}}");
        }
        collection = segment;
        segment.to_owned()
    });
    segments.collect::<Vec<_>>().join("/")
}

fn schemas(extras: &Extras, methods: &Methods) -> Value {
    let text = || json!({"type": "string"});
    let any = || json!({"type": "object", "additionalProperties": {"type": "any"}});
    let mut schemas = Map::from_iter([
        ("Empty".to_owned(), json!({})),
        (
            "Operation".to_owned(),
            json!({
                "name": text(), "metadata": any(), "done": {"type": "boolean"},
                "error": {"$ref": "Status"}, "response": any(),
            }),
        ),
        (
            "Status".to_owned(),
            json!({
                "code": {"type": "integer", "format": "int32"}, "message": text(),
                "details": {"type": "array", "items": any()},
            }),
        ),
    ]);
    for row in methods.emulated() {
        // What discovery does not describe is taken as it comes.
        schemas.entry(row.response()).or_insert_with(|| json!({}));
        if row.verb() == "list" {
            let items = json!({"type": "array", "items": {"$ref": row.message}});
            let collection = row.collections().last().unwrap_or_default();
            let field = row.listed.map_or(collection, |level| level.page_field);
            let page = json!({field: items, "nextPageToken": text()});
            schemas.insert(row.response(), page);
        }
        let resource = schemas.entry(&*row.message);
        resource.or_insert_with(|| json!({"name": text()}));
    }
    schemas.extend((extras.schemas)());
    let schemas = schemas.into_iter().map(|(id, properties)| {
        let schema = json!({"id": id, "type": "object", "properties": properties});
        (id, schema)
    });
    Value::Object(schemas.collect())
}
