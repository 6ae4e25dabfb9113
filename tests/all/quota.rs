//! The quota compared with a brute-force model, and with servers whose windows are unknown.

use std::time::Duration;

use countermand_core::{Call, Time};
use countermand_scheduler::{Quota, RateLimiter, Window};
use proptest::prelude::*;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// The earliest moment from `now` on at which every window has room, by trying every candidate:
/// now, and each moment at which a call leaves a window.
fn brute_force(sent: &[Time], windows: &[(usize, Duration)], now: Time) -> Time {
    let mut candidates = vec![now];
    candidates.extend(
        windows
            .iter()
            .flat_map(|(_, span)| sent.iter().map(|at| *at + *span)),
    );
    candidates.retain(|at| *at >= now);
    candidates.sort_unstable();
    let fits = |at: &Time| {
        windows
            .iter()
            .all(|(limit, span)| sent.iter().filter(|sent| **sent + *span > *at).count() < *limit)
    };
    candidates
        .into_iter()
        .find(fits)
        .expect("windows empty in the end")
}

/// An event of a quota.
#[derive(Clone, Debug)]
enum What {
    /// A call of a method on a resource: sent when it is allowed if the caller waits, otherwise only
    /// if it is allowed now.
    Call(Call, usize, bool),
    /// The server refuses a call, and all calls pause for so many milliseconds.
    Hold(u64),
    /// The server names a limit for one of the spans.
    Lower(u32, usize),
}

