//! Why a name was refused.

use std::fmt;

use crate::name::pattern;
use crate::shown::shown_excerpt;

/// A resource name that was refused: what is wrong, where, and what was expected.
///
/// Nothing was sent: a request cannot be built without a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct NameError {
    kind: NameErrorKind,
    at: usize,
    input: Box<str>,
    expected: &'static str,
}

/// What is wrong with a refused name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameErrorKind {
    /// There is no text at all.
    Empty,
    /// It is longer than [`MAX_NAME_BYTES`](crate::MAX_NAME_BYTES).
    TooLong,
    /// It holds a control character (also a line end).
    Control(char),
    /// It holds a character that changes the direction of the text around it.
    Bidi(char),
    /// White space, or an invisible character, stands at one of its ends.
    WhiteSpace(char),
    /// It is a URL that is not the one of a resource.
    Url,
    /// It is a URL of another server than the endpoint's.
    OtherServer,
    /// It starts with a slash.
    LeadingSlash,
    /// It ends with a slash.
    TrailingSlash,
    /// It ends in `:cancel`, which is the method and not part of the name.
    Verb,
    /// Two slashes stand together.
    EmptySegment,
    /// A segment is `.` or `..`.
    DotSegment,
    /// A collection's name is not the one that belongs here.
    Collection(&'static str),
    /// It names something else of the API.
    Other(&'static str),
    /// It is too short to name anything.
    MissingSegments,
    /// It goes on after the name is complete.
    ExtraSegments,
}

impl NameError {
    pub(crate) fn new(input: &str, kind: NameErrorKind, at: usize, expected: &'static str) -> Self {
        Self {
            kind,
            at,
            input: shown_excerpt(input, 80).into(),
            expected,
        }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> NameErrorKind {
        self.kind
    }

    /// Where it is wrong, as a byte offset into the refused text.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The refused text, escaped and cut to about 80 characters; of what
    /// [looks like a secret](crate::looks_secret), only that.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.input
    }

    /// The pattern that was expected.
    #[must_use]
    pub const fn expected(&self) -> &'static str {
        self.expected
    }

    fn message(&self) -> String {
        let at = self.at;
        let what = match self.kind {
            NameErrorKind::Empty => {
                return format!("the name is empty; expected {}", self.expected);
            }
            NameErrorKind::TooLong => format!("is longer than {at} bytes"),
            NameErrorKind::Control(char) => {
                format!(
                    "holds the control character U+{:04X} at byte {at}",
                    u32::from(char)
                )
            }
            NameErrorKind::Bidi(char) => {
                format!(
                    "holds the bidirectional control U+{:04X} at byte {at}",
                    u32::from(char)
                )
            }
            NameErrorKind::WhiteSpace(char) => {
                format!("has white space (U+{:04X}) at byte {at}", u32::from(char))
            }
            NameErrorKind::Url => "is a URL; give the resource name alone".to_owned(),
            NameErrorKind::OtherServer => {
                "is a URL of another server than the endpoint of this run".to_owned()
            }
            NameErrorKind::LeadingSlash => "starts with a slash".to_owned(),
            NameErrorKind::TrailingSlash => format!("ends with a slash at byte {at}"),
            NameErrorKind::Verb => {
                format!(
                    "ends in `:cancel` at byte {at}, which is the method and not part of the name"
                )
            }
            NameErrorKind::EmptySegment => format!("has an empty segment at byte {at}"),
            NameErrorKind::DotSegment => format!("has a `.` or `..` segment at byte {at}"),
            NameErrorKind::Collection(expected) => {
                format!("does not have `{expected}` at byte {at}")
            }
            NameErrorKind::Other(what) => format!("names {what}"),
            NameErrorKind::MissingSegments => "is too short".to_owned(),
            NameErrorKind::ExtraSegments => "goes on after the name is complete".to_owned(),
        };
        let mut text = format!("\"{}\" {what}; expected {}", self.input, self.expected);
        if self.is_enterprise_id() {
            text.push_str(&format!("; did you mean enterprises/{}?", self.input));
        }
        text
    }

    /// True where the text can be the id of an enterprise whose name was expected.
    fn is_enterprise_id(&self) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        matches!(self.kind, NameErrorKind::Collection(_))
            && self.expected == pattern(1)
            && &*self.input != "enterprises"
            && self.input.bytes().all(plain)
    }
}

impl fmt::Display for NameErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl NameErrorKind {
    /// A stable snake_case word for the kind, for logs and other languages.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::Control(_) => "control",
            Self::Bidi(_) => "bidi",
            Self::WhiteSpace(_) => "white_space",
            Self::Url => "url",
            Self::OtherServer => "other_server",
            Self::LeadingSlash => "leading_slash",
            Self::TrailingSlash => "trailing_slash",
            Self::Verb => "verb",
            Self::EmptySegment => "empty_segment",
            Self::DotSegment => "dot_segment",
            Self::Collection(_) => "collection",
            Self::Other(_) => "other_resource",
            Self::MissingSegments => "missing_segments",
            Self::ExtraSegments => "extra_segments",
        }
    }
}
