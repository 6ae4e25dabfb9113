//! Quotas as Python spells them.

use countermand_core::Service;
use countermand_fleet::QuotaTerms;
use countermand_scheduler::{Quota, ShareError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arguments::{QuotaText, Share, shown};

/// The quota of a text like `600/60s,1000/100s`, or `none`, and our share of it, as far as they are given.
pub(crate) fn terms(text: Option<QuotaText>, share: Option<Share>) -> PyResult<QuotaTerms> {
    let refused = |error: &dyn ToString| PyValueError::new_err(error.to_string());
    let quota = text.map(|QuotaText(text)| text.parse::<Quota>());
    let quota = quota.transpose().map_err(|error| refused(&error))?;
    let share = share.map(|Share(share)| {
        ShareError::check(share)
            .map_err(|error| refused(&format_args!("share is {}, {error}", shown(share))))
    });
    Ok(QuotaTerms {
        quota,
        share: share.transpose()?,
        ..QuotaTerms::default()
    })
}

/// The same; the service's own where there is `None`.
pub(crate) fn quota(
    text: Option<QuotaText>,
    share: Option<Share>,
    service: &Service,
) -> PyResult<Quota> {
    Ok(terms(text, share)?.over(Quota::of_service(service)))
}
