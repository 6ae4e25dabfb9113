//! The parser of resource names, and what is wrong with a text that is none.

use std::borrow::Cow;
use std::cmp::Ordering;

use triomphe::{Arc, HeaderSlice};

use crate::name_error::{MAX_NAME_BYTES, NameError, NameErrorKind};
use crate::percent::is_coded;
use crate::resource_state::Reading;
use crate::service::{Ids, Level, Service, described};

/// Places in a checked name, and the pattern that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// The number of its bytes that are percent-encoded in a path, usually none.
    pub(crate) coded: u16,
    /// The end of the part that names its parent; 0 without one.
    pub(crate) parent: u16,
    /// The beginning of its id.
    pub(crate) id: u16,
    /// The number of its pattern in the service's.
    pub(crate) pattern: u8,
    /// The length of the end that names a list, `/jobs`: 0 where the rest of the name tells it.
    pub(crate) list: u8,
}

/// A checked name: its text form behind what is known of it, in one allocation that its copies share. A million names
/// wait in a scheduler, each in several places.
pub(crate) type Parsed = Arc<HeaderSlice<Known, str>>;

/// The service of a name, and places in its text form.
pub(crate) struct Known {
    pub(crate) service: &'static Service,
    pub(crate) ends: Ends,
}

/// The name of a resource so many levels above the service's operations.
/// Everything that is no such name is refused.
pub(crate) fn parse(service: &'static Service, text: &str, up: u8) -> Result<Parsed, NameError> {
    let relative = of_host(text, service.host).unwrap_or(text);
    if up == 1
        && let Some(list) = named_list(service, relative)
    {
        return Ok(list);
    }
    let ends = match parse_relative(service, relative, up) {
        // The URL of a name has the path of the API between the host and the name.
        Err(error) if relative.len() < text.len() && error.at() == 0 => explain(service, text, up)?,
        parsed => parsed?,
    };
    Ok(text_form(service, relative, ends, None))
}

/// The name above a checked one, so many levels above the operations.
pub(crate) fn parse_above(service: &'static Service, of: Ends, up: u8, relative: &str) -> Parsed {
    let levels = service.patterns[usize::from(of.pattern)].levels;
    let own = levels.last().filter(|_| up == 1);
    let named = own.and_then(|own| list(service, own.collection, relative));
    named.unwrap_or_else(|| {
        let ends = scan(of.pattern, &levels[..depth(levels, up)], relative, &SEGMENT)
            .expect("a part of a name is a name of its levels");
        text_form(service, relative, ends, None)
    })
}

/// The name of a relative one, whose places these are, and its places there. Of several lists of a parent its name
/// alone means the first, and any other one is named.
fn text_form(
    service: &'static Service,
    relative: &str,
    ends: Ends,
    list: Option<&'static str>,
) -> Parsed {
    let (slash, list) = match list {
        Some(list) if relative.is_empty() => ("", list),
        Some(list) => ("/", list),
        None => ("", ""),
    };
    let relative = &*service.patterns[usize::from(ends.pattern)].canonical(relative);
    let host = service.full_name_host();
    let text = match (host, list) {
        (None, "") => Cow::Borrowed(relative),
        (None, _) => format!("{relative}{slash}{list}").into(),
        (Some(host), "") if relative.is_empty() => format!("//{host}").into(),
        (Some(host), _) => format!("//{host}/{relative}{slash}{list}").into(),
    };
    // A host is at most 253 bytes, and so is the name of a collection.
    let host = host.map_or(0, |host| host.len() + 3) as u16;
    let ends = Ends {
        parent: match ends.parent {
            // The slash behind a host is no part of the name of what has no other.
            0 => host.saturating_sub(1),
            parent => parent + host,
        },
        id: ends.id + host,
        list: (slash.len() + list.len()) as u8,
        ..ends
    };
    Arc::from_header_and_str(Known { service, ends }, &text)
}