fn what() -> impl Strategy<Value = What> {
    let call = prop::sample::select(vec![Call::Cancel, Call::Get]);
    prop_oneof![
        20 => (call, 0_usize..3, any::<bool>()).prop_map(|(call, on, wait)| What::Call(call, on, wait)),
        1 => (0_u64..30_000).prop_map(What::Hold),
        1 => (1_u32..15, 0_usize..4).prop_map(|(limit, span)| What::Lower(limit, span)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn allows_as_soon_as_brute_force_and_never_sooner(
        limits in prop::collection::vec((1_u32..12, 1_u64..40), 1..4),
        per_resource in (2_u32..8, 5_u64..20),
        share in 0.2_f64..1.0,
        guard in 0_u64..500,
        steps in prop::collection::vec((0_u64..9_000, what()), 1..80),
    ) {
        let guard = Duration::from_millis(guard);
        let window = |(limit, span)| Window::new(limit, Duration::from_secs(span));
        let quota = Quota::default()
            .windows(limits.iter().copied().map(window))
            .per_resource(Some(window(per_resource)))
            .share(share)
            .guard(guard);
        let ours = |(limit, span): (u32, u64)| {
            (((f64::from(limit) * share).floor() as usize).max(1), Duration::from_secs(span) + guard)
        };
        let mut limits = limits;
        let mut limiter = RateLimiter::new(quota);
        let base = Time::START;
        let (mut now, mut held) = (base, base);
        let mut sent: Vec<(Time, Call, usize)> = Vec::new();
        for (advance, what) in steps {
            now += Duration::from_millis(advance);
            let (call, resource, wait) = match what {
                What::Call(call, resource, wait) => (call, resource, wait),
                What::Hold(millis) => {
                    limiter.pause_until(now + Duration::from_millis(millis));
                    held = held.max(now + Duration::from_millis(millis));
                    continue;
                }
                What::Lower(limit, at) => {
                    let span = limits.get(at).map_or(1, |(_, span)| *span);
                    limiter.lower(limit, Duration::from_secs(span));
                    // Of equal spans the first is as good as any.
                    match limits.iter_mut().find(|(_, other)| *other == span) {
                        Some((known, _)) => *known = limit.min(*known),
                        None => limits.push((limit, span)),
                    }
                    continue;
                }
            };
            let windows = limits.iter().copied().map(ours).collect::<Vec<_>>();
            let all = sent.iter().map(|(at, ..)| *at).collect::<Vec<_>>();
            let same = sent.iter().filter(|(_, of, on)| (*of, *on) == (call, resource));
            let same = same.map(|(at, ..)| *at).collect::<Vec<_>>();
            let expected = brute_force(&all, &windows, now.max(held))
                .max(brute_force(&same, &[ours(per_resource)], now));
            let name = format!("device {resource}");
            let allowed = limiter.allowed(now, call, &name);
            prop_assert_eq!(allowed, expected);
            prop_assert_eq!(limiter.paused_until(now), Some(held).filter(|held| *held > now));
            prop_assert!(limiter.remaining(now).unwrap() > 0 || limiter.project_allowed(now) > now);
            if allowed > now && wait {
                now = allowed;
            } else if allowed > now {
                continue;
            }
            prop_assert!(limiter.allowed(now, call, &name) == now);
            limiter.record_call(now, call, &name);
            sent.push((now, call, resource));
            // A call that is sent fits into every window as it is now.
            let all = sent.iter().map(|(at, ..)| *at).collect::<Vec<_>>();
            for (limit, span) in windows {
                prop_assert!(all.iter().filter(|at| **at + span > now).count() <= limit);
            }
        }
    }
}

/// A server with fixed windows that begin at a phase, or with sliding ones.
struct Server {
    limit: usize,
    span: Duration,
    phase: Option<Duration>,
    taken: Vec<Duration>,
}

impl Server {
    fn refuses(&mut self, at: Duration) -> bool {
        let from = match self.phase {
            Some(phase) => {
                let number = (at + self.span - phase).as_nanos() / self.span.as_nanos();
                phase + self.span * u32::try_from(number).unwrap()
            }
            None => at + Duration::from_nanos(1),
        };
        let recent = self
            .taken
            .iter()
            .rev()
            .take_while(|taken| **taken + self.span >= from);
        if recent.count() >= self.limit {
            return true;
        }
        self.taken.push(at);
        false
    }
}

#[test]
fn no_window_of_any_phase_refuses_and_none_is_slower_than_it_must_be() {
    let (minute, hundred) = (
        (600, Duration::from_secs(60)),
        (1000, Duration::from_secs(100)),
    );
    for (windows, bound) in [
        (vec![hundred], 410.0),
        (vec![minute], 486.0),
        (vec![minute, hundred], 486.0),
    ] {
        let phases = [None].into_iter().chain((0..10).map(Some));
        for phase in phases {
            let quota = Quota::default().share(1.0).per_resource(None);
            let mut limiter = RateLimiter::new(
                quota.windows(
                    windows
                        .iter()
                        .map(|(limit, span)| Window::new(*limit as u32, *span)),
                ),
            );
            let mut servers = windows
                .iter()
                .map(|(limit, span)| Server {
                    limit: *limit,
                    span: *span,
                    phase: phase.map(|tenth| *span * tenth / 10),
                    taken: Vec::new(),
                })
                .collect::<Vec<_>>();
            let base = Time::START;
            let mut now = base;
            for call in 0..5000 {
                now = limiter.project_allowed(now);
                limiter.record_call(now, Call::Cancel, "device");
                // Up to 40 ms on the way, so that requests overtake each other.
                let at = now - base + Duration::from_millis(call * 7 % 41);
                for server in &mut servers {
                    assert!(
                        !server.refuses(at),
                        "call {call} at {at:?}, phase {phase:?}"
                    );
                }
                // At most 200 calls a second are sent.
                now += Duration::from_millis(5);
            }
            assert!(
                now - base <= seconds(bound),
                "{:?} for {windows:?}",
                now - base
            );
        }
    }
}

#[test]
fn a_hold_stops_everybody_and_a_lower_limit_is_adopted() {
    let now = Time::START;
    let mut limiter = RateLimiter::new(Quota::default().share(1.0));
    limiter.pause_until(now + seconds(45.0));
    limiter.pause_until(now + seconds(30.0));
    assert_eq!(
        limiter.allowed(now, Call::Get, "device"),
        now + seconds(45.0)
    );
    assert_eq!(limiter.paused_until(now), Some(now + seconds(45.0)));
    assert_eq!(limiter.paused_until(now + seconds(45.0)), None);

    let later = now + seconds(60.0);
    limiter.lower(10, Duration::from_secs(60));
    limiter.lower(900, Duration::from_secs(60));
    assert_eq!(limiter.remaining(later), Some(10));
    for call in 0..10 {
        limiter.record_call(later, Call::Cancel, &format!("device {call}"));
    }
    assert_eq!(limiter.project_allowed(later), later + seconds(60.05));
}

/// A call counts from the time it leaves; until then its place is reserved, and a call that never
/// leaves gives it back.
#[test]
fn fault_45_a_window_counts_from_when_a_call_leaves() {
    let now = Time::START;
    let windows = [Window::new(3, seconds(60.0))];
    let quota = Quota::default().share(1.0).windows(windows);
    let mut limiter = RateLimiter::new(quota.per_resource(Some(Window::new(2, seconds(30.0)))));
    limiter.record_call(now, Call::Cancel, "a");
    let begun = now + seconds(10.0);
    let a = limiter.reserve(Call::Cancel, "a");
    let b = limiter.reserve(Call::Cancel, "b");
    assert_eq!(limiter.remaining(begun), Some(0));
    let late = begun + seconds(1.0);
    assert_eq!(limiter.project_allowed(late), now + seconds(60.05));
    assert_eq!(
        limiter.allowed(late, Call::Cancel, "a"),
        now + seconds(60.05)
    );
    let left = begun + seconds(2.0);
    limiter.record(b, left);
    limiter.record(a, left);
    assert_eq!(limiter.project_allowed(left), now + seconds(60.05));
    let later = now + seconds(61.0);
    limiter.record_call(later, Call::Get, "c");
    assert_eq!(limiter.project_allowed(later), left + seconds(60.05));
    limiter.record_call(later, Call::Cancel, "a");
    assert_eq!(
        limiter.allowed(later, Call::Cancel, "a"),
        left + seconds(60.05)
    );
    let free = later + seconds(70.0);
    assert_eq!(limiter.allowed(free, Call::Cancel, "a"), free);
    let places = [(); 3].map(|()| limiter.reserve(Call::Cancel, "a"));
    assert_eq!(limiter.project_allowed(free), free + seconds(60.05));
    assert_eq!(limiter.save(free).len(), 3);
    places.into_iter().for_each(|place| limiter.release(place));
    assert_eq!(limiter.allowed(free, Call::Cancel, "a"), free);
    assert_eq!(limiter.remaining(free), Some(3));
}

/// A call that leaves late counts late for its resource, too; one that left before does not.
#[test]
fn a_window_of_a_resource_counts_from_when_a_call_leaves() {
    let (start, second) = (Time::START, Duration::from_secs(1));
    let window = Window::new(1, second * 60);
    let quota = Quota::unlimited().share(1.0).per_resource(Some(window));
    let mut limiter = RateLimiter::new(quota.guard(Duration::ZERO));
    limiter.record_call(start, Call::Get, "early");
    let late = limiter.reserve(Call::Get, "late");
    limiter.record(late, start + second * 9);
    let allowed = |resource| limiter.allowed(start + second * 9, Call::Get, resource);
    assert_eq!(allowed("early"), start + second * 60);
    assert_eq!(allowed("late"), start + second * 69);
    assert_eq!(limiter.save(start + second * 60).len(), 1);
    assert_eq!(limiter.save(start + second * 69).len(), 0);
}

#[test]
fn a_quota_is_written_as_it_is_read() {
    for (text, good) in [
        ("600/60s", true),
        ("600/60s,1000/100s", true),
        (" 5/0.5s ", true),
        ("0/60s", false),
        ("600/0s", false),
        ("600", false),
        ("600/60", false),
        ("-1/60s", false),
        ("", false),
        ("600/60s,", false),
    ] {
        let parsed = text.parse::<Quota>();
        assert_eq!(parsed.is_ok(), good, "{text}: {parsed:?}");
        if let Err(error) = parsed {
            assert!(error.to_string().contains("600/60s"), "{error}");
        }
    }
    assert_eq!("600/60s".parse::<Window>().unwrap().to_string(), "600/60s");
    assert_eq!("none".parse::<Quota>().unwrap(), Quota::unlimited());
    assert_eq!(Quota::unlimited().get_share(), Quota::default().get_share());
}

/// As a float, these spans would be another window, and the longest ones would overflow a clock.
#[test]
fn a_window_is_exact_and_a_year_at_most() {
    for text in [
        "600/60s",
        "1/0.001s",
        "7/0.123456789s",
        "1/31622400s",
        "5/31622399.999999999s",
    ] {
        let window = text.parse::<Window>().unwrap();
        assert_eq!(window.to_string(), text);
    }
    for text in [
        "1/31622401s",
        "9999100/999999909999999999s",
        "1/18446744073709551615s",
    ] {
        assert!(text.parse::<Window>().is_err(), "{text}");
    }
    let longest = Window::new(1, Duration::MAX);
    assert_eq!(longest.to_string(), "1/31622400s");
    let mut limiter = RateLimiter::new(Quota::unlimited().windows([longest]).share(1.0));
    let now = Time::START;
    limiter.record_call(now, Call::Get, "enterprises/e");
    assert!(limiter.allowed(now, Call::Get, "enterprises/e") > now);
}
