//! The services that are built in, and the one that is meant where none is named.

pub mod android_management;
mod choose;
mod fields;
mod file;
mod state_form;
mod table;

pub use choose::UnknownService;
pub use fields::ServiceFileError;

use crate::endpoint::Endpoint;
use crate::service::Service;

impl Service {
    /// The service of names and endpoints that name none.
    pub const DEFAULT: &'static Self = &android_management::ANDROID_MANAGEMENT;
}

/// The root endpoint of the [default service](Service::DEFAULT).
impl Default for Endpoint {
    fn default() -> Self {
        Service::DEFAULT.endpoint()
    }
}
