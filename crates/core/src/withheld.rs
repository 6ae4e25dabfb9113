//! The secret of a request, which its answer may repeat.

use std::fmt;

use http::HeaderValue;
use serde_json::Value;

/// The token of a request, as an extension of its response: errors made of the answer do not quote it.
///
/// The answer is read as it came, because a token may be part of a word or a number that it is read by.
#[derive(Clone)]
pub struct Withheld(HeaderValue);

/// The shortest end of a text that is taken for the beginning of a token.
const SHORTEST: usize = 6;

impl Withheld {
    /// Withholds what the value of an `authorization` header has behind its scheme.
    #[must_use]
    pub const fn new(authorization: HeaderValue) -> Self {
        Self(authorization)
    }

    fn token(&self) -> &str {
        let header = self.0.to_str().unwrap_or_default();
        header.rsplit(' ').next().unwrap_or_default()
    }

    /// The text without the token, nor the beginning of one where the text was cut.
    pub(crate) fn taken_out(&self, text: &str) -> String {
        let token = self.token();
        if token.is_empty() {
            return text.to_owned();
        }
        let mut text = text.replace(token, INSTEAD);
        let cut = text.ends_with('…');
        let end = text.trim_end_matches('…');
        let lengths = (SHORTEST..token.len()).rev();
        let mut begun = lengths.filter_map(|length| end.strip_suffix(token.get(..length)?));
        if let Some(kept) = begun.next() {
            text = format!("{kept}{INSTEAD}{}", if cut { "…" } else { "" });
        }
        text
    }

    /// Takes the token out of every text of a value.
    pub(crate) fn take_out(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.taken_out(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.take_out(value)),
            Value::Object(fields) => {
                let old = std::mem::take(fields);
                fields.extend(old.into_iter().map(|(name, mut value)| {
                    self.take_out(&mut value);
                    (self.taken_out(&name), value)
                }));
            }
            _ => {}
        }
    }
}

const INSTEAD: &str = "(access token)";

impl fmt::Debug for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Withheld(..)")
    }
}
