//! What caches and proxies say of an answer that went through them.

use std::time::Duration;

use http::HeaderMap;
use http::header::{AGE, HeaderName, WARNING};

/// The code of `Warning` by which a proxy says that it has changed the answer.
const TRANSFORMED: u16 = 214;

/// How long ago the API gave an answer that a cache has kept, by `Age` (RFC 9111, 5.1); no time at all for
/// an answer that came from the API itself. `Age: 0` says nothing: caches add it to what they fetch.
///
/// A `Warning` of a stale answer (110 to 113), or an `Age` that is no number, is an age without a bound.
pub(crate) fn age(headers: &HeaderMap) -> Duration {
    if headers.is_empty() {
        return Duration::ZERO;
    }
    if warnings(headers).any(|code| (110..=113).contains(&code)) {
        return Duration::MAX;
    }
    let ages = texts(headers, AGE).flat_map(|text| text.split(','));
    let seconds = ages.map(|age| age.trim().parse().unwrap_or(u64::MAX));
    Duration::from_secs(seconds.max().unwrap_or(0))
}

/// Whether a proxy says that it has changed the answer.
pub(crate) fn is_transformed(headers: &HeaderMap) -> bool {
    warnings(headers).any(|code| code == TRANSFORMED)
}

/// The codes of `Warning`: three digits, an agent and a text in quotes, with commas between them.
fn warnings(headers: &HeaderMap) -> impl Iterator<Item = u16> {
    let outside = texts(headers, WARNING).flat_map(|text| text.split('"').step_by(2));
    let words = outside.flat_map(|text| text.split([',', ' ', '\t']));
    words
        .filter(|word| word.len() == 3)
        .filter_map(|word| word.parse().ok())
}

/// The values of a header; one that is no text counts as one that nothing can be read of.
fn texts(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    values.map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

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
                age(&headers(fields)),
                Duration::from_secs(seconds),
                "{fields:?}"
            );
        }
        for warning in [
            "110 - \"Response is Stale\"",
            "199 a \"x\", 111 proxy:80 \"y\" \"date\"",
        ] {
            assert_eq!(
                age(&headers(&[(WARNING, warning)])),
                Duration::MAX,
                "{warning}"
            );
        }
        assert!(is_transformed(&headers(&[(
            WARNING,
            "214 proxy \"Transformation Applied\""
        )])));
        assert!(!is_transformed(&headers(&[(WARNING, "199 proxy \"214\"")])));
    }
}
