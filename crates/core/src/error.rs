//! What went wrong, named by what happened, with what to do next.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::{Answer, OperationName, TransportError, TransportErrorKind};

/// A call, or a countermand, that ended without telling the operation's fate.
///
/// Tells what happened ([`kind`](Self::kind)), to which operation, whether a cancellation
/// [may have been delivered](Self::maybe_delivered) all the same, and what to do next
/// ([`advice`](Self::advice)).
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    operation: Option<OperationName>,
    maybe_delivered: bool,
    attempts: u32,
    device_exists: Option<bool>,
}

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
            | Self::Misattributed { .. } => Recovery::Look,
            Self::InvalidArgument(_)
            | Self::PermissionDenied(_)
            | Self::Unimplemented(_)
            | Self::Redirected(_)
            | Self::NotAttempted { .. } => Recovery::Stop,
            Self::Transport(error) => match error.kind() {
                TransportErrorKind::Connect
                | TransportErrorKind::Calm
                | TransportErrorKind::Lost
                | TransportErrorKind::TimedOut
                | TransportErrorKind::Token => Recovery::Retry,
                TransportErrorKind::Refused => Recovery::Resend,
                TransportErrorKind::TooLarge => Recovery::Look,
                TransportErrorKind::Tls
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
                TransportErrorKind::Tls
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

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            maybe_delivered: kind.maybe_delivered(),
            kind,
            operation: None,
            attempts: 0,
            device_exists: None,
        }))
    }

    /// An operation that was left alone because `cause` concerns every operation.
    #[must_use]
    pub fn not_attempted(operation: OperationName, cause: &Self) -> Self {
        let cause = match &cause.0.kind {
            // One that was left alone itself names the failure behind both.
            ErrorKind::NotAttempted { cause } => cause.clone(),
            kind => kind.to_string().into(),
        };
        let mut error = Self::new(ErrorKind::NotAttempted { cause });
        error.0.operation = Some(operation);
        error
    }

    /// As [`not_attempted`](Self::not_attempted), before the operation is known.
    pub(crate) fn left_alone(cause: &str) -> Self {
        Self::new(ErrorKind::NotAttempted {
            cause: cause.into(),
        })
    }

    pub(crate) fn of(mut self, operation: &OperationName) -> Self {
        self.0.operation = Some(operation.clone());
        self
    }

    /// An error of a call that only asks: it cannot have cancelled anything.
    pub(crate) fn of_read(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self.0.maybe_delivered = false;
        self
    }

    /// Adds what the flow knows at its end.
    pub(crate) fn concluded(
        mut self,
        attempts: u32,
        in_doubt: bool,
        device_exists: Option<bool>,
    ) -> Self {
        self.0.attempts = attempts;
        self.0.maybe_delivered |= in_doubt;
        self.0.device_exists = device_exists;
        self
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The operation it happened to.
    #[must_use]
    pub const fn operation(&self) -> Option<&OperationName> {
        self.0.operation.as_ref()
    }

    /// Whether a cancellation may have reached the server and taken effect all the same.
    #[must_use]
    pub const fn maybe_delivered(&self) -> bool {
        self.0.maybe_delivered
    }

    /// Requests sent for the operation until then; 0 where a single answer was parsed.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the device still has a record, where that was looked for because the operation was
    /// not found. `Some(false)`: the command may have executed.
    #[must_use]
    pub const fn device_exists(&self) -> Option<bool> {
        self.0.device_exists
    }

    /// What to do next, in a sentence for an operator.
    #[must_use]
    pub fn advice(&self) -> String {
        let text = match &self.0.kind {
            ErrorKind::InvalidArgument(_) => "check the name; sending it again will not help",
            ErrorKind::Unauthenticated(_) => {
                "get a new access token with the scope https://www.googleapis.com/auth/androidmanagement and run it again"
            }
            ErrorKind::PermissionDenied(answer) => return answer.permission_advice(),
            ErrorKind::NotFound(_) if self.0.device_exists == Some(false) => {
                "the device has no record either: the command may have executed, check the device itself"
            }
            ErrorKind::NotFound(_) => {
                "check the name; the server drops finished operations, so it may have executed: check the device"
            }
            ErrorKind::FailedPrecondition(_) => {
                "the server refuses to cancel it now: look at it again with get"
            }
            ErrorKind::ResourceExhausted(answer) if answer.quota_is_final() => {
                "the quota is zero or used up for the day: raise it in the Google Cloud console"
            }
            ErrorKind::ResourceExhausted(_) => {
                "the project's quota is used up: wait a minute and run it again"
            }
            ErrorKind::Unimplemented(_) => "this server does not offer cancel: check the endpoint",
            ErrorKind::Unavailable(_) => "the API has a passing problem: run it again",
            ErrorKind::Redirected(_) | ErrorKind::Malformed(_) => {
                "something other than the API answered: check the endpoint and proxies, then run it again"
            }
            ErrorKind::Misattributed { .. } => {
                "a cache or proxy mixes up answers: check the endpoint, then run it again"
            }
            ErrorKind::Transport(error) => match error.kind() {
                TransportErrorKind::Tls => {
                    "check the endpoint, the clock and the certificate authorities (--ca-file)"
                }
                TransportErrorKind::Token | TransportErrorKind::Credentials => {
                    "check where the token comes from"
                }
                TransportErrorKind::Forbidden => {
                    "check the endpoint; plain http is for loopback only"
                }
                _ => "check the network and run it again",
            },
            ErrorKind::NotAttempted { .. } => "nothing was sent: solve the cause and run it again",
        };
        text.to_owned()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = &self.0.operation {
            write!(f, "{operation}: ")?;
        }
        self.0.kind.fmt(f)?;
        if self.0.maybe_delivered {
            f.write_str(" (the cancellation may have been delivered)")?;
        }
        Ok(())
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

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("operation", &self.0.operation)
            .field("maybe_delivered", &self.0.maybe_delivered)
            .field("attempts", &self.0.attempts)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0.kind {
            // The transport error itself is what `Display` says; below it is its cause.
            ErrorKind::Transport(error) => error.source(),
            _ => None,
        }
    }
}

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        Self::new(ErrorKind::Transport(error))
    }
}

/// The error as JSON: `kind`, `message`, `maybe_delivered`, `attempts`, `advice`, and what the
/// answer or the transport told.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.0.kind.as_str())?;
        map.serialize_entry("message", &chain(self))?;
        map.serialize_entry("maybe_delivered", &self.0.maybe_delivered)?;
        map.serialize_entry("attempts", &self.0.attempts)?;
        map.serialize_entry("advice", &self.advice())?;
        if let Some(answer) = self.0.kind.answer() {
            map.serialize_entry("http_status", &answer.http_status())?;
            map.serialize_entry("status", &answer.status())?;
            map.serialize_entry("reason", &answer.reason())?;
        }
        if let ErrorKind::Transport(error) = &self.0.kind {
            map.serialize_entry("transport", error.kind().as_str())?;
        }
        if let Some(exists) = self.0.device_exists {
            map.serialize_entry("device_exists", &exists)?;
        }
        map.end()
    }
}

/// An error and its causes on one line, a cause that its parent already spells out left away.
#[must_use]
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let line = cause.to_string();
        if !text.contains(&line) {
            text.push_str(": ");
            text.push_str(&line);
        }
        next = cause.source();
    }
    text
}
