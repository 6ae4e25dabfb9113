//! Resource names, parsed once into types that cannot hold a bad one.
//!
//! A name is the only text of the caller's that reaches a URL. Parsing it here is what makes the
//! request builders infallible, and what keeps `..`, `?` or `#` in an id from reaching another
//! resource: what is legal is percent-encoded by the gRPC transcoding rule, what is not is refused.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::name_error::{NameError, NameErrorKind};

/// The longest name that is accepted, in bytes.
pub const MAX_NAME_BYTES: usize = 1024;

/// A checked name, and how many of its bytes have to be percent-encoded: usually none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name {
    text: Arc<str>,
    coded: u16,
}

/// Collections of a full operation name; the two shorter names are its prefixes.
const COLLECTIONS: [&str; 3] = ["enterprises", "devices", "operations"];

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $depth:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Name);

        impl $type {
            /// The name as the API writes it, not percent-encoded.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0.text
            }

            /// Appends the name to a URL path, percent-encoded by the transcoding rule: everything
            /// outside `[-_.~/0-9a-zA-Z]`, UTF-8 byte by byte.
            ///
            /// For those who build requests themselves; [`wire`](crate::wire) does it for you.
            pub fn encode_into(&self, path: &mut Vec<u8>) {
                match self.0.coded {
                    0 => path.extend_from_slice(self.0.text.as_bytes()),
                    _ => encode(&self.0.text, path),
                }
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text, $depth)?;
                Ok(Self(Name::new(text)))
            }
        }

        impl TryFrom<&str> for $type {
            type Error = NameError;

            fn try_from(text: &str) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({:?})"), self.as_str())
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl de::Visitor<'_> for Text {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(pattern($depth))
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }
    };
}

name! {
    /// The name of a long-running operation, `enterprises/{enterprise}/devices/{device}/operations/{operation}`.
    ///
    /// What [`Flow::new`](crate::Flow::new) and the request builders take: whoever holds one need
    /// not check it again.
    ///
    /// ```
    /// use countermand_core::OperationName;
    ///
    /// let name: OperationName = "enterprises/LC01/devices/3f/operations/1786048723669".parse()?;
    /// assert_eq!(name.operation(), "1786048723669");
    /// assert_eq!(name.device().as_str(), "enterprises/LC01/devices/3f");
    ///
    /// let error = "enterprises/LC01/devices/3f".parse::<OperationName>().unwrap_err();
    /// assert!(error.to_string().contains("names a device"));
    /// # Ok::<(), countermand_core::NameError>(())
    /// ```
    OperationName, 3
}

name! {
    /// The name of a device, `enterprises/{enterprise}/devices/{device}`.
    ///
    /// Whose operations are listed, and whose absence is a sign that a wipe was confirmed.
    DeviceName, 2
}

name! {
    /// The name of an enterprise, `enterprises/{enterprise}`.
    ///
    /// The unit of permission: HTTP 403 concerns one of them.
    EnterpriseName, 1
}

impl OperationName {
    /// The device whose operation it is.
    #[must_use]
    pub fn device(&self) -> DeviceName {
        DeviceName(self.0.prefix(4))
    }

    /// The enterprise the device belongs to.
    #[must_use]
    pub fn enterprise(&self) -> EnterpriseName {
        EnterpriseName(self.0.prefix(2))
    }

    /// The text of [`device`](Self::device).
    pub(crate) fn device_str(&self) -> &str {
        self.0.prefix_str(4)
    }

    /// How long the encoded name is, so that a path can be allocated once.
    pub(crate) fn encoded_len(&self) -> usize {
        self.0.encoded_len()
    }

    /// The operation's id: the last segment.
    #[must_use]
    pub fn operation(&self) -> &str {
        self.0.last()
    }
}

impl DeviceName {
    /// The enterprise the device belongs to.
    #[must_use]
    pub fn enterprise(&self) -> EnterpriseName {
        EnterpriseName(self.0.prefix(2))
    }

    /// How long the encoded name is, so that a path can be allocated once.
    pub(crate) fn encoded_len(&self) -> usize {
        self.0.encoded_len()
    }

    /// The device's id: the last segment.
    #[must_use]
    pub fn device(&self) -> &str {
        self.0.last()
    }
}

impl EnterpriseName {
    /// The enterprise's id: the last segment.
    #[must_use]
    pub fn enterprise(&self) -> &str {
        self.0.last()
    }
}

impl Name {
    fn new(text: &str) -> Self {
        let coded = text.bytes().filter(|byte| !is_literal(*byte)).count();
        // No more than the bytes of a name, so the limit of their number is far away.
        Self {
            text: text.into(),
            coded: u16::try_from(coded).unwrap_or(u16::MAX),
        }
    }

    fn encoded_len(&self) -> usize {
        self.text.len() + 2 * usize::from(self.coded)
    }

