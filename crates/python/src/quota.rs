//! Quotas as Python spells them.

use countermand_fleet::Settings;
use countermand_fleet::store::Kind;
use countermand_scheduler::{Quota, QuotaError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// The quota of a text like `600/60s,1000/100s` and our share of it; `None` obeys the server alone.
pub(crate) fn quota(text: Option<&str>, share: f64) -> PyResult<Quota> {
    // Core would clamp it. Whoever writes 80 for 0.8 is better told.
    if !(share > 0.0 && share <= 1.0) {
        return Err(PyValueError::new_err(format!(
            "share is {share}, expected a number above 0 and up to 1"
        )));
    }
    let Some(text) = text else {
        return Ok(Quota::unlimited());
    };
    text.parse::<Quota>()
        .map(|quota| quota.share(share))
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

/// The same for a job, which keeps them in its file.
pub(crate) fn of_job(settings: &mut Settings, text: Option<&str>, share: f64) -> PyResult<()> {
    quota(text, share)?;
    let windows = text.into_iter().flat_map(|text| text.split(','));
    let windows = windows.map(|window| window.parse());
    settings.quota = windows
        .collect::<Result<_, QuotaError>>()
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    settings.share = share;
    if text.is_none() {
        settings.per_resource = None;
    }
    Ok(())
}

/// Requests a second that our share of it allows in the long run.
pub(crate) fn pace(text: Option<&str>, share: f64) -> PyResult<Option<f64>> {
    let mut settings = Settings::new(Kind::Plan);
    of_job(&mut settings, text, share)?;
    Ok(countermand_fleet::pace(&settings))
}

/// Whether that is core's default: what signatures in Python repeat is held against it.
#[pyfunction]
#[pyo3(signature = (text, share, /))]
pub(crate) fn is_default_quota(text: Option<&str>, share: f64) -> PyResult<bool> {
    Ok(quota(text, share)? == Quota::default())
}
