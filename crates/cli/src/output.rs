//! Standard output and standard error, neither of which may hold up a rescue.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A line for standard output, and whether it is a step of what was expected.
struct Line {
    text: String,
    step: bool,
}

/// Writes lines to standard output from a thread of its own.
///
/// A pager that has stopped reading, or a pipe that is closed, delays and fails this thread alone;
/// the cancelling goes on. The thread also moves the progress bar, for the same reason.
pub(crate) struct Output {
    lines: Sender<Line>,
    writer: JoinHandle<()>,
    open: Arc<AtomicBool>,
    bar: ProgressBar,
}

impl Output {
    pub(crate) fn start() -> Self {
        let (lines, receiver) = mpsc::channel();
        let open = Arc::new(AtomicBool::new(true));
        let bar = ProgressBar::hidden();
        let writer = {
            let (open, bar) = (Arc::clone(&open), bar.clone());
            thread::spawn(move || write_all(&receiver, &open, &bar))
        };
        Self {
            lines,
            writer,
            open,
            bar,
        }
    }

    /// Shows progress towards so many steps, if standard error is a terminal.
    pub(crate) fn expect(&self, steps: u64) {
        let target = indicatif::ProgressDrawTarget::stderr();
        if target.is_hidden() {
            return;
        }
        self.bar.set_length(steps);
        // The template is a constant, and a bar in the plain style is no harm.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} of {len} in {elapsed}") {
            self.bar.set_style(style);
        }
        self.bar.set_draw_target(target);
        self.bar.enable_steady_tick(Duration::from_millis(200));
    }

    /// A line for standard output.
    pub(crate) fn line(&self, text: String) {
        self.send(Line { text, step: false });
    }

    /// A line for standard output that is one step of what was expected.
    pub(crate) fn step(&self, text: String) {
        self.send(Line { text, step: true });
    }

    fn send(&self, line: Line) {
        // The writer outlives the sender; it only ends when this is dropped.
        let _ = self.lines.send(line);
    }

    /// A line for standard error, at once.
    pub(crate) fn note(&self, line: &str) {
        self.bar.suspend(|| note(line));
    }

    /// Whether standard output still takes what is written; what only prints can stop when not.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Waits until everything is written, which is as long as a reader likes. `false` if it could
    /// not be.
    pub(crate) async fn finish(self) -> bool {
        self.bar.finish_and_clear();
        drop(self.lines);
        let writer = self.writer;
        let ended = tokio::task::spawn_blocking(|| writer.join().is_ok()).await;
        ended.unwrap_or(false) && self.open.load(Ordering::Relaxed)
    }
}

/// Writes a line to standard error. Where that fails there is nobody left to tell.
pub(crate) fn note(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

fn write_all(lines: &Receiver<Line>, open: &AtomicBool, bar: &ProgressBar) {
    let on_terminal = io::stdout().is_terminal();
    let mut out = BufWriter::new(anstream::stdout());
    while let Ok(first) = lines.recv() {
        let mut steps = 0;
        let write = || -> io::Result<()> {
            for line in iter::once(first).chain(lines.try_iter()) {
                steps += u64::from(line.step);
                if open.load(Ordering::Relaxed) {
                    writeln!(out, "{}", line.text)?;
                }
            }
            out.flush()
        };
        // A write to a pipe may hang for as long as the reader likes, and whoever has a note for
        // standard error would wait for the bar meanwhile.
        let written = if on_terminal {
            bar.suspend(write)
        } else {
            write()
        };
        bar.inc(steps);
        if written.is_err() {
            open.store(false, Ordering::Relaxed);
        }
    }
    if !open.load(Ordering::Relaxed) {
        // What is left in the buffer was refused before; dropping it would try again.
        drop(out.into_parts());
    }
}
