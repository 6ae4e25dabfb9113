//! Passing failures: the first of each kind, and those since the last answer.

use std::collections::HashSet;

use countermand_core::text::chain;
use countermand_core::{Error, ErrorKey, ErrorKind, Time};

/// Nothing but passing failures since a time: the server, or the way to it, is out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outage {
    /// The key of the last failure's row in the table of errors.
    pub key: ErrorKey,
    /// The last failure in words.
    pub cause: Box<str>,
    /// Time at which the request was handed out that failed first after the last answer.
    pub since: Time,
    /// Failed requests since then.
    pub failures: u64,
    /// The circuit is open: everything but one probe waits.
    pub circuit_open: bool,
    /// The time at which the scheduler stops if nothing answers before; `None` where it probes on.
    pub gives_up_at: Option<Time>,
    /// The time of the next request; `None` while one is under way.
    pub next_try: Option<Time>,
}

/// The failures of a scheduler.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    outage: Option<Outage>,
    /// Keys that have been told.
    told: HashSet<ErrorKey>,
}

impl Failures {
    /// Takes note of a passing failure of a request that was handed out then; `true` if it is the first
    /// of its kind.
    pub(crate) fn failed(&mut self, error: &Error, handed_out: Time) -> bool {
        let key = error.key();
        let outage = self.outage.get_or_insert_with(|| Outage {
            key,
            cause: Box::default(),
            since: handed_out,
            failures: 0,
            circuit_open: false,
            gives_up_at: None,
            next_try: None,
        });
        outage.failures += 1;
        if outage.key != key || outage.cause.is_empty() {
            outage.key = key;
            outage.cause = cause(error);
        }
        self.told.insert(key)
    }

    /// Takes note of an answer that is no passing failure.
    pub(crate) fn answered(&mut self) {
        self.outage = None;
    }

    pub(crate) const fn outage(&self) -> Option<&Outage> {
        self.outage.as_ref()
    }
}

/// A failure in words, without what it means for one operation: it may have met a list.
pub(crate) fn cause(error: &Error) -> Box<str> {
    match error.kind() {
        ErrorKind::Transport(error) => chain(error).into(),
        kind => kind.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use countermand_core::{TransportError, TransportErrorKind};

    fn failure(kind: TransportErrorKind, cause: &str) -> Error {
        TransportError::new(kind, cause.to_owned()).into()
    }

    #[test]
    fn fault_48_an_outage_says_its_cause_and_since_when() {
        let now = Time::START;
        let mut failures = Failures::default();
        let refused = failure(TransportErrorKind::Connect, "refused");
        assert!(failures.failed(&refused, now));
        let later = now + Duration::from_secs(9);
        assert!(!failures.failed(&refused, later), "told once");
        let outage = failures.outage().unwrap();
        assert_eq!((outage.key, outage.failures), (ErrorKey::Connect, 2));
        assert_eq!(&*outage.cause, "no connection: refused");
        assert_eq!(outage.since, now);
        // Another failure is no answer.
        let late = failure(TransportErrorKind::TimedOut, "10 s");
        assert!(failures.failed(&late, later));
        let outage = failures.outage().unwrap();
        assert_eq!((outage.key, outage.since), (ErrorKey::TimedOut, now));
        failures.answered();
        assert_eq!(failures.outage(), None);
        assert!(!failures.failed(&refused, later), "still told once");
        assert_eq!(failures.outage().unwrap().since, later);
    }
}
