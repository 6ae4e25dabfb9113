//! Limits of time and of attempts, in Python's numbers.

use std::time::Duration;

use countermand_core::Policy;
use pyo3::prelude::*;

use crate::arguments::Attempts;
use crate::clock;
use crate::clock::Length;

/// The policy with these limits; its own where there is `None`.
pub(crate) fn policy(
    mut policy: Policy,
    deadline: Option<Length>,
    attempt_timeout: Option<Length>,
    max_attempts: Option<Attempts>,
    backoff: Option<(Length, Length)>,
) -> PyResult<Policy> {
    if let Some(seconds) = deadline {
        policy = policy.deadline(clock::seconds("deadline", seconds)?);
    }
    if let Some(seconds) = attempt_timeout {
        policy = policy.attempt_timeout(clock::seconds("attempt_timeout", seconds)?);
    }
    if let Some(Attempts(attempts)) = max_attempts {
        policy = policy.max_attempts(attempts);
    }
    if let Some(backoff) = backoff {
        let (first, most) = both("backoff", backoff)?;
        policy = policy.backoff(first, most);
    }
    Ok(policy)
}

/// The same with the limits of looking at an operation.
pub(crate) fn polling(
    policy: Policy,
    poll_interval: Option<(Length, Length)>,
    verify: bool,
) -> PyResult<Policy> {
    let policy = policy.verify(verify);
    let Some(interval) = poll_interval else {
        return Ok(policy);
    };
    let (first, most) = both("poll_interval", interval)?;
    Ok(policy.poll_interval(first, most))
}

fn both(what: &str, (first, most): (Length, Length)) -> PyResult<(Duration, Duration)> {
    Ok((clock::seconds(what, first)?, clock::seconds(what, most)?))
}