/// The part of a full resource name behind the host, if it is this one.
fn of_host<'a>(text: &'a str, host: &str) -> Option<&'a str> {
    let rest = text.strip_prefix("//")?;
    let (given, name) = rest.split_once('/').unwrap_or((rest, ""));
    given.eq_ignore_ascii_case(host).then_some(name)
}

/// The parent in the name of a list, where the parent alone does not tell the list: `projects/p/regions/r/jobs`,
/// as one parent may have several lists beside that of its operations, and `operations` at the root, whose parent
/// has no name.
fn named_list(service: &'static Service, text: &str) -> Option<Parsed> {
    if text.len() > MAX_NAME_BYTES || forbidden(text).is_some() {
        return None;
    }
    let found = service.patterns.iter().find_map(|pattern| {
        let (own, above) = pattern.levels.split_last()?;
        let parent = parent_in(own, above, text)?;
        has_levels(above, parent).then_some((pattern, parent))
    });
    let (pattern, parent) = found?;
    let list = list(service, pattern.own_level().collection, parent)?;
    let is_told = pattern.levels.len() == 1 || matches!(pattern.reading, Reading::State(_));
    (is_told || list.header.ends.list > 0).then_some(list)
}

/// The name of the list of this collection that a parent has. A parent's name alone means its first list.
fn list(service: &'static Service, collection: &'static str, parent: &str) -> Option<Parsed> {
    let scanned = |(number, levels)| scan(number, levels, parent, &SEGMENT);
    let mut lists = patterns(service, 1).filter_map(scanned).enumerate();
    let is_own = |ends: &Ends| {
        let pattern = &service.patterns[usize::from(ends.pattern)];
        pattern.own_level().collection == collection
    };
    let (place, ends) = lists.find(|(_, ends)| is_own(ends))?;
    let named = (place > 0).then_some(collection);
    Some(text_form(service, parent, ends, named))
}

fn parse_relative(service: &'static Service, text: &str, up: u8) -> Result<Ends, NameError> {
    // No name ends with the suffix of the method, but a part of one may.
    if text.len() <= MAX_NAME_BYTES && !service.cancel.ends(text) {
        for (pattern, levels) in patterns(service, up) {
            if let Some(ends) = scan(pattern, levels, text, &VISIBLE) {
                return Ok(ends);
            }
        }
    }
    explain(service, text, up)
}

/// The number of levels of a name so many levels above operations with these. No resource is above the first
/// level, so a name stays there; the parent of operations without another level has an empty name.
pub(crate) fn depth(levels: &[Level], up: u8) -> usize {
    let first = levels.len().saturating_sub(1).min(1);
    levels.len().saturating_sub(usize::from(up)).max(first)
}

/// The patterns of names so many levels above the operations, with their numbers.
fn patterns(
    service: &'static Service,
    up: u8,
) -> impl Iterator<Item = (u8, &'static [Level])> + Clone {
    (0..).zip(service.patterns).map(move |(number, pattern)| {
        let levels = pattern.levels;
        (number, &levels[..depth(levels, up)])
    })
}

/// The places in a text that has these levels and no more; `None` if it has not.
fn scan(pattern: u8, levels: &[Level], text: &str, weights: &[u8; 256]) -> Option<Ends> {
    let bytes = text.as_bytes();
    let (mut at, mut coded, mut parent, mut id) = (0, 0, 0, 0);
    for level in levels {
        parent = at;
        // The slash between two levels.
        at += usize::from(at > 0);
        id = at;
        let rest = bytes.get(at..)?;
        if !rest.starts_with(level.collection.as_bytes()) {
            return None;
        }
        at += level.collection.len();
        if level.ids != Ids::None {
            let [b'/', ..] = bytes.get(at..)? else {
                return None;
            };
            at += 1;
            id = at;
            at += segment(&bytes[at..], weights, &mut coded)?;
        }
        match level.ids {
            Ids::Only(only) if &bytes[id..at] != only.as_bytes() => return None,
            Ids::Rest => {
                while at < bytes.len() {
                    at += 1;
                    at += segment(&bytes[at..], weights, &mut coded)?;
                }
            }
            Ids::Any | Ids::Only(_) | Ids::None => {}
        }
        if !matches!(bytes.get(at), None | Some(b'/')) {
            return None;
        }
    }
    // No name is longer than that.
    let (parent, id) = (parent as u16, id as u16);
    (at == bytes.len()).then_some(Ends {
        coded,
        parent,
        id,
        pattern,
        list: 0,
    })
}

