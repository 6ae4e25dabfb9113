//! Kinds of errors, with their details.

use std::fmt;
use std::time::Duration;

use crate::api_error::ApiError;
use crate::chain::chain;
use crate::error_table::{ErrorFacts, ErrorKey, ExitClass, FailureScope, RetryAction};
use crate::name::OperationName;
use crate::name_error::NameError;
use crate::service::Service;
use crate::transport_error::TransportError;

/// Kind of an error. Named after the `google.rpc.Code` where the server gave one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// 400 and what else blames the request. The cancel had no effect.
    InvalidArgument(ApiError),
    /// 401, also after the token was refreshed once. The cancel had no effect.
    Unauthenticated(ApiError),
    /// 403: a part of the names, or everything, is out of the token's reach. No effect.
    PermissionDenied(ApiError),
    /// 404 (or a 500 that says the same): finished and dropped, or its parent is gone. Never a
    /// proof of anything.
    NotFound(ApiError),
    /// 400 FAILED_PRECONDITION or 409: perhaps already finished, or its parent is no longer managed.
    FailedPrecondition(ApiError),
    /// 429, or a 403 that means the same: the quota is used up. No effect.
    ResourceExhausted(ApiError),
    /// 501: this server cannot cancel. No effect.
    Unimplemented(ApiError),
    /// The service has no such method for names like this one. Nothing was sent.
    NoMethod(NameError),
    /// 408 and 5xx: passing. The cancel may have been delivered.
    Unavailable(ApiError),
    /// An answer that no method of the API gave: a page of a front end, a captive portal, a web
    /// filter. It is evidence of nothing.
    NotTheApi(ApiError),
    /// A redirect, which is never followed. Something between here and the API answered.
    Redirected(ApiError),
    /// A 2xx with JSON whose body is not what the method answers. The cancel may have been delivered.
    Malformed(ApiError),
    /// The answer tells of another operation; it was not attributed to this one.
    Misattributed {
        /// The name in the answer.
        found: OperationName,
    },
    /// No answer came. Whether the cancel may have been delivered depends on the
    /// [kind](TransportError::kind).
    Transport(TransportError),
    /// Nothing more was sent, because an earlier failure concerns every operation, or the caller
    /// stopped the run.
    NotAttempted {
        /// The failure.
        cause: Cause,
    },
}

/// Cause for which operations were not attempted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    key: ErrorKey,
    text: Box<str>,
}

impl Cause {
    /// A caller, or a signal, stopped the run, in a few words.
    #[must_use]
    pub fn stopped(text: impl Into<Box<str>>) -> Self {
        Self {
            key: ErrorKey::Stopped,
            text: text.into(),
        }
    }

    /// A failure in other words than its own.
    #[must_use]
    pub fn new(key: ErrorKey, text: impl Into<Box<str>>) -> Self {
        Self {
            key,
            text: text.into(),
        }
    }

    /// Its row in the table of errors.
    #[must_use]
    pub const fn key(&self) -> ErrorKey {
        self.key
    }

    /// Text, as it was told when it happened.
    #[must_use]
    pub const fn text(&self) -> &str {
        &self.text
    }

    /// Advice, in a sentence for an operator.
    #[must_use]
    pub fn advice(&self, service: &Service) -> String {
        self.key.row().advice(service)
    }

