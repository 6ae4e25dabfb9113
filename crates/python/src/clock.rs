//! Python's time, seconds as `float`, and Rust's.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// More than any clock that counts seconds shows, and little enough for every `Instant`.
const LONGEST: f64 = 1e11;

/// A length of time, which is not negative.
pub(crate) fn seconds(what: &str, seconds: f64) -> PyResult<Duration> {
    if !(0.0..=LONGEST).contains(&seconds) {
        return Err(PyValueError::new_err(format!(
            "{what} is {seconds}, expected seconds from 0 to {LONGEST:e}"
        )));
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// The instant that a clock's reading stands for.
pub(crate) fn instant(now: f64) -> PyResult<Instant> {
    Ok(zero() + seconds("now", now)?)
}

/// The first reading at which the instant is not in the future.
pub(crate) fn reading(instant: Instant) -> f64 {
    let time = instant.saturating_duration_since(zero());
    let reading = time.as_secs_f64();
    // Rounded down, a caller with a clock of its own would resume too early, for ever.
    if Duration::from_secs_f64(reading) < time {
        reading.next_up()
    } else {
        reading
    }
}

/// Where every clock starts: only differences matter.
fn zero() -> Instant {
    static ZERO: OnceLock<Instant> = OnceLock::new();
    *ZERO.get_or_init(Instant::now)
}
