//! The yield of lists: operations that their pages have brought.

use std::time::Duration;

/// Pages after which the older half of them counts half.
const PAGES: usize = 64;

/// The operations that lists have brought lately.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Finds {
    /// Pages of operations.
    pages: usize,
    /// Operations on them that are to be cancelled.
    pub(crate) operations: usize,
    /// The time that the answer to the last list took.
    pub(crate) took: Duration,
}

impl Finds {
    /// Takes note of a page of operations.
    pub(crate) fn page(&mut self) {
        if self.pages >= PAGES {
            (self.pages, self.operations) = (self.pages / 2, self.operations / 2);
        }
        self.pages += 1;
    }

    /// The operations that so many pages will bring, as those so far did; one each to begin with.
    pub(crate) fn expected(self, pages: usize) -> usize {
        let operations = pages.saturating_mul(self.operations + 1);
        operations.div_ceil(self.pages + 1)
    }
}
