//! Fields of a table of TOML, each taken once: what is left is a field that does not exist.

use std::collections::BTreeMap;
use std::fmt::Display;

use countermand_core::text::{looks_secret, shown_excerpt};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A mistake, and its place in the file.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) lane: Option<String>,
    pub(super) text: String,
}

/// The fields of a table that were not taken yet.
pub(super) struct Fields {
    /// The keys on the way to it.
    way: Vec<String>,
    fields: BTreeMap<String, Value>,
    /// Fields that the table may have, in the order in which they were asked for.
    known: Vec<String>,
}

enum Value {
    Text(String),
    Integer(Option<i64>),
    Float(Option<f64>),
    Flag(bool),
    List(Vec<Self>),
    Table(BTreeMap<String, Self>),
    Date,
}

impl Value {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Date => "a date",
        }
    }
}

impl Fields {
    /// Reads a text.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let table = DeTable::parse(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = &text.as_bytes()[..at.min(text.len())];
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            // The parser tells what it expected; the line itself may hold anything.
            Problem {
                lane: None,
                text: format!("line {line}: {}", shown_excerpt(error.message(), 200)),
            }
        })?;
        let mut root = Self {
            way: Vec::new(),
            fields: BTreeMap::new(),
            known: Vec::new(),
        };
        root.fields = root.take_over(table.get_ref())?;
        Ok(root)
    }

    /// Refuses what looks like a secret, wherever it is: a profile is read by others.
    fn take_over(&mut self, table: &DeTable<'_>) -> Result<BTreeMap<String, Value>, Problem> {
        let mut fields = BTreeMap::new();
        for (key, value) in table {
            let key = key.get_ref();
            if let Some(what) = looks_secret(key) {
                return Err(self.here(format_args!("a name in it looks like {what}: {NO_SECRETS}")));
            }
            self.way.push(key.to_string());
            let value = self.value(value)?;
            self.way.pop();
            fields.insert(key.to_string(), value);
        }
        Ok(fields)
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>) -> Result<Value, Problem> {
        Ok(match value.get_ref() {
            DeValue::String(text) => match looks_secret(text) {
                Some(what) => {
                    return Err(self.here(format_args!("it looks like {what}: {NO_SECRETS}")));
                }
                None => Value::Text(text.to_string()),
            },
            DeValue::Integer(number) => {
                Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok())
            }
            DeValue::Float(number) => Value::Float(number.as_str().parse().ok()),
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Datetime(_) => Value::Date,
            DeValue::Array(values) => {
                let values = values.iter().map(|value| self.value(value));
                Value::List(values.collect::<Result<_, _>>()?)
            }
            DeValue::Table(table) => Value::Table(self.take_over(table)?),
        })
    }

    /// The key of the table.
    pub(super) fn name(&self) -> &str {
        self.way.last().map_or("", String::as_str)
    }

    /// A mistake in a field.
    pub(super) fn problem(&self, field: &str, problem: impl Display) -> Problem {
        let mut way = self.way.clone();
        way.push(field.to_owned());
        Self::at(&way, &problem)
    }

    /// A mistake in the table itself.
    fn here(&self, problem: impl Display) -> Problem {
        Self::at(&self.way, &problem)
    }

    fn at(way: &[String], problem: &dyn Display) -> Problem {
        let (lane, way) = match way {
            [lanes, lane, way @ ..] if lanes == "lanes" => (Some(lane), way),
            way => (None, way),
        };
        let way = way.iter().map(|key| shown_excerpt(key, 60));
        let way = way.collect::<Vec<_>>().join(".");
        Problem {
            lane: lane.map(|lane| shown_excerpt(lane, 60)),
            text: match &*way {
                "" => problem.to_string(),
                way => format!("{way}: {problem}"),
            },
        }
    }

    fn take<T>(
        &mut self,
        field: &str,
        expected: &str,
        read: impl FnOnce(Value) -> Result<T, Value>,
    ) -> Result<Option<T>, Problem> {
        self.known.push(field.to_owned());
        let Some(value) = self.fields.remove(field) else {
            return Ok(None);
        };
        read(value).map(Some).map_err(|found| {
            let found = found.kind();
            self.problem(field, format_args!("expected {expected}, found {found}"))
        })
    }

    /// A text; an empty one is a mistake.
    pub(super) fn text(&mut self, field: &str) -> Result<Option<String>, Problem> {
        let text = self.take(field, "a text", |value| match value {
            Value::Text(text) => Ok(text),
            other => Err(other),
        })?;
        match text {
            Some(text) if text.trim().is_empty() => Err(self.problem(field, "it is empty")),
            text => Ok(text),
        }
    }

    /// A list of texts; an empty one is a mistake, because it would mean all.
    pub(super) fn texts(&mut self, field: &str) -> Result<Option<Vec<String>>, Problem> {
        let texts = self.take(field, "a list of texts", |value| match value {
            Value::List(values) => {
                let text = |value| match value {
                    Value::Text(text) => Ok(text),
                    other => Err(other),
                };
                values.into_iter().map(text).collect::<Result<Vec<_>, _>>()
            }
            other => Err(other),
        })?;
        match texts {
            Some(texts) if texts.is_empty() => Err(self.problem(field, "it is empty")),
            texts => Ok(texts),
        }
    }

    pub(super) fn flag(&mut self, field: &str) -> Result<Option<bool>, Problem> {
        self.take(field, "true or false", |value| match value {
            Value::Flag(flag) => Ok(flag),
            other => Err(other),
        })
    }

    pub(super) fn integer(&mut self, field: &str) -> Result<Option<i64>, Problem> {
        self.take(field, "a whole number", |value| match value {
            Value::Integer(Some(number)) => Ok(number),
            other => Err(other),
        })
    }

    pub(super) fn number(&mut self, field: &str) -> Result<Option<f64>, Problem> {
        self.take(field, "a number", |value| match value {
            #[expect(clippy::cast_precision_loss, reason = "a share is small")]
            Value::Integer(Some(number)) => Ok(number as f64),
            Value::Float(Some(number)) => Ok(number),
            other => Err(other),
        })
    }

    pub(super) fn table(&mut self, field: &str) -> Result<Option<Self>, Problem> {
        let fields = self.take(field, "a table", |value| match value {
            Value::Table(fields) => Ok(fields),
            other => Err(other),
        })?;
        Ok(fields.map(|fields| self.below(field, fields)))
    }

    fn below(&self, field: &str, fields: BTreeMap<String, Value>) -> Self {
        let mut way = self.way.clone();
        way.push(field.to_owned());
        Self {
            way,
            fields,
            known: Vec::new(),
        }
    }

    /// All of it, as tables.
    pub(super) fn tables(mut self) -> Result<Vec<Self>, Problem> {
        let names: Vec<_> = self.fields.keys().cloned().collect();
        let tables = names.iter().map(|name| self.table(name));
        let tables: Result<Vec<_>, _> = tables.collect();
        Ok(tables?.into_iter().flatten().collect())
    }

    /// Refuses a field that does not exist.
    pub(super) fn end(&self) -> Result<(), Problem> {
        match self.fields.keys().next() {
            Some(field) => {
                let known = self.known.join(", ");
                let none = format_args!("there is no such field here; the fields are {known}");
                Err(self.problem(field, none))
            }
            None => Ok(()),
        }
    }
}

const NO_SECRETS: &str = "a profile says where credentials are found, and has no secret in it";
