//! The fate of an operation.

use std::time::Duration;

use serde::Deserialize;

use crate::bad_input::BadInput;

/// The future of one operation, on the side of the server.
///
/// A test chooses the fate, drives a client, and compares the client's verdict with the ground truth.
/// `after` counts from the moment the operation was added to the emulator, whatever its `createTime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a simulation covers all of them")]
pub enum Fate {
    /// It waits, as a command does for a device that is offline: a cancel works. Without one the operation expires.
    Cancellable,
    /// It is carried out after a while; a cancel that takes effect earlier works.
    Acknowledged {
        /// The time until it is carried out.
        after: Duration,
    },
    /// It is carried out after a while, although a cancel was accepted.
    Completes {
        /// The time until it is carried out.
        after: Duration,
    },
    /// As `Acknowledged`, and the server then deletes the parent and its operations, as after a confirmed WIPE: 404.
    Wiped {
        /// The time until it is carried out.
        after: Duration,
    },
    /// The record is dropped, whatever was asked: 404 for the operation, while the parent stays.
    Purged {
        /// The time until the record is dropped.
        after: Duration,
    },
    /// The cancel is accepted and the record dropped at once: whether it worked cannot be known.
    Vanishes,
    /// It is not carried out and a cancel is accepted in vain: it ends with its validity. The quirk `expiry` gives the shape.
    Expires,
    /// A cancel is accepted, and the operation stays pending for ever.
    Stuck,
    /// It ends with an error; a cancel that takes effect earlier works.
    Fails {
        /// The time until it ends.
        after: Duration,
        /// The `google.rpc.Code` of the error.
        code: i32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Cancellable,
    Acknowledged,
    Completes,
    Wiped,
    Purged,
    Vanishes,
    Expires,
    Stuck,
    Fails,
}

impl Fate {
    /// The fate's word, as scripts and the ground truth write it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Cancellable => "cancellable",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Completes { .. } => "completes",
            Self::Wiped { .. } => "wiped",
            Self::Purged { .. } => "purged",
            Self::Vanishes => "vanishes",
            Self::Expires => "expires",
            Self::Stuck => "stuck",
            Self::Fails { .. } => "fails",
        }
    }

    /// From the three JSON fields that describe a fate.
    pub(crate) fn from_parts(
        kind: Kind,
        after_ms: Option<u64>,
        code: Option<i32>,
    ) -> Result<Self, BadInput> {
        let after = Duration::from_millis(after_ms.unwrap_or(0));
        let fate = match kind {
            Kind::Cancellable => Self::Cancellable,
            Kind::Acknowledged => Self::Acknowledged { after },
            Kind::Completes => Self::Completes { after },
            Kind::Wiped => Self::Wiped { after },
            Kind::Purged => Self::Purged { after },
            Kind::Vanishes => Self::Vanishes,
            Kind::Expires => Self::Expires,
            Kind::Stuck => Self::Stuck,
            Kind::Fails => Self::Fails {
                after,
                code: code.unwrap_or(13),
            },
        };
        let word = fate.kind();
        if code.is_some() && !matches!(fate, Self::Fails { .. }) {
            return Err(BadInput::new(format!("fate `{word}` takes no `code`")));
        }
        if after_ms.is_some() && fate.delay().is_none() {
            return Err(BadInput::new(format!("fate `{word}` takes no `after_ms`")));
        }
        Ok(fate)
    }

    /// The time until something happens by itself, for the fates that have one.
    pub(crate) const fn delay(&self) -> Option<Duration> {
        match *self {
            Self::Acknowledged { after }
            | Self::Completes { after }
            | Self::Wiped { after }
            | Self::Purged { after }
            | Self::Fails { after, .. } => Some(after),
            Self::Cancellable | Self::Vanishes | Self::Expires | Self::Stuck => None,
        }
    }

    /// The same fate at `scale`/100 of its time, so that a fleet does not act in step.
    pub(crate) fn scaled(self, scale: u32) -> Self {
        let part = |after: Duration| after.saturating_mul(scale) / 100;
        match self {
            Self::Acknowledged { after } => Self::Acknowledged { after: part(after) },
            Self::Completes { after } => Self::Completes { after: part(after) },
            Self::Wiped { after } => Self::Wiped { after: part(after) },
            Self::Purged { after } => Self::Purged { after: part(after) },
            Self::Fails { after, code } => Self::Fails {
                after: part(after),
                code,
            },
            other => other,
        }
    }
}
