//! Behaviour of the API that is not published, one switch for each question.

use std::time::Duration;

use serde::Deserialize;

/// The behaviour of the server where the documentation is silent or production code has seen oddities.
///
/// The default is the plainest server. A client that is right with every switch in every position is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "snake_case")]
#[non_exhaustive]
pub struct Quirks {
    /// The answer to a cancel of a finished operation.
    pub finished_cancel: FinishedCancel,
    /// Milliseconds between an accepted cancel and its effect.
    pub cancel_delay_ms: u64,
    /// The look of an operation whose validity has passed.
    pub expiry: Expiry,
    /// The combination of `done`, `response` and `error`.
    pub shape: Shape,
    /// A get answers another operation, one that looks cancelled.
    pub other_name: bool,
    /// Operations come without `metadata`.
    pub no_metadata: bool,
    /// Operations carry unknown fields and an unknown type.
    pub extras: bool,
    /// A missing resource answers 500 with the text of the 404.
    pub missing_is_500: bool,
    /// Operations cannot be cancelled, and cancel says so, whatever their state; `None` where they can.
    pub no_cancel: Option<NoCancel>,
    /// Names in answers have the number of the project in place of its id.
    pub project_number: bool,
    /// `fields` is ignored: everything arrives, secrets too.
    pub ignore_fields: bool,
    /// Every list begins with an empty page that has a `nextPageToken`.
    pub empty_page: bool,
    /// A list leaves operations out and says that their place was not reached, where it has a field for that.
    pub unreachable: bool,
    /// A list repeats one page token for ever.
    pub repeat_token: bool,
}

impl Quirks {
    /// Sets [`finished_cancel`](Self::finished_cancel).
    #[must_use]
    pub const fn finished_cancel(mut self, answer: FinishedCancel) -> Self {
        self.finished_cancel = answer;
        self
    }

    /// Sets the time between an accepted cancel and its effect; whole milliseconds.
    #[must_use]
    pub const fn cancel_delay(mut self, delay: Duration) -> Self {
        self.cancel_delay_ms = delay.as_millis() as u64;
        self
    }

    /// Sets [`expiry`](Self::expiry).
    #[must_use]
    pub const fn expiry(mut self, expiry: Expiry) -> Self {
        self.expiry = expiry;
        self
    }

    /// Sets [`shape`](Self::shape).
    #[must_use]
    pub const fn shape(mut self, shape: Shape) -> Self {
        self.shape = shape;
        self
    }
}

/// The answer to a cancel where operations cannot be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "a simulation covers all of them")]
pub enum NoCancel {
    /// 501 `UNIMPLEMENTED`.
    Unimplemented,
    /// 400 `FAILED_PRECONDITION`.
    FailedPrecondition,
}

/// The answer to a cancel of a finished operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "a simulation covers all of them")]
pub enum FinishedCancel {
    /// 200 and `{}`, as if it had been pending.
    #[default]
    Ok,
    /// 400 `FAILED_PRECONDITION`.
    FailedPrecondition,
    /// 404.
    NotFound,
}

/// The look of an operation whose validity has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "a simulation covers all of them")]
pub enum Expiry {
    /// As before: pending, for ever.
    #[default]
    Pending,
    /// Done, with `error.code` 4.
    #[serde(rename = "error-4")]
    Error4,
    /// 404.
    NotFound,
}

/// The combination of `done`, `response` and `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::exhaustive_enums, reason = "a simulation covers all of them")]
pub enum Shape {
    /// As documented: `done` with either `response` or `error`.
    #[default]
    Documented,
    /// A completed operation is done with neither.
    NoResult,
    /// An operation done with `error` has `response` too.
    Both,
    /// The first get after a cancel shows `error.code` 1 without `done`, whatever the fate of the operation.
    CodeWithoutDone,
    /// Every second get of a finished operation shows it pending again.
    Flapping,
}
