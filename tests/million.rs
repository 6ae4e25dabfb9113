//! A million operations, alone in a process so that its memory can be told.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "a test reports")]

use std::time::Duration;

use countermand_core::campaign::Event;
use countermand_core::{Quota, Verdict};
use countermand_tests::fleet::{Note, drive};
use countermand_tests::server::{campaign, works};

#[test]
fn a_million_operations_take_less_than_400_mebibytes() {
    let (mut sent, mut cancelled) = (0_u64, 0_u64);
    let mut campaign = campaign(1_000_000, Quota::unlimited());
    let limit = Duration::from_secs(20_000);
    drive(
        &mut campaign,
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
        let status = std::fs::read_to_string("/proc/self/status").expect("it is there");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .expect("the peak");
        let kibibytes: u64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|number| number.parse().ok())
            .expect("a number");
        println!("{} MiB", kibibytes >> 10);
        assert!(kibibytes < 400 << 10, "{kibibytes} KiB");
    }
}
