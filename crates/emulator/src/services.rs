//! The services whose behaviour beyond their description is known.

use countermand_core::Service;
use countermand_core::services::android_management::ANDROID_MANAGEMENT;

use crate::android_management;
use crate::extras::{Extras, PLAIN};
use crate::method::Methods;

/// The behaviour of a service beyond its description.
pub(crate) fn extras(service: &Service) -> &'static Extras {
    match *service == ANDROID_MANAGEMENT {
        true => &android_management::EXTRAS,
        false => &PLAIN,
    }
}

/// Every method of a service.
pub(crate) fn methods(service: &Service) -> Methods {
    let extras = extras(service);
    Methods::new(service, extras.methods, extras.not_emulated)
}
