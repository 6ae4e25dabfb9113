//! Lengths of time as people type them: `30s`, `1.5m`, `500ms`, `2d`.

use std::time::Duration;

/// The longest that is accepted: a year, far beyond the life of any command worth waiting for.
const LONGEST_SECONDS: f64 = 366.0 * 24.0 * 3600.0;

/// A positive length of time. A number without a unit is refused: `--newer-than 2` could mean two
/// hours, and in seconds it finds nothing.
///
/// ```
/// use std::time::Duration;
///
/// use countermand_fleet::parse_length;
///
/// assert_eq!(parse_length("1.5m"), Ok(Duration::from_secs(90)));
/// assert!(parse_length("2").is_err());
/// ```
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse_length(text: &str) -> Result<Duration, String> {
    let units = [
        ("ms", 0.001),
        ("s", 1.0),
        ("m", 60.0),
        ("h", 3600.0),
        ("d", 86_400.0),
    ];
    let unit = units
        .iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, *scale)));
    let (number, scale) = unit.unwrap_or((text, 1.0));
    let plain = number.starts_with(|first: char| first.is_ascii_digit())
        && number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = number.parse::<f64>().ok().filter(|_| plain);
    match seconds.map(|number| number * scale) {
        Some(_) if unit.is_none() => Err(format!(
            "a number needs its unit: {number}s, {number}m or {number}h"
        )),
        Some(seconds) if seconds > LONGEST_SECONDS => Err("it is longer than a year".to_owned()),
        Some(seconds) if seconds >= 0.001 => Ok(Duration::from_secs_f64(seconds)),
        Some(_) => Err("it is shorter than a millisecond".to_owned()),
        None => Err("expected a number with ms, s, m, h or d, like 30s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (text, millis) in [
            ("30s", 30_000),
            ("500ms", 500),
            ("2d", 172_800_000),
            ("1.5m", 90_000),
            ("2h", 7_200_000),
            ("0.25s", 250),
        ] {
            assert_eq!(
                parse_length(text),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
    }

    #[test]
    fn fault_50_a_number_without_a_unit_is_no_length_of_time() {
        for text in ["2", "30", "0.5", "0"] {
            let error = parse_length(text).unwrap_err();
            assert!(
                error.contains(&format!("{text}s, {text}m or {text}h")),
                "{error}"
            );
        }
    }

    #[test]
    fn what_is_no_length_of_time() {
        for text in [
            "", "s", "-1s", "0", "0s", "1w", "1e9", "inf", "nan", ".5s", "1.2.3s", "1 s", "9000h",
            "400d", "+1s",
        ] {
            assert!(parse_length(text).is_err(), "{text}");
        }
    }
}
