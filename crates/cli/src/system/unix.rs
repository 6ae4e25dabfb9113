//! Unix.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::received::Received;

/// SIGINT, SIGTERM and SIGHUP from now on.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where SIGHUP is left as it was.
    hangup: Option<Signal>,
}

impl Signals {
    /// Listens; SIGHUP has to be taken where it is not to end this process.
    pub(crate) fn listen(outlive_hangup: bool) -> io::Result<Self> {
        let hangup = match hangup_is_ignored() {
            Some(true) => false,
            Some(false) => true,
            // A handler would undo what nohup has set, so there is none where that cannot be seen:
            // the signal itself ends the command then, which is 129 to a shell as well.
            None => outlive_hangup,
        };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: hangup.then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    /// The next one. None is lost if this is dropped before.
    pub(crate) async fn next(&mut self) -> Received {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Received::Interrupt,
            _ = self.terminate.recv() => Received::Terminate,
            _ = hangup => Received::Hangup,
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

/// A folder for its owner only (mode 0700).
#[cfg(feature = "emulator")]
pub(crate) fn private<'b, 'c, 'd>(
    options: &'b mut tempfile::Builder<'c, 'd>,
) -> &'b mut tempfile::Builder<'c, 'd> {
    use std::os::unix::fs::PermissionsExt;
    options.permissions(std::fs::Permissions::from_mode(0o700))
}
