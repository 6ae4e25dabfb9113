//! Quotas as Python spells them.

use countermand_core::Service;
use countermand_scheduler::{Quota, ShareError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arguments::{QuotaText, Share, shown};

/// The quota of a text like `600/60s,1000/100s`, or `none`, and our share of it; the service's own
/// where there is `None`.
pub(crate) fn quota(
    text: Option<QuotaText>,
    share: Option<Share>,
    service: &Service,
) -> PyResult<Quota> {
    let refused = |error: &dyn ToString| PyValueError::new_err(error.to_string());
    let quota = text.map_or_else(
        || Ok(Quota::of_service(service)),
        |QuotaText(text)| text.parse(),
    );
    let quota: Quota = quota.map_err(|error| refused(&error))?;
    let Some(Share(share)) = share else {
        return Ok(quota);
    };
    let share = ShareError::check(share)
        .map_err(|error| refused(&format_args!("share is {}, {error}", shown(share))))?;
    Ok(quota.share(share))
}
