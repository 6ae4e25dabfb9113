//! The behaviour of a service beyond its description.

use countermand_core::{Level, MetadataPaths, Service, put_at};
use serde_json::{Map, Value, json};

use crate::answer::Failure;
use crate::call::{Call, Query};
use crate::fleet::{Defaults, Parent};
use crate::method::OwnMethod;
use crate::operation::Operation;
use crate::quirks::Quirks;
use crate::rng::Rng;
use crate::time::rfc3339;
use crate::truth::State;
use crate::world::World;

/// A command that the emulator makes up: its type and its parameters.
pub(crate) type Command = (&'static str, Map<String, Value>);

/// The behaviour of one service that its description does not have.
#[derive(Debug)]
pub(crate) struct Extras {
    /// Methods beside the five of every service.
    pub(crate) methods: &'static [OwnMethod],
    /// Methods of the real API that the emulator has not: HTTP method and path.
    pub(crate) not_emulated: &'static [(&'static str, &'static str)],
    /// Carries out one of `methods`.
    pub(crate) perform: fn(&mut World<'_>, &Call, &Query, &[u8]) -> Result<Value, Failure>,
    /// True where discovery gives the list of operations a name that ends with their collection.
    pub(crate) names_collections: bool,
    /// Schemas of the discovery document, beside those of every service.
    pub(crate) schemas: fn() -> Map<String, Value>,
    /// The noun for an operation in messages.
    pub(crate) noun: &'static str,
    /// The type and validity of an operation that is added without them.
    pub(crate) defaults: Defaults,
    /// Makes up the id of the resource of this number.
    pub(crate) id: fn(&Level, usize, &mut Rng) -> String,
    /// Makes up a command that is open.
    pub(crate) open: fn(&mut Rng) -> Command,
    /// Makes up a command of the past.
    pub(crate) finished: fn(&mut Rng) -> Command,
    /// The metadata of an operation.
    pub(crate) metadata: fn(&Service, &Operation, State, &Quirks) -> Map<String, Value>,
    /// The type of the response of a completed operation.
    pub(crate) response: &'static str,
    /// The time of creation of a resource with a state of its own, from Unix milliseconds.
    pub(crate) created: fn(u64) -> Value,
    /// Ids of a level that no path has, which a request may leave out.
    pub(crate) usual_ids: &'static [&'static str],
    /// The JSON of a parent.
    pub(crate) parent: fn(&Parent) -> Value,
}

/// A service that has nothing but its description.
pub(crate) const PLAIN: Extras = Extras {
    methods: &[],
    not_emulated: &[],
    perform: |_, _, _, _| Err(Failure::not_emulated()),
    names_collections: false,
    schemas: Map::new,
    noun: "operation",
    defaults: Defaults {
        kind: VERBS[0],
        validity: None,
    },
    id: |level, number, _| match (level.collection, LOCATIONS.get(number)) {
        ("locations" | "regions", Some(location)) => (*location).to_owned(),
        ("projects", _) if number == 0 => "emulator".to_owned(),
        _ => format!("{}-{}", level.noun, number + 1),
    },
    open: verb,
    finished: verb,
    metadata,
    response: "type.googleapis.com/google.protobuf.Empty",
    created: |unix_ms| rfc3339(unix_ms).into(),
    usual_ids: &[],
    parent: |parent| json!({"name": parent.name}),
};

const VERBS: [&str; 3] = ["create", "update", "delete"];

const LOCATIONS: [&str; 6] = [
    "us-central1",
    "europe-west4",
    "asia-northeast1",
    "us-east1",
    "europe-west1",
    "southamerica-east1",
];

/// The places of a service that reads metadata by a type of its own.
const COMMON: MetadataPaths = MetadataPaths {
    kind: &["verb"],
    create_time: &["createTime"],
    cancel_asked: &["requestedCancellation"],
};

fn verb(rng: &mut Rng) -> Command {
    (VERBS[rng.below(VERBS.len() as u64) as usize], Map::new())
}

/// The facts at the places that the description names. Where it names several, operations differ: each product of
/// a service has its own.
fn metadata(
    service: &Service,
    operation: &Operation,
    _: State,
    quirks: &Quirks,
) -> Map<String, Value> {
    let mut metadata = operation.params.clone();
    let (api, version) = service.id.split_once('.').unwrap_or((service.id, "v1"));
    let paths = service.operation.paths().unwrap_or(&COMMON);
    let kind = match quirks.extras {
        true => "timeTravel",
        false => &operation.kind,
    };
    // The last word of the type is the kind where no field tells it.
    let message = match paths.kind {
        [] => kind,
        _ => "OperationMetadata",
    };
    let url = format!("type.googleapis.com/google.cloud.{api}.{version}.{message}");
    metadata.insert("@type".to_owned(), url.into());
    let created = rfc3339(operation.created).into();
    let mut set = |paths: &[&str], value: Value| {
        if let Some(path) = operation.choose(paths) {
            put_at(&mut metadata, path, value);
        }
    };
    set(paths.kind, kind.into());
    set(paths.create_time, created);
    if operation.cancel_asked.is_some() {
        set(paths.cancel_asked, true.into());
    }
    metadata
}
