//! Numbers, lengths of time and resources as people read them.

use std::time::Duration;

use countermand_core::text::printable;
use countermand_core::{GrandparentName, Service};

use crate::services::Services;

/// Tenths of a second where those matter, and no seconds of hours: `4.2 s`, `8 min 6 s`, `3 h 5 min`.
#[must_use]
pub fn spell(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let whole = seconds.round() as u64;
    match whole {
        _ if (1..50).contains(&time.as_millis()) => format!("{} ms", time.as_millis()),
        0..10 => format!("{seconds:.1} s"),
        10..120 => format!("{whole} s"),
        120..7200 => format!("{} min {} s", whole / 60, whole % 60),
        7200..172_800 => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// A number with a comma after each three digits: `1,234,567`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Number and noun of a thing: `1 operation`, `2,000 operations`.
#[must_use]
pub fn counted(count: u64, thing: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", grouped(count))
}

/// `http://127.0.0.1:1/v1, which is not Google's server`; `None` where all are.
#[must_use]
pub fn not_googles(endpoints: &[&str]) -> Option<String> {
    let shown = endpoints.iter().map(|endpoint| printable(endpoint));
    match endpoints {
        [] => None,
        [_] => Some(format!("{}, which is not Google's server", few(shown))),
        _ => Some(format!("{}, which are not Google's servers", few(shown))),
    }
}

/// The first of some names: `a`, `a and b`, `a, b, c, d, e and 47 more`.
#[must_use]
pub fn few<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    const LISTED: usize = 5;
    let mut names = names.into_iter();
    let mut first: Vec<_> = names
        .by_ref()
        .take(LISTED)
        .map(|name| name.as_ref().to_owned())
        .collect();
    let last = match names.count() as u64 {
        0 => first.pop().unwrap_or_default(),
        more => format!("{} more", grouped(more)),
    };
    match &first[..] {
        [] => last,
        first => format!("{} and {last}", first.join(", ")),
    }
}

/// The reason for which an outcome cannot be proven: the service lacks the method, for these names at least.
pub(crate) fn no_method(services: &Services) -> String {
    let title = services.title();
    format!("{title} has no method that shows what became of such an operation")
}

/// A resource as a confirmation of a job of these services names it: of the default service its id, of another the
/// relative name, or the full one beside others, and the service itself where operations belong to no resource.
#[must_use]
pub fn phrase<'a>(services: &Services, name: &'a GrandparentName) -> &'a str {
    match name.relative() {
        _ if *name.service() == *Service::DEFAULT => name.id(),
        "" => name.service().id,
        _ if services.only().is_none() => name.as_str(),
        relative => relative,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_names_the_first_are_told() {
        let names: Vec<_> = (0..8).map(|number| number.to_string()).collect();
        for (count, text) in [
            (0, ""),
            (1, "0"),
            (2, "0 and 1"),
            (5, "0, 1, 2, 3 and 4"),
            (6, "0, 1, 2, 3, 4 and 1 more"),
            (8, "0, 1, 2, 3, 4 and 3 more"),
        ] {
            assert_eq!(few(&names[..count]), text);
        }
    }

    #[test]
    fn numbers() {
        for (number, expected) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345_678, "12,345,678"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(grouped(number), expected);
        }
    }

    #[test]
    fn times() {
        for (millis, expected) in [
            (0, "0.0 s"),
            (9_449, "9.4 s"),
            (119_000, "119 s"),
            (486_000, "8 min 6 s"),
            (7_200_000, "2 h 0 min"),
            (200_000_000, "2 d 7 h"),
        ] {
            assert_eq!(spell(Duration::from_millis(millis)), expected);
        }
    }
}
