//! Files that describe services.

use std::path::Path;

use countermand_core::text::path_problem;
use countermand_core::{Service, TransportError, TransportErrorKind};
use countermand_hyper::SecretFile;

use crate::connect_error::ConnectError;

/// The service that a file describes ([`Service::from_json`]), for [`ClientBuilder::service`](crate::ClientBuilder::service).
///
/// # Errors
/// The file cannot be read, or describes no service.
pub fn service_from_file(path: impl AsRef<Path>) -> Result<&'static Service, ConnectError> {
    let path = path.as_ref();
    let problem = |problem: &dyn std::fmt::Display| {
        let message = path_problem("the service file", path, problem);
        ConnectError::Option(TransportError::new(TransportErrorKind::NotAllowed, message))
    };
    // Bounded, and of a pipe as well.
    let text = SecretFile::new(path).read(SecretFile::CAP);
    let text = text.map_err(|error| problem(&error))?;
    Service::from_json(&text).map_err(|error| problem(&error))
}
