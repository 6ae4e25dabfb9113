//! Partial responses: the `fields` parameter, `a,b(c,d),e/f` and `*`; a dot is as good as a slash, as field masks write it.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

use serde_json::Value;

/// Deeper selections are refused: parsing recurses.
const MAX_DEPTH: usize = 16;

/// The fields to keep; an empty mask keeps everything below it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Mask(BTreeMap<String, Self>);

impl Mask {
    /// The mask of a `fields` value, or `None` when it breaks the syntax.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut mask = Self::default();
        let mut chars = text.chars().peekable();
        mask.list(&mut chars, 0)?;
        chars.next().is_none().then_some(mask)
    }

    fn list(&mut self, chars: &mut Peekable<Chars<'_>>, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        loop {
            self.item(chars, depth)?;
            if chars.next_if_eq(&',').is_none() {
                return Some(());
            }
        }
    }

    fn item(&mut self, chars: &mut Peekable<Chars<'_>>, depth: usize) -> Option<()> {
        let mut key = String::new();
        while let Some(c) = chars.next_if(|c| !matches!(c, ',' | '(' | ')' | '/' | '.')) {
            key.push(c);
        }
        if key.trim().is_empty() {
            return None;
        }
        let known = self.0.contains_key(key.trim());
        let child = self.0.entry(key.trim().to_owned()).or_default();
        // A field already selected whole stays whole.
        let whole = known && child.0.is_empty();
        if chars.next_if(|c| matches!(c, '/' | '.')).is_some() {
            child.list_one(chars, depth + 1)?;
        } else if chars.next_if_eq(&'(').is_some() {
            child.list(chars, depth + 1)?;
            chars.next_if_eq(&')')?;
        } else {
            child.0.clear();
        }
        if whole {
            child.0.clear();
        }
        Some(())
    }

    fn list_one(&mut self, chars: &mut Peekable<Chars<'_>>, depth: usize) -> Option<()> {
        (depth <= MAX_DEPTH).then_some(())?;
        self.item(chars, depth)
    }

    /// The fields that are selected at the top.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Drops from `value` what is not selected; a list is treated element by element.
    pub(crate) fn apply(&self, value: &mut Value) {
        if self.0.is_empty() {
            return;
        }
        match value {
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.apply(element)),
            Value::Object(fields) => fields.retain(|key, field| {
                let Some(mask) = self.0.get(key).or_else(|| self.0.get("*")) else {
                    return false;
                };
                mask.apply(field);
                true
            }),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn masked(fields: &str, mut value: Value) -> Value {
        Mask::parse(fields).expect("valid mask").apply(&mut value);
        value
    }

    #[test]
    fn the_documented_forms_select() {
        let value = json!({"a": 1, "b": {"c": 2, "d": 3, "x": 4}, "e": {"f": 5, "g": 6}});
        assert_eq!(
            masked("a,b(c,d),e/f", value.clone()),
            json!({"a": 1, "b": {"c": 2, "d": 3}, "e": {"f": 5}})
        );
        assert_eq!(masked("*", value.clone()), value);
        assert_eq!(
            masked("*/c", json!({"p": {"c": 1, "d": 2}})),
            json!({"p": {"c": 1}})
        );
        assert_eq!(
            masked("b,b/c", value.clone()),
            json!({"b": {"c": 2, "d": 3, "x": 4}})
        );
        assert_eq!(
            masked("b/c,b/d", value.clone()),
            json!({"b": {"c": 2, "d": 3}})
        );
        assert_eq!(
            masked(
                "l(n),t",
                json!({"l": [{"n": 1, "s": 2}, {"n": 3}], "t": "x", "u": 0})
            ),
            json!({"l": [{"n": 1}, {"n": 3}], "t": "x"})
        );
        assert_eq!(masked("a,b.d", value), json!({"a": 1, "b": {"d": 3}}));
        assert_eq!(
            masked("m(@type)", json!({"m": {"@type": "t", "p": 1}})),
            json!({"m": {"@type": "t"}})
        );
    }

    #[test]
    fn broken_syntax_is_refused() {
        for broken in [
            "",
            ",",
            "a,",
            "a(",
            "a(b",
            "a)",
            "a/",
            "a(b)c",
            "()",
            &"a(".repeat(5000),
            &"a/".repeat(5000),
        ] {
            assert_eq!(
                Mask::parse(broken),
                None,
                "{}",
                &broken[..broken.len().min(20)]
            );
        }
    }
}
