//! Results of the doctor's checks.

use std::fmt;

use countermand_core::ExitClass;
use serde::Serialize;

/// The result of one check. As JSON: `check`, `outcome` and `message`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CheckResult {
    /// The check.
    pub check: CheckName,
    /// Its outcome.
    pub outcome: Check,
    /// The finding, for a person; without secrets.
    pub message: String,
    /// The exit class of a command that meets the same; `None` unless it failed.
    #[serde(skip)]
    pub exit_class: Option<ExitClass>,
}

/// The checks, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CheckName {
    /// The modes of the files that hold secrets.
    Files,
    /// Name resolution.
    Name,
    /// A connection, with TLS.
    Connection,
    /// There is an access token, and the API accepts it.
    Token,
    /// The API answers, and the access that it gives.
    Api,
    /// The token is for this API.
    Scope,
    /// Quota is left.
    Quota,
    /// This machine's clock against the server's.
    Clock,
}

impl CheckName {
    /// A stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Name => "name",
            Self::Connection => "connection",
            Self::Token => "token",
            Self::Api => "api",
            Self::Scope => "scope",
            Self::Quota => "quota",
            Self::Clock => "clock",
        }
    }
}

/// The outcome of a check, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(
    clippy::exhaustive_enums,
    reason = "a program that shows them shows all"
)]
pub enum Check {
    /// Good.
    Ok,
    /// Not checked; the message says why.
    Skipped,
    /// Works, but should be changed.
    Warn,
    /// Does not work.
    Fail,
}

impl Check {
    /// A stable word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for CheckResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (check, outcome) = (self.check.as_str(), self.outcome.as_str());
        write!(f, "{check:<10}  {outcome:<7}  {}", self.message)
    }
}
