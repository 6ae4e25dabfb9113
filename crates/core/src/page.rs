//! Pages of lists.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::Error;
use crate::name::ParentName;
use crate::printable::is_hidden;
use crate::shown::looks_secret;
use crate::timestamp::Timestamp;

/// One page of a list: of operations, or of their [parents](Parent).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Page<T> {
    /// Entries in the order of the server: operations of the Android Management API come oldest first. May be
    /// empty before the end.
    pub entries: Vec<T>,
    /// Asks for the next page; `None` only at the end.
    pub next_page_token: Option<PageToken>,
    /// The error of entries that could not be read, while others could, or of places that the server did not reach: what was
    /// in them was missed.
    pub unreadable: Option<Error>,
}

/// An empty page at the end of a list.
impl<T> Default for Page<T> {
    fn default() -> Self {
        Self::new(Vec::new(), None)
    }
}

impl<T> Page<T> {
    /// A page whose every entry could be read.
    #[must_use]
    pub const fn new(entries: Vec<T>, next_page_token: Option<PageToken>) -> Self {
        Self {
            entries,
            next_page_token,
            unreadable: None,
        }
    }
}

/// The parent of operations as a list tells it: a device, for example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parent {
    /// Its name.
    pub name: ParentName,
    /// Time at which it was last active, by the server's clock, where the service tells that.
    pub active_time: Option<Timestamp>,
}

impl Parent {
    /// A parent that was last active then.
    #[must_use]
    pub const fn new(name: ParentName, active_time: Option<Timestamp>) -> Self {
        Self { name, active_time }
    }
}

/// A token that asks for the next page of a list; opaque, not empty, at most 4 KiB.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageToken(Box<str>);

/// A text that cannot be a page token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a page token of {0} bytes; expected 1 to 4096")]
pub struct PageTokenError(usize);

impl PageToken {
    /// The token as the server gave it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PageToken {
    type Err = PageTokenError;

    fn from_str(text: &str) -> Result<Self, PageTokenError> {
        match text.len() {
            1..=4096 => Ok(Self(text.into())),
            length => Err(PageTokenError(length)),
        }
    }
}

/// A filter that the server applies to a list before it answers, in the language of the service: AIP-160 says how
/// most are written, `done = false`. Neither empty nor longer than 1 KiB, and all of it can be seen.
///
/// It is an aid that saves pages: what a server leaves out is never seen, and whether an operation is pending is
/// still decided by the reader of the list.
///
/// ```
/// use countermand_core::{PageQuery, ParentName, Request, Service};
///
/// let service = Service::named("documentai.v1").expect("it is built in");
/// let parent = ParentName::parse(service, "projects/p/locations/us")?;
/// let page = PageQuery {
///     filter: Some("done = false".parse()?),
///     ..PageQuery::default()
/// };
/// let request = Request::ListOperations(parent, page).http(&service.endpoint());
/// assert!(request.uri().query().unwrap().contains("&filter=done%20%3D%20false&"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListFilter(Arc<str>);

/// A text that cannot be the filter of a list. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListFilterError {
    /// It is empty, or longer than 1 KiB.
    #[error("a filter of {0} bytes; expected 1 to {MAX_FILTER}")]
    Length(usize),
    /// It has a character that cannot be seen.
    #[error("a filter with the character U+{:04X}, which cannot be seen", u32::from(*.0))]
    Hidden(char),
    /// It looks like a secret: a job file would keep it.
    #[error("a filter that looks like {0}; expected a text that can be kept in a file")]
    Secret(&'static str),
}

/// The longest filter, in bytes: percent-encoded it is a path that servers take.
const MAX_FILTER: usize = 1024;

impl ListFilter {
    /// The filter as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ListFilter {
    type Err = ListFilterError;

    fn from_str(text: &str) -> Result<Self, ListFilterError> {
        if !(1..=MAX_FILTER).contains(&text.len()) || text.trim().is_empty() {
            return Err(ListFilterError::Length(text.trim().len()));
        }
        if let Some(hidden) = text.chars().find(|char| is_hidden(*char)) {
            return Err(ListFilterError::Hidden(hidden));
        }
        match looks_secret(text) {
            Some(like) => Err(ListFilterError::Secret(like)),
            None => Ok(Self(text.into())),
        }
    }
}

impl fmt::Display for ListFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for ListFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ListFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_can_be_seen_and_fits_a_path() {
        let long = "x".repeat(MAX_FILTER);
        for good in ["done=false", "labels.\u{fc} = \"a b\"", &long] {
            let filter: ListFilter = good.parse().unwrap();
            assert_eq!(filter.as_str(), good);
            let json = serde_json::to_string(&filter).unwrap();
            assert_eq!(serde_json::from_str::<ListFilter>(&json).unwrap(), filter);
        }
        let longer = format!("{long}x");
        for (text, error) in [
            ("", ListFilterError::Length(0)),
            ("  ", ListFilterError::Length(0)),
            (&*longer, ListFilterError::Length(MAX_FILTER + 1)),
            ("a\nb", ListFilterError::Hidden('\n')),
            ("a\u{202e}b", ListFilterError::Hidden('\u{202e}')),
        ] {
            assert_eq!(text.parse::<ListFilter>(), Err(error), "{text:?}");
            let json = serde_json::to_string(text).unwrap();
            assert!(serde_json::from_str::<ListFilter>(&json).is_err());
        }
    }
}
