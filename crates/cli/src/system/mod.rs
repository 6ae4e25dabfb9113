//! The operating system: signals, and folders for one account.
//!
//! Both files have the same items. Tests run those of `portable` on every system.

mod received;

#[cfg(any(not(unix), test))]
#[cfg_attr(unix, expect(dead_code, reason = "tests use a part of it"))]
mod portable;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use self::portable::*;
#[cfg(unix)]
pub(crate) use self::unix::*;

pub(crate) use self::received::Received;
