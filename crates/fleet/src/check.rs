//! Results of the doctor's checks.

use std::fmt;

use countermand_core::{ExitClass, words};
use serde::Serialize;

/// The result of one check. As JSON: `check`, `outcome` and `message`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CheckResult {
    /// The check.
    pub check: Check,
    /// Its outcome.
    pub outcome: CheckOutcome,
    /// The finding, for a person; without secrets.
    pub message: String,
    /// The exit class of a command that meets the same; `None` unless it failed.
    #[serde(skip)]
    pub exit_class: Option<ExitClass>,
}

words! {
    /// The checks, in this order.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum Check {
        /// The modes of the files that hold secrets.
        Files = "files",
        /// Name resolution.
        Name = "name",
        /// A connection, with TLS.
        Connection = "connection",
        /// There is an access token, and the API accepts it.
        Token = "token",
        /// The API answers, and the access that it gives.
        Api = "api",
        /// The token is for this API.
        Scope = "scope",
        /// Quota is left.
        Quota = "quota",
        /// This machine's clock against the server's.
        Clock = "clock",
    }
}

words! {
    /// The outcome of a check, the worst last.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    #[expect(
        clippy::exhaustive_enums,
        reason = "a program that shows them shows all"
    )]
    pub enum CheckOutcome {
        /// Good.
        Ok = "ok",
        /// Not checked; the message says why.
        Skipped = "skipped",
        /// Works, but should be changed.
        Warn = "warn",
        /// Does not work.
        Fail = "fail",
    }
}

impl fmt::Display for CheckResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:<10}  {:<7}  {}",
            self.check, self.outcome, self.message
        )
    }
}
