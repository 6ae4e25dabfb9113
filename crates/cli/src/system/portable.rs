//! Every other system, which is Windows.

use std::io;
use std::pin::Pin;

use tokio::signal::ctrl_c;

use super::received::Received;

/// Ctrl-C from the first [`next`](Self::next) on.
pub(crate) struct Signals(Pin<Box<dyn Future<Output = io::Result<()>> + Send>>);

impl Signals {
    /// Listens. A window that is closed ends this process.
    pub(crate) fn listen(_outlive_hangup: bool) -> io::Result<Self> {
        Ok(Self(Box::pin(ctrl_c())))
    }

    /// The next one. None is lost if this is dropped before, because what waits for it is kept.
    pub(crate) async fn next(&mut self) -> Received {
        let came = self.0.as_mut().await;
        self.0 = Box::pin(ctrl_c());
        if came.is_err() {
            // There is no console to type it in.
            std::future::pending::<()>().await;
        }
        Received::Interrupt
    }
}

/// A folder of the user's own folder for temporary files, which others cannot read.
#[cfg(feature = "emulator")]
pub(crate) const fn private<'b, 'c, 'd>(
    options: &'b mut tempfile::Builder<'c, 'd>,
) -> &'b mut tempfile::Builder<'c, 'd> {
    options
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn ctrl_c_that_comes_while_other_work_is_done_is_not_lost() {
        let mut signals = Signals::listen(true).unwrap();
        assert_eq!(signals.next().now_or_never(), None);
        kill_process(getpid(), Signal::INT).unwrap();
        for _ in 0..2 {
            let next = tokio::time::timeout(Duration::from_secs(10), signals.next());
            assert_eq!(next.await, Ok(Received::Interrupt));
            assert_eq!(signals.next().now_or_never(), None);
            kill_process(getpid(), Signal::INT).unwrap();
        }
    }
}
