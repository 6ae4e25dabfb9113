//! The operating system: a shell, and the processes that it starts.

use std::ffi::OsStr;

use tokio::process::{Child, Command};

/// The command that runs a line in the shell of this system, in a [`Group`] of its own.
#[cfg(unix)]
pub(crate) fn shell(line: &OsStr) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line).process_group(0);
    command
}

#[cfg(windows)]
pub(crate) fn shell(line: &OsStr) -> Command {
    // cmd has rules of its own for quotes: with /S it takes off the outer ones, and nothing else.
    let mut quoted = std::ffi::OsString::from("\"");
    quoted.push(line);
    quoted.push("\"");
    let mut command = Command::new("cmd");
    command.args(["/D", "/S", "/C"]).raw_arg(quoted);
    command
}

/// The processes of a command. They end when this is dropped, those that the shell has started too.
#[cfg(unix)]
pub(crate) struct Group(Option<rustix::process::Pid>);

#[cfg(unix)]
impl Group {
    pub(crate) fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(rustix::process::Pid::from_raw))
    }
}

#[cfg(unix)]
impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // One that has ended already leaves nothing to end.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}

/// Nothing: what the shell has started goes on until it ends by itself.
#[cfg(not(unix))]
pub(crate) struct Group;

#[cfg(not(unix))]
impl Group {
    pub(crate) const fn of(_: &Child) -> Self {
        Self
    }
}
