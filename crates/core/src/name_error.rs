//! Refusals of names.

use std::fmt;

use crate::call::Call;
use crate::printable::with_article;
use crate::service::{Level, Service};
use crate::shown::shown_excerpt;

/// The longest name that is accepted, in bytes.
pub const MAX_NAME_BYTES: usize = 1024;

/// A resource name that was refused: what is wrong, where, and what was expected.
///
/// Nothing was sent: a request cannot be built without a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct NameError {
    kind: NameErrorKind,
    at: usize,
    input: Box<str>,
    expected: Box<str>,
    services: Box<[&'static str]>,
}

/// Kind of a refusal of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameErrorKind {
    /// There is no text at all.
    Empty,
    /// It is longer than [`MAX_NAME_BYTES`].
    TooLong,
    /// It holds a control character (also a line end).
    Control(char),
    /// It holds a character that changes the direction of the text around it.
    Bidi(char),
    /// White space, or an invisible character, stands at one of its ends.
    WhiteSpace(char),
    /// A character stands there that no id of Google's has: a comma or a dot behind the name, quotes around it.
    Character(char),
    /// It holds a name among other words.
    MoreThanName,
    /// It is a URL that is not the one of a resource.
    Url,
    /// It is a URL of another server than the endpoint's.
    OtherServer,
    /// It is the full name of an operation of another service.
    OtherService,
    /// The service has no such method for names like this one.
    NoMethod(&'static Service, Call),
    /// The list of the operations of such a name takes no [filter](crate::ListFilter).
    NoFilter(&'static Service),
    /// The service has no such method for a name of this level, but lists operations one level further down,
    /// which is the second.
    NotSearched(&'static Level, &'static Level),
    /// It stands for several resources (a segment is `-`, AIP-159), and a request is for one.
    Several,
    /// It starts with a slash.
    LeadingSlash,
    /// It ends with a slash.
    TrailingSlash,
    /// It ends in the suffix of a method, which is not part of the name.
    Verb(&'static str),
    /// Two slashes stand together.
    EmptySegment,
    /// A segment is `.` or `..`.
    DotSegment,
    /// A collection's name is not the one that belongs here.
    Collection(&'static str),
    /// It names a resource of another level.
    Other(&'static Level),
    /// It names a list.
    List(&'static Level),
    /// It is too short to name anything.
    MissingSegments,
    /// It goes on after the name is complete.
    ExtraSegments,
}

impl NameError {
    pub(crate) fn new(
        input: &str,
        kind: NameErrorKind,
        at: usize,
        expected: impl Into<Box<str>>,
    ) -> Self {
        Self {
            kind,
            at,
            input: shown_excerpt(input, 80).into(),
            expected: expected.into(),
            services: Box::default(),
        }
    }

    /// The same, of a text that names an operation of these other services.
    pub(crate) fn of_services(mut self, services: Vec<&'static str>) -> Self {
        self.services = services.into();
        self
    }

    /// Kind of the refusal.
    #[must_use]
    pub const fn kind(&self) -> NameErrorKind {
        self.kind
    }

    /// Place of the fault, as a byte offset into the refused text.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The refused text, escaped and cut to about 80 characters; of what
    /// [looks like a secret](crate::text::looks_secret), only that.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.input
    }

    /// The pattern that was expected.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Other services whose operations have such names, for [`Service::choose`](crate::Service::choose).
    #[must_use]
    pub fn services(&self) -> &[&'static str] {
        &self.services
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
            NameErrorKind::Character(char) => {
                let shown = match char.is_ascii_graphic() {
                    true => format!("`{char}`"),
                    false => format!("the character U+{:04X}", u32::from(char)),
                };
                let advice = match char {
                    '"' | '\'' | '`' | '\u{2018}'..='\u{201f}' => "remove the quotes",
                    _ => "give the name alone",
                };
                format!("has {shown} at byte {at}: {advice}")
            }
            NameErrorKind::MoreThanName => {
                // The other words are not repeated: they may be secrets.
                let text = "the text holds more than a name: give the name alone";
                return format!("{text}; expected {}{}", self.expected, self.services_told());
            }
            NameErrorKind::Url => "is a URL; give the resource name alone".to_owned(),
            NameErrorKind::OtherServer => {
                "is a URL of another server than the endpoint of this run".to_owned()
            }
            NameErrorKind::OtherService => "is a name of another service".to_owned(),
            NameErrorKind::NoMethod(service, call) => {
                let (does, instead) = match call {
                    Call::Cancel => ("cancels", String::new()),
                    Call::Get | Call::GetParent => ("shows", String::new()),
                    Call::ListOperations | Call::ListParents => (
                        "lists the operations of",
                        format!(
                            " in the form that is read here; give the names of operations, {}, as the answers \
                             that began them or the tools of the service show them",
                            self.expected
                        ),
                    ),
                };
                let title = service.title;
                return format!("{title} has no method that {does} {}{instead}", self.input);
            }
            NameErrorKind::NotSearched(level, below) => format!(
                "names {}, and operations are listed by {}",
                with_article(level.noun),
                below.noun
            ),
            NameErrorKind::Several => {
                "stands for several resources (`-`), and a request is for one".to_owned()
            }
            NameErrorKind::NoFilter(service) => {
                let title = service.title;
                return format!(
                    "{title} takes no filter for the list of the operations of {}",
                    self.input
                );
            }
            NameErrorKind::LeadingSlash => "starts with a slash".to_owned(),
            NameErrorKind::TrailingSlash => format!("ends with a slash at byte {at}"),
            NameErrorKind::Verb(method) => {
                format!(
                    "ends in `{method}` at byte {at}, which is the method and not part of the name"
                )
            }
            NameErrorKind::EmptySegment => format!("has an empty segment at byte {at}"),
            NameErrorKind::DotSegment => format!("has a `.` or `..` segment at byte {at}"),
            NameErrorKind::Collection(expected) if at == 0 => {
                format!("does not begin with `{expected}/`")
            }
            NameErrorKind::Collection(expected) => {
                format!("does not have `{expected}` at byte {at}")
            }
            NameErrorKind::Other(level) => format!("names {}", with_article(level.noun)),
            NameErrorKind::List(level) => format!("names a list of {}", level.collection),
            NameErrorKind::MissingSegments => "is too short".to_owned(),
            NameErrorKind::ExtraSegments => "goes on after the name is complete".to_owned(),
        };
        let services = self.services_told();
        let mut text = format!(
            "\"{}\" {what}; expected {}{services}",
            self.input, self.expected
        );
        if let Some(collection) = self.bare_id_of() {
            text.push_str(&format!("; did you mean {collection}/{}?", self.input));
        }
        text
    }

    /// The other services of the name, as a clause.
    fn services_told(&self) -> String {
        match &*self.services {
            [] => String::new(),
            [one] => format!("; it is a name of the service {one}: set the service to that one"),
            few if few.len() <= 3 => format!(
                "; it is a name of {}: set the service to one of them",
                few.join(", ")
            ),
            many => format!(
                "; {} services have such names: set the service, or give the full name //HOST/NAME",
                many.len()
            ),
        }
    }

    /// The collection, where a name of one level was expected and the text can be an id in it.
    fn bare_id_of(&self) -> Option<&'static str> {
        let NameErrorKind::Collection(collection) = self.kind else {
            return None;
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let of_one_level = self.expected.matches('/').count() == 1;
        let id = &*self.input != collection && self.input.bytes().all(plain);
        (of_one_level && id).then_some(collection)
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
            Self::Character(_) => "character",
            Self::MoreThanName => "more_than_a_name",
            Self::Url => "url",
            Self::OtherServer => "other_server",
            Self::OtherService => "other_service",
            Self::NoMethod(..) | Self::NotSearched(..) => "no_method",
            Self::Several => "several",
            Self::NoFilter(_) => "no_filter",
            Self::LeadingSlash => "leading_slash",
            Self::TrailingSlash => "trailing_slash",
            Self::Verb(_) => "verb",
            Self::EmptySegment => "empty_segment",
            Self::DotSegment => "dot_segment",
            Self::Collection(_) => "collection",
            Self::Other(_) | Self::List(_) => "other_resource",
            Self::MissingSegments => "missing_segments",
            Self::ExtraSegments => "extra_segments",
        }
    }
}
