//! Times as the API writes them: RFC 3339 time stamps, HTTP dates.
//!
//! Read leniently where a library does it, and without a clock: nothing here knows what time it is.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use http::header::DATE;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A point in time of the server's, in milliseconds since the Unix epoch.
///
/// Not an `Instant`: it says nothing about this machine's clock and is only ever compared with
/// another time the same server gave.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_millis(self) -> i64 {
        self.0
    }

    /// Time since `earlier`; zero if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The time so long after this one, or the last that there is.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_unix_millis(self.unix_millis().saturating_add(millis))
    }

    /// The time so long before this one, or the first that there is.
    #[must_use]
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_unix_millis(self.unix_millis().saturating_sub(millis))
    }

    /// Parses the JSON form of `google.protobuf.Timestamp`, RFC 3339 with any offset.
    ///
    /// Digits beyond the millisecond are cut.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let time: jiff::Timestamp = text.parse().ok()?;
        Some(Self(time.as_millisecond()))
    }

    /// The server's clock, by the `Date` header of its response.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Self::parse_http_date(headers.get(DATE)?.to_str().ok()?)
    }

    /// Parses an HTTP date in the preferred form, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7).
    #[must_use]
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let text = text
            .trim()
            .strip_suffix(" GMT")
            .filter(|text| text.len() == 25)?;
        let time = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S", text).ok()?;
        let time = jiff::tz::Offset::UTC.to_timestamp(time).ok()?;
        Some(Self(time.as_millisecond()))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

/// RFC 3339 in UTC with milliseconds, as the API writes it.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// The text that [`Display`](fmt::Display) gives.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads [every text](Serialize) that it writes, also of a time that has no form in RFC 3339.
impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let millis = text
            .strip_suffix(" ms")
            .and_then(|millis| millis.parse().ok());
        millis
            .map(Self)
            .or_else(|| Self::parse_rfc3339(&text))
            .ok_or_else(|| D::Error::custom("no time in RFC 3339"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_back_what_it_wrote() {
        for millis in [0, -1, 1_786_048_723_669, i64::MIN, i64::MAX] {
            let time = Timestamp::from_unix_millis(millis);
            let json = serde_json::to_string(&time).unwrap();
            assert_eq!(json, format!("\"{time}\""));
            assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), time);
        }
        serde_json::from_str::<Timestamp>("\"now\"").unwrap_err();
    }

    #[test]
    fn rfc3339() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2026-08-06T20:38:43.669Z", Some(1_786_048_723_669)),
            (
                "2026-08-06T22:38:43.669123456+02:00",
                Some(1_786_048_723_669),
            ),
            ("2024-02-29T00:00:00.5Z", Some(1_709_164_800_500)),
            ("2023-02-29T00:00:00Z", None),
            ("1969-12-31T23:59:59.999Z", Some(-1)),
            ("2026-08-06T20:38:43.Z", None),
            ("2026-08-06T20:38:43", None),
            ("é026-08-06T20:38:43Z", None),
            ("", None),
        ] {
            let parsed = Timestamp::parse_rfc3339(text);
            assert_eq!(parsed.map(Timestamp::unix_millis), expected, "{text}");
        }
    }

    #[test]
    fn display_is_the_inverse_of_parsing() {
        for millis in [
            -62_135_596_800_000,
            -1,
            0,
            951_782_400_000,
            1_786_048_723_669,
            4_102_444_800_001,
        ] {
            let text = Timestamp(millis).to_string();
            assert_eq!(
                Timestamp::parse_rfc3339(&text),
                Some(Timestamp(millis)),
                "{text}"
            );
        }
    }

    #[test]
    fn http_dates() {
        let parsed = Timestamp::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(parsed, Some(Timestamp(784_111_777_000)));
        for text in [
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "é",
            "",
        ] {
            assert_eq!(Timestamp::parse_http_date(text), None, "{text}");
        }
    }
}
