//! A million operations, alone in a process so that its memory and its time can be measured.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a test reports")]

use std::time::Duration;

use countermand_core::Verdict;
use countermand_scheduler::Event;
use countermand_scheduler::Quota;
use countermand_tests::fleet::{Note, drive};
use countermand_tests::server::{scheduler, works};

#[test]
fn a_million_operations_take_less_than_240_mebibytes_and_a_minute() {
    let (mut sent, mut cancelled) = (0_u64, 0_u64);
    let mut scheduler = scheduler(1_000_000, Quota::unlimited());
    let limit = Duration::from_secs(20_000);
    drive(
        &mut scheduler,
        limit,
        &mut |_, request| works(request),
        &mut |_, note| match note {
            Note::Sent(..) => sent += 1,
            Note::Event(Event::Finished { result, .. }) => {
                cancelled +=
                    u64::from(result.is_ok_and(|outcome| outcome.verdict == Verdict::Cancelled));
            }
            Note::Event(_) => {}
        },
    );
    assert_eq!((sent, cancelled), (2_000_000, 1_000_000));
    if cfg!(target_os = "linux") {
        let (peak, busy) = (peak(), busy());
        println!("{} MiB, {busy:?}", peak >> 20);
        assert!(peak < 240 << 20, "{peak} bytes");
        // Unoptimised code takes about six times as long.
        let most = Duration::from_secs(if cfg!(debug_assertions) { 240 } else { 60 });
        assert!(busy < most, "{busy:?}");
    }
}

/// The peak of this process's memory, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("it is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes = kibibytes.and_then(|number| number.parse::<u64>().ok());
    kibibytes.expect("the peak") << 10
}

/// CPU time of this process, whatever else the machine did.
fn busy() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("it is there");
    // After the name, which may hold any character: utime and stime are fields 14 and 15 (proc(5)), in
    // hundredths of a second.
    let (_, fields) = stat.rsplit_once(')').expect("the name");
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks = ticks.map(|ticks| ticks.parse::<u64>().expect("a number"));
    Duration::from_millis(10 * ticks.sum::<u64>())
}
