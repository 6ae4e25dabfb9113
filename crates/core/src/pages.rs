//! Lists, page by page, to the last one.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::printable::excerpt;
use crate::{ApiError, DeviceName, EnterpriseName, Error, ErrorKind, Operation, Read, Resource};
use crate::{Timestamp, wire};

/// One page of a list of operations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OperationPage {
    /// Oldest first, as the API gives them. May be empty before the end.
    pub operations: Vec<Operation>,
    /// What asks for the next page; `None` only at the end.
    pub next_page_token: Option<PageToken>,
    /// Entries that could not be read, while others could: operations may have been missed.
    pub unreadable: Option<Unreadable>,
}

/// Entries of a page that could not be read, while the page could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    count: usize,
    problem: Box<str>,
}

impl Unreadable {
    pub(crate) fn new(count: usize, entries: usize, problem: &str) -> Self {
        let problem = excerpt(problem, 200);
        Self {
            count,
            problem: format!(
                "{count} of {entries} entries of the page cannot be read; the first: {problem}"
            )
            .into(),
        }
    }

    /// The number of entries that could not be read.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The same as an error of the list: what was in these entries was missed.
    #[must_use]
    pub fn error(&self, list_of: impl Into<Resource>) -> Error {
        let answer = ApiError::with_message(200, &self.problem);
        Error::new(ErrorKind::Malformed(answer))
            .of(list_of)
            .of_read(1)
    }
}

/// What asks for the next page of a list; opaque, not empty, at most 4 KiB.
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

/// One page of a list of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DevicePage {
    /// In the order of the server, which nothing is known about. May be empty before the end.
    pub devices: Vec<Device>,
    /// What asks for the next page; `None` only at the end.
    pub next_page_token: Option<PageToken>,
    /// Entries that could not be read, while others could: devices may have been missed.
    pub unreadable: Option<Unreadable>,
}

/// A device as a list tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// Its name.
    pub name: DeviceName,
    /// When it last sent a status report, by the server's clock.
    pub last_status_report_time: Option<Timestamp>,
}

/// A page of a list that [`Pages`] can turn.
pub trait Page: Sized + 'static {
    /// Whose list it is.
    type Parent: Clone;

    /// The call for a page.
    fn read(parent: &Self::Parent, page_token: Option<PageToken>) -> Read<Self>;

    /// What the list is of, for messages.
    fn resource(parent: &Self::Parent) -> Resource;

    /// What asks for the next page; `None` only at the end.
    fn next_page_token(&self) -> Option<&PageToken>;

    /// Entries that could not be read, while others could.
    fn unreadable(&self) -> Option<&Unreadable>;

    /// True without an entry that could be read.
    fn is_empty(&self) -> bool;
}

impl Page for OperationPage {
    type Parent = DeviceName;

    fn read(device: &DeviceName, page_token: Option<PageToken>) -> Read<Self> {
        Read::operations(device.clone(), wire::MAX_PAGE_SIZE, page_token)
    }

    fn resource(device: &DeviceName) -> Resource {
        device.into()
    }

    fn next_page_token(&self) -> Option<&PageToken> {
        self.next_page_token.as_ref()
    }

    fn unreadable(&self) -> Option<&Unreadable> {
        self.unreadable.as_ref()
    }

    fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }
}

impl Page for DevicePage {
    type Parent = EnterpriseName;

    fn read(enterprise: &EnterpriseName, page_token: Option<PageToken>) -> Read<Self> {
        Read::devices(enterprise.clone(), wire::MAX_PAGE_SIZE, page_token)
    }

    fn resource(enterprise: &EnterpriseName) -> Resource {
        enterprise.into()
    }

    fn next_page_token(&self) -> Option<&PageToken> {
        self.next_page_token.as_ref()
    }

    fn unreadable(&self) -> Option<&Unreadable> {
        self.unreadable.as_ref()
    }

    fn is_empty(&self) -> bool {
        self.devices.is_empty()
    }
}

/// Twenty times the longest list that has been seen, and then some.
const MOST_PAGES: usize = 10_000;

/// Pages in a row without an entry. A page may be empty before the end (AIP-158), as where what it stood for
/// has been dropped: so many stand for 2,000 dropped operations of one device. More is a list that does not
/// end: 60 calls a minute may ask for one, and each takes one from the cancels.
const MOST_EMPTY_PAGES: usize = 20;

