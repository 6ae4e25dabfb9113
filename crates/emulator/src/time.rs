//! Unix milliseconds as the two texts a server writes: RFC 3339 for JSON, RFC 1123 for `date`.

use std::time::Duration;

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

struct Civil {
    year: u64,
    month: u64,
    day: u64,
    weekday: usize,
    hour: u64,
    minute: u64,
    second: u64,
}

fn civil(unix_ms: u64) -> Civil {
    let seconds = unix_ms / 1000;
    let days = seconds / 86_400;
    // The year is taken to begin in March, so that the leap day is its last one.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    Civil {
        year: year_of_era + era * 400 + u64::from(month <= 2),
        month,
        day: of_year - (153 * shifted_month + 2) / 5 + 1,
        weekday: (days % 7) as usize,
        hour: seconds / 3600 % 24,
        minute: seconds / 60 % 60,
        second: seconds % 60,
    }
}

/// `2026-11-23T18:00:00.123Z`, as `createTime` is written.
pub(crate) fn rfc3339(unix_ms: u64) -> String {
    let c = civil(unix_ms);
    let ms = unix_ms % 1000;
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{ms:03}Z",
        c.year, c.month, c.day, c.hour, c.minute, c.second
    )
}

/// `Mon, 23 Nov 2026 18:00:00 GMT`, as `date` is written.
pub(crate) fn rfc1123(unix_ms: u64) -> String {
    let c = civil(unix_ms);
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        DAYS[c.weekday],
        c.day,
        MONTHS[c.month as usize - 1],
        c.year,
        c.hour,
        c.minute,
        c.second
    )
}

/// The longest duration that a protocol buffer holds.
const LONGEST: Duration = Duration::from_secs(315_576_000_000);

/// A duration as it stands in a message, `600s` or `1.5s`; `None` for another text and for one that is too long.
pub(crate) fn google_duration(text: &str) -> Option<Duration> {
    let text = text.strip_suffix('s')?;
    let (whole, part) = match text.split_once('.') {
        Some((whole, part)) if (1..=9).contains(&part.len()) => (whole, part),
        Some(_) => return None,
        None => (text, ""),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let nanos = format!("{part:0<9}").parse().ok()?;
    let duration = Duration::new(whole.parse().ok()?, nanos);
    (duration <= LONGEST).then_some(duration)
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
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc1123(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(rfc3339(1_709_210_096_007), "2024-02-29T12:34:56.007Z");
        assert_eq!(rfc1123(1_709_210_096_007), "Thu, 29 Feb 2024 12:34:56 GMT");
        assert_eq!(rfc3339(1_798_761_599_999), "2026-12-31T23:59:59.999Z");
    }
}
