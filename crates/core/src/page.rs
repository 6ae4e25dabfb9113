//! Pages of lists.

use std::str::FromStr;

use crate::error::Error;
use crate::name::ParentName;
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
    /// The error of entries that could not be read, while others could: what was in them was missed.
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
