//! What is left alone: closed enterprises, or everything.

use std::collections::BTreeMap;

use countermand_core::{Cause, EnterpriseName};

/// Denials in a row that close an enterprise.
const DENIALS: u32 = 3;
/// That many answers of 501 before any other stop the scheduler.
const UNIMPLEMENTED: u32 = 5;

#[derive(Debug, Default)]
pub(crate) struct Scope {
    /// Enterprises that were denied lately: how often in a row, and by what words.
    denied: BTreeMap<EnterpriseName, (u32, Cause)>,
    /// Answers of 501 so far, as long as there was no other.
    unimplemented: Option<u32>,
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

    /// Why nothing is sent for something of an enterprise.
    pub(crate) fn left_alone(&self, enterprise: impl FnOnce() -> EnterpriseName) -> Option<Cause> {
        if let Some(cause) = &self.stopped {
            return Some(cause.clone());
        }
        if self.denied.is_empty() {
            return None;
        }
        let (denials, words) = self.denied.get(&enterprise())?;
        (*denials >= DENIALS).then(|| {
            Cause::new(
                words.key(),
                format!("its enterprise was denied {DENIALS} times in a row: {words}"),
            )
        })
    }

    /// Takes note of a denial; gives the enterprise if that closes it.
    pub(crate) fn denied(
        &mut self,
        enterprise: EnterpriseName,
        words: Cause,
    ) -> Option<EnterpriseName> {
        let before = self.denied.get(&enterprise);
        let denials = before.map_or(0, |(denials, _)| *denials) + 1;
        self.denied.insert(enterprise.clone(), (denials, words));
        (denials == DENIALS).then_some(enterprise)
    }

    /// Takes note of an answer for an enterprise that is not a denial.
    pub(crate) fn allowed(&mut self, enterprise: impl FnOnce() -> EnterpriseName) {
        self.other_answers = true;
        if !self.denied.is_empty() {
            let enterprise = enterprise();
            if self
                .denied
                .get(&enterprise)
                .is_some_and(|(denials, _)| *denials < DENIALS)
            {
                self.denied.remove(&enterprise);
            }
        }
    }

    /// Takes note of a 501; `true` if the server cannot cancel at all.
    pub(crate) fn unimplemented(&mut self) -> bool {
        let count = self.unimplemented.get_or_insert(0);
        *count += 1;
        !self.other_answers && *count >= UNIMPLEMENTED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_denials_in_a_row_close_an_enterprise() {
        let [one, other] = ["enterprises/a", "enterprises/b"].map(|name| name.parse().unwrap());
        let one = || EnterpriseName::clone(&one);
        let mut scope = Scope::default();
        let denied = |scope: &mut Scope| scope.denied(one(), Cause::stopped("no"));
        for _ in 0..3 {
            assert_eq!(denied(&mut scope), None);
            assert_eq!(denied(&mut scope), None);
            scope.allowed(one);
            assert_eq!(scope.left_alone(one), None);
        }
        assert_eq!(denied(&mut scope), None);
        assert_eq!(denied(&mut scope), None);
        scope.allowed(|| EnterpriseName::clone(&other));
        assert_eq!(
            denied(&mut scope),
            Some(one()),
            "another's answer says nothing"
        );
        assert_eq!(denied(&mut scope), None, "told once");
        // Once closed it stays so, whatever was under way before.
        scope.allowed(one);
        assert!(
            scope
                .left_alone(one)
                .unwrap()
                .text()
                .ends_with("3 times in a row: no")
        );
        assert_eq!(scope.left_alone(|| EnterpriseName::clone(&other)), None);
    }
}
