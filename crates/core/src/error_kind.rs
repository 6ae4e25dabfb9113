//! What can happen, and what to do about it: the retry table.

use std::fmt;
use std::time::Duration;

use crate::{Answer, OperationName, TransportError, TransportErrorKind};

/// What happened. Named after the `google.rpc.Code` where the server gave one.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// 400 and what else blames the request. The cancellation had no effect.
    InvalidArgument(Answer),
    /// 401, also after the token was refreshed once. The cancellation had no effect.
    Unauthenticated(Answer),
    /// 403: this enterprise, or everything, is out of the token's reach. No effect.
    PermissionDenied(Answer),
    /// 404 (or a 500 that says the same): finished and dropped, or the device is gone. Never a
    /// proof of anything.
    NotFound(Answer),
    /// 400 FAILED_PRECONDITION or 409: perhaps already finished.
    FailedPrecondition(Answer),
    /// 429, or a 403 that means the same: the quota is used up. No effect.
    ResourceExhausted(Answer),
    /// 501: this server cannot cancel. No effect.
    Unimplemented(Answer),
    /// 408 and 5xx: passing. The cancellation may have been delivered.
    Unavailable(Answer),
    /// A redirect, which is never followed. Something between here and the API answered.
    Redirected(Answer),
    /// A 2xx whose body is not what the method answers. The cancellation may have been delivered.
    Malformed(Answer),
    /// The answer tells of another operation; it was not attributed to this one.
    Misattributed {
        /// The name in the answer.
        found: OperationName,
    },
    /// No answer came. Whether the cancellation may have been delivered depends on the
    /// [kind](TransportError::kind).
    Transport(TransportError),
    /// Nothing was sent, because an earlier failure concerns every operation.
    NotAttempted {
        /// What that failure was.
        cause: Box<str>,
    },
}

/// What to do about an error: the one retry table of Rust, Python, command line and simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "drivers act on each of them")]
pub enum Recovery {
    /// Passing: pause, then send it again.
    Retry,
    /// Not processed: send it again at once, without counting it.
    Resend,
    /// The token was refused: get a fresh one and send it again, once.
    Reauthorize,
    /// In doubt: look at the operation.
    Look,
    /// Final.
    Stop,
}

/// How much an error concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever has many operations acts on each of them"
)]
pub enum Reach {
    /// This operation alone.
    Operation,
    /// Every operation of its enterprise.
    Enterprise,
    /// Every operation: going on would only repeat the error.
    Everything,
}

