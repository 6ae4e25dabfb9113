//! What a checkup finds.

use std::fmt;

/// One thing that was looked at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CheckResult {
    /// What was looked at.
    pub check: CheckName,
    /// How it is.
    pub outcome: Check,
    /// What was found, for a person; without secrets.
    pub message: String,
    /// It is bad because somebody is not known, or not allowed.
    pub denied: bool,
}

/// What is looked at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckName {
    /// The modes of the files that hold secrets.
    Files,
    /// Name resolution.
    Name,
    /// A connection, with TLS.
    Connection,
    /// An access token.
    Token,
    /// Whether the API takes the token, and answers.
    Api,
    /// Whether the token is for this API.
    Scope,
    /// Whether there is quota left.
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

/// How something is, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "whoever shows them shows all")]
pub enum Check {
    /// As it should be.
    Ok,
    /// Not looked at, because of something before.
    Skipped,
    /// It works, but should not stay so.
    Warn,
    /// It does not work.
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
