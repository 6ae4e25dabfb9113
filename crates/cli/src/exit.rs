//! The exit codes, and which one wins.

use countermand_core::{Error, ExitClass, Verdict};

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
    /// Some completed anyway.
    Completed,
    /// The quota is used up.
    Quota,
    /// The caller may not do this, or its identity is not known.
    Denied,
    /// It was not confirmed, or the plan is not the one that was planned or too old; nothing was sent.
    Refused,
    /// The job file is in use or damaged, or the disk did not take all that was found out.
    JobFile,
    /// The command line, or a name, is wrong; nothing was sent.
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
            Self::Completed => 3,
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

    /// For a verdict. Without verification, an accepted cancel is all there is to do.
    pub(crate) const fn of_verdict(verdict: Verdict, verifying: bool) -> Self {
        match verdict {
            Verdict::Cancelled | Verdict::Failed | Verdict::Expired => Self::Done,
            Verdict::Completed => Self::Completed,
            Verdict::Unverified if !verifying => Self::Done,
            Verdict::Pending | Verdict::Gone | Verdict::Unverified => Self::Unresolved,
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
       proof. With --no-verify: all accepted
  1    other failure
  2    usage: bad option or name, or an input without names; nothing was sent
  3    finished, but some completed anyway
  4    authentication or permission
  5    unresolved (pending, gone, unverified, in doubt after an error, or an
       error that may pass): run it again
  6    quota used up
  8    refused: not confirmed, or the plan was edited or is too old; nothing
       was sent
  9    the job file is in use, damaged, or could not take all results
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
            Exit::Completed,
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
    fn the_classes_of_the_table_of_errors_have_the_codes_it_says() {
        for class in ExitClass::ALL {
            assert_eq!(Exit::from(class).code(), class.code());
        }
    }
}
