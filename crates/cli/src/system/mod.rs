//! The operating system: signals, and folders for one account.
//!
//! Both files have the same items. Tests run those of `portable` on every system.

#[cfg(any(not(unix), test))]
#[cfg_attr(unix, expect(dead_code, reason = "tests use a part of it"))]
mod portable;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use self::portable::*;
#[cfg(unix)]
pub(crate) use self::unix::*;

/// A signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(unix), expect(dead_code, reason = "Ctrl-C is the only one there"))]
pub(crate) enum Received {
    /// SIGINT, or Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP.
    Hangup,
}