    /// True where a failure is behind it, and not a caller or a signal.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.key != ErrorKey::Stopped
    }

    /// Exit class of a command that it stopped.
    #[must_use]
    pub fn exit_class(&self) -> ExitClass {
        ErrorFacts::new(self.key, None, false).exit_class()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Of an operation that was not attempted itself, the failure behind both.
impl From<&ErrorKind> for Cause {
    fn from(kind: &ErrorKind) -> Self {
        match kind {
            ErrorKind::NotAttempted { cause } => cause.clone(),
            ErrorKind::Transport(error) => Self::new(kind.key(), chain(error)),
            kind => Self::new(kind.key(), kind.to_string()),
        }
    }
}

impl ErrorKind {
    /// The key of its row in the table of errors.
    #[must_use]
    pub fn key(&self) -> ErrorKey {
        match self {
            Self::InvalidArgument(_) => ErrorKey::InvalidArgument,
            Self::Unauthenticated(_) => ErrorKey::Unauthenticated,
            Self::PermissionDenied(answer) => answer.denial(),
            Self::NotFound(_) => ErrorKey::NotFound,
            Self::FailedPrecondition(answer) if answer.is_unmanaged() => ErrorKey::ParentNotManaged,
            Self::FailedPrecondition(_) => ErrorKey::FailedPrecondition,
            Self::ResourceExhausted(answer) if answer.quota_is_final() => ErrorKey::QuotaFinal,
            Self::ResourceExhausted(_) => ErrorKey::ResourceExhausted,
            Self::Unimplemented(_) => ErrorKey::Unimplemented,
            Self::NoMethod(_) => ErrorKey::NoMethod,
            Self::Unavailable(answer) if !answer.is_of_the_api() => ErrorKey::Gateway,
            Self::Unavailable(_) => ErrorKey::Unavailable,
            Self::NotTheApi(_) => ErrorKey::NotTheApi,
            Self::Redirected(_) => ErrorKey::Redirected,
            Self::Malformed(_) => ErrorKey::Malformed,
            Self::Misattributed { .. } => ErrorKey::Misattributed,
            Self::Transport(error) => error.kind().key(),
            Self::NotAttempted { .. } => ErrorKey::NotAttempted,
        }
    }

    /// Action that may help.
    #[must_use]
    pub fn retry_action(&self) -> RetryAction {
        self.key().row().retry_action
    }

    /// The scope of the failure.
    #[must_use]
    pub fn failure_scope(&self) -> FailureScope {
        self.key().row().failure_scope
    }

    /// True where a cancel that ended so may have reached the server and taken effect.
    #[must_use]
    pub fn maybe_delivered(&self) -> bool {
        self.key().row().maybe_delivered
    }

    /// True where no method of the API gave the answer: it is evidence of nothing.
    #[must_use]
    pub const fn is_not_the_api(&self) -> bool {
        matches!(self, Self::NotTheApi(_) | Self::Redirected(_))
    }

    /// True where a method of the API gave the answer, so that the API is there.
    #[must_use]
    pub fn is_of_the_api(&self) -> bool {
        self.api_error().is_some_and(ApiError::is_of_the_api)
    }

    /// True where the request left, or may have: false only where the transport knows that nothing did.
    #[must_use]
    pub fn may_have_left(&self) -> bool {
        self.key().row().may_have_left
    }

    /// Delay that the server asked for before the next request.
    #[must_use]
    pub fn server_delay(&self) -> Option<Duration> {
        self.api_error().and_then(ApiError::retry_delay)
    }

    /// The HTTP answer, where there was one.
    #[must_use]
    pub const fn api_error(&self) -> Option<&ApiError> {
        match self {
            Self::InvalidArgument(answer)
            | Self::Unauthenticated(answer)
            | Self::PermissionDenied(answer)
            | Self::NotFound(answer)
            | Self::FailedPrecondition(answer)
            | Self::ResourceExhausted(answer)
            | Self::Unimplemented(answer)
            | Self::Unavailable(answer)
            | Self::NotTheApi(answer)
            | Self::Redirected(answer)
            | Self::Malformed(answer) => Some(answer),
            Self::NoMethod(_)
            | Self::Misattributed { .. }
            | Self::Transport(_)
            | Self::NotAttempted { .. } => None,
        }
    }

    /// A stable snake_case word for its family, for JSON, logs and other languages. The word of the
    /// [`key`](Self::key) is finer.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.key().row().kind
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.api_error()) {
            (_, Some(answer)) => write!(f, "{}: {answer}", self.key().row().text),
            (Self::NoMethod(error), _) => error.fmt(f),
            (Self::Misattributed { found }, _) => {
                write!(f, "{}, {found}", self.key().row().text)
            }
            (Self::Transport(error), _) => error.fmt(f),
            (Self::NotAttempted { cause }, _) => match cause.key {
                ErrorKey::Stopped => write!(f, "not attempted: {cause}"),
                _ => write!(f, "not attempted, because of an earlier failure: {cause}"),
            },
            _ => f.write_str(self.key().row().text),
        }
    }
}
