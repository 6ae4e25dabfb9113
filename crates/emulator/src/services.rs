//! The services whose behaviour beyond their description is known.

use countermand_core::Service;
use countermand_core::services::android_management::ANDROID_MANAGEMENT;

use crate::android_management;
use crate::extras::{Extras, PLAIN};
use crate::method::Methods;

/// Locations that a request may leave out, and times as numbers.
static BIGQUERY: Extras = Extras {
    usual_ids: &["us", "eu"],
    created: |unix_ms| unix_ms.to_string().into(),
    ..PLAIN
};

/// The behaviour of a service beyond its description.
pub(crate) fn extras(service: &Service) -> &'static Extras {
    match service.id {
        id if id == ANDROID_MANAGEMENT.id => &android_management::EXTRAS,
        "bigquery.v2" => &BIGQUERY,
        _ => &PLAIN,
    }
}

/// Every method of a service.
pub(crate) fn methods(service: &Service) -> Methods {
    let extras = extras(service);
    let Extras {
        methods,
        not_emulated,
        usual_ids,
        ..
    } = *extras;
    Methods::new(service, methods, not_emulated, usual_ids)
}
