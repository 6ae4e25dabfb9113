//! Whether the server is worth more than a probe.

use std::time::{Duration, Instant};

/// The last results that count, and how many of them have to be failures. A fifth of failures
/// reaches that once in some hundred million results; a storm within sixteen.
const WINDOW: u32 = 16;
const FAILURES: u32 = 14;

/// Time between probes.
const PROBE: Duration = Duration::from_secs(5);

/// Opens in a storm of passing failures, and closes with the first answer that is none.
#[derive(Debug, Default)]
pub(super) struct Circuit {
    /// The last results, a set bit for a failure, the newest lowest.
    results: u32,
    /// When the next probe may go, while it is open.
    probe_at: Option<Instant>,
    probing: bool,
}

impl Circuit {
    pub(super) fn is_open(&self) -> bool {
        self.probe_at.is_some()
    }

    /// Whether a probe is out, so that everything else has to wait for it.
    pub(super) fn is_probing(&self) -> bool {
        self.probing
    }

    pub(super) fn allowed(&self, now: Instant) -> Instant {
        self.probe_at.map_or(now, |at| at.max(now))
    }

    /// Takes note of a request, which is a probe if the circuit is open.
    pub(super) fn sending(&mut self) -> bool {
        self.probing = self.is_open();
        self.probing
    }

    /// Takes note of a passing failure; `true` if that opens it.
    pub(super) fn failed(&mut self, now: Instant, probe: bool) -> bool {
        self.results = (self.results << 1 | 1) & ((1 << WINDOW) - 1);
        if probe {
            self.probing = false;
            self.probe_at = Some(now + PROBE);
        }
        if self.is_open() || self.results.count_ones() < FAILURES {
            return false;
        }
        self.probe_at = Some(now + PROBE);
        true
    }

    /// Takes note of an answer that is not a passing failure; `true` if that closes it.
    pub(super) fn answered(&mut self) -> bool {
        self.results <<= 1;
        let was_open = self.is_open();
        if was_open {
            *self = Self::default();
        }
        was_open
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests have to begin at some time"
)]
mod tests {
    use super::*;

    #[test]
    fn fourteen_failures_of_the_last_sixteen_open_it() {
        let now = Instant::now();
        let opens = |results: &str| {
            let mut circuit = Circuit::default();
            let mut opened = results.chars().map(|result| match result {
                'x' => circuit.failed(now, false),
                _ => circuit.answered(),
            });
            opened.position(|opened| opened)
        };
        assert_eq!(opens(&"x".repeat(16)), Some(13));
        assert_eq!(opens("xxxxxxxxxxxxx.xx"), Some(14));
        assert_eq!(opens("xxxxxxx..xxxxxxx"), Some(15));
        assert_eq!(opens("xxxxxxx...xxxxxxx"), None);
        // What was long ago does not count.
        assert_eq!(opens("xxxxxxxx..........xxxxxxxxxxxxx"), None);
    }

    #[test]
    fn there_is_one_probe_each_five_seconds() {
        let mut now = Instant::now();
        let mut circuit = Circuit::default();
        assert!(!circuit.sending(), "nothing is a probe yet");
        assert!((0..14).any(|_| circuit.failed(now, false)));
        for _ in 0..3 {
            assert_eq!(circuit.allowed(now), now + Duration::from_secs(5));
            now += Duration::from_secs(5);
            assert_eq!(circuit.allowed(now), now);
            assert!(circuit.sending() && circuit.is_probing());
            // One that was under way before says nothing of the probe.
            assert!(!circuit.failed(now, false) && circuit.is_probing());
            assert!(!circuit.failed(now, true) && !circuit.is_probing());
        }
        assert!(circuit.answered() && !circuit.is_open());
        assert!(!circuit.answered(), "it was closed already");
        assert_eq!(circuit.allowed(now), now);
    }
}