/// Walks a list page by page, to the last one: an enterprise's devices, or a device's operations.
///
/// Operations come oldest first, so stopping early misses exactly the pending ones. A list that does not
/// end is an error: one that repeats a page token, has 20 pages in a row without an entry, or has more
/// than 10,000 pages.
///
/// ```
/// use countermand_core::{DeviceName, Pages};
///
/// let device: DeviceName = "enterprises/LC01/devices/3f".parse()?;
/// let mut pages = Pages::new(device.clone());
/// while let Some(read) = pages.next_read() {
///     # let _ = read;
///     # let page = countermand_core::wire::parse_operations(&http::Response::new("{}"), &device).unwrap();
///     // let page = drive(read.start(now, seed))?;
///     pages.turn(&page).unwrap();
/// }
/// # Ok::<(), countermand_core::NameError>(())
/// ```
pub struct Pages<P: Page> {
    parent: P::Parent,
    /// The tokens that were asked for, the next one included.
    seen: BTreeSet<PageToken>,
    /// Pages without an entry since the last one that had one.
    empty: usize,
    /// `None` at the end; the first page has no token.
    next: Option<Option<PageToken>>,
}

impl<P: Page> Pages<P> {
    /// The whole list of a device or an enterprise.
    #[must_use]
    pub const fn new(parent: P::Parent) -> Self {
        Self {
            parent,
            seen: BTreeSet::new(),
            empty: 0,
            next: Some(None),
        }
    }

    /// Whose list it is.
    #[must_use]
    pub const fn parent(&self) -> &P::Parent {
        &self.parent
    }

    /// The call for the next page; `None` after the last one.
    #[must_use]
    pub fn next_read(&self) -> Option<Read<P>> {
        let token = self.next.clone()?;
        Some(P::read(&self.parent, token))
    }

