//! Signals that end a command: SIGINT, SIGTERM, and SIGHUP where nothing would be lost.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;

/// Told where a signal ends a command before its first request.
pub(crate) const NOTHING_SENT: &str = "stopped; nothing was sent";

impl Signals {
    /// The result of some work; an error that says `stopped` if a signal comes first.
    pub(crate) async fn unless<T>(
        &mut self,
        work: impl Future<Output = T>,
        stopped: &str,
    ) -> Result<T, Failure> {
        tokio::select! {
            done = work => Ok(done),
            exit = self.next() => Err(Failure::new(exit, stopped)),
        }
    }
}

/// The effect of SIGHUP: the terminal was closed, or the connection to it was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// The command ends.
    Ends,
    /// The command goes on to its end: a rescue must not depend on a terminal.
    Outlived,
}

/// SIGINT, SIGTERM and SIGHUP from now on; none of them kills the process any more.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where SIGHUP is left as it was.
    hangup: Option<Signal>,
    at_hangup: Hangup,
    /// That it was outlived has been told.
    told: bool,
}

impl Signals {
    pub(crate) fn listen(at_hangup: Hangup) -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::new(Exit::Failed, format!("cannot take signals: {error}"))
            })
        };
        let hangup = match at_hangup {
            _ if hangup_is_ignored() == Some(true) => false,
            Hangup::Outlived => true,
            // A handler would undo what nohup has set, so there is none where that cannot be seen:
            // the signal itself ends the command then, which is 129 to a shell as well.
            Hangup::Ends => hangup_is_ignored().is_some(),
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: hangup.then(|| listen(SignalKind::hangup())).transpose()?,
            at_hangup,
            told: false,
        })
    }

    /// The next one, as the exit it asks for.
    pub(crate) async fn next(&mut self) -> Exit {
        loop {
            let hangup = async {
                match &mut self.hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => return Exit::Interrupted,
                _ = self.terminate.recv() => return Exit::Terminated,
                _ = hangup => match self.at_hangup {
                    Hangup::Ends => return Exit::HungUp,
                    Hangup::Outlived if !std::mem::replace(&mut self.told, true) => {
                        streams::note("the terminal is gone (SIGHUP): the run goes on to its end");
                    }
                    Hangup::Outlived => {}
                },
            }
        }
    }
}

/// True if this process has inherited SIGHUP as ignored, as below nohup; `None` if that cannot be seen.
#[cfg(target_os = "linux")]
fn hangup_is_ignored() -> Option<bool> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    let mask = u64::from_str_radix(line.trim(), 16).ok()?;
    // SIGHUP is signal 1, the lowest bit.
    Some(mask & 1 == 1)
}

#[cfg(not(target_os = "linux"))]
const fn hangup_is_ignored() -> Option<bool> {
    None
}
