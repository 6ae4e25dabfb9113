//! Lists, page by page, to the last one.

use std::collections::BTreeSet;

use crate::api_error::ApiError;
use crate::error::Error;
use crate::error_kind::ErrorKind;
use crate::fetch::Fetch;
use crate::name::{GrandparentName, ParentName};
use crate::page::{ListFilter, Page, PageToken};
use crate::request::{PageQuery, Request};
use crate::resource::Resource;

/// Twenty times the longest list that has been seen, and then some.
const MOST_PAGES: usize = 10_000;

/// Pages in a row without an entry. A page may be empty before the end (AIP-158), as where what it stood for
/// has been dropped: so many stand for 2,000 dropped operations of one parent. More is a list that does not
/// end: 60 calls a minute may ask for one, and each takes one from the cancels.
const MOST_EMPTY_PAGES: usize = 20;

/// Walks a list page by page, to the last one.
///
/// Operations come oldest first, so stopping early misses exactly the pending ones. A list that does not
/// end is an error: one that repeats a page token, has 20 pages in a row without an entry, or has more
/// than 10,000 pages.
///
/// ```
/// use countermand_core::{Operation, Page, Pages};
///
/// let mut pages = Pages::operations("enterprises/LC01/devices/3f".parse()?, None);
/// while let Some(fetch) = pages.next_fetch() {
///     # let _ = fetch;
///     # let page = Page::<Operation>::default();
///     // let Response::Operations(page) = drive(fetch.start(now, seed))? else { unreachable!() };
///     pages.turn(&page).unwrap();
/// }
/// # Ok::<(), countermand_core::NameError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages {
    resource: Resource,
    /// The tokens that were asked for, the next one included.
    seen: BTreeSet<PageToken>,
    /// Pages without an entry since the last one that had one.
    empty: usize,
    /// The request for the next page; `None` at the end.
    next: Option<Request>,
}

impl Pages {
    /// The operations of a parent: all, or those that a filter of the server's lets through.
    #[must_use]
    pub fn operations(parent: ParentName, filter: Option<ListFilter>) -> Self {
        let page = PageQuery {
            filter,
            ..PageQuery::default()
        };
        Self::of_request(Request::ListOperations(parent, page))
    }

    /// The parents of operations under a resource.
    #[must_use]
    pub fn parents(grandparent: GrandparentName) -> Self {
        Self::of_request(Request::ListParents(grandparent, PageQuery::default()))
    }

    fn of_request(first: Request) -> Self {
        Self {
            resource: first.resource(),
            seen: BTreeSet::new(),
            empty: 0,
            next: Some(first),
        }
    }

    /// The resource whose list it is.
    #[must_use]
    pub const fn resource(&self) -> &Resource {
        &self.resource
    }

    /// True after the last page.
    #[must_use]
    pub const fn is_at_end(&self) -> bool {
        self.next.is_none()
    }

    /// The call for the next page; `None` after the last one.
    #[must_use]
    pub fn next_fetch(&self) -> Option<Fetch> {
        self.next.clone().and_then(Fetch::new)
    }

    /// Goes on after a page.
    ///
    /// # Errors
    /// [`Malformed`](ErrorKind::Malformed) if the page names one that was read before, or the list does not
    /// end.
    pub fn turn<T>(&mut self, page: &Page<T>) -> Result<(), Error> {
        let request = self.next.take();
        self.empty = if page.entries.is_empty() {
            self.empty + 1
        } else {
            0
        };
        let Some(token) = &page.next_page_token else {
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
            self.next = request.map(|request| request.after(token.clone()));
            return Ok(());
        };
        let answer = ApiError::with_message(200, &problem);
        Err(Error::new(ErrorKind::Malformed(answer))
            .with_resource(self.resource.clone())
            .of_read(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use crate::page::Parent;
    use crate::response::Response;
    use crate::step::Step;
    use crate::time::Time;

    const DEVICE: &str = "enterprises/e/devices/d";

    /// Asks for the first page and gives this answer: the page, if it is not asked for once more.
    fn page(pages: &Pages, body: &str) -> Option<Response> {
        let now = Time::START;
        let Step::Send(attempt) = pages.next_fetch()?.start(now, 1) else {
            return None;
        };
        match attempt.response(now, &http::Response::new(body)) {
            Step::Done(page) => page.ok(),
            Step::Wait(_) | Step::Send(_) => None,
        }
    }

    fn operations(entries: &str) -> Option<Page<Operation>> {
        let body = format!(r#"{{"operations":[{entries}],"nextPageToken":"t"}}"#);
        match page(&Pages::operations(DEVICE.parse().ok()?, None), &body)? {
            Response::Operations(page) => Some(page),
            other => panic!("{other:?}"),
        }
    }

    fn devices(entries: &str) -> Option<Page<Parent>> {
        let body = format!(r#"{{"devices":[{entries}],"nextPageToken":"t"}}"#);
        match page(&Pages::parents("enterprises/e".parse().ok()?), &body)? {
            Response::Parents(page) => Some(page),
            other => panic!("{other:?}"),
        }
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
            let ids = page.entries.iter().map(|one| one.name.id());
            assert_eq!(ids.collect::<Vec<_>>(), ["1", "2"], "{strange}");
            assert_eq!(
                page.next_page_token.as_ref().map(PageToken::as_str),
                Some("t")
            );
            let error = page.unreadable.expect("it is counted");
            let device: ParentName = DEVICE.parse().expect("a name");
            assert_eq!(error.resource(), Some(&Resource::Parent(device)));
            let error = error.to_string();
            assert!(
                error.contains("1 of 3 entries") && error.contains(DEVICE),
                "{error}"
            );
            assert!(!error.contains("hunter2"), "{error}");

            let device = |id: u32| format!(r#"{{"name":"enterprises/e/devices/{id}"}}"#);
            let strange = strange.replace("/devices/other/operations/1", "/devices/1/x");
            let entries = [device(1), strange, device(2)].join(",");
            let page = devices(&entries).expect("a page, at once");
            assert_eq!(page.entries.len(), 2);
            let error = page.unreadable.expect("it is counted").to_string();
            assert!(error.contains("1 of 3 entries"), "{error}");
        }
        assert_eq!(operations(&good(1)).and_then(|page| page.unreadable), None);
        // Nothing but strange entries: counted, and the list goes on.
        let page = operations("{}").expect("a page, at once");
        assert_eq!(
            (page.entries.len(), page.next_page_token.is_some()),
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
    fn turned(page: impl Fn(usize) -> Page<Operation>) -> (usize, Option<Error>) {
        let mut pages = Pages::operations(DEVICE.parse().expect("a name"), None);
        for number in 1.. {
            let turned: Result<(), Error> = pages.turn(&page(number));
            if turned.is_err() || pages.is_at_end() {
                return (number, turned.err());
            }
        }
        unreachable!("it is bounded")
    }

    #[test]
    fn a_list_of_empty_pages_ends() {
        let entries = operations(&format!(r#"{{"name":"{DEVICE}/operations/1"}}"#));
        let full = entries.expect("a page").entries;
        let page = |operations: &[Operation], number: usize| Page {
            entries: operations.to_vec(),
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
        let strange = operations("{}").expect("a page").unreadable;
        let unreadable = |number| Page {
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
            MOST_EMPTY_PAGES => Page::default(),
            _ => page(&[], number),
        };
        let (count, error) = turned(short);
        assert_eq!((count, error.is_some()), (MOST_EMPTY_PAGES, false));
    }
}
