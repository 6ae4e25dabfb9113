//! A JSON document that holds secrets: its errors never quote it, its memory is overwritten.

use std::fmt;

use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

/// A JSON object.
pub(crate) struct Document(Value);

/// A problem of a document, in words that repeat nothing of it.
pub(crate) type Problem = String;

impl Document {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        // What serde_json says of a value may quote it; where the trouble is does not.
        let value = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            format!("it is not JSON (line {line}, column {column})")
        })?;
        match value {
            Value::Object(_) => Ok(Self(value)),
            other => Err(format!("expected a JSON object, found {}", kind(&other))),
        }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text that must be there and have something in it.
    pub(crate) fn text(&self, name: &str) -> Result<&str, Problem> {
        self.optional(name)?.ok_or_else(|| match self.field(name) {
            Some(_) => format!("the field `{name}` is empty, expected a text"),
            None => format!("the field `{name}` is missing, expected a text"),
        })
    }

    /// A required text, in memory that is overwritten.
    pub(crate) fn secret(&self, name: &str) -> Result<Secret, Problem> {
        self.text(name).map(Secret::new)
    }

    /// The names of its fields.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
    }

    pub(crate) fn optional(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.field(name) {
            None => Ok(None),
            // Some programs write a field that they have nothing for.
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(unexpected(name, other, "a text")),
        }
    }

    /// A document within this one.
    pub(crate) fn object(&self, name: &str) -> Result<Option<Self>, Problem> {
        match self.field(name) {
            None => Ok(None),
            Some(object @ Value::Object(_)) => Ok(Some(Self(object.clone()))),
            Some(other) => Err(unexpected(name, other, "an object")),
        }
    }

    /// A list of texts; empty if it is missing.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Problem> {
        match self.field(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .ok_or_else(|| format!("the field `{name}` is not a list of texts")),
            Some(other) => Err(unexpected(name, other, "a list of texts")),
        }
    }

    /// An object whose values are texts; empty if it is missing.
    pub(crate) fn pairs(&self, name: &str) -> Result<Vec<(String, Secret)>, Problem> {
        match self.field(name) {
            None => Ok(Vec::new()),
            Some(Value::Object(fields)) => fields
                .iter()
                .map(|(key, value)| Some((key.clone(), Secret::new(value.as_str()?))))
                .collect::<Option<_>>()
                .ok_or_else(|| format!("the field `{name}` holds something else than texts")),
            Some(other) => Err(unexpected(name, other, "an object")),
        }
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        overwrite(&mut self.0);
    }
}

/// Overwrites all texts; serde_json has seen to it that nothing is nested deeper than 128.
fn overwrite(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(overwrite),
        Value::Object(fields) => fields.values_mut().for_each(overwrite),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn unexpected(name: &str, found: &Value, expected: &str) -> Problem {
    format!("the field `{name}` is {}, expected {expected}", kind(found))
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A text that never prints and is overwritten when it is dropped.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
