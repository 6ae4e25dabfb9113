//! The parser of resource names, and what is wrong with a text that is none.

use crate::name_error::{MAX_NAME_BYTES, NameError, NameErrorKind};
use crate::percent::{coded, is_coded};
use crate::service::Service;

/// Places in a checked name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// The number of its bytes that are percent-encoded in a path, usually none.
    pub(crate) coded: u16,
    /// The end of the part that names its parent; 0 without one.
    pub(crate) parent: u16,
    /// The beginning of its last segment.
    pub(crate) id: u16,
}

impl Ends {
    /// The places in a text that is known to be a name.
    pub(crate) fn of(name: &str) -> Self {
        // Bytes, because searching for a character is several times as slow.
        let bytes = name.bytes().enumerate().rev();
        let mut slashes = bytes
            .filter(|(_, byte)| *byte == b'/')
            .map(|(at, _)| at as u16);
        Self {
            coded: coded(name),
            id: slashes.next().map_or(0, |at| at + 1),
            parent: slashes.next().unwrap_or(0),
        }
    }
}

/// Refuses everything that is not a name of a resource so many levels above the service's operations.
pub(crate) fn parse(service: &'static Service, text: &str, up: u8) -> Result<Ends, NameError> {
    let depth = service.levels.len().saturating_sub(usize::from(up));
    if text.len() > MAX_NAME_BYTES {
        let expected = service.pattern_of(depth);
        let kind = NameErrorKind::TooLong;
        return Err(NameError::new(text, kind, MAX_NAME_BYTES, expected));
    }
    match glance(service, text.as_bytes(), depth) {
        Some(ends) => Ok(ends),
        None => explain(service, text, depth).map(|()| Ends::of(text)),
    }
}

/// Finds out what is wrong and where, if anything is.
fn explain(service: &'static Service, text: &str, depth: usize) -> Result<(), NameError> {
    let refuse = |kind, at| Err(NameError::new(text, kind, at, service.pattern_of(depth)));
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
    if text.ends_with(service.cancel) {
        let at = text.len() - service.cancel.len();
        return refuse(NameErrorKind::Verb(service.cancel), at);
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
        let collection = service.levels[(count - 1) / 2].collection;
        let kind = match segment {
            b"" => NameErrorKind::EmptySegment,
            b"." | b".." => NameErrorKind::DotSegment,
            _ if count % 2 == 1 && segment != collection.as_bytes() => {
                NameErrorKind::Collection(collection)
            }
            _ => continue,
        };
        return refuse(kind, here);
    }
    match count {
        _ if count == 2 * depth => Ok(()),
        _ if count > 2 * depth => refuse(NameErrorKind::ExtraSegments, text.len()),
        1 => refuse(NameErrorKind::MissingSegments, text.len()),
        _ => {
            let level = &service.levels[(count - 1) / 2];
            let kind = match count % 2 {
                0 => NameErrorKind::Other(level),
                _ => NameErrorKind::List(level),
            };
            refuse(kind, text.len())
        }
    }
}

/// Takes visible ASCII, as nearly every name is, for a name at one look at each byte of its ids, where
/// finding out what is wrong takes several; gives what [`parse`] gives.
fn glance(service: &Service, text: &[u8], depth: usize) -> Option<Ends> {
    let (mut at, mut coded, mut parent, mut id) = (0, 0, 0, 0);
    for level in service.levels.get(..depth)? {
        parent = at;
        // The slash between two levels.
        at += usize::from(at > 0);
        let rest = text.get(at..)?.strip_prefix(level.collection.as_bytes())?;
        let [b'/', rest @ ..] = rest else {
            return None;
        };
        at += level.collection.len() + 1;
        id = at;
        let mut end = 0;
        loop {
            let plain = |byte: &u8| WEIGHTS[usize::from(*byte)] == 0;
            end += rest[end..].iter().take_while(|byte| plain(byte)).count();
            match rest.get(end) {
                Some(byte) if WEIGHTS[usize::from(*byte)] != END => coded += 1,
                _ => break,
            }
            end += 1;
        }
        if matches!(&rest[..end], b"" | b"." | b"..") || !matches!(rest.get(end), None | Some(b'/'))
        {
            return None;
        }
        at += end;
    }
    // No name is longer than that.
    let (parent, id) = (parent as u16, id as u16);
    let whole = depth > 0 && at == text.len() && !text.ends_with(service.cancel.as_bytes());
    whole.then_some(Ends { coded, parent, id })
}

/// The end of an id: a slash, and every byte that is not visible ASCII.
const END: u8 = 2;

/// Kind of each byte in an id: 1 if it is percent-encoded, [`END`], or 0.
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
        let service = Service::DEFAULT;
        let good = "enterprises/e/devices/d/operations/o";
        let ends = |coded, parent, id| Some(Ends { coded, parent, id });
        assert_eq!(glance(service, good.as_bytes(), 3), ends(0, 23, 35));
        assert_eq!(glance(service, b"enterprises/e:%", 1), ends(2, 0, 12));
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
                    let good = explain(service, &text, depth).is_ok();
                    let good = good.then(|| Ends::of(&text));
                    assert_eq!(glance(service, text.as_bytes(), depth), good, "{text}");
                }
            }
        }
    }
}
