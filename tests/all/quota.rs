//! The quota against a brute-force model, and against servers whose windows nobody knows.

use std::time::{Duration, Instant};

use countermand_core::{Call, Quota, Usage, Window};
use proptest::prelude::*;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// The most calls in any span of this length that begins with one of them.
fn most_in(sent: &[Instant], span: Duration) -> usize {
    let in_window = |from: &Instant| {
        sent.iter()
            .filter(|at| *at >= from && **at < *from + span)
            .count()
    };
    sent.iter().map(in_window).max().unwrap_or(0)
}

/// The earliest moment from `now` on at which every window has room, by trying every candidate:
/// now, and each moment at which a call leaves a window.
fn brute_force(sent: &[Instant], windows: &[(usize, Duration)], now: Instant) -> Instant {
    let mut candidates = vec![now];
    candidates.extend(
        windows
            .iter()
            .flat_map(|(_, span)| sent.iter().map(|at| *at + *span)),
    );
    candidates.retain(|at| *at >= now);
    candidates.sort_unstable();
    let fits = |at: &Instant| {
        windows
            .iter()
            .all(|(limit, span)| sent.iter().filter(|sent| **sent + *span > *at).count() < *limit)
    };
    candidates
        .into_iter()
        .find(fits)
        .expect("windows empty in the end")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn allows_as_soon_as_brute_force_and_never_sooner(
        limits in prop::collection::vec((1_u32..12, 1_u64..40), 1..4),
        share in 0.2_f64..1.0,
        guard in 0_u64..500,
        steps in prop::collection::vec((0_u64..9_000, 0_usize..3, any::<bool>()), 1..80),
    ) {
        let guard = Duration::from_millis(guard);
        let quota = Quota::default()
            .windows(limits.iter().map(|(limit, span)| Window::new(*limit, Duration::from_secs(*span))))
            .per_resource(Some(Window::new(3, Duration::from_secs(10))))
            .share(share)
            .guard(guard);
        let windows = limits.iter().map(|(limit, span)| {
            (((f64::from(*limit) * share).floor() as usize).max(1), Duration::from_secs(*span) + guard)
        }).collect::<Vec<_>>();
        let mut usage = Usage::new(quota);
        let mut now = Instant::now();
        let mut sent: Vec<(Instant, usize)> = Vec::new();
        for (advance, resource, wait) in steps {
            now += Duration::from_millis(advance);
            let all = sent.iter().map(|(at, _)| *at).collect::<Vec<_>>();
            let same = sent.iter().filter(|(_, other)| *other == resource).map(|(at, _)| *at).collect::<Vec<_>>();
            let expected = brute_force(&all, &windows, now).max(brute_force(&same, &[(3, Duration::from_secs(10) + guard)], now));
            let name = format!("device {resource}");
            let allowed = usage.allowed(now, Call::Cancel, &name);
            prop_assert_eq!(allowed, expected);
            prop_assert!(usage.left(now).unwrap() > 0 || usage.project_allowed(now) > now);
            if allowed > now && wait {
                now = allowed;
            } else if allowed > now {
                continue;
            }
            prop_assert!(usage.allowed(now, Call::Cancel, &name) == now);
            usage.spend(now, Call::Cancel, &name);
            sent.push((now, resource));
        }
        let all = sent.iter().map(|(at, _)| *at).collect::<Vec<_>>();
        for (limit, span) in windows {
            prop_assert!(most_in(&all, span) <= limit);
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
            let mut usage = Usage::new(
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
            let base = Instant::now();
            let mut now = base;
            for call in 0..5000 {
                now = usage.project_allowed(now);
                usage.spend(now, Call::Cancel, "device");
                // Up to 40 ms on the way, so that requests overtake each other.
                let at = now - base + Duration::from_millis(call * 7 % 40);
                for server in &mut servers {
                    assert!(
                        !server.refuses(at),
                        "call {call} at {at:?}, phase {phase:?}"
                    );
                }
                // 200 calls a second is what goes onto the wire.
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
    let now = Instant::now();
    let mut usage = Usage::new(Quota::default().share(1.0));
    usage.hold(now + seconds(45.0));
    usage.hold(now + seconds(30.0));
    assert_eq!(usage.allowed(now, Call::Get, "device"), now + seconds(45.0));
    assert_eq!(usage.held(now), Some(now + seconds(45.0)));
    assert_eq!(usage.held(now + seconds(45.0)), None);

    let later = now + seconds(60.0);
    usage.lower(10, Duration::from_secs(60));
    usage.lower(900, Duration::from_secs(60));
    assert_eq!(usage.left(later), Some(10));
    for call in 0..10 {
        usage.spend(later, Call::Cancel, &format!("device {call}"));
    }
    assert_eq!(usage.project_allowed(later), later + seconds(60.05));
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
}
