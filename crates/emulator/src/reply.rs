//! The effect of a request, independent of the transport.

use std::time::Duration;

use bytes::Bytes;
use http::Response;

/// The emulator's decision about one request.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "an executor must not miss a part"
)]
pub struct Reply {
    /// The pause before the action.
    pub delay: Duration,
    /// True if the request was carried out, whatever its sender sees.
    pub effect: bool,
    /// The action that the sender sees.
    pub action: Action,
}

impl Reply {
    /// An answer at once, of a request that was carried out.
    pub(crate) const fn at_once(response: Response<Bytes>) -> Self {
        Self {
            delay: Duration::ZERO,
            effect: true,
            action: Action::Respond(response),
        }
    }

    /// The same on a clock that is so many times slower: what took a minute takes a second at 60.
    pub(crate) fn faster(mut self, times: u32) -> Self {
        self.delay /= times;
        if let Action::Mangle(_, Mangling::Drip { interval }) = &mut self.action {
            *interval /= times;
        }
        self
    }
}

/// The answer to a request, or the fault in its place, as the sender sees it.
///
/// A pure value: [`Server`](crate::Server) performs it on a socket, a simulation translates it into the failure its client
/// would notice.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "an executor must not miss one")]
pub enum Action {
    /// An ordinary answer.
    Respond(Response<Bytes>),
    /// An answer that does not arrive as it was meant. Its `content-length` is the length of its body.
    Mangle(Response<Bytes>, Mangling),
    /// No answer.
    Break(Breakage),
}

/// The way in which an answer does not arrive as it was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an executor must not miss one")]
pub enum Mangling {
    /// The headers and the first bytes of the body come, the rest never does.
    StallBody {
        /// Bytes of the body that come.
        after: usize,
    },
    /// The body comes one byte at a time.
    Drip {
        /// The pause before each byte.
        interval: Duration,
    },
    /// The body ends early.
    Truncate {
        /// Bytes of the body that come.
        after: usize,
    },
    /// A body of spaces that is far too long.
    Flood {
        /// The length of the body in bytes.
        bytes: u64,
        /// True if `content-length` says so.
        sized: bool,
    },
}

/// The way in which no answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an executor must not miss one")]
pub enum Breakage {
    /// The connection was never made: refused. On a socket, which exists by then, a reset.
    Refuse,
    /// The connection attempt is never answered. On a socket, as `Stall`.
    BlackHole,
    /// The connection is reset (RST) instead of an answer.
    Reset,
    /// The headers never come.
    Stall,
    /// HTTP/2 `REFUSED_STREAM`: certainly not carried out. In HTTP/1.1 a reset.
    RefusedStream,
    /// HTTP/2 `ENHANCE_YOUR_CALM` on the stream. In HTTP/1.1 a reset.
    EnhanceYourCalm,
    /// HTTP/2 `GOAWAY` with `NO_ERROR` and a last stream below this one: certainly not carried out. In HTTP/1.1 a reset.
    GoAway,
}

impl Action {
    /// The answer as it was meant, if there is one.
    #[must_use]
    pub const fn response(&self) -> Option<&Response<Bytes>> {
        match self {
            Self::Respond(response) | Self::Mangle(response, _) => Some(response),
            Self::Break(_) => None,
        }
    }
}
