//! The JSON of an operation.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

use crate::json::{Object, Text, fields, without_value};
use crate::metadata::{Kept, Metadata};
use crate::timestamp::Timestamp;

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
pub struct OperationReader(Reader);

#[derive(Clone, Copy, Debug)]
enum Reader {
    Typed(fn(&str) -> Result<RawOperation<'_>, String>),
    Paths(MetadataPaths),
}

/// Places of facts in the metadata of operations: each a list of paths of fields, `genericMetadata.createTime`,
/// of which the first one that is there counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a service that is not built in is written as a literal"
)]
pub struct MetadataPaths {
    /// Kind of the operation. Where there is none, it is the last word of `@type`.
    pub kind: &'static [&'static str],
    /// Time at which the server created it, or began it.
    pub create_time: &'static [&'static str],
    /// True after a cancel was asked.
    pub cancel_asked: &'static [&'static str],
}

impl OperationReader {
    /// The reader of operations whose metadata is not read.
    pub const PLAIN: Self = Self::at(MetadataPaths {
        kind: &[],
        create_time: &[],
        cancel_asked: &[],
    });

    /// The reader of what [`Metadata`] was serialised as.
    pub(crate) const KEPT: Self = Self::new::<Kept>();

    /// A reader of operations whose metadata is an `M`. Metadata that is no object, or that `M` refuses, makes the
    /// operation unreadable.
    #[must_use]
    pub const fn new<M: DeserializeOwned + Into<Metadata>>() -> Self {
        Self(Reader::Typed(|json| read::<M>(json)))
    }

    /// For operations whose metadata has facts at these places. What is there and cannot be read is passed
    /// over, because other products of the service have other metadata.
    #[must_use]
    pub const fn at(paths: MetadataPaths) -> Self {
        Self(Reader::Paths(paths))
    }

    /// Places that it reads facts at; `None` where the metadata has a type of its own.
    #[must_use]
    pub const fn paths(&self) -> Option<&MetadataPaths> {
        match &self.0 {
            Reader::Typed(_) => None,
            Reader::Paths(paths) => Some(paths),
        }
    }

    /// True if it reads the time at which an operation was created.
    #[must_use]
    pub const fn reads_create_time(&self) -> bool {
        match &self.0 {
            Reader::Typed(_) => true,
            Reader::Paths(paths) => !paths.create_time.is_empty(),
        }
    }

    pub(crate) fn read(self, json: &str) -> Result<RawOperation<'_>, String> {
        match self.0 {
            Reader::Typed(read) => read(json),
            Reader::Paths(paths) => {
                let raw = fields_of::<&RawValue>(json)?;
                let metadata = raw.metadata.map(RawValue::get);
                if metadata.is_some_and(|json| !json.starts_with('{')) {
                    return Err("its metadata is not a JSON object".to_owned());
                }
                Ok(raw.with(metadata.map(|json| found(&paths, json))))
            }
        }
    }
}

/// The facts at these places.
fn found(paths: &MetadataPaths, json: &str) -> Metadata {
    let text = |paths: &[&str]| {
        let values = paths.iter().filter_map(|path| at(json, path));
        values
            .filter_map(|value| serde_json::from_str::<Text<'_>>(value).ok())
            .map(Text::into_string)
            .find(|text| !text.is_empty())
    };
    let asked = |path: &&str| at(json, path) == Some("true");
    Metadata {
        kind: text(paths.kind).or_else(|| {
            let url = text(&["@type"])?;
            url.rsplit(['.', '/']).next().map(str::to_owned)
        }),
        create_time: text(paths.create_time)
            .as_deref()
            .and_then(Timestamp::parse_rfc3339),
        cancel_asked: paths.cancel_asked.iter().any(asked),
        ..Metadata::default()
    }
}

/// The value at a path of fields in an object.
fn at<'a>(json: &'a str, path: &str) -> Option<&'a str> {
    path.split('.').try_fold(json, |json, field| {
        let [value] = fields(json, [field]).ok()?;
        value.map(RawValue::get)
    })
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
    metadata: Option<M>,
}

/// Reads an operation whose metadata is an `M`.
fn read<M: DeserializeOwned + Into<Metadata>>(json: &str) -> Result<RawOperation<'_>, String> {
    let mut raw = fields_of::<Object<M>>(json)?;
    let metadata = raw.metadata.take();
    Ok(raw.with(metadata.map(|Object(metadata)| metadata.into())))
}

fn fields_of<'a, M: Deserialize<'a>>(json: &'a str) -> Result<Fields<'a, M>, String> {
    let read = serde_json::from_str::<Object<Fields<'a, M>>>(json);
    let Object(fields) = read.map_err(|error| without_value(&error.to_string()))?;
    Ok(fields)
}

impl<'a, M> Fields<'a, M> {
    fn with(self, metadata: Option<Metadata>) -> RawOperation<'a> {
        RawOperation {
            name: self.name,
            done: self.done.unwrap_or(false),
            error: self.error.map(|Object(status)| status),
            has_response: self.response.is_some(),
            metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: OperationReader = OperationReader::at(MetadataPaths {
        kind: &["verb"],
        create_time: &["createTime", "genericMetadata.createTime"],
        cancel_asked: &["requestedCancellation", "cancelRequested"],
    });

    fn told(metadata: &str) -> Metadata {
        let json = format!(r#"{{"name":"n","metadata":{metadata}}}"#);
        PATHS.read(&json).unwrap().metadata.unwrap()
    }

    #[test]
    fn facts_are_read_at_their_paths_and_nowhere_else() {
        let metadata = told(r#"{"verb":"create","createTime":"2026-11-28T10:00:00Z"}"#);
        assert_eq!(metadata.kind.as_deref(), Some("create"));
        assert!(metadata.create_time.is_some() && !metadata.cancel_asked);
        let metadata = told(
            r#"{"@type":"type.googleapis.com/google.cloud.aiplatform.v1.CreateIndexOperationMetadata",
            "genericMetadata":{"createTime":"2026-11-28T10:00:00Z"},"cancelRequested":true}"#,
        );
        let kind = metadata.kind.as_deref();
        assert_eq!(kind, Some("CreateIndexOperationMetadata"));
        assert!(metadata.create_time.is_some() && metadata.cancel_asked);
        let metadata = told(r#"{"step":{"verb":"x","requestedCancellation":true}}"#);
        assert_eq!(metadata, Metadata::default());
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let strange =
            r#"{"verb":7,"createTime":"soon","genericMetadata":[],"requestedCancellation":"true"}"#;
        assert_eq!(told(strange), Metadata::default());
        let deep = format!("{}1{}", r#"{"a":"#.repeat(20_000), "}".repeat(20_000));
        assert_eq!(told(&deep), Metadata::default());
        for metadata in ["[]", "7", "\"text\""] {
            let json = format!(r#"{{"name":"n","metadata":{metadata}}}"#);
            assert!(PATHS.read(&json).is_err(), "{metadata}");
        }
        let none = PATHS.read(r#"{"name":"n","metadata":null}"#).unwrap();
        assert_eq!(none.metadata, None);
    }
}
