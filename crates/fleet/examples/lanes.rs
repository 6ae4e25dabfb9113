//! Cost of many lanes: the same operations in one lane and in several, with a job file, on a virtual clock.
//!
//! `cargo run --release -p countermand-fleet --example lanes -- LANES OPERATIONS_OF_EACH`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that prints figures"
)]

mod support;

use std::fs;
use std::time::Duration;

use countermand_core::OperationName;
use countermand_fleet::store::Kind;
use countermand_fleet::{Authorization, Job, Lane, Options, Run, Settings, Target, now};
use countermand_scheduler::Event;
use futures_util::StreamExt;

use crate::support::client;

/// Time that the server needs for an answer.
const LATENCY: Duration = Duration::from_millis(50);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut counts = std::env::args().skip(1).map(|word| word.parse::<u32>());
    let (lanes, each) = (
        counts.next().unwrap().unwrap(),
        counts.next().unwrap().unwrap(),
    );
    tokio::time::pause();
    let program = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir_in(program.parent().unwrap()).unwrap();
    let mut settings = Settings::new(Kind::Plan);
    settings.lanes = (0..lanes).map(lane).collect();
    let mut job = Job::create(folder.path().join("lanes.job"), &settings, now()).unwrap();
    job.add(names(lanes, each).map(Target::new)).unwrap();
    job.freeze().unwrap();

    let (begun, cpu) = (tokio::time::Instant::now(), cpu());
    let confirmed = (0..lanes).map(|lane| {
        let name = format!("enterprises/LC{lane}").parse().unwrap();
        (name, Some(u64::from(each)))
    });
    let authorization = Authorization {
        lanes: settings.lanes,
        confirmed: Some(confirmed.collect()),
        ..Authorization::default()
    };
    let job = authorization.check(job, Options::default(), now()).unwrap();
    let mut run = Run::begin(client(LATENCY), job).unwrap();
    let mut finished = 0;
    while let Some(event) = run.next().await {
        if let Event::Finished { result, .. } = event {
            finished += u32::from(result.is_ok());
        }
    }
    run.end("done").job.close().unwrap();
    assert_eq!(finished, lanes * each);
    let cpu = self::cpu() - cpu;
    println!(
        "{lanes} lanes, {each} operations each: {:.1} us of CPU an operation, {} MiB, {:.0} s by the virtual clock",
        cpu * 1e6 / f64::from(lanes * each),
        peak() >> 10,
        begun.elapsed().as_secs_f64(),
    );
}

fn lane(number: u32) -> Lane {
    let mut lane = Lane::at(client(LATENCY).get_endpoint());
    lane.name = format!("lane-{number}");
    lane.project = Some(format!("project-{number}"));
    lane.parents = vec![format!("enterprises/LC{number}").parse().unwrap()];
    lane
}

fn names(lanes: u32, each: u32) -> impl Iterator<Item = OperationName> {
    let names = (0..each).flat_map(move |index| (0..lanes).map(move |lane| (lane, index)));
    names.map(|(lane, index)| {
        let device = index / 10;
        let name = format!("enterprises/LC{lane}/devices/{device:x}/operations/17{index}");
        name.parse().unwrap()
    })
}

/// The CPU time of this process, in seconds.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<f64>().unwrap());
    ticks.sum::<f64>() / 100.0
}

/// The most memory that this process has had, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}
