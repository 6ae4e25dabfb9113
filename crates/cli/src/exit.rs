//! The exit codes, and which one wins.

use std::io;

use countermand_core::{Error, ExitClass, Outcome, Verdict};
use countermand_fleet::RowState;

/// End of a run, worst news for a script last: if several apply, the greatest is reported.
///
/// The order is by the step that has to come next. Without authority or quota nothing else can be
/// solved, so those come first; a command that took effect cannot be undone; unresolved operations
/// can be applied again; other failures need a person to read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Everything was cancelled, or nothing was found. `failed` and `expired` count as well.
    Done,
    /// Something else failed: a refused name that was skipped, an answer that is none.
    Failed,
    /// The fate of some is not known, or not decided: apply again.
    Unresolved,
    /// Some may have executed: they completed anyway, or are gone, or a device vanished. Another run would change nothing.
    Executed,
    /// The quota is used up.
    Quota,
    /// The caller may not do this, or its identity is not known.
    Denied,
    /// It was not confirmed, or the plan is not the one that was planned or too old; nothing was sent.
    Refused,
    /// The job file is in use, damaged or no job, or a disk did not take what was to be written.
    JobFile,
    /// The command line, a name or a path is wrong; nothing was sent.
    Usage,
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
    /// SIGHUP.
    HungUp,
}

impl Exit {
    /// The process's exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Executed => 3,
            Self::Denied => 4,
            Self::Unresolved => 5,
            Self::Quota => 6,
            Self::Refused => 8,
            Self::JobFile => 9,
            Self::Interrupted => 130,
            Self::Terminated => 143,
            Self::HungUp => 129,
        }
    }

    /// For a verdict.
    pub(crate) const fn of_verdict(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Cancelled | Verdict::Failed | Verdict::Expired => Self::Done,
            Verdict::Completed | Verdict::Gone => Self::Executed,
            Verdict::Pending | Verdict::Unverified => Self::Unresolved,
        }
    }

    /// For a path on the command line. One that names nothing usable is a mistake of the caller; what
    /// only shows in use is the disk's.
    pub(crate) const fn of_path(kind: io::ErrorKind) -> Self {
        use io::ErrorKind as Kind;
        match kind {
            Kind::NotFound
            | Kind::AlreadyExists
            | Kind::PermissionDenied
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::InvalidFilename
            | Kind::InvalidInput
            | Kind::NotConnected => Self::Usage,
            _ => Self::JobFile,
        }
    }

    /// For the result of a countermand. An error that kept more from being known decides together with a verdict that
    /// leaves the fate open: without authority the next run would learn no more.
    pub(crate) fn of_result(result: &Result<Outcome, Error>) -> Self {
        match result {
            Ok(outcome) => {
                let exit = Self::of_verdict(outcome.verdict);
                let open = RowState::from(outcome.verdict).is_open();
                let error = outcome.error.as_ref().filter(|_| open);
                exit.max(error.map_or(Self::Done, Self::of_error))
            }
            Err(error) => Self::of_error(error),
        }
    }

    /// For an error.
    pub(crate) fn of_error(error: &Error) -> Self {
        error.facts().exit_class().into()
    }
}

impl From<ExitClass> for Exit {
    fn from(class: ExitClass) -> Self {
        match class {
            ExitClass::Failed => Self::Failed,
            ExitClass::Unresolved => Self::Unresolved,
            ExitClass::Quota => Self::Quota,
            ExitClass::Denied => Self::Denied,
        }
    }
}

/// The exit codes for `--help` and the manual page.
pub(crate) const HELP: &str = "\
Exit codes (where several apply, the first in the order 9, 8, 4, 6, 3, 5, 1):
  0    all cancelled, failed or expired, or nothing found; only cancelled is
       proof, and not where the input of a plan says so. With --no-verify: all
       accepted
  1    other failure: read the error of each operation
  2    usage: bad option, name or path, or an input without names; nothing was
       sent
  3    some may have executed (completed anyway, gone, or on a device that
       vanished during the search): check their devices
  4    authentication or permission
  5    unresolved (pending, unverified, in doubt after an error, or an error
       that may pass): run it again, unless the text says that the service
       has no method that shows the operation
  6    quota used up: run it again later
  8    refused: not confirmed, or the plan was edited or is too old; nothing
       was sent
  9    the job file is in use or damaged, or a disk is full or fails
  130  stopped by SIGINT, 143 by SIGTERM: run it again to go on. A closed
       terminal (SIGHUP) stops neither cancel nor apply nor rescue; any other
       command ends with 129";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_precedence() {
        let mut exits = [
            Exit::Done,
            Exit::Executed,
            Exit::Denied,
            Exit::Failed,
            Exit::Unresolved,
            Exit::Quota,
            Exit::JobFile,
            Exit::Refused,
        ];
        exits.sort();
        exits.reverse();
        assert_eq!(exits.map(Exit::code), [9, 8, 4, 6, 3, 5, 1, 0]);
    }

    #[test]
    fn the_tables_of_exit_codes_have_each_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/runbook.md");
        let runbook = std::fs::read_to_string(path).unwrap();
        for code in [0, 1, 2, 3, 4, 5, 6, 8, 9] {
            assert!(runbook.contains(&format!("\n| {code} |")), "{code}");
            assert!(HELP.contains(&format!("\n  {code}    ")), "{code}");
        }
        assert!(runbook.contains("\n| 129, 130, 143 |"));
    }

    #[test]
    fn the_classes_of_the_table_of_errors_have_the_codes_it_says() {
        for class in ExitClass::ALL {
            assert_eq!(Exit::from(class).code(), class.code());
        }
    }
}
