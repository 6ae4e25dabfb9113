//! Headers that speak against an answer: of caches and proxies on its way, and of its body.

use std::time::Duration;

use http::header::{AGE, CONTENT_ENCODING, CONTENT_TYPE, WARNING};
use http::{HeaderMap, HeaderValue};

/// The code of `Warning` by which a proxy says that it has changed the answer.
const TRANSFORMED: u16 = 214;

/// The signs that an answer is not what the API gives, or not as it gave it.
///
/// They are found in one pass over the headers, which costs less than a search for each name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Signs {
    /// The time since the API gave an answer that a cache has kept, by `Age` (RFC 9111, 5.1); none at all
    /// for an answer that came from the API itself. `Age: 0` says nothing: caches add it to what they
    /// fetch.
    ///
    /// A `Warning` of a stale answer (110 to 113), or an `Age` that is no number, is an age without a
    /// bound.
    pub(crate) age: Duration,
    /// A proxy says that it has changed the answer.
    pub(crate) is_transformed: bool,
    /// Its body is another than the one that can be read.
    pub(crate) is_encoded: bool,
    /// Its body is something else than JSON.
    pub(crate) is_of_another_type: bool,
}

impl Signs {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut signs = Self::default();
        for (name, value) in headers {
            if *name == CONTENT_TYPE {
                signs.is_of_another_type |= !is_json(value.as_bytes());
            } else if *name == CONTENT_ENCODING {
                signs.is_encoded |= !value.as_bytes().eq_ignore_ascii_case(b"identity");
            } else if *name == AGE {
                let ages = text(value).split(',');
                let seconds = ages.map(|age| age.trim().parse().unwrap_or(u64::MAX));
                let age = Duration::from_secs(seconds.max().unwrap_or(0));
                signs.age = signs.age.max(age);
            } else if *name == WARNING {
                for code in codes(value) {
                    match code {
                        110..=113 => signs.age = Duration::MAX,
                        TRANSFORMED => signs.is_transformed = true,
                        _ => {}
                    }
                }
            }
        }
        signs
    }
}

/// True for the media types of JSON and of formats written in it.
fn is_json(kind: &[u8]) -> bool {
    // Nearly always it is this one.
    if let Some([] | [b';', ..]) = kind.strip_prefix(b"application/json") {
        return true;
    }
    let end = kind.iter().position(|byte| *byte == b';');
    let kind = kind[..end.unwrap_or(kind.len())].trim_ascii();
    let suffix = kind.len().saturating_sub(b"+json".len());
    kind.eq_ignore_ascii_case(b"application/json") || kind[suffix..].eq_ignore_ascii_case(b"+json")
}

/// The codes of a `Warning`: three digits, an agent and a text in quotes, with commas between them.
fn codes(warning: &HeaderValue) -> impl Iterator<Item = u16> {
    let outside = text(warning).split('"').step_by(2);
    let words = outside.flat_map(|text| text.split([',', ' ', '\t']));
    words
        .filter(|word| word.len() == 3)
        .filter_map(|word| word.parse().ok())
}

/// The value of a header; one that is no text counts as one that nothing can be read of.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn headers(fields: &[(HeaderName, &'static str)]) -> HeaderMap {
        let fields = fields.iter();
        fields
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_age_of_an_answer_is_what_its_caches_say() {
        for (fields, seconds) in [
            (&[][..], 0),
            (&[(AGE, "0")], 0),
            (&[(AGE, "17")], 17),
            (&[(AGE, "3, 5")], 5),
            (&[(AGE, "99999999999999999999")], u64::MAX),
            (&[(AGE, "soon")], u64::MAX),
            (&[(AGE, "-1")], u64::MAX),
            (&[(WARNING, "299 api \"110 110\"")], 0),
        ] {
            assert_eq!(
                Signs::of(&headers(fields)).age,
                Duration::from_secs(seconds),
                "{fields:?}"
            );
        }
        for warning in [
            "110 - \"Response is Stale\"",
            "199 a \"x\", 111 proxy:80 \"y\" \"date\"",
        ] {
            assert_eq!(
                Signs::of(&headers(&[(WARNING, warning)])).age,
                Duration::MAX,
                "{warning}"
            );
        }
        for (name, value, is_encoded, is_of_another_type) in [
            (CONTENT_TYPE, "application/json", false, false),
            (
                CONTENT_TYPE,
                "application/json; charset=UTF-8",
                false,
                false,
            ),
            (
                CONTENT_TYPE,
                "Application/JSON ;charset=UTF-8",
                false,
                false,
            ),
            (CONTENT_TYPE, "application/problem+json", false, false),
            (CONTENT_TYPE, "application/jsonp", false, true),
            (CONTENT_TYPE, "application/json,text/html", false, true),
            (CONTENT_TYPE, "", false, true),
            (CONTENT_ENCODING, "Identity", false, false),
            (CONTENT_ENCODING, "gzip", true, false),
        ] {
            // The last of several counts as much as the first.
            for fields in [
                vec![(name.clone(), value)],
                vec![(AGE, "0"), (name.clone(), value), (AGE, "0")],
            ] {
                let signs = Signs::of(&headers(&fields));
                let expected = Signs {
                    is_encoded,
                    is_of_another_type,
                    ..Signs::default()
                };
                assert_eq!(signs, expected, "{name}: {value}");
            }
        }
        for (warning, transformed) in [
            ("214 proxy \"Transformation Applied\"", true),
            ("199 proxy \"214\"", false),
        ] {
            let signs = Signs::of(&headers(&[(WARNING, warning)]));
            assert_eq!(signs.is_transformed, transformed, "{warning}");
        }
    }
}
