//! Metadata of an operation, in the words of no service.

use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::duration;
use crate::timestamp::Timestamp;

/// Facts of an operation that its service keeps in its metadata, secrets left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Metadata {
    /// Kind of the operation, such as `WIPE`: an open set of words.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Time at which the server created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_time: Option<Timestamp>,
    /// Validity from then on, where the service has operations that expire. Only what the server said
    /// stands here, no default.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "seconds")]
    pub duration: Option<Duration>,
    /// Reason for which it failed: an open set of words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// True if it says that a cancel was asked: evidence that the server took one, and none of its effect.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cancel_asked: bool,
}

fn seconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&duration::format(duration.unwrap_or_default()))
}

/// The serde form of [`Metadata`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Kept {
    #[serde(rename = "type")]
    kind: Option<String>,
    create_time: Option<String>,
    duration: Option<String>,
    error_code: Option<String>,
    #[serde(default)]
    cancel_asked: bool,
}

impl From<Kept> for Metadata {
    fn from(kept: Kept) -> Self {
        let time = kept.create_time.as_deref();
        Self {
            kind: kept.kind,
            create_time: time.and_then(Timestamp::parse_rfc3339),
            duration: kept.duration.as_deref().and_then(duration::parse),
            error_code: kept.error_code,
            cancel_asked: kept.cancel_asked,
        }
    }
}
