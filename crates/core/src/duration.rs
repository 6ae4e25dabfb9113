//! Durations in the JSON form of `google.protobuf.Duration`: `600s`, `1.5s`.

use std::time::Duration;

/// Parses the JSON form of `google.protobuf.Duration`: seconds with at most nine fractional
/// digits and the suffix `s`. Negative durations have no meaning here and are refused.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.len() > 9 {
        return None;
    }
    if !whole
        .bytes()
        .chain(fraction.bytes())
        .all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let nanos = fraction.parse::<u32>().ok()? * 10_u32.pow(9 - fraction.len() as u32);
    Some(Duration::new(whole.parse().ok()?, nanos))
}

/// The JSON form of `google.protobuf.Duration`, which [`parse`] reads: `600s`, `0.500000000s`.
#[must_use]
pub fn format(duration: Duration) -> String {
    match duration.subsec_nanos() {
        0 => format!("{}s", duration.as_secs()),
        nanos => format!("{}.{nanos:09}s", duration.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        for (text, expected) in [
            ("45.837906927s", Some(Duration::new(45, 837_906_927))),
            ("0.5s", Some(Duration::from_millis(500))),
            ("600s", Some(Duration::from_secs(600))),
            ("315360000000s", Some(Duration::from_secs(315_360_000_000))),
            ("-1s", None),
            ("1.s", None),
            (".5s", None),
            ("1.1234567890s", None),
            ("99999999999999999999s", None),
            ("1", None),
            ("s", None),
            ("+1s", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
            if let Some(duration) = expected {
                assert_eq!(parse(&format(duration)), expected);
            }
        }
    }
}
