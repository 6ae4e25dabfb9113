//! Runs of a scheduler on a virtual clock.

use std::fmt::Display;

use countermand_emulator::{Simulation, WindowKind};
use countermand_scheduler::{Quota, Window};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arguments::{self, InFlight, QuotaText, Seed, Share};
use crate::clock::{self, Length};
use crate::services::{self, Chosen};
use crate::{quota, rows};

/// The JSON of a simulated run.
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
#[pyfunction]
pub(crate) fn simulate(
    py: Python<'_>,
    operations: &Bound<'_, PyAny>,
    service: Option<Chosen>,
    pattern: Option<&str>,
    per_device: &Bound<'_, PyAny>,
    quota: Option<QuotaText>,
    per_resource: Option<&str>,
    share: Option<Share>,
    server_quota: Option<&str>,
    window: &str,
    phase: Option<Length>,
    in_flight: Option<InFlight>,
    fail: Option<&str>,
    fates: &str,
    seed: Seed,
) -> PyResult<String> {
    let service = services::or_default(service);
    let count = |what, given| arguments::whole(what, given, 1..=u64::from(u32::MAX));
    let mut simulation = Simulation::new(service, count("operations", operations)? as u32);
    if let Some(word) = pattern {
        simulation = simulation
            .pattern(word)
            .map_err(|error| refused("pattern", error))?;
    }
    simulation.per_parent = count("per_device", per_device)? as u32;
    simulation.quota = quota::quota(quota, share, service)?;
    match per_resource {
        None => {}
        Some("none") => simulation.quota = simulation.quota.per_resource(None),
        Some(window) => {
            let window: Window = window
                .parse()
                .map_err(|error| refused("per_resource", error))?;
            simulation.quota = simulation.quota.per_resource(Some(window));
        }
    }
    let of_server = server_quota.map(str::parse::<Quota>).transpose();
    simulation.server_quota = of_server.map_err(|error| refused("server_quota", error))?;
    let phase = phase
        .map(|phase| clock::seconds("phase", phase))
        .transpose()?;
    simulation.windows = match (window, phase) {
        ("sliding", None) => WindowKind::Sliding,
        ("sliding", Some(_)) => {
            let problem = "it is for fixed windows: sliding ones begin with each call";
            return Err(refused("phase", problem));
        }
        ("fixed", phase) => WindowKind::Fixed {
            phase: phase.unwrap_or_default(),
        },
        _ => return Err(refused("window", "expected sliding or fixed")),
    };
    simulation.in_flight = in_flight.map(|InFlight(requests)| requests);
    let fail = fail.map(str::parse).transpose();
    simulation.fail = fail.map_err(|error: &str| refused("fail", error))?;
    simulation.fates = fates
        .parse()
        .map_err(|error: &str| refused("fates", error))?;
    simulation.seed = seed.0;
    let simulated = py.detach(|| simulation.run());
    rows::json(&simulated.map_err(|error| PyValueError::new_err(error.to_string()))?)
}

/// The exception for an argument.
fn refused(what: &str, problem: impl Display) -> PyErr {
    PyValueError::new_err(format!("{what}: {problem}"))
}
