//! Results of a client, compared with the truth of the emulator.

use std::time::Duration;

use countermand_core::{Error, OperationName, Outcome, Request, Verdict};
use countermand_emulator::{Emulator, State};

/// The lie of a result that a client had at `ended`, or `None` if it is true.
///
/// A verdict has to be the operation's own state; `maybe_delivered` may be false only where the server took no cancel.
#[must_use]
pub fn lie(
    emulator: &Emulator,
    name: &OperationName,
    ended: Duration,
    result: &Result<Outcome, Error>,
) -> Option<String> {
    let Some(truth) = emulator.truth_of(ended, name.relative()) else {
        return Some(format!("{name} never existed"));
    };
    let is_true = match result {
        Ok(outcome) => match outcome.verdict {
            Verdict::Cancelled => truth.cancelled,
            Verdict::Completed => truth.state == State::Completed,
            // Some servers end an operation that has expired with an error.
            Verdict::Failed => matches!(truth.state, State::Failed | State::Expired),
            Verdict::Expired => !matches!(truth.state, State::Completed | State::Failed),
            Verdict::Gone => {
                matches!(truth.state, State::Gone | State::Expired)
                    || parent_is_gone(emulator, name, ended)
            }
            Verdict::Pending | Verdict::Unverified => true,
        },
        Err(error) => error.maybe_delivered() || !took_cancel(emulator, name),
    };
    (!is_true).then(|| format!("{result:?} is not true: {truth:?}"))
}

/// True if an operation has deleted its parent, and with it the others.
fn parent_is_gone(emulator: &Emulator, name: &OperationName, ended: Duration) -> bool {
    let parent = name.parent();
    name.service().has_parent_records
        && emulator.truth(ended).iter().any(|truth| {
            let of_it = OperationName::parse(name.service(), &truth.name)
                .is_ok_and(|other| other.parent() == parent);
            of_it && truth.fate == "wiped" && truth.state == State::Gone
        })
}

/// True if the server carried a cancel out and did not answer otherwise.
fn took_cancel(emulator: &Emulator, name: &OperationName) -> bool {
    let endpoint = name.service().endpoint();
    let cancel = Request::Cancel(name.clone()).http(&endpoint);
    emulator.audit().iter().any(|row| {
        row.path == cancel.uri().path()
            && row.effect
            && row.status.is_none_or(|status| status == 200)
    })
}
