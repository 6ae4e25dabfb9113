//! Failures without an answer: the vocabulary between a transport and the cancellation.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::chain::chain;
use crate::error_table::ErrorKey;

/// A request that got no usable answer, told by the transport to the cancellation.
///
/// What matters is whether the request may have reached the server, so every way to make one
/// says that. Clones share the cause: one failure may be that of many requests.
#[derive(Clone, Debug)]
pub struct TransportError {
    kind: TransportErrorKind,
    source: Arc<dyn StdError + Send + Sync>,
    connection: Option<LostConnection>,
}

/// A connection that was lost with all requests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a transport makes it")]
pub struct LostConnection {
    /// A number that no other connection of the transport has.
    pub number: u64,
    /// Answers that had come over it.
    pub answers: u64,
}

/// Kind of a failure without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a transport chooses one, the cancellation acts on each"
)]
pub enum TransportErrorKind {
    /// No connection (name resolution, refusal, connect time-out): nothing was sent. Retried.
    Connect,
    /// A proxy refused to connect to the server (407, 403, an answer that is no tunnel): nothing was
    /// sent to the server. Never retried: each try counts against the proxy's account.
    Proxy,
    /// The server could not prove who it is: nothing was sent. Never retried.
    Tls,
    /// The server said that it did not process the request (HTTP/2 GOAWAY below the stream,
    /// REFUSED_STREAM). Sent again at once, without cost.
    Unprocessed,
    /// The server asked for less (HTTP/2 ENHANCE_YOUR_CALM), which does not say that it did not
    /// process the request (RFC 9113, 8.7). Sent again after a pause.
    EnhanceYourCalm,
    /// The connection was lost after the request, or a part of it, had been sent. Retried.
    ConnectionLost,
    /// No complete answer in the time allowed for one attempt. Retried.
    TimedOut,
    /// The answer was larger than the cap and was cut. The server answered, but what is unknown.
    TooLarge,
    /// No token could be had for now: nothing was sent. Retried.
    TokenUnavailable,
    /// No token can be had: nothing was sent. Never retried.
    CredentialsRejected,
    /// No token can be had until a person logs in again: nothing was sent. Never retried.
    LoginExpired,
    /// The transport's settings forbid the request: nothing was sent. Never retried.
    NotAllowed,
}

impl TransportErrorKind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Connect,
        Self::Proxy,
        Self::Tls,
        Self::Unprocessed,
        Self::EnhanceYourCalm,
        Self::ConnectionLost,
        Self::TimedOut,
        Self::TooLarge,
        Self::TokenUnavailable,
        Self::CredentialsRejected,
        Self::LoginExpired,
        Self::NotAllowed,
    ];

    /// The key of its row in the table of errors.
    #[must_use]
    pub const fn key(self) -> ErrorKey {
        match self {
            Self::Connect => ErrorKey::Connect,
            Self::Proxy => ErrorKey::Proxy,
            Self::Tls => ErrorKey::Tls,
            Self::Unprocessed => ErrorKey::Unprocessed,
            Self::EnhanceYourCalm => ErrorKey::EnhanceYourCalm,
            Self::ConnectionLost => ErrorKey::ConnectionLost,
            Self::TimedOut => ErrorKey::TimedOut,
            Self::TooLarge => ErrorKey::TooLarge,
            Self::TokenUnavailable => ErrorKey::TokenUnavailable,
            Self::CredentialsRejected => ErrorKey::CredentialsRejected,
            Self::LoginExpired => ErrorKey::LoginExpired,
            Self::NotAllowed => ErrorKey::NotAllowed,
        }
    }

    /// True where the request left, or may have: false only where nothing did.
    #[must_use]
    pub const fn may_have_left(self) -> bool {
        self.key().row().may_have_left
    }

    /// True where the server may have received the request.
    #[must_use]
    pub const fn maybe_sent(self) -> bool {
        self.key().row().maybe_delivered
    }

    /// A stable word for it, for logs and other languages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.key().row().word
    }

    /// The kind for such a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl TransportError {
    /// An error of a kind, with its cause: another error, or a text that says what happened.
    pub fn new(
        kind: TransportErrorKind,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let source: Box<dyn StdError + Send + Sync> = source.into();
        Self {
            kind,
            source: Arc::from(source),
            connection: None,
        }
    }

    /// Adds the connection that was lost, so that all the requests which it took along count as one
    /// failure. Not for the failure of a single request on a connection that goes on.
    #[must_use]
    pub const fn on_connection(mut self, connection: LostConnection) -> Self {
        self.connection = Some(connection);
        self
    }

    /// The connection that was lost with the request, if the transport has told it.
    #[must_use]
    pub const fn connection(&self) -> Option<LostConnection> {
        self.connection
    }

    /// The cause with its own causes on one line, without the words for the kind.
    #[must_use]
    pub fn cause(&self) -> String {
        chain(&*self.source)
    }

    /// Kind of a failure without an answer.
    #[must_use]
    pub const fn kind(&self) -> TransportErrorKind {
        self.kind
    }
}

/// Causes are equal where their texts are.
impl PartialEq for TransportError {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, self.connection) == (other.kind, other.connection)
            && self.cause() == other.cause()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.key().row().text)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn clones_share_their_cause() {
        let cause = std::io::Error::other("reset by peer");
        let error = TransportError::new(TransportErrorKind::ConnectionLost, cause);
        let clone = error.clone();
        assert_eq!(clone.kind(), error.kind());
        assert!(Arc::ptr_eq(&clone.source, &error.source));
        let cause = clone.source().unwrap();
        assert!(cause.is::<std::io::Error>());
        assert_eq!(chain(&clone), chain(&error));
    }

    #[test]
    fn failures_are_equal_by_what_they_tell() {
        let lost = |cause: &str| TransportError::new(TransportErrorKind::ConnectionLost, cause);
        let connection = |number| LostConnection { number, answers: 0 };
        assert_eq!(lost("reset"), lost("reset"));
        assert_ne!(lost("reset"), lost("closed"));
        assert_ne!(
            lost("reset"),
            TransportError::new(TransportErrorKind::TimedOut, "reset")
        );
        assert_ne!(lost("reset"), lost("reset").on_connection(connection(1)));
        assert_eq!(Error::from(lost("reset")), Error::from(lost("reset")));
        assert_ne!(Error::from(lost("reset")), Error::from(lost("closed")));
    }
}
