//! Unix milliseconds and lengths as the texts that a server writes.

use std::time::Duration;

use countermand_core::{Timestamp, duration};

/// `2026-11-23T18:00:00.123Z`, the form of a time in JSON.
pub(crate) fn rfc3339(unix_ms: u64) -> String {
    Timestamp::from_unix_millis(unix_ms.cast_signed()).to_string()
}

/// `Mon, 23 Nov 2026 18:00:00 GMT`, the form of `date`; `None` after the year 9999.
pub(crate) fn rfc1123(unix_ms: u64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(unix_ms.cast_signed()).ok()?;
    Some(time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// The longest duration that a protocol buffer holds.
const LONGEST: Duration = Duration::from_secs(315_576_000_000);

/// A duration as it stands in a message, `600s` or `1.5s`; `None` for another text and for one that is too long.
pub(crate) fn google_duration(text: &str) -> Option<Duration> {
    duration::parse(text).filter(|duration| *duration <= LONGEST)
}

/// The same as a text: `600s`, `1.500s`.
pub(crate) fn seconds(ms: u64) -> String {
    match ms % 1000 {
        0 => format!("{}s", ms / 1000),
        part => format!("{}.{part:03}s", ms / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_are_written_as_servers_write_them() {
        let date = |unix_ms| rfc1123(unix_ms).expect("before the year 9999");
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(rfc3339(1_709_210_096_007), "2024-02-29T12:34:56.007Z");
        assert_eq!(date(1_709_210_096_007), "Thu, 29 Feb 2024 12:34:56 GMT");
        assert_eq!(rfc3339(1_798_761_599_999), "2026-12-31T23:59:59.999Z");
    }
}