    /// The first `segments` segments.
    fn prefix(&self, segments: usize) -> Self {
        Self::new(self.prefix_str(segments))
    }

    fn prefix_str(&self, segments: usize) -> &str {
        let bytes = self.text.bytes().enumerate();
        let mut slashes = bytes.filter(|(_, byte)| *byte == b'/');
        let end = slashes
            .nth(segments - 1)
            .map_or(self.text.len(), |(at, _)| at);
        &self.text[..end]
    }

    fn last(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }
}

/// What is expected of a name of so many collections, for messages.
pub(crate) const fn pattern(depth: usize) -> &'static str {
    match depth {
        1 => "enterprises/{enterprise}",
        2 => "enterprises/{enterprise}/devices/{device}",
        _ => "enterprises/{enterprise}/devices/{device}/operations/{operation}",
    }
}

/// Refuses everything that is not a name of `depth` collections.
fn check(text: &str, depth: usize) -> Result<(), NameError> {
    match is_well_formed(text, depth) {
        true => Ok(()),
        false => explain(text, depth),
    }
}

/// As `check`, and finds out what is wrong and where.
fn explain(text: &str, depth: usize) -> Result<(), NameError> {
    let refuse = |kind, at| Err(NameError::new(text, kind, at, pattern(depth)));
    if text.is_empty() {
        return refuse(NameErrorKind::Empty, 0);
    }
    if text.len() > MAX_NAME_BYTES {
        return refuse(NameErrorKind::TooLong, MAX_NAME_BYTES);
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

/// Whether it is a name of ASCII alone, as nearly every name is; what is not still may be one. Looks
/// at each byte of an id once, where finding out what is wrong takes several looks.
fn is_well_formed(text: &str, depth: usize) -> bool {
    let bytes = text.as_bytes();
    // Without leaving early, several bytes are looked at together.
    let plain = bytes
        .iter()
        .fold(true, |plain, byte| plain & byte.is_ascii_graphic());
    if !plain || bytes.len() > MAX_NAME_BYTES || text.ends_with(":cancel") {
        return false;
    }
    let mut rest = Some(bytes);
    for collection in &COLLECTIONS[..depth] {
        let Some(id) = rest
            .and_then(|rest| rest.strip_prefix(collection.as_bytes()))
            .and_then(|rest| rest.strip_prefix(b"/"))
        else {
            return false;
        };
        let end = id.iter().position(|byte| *byte == b'/');
        let (id, more) = id.split_at(end.unwrap_or(id.len()));
        if matches!(id, b"" | b"." | b"..") {
            return false;
        }
        rest = more.get(1..);
    }
    rest.is_none()
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
            _ if char.is_control() => NameErrorKind::Control(char),
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

const fn is_literal(byte: u8) -> bool {
    LITERAL[byte as usize]
}

/// Which bytes stay as they are in a path. A table, because every byte of every name is looked up.
const LITERAL: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        let char = byte as u8;
        table[byte] =
            char.is_ascii_alphanumeric() || matches!(char, b'-' | b'_' | b'.' | b'~' | b'/');
        byte += 1;
    }
    table
};

/// Percent-encodes by the transcoding rule of `google.api.http` for a multi-segment variable.
pub(crate) fn encode(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if is_literal(byte) {
            out.push(byte);
        } else {
            out.extend([
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_names_themselves() {
        let name: OperationName = "enterprises/e/devices/d/operations/o".parse().unwrap();
        assert_eq!(name.device(), "enterprises/e/devices/d".parse().unwrap());
        assert_eq!(name.enterprise(), "enterprises/e".parse().unwrap());
        assert_eq!(name.device().enterprise().enterprise(), "e");
        assert_eq!(name.device().device(), "d");
    }

    #[test]
    fn serde_goes_through_the_parser() {
        let json = r#""enterprises/e/devices/d/operations/o""#;
        let name: OperationName = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), json);
        let error = serde_json::from_str::<OperationName>(r#""enterprises/e""#).unwrap_err();
        assert!(error.to_string().contains("names an enterprise"), "{error}");
    }

    #[test]
    fn the_quick_look_accepts_nothing_more() {
        let good = "enterprises/e/devices/d/operations/o";
        assert!(is_well_formed(good, 3) && is_well_formed("enterprises/e", 1));
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
                if is_well_formed(&text, depth) {
                    assert!(explain(&text, depth).is_ok(), "{text}");
                }
            }
        }
    }

    #[test]
    fn encoded_length_is_exact() {
        let name: OperationName = "enterprises/e/devices/ü%/operations/a:b#?".parse().unwrap();
        let mut path = Vec::new();
        name.encode_into(&mut path);
        assert_eq!(
            path,
            b"enterprises/e/devices/%C3%BC%25/operations/a%3Ab%23%3F"
        );
        assert_eq!(path.len(), name.encoded_len());
    }
}
