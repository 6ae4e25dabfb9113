//! Paths in JSON: fields with dots between them, and `conditions[type=Completed]` for the one element of a list with
//! that word in that field.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

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

/// Sets the field of JSON at a path, `status.state` or `conditions[type=Completed].state`. What is on the way and is
/// no object gives place to one.
pub fn put_at(fields: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((message, rest)) = path.split_once('.') else {
        fields.insert(path.to_owned(), value);
        return;
    };
    if let Some((list, element)) = message.split_once('[') {
        let element = element.trim_end_matches(']').split_once('=');
        let inner = fields.entry(list).or_insert(Value::Null);
        if !inner.is_array() {
            *inner = Value::Array(vec![Map::new().into()]);
        }
        if let (Some(Value::Object(only)), Some((key, word))) = (inner.get_mut(0), element) {
            only.insert(key.to_owned(), word.into());
            put_at(only, rest, value);
        }
        return;
    }
    let inner = fields.entry(message).or_insert(Value::Null);
    if !inner.is_object() {
        *inner = Map::new().into();
    }
    if let Some(inner) = inner.as_object_mut() {
        put_at(inner, rest, value);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_share_their_messages() {
        let mut fields = Map::from_iter([("b".to_owned(), json!(7))]);
        for (path, value) in [("a.x", 1), ("a.y.z", 2), ("b.c", 3), ("d", 4)] {
            put_at(&mut fields, path, value.into());
        }
        put_at(&mut fields, "e[k=w].x", 5.into());
        put_at(&mut fields, "e[k=w].y.z", 6.into());
        let expected = json!({"a": {"x": 1, "y": {"z": 2}}, "b": {"c": 3}, "d": 4,
            "e": [{"k": "w", "x": 5, "y": {"z": 6}}]});
        assert_eq!(Value::from(fields), expected);
    }
}
