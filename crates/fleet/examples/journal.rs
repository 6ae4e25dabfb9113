//! Cost of writing everything down: the same scheduler with a job file and without, under the
//! documented quota on a virtual clock. `make figures` runs it.
//!
//! A request leaves after its record is on the disk. The sum of the times of these writes is the
//! delay of the last cancel at most.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that prints figures"
)]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use countermand_core::{Call, Metadata, OperationName, Phase};
use countermand_fleet::store::Kind;
use countermand_fleet::{Authorization, Job, Options, Run, Settings, Target, now};
use countermand_scheduler::Event;
use countermand_scheduler::Quota;
use futures_util::{StreamExt, stream};

use crate::support::client;

const OPERATIONS: u32 = 5_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    tokio::time::pause();
    // In the folder of the program, because a temporary directory may be in memory.
    let program = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir_in(program.parent().unwrap()).unwrap();
    let (virtual_time, plain) = without().await;
    let (_, journaled) = with(&folder.path().join("figures.job")).await;
    let journal = journaled.saturating_sub(plain);
    let share = journal.as_secs_f64() / virtual_time.as_secs_f64();
    println!(
        "journal: {OPERATIONS} operations, last cancel after {:.1} s; CPU and disk of the whole run {:.2} s \
         without a job file, {:.2} s with one: {:.2} % of the time to the last cancel",
        virtual_time.as_secs_f64(),
        plain.as_secs_f64(),
        journaled.as_secs_f64(),
        share * 100.0
    );
    assert!(share < 0.01, "the target is 1 %");
}

/// Time until the last cancel by the virtual clock, and the time that everything took by a real one.
async fn without() -> (Duration, Duration) {
    let (client, begun) = (client(Duration::ZERO), Instant::now());
    let names = names().map(|name| (name, Phase::Unsent));
    let scheduler = client.scheduler().quota(Quota::default().share(1.0));
    let running = client.run(scheduler, stream::iter(names.collect::<Vec<_>>()));
    let last = last_cancel(running).await;
    (last, begun.elapsed())
}

async fn with(path: &Path) -> (Duration, Duration) {
    // Quota and all else as by default, which is what is documented.
    let mut settings = Settings::new(Kind::Plan);
    settings.lane_mut().share = 1.0;
    let mut job = Job::create(path, &settings, now()).unwrap();
    let targets = names().map(|name| Target {
        name,
        command: Metadata::default(),
        device_seen: None,
    });
    job.add(targets).unwrap();
    job.freeze().unwrap();
    let begun = Instant::now();
    let authorization = Authorization {
        endpoint: client(Duration::ZERO).get_endpoint().clone(),
        confirmed: Some([("enterprises/e".parse().unwrap(), Some(job.operations()))].into()),
        ..Authorization::default()
    };
    let job = authorization.check(job, Options::default(), now()).unwrap();
    let run = Run::begin(client(Duration::ZERO), job).unwrap();
    let last = last_cancel(run).await;
    (last, begun.elapsed())
}

async fn last_cancel(mut events: impl StreamExt<Item = Event> + Unpin) -> Duration {
    let begun = tokio::time::Instant::now();
    let (mut last, mut finished) = (Duration::ZERO, 0);
    while let Some(event) = events.next().await {
        match event {
            Event::Sent {
                call: Call::Cancel, ..
            } => last = begun.elapsed(),
            Event::Finished { result, .. } => finished += u32::from(result.is_ok()),
            _ => {}
        }
    }
    assert_eq!(finished, OPERATIONS);
    last
}

fn names() -> impl Iterator<Item = OperationName> {
    (0..OPERATIONS).map(|index| {
        let name = format!("enterprises/LC01/devices/{index:x}/operations/17{index}");
        name.parse().unwrap()
    })
}
