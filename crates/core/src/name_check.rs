//! What is a name and what is not, and if not, why.

use crate::name::{MAX_NAME_BYTES, coded, is_coded, last, pattern};
use crate::name_error::{NameError, NameErrorKind};

/// Collections of a full operation name; the two shorter names are its prefixes.
const COLLECTIONS: [&str; 3] = ["enterprises", "devices", "operations"];

/// Refuses everything that is not a name of `depth` collections; else tells how many bytes of it are
/// percent-encoded in a path, and how many its last segment has.
pub(crate) fn check(text: &str, depth: usize) -> Result<(u16, u16), NameError> {
    if text.len() > MAX_NAME_BYTES {
        return Err(NameError::new(
            text,
            NameErrorKind::TooLong,
            MAX_NAME_BYTES,
            pattern(depth),
        ));
    }
    match glance(text.as_bytes(), depth) {
        Some(lengths) => Ok(lengths),
        None => explain(text, depth).map(|()| (coded(text), last(text))),
    }
}

/// Finds out what is wrong and where, if anything is.
fn explain(text: &str, depth: usize) -> Result<(), NameError> {
    let refuse = |kind, at| Err(NameError::new(text, kind, at, pattern(depth)));
    if text.is_empty() {
        return refuse(NameErrorKind::Empty, 0);
    }
    if let Some((at, kind)) = forbidden(text) {
        return refuse(kind, at);
    }
    // Two slashes together stand in every URL, so each of them fails on its structure below.
    let refuse = |kind, at| match text.starts_with("//") || text.contains("://") {
        true => refuse(NameErrorKind::Url, 0),
        false => refuse(kind, at),
    };
    if text.starts_with('/') {
        return refuse(NameErrorKind::LeadingSlash, 0);
    }
    if text.ends_with('/') {
        return refuse(NameErrorKind::TrailingSlash, text.len() - 1);
    }
    if text.ends_with(":cancel") {
        return refuse(NameErrorKind::Verb, text.len() - ":cancel".len());
    }

    let mut at = 0;
    let mut count = 0;
    // Bytes, because searching for a character is several times as slow.
    for segment in text.as_bytes().split(|byte| *byte == b'/') {
        let here = at;
        at += segment.len() + 1;
        count += 1;
        if count > 2 * depth {
            continue;
        }
        let kind = match segment {
            b"" => NameErrorKind::EmptySegment,
            b"." | b".." => NameErrorKind::DotSegment,
            _ if count % 2 == 1 && segment != COLLECTIONS[count / 2].as_bytes() => {
                NameErrorKind::Collection(COLLECTIONS[count / 2])
            }
            _ => continue,
        };
        return refuse(kind, here);
    }
    match count {
        _ if count == 2 * depth => Ok(()),
        _ if count > 2 * depth => refuse(NameErrorKind::ExtraSegments, text.len()),
        2 => refuse(NameErrorKind::Other("an enterprise"), text.len()),
        4 => refuse(NameErrorKind::Other("a device"), text.len()),
        3 => refuse(NameErrorKind::Other("a list of devices"), text.len()),
        5 => refuse(NameErrorKind::Other("a list of operations"), text.len()),
        _ => refuse(NameErrorKind::MissingSegments, text.len()),
    }
}

/// Takes visible ASCII, as nearly every name is, for a name at one look at each byte of its ids, where
/// finding out what is wrong takes several; gives what [`check`] gives.
fn glance(text: &[u8], depth: usize) -> Option<(u16, u16)> {
    let (mut rest, mut weight, mut last) = (Some(text), 0, 0);
    for level in 0..depth {
        // Each of a length that is known, or comparing takes a call.
        let text = match level {
            0 => rest?.strip_prefix(b"enterprises/"),
            1 => rest?.strip_prefix(b"devices/"),
            _ => rest?.strip_prefix(b"operations/"),
        }?;
        let mut end = 0;
        loop {
            let plain = |byte: &u8| WEIGHTS[usize::from(*byte)] == 0;
            end += text[end..].iter().take_while(|byte| plain(byte)).count();
            match text.get(end) {
                Some(byte) if WEIGHTS[usize::from(*byte)] != END => weight += 1,
                _ => break,
            }
            end += 1;
        }
        // No name is longer than that.
        last = end as u16;
        rest = match text.split_at_checked(end)? {
            (b"" | b"." | b"..", _) => return None,
            (_, []) => None,
            (_, [b'/', rest @ ..]) => Some(rest),
            _ => return None,
        };
    }
    (rest.is_none() && !text.ends_with(b":cancel")).then_some((weight, last))
}

/// What ends an id: a slash, and whatever is not visible ASCII.
const END: u8 = 2;

/// What a byte is in an id: 1 if it is percent-encoded, [`END`], or 0.
const WEIGHTS: [u8; 256] = {
    let mut weights = [END; 256];
    let mut byte = 0;
    while byte < weights.len() {
        let char = byte as u8;
        if char.is_ascii_graphic() && char != b'/' {
            weights[byte] = is_coded(char) as u8;
        }
        byte += 1;
    }
    weights
};

/// The first character no name may hold. ASCII names take the quick path of one pass over bytes.
fn forbidden(text: &str) -> Option<(usize, NameErrorKind)> {
    let plain = |byte: &u8| byte.is_ascii_graphic();
    if text.as_bytes().iter().all(plain) {
        return None;
    }
    for (at, char) in text.char_indices() {
        let edge = at == 0 || at + char.len_utf8() == text.len();
        let kind = match char {
            // Line and paragraph separators end a line for some programs, as controls do.
            _ if char.is_control() || matches!(char, '\u{2028}' | '\u{2029}') => {
                NameErrorKind::Control(char)
            }
            // Arabic letter mark, the marks, embeddings, overrides and isolates of UAX #9.
            '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' => NameErrorKind::Bidi(char),
            // Not White_Space, but just as invisible at an end: zero-width space, BOM.
            '\u{200b}' | '\u{feff}' if edge => NameErrorKind::WhiteSpace(char),
            _ if edge && char.is_whitespace() => NameErrorKind::WhiteSpace(char),
            _ => continue,
        };
        return Some((at, kind));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glance_accepts_the_same() {
        let good = "enterprises/e/devices/d/operations/o";
        assert_eq!(glance(good.as_bytes(), 3), Some((0, 1)));
        assert_eq!(glance(b"enterprises/e:%", 1), Some((2, 3)));
        let parts = [
            "enterprises",
            "e",
            "",
            ".",
            "..",
            "devices",
            "operations",
            ":cancel",
            "ü",
            "a:%b",
            " ",
        ];
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            let mut segments = good.split('/').collect::<Vec<_>>();
            for _ in 0..2 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let (at, part) = (
                    (seed >> 33) as usize % 7,
                    (seed >> 40) as usize % parts.len(),
                );
                match segments.get_mut(at) {
                    Some(segment) if seed >> 63 == 0 => *segment = parts[part],
                    _ => segments.insert(at.min(segments.len()), parts[part]),
                }
            }
            let text = segments.join("/");
            for depth in 1..=3 {
                if text.bytes().all(|byte| byte.is_ascii_graphic()) {
                    let good = explain(&text, depth)
                        .is_ok()
                        .then(|| (coded(&text), last(&text)));
                    assert_eq!(glance(text.as_bytes(), depth), good, "{text}");
                }
            }
        }
    }
}
