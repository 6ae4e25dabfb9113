//! Log of `--verbose`.

use std::io::{self, Write};

use countermand_core::text::printable_lines;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Sends this project's own events to standard error. Those of the HTTP stack below stay out:
/// they are not written with secrets in mind.
pub(crate) fn start(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => LevelFilter::INFO,
        2 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(Printable::default)
        .with_ansi(false)
        // It would tell of a standard error that takes nothing on that very standard error, and panic.
        .log_internal_errors(false)
        .with_filter(Targets::new().with_target("countermand", level));
    // Refused when a program that embeds the command has a subscriber already: then that one is told.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Standard error, on which nothing acts but line ends.
#[derive(Default)]
struct Printable(());

impl Write for Printable {
    /// Is given an event as a whole.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        io::stderr().write_all(printable_lines(&text).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
