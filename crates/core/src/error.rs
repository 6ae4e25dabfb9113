//! Errors, named by what happened, with the step that helps.

use std::error::Error as StdError;
use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::chain::chain;
use crate::error_kind::{Cause, ErrorKind};
use crate::error_table::{ErrorFacts, ErrorKey};
use crate::name::OperationName;
use crate::resource::Resource;
use crate::service::Service;
use crate::transport_error::TransportError;

/// A call, or a countermand, that ended without telling the operation's fate.
///
/// Tells what happened ([`kind`](Self::kind)), to which operation, whether a cancellation
/// [may have been delivered](Self::maybe_delivered) all the same, and what to do next
/// ([`advice`](Self::advice)).
#[derive(Clone, Debug, PartialEq)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug, PartialEq)]
struct Inner {
    kind: ErrorKind,
    /// Whom it concerns, where that is known.
    resource: Option<Resource>,
    maybe_delivered: bool,
    attempts: u32,
    parent_exists: Option<bool>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self(Box::new(Inner {
            maybe_delivered: kind.maybe_delivered(),
            kind,
            resource: None,
            attempts: 0,
            parent_exists: None,
        }))
    }

    /// The error of what was left alone because `cause` concerns every operation.
    #[must_use]
    pub fn not_attempted(cause: Cause) -> Self {
        Self::new(ErrorKind::NotAttempted { cause })
    }

    /// Adds the resource that it happened to.
    #[must_use]
    pub fn with_resource(mut self, resource: impl Into<Resource>) -> Self {
        self.0.resource = Some(resource.into());
        self
    }

    /// An error of a call that only asks: it cannot have cancelled anything.
    pub(crate) fn of_read(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self.0.maybe_delivered = false;
        self
    }

    /// Adds what the cancellation knows at its end.
    pub(crate) fn concluded(
        mut self,
        attempts: u32,
        maybe_delivered: bool,
        parent_exists: Option<bool>,
    ) -> Self {
        self.0.attempts = attempts;
        self.0.maybe_delivered = maybe_delivered;
        self.0.parent_exists = parent_exists;
        self
    }

    /// Kind of the error, with its details.
    #[must_use]
    pub const fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The operation it happened to.
    #[must_use]
    pub fn operation(&self) -> Option<&OperationName> {
        self.resource().and_then(Resource::operation)
    }

    /// Resource of the call: an operation, or the resource whose list was asked
    /// for. `None` where a single answer was parsed.
    #[must_use]
    pub const fn resource(&self) -> Option<&Resource> {
        self.0.resource.as_ref()
    }

    /// True where a cancel may have reached the server and taken effect all the same.
    #[must_use]
    pub const fn maybe_delivered(&self) -> bool {
        self.0.maybe_delivered
    }

    /// Requests sent for the operation until then; 0 where a single answer was parsed.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// True where the parent still has a record, as far as that was looked for because the operation was
    /// not found. `Some(false)`: the operation may have executed.
    #[must_use]
    pub const fn parent_exists(&self) -> Option<bool> {
        self.0.parent_exists
    }

    /// The key of its row in the table of errors.
    #[must_use]
    pub fn key(&self) -> ErrorKey {
        match self.0.kind.key() {
            ErrorKey::NotFound if self.0.parent_exists == Some(false) => ErrorKey::ParentNotFound,
            key => key,
        }
    }

    /// Facts of it that decisions need.
    #[must_use]
    pub fn facts(&self) -> ErrorFacts {
        let cause = match &self.0.kind {
            ErrorKind::NotAttempted { cause } => Some(cause.key()),
            _ => None,
        };
        ErrorFacts::new(self.key(), cause, self.0.maybe_delivered)
    }

    /// The service whose method failed; the default one where a single answer was parsed.
    #[must_use]
    pub fn service(&self) -> &'static Service {
        self.resource().map_or(Service::DEFAULT, Resource::service)
    }

    /// Advice in a sentence for an operator.
    #[must_use]
    pub fn advice(&self) -> String {
        let service = self.service();
        let advice = self.key().row().advice(service);
        match &self.0.kind {
            ErrorKind::NotAttempted { cause } if cause.key() == ErrorKey::Stopped => {
                cause.advice(service)
            }
            ErrorKind::PermissionDenied(answer) if self.key() == ErrorKey::ApiDisabled => {
                format!("{advice}: {}", answer.activation_url(service))
            }
            // What is said of operations is not true of what has them.
            ErrorKind::NotFound(_) => match self.resource() {
                Some(Resource::Parent(_)) if service.has_parent_records => {
                    service.fill(
                        "check the name; if it is right, the {parent} has no record any more: it may have executed a command that erased it",
                    )
                }
                Some(Resource::Parent(_) | Resource::Grandparent(_)) => "check the name".to_owned(),
                _ => advice,
            },
            _ => advice,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.resource {
            Some(Resource::Operation(name)) => write!(f, "{name}: ")?,
            Some(Resource::Parent(name)) => {
                write!(f, "{} of {name}: ", name.pattern().own_level().collection)?;
            }
            Some(Resource::Grandparent(name)) => {
                write!(
                    f,
                    "{} of {name}: ",
                    name.service().level_above(1).collection
                )?;
            }
            None => {}
        }
        self.0.kind.fmt(f)?;
        if self.0.maybe_delivered {
            f.write_str(" (the cancel may have been delivered)")?;
        }
        Ok(())
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

/// The error as JSON, which [`ErrorFacts::stored`] reads: `kind`, `key`, `message`, `maybe_delivered`, `attempts`, `advice`, and what the
/// answer or the transport told.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.0.kind.as_str())?;
        map.serialize_entry("key", self.key().as_str())?;
        map.serialize_entry("message", &chain(self))?;
        map.serialize_entry("maybe_delivered", &self.0.maybe_delivered)?;
        map.serialize_entry("attempts", &self.0.attempts)?;
        map.serialize_entry("advice", &self.advice())?;
        if let Some(answer) = self.0.kind.api_error() {
            map.serialize_entry("http_status", &answer.http_status())?;
            map.serialize_entry("status", &answer.status())?;
            map.serialize_entry("reason", &answer.reason())?;
        }
        if let ErrorKind::Transport(error) = &self.0.kind {
            map.serialize_entry("transport", error.kind().as_str())?;
        }
        if let ErrorKind::NotAttempted { cause } = &self.0.kind {
            map.serialize_entry("cause", cause.key().as_str())?;
        }
        if let Some(exists) = self.0.parent_exists {
            map.serialize_entry("parent_exists", &exists)?;
        }
        map.end()
    }
}