    /// Goes on after a page.
    ///
    /// # Errors
    /// [`Malformed`](ErrorKind::Malformed) if the page names one that was read before, or the list does not
    /// end.
    pub fn turn(&mut self, page: &P) -> Result<(), Error> {
        self.next = None;
        self.empty = if page.is_empty() { self.empty + 1 } else { 0 };
        let Some(token) = page.next_page_token() else {
            return Ok(());
        };
        let problem = if self.seen.contains(token) {
            "the list repeats a page token".to_owned()
        } else if self.empty >= MOST_EMPTY_PAGES {
            format!(
                "the list does not end: {} pages in a row have no entry that can be read, and each names another page",
                self.empty
            )
        } else if self.seen.len() >= MOST_PAGES {
            format!("the list does not end: more than {MOST_PAGES} pages")
        } else {
            self.seen.insert(token.clone());
            self.next = Some(Some(token.clone()));
            return Ok(());
        };
        let answer = ApiError::with_message(200, &problem);
        Err(Error::new(ErrorKind::Malformed(answer))
            .of(P::resource(&self.parent))
            .of_read(0))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::Step;

    const DEVICE: &str = "enterprises/e/devices/d";

    /// Asks for a page and gives this answer: the page, if it is not asked for once more.
    #[expect(clippy::disallowed_methods, reason = "a test begins at some time")]
    fn page<P: Page>(read: Read<P>, body: &str) -> Option<P> {
        let now = Instant::now();
        let Step::Send(attempt) = read.start(now, 1) else {
            return None;
        };
        match attempt.response(now, &http::Response::new(body)) {
            Step::Done(page) => page.ok(),
            Step::Wait(_) | Step::Send(_) => None,
        }
    }

    fn operations(entries: &str) -> Option<OperationPage> {
        let body = format!(r#"{{"operations":[{entries}],"nextPageToken":"t"}}"#);
        page(Read::operations(DEVICE.parse().ok()?, 100, None), &body)
    }

    fn devices(entries: &str) -> Option<DevicePage> {
        let body = format!(r#"{{"devices":[{entries}],"nextPageToken":"t"}}"#);
        page(
            Read::devices("enterprises/e".parse().ok()?, 100, None),
            &body,
        )
    }

    #[test]
    fn finding_31_a_strange_entry_hides_no_other() {
        let good = |id: u32| format!(r#"{{"name":"{DEVICE}/operations/{id}","done":true}}"#);
        let deep = format!(r#"{{"name":{}{}}}"#, "[".repeat(500), "]".repeat(500));
        for strange in [
            "{}",
            "null",
            "17",
            r#"{"name":"enterprises/e"}"#,
            r#"{"name":7}"#,
            r#"{"name":"enterprises/e/devices/other/operations/1"}"#,
            &format!(r#"{{"name":"{DEVICE}/operations/9","done":"hunter2"}}"#),
            &deep,
        ] {
            let entries = [good(1), strange.to_owned(), good(2)].join(",");
            let page = operations(&entries).expect("a page, at once");
            let ids = page.operations.iter().map(|one| one.name.operation());
            assert_eq!(ids.collect::<Vec<_>>(), ["1", "2"], "{strange}");
            assert_eq!(
                page.next_page_token.as_ref().map(PageToken::as_str),
                Some("t")
            );
            let unreadable = page.unreadable.expect("it is counted");
            assert_eq!(unreadable.count(), 1, "{strange}");
            let device: DeviceName = DEVICE.parse().expect("a name");
            let error = unreadable.error(&device).to_string();
            assert!(
                error.contains("1 of 3 entries") && error.contains(DEVICE),
                "{error}"
            );
            assert!(!error.contains("hunter2"), "{error}");

            let device = |id: u32| format!(r#"{{"name":"enterprises/e/devices/{id}"}}"#);
            let strange = strange.replace("/devices/other/operations/1", "/devices/1/x");
            let entries = [device(1), strange, device(2)].join(",");
            let page = devices(&entries).expect("a page, at once");
            assert_eq!(page.devices.len(), 2);
            assert_eq!(
                page.unreadable.map(|unreadable| unreadable.count()),
                Some(1)
            );
        }
        assert_eq!(operations(&good(1)).and_then(|page| page.unreadable), None);
        // Nothing but strange entries: counted, and the list goes on.
        let page = operations("{}").expect("a page, at once");
        assert_eq!(
            (page.operations.len(), page.next_page_token.is_some()),
            (0, true)
        );
        // The answer to another request, and what is no page, is asked for again.
        assert_eq!(
            operations(r#"{"name":"enterprises/e/devices/x/operations/1"}"#),
            None
        );
        assert_eq!(devices(r#"{"name":"enterprises/x/devices/1"}"#), None);
        assert_eq!(operations(r#"{"name""#), None);
    }

    /// Turns pages of a list until it ends; the error, and how many it took.
    fn turned(page: impl Fn(usize) -> OperationPage) -> (usize, Option<Error>) {
        let mut pages = Pages::new(DEVICE.parse().expect("a name"));
        for number in 1.. {
            let turned: Result<(), Error> = pages.turn(&page(number));
            if turned.is_err() || pages.next_read().is_none() {
                return (number, turned.err());
            }
        }
        unreachable!("it is bounded")
    }

    #[test]
    fn a_list_of_empty_pages_ends() {
        let entries = operations(&format!(r#"{{"name":"{DEVICE}/operations/1"}}"#));
        let full = entries.expect("a page").operations;
        let page = |operations: &[Operation], number: usize| OperationPage {
            operations: operations.to_vec(),
            next_page_token: number.to_string().parse().ok(),
            unreadable: None,
        };
        let (count, error) = turned(|number| page(&[], number));
        let error = error.expect("an error").to_string();
        assert_eq!(count, MOST_EMPTY_PAGES);
        assert!(
            error.contains(DEVICE) && error.contains("20 pages in a row"),
            "{error}"
        );
        // A page of entries that nothing can be read of brings nothing, either.
        let strange = Some(Unreadable::new(1, 1, "x"));
        let unreadable = |number| OperationPage {
            unreadable: strange.clone(),
            ..page(&[], number)
        };
        assert_eq!(turned(unreadable).0, MOST_EMPTY_PAGES);
        // An entry now and then: empty pages are counted anew.
        let sometimes = |number| match number % MOST_EMPTY_PAGES {
            0 => page(&full, number),
            _ => page(&[], number),
        };
        let (count, error) = turned(sometimes);
        let error = error.expect("an error").to_string();
        assert_eq!(count, MOST_PAGES + 1);
        assert!(error.contains("more than 10000 pages"), "{error}");
        // So many empty pages before the end are a list that ends.
        let short = |number| match number {
            MOST_EMPTY_PAGES => OperationPage::default(),
            _ => page(&[], number),
        };
        let (count, error) = turned(short);
        assert_eq!((count, error.is_some()), (MOST_EMPTY_PAGES, false));
    }
}
