//! Quotas as Python spells them.

use countermand_scheduler::{Quota, ShareError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The quota of a text like `600/60s,1000/100s` and our share of it; `None` obeys the server alone.
pub(crate) fn quota(text: Option<&str>, share: f64) -> PyResult<Quota> {
    let share = ShareError::check(share)
        .map_err(|error| PyValueError::new_err(format!("share is {share}, {error}")))?;
    let quota = text.map_or_else(|| Ok(Quota::unlimited()), str::parse::<Quota>);
    quota
        .map(|quota| quota.share(share))
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

/// True for core's default: what signatures in Python repeat is held against it.
#[pyfunction]
#[pyo3(signature = (text, share, /))]
pub(crate) fn is_default_quota(text: Option<&str>, share: f64) -> PyResult<bool> {
    Ok(quota(text, share)? == Quota::default())
}
