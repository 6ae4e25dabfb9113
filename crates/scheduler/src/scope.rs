//! Scope of failures: resources that are closed, or everything.

use std::collections::BTreeMap;

use countermand_core::{Call, Cause};

/// Denials in a row that close a resource.
const DENIALS: u32 = 3;
/// That many answers of 501 before any other stop the scheduler.
const UNIMPLEMENTED: u32 = 5;

#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// Resources that were denied lately: how often in a row, and by what words.
    denied: BTreeMap<Box<str>, (u32, Cause)>,
    /// Answers of 501 so far.
    unimplemented: u32,
    /// True after another answer than 501 to anything but a look, which each 501 to a cancel is followed by.
    other_answers: bool,
    stopped: Option<Cause>,
}

impl Scope {
    pub(crate) fn stopped(&self) -> Option<&Cause> {
        self.stopped.as_ref()
    }

    /// `false` if it was stopped before; the first cause stands.
    pub(crate) fn stop(&mut self, cause: Cause) -> bool {
        let first = self.stopped.is_none();
        self.stopped.get_or_insert(cause);
        first
    }

    /// The cause for which nothing is sent under a resource that a denial concerns.
    pub(crate) fn left_alone<'a>(&self, resource: impl FnOnce() -> &'a str) -> Option<Cause> {
        if let Some(cause) = &self.stopped {
            return Some(cause.clone());
        }
        // Nearly always there is none: the name need not be looked into.
        if self.denied.is_empty() {
            return None;
        }
        let resource = resource();
        let (denials, words) = self.denied.get(resource)?;
        (*denials >= DENIALS).then(|| {
            Cause::new(
                words.key(),
                format!("{resource} was denied {DENIALS} times in a row: {words}"),
            )
        })
    }

    /// Takes note of a denial; `true` if that closes the resource.
    pub(crate) fn denied(&mut self, resource: &str, words: Cause) -> bool {
        let before = self.denied.get(resource);
        let denials = before.map_or(0, |(denials, _)| *denials) + 1;
        self.denied.insert(resource.into(), (denials, words));
        denials == DENIALS
    }

    /// Takes note of an answer under a resource that is not a denial.
    pub(crate) fn allowed<'a>(&mut self, call: Call, resource: impl FnOnce() -> &'a str) {
        self.other_answers |= call != Call::Get;
        if self.denied.is_empty() {
            return;
        }
        let resource = resource();
        let denials = self.denied.get(resource).map(|(denials, _)| *denials);
        if denials.is_some_and(|denials| denials < DENIALS) {
            self.denied.remove(resource);
        }
    }

    /// Takes note of a 501; `true` if the server cannot cancel at all.
    pub(crate) fn unimplemented(&mut self) -> bool {
        self.unimplemented += 1;
        !self.other_answers && self.unimplemented >= UNIMPLEMENTED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_denials_in_a_row_close_a_resource() {
        let (one, other) = ("enterprises/a", "enterprises/b");
        let mut scope = Scope::default();
        let denied = |scope: &mut Scope| scope.denied(one, Cause::stopped("no"));
        for _ in 0..3 {
            assert!(!denied(&mut scope));
            assert!(!denied(&mut scope));
            scope.allowed(Call::Cancel, || one);
            assert_eq!(scope.left_alone(|| one), None);
        }
        assert!(!denied(&mut scope));
        assert!(!denied(&mut scope));
        scope.allowed(Call::Cancel, || other);
        assert!(denied(&mut scope), "another's answer says nothing");
        assert!(!denied(&mut scope), "told once");
        // Once closed it stays so, whatever was under way before.
        scope.allowed(Call::Cancel, || one);
        let cause = scope.left_alone(|| one).unwrap();
        assert_eq!(
            cause.text(),
            "enterprises/a was denied 3 times in a row: no"
        );
        assert_eq!(scope.left_alone(|| other), None);
    }

    #[test]
    fn a_look_says_nothing_of_what_the_server_can_cancel() {
        let stops = |call: Call| {
            let mut scope = Scope::default();
            let told = |_| {
                scope.allowed(call, || "enterprises/a");
                scope.unimplemented()
            };
            (0..UNIMPLEMENTED).map(told).collect::<Vec<_>>()
        };
        assert_eq!(stops(Call::Get), [false, false, false, false, true]);
        assert_eq!(stops(Call::Cancel), [false; 5]);
    }
}
