//! What `--verbose` says.

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
        .with_writer(std::io::stderr)
        .with_ansi(false)
        // It would tell of a standard error that takes nothing on that very standard error, and panic.
        .log_internal_errors(false)
        .with_filter(Targets::new().with_target("countermand", level));
    // Refused when a program that embeds the command has a subscriber already: then that one is told.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}