/// The length of the segment that a text begins with, which is a name of something and ends with a slash or
/// with the text; counts what is percent-encoded in it.
fn segment(text: &[u8], weights: &[u8; 256], coded: &mut u16) -> Option<usize> {
    let mut end = 0;
    loop {
        let plain = |byte: &u8| weights[usize::from(*byte)] == 0;
        end += text[end..].iter().take_while(|byte| plain(byte)).count();
        match text.get(end) {
            Some(byte) if weights[usize::from(*byte)] != END => *coded += 1,
            _ => break,
        }
        end += 1;
    }
    let named = !matches!(&text[..end], b"" | b"." | b".." | b"-");
    (named && matches!(text.get(end), None | Some(b'/'))).then_some(end)
}

/// The refusal of a text that is no name; the places of one with other characters than visible ASCII.
fn explain(service: &'static Service, text: &str, up: u8) -> Result<Ends, NameError> {
    let candidates = patterns(service, up);
    let usual = || candidates.clone().next().map(|(_, levels)| levels);
    let refuse = |kind, at, levels: Option<&'static [Level]>| {
        let expected = levels.or_else(usual).map_or_else(String::new, described);
        // The parent of operations at the root has no name; their list has one.
        let expected = match expected.as_str() {
            "" => service.patterns[0].own_level().collection.to_owned(),
            _ => expected,
        };
        Err(NameError::new(text, kind, at, expected))
    };
    if text.len() > MAX_NAME_BYTES {
        return refuse(NameErrorKind::TooLong, MAX_NAME_BYTES, None);
    }
    if text.is_empty() {
        return refuse(NameErrorKind::Empty, 0, None);
    }
    if let Some((at, kind)) = forbidden(text) {
        return refuse(kind, at, None);
    }
    let mut whole = candidates
        .clone()
        .filter_map(|(pattern, levels)| scan(pattern, levels, text, &SEGMENT));
    if let Some(ends) = whole.next()
        && !service.cancel.ends(text)
    {
        return Ok(ends);
    }
    // Of the pattern with the most segments before the fault; of several, one whose collection the text has, and
    // then the one whose names are shortest.
    let mut best = (0, 0, NameErrorKind::MissingSegments, None::<&[Level]>);
    let mut is_meant = false;
    for (number, levels) in candidates.clone() {
        let own = service.patterns[usize::from(number)].own_level();
        let (matched, at, kind) = match list_of(own, levels, text) {
            Some(above) => (above + 1, text.len(), NameErrorKind::List(own)),
            None => fault(levels, text),
        };
        let means = text.split('/').any(|segment| segment == own.collection);
        let is_better = best.3.is_none_or(|known| match matched.cmp(&best.0) {
            Ordering::Equal if matched > 0 && means == is_meant => levels.len() < known.len(),
            Ordering::Equal => matched > 0 && means,
            order => order.is_gt(),
        });
        if is_better {
            best = (matched, at, kind, Some(levels));
            is_meant = means;
        }
    }
    let (matched, at, kind, levels) = best;
    if let Some(other) = Service::of_full_name(text, up).filter(|other| other.host != service.host)
    {
        let refused = refuse(NameErrorKind::OtherService, 0, levels);
        return refused.map_err(|error| error.of_services(vec![other.id]));
    }
    // Two slashes together stand in every URL, so each of them fails on its structure.
    if text.starts_with("//") || text.contains("://") {
        refuse(NameErrorKind::Url, 0, levels)
    } else if text.starts_with('/') {
        refuse(NameErrorKind::LeadingSlash, 0, levels)
    } else if text.ends_with('/') {
        refuse(NameErrorKind::TrailingSlash, text.len() - 1, levels)
    } else if service.cancel.ends(text) {
        let at = text.len() - service.cancel.suffix.len();
        refuse(NameErrorKind::Verb(service.cancel.suffix), at, levels)
    } else {
        let refused = refuse(kind, at, levels);
        match matched {
            // The first word is none of this service.
            0 => refused.map_err(|error| error.of_services(Service::apis_with(text, up))),
            _ => refused,
        }
    }
}

