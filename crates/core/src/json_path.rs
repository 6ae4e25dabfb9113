//! Paths in JSON: fields with dots between them, and `conditions[type=Completed]` for the one element of a list with
//! that word in that field.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use crate::json::{Few, Text, fields, without_value};

/// The text at a path. What is there and is no text is an error.
pub(crate) fn text_at(json: &str, path: &str) -> Result<Option<String>, String> {
    value_at(json, path)?.map(text).transpose()
}

fn text(json: &str) -> Result<String, String> {
    let text = serde_json::from_str::<Text<'_>>(json);
    let text = text.map_err(|error| without_value(&error.to_string()))?;
    Ok(text.into_string())
}

/// The value at a path, which is all of it for an empty path. What is no object on the way is an error.
pub(crate) fn value_at<'a>(json: &'a str, path: &str) -> Result<Option<&'a str>, String> {
    let mut value = json;
    for step in path.split_terminator('.') {
        let (field, element) = split_step(step);
        let [found] = fields(value, [field])?;
        let found = found.map(RawValue::get);
        let found = match (found, element) {
            (Some(list), Some((key, word))) => only_element(list, key, word)?,
            (found, _) => found,
        };
        match found {
            Some(found) => value = found,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

/// The element of a list that has this word in this field. Two of them tell nothing.
fn only_element<'a>(list: &'a str, key: &str, word: &str) -> Result<Option<&'a str>, String> {
    let elements = serde_json::from_str::<Few<&RawValue>>(list);
    let elements = elements.map_err(|error| without_value(&error.to_string()))?;
    let mut only = None;
    for element in elements.0 {
        if text_at(element.get(), key)?.as_deref() == Some(word)
            && only.replace(element.get()).is_some()
        {
            return Err(format!("two elements have {word} as their `{key}`"));
        }
    }
    Ok(only)
}

/// The field of a step of a path, and the field and word of an element: `conditions[type=Completed]`.
fn split_step(step: &str) -> (&str, Option<(&str, &str)>) {
    match step.split_once('[') {
        Some((field, element)) => (field, element.trim_end_matches(']').split_once('=')),
        None => (step, None),
    }
}

/// The partial response mask of paths.
pub(crate) fn masks<'a>(paths: impl Iterator<Item = &'a str>) -> String {
    let mut masks: Vec<String> = Vec::new();
    for path in paths {
        let mut mask = String::new();
        for step in path.split('.') {
            let (field, element) = split_step(step);
            mask.push_str(field);
            mask.push('/');
            masks.extend(element.map(|(key, _)| format!("{mask}{key}")));
        }
        mask.pop();
        masks.push(mask);
    }
    let mut seen = BTreeSet::new();
    masks.retain(|mask| seen.insert(mask.clone()));
    masks.join(",")
}
