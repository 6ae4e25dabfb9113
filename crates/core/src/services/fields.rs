//! The fields of an object of a service file, read one by one: each mistake is told with its place.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::json::{Text, without_value};
use crate::printable::excerpt;
use crate::shown::{looks_secret, shown_excerpt};

/// Bytes of a text.
const TEXT: usize = 500;

/// A text that describes no service: the field that is wrong, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFileError {
    field: String,
    reason: String,
}

impl ServiceFileError {
    pub(super) fn new(field: &str, reason: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            reason: reason.into(),
        }
    }

    /// The path of the field, `names[0].pattern`; empty for the whole text.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The reason, in which a text that looks like a secret is not repeated.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for ServiceFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => f.write_str(&self.reason),
            field => write!(f, "`{field}`: {}", self.reason),
        }
    }
}

impl std::error::Error for ServiceFileError {}

pub(super) fn is_word(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    word.starts_with(|char: char| char.is_ascii_alphabetic()) && word.bytes().all(plain)
}

pub(super) fn is_field(field: &str) -> bool {
    is_word(field.strip_prefix('@').unwrap_or(field))
}

fn is_path(path: &str) -> bool {
    path.split('.').all(is_field)
}

/// "expected X, found Y".
pub(super) fn found(expected: &str, given: &str) -> String {
    // A pattern or a template that begins with a word in braces is no JSON, which has quotation marks.
    let words = given.replace(['{', '}'], "");
    let shown = match given.contains('"') || looks_secret(&words).is_some() {
        true => shown_excerpt(given, 80),
        false => excerpt(given, 80),
    };
    format!("expected {expected}, found \"{shown}\"")
}