/// The number of segments before the collection, if a text is the name of a parent with these levels and the
/// collection of its operations.
fn list_of(own: &Level, levels: &[Level], text: &str) -> Option<usize> {
    let parent = parent_in(own, levels, text)?;
    has_levels(levels, parent).then(|| levels.iter().map(Level::segments).sum())
}

/// The text before the collection of a list; what has other levels is no name of a parent.
fn parent_in<'a>(own: &Level, levels: &[Level], text: &'a str) -> Option<&'a str> {
    let parent = text.strip_suffix(own.collection)?;
    match levels {
        [] => Some(parent),
        _ => parent.strip_suffix('/'),
    }
}

/// True if a service has such relative names, or names of lists, so many levels above its operations.
pub(crate) fn holds(service: &'static Service, name: &str, up: u8) -> bool {
    let is_list = up == 1 && named_list(service, name).is_some();
    is_list || patterns(service, up).any(|(_, levels)| has_levels(levels, name))
}

/// True if a text without forbidden characters has these levels and no more.
pub(crate) fn has_levels(levels: &[Level], text: &str) -> bool {
    scan(0, levels, text, &SEGMENT).is_some()
}

/// The fault of a text that does not have these levels: the number of segments before it, its place, and its
/// kind.
fn fault(levels: &'static [Level], text: &str) -> (usize, usize, NameErrorKind) {
    // Collections and ids, each with its level.
    let parts = levels.iter().flat_map(|level| {
        let id = (level.ids != Ids::None).then_some((level, true));
        std::iter::once((level, false)).chain(id)
    });
    let parts: Vec<_> = parts.collect();
    let rest = levels.last().is_some_and(|level| level.ids == Ids::Rest);
    let mut at = 0;
    let mut count = 0;
    // Bytes, because searching for a character is several times as slow.
    for segment in text.as_bytes().split(|byte| *byte == b'/') {
        let here = at;
        at += segment.len() + 1;
        count += 1;
        let part = parts.get(count - 1);
        let kind = match (segment, part) {
            (_, None) if !rest => continue,
            (b"", _) => NameErrorKind::EmptySegment,
            (b"." | b"..", _) => NameErrorKind::DotSegment,
            (b"-", _) => NameErrorKind::Several,
            (_, None) => continue,
            (_, Some((level, is_id))) => {
                let expected = match level.ids {
                    Ids::Only(id) if *is_id => id,
                    _ if *is_id => continue,
                    _ => level.collection,
                };
                if segment == expected.as_bytes() {
                    continue;
                }
                NameErrorKind::Collection(expected)
            }
        };
        return (count - 1, here, kind);
    }
    let kind = match parts.get(count - 1) {
        _ if count > parts.len() => NameErrorKind::ExtraSegments,
        _ if count == 1 => NameErrorKind::MissingSegments,
        Some((level, is_id)) if *is_id || level.ids == Ids::None => NameErrorKind::Other(level),
        Some((level, _)) => NameErrorKind::List(level),
        None => NameErrorKind::ExtraSegments,
    };
    (count.min(parts.len()), text.len(), kind)
}

/// The end of a segment.
const END: u8 = 2;

