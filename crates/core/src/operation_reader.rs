//! The JSON of an operation.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::json::{Object, Text, without_value};
use crate::metadata::Metadata;

/// Reads the JSON of operations of a service, in one pass.
#[derive(Clone, Copy, Debug)]
pub struct OperationReader(fn(&str) -> Result<RawOperation<'_>, String>);

/// The metadata of operations, as a service writes it.
pub(crate) trait ServiceMetadata<'a>: Deserialize<'a> + Into<Metadata> {}

impl<'a, M: Deserialize<'a> + Into<Metadata>> ServiceMetadata<'a> for M {}

impl OperationReader {
    /// For operations whose metadata has nothing that is read.
    pub const PLAIN: Self = Self(|json| read::<Nothing>(json));

    pub(crate) const fn new(read: fn(&str) -> Result<RawOperation<'_>, String>) -> Self {
        Self(read)
    }

    pub(crate) fn read(self, json: &str) -> Result<RawOperation<'_>, String> {
        (self.0)(json)
    }
}

/// An operation of any name.
pub(crate) struct RawOperation<'a> {
    pub(crate) name: Option<Text<'a>>,
    pub(crate) done: bool,
    pub(crate) error: Option<RawStatus<'a>>,
    pub(crate) has_response: bool,
    pub(crate) metadata: Option<Metadata>,
}

#[derive(Deserialize)]
pub(crate) struct RawStatus<'a> {
    pub(crate) code: Option<i32>,
    #[serde(borrow)]
    pub(crate) message: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a, M: Deserialize<'de>"))]
struct Fields<'a, M> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
    done: Option<bool>,
    #[serde(borrow)]
    error: Option<Object<RawStatus<'a>>>,
    response: Option<IgnoredAny>,
    metadata: Option<Object<M>>,
}

#[derive(Deserialize)]
struct Nothing {}

impl From<Nothing> for Metadata {
    fn from(Nothing {}: Nothing) -> Self {
        Self::default()
    }
}

/// Reads an operation whose metadata is an `M`.
pub(crate) fn read<'a, M: ServiceMetadata<'a>>(json: &'a str) -> Result<RawOperation<'a>, String> {
    let Object(fields) = serde_json::from_str::<Object<Fields<'a, M>>>(json)
        .map_err(|error| without_value(&error.to_string()))?;
    Ok(RawOperation {
        name: fields.name,
        done: fields.done.unwrap_or(false),
        error: fields.error.map(|Object(status)| status),
        has_response: fields.response.is_some(),
        metadata: fields.metadata.map(|Object(metadata)| metadata.into()),
    })
}
