//! Kind of a job.

use countermand_core::words;
use serde::Deserialize;

words! {
    /// The kind of a job: the way in which it comes by its operations.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[expect(
        clippy::exhaustive_enums,
        reason = "a program that runs jobs acts on each of them"
    )]
    pub enum Kind {
        /// They are settled before the first request and never change afterwards.
        Plan = "plan",
        /// They are found while it runs.
        Rescue = "rescue",
        /// They are given while it runs ([`Feed`](crate::Feed)).
        Feed = "feed",
    }
}
