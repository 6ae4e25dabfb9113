//! The resource that a request is about.

use std::fmt;

use crate::call::Call;
use crate::name::{GrandparentName, OperationName, ParentName};
use crate::name_error::NameError;
use crate::service::Service;

/// The resource that a request is about: the operation that it cancels or gets, or the resource whose
/// list it asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "requests are about these three levels of names"
)]
pub enum Resource {
    /// An operation.
    Operation(OperationName),
    /// The parent of operations: its operations are listed.
    Parent(ParentName),
    /// The resource above: its parents of operations are listed.
    Grandparent(GrandparentName),
}

/// The same of a name of any level.
macro_rules! of_any {
    ($resource:ident, $name:ident => $value:expr) => {
        match $resource {
            Resource::Operation($name) => $value,
            Resource::Parent($name) => $value,
            Resource::Grandparent($name) => $value,
        }
    };
}

impl Resource {
    /// The name as the API writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        of_any!(self, name => name.as_str())
    }

    /// The pattern that its name has, for people.
    pub(crate) fn described(&self) -> String {
        of_any!(self, name => name.described())
    }

    /// The service whose resource it is.
    #[must_use]
    pub fn service(&self) -> &'static Service {
        of_any!(self, name => name.service())
    }

    /// Refuses a resource at which the service offers nothing to look at: an operation that it does not show, or
    /// another resource whose list it does not have.
    ///
    /// # Errors
    /// As [`Name::check_method`](crate::Name::check_method) has them.
    pub fn check_method(&self) -> Result<(), NameError> {
        match self {
            Self::Operation(name) => name.check_method(Call::Get),
            Self::Parent(name) => name.check_method(Call::ListOperations),
            Self::Grandparent(name) => name.check_method(Call::ListParents),
        }
    }

    /// The operation, if it is one.
    #[must_use]
    pub const fn operation(&self) -> Option<&OperationName> {
        match self {
            Self::Operation(name) => Some(name),
            Self::Parent(_) | Self::Grandparent(_) => None,
        }
    }

    /// The part of the name whose quota for a method it counts into; what a rate limiter is given.
    #[must_use]
    pub fn quota_resource(&self) -> &str {
        of_any!(self, name => name.quota_resource())
    }

    /// The part of the name that a denial (403) concerns.
    #[must_use]
    pub fn denied_resource(&self) -> &str {
        of_any!(self, name => name.denied_resource())
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

impl From<&ParentName> for Resource {
    fn from(name: &ParentName) -> Self {
        Self::Parent(name.clone())
    }
}

impl From<&GrandparentName> for Resource {
    fn from(name: &GrandparentName) -> Self {
        Self::Grandparent(name.clone())
    }
}
