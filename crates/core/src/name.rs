//! Resource names, parsed once into types that cannot hold a bad one.
//!
//! A name is the only text of the caller's that reaches a URL. Parsing it here is what makes the
//! request builders infallible, and what keeps `..`, `?` or `#` in an id from reaching another
//! resource: what is legal is percent-encoded by the gRPC transcoding rule, what is not is refused.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::name_check::check;
use crate::name_error::NameError;

/// The longest name that is accepted, in bytes.
pub const MAX_NAME_BYTES: usize = 1024;

/// A checked name, how many of its bytes have to be percent-encoded, usually none, and how many its
/// last segment has: a scheduler asks for a device with each request.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name {
    text: Arc<str>,
    coded: u16,
    last: u16,
}

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
                let (coded, last) = check(text, $depth)?;
                let text = text.into();
                Ok(Self(Name { text, coded, last }))
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
    /// The argument of [`Cancellation::new`](crate::Cancellation::new) and of the request builders. A value that
    /// exists is valid: it is not checked again.
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
        DeviceName(Name::of(self.quota_resource()))
    }

    /// The enterprise the device belongs to.
    #[must_use]
    pub fn enterprise(&self) -> EnterpriseName {
        EnterpriseName(self.0.enterprise())
    }

    /// The text of [`device`](Self::device).
    #[must_use]
    pub fn quota_resource(&self) -> &str {
        let operation = "/operations/".len() + self.operation().len();
        &self.as_str()[..self.as_str().len() - operation]
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
        EnterpriseName(self.0.enterprise())
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
    fn encoded_len(&self) -> usize {
        self.text.len() + 2 * usize::from(self.coded)
    }

    /// A part of a name that is a name itself.
    fn of(text: &str) -> Self {
        Self {
            text: text.into(),
            coded: coded(text),
            last: last(text),
        }
    }

    /// The enterprise's: the first two segments.
    fn enterprise(&self) -> Self {
        let bytes = self.text.bytes().enumerate();
        let mut slashes = bytes.filter(|(_, byte)| *byte == b'/');
        let end = slashes.nth(1).map_or(self.text.len(), |(at, _)| at);
        Self::of(&self.text[..end])
    }

    fn last(&self) -> &str {
        &self.text[self.text.len() - usize::from(self.last)..]
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

/// How many bytes of a name or of a part of it are percent-encoded in a path.
pub(crate) fn coded(name: &str) -> u16 {
    name.bytes().map(|byte| is_coded(byte) as u16).sum()
}

/// The length of the last segment of a name, in bytes.
pub(crate) fn last(name: &str) -> u16 {
    // Bytes, because searching for a character is several times as slow.
    let bytes = name.bytes().rev();
    bytes.take_while(|byte| *byte != b'/').map(|_| 1).sum()
}

/// Whether a byte is percent-encoded: everything outside `[-_.~/0-9a-zA-Z]`.
pub(crate) const fn is_coded(byte: u8) -> bool {
    !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/'))
}

/// Percent-encodes by the transcoding rule of `google.api.http` for a multi-segment variable.
pub(crate) fn encode(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if !is_coded(byte) {
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
        assert_eq!(name.quota_resource(), name.device().as_str());
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
    fn encoded_length_is_exact() {
        let name: OperationName = "enterprises/e/devices/ü%/operations/a:b#?".parse().unwrap();
        let mut path = Vec::new();
        name.encode_into(&mut path);
        assert_eq!(
            path,
            b"enterprises/e/devices/%C3%BC%25/operations/a%3Ab%23%3F"
        );
        assert_eq!(path.len(), name.encoded_len());
        let mut device = Vec::new();
        name.device().encode_into(&mut device);
        assert_eq!(device.len(), name.device().encoded_len());
    }
}
