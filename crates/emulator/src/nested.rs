//! Fields of JSON at paths, `status.state` or `conditions[type=Completed].state`.

use serde_json::{Map, Value};

/// Sets the field at a path. What is on the way and is no object gives place to one.
pub(crate) fn put(fields: &mut Map<String, Value>, path: &str, value: Value) {
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
            put(only, rest, value);
        }
        return;
    }
    let inner = fields.entry(message).or_insert(Value::Null);
    if !inner.is_object() {
        *inner = Map::new().into();
    }
    if let Some(inner) = inner.as_object_mut() {
        put(inner, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_share_their_messages() {
        let mut fields = Map::from_iter([("b".to_owned(), json!(7))]);
        for (path, value) in [("a.x", 1), ("a.y.z", 2), ("b.c", 3), ("d", 4)] {
            put(&mut fields, path, value.into());
        }
        put(&mut fields, "e[k=w].x", 5.into());
        put(&mut fields, "e[k=w].y.z", 6.into());
        let expected = json!({"a": {"x": 1, "y": {"z": 2}}, "b": {"c": 3}, "d": 4,
            "e": [{"k": "w", "x": 5, "y": {"z": 6}}]});
        assert_eq!(Value::from(fields), expected);
    }
}
