//! A restart loses nothing of the log of a quota.

use std::time::Duration;

use countermand_core::{Call, Time};
use countermand_scheduler::{PastCall, Quota, RateLimiter, Window};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// A limiter that was saved and restored at any moment equals one that was never lost, and so does a
    /// journal of all sends that goes back at least as far as they count.
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
        let mut limiter = RateLimiter::new(quota());
        let mut now = Time::START + Duration::from_secs(10_000);
        let mut journal = Vec::new();
        for (advance, call, resource) in before {
            now = limiter.allowed(now + Duration::from_millis(advance), call, resource);
            limiter.record_call(now, call, resource);
            journal.push((now, call, resource));
        }
        if let Some(seconds) = held {
            limiter.pause_until(now + Duration::from_secs(seconds));
        }
        if lowered {
            limiter.lower(4, Duration::from_secs(45));
            limiter.lower(9, minute);
        }
        let mut saved = limiter.save(now);
        let (stopped, windows, hold) = (now, limiter.quota().get_windows().to_vec(), limiter.paused_until(now));
        now += Duration::from_millis(down);
        prop_assert!(saved.is_sorted_by(|one, other| one.age >= other.age));
        for spent in &mut saved {
            spent.age += now - stopped;
        }
        let reach = limiter.horizon() + Duration::from_secs(older);
        let journal = journal.into_iter().filter(|(at, ..)| *at + reach > now);
        let journal = journal.map(|(at, call, resource)| PastCall::new(now - at, call, resource));

        for mut spent in [saved, journal.collect()] {
            shuffle(&mut spent, seed);
            let mut restored = RateLimiter::new(quota());
            for window in &windows {
                restored.lower(window.limit(), window.span());
            }
            hold.into_iter().for_each(|until| restored.pause_until(until));
            restored.restore(now, spent);
            let (mut limiter, mut now) = (limiter.clone(), now);
            for (advance, call, resource) in &after {
                now += Duration::from_millis(*advance);
                for other in RESOURCES {
                    prop_assert_eq!(restored.allowed(now, *call, other), limiter.allowed(now, *call, other));
                }
                prop_assert_eq!(restored.remaining(now), limiter.remaining(now));
                now = limiter.allowed(now, *call, resource);
                limiter.record_call(now, *call, resource);
                restored.record_call(now, *call, resource);
                prop_assert_eq!(restored.save(now), limiter.save(now));
            }
        }
    }
}

const RESOURCES: [&str; 3] = ["device 1", "device 2", "enterprise"];

/// Time since the send before, method, and resource.
fn send() -> impl Strategy<Value = (u64, Call, &'static str)> {
    let call = prop::sample::select(vec![Call::Cancel, Call::Get]);
    (0_u64..6_000, call, prop::sample::select(RESOURCES.to_vec()))
}

fn shuffle(spent: &mut [PastCall], seed: u64) {
    spent.sort_by_key(|spent| {
        (spent.age.as_nanos() as u64 ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    });
}

/// After a restart the log is restored into a scheduler that may already have sent requests.
#[test]
fn what_is_restored_joins_what_was_sent_since() {
    let now = Time::START + Duration::from_secs_f64(1000.0);
    let device = "device";
    let window = Window::new(3, Duration::from_secs(60));
    let mut limiter = RateLimiter::new(Quota::default().per_resource(Some(window)).share(1.0));
    limiter.record_call(now, Call::Cancel, device);
    limiter.restore(
        now,
        [70.0, 10.0, 30.0]
            .map(|age| PastCall::new(Duration::from_secs_f64(age), Call::Cancel, device)),
    );
    assert_eq!(
        limiter.allowed(now, Call::Cancel, device),
        now + Duration::from_secs_f64(30.05)
    );
    assert_eq!(limiter.allowed(now, Call::Get, device), now);
    // The send of 70 s ago still counts for the project's 100 s.
    let ages = limiter.save(now).into_iter().map(|spent| spent.age);
    assert!(ages.eq([70.0, 30.0, 10.0, 0.0].map(Duration::from_secs_f64)));
    assert!(
        limiter
            .save(now + Duration::from_secs_f64(101.0))
            .is_empty()
    );
}

/// Without windows nothing is recorded, however much is sent.
#[test]
fn what_no_window_counts_is_not_kept() {
    let now = Time::START;
    let mut limiter = RateLimiter::new(Quota::unlimited());
    limiter.record_call(now, Call::Cancel, "device");
    limiter.restore(now, [PastCall::new(Duration::ZERO, Call::Get, "device")]);
    assert_eq!(
        (limiter.horizon(), limiter.save(now)),
        (Duration::ZERO, vec![])
    );
}
