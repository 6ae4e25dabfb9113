//! Countermands an operation with ureq: a blocking program without an async runtime.
//!
//! `COUNTERMAND_ENDPOINT=http://127.0.0.1:8080 COUNTERMAND_TOKEN=… ureq NAME`
#![allow(clippy::print_stdout, reason = "the verdict goes there")]

mod blocking;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, thread};

use countermand_core::{Cancellation, Endpoint, OperationName, Time, Verdict};
use http::HeaderValue;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let endpoint: Endpoint = env::var("COUNTERMAND_ENDPOINT")?.parse()?;
    let token = env::var("COUNTERMAND_TOKEN")?;
    let name: OperationName = env::args().nth(1).ok_or("which operation?")?.parse()?;
    let authorization = HeaderValue::try_from(format!("Bearer {token}"))?;

    let agent = blocking::agent();

    let begun = Instant::now();
    let now = || Time::after(begun.elapsed());
    let seed = u64::from(std::process::id());
    let step = Cancellation::new(name)
        .endpoint(endpoint)
        .start(now(), seed);
    let send = |transmit| blocking::send(&agent, transmit, &authorization);
    let outcome = step.run(now, send, thread::sleep)?;
    println!("{}", outcome.verdict);
    Ok(ExitCode::from(u8::from(
        outcome.verdict != Verdict::Cancelled,
    )))
}
