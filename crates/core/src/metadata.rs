//! Metadata of an operation, in the words of no service.

use std::time::Duration;

use serde::{Serialize, Serializer};

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
