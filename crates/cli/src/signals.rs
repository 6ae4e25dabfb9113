//! Signals that end a command: SIGINT, SIGTERM, and SIGHUP where nothing would be lost.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;
use crate::system::{self, Received};

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
    signals: system::Signals,
    at_hangup: Hangup,
    /// That it was outlived has been told.
    told: bool,
}

impl Signals {
    pub(crate) fn listen(at_hangup: Hangup) -> Result<Self, Failure> {
        let signals = system::Signals::listen(at_hangup == Hangup::Outlived)
            .map_err(|error| Failure::new(Exit::Failed, format!("cannot take signals: {error}")))?;
        Ok(Self {
            signals,
            at_hangup,
            told: false,
        })
    }

    /// The next one, as the exit it asks for.
    pub(crate) async fn next(&mut self) -> Exit {
        loop {
            match self.signals.next().await {
                Received::Interrupt => return Exit::Interrupted,
                Received::Terminate => return Exit::Terminated,
                Received::Hangup => match self.at_hangup {
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
