//! When many operations are not worth going on with.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use countermand_core::{Error, ErrorKind, OperationName, Outcome, Reach};

/// If so many first answers all say that the server cannot cancel, no other will say more.
const UNSUPPORTED: usize = 5;

/// Watches the results of many operations and stops the rest when going on is in vain.
#[derive(Default)]
pub(crate) struct Brake {
    cause: OnceLock<Error>,
    /// How many answers said that the server cannot cancel; more than enough, so that the number
    /// is never met, once one said something else.
    unsupported: AtomicUsize,
}

impl Brake {
    /// Why to stop, if so.
    pub(crate) fn cause(&self) -> Option<&Error> {
        self.cause.get()
    }

    /// Learns from what became of an operation.
    pub(crate) fn watch(&self, name: &OperationName, result: &Result<Outcome, Error>) {
        let error = match result {
            Ok(outcome) => outcome.error.as_ref(),
            Err(error) => Some(error),
        };
        let in_vain = self.is_unsupported(result);
        if let Some(error) = error
            && (in_vain || error.kind().reach() == Reach::Everything)
        {
            self.cause
                .get_or_init(|| Error::not_attempted(name.clone(), error));
        }
    }

    fn is_unsupported(&self, result: &Result<Outcome, Error>) -> bool {
        match result.as_ref().map_err(Error::kind) {
            Err(ErrorKind::Unimplemented(_)) => {
                self.unsupported.fetch_add(1, Ordering::Relaxed) + 1 == UNSUPPORTED
            }
            // Without an answer, as after a lost connection, nothing is known.
            Err(kind) if kind.answer().is_none() => false,
            Ok(_) | Err(_) => {
                self.unsupported.store(UNSUPPORTED, Ordering::Relaxed);
                false
            }
        }
    }
}
