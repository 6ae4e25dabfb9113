//! The JSON of an operation.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::json::{Object, Text, without_value};
use crate::metadata::Metadata;

/// Reads the JSON of operations of a service, in one pass.
///
/// Metadata that nothing is read of costs nothing ([`PLAIN`](Self::PLAIN)). A service whose metadata tells
/// more has a type for the fields that are read, and a conversion:
///
/// ```
/// use countermand_core::{Metadata, Operation, OperationName, OperationReader, Service};
///
/// #[derive(serde::Deserialize)]
/// #[serde(rename_all = "camelCase")]
/// struct Progress {
///     verb: Option<String>,
/// }
///
/// impl From<Progress> for Metadata {
///     fn from(progress: Progress) -> Self {
///         let mut metadata = Self::default();
///         metadata.kind = progress.verb;
///         metadata
///     }
/// }
///
/// static DEVICES: Service = Service {
///     id: "devices.v1",
///     operation: OperationReader::new::<Progress>(),
///     ..countermand_core::services::android_management::ANDROID_MANAGEMENT
/// };
///
/// let text = "enterprises/e/devices/d/operations/1";
/// let name = OperationName::parse(&DEVICES, text)?;
/// let body = format!(r#"{{"name":"{text}","metadata":{{"verb":"reboot"}}}}"#);
/// let operation = Operation::read(name, &http::Response::new(body))?;
/// assert_eq!(operation.metadata.and_then(|metadata| metadata.kind).as_deref(), Some("reboot"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OperationReader(fn(&str) -> Result<RawOperation<'_>, String>);

impl OperationReader {
    /// For operations whose metadata has nothing that is read.
    pub const PLAIN: Self = Self::new::<Nothing>();

    /// For operations whose metadata is an `M`. Metadata that is no object, or that `M` refuses, makes the
    /// operation unreadable.
    #[must_use]
    pub const fn new<M: DeserializeOwned + Into<Metadata>>() -> Self {
        Self(|json| read::<M>(json))
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
#[serde(bound(deserialize = "'de: 'a, M: DeserializeOwned"))]
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
fn read<M: DeserializeOwned + Into<Metadata>>(json: &str) -> Result<RawOperation<'_>, String> {
    let Object(fields) = serde_json::from_str::<Object<Fields<'_, M>>>(json)
        .map_err(|error| without_value(&error.to_string()))?;
    Ok(RawOperation {
        name: fields.name,
        done: fields.done.unwrap_or(false),
        error: fields.error.map(|Object(status)| status),
        has_response: fields.response.is_some(),
        metadata: fields.metadata.map(|Object(metadata)| metadata.into()),
    })
}