impl ErrorKind {
    /// What to do about it.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::Unauthenticated(_) => Recovery::Reauthorize,
            Self::ResourceExhausted(answer) if answer.quota_is_final() => Recovery::Stop,
            Self::ResourceExhausted(_) | Self::Unavailable(_) => Recovery::Retry,
            Self::NotFound(_)
            | Self::FailedPrecondition(_)
            | Self::Malformed(_)
            | Self::Redirected(_)
            | Self::Misattributed { .. } => Recovery::Look,
            Self::InvalidArgument(_)
            | Self::PermissionDenied(_)
            | Self::Unimplemented(_)
            | Self::NotAttempted { .. } => Recovery::Stop,
            Self::Transport(error) => match error.kind() {
                TransportErrorKind::Connect
                | TransportErrorKind::Calm
                | TransportErrorKind::Lost
                | TransportErrorKind::TimedOut
                | TransportErrorKind::Token => Recovery::Retry,
                TransportErrorKind::Refused => Recovery::Resend,
                TransportErrorKind::TooLarge => Recovery::Look,
                TransportErrorKind::Proxy
                | TransportErrorKind::Tls
                | TransportErrorKind::Credentials
                | TransportErrorKind::Forbidden => Recovery::Stop,
            },
        }
    }

    /// How much it concerns.
    #[must_use]
    pub fn reach(&self) -> Reach {
        match self {
            Self::PermissionDenied(answer) if answer.denies_everything() => Reach::Everything,
            Self::PermissionDenied(_) => Reach::Enterprise,
            Self::Unauthenticated(_) => Reach::Everything,
            Self::ResourceExhausted(answer) if answer.quota_is_final() => Reach::Everything,
            Self::Transport(error) => match error.kind() {
                TransportErrorKind::Proxy
                | TransportErrorKind::Tls
                | TransportErrorKind::Credentials
                | TransportErrorKind::Forbidden => Reach::Everything,
                _ => Reach::Operation,
            },
            _ => Reach::Operation,
        }
    }

    /// Whether a cancel that ended so may have reached the server and taken effect.
    #[must_use]
    pub fn maybe_delivered(&self) -> bool {
        match self {
            Self::Unavailable(_)
            | Self::Redirected(_)
            | Self::Malformed(_)
            | Self::Misattributed { .. } => true,
            Self::Transport(error) => error.kind().maybe_sent(),
            Self::InvalidArgument(_)
            | Self::Unauthenticated(_)
            | Self::PermissionDenied(_)
            | Self::NotFound(_)
            | Self::FailedPrecondition(_)
            | Self::ResourceExhausted(_)
            | Self::Unimplemented(_)
            | Self::NotAttempted { .. } => false,
        }
    }

    /// How long the server asked to wait before the next request.
    #[must_use]
    pub fn server_delay(&self) -> Option<Duration> {
        self.answer().and_then(Answer::retry_delay)
    }

    /// The HTTP answer, where there was one.
    #[must_use]
    pub const fn answer(&self) -> Option<&Answer> {
        match self {
            Self::InvalidArgument(answer)
            | Self::Unauthenticated(answer)
            | Self::PermissionDenied(answer)
            | Self::NotFound(answer)
            | Self::FailedPrecondition(answer)
            | Self::ResourceExhausted(answer)
            | Self::Unimplemented(answer)
            | Self::Unavailable(answer)
            | Self::Redirected(answer)
            | Self::Malformed(answer) => Some(answer),
            Self::Misattributed { .. } | Self::Transport(_) | Self::NotAttempted { .. } => None,
        }
    }

    /// A stable snake_case word for it, for JSON, logs and other languages.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::InvalidArgument(_) => "invalid_argument",
            Self::Unauthenticated(_) => "unauthenticated",
            Self::PermissionDenied(_) => "permission_denied",
            Self::NotFound(_) => "not_found",
            Self::FailedPrecondition(_) => "failed_precondition",
            Self::ResourceExhausted(_) => "resource_exhausted",
            Self::Unimplemented(_) => "unimplemented",
            Self::Unavailable(_) => "unavailable",
            Self::Redirected(_) => "redirected",
            Self::Malformed(_) => "malformed",
            Self::Misattributed { .. } => "misattributed",
            Self::Transport(_) => "transport",
            Self::NotAttempted { .. } => "not_attempted",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidArgument(answer) => write!(f, "invalid argument: {answer}"),
            Self::Unauthenticated(answer) => write!(f, "not authenticated: {answer}"),
            Self::PermissionDenied(answer) => write!(f, "permission denied: {answer}"),
            Self::NotFound(answer) => write!(f, "not found: {answer}"),
            Self::FailedPrecondition(answer) => write!(f, "failed precondition: {answer}"),
            Self::ResourceExhausted(answer) => write!(f, "quota exhausted: {answer}"),
            Self::Unimplemented(answer) => write!(f, "not supported: {answer}"),
            Self::Unavailable(answer) => write!(f, "unavailable: {answer}"),
            Self::Redirected(answer) => write!(f, "redirected: {answer}"),
            Self::Malformed(answer) => write!(f, "not an answer of this method: {answer}"),
            Self::Misattributed { found } => {
                write!(f, "the answer tells of another operation, {found}")
            }
            Self::Transport(error) => error.fmt(f),
            Self::NotAttempted { cause } => {
                write!(f, "not attempted, because of an earlier failure: {cause}")
            }
        }
    }
}