/// Kind of each byte in a segment of visible ASCII: 1 if it is percent-encoded, [`END`], or 0. Every other byte
/// ends it, so that nearly every name needs one look at each byte, where finding out what is wrong takes several.
static VISIBLE: [u8; 256] = weights(true);

/// The same in a text without forbidden characters: only a slash ends a segment.
static SEGMENT: [u8; 256] = weights(false);

const fn weights(visible: bool) -> [u8; 256] {
    let mut weights = [END; 256];
    let mut byte = 0;
    while byte < weights.len() {
        let char = byte as u8;
        if char != b'/' && (char.is_ascii_graphic() || !visible) {
            weights[byte] = is_coded(char) as u8;
        }
        byte += 1;
    }
    weights
}

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
    use crate::name::OperationName;

    #[test]
    fn a_refusal_expects_the_pattern_of_the_collection_that_the_text_has() {
        let batch = Service::named("batch.v1").unwrap();
        for (text, own) in [
            ("projects/p/jobs/j", "jobs"),
            ("projects/p/operations/o", "operations"),
            ("projects/p", "operations"),
            ("j", "operations"),
        ] {
            let error = OperationName::parse(batch, text).unwrap_err().to_string();
            let expected = format!("expected projects/{{project}}/locations/{{location}}/{own}/");
            assert!(error.contains(&expected), "{error}");
        }
    }

    #[test]
    fn no_name_stands_for_several_resources() {
        for (service, text, at) in [
            (
                "androidmanagement.v1",
                "enterprises/e/devices/-/operations/o",
                22,
            ),
            (
                "androidmanagement.v1",
                "enterprises/-/devices/d/operations/o",
                12,
            ),
            ("batch.v1", "projects/p/locations/us/jobs/-", 29),
            (
                "batch.v1",
                "//batch.googleapis.com/projects/-/locations/us/jobs/j",
                9,
            ),
            ("bigquery.v2", "projects/p/locations/-/jobs/j", 21),
            ("vision.v1", "operations/a/-/b", 13),
        ] {
            let service = Service::named(service).unwrap();
            let error = OperationName::parse(service, text).unwrap_err();
            assert_eq!(
                (error.kind(), error.at()),
                (NameErrorKind::Several, at),
                "{text}"
            );
            let said = error.to_string();
            assert!(
                said.contains("stands for several resources (`-`)"),
                "{said}"
            );
        }
        for text in [
            "enterprises/e-/devices/-d/operations/--",
            "enterprises/e/devices/d/operations/a-b",
        ] {
            assert!(
                OperationName::parse(Service::DEFAULT, text).is_ok(),
                "{text}"
            );
        }
    }

    /// Two ways to one answer: the scan accepts what has no fault.
    #[test]
    fn the_scan_accepts_what_has_no_fault() {
        let levels = Service::DEFAULT.levels();
        let good = "enterprises/e/devices/d/operations/o";
        let scanned = |text: &str, depth| scan(0, &levels[..depth], text, &VISIBLE);
        let ends = |coded, parent, id| {
            let pattern = 0;
            Some(Ends {
                coded,
                parent,
                id,
                pattern,
                list: 0,
            })
        };
        assert_eq!(scanned(good, 3), ends(0, 23, 35));
        assert_eq!(scanned("enterprises/e:%", 1), ends(2, 0, 12));
        let parts = [
            "enterprises",
            "e",
            "",
            ".",
            "..",
            "-",
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
                let faultless = {
                    let (matched, at, _) = fault(&levels[..depth], &text);
                    matched == 2 * depth && at == text.len() && text.split('/').count() == matched
                };
                let all = scan(0, &levels[..depth], &text, &SEGMENT);
                assert_eq!(all.is_some(), faultless, "{text} {depth}");
                if text.bytes().all(|byte| byte.is_ascii_graphic()) {
                    assert_eq!(scanned(&text, depth), all, "{text}");
                }
            }
        }
    }
}
