//! The faults that have names, written in the same form that a script has.

use std::sync::LazyLock;

use countermand_core::Service;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::bad_input::BadInput;

/// A fault with a name: `{"fault": "quota"}` in a script stands for its `entry`, and further fields override those of the entry.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Preset {
    /// The kind of trouble it belongs to. Presets of one number are variants of one trouble; the number alone names the first.
    pub number: String,
    /// Its name.
    pub name: String,
    /// The entry it stands for. `{host}`, `{title}` and `{denied}` in it stand for the service's host, its title and the noun
    /// of the resource that a denial concerns.
    pub entry: Map<String, Value>,
}

/// Every preset.
pub static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    let presets = serde_json::from_str(include_str!("presets.json"));
    presets.expect("the file is a list of presets, as every test of a preset shows")
});

/// The entry with its preset, if it names one, filled in below its own fields.
pub(crate) fn expand(service: &Service, entry: Value) -> Result<Value, BadInput> {
    let Value::Object(mut own) = entry else {
        return Err(BadInput::new("a fault is an object"));
    };
    let Some(word) = own.remove("fault") else {
        return Ok(own.into());
    };
    let named = word
        .as_str()
        .map(str::to_owned)
        .unwrap_or_else(|| word.to_string());
    let known = |preset: &&Preset| preset.name == named || preset.number == named;
    let preset = PRESETS.iter().find(known).ok_or_else(|| {
        let names: Vec<&str> = PRESETS.iter().map(|preset| &*preset.name).collect();
        BadInput::new(format!(
            "unknown fault `{named}`, expected one of {}",
            names.join(", ")
        ))
    })?;
    let filled = service.fill(&Value::from(preset.entry.clone()).to_string());
    let mut full: Map<String, Value> =
        serde_json::from_str(&filled).map_err(|problem| BadInput::new(problem.to_string()))?;
    full.append(&mut own);
    Ok(full.into())
}