/// The fields of an object that are not read yet.
pub(super) struct Fields<'a> {
    place: String,
    left: Vec<(String, &'a RawValue)>,
    known: Vec<&'static str>,
    nulls: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub(super) fn read(place: &str, json: &'a str) -> Result<Self, ServiceFileError> {
        let Entries(left) = parsed(place, json)?;
        for (at, (field, _)) in left.iter().enumerate() {
            if left[..at].iter().any(|(other, _)| other == field) {
                let field = shown_excerpt(field, 80);
                return Err(ServiceFileError::new(
                    &path_of(place, &field),
                    "it is there twice",
                ));
            }
        }
        Ok(Self {
            place: place.to_owned(),
            left,
            known: Vec::new(),
            nulls: Vec::new(),
        })
    }

    /// The value of a field; null is as good as absent.
    fn take(&mut self, field: &'static str) -> Option<&'a str> {
        self.known.push(field);
        let at = self.left.iter().position(|(name, _)| name == field)?;
        let json = self.left.swap_remove(at).1.get();
        if json == "null" {
            self.nulls.push(field);
            return None;
        }
        Some(json)
    }

    pub(super) fn error(&self, field: &str, reason: impl Into<String>) -> ServiceFileError {
        ServiceFileError::new(&path_of(&self.place, field), reason)
    }

    /// Reason for which a field that was read has no value.
    pub(super) fn absence(&self, field: &str) -> &'static str {
        match self.nulls.contains(&field) {
            true => "it is null",
            false => "it is missing",
        }
    }

    pub(super) fn given<T>(&self, field: &str, value: Option<T>) -> Result<T, ServiceFileError> {
        value.ok_or_else(|| self.error(field, self.absence(field)))
    }

    pub(super) fn text(&mut self, field: &'static str) -> Result<Option<String>, ServiceFileError> {
        let json = self.take(field);
        let place = path_of(&self.place, field);
        json.map(|json| text_at(&place, json)).transpose()
    }

    /// A text of which `is` holds.
    pub(super) fn checked(
        &mut self,
        field: &'static str,
        expected: &str,
        is: impl Fn(&str) -> bool,
    ) -> Result<Option<String>, ServiceFileError> {
        match self.text(field)? {
            Some(text) if !is(&text) => Err(self.error(field, found(expected, &text))),
            text => Ok(text),
        }
    }

    pub(super) fn flag(&mut self, field: &'static str) -> Result<Option<bool>, ServiceFileError> {
        match self.take(field) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(json) => {
                let reason = format!("expected true or false, found {}", kind(json));
                Err(self.error(field, reason))
            }
        }
    }

    /// A list, each value with its place.
    fn list(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Vec<(String, &'a str)>>, ServiceFileError> {
        let Some(json) = self.take(field) else {
            return Ok(None);
        };
        let place = path_of(&self.place, field);
        if !json.starts_with('[') {
            let reason = format!("expected a list, found {}", kind(json));
            return Err(ServiceFileError::new(&place, reason));
        }
        let values: Vec<&RawValue> = parsed(&place, json)?;
        let values = values.into_iter().enumerate();
        let values = values.map(|(at, value)| (format!("{place}[{at}]"), value.get()));
        Ok(Some(values.collect()))
    }

    pub(super) fn texts(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Vec<String>>, ServiceFileError> {
        let Some(values) = self.list(field)? else {
            return Ok(None);
        };
        let texts = values.iter().map(|(place, json)| text_at(place, json));
        texts.collect::<Result<_, _>>().map(Some)
    }

    pub(super) fn objects(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Vec<Self>>, ServiceFileError> {
        let Some(values) = self.list(field)? else {
            return Ok(None);
        };
        let objects = values.iter().map(|(place, json)| Self::read(place, json));
        objects.collect::<Result<_, _>>().map(Some)
    }

    /// An object, whose fields are read in their turn.
    pub(super) fn object(&mut self, field: &'static str) -> Result<Option<Self>, ServiceFileError> {
        let json = self.take(field);
        let place = path_of(&self.place, field);
        json.map(|json| Self::read(&place, json)).transpose()
    }

    /// A path of fields, `status.state`.
    pub(super) fn path(&mut self, field: &'static str) -> Result<Option<String>, ServiceFileError> {
        self.checked(field, "a path of fields such as status.state", is_path)
    }

    /// Paths of fields, `genericMetadata.createTime`.
    pub(super) fn paths(
        &mut self,
        field: &'static str,
    ) -> Result<Option<Vec<String>>, ServiceFileError> {
        let paths = self.texts(field)?;
        match paths.iter().flatten().find(|path| !is_path(path)) {
            Some(wrong) => {
                let expected = "paths of fields such as genericMetadata.createTime";
                Err(self.error(field, found(expected, wrong)))
            }
            None => Ok(paths),
        }
    }

    /// Refuses what was not asked for.
    pub(super) fn end(self) -> Result<(), ServiceFileError> {
        let Some((unknown, _)) = self.left.first() else {
            return Ok(());
        };
        let reason = format!(
            "there is no such field here; the fields are {}",
            self.known.join(", ")
        );
        Err(self.error(&shown_excerpt(unknown, 80), reason))
    }
}

fn path_of(place: &str, field: &str) -> String {
    match place {
        "" => field.to_owned(),
        place => format!("{place}.{field}"),
    }
}

fn parsed<'a, T: Deserialize<'a>>(place: &str, json: &'a str) -> Result<T, ServiceFileError> {
    serde_json::from_str(json).map_err(|error| {
        let is_other = error.is_data() && !json.trim_start().starts_with('{');
        let reason = match is_other {
            true => format!("expected an object, found {}", kind(json)),
            false => format!("it is not JSON: {}", without_value(&error.to_string())),
        };
        ServiceFileError::new(place, reason)
    })
}

fn text_at(place: &str, json: &str) -> Result<String, ServiceFileError> {
    let refuse = |reason: String| Err(ServiceFileError::new(place, reason));
    match serde_json::from_str::<Text<'_>>(json).map(Text::into_string) {
        Ok(text) if text.len() > TEXT => refuse(format!("it is longer than {TEXT} bytes")),
        Ok(text) => Ok(text),
        Err(_) if json.starts_with('"') => refuse("it is a text that is not Unicode".to_owned()),
        Err(_) => refuse(format!("expected a text, found {}", kind(json))),
    }
}

/// The kind of a JSON value, for people.
fn kind(json: &str) -> &'static str {
    match json.trim_start().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a text",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// The fields of an object, in their order.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(field) = map.next_key::<Text<'de>>()? {
                    entries.push((field.into_string(), map.next_value()?));
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_map(Map).map(Entries)
    }
}
