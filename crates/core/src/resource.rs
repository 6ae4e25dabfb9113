//! What a request is about.

use std::fmt;

use crate::{DeviceName, EnterpriseName, OperationName};

/// What a request is about: the operation it cancels or looks at, or whose list it asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the API has these three levels of names"
)]
pub enum Resource {
    /// An operation.
    Operation(OperationName),
    /// A device: its operations are listed.
    Device(DeviceName),
    /// An enterprise: its devices are listed.
    Enterprise(EnterpriseName),
}

impl Resource {
    /// The name as the API writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Operation(name) => name.as_str(),
            Self::Device(name) => name.as_str(),
            Self::Enterprise(name) => name.as_str(),
        }
    }

    /// The operation, if it is one.
    #[must_use]
    pub const fn operation(&self) -> Option<&OperationName> {
        match self {
            Self::Operation(name) => Some(name),
            Self::Device(_) | Self::Enterprise(_) => None,
        }
    }

    /// The enterprise it belongs to, or is.
    #[must_use]
    pub fn enterprise(&self) -> EnterpriseName {
        match self {
            Self::Operation(name) => name.enterprise(),
            Self::Device(name) => name.enterprise(),
            Self::Enterprise(name) => name.clone(),
        }
    }

    /// The device or enterprise whose quota for a method it counts into; what a
    /// rate limiter is given.
    #[must_use]
    pub fn quota_resource(&self) -> &str {
        match self {
            Self::Operation(name) => name.quota_resource(),
            Self::Device(name) => name.as_str(),
            Self::Enterprise(name) => name.as_str(),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<&OperationName> for Resource {
    fn from(name: &OperationName) -> Self {
        Self::Operation(name.clone())
    }
}

impl From<&DeviceName> for Resource {
    fn from(name: &DeviceName) -> Self {
        Self::Device(name.clone())
    }
}

impl From<&EnterpriseName> for Resource {
    fn from(name: &EnterpriseName) -> Self {
        Self::Enterprise(name.clone())
    }
}
