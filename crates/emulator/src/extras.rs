//! The behaviour of a service beyond its description.

use countermand_core::Level;
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
    /// Makes up the id of a resource.
    pub(crate) id: fn(&Level, &mut Rng) -> String,
    /// Makes up a command that is open.
    pub(crate) open: fn(&mut Rng) -> Command,
    /// Makes up a command of the past.
    pub(crate) finished: fn(&mut Rng) -> Command,
    /// The metadata of an operation.
    pub(crate) metadata: fn(&Operation, State, &Quirks) -> Map<String, Value>,
    /// The type of the response of a completed operation.
    pub(crate) response: &'static str,
    /// The JSON of a parent.
    pub(crate) parent: fn(&Parent) -> Value,
}

/// A service that has nothing but its description.
pub(crate) static PLAIN: Extras = Extras {
    methods: &[],
    not_emulated: &[],
    perform: |_, _, _, _| Err(Failure::not_emulated()),
    names_collections: false,
    schemas: Map::new,
    noun: "operation",
    defaults: Defaults {
        kind: "",
        validity: None,
    },
    id: |level, rng| format!("{}-{:08x}", level.noun, rng.next() as u32),
    open: |_| ("", Map::new()),
    finished: |_| ("", Map::new()),
    metadata: |operation, _, _| {
        let mut metadata = operation.params.clone();
        let kind = "type.googleapis.com/google.protobuf.Struct";
        metadata.insert("@type".to_owned(), kind.into());
        let created = rfc3339(operation.created);
        metadata.insert("createTime".to_owned(), created.into());
        metadata
    },
    response: "type.googleapis.com/google.protobuf.Empty",
    parent: |parent| json!({"name": parent.name}),
};
