//! Countermands many operations with core's scheduler and a blocking client, one request at a time.
//!
//! `COUNTERMAND_ENDPOINT=http://127.0.0.1:8080 COUNTERMAND_TOKEN=… scheduler_by_hand NAME…`
#![allow(clippy::print_stdout, reason = "the verdicts go there")]

mod blocking;

use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, thread};

use countermand_core::{Endpoint, Phase, Time, Verdict};
use countermand_scheduler::{Event, NextStep, Scheduler};
use http::HeaderValue;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let endpoint: Endpoint = env::var("COUNTERMAND_ENDPOINT")?.parse()?;
    let authorization =
        HeaderValue::try_from(format!("Bearer {}", env::var("COUNTERMAND_TOKEN")?))?;
    let agent = blocking::agent();

    let begun = Instant::now();
    let now = || Time::after(begun.elapsed());
    let mut scheduler = Scheduler::new(u64::from(std::process::id())).endpoint(endpoint);
    for name in env::args().skip(1) {
        scheduler.push(name.parse()?, Phase::Unsent);
    }
    scheduler.close();
    let mut all_cancelled = true;
    loop {
        let poll = scheduler.next_step(now());
        while let Some(event) = scheduler.next_event() {
            let Event::Finished { name, result } = event else {
                continue;
            };
            let verdict = result.map(|outcome| outcome.verdict);
            all_cancelled &= matches!(verdict, Ok(Verdict::Cancelled));
            match verdict {
                Ok(verdict) => println!("{verdict} {name}"),
                Err(error) => println!("{error}"),
            }
        }
        match poll {
            NextStep::Send(ticket, transmit) => {
                match blocking::send(&agent, transmit, &authorization) {
                    Ok(response) => scheduler.answer(ticket, now(), Ok(&response)),
                    Err(error) => scheduler.answer::<Vec<u8>>(ticket, now(), Err(error)),
                }
            }
            NextStep::Wait(until) => thread::sleep(until - now()),
            // One request at a time: nothing is in flight here.
            NextStep::Idle | NextStep::Done => break,
        }
    }
    Ok(if all_cancelled {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
