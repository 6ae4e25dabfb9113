//! The circuit breaker: decides whether the server gets more than a probe.

use std::collections::VecDeque;
use std::time::Duration;

use countermand_core::{LostConnection, Time};

/// The last results that count, and how many of them have to be failures. A fifth of failures
/// reaches that once in some hundred million results; a storm within sixteen.
const WINDOW: u32 = 16;
const FAILURES: u32 = 14;

/// Time between probes.
const PROBE: Duration = Duration::from_secs(5);

/// A connection that gave answers may take so many requests along for each of them, which are sent
/// again at once: as if the server had said, as it should have, that it would close it.
const TAKEN_ALONG: u64 = 4;

/// Opens in a storm of passing failures, and closes with the first answer that is none.
#[derive(Debug, Default)]
pub(crate) struct Circuit {
    /// The last results, a set bit for a failure, the newest lowest.
    results: u32,
    /// Time of the next probe, while it is open.
    probe_at: Option<Time>,
    probing: bool,
    /// The connections that were lost last, and how many requests each took along.
    lost: VecDeque<(u64, u64)>,
}

/// Consequence of a passing failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The circuit has opened.
    pub(crate) opens: bool,
    /// It does not count against the request, which is sent again.
    pub(crate) excused: bool,
}

impl Circuit {
    pub(crate) fn is_open(&self) -> bool {
        self.probe_at.is_some()
    }

    /// True while a probe is out, so that everything else has to wait for it.
    pub(crate) fn is_probing(&self) -> bool {
        self.probing
    }

    pub(crate) fn allowed(&self, now: Time) -> Time {
        self.probe_at.map_or(now, |at| at.max(now))
    }

    /// Takes note of a request, which is a probe if the circuit is open.
    pub(crate) fn sending(&mut self) -> bool {
        self.probing = self.is_open();
        self.probing
    }

    /// Takes note of a passing failure. All that one connection takes along is one.
    pub(crate) fn failed(
        &mut self,
        now: Time,
        probe: bool,
        connection: Option<LostConnection>,
    ) -> Failed {
        let taken = connection.map_or(1, |connection| self.taken_along(connection.number));
        if taken == 1 {
            self.results = (self.results << 1 | 1) & ((1 << WINDOW) - 1);
        }
        if probe {
            self.probing = false;
            self.probe_at = Some(now + PROBE);
        }
        let opens = !self.is_open() && self.results.count_ones() >= FAILURES;
        if opens {
            self.probe_at = Some(now + PROBE);
        }
        let answers = connection.map_or(0, |connection| connection.answers);
        Failed {
            opens,
            excused: self.is_open() || taken <= answers.saturating_mul(TAKEN_ALONG),
        }
    }

    /// Number of requests that this connection has taken along, one more included.
    fn taken_along(&mut self, connection: u64) -> u64 {
        if let Some((_, taken)) = self.lost.iter_mut().find(|lost| lost.0 == connection) {
            *taken += 1;
            return *taken;
        }
        // Requests of one connection fail together: an older one has none left.
        if self.lost.len() == WINDOW as usize {
            self.lost.pop_front();
        }
        self.lost.push_back((connection, 1));
        1
    }

    /// Opens it without waiting for more failures; `true` if it was closed.
    pub(crate) fn open(&mut self, now: Time) -> bool {
        let was_open = self.is_open();
        self.probe_at.get_or_insert(now + PROBE);
        !was_open
    }

    /// Takes note of an answer that is not a passing failure; `true` if that closes it.
    pub(crate) fn answered(&mut self) -> bool {
        self.results <<= 1;
        let was_open = self.is_open();
        if was_open {
            *self = Self {
                lost: std::mem::take(&mut self.lost),
                ..Self::default()
            };
        }
        was_open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fourteen_failures_of_the_last_sixteen_open_it() {
        let now = Time::START;
        let opens = |results: &str| {
            let mut circuit = Circuit::default();
            let mut opened = results.chars().map(|result| match result {
                'x' => circuit.failed(now, false, None).opens,
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
        let mut now = Time::START;
        let mut circuit = Circuit::default();
        assert!(!circuit.sending(), "nothing is a probe yet");
        assert!((0..14).any(|_| circuit.failed(now, false, None).opens));
        for _ in 0..3 {
            assert_eq!(circuit.allowed(now), now + Duration::from_secs(5));
            now += Duration::from_secs(5);
            assert_eq!(circuit.allowed(now), now);
            assert!(circuit.sending() && circuit.is_probing());
            // One that was under way before says nothing of the probe.
            assert!(!circuit.failed(now, false, None).opens && circuit.is_probing());
            assert!(!circuit.failed(now, true, None).opens && !circuit.is_probing());
        }
        assert!(circuit.answered() && !circuit.is_open());
        assert!(!circuit.answered(), "it was closed already");
        assert_eq!(circuit.allowed(now), now);
    }

    #[test]
    fn finding_40_what_one_connection_takes_along_is_one_failure() {
        let now = Time::START;
        let mut circuit = Circuit::default();
        let mut failed = |number, answers| {
            let connection = LostConnection { number, answers };
            circuit.failed(now, false, Some(connection))
        };
        for number in 0..13 {
            for _ in 0..100 {
                let failed = failed(number, 0);
                assert!(!failed.opens && !failed.excused);
            }
        }
        assert!(failed(13, 0).opens, "fourteen connections");
        assert!(failed(13, 0).excused, "it is open");
    }

    #[test]
    fn finding_40_a_connection_that_gave_answers_is_as_if_it_had_said_goodbye() {
        let now = Time::START;
        let mut circuit = Circuit::default();
        for number in 0..1000 {
            for _ in 0..10 {
                circuit.answered();
            }
            let connection = LostConnection {
                number,
                answers: 10,
            };
            let failed = (0..100).map(|_| circuit.failed(now, false, Some(connection)));
            let (excused, own): (Vec<_>, Vec<_>) = failed.partition(|failed| failed.excused);
            // Each answer pays for four: a server that gives few is sent few.
            assert_eq!((excused.len(), own.len()), (40, 60));
            assert!(!circuit.is_open());
        }
    }
}
