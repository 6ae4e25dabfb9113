//! What was spent of a quota is not lost by a restart.

use std::time::{Duration, Instant};

use countermand_core::{Call, Quota, Spent, Usage, Window};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is saved and restored at any moment is as good as what was never lost, and so is a
    /// journal of all sends that reaches back at least as far as they count.
    #[test]
    fn survives_a_restart(
        before in prop::collection::vec(send(), 1..60),
        after in prop::collection::vec(send(), 1..40),
        (lowered, held) in (any::<bool>(), prop::option::of(0_u64..60)),
        (down, older, seed) in (0_u64..60_000, 0_u64..100, any::<u64>()),
    ) {
        let minute = Duration::from_secs(60);
        let quota = || Quota::default()
            .windows([Window::new(7, Duration::from_secs(20)), Window::new(15, minute)])
            .per_resource(Some(Window::new(3, Duration::from_secs(30))))
            .share(0.9);
        let mut usage = Usage::new(quota());
        let mut now = Instant::now() + Duration::from_secs(10_000);
        let mut journal = Vec::new();
        for (advance, call, resource) in before {
            now = usage.allowed(now + Duration::from_millis(advance), call, resource);
            usage.spend(now, call, resource);
            journal.push((now, call, resource));
        }
        if let Some(seconds) = held {
            usage.hold(now + Duration::from_secs(seconds));
        }
        if lowered {
            usage.lower(4, Duration::from_secs(45));
            usage.lower(9, minute);
        }
        let mut saved = usage.save(now);
        let (stopped, windows, hold) = (now, usage.windows().to_vec(), usage.held(now));
        now += Duration::from_millis(down);
        prop_assert!(saved.is_sorted_by(|one, other| one.age >= other.age));
        for spent in &mut saved {
            spent.age += now - stopped;
        }
        let reach = usage.horizon() + Duration::from_secs(older);
        let journal = journal.into_iter().filter(|(at, ..)| *at + reach > now);
        let journal = journal.map(|(at, call, resource)| Spent::new(now - at, call, resource));

        for mut spent in [saved, journal.collect()] {
            shuffle(&mut spent, seed);
            let mut restored = Usage::new(quota());
            for window in &windows {
                restored.lower(window.limit(), window.span());
            }
            hold.into_iter().for_each(|until| restored.hold(until));
            restored.restore(now, spent);
            let (mut usage, mut now) = (usage.clone(), now);
            for (advance, call, resource) in &after {
                now += Duration::from_millis(*advance);
                for other in RESOURCES {
                    prop_assert_eq!(restored.allowed(now, *call, other), usage.allowed(now, *call, other));
                }
                prop_assert_eq!(restored.left(now), usage.left(now));
                now = usage.allowed(now, *call, resource);
                usage.spend(now, *call, resource);
                restored.spend(now, *call, resource);
                prop_assert_eq!(restored.save(now), usage.save(now));
            }
        }
    }
}

const RESOURCES: [&str; 3] = ["device 1", "device 2", "enterprise"];

/// How long after the one before, which method, on what.
fn send() -> impl Strategy<Value = (u64, Call, &'static str)> {
    let call = prop::sample::select(vec![Call::Cancel, Call::Get]);
    (0_u64..6_000, call, prop::sample::select(RESOURCES.to_vec()))
}

fn shuffle(spent: &mut [Spent], seed: u64) {
    spent.sort_by_key(|spent| {
        (spent.age.as_nanos() as u64 ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    });
}

/// A restart in the middle of a campaign restores into a scheduler that may have sent already.
#[test]
fn what_is_restored_joins_what_was_sent_since() {
    let now = Instant::now() + Duration::from_secs_f64(1000.0);
    let device = "device";
    let window = Window::new(3, Duration::from_secs(60));
    let mut usage = Usage::new(Quota::default().per_resource(Some(window)).share(1.0));
    usage.spend(now, Call::Cancel, device);
    usage.restore(
        now,
        [70.0, 10.0, 30.0]
            .map(|age| Spent::new(Duration::from_secs_f64(age), Call::Cancel, device)),
    );
    assert_eq!(
        usage.allowed(now, Call::Cancel, device),
        now + Duration::from_secs_f64(30.05)
    );
    assert_eq!(usage.allowed(now, Call::Get, device), now);
    // The one of 70 s ago still counts for the project's 100 s.
    let ages = usage.save(now).into_iter().map(|spent| spent.age);
    assert!(ages.eq([70.0, 30.0, 10.0, 0.0].map(Duration::from_secs_f64)));
    assert!(usage.save(now + Duration::from_secs_f64(101.0)).is_empty());
}

/// Without windows nothing is remembered, however much is sent.
#[test]
fn what_no_window_counts_is_not_kept() {
    let now = Instant::now();
    let mut usage = Usage::new(Quota::unlimited());
    usage.spend(now, Call::Cancel, "device");
    usage.restore(now, [Spent::new(Duration::ZERO, Call::Get, "device")]);
    assert_eq!((usage.horizon(), usage.save(now)), (Duration::ZERO, vec![]));
}
