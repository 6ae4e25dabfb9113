//! Standard output and standard error, neither of which may hold up a rescue.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::iter;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use countermand_fleet::{JobProgress, Meter, Pace};
use countermand_scheduler::Outage;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::output::progress::Bars;
use crate::output::streams::{lose, note, shown};

/// Input of the writer's thread.
enum Message {
    Line(String),
    Progress(Box<JobProgress>),
}

/// Writes lines to standard output from a thread of its own.
///
/// A pager that has stopped reading, or a pipe that is closed, delays and fails this thread alone;
/// the cancelling goes on. The thread also tells the progress, for the same reason. It is one of
/// the runtime's, taken when there is something to write: by then the one that looked up the
/// server's address is free.
pub(crate) struct Output {
    writer: OnceLock<Writer>,
    open: Arc<AtomicBool>,
    bars: Bars,
    /// Expected progress, if it is told.
    expected: Option<Expected>,
}

struct Writer {
    messages: Sender<Message>,
    ended: JoinHandle<()>,
}

/// Expected results of a run.
struct Expected {
    meter: Mutex<Meter>,
    /// Period in which its progress is told.
    every: Duration,
}

impl Output {
    pub(crate) fn start() -> Self {
        Self {
            writer: OnceLock::new(),
            open: Arc::new(AtomicBool::new(true)),
            bars: Bars::hidden(),
            expected: None,
        }
    }

    /// Tells progress on standard error, by bars if that is a terminal.
    pub(crate) fn expect(&mut self, pace: Pace) {
        let every = self.bars.show();
        let begun = countermand::hyper::monotonic_now();
        self.expected = Some(Expected {
            meter: Mutex::new(Meter::new(begun, pace)),
            every,
        });
    }

    /// The times at which progress is to be told, if it is.
    pub(crate) fn ticks(&self) -> Ticks {
        Ticks(self.expected.as_ref().map(|expected| {
            let every = expected.every;
            let mut interval = interval_at(Instant::now() + every, every);
            interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
            interval
        }))
    }

    /// Moves the bars, or writes a line instead.
    pub(crate) fn progress(
        &self,
        standing: &countermand_scheduler::Progress,
        counted: JobProgress,
        outage: Option<Outage>,
    ) {
        if let Some(Expected { meter, .. }) = &self.expected {
            let now = countermand::hyper::monotonic_now();
            let mut meter = meter.lock().unwrap_or_else(PoisonError::into_inner);
            let progress = meter.measure(now, standing, counted, outage);
            self.send(Message::Progress(Box::new(progress)));
        }
    }

    /// Tells no more progress: the work has ended.
    pub(crate) fn clear_progress(&self) {
        self.bars.clear();
    }

    /// A line for standard output.
    pub(crate) fn line(&self, text: String) {
        self.send(Message::Line(text));
    }

    fn send(&self, message: Message) {
        let writer = self.writer.get_or_init(|| {
            let (messages, receiver) = mpsc::channel();
            let (open, bars) = (Arc::clone(&self.open), self.bars.clone());
            let ended = spawn_blocking(move || write_all(&receiver, &open, &bars));
            Writer { messages, ended }
        });
        // The writer outlives the sender; it only ends when this is dropped.
        let _ = writer.messages.send(message);
    }

    /// A line for standard error, at once.
    pub(crate) fn note(&self, line: &str) {
        self.bars.suspend(|| note(line));
    }

    /// True while standard output takes lines; a command that only prints can stop afterwards.
    pub(crate) fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    /// Waits until everything is written, which is as long as a reader likes. `false` if it could
    /// not be.
    pub(crate) async fn finish(self) -> bool {
        self.bars.clear();
        if let Some(Writer { messages, ended }) = self.writer.into_inner() {
            drop(messages);
            if ended.await.is_err() {
                return false;
            }
        }
        self.open.load(Ordering::Relaxed)
    }
}

/// Times at which progress is to be told; none where it is not told.
pub(crate) struct Ticks(Option<Interval>);

impl Ticks {
    pub(crate) async fn next(&mut self) {
        match &mut self.0 {
            Some(interval) => _ = interval.tick().await,
            None => std::future::pending().await,
        }
    }
}

fn write_all(messages: &Receiver<Message>, open: &AtomicBool, bars: &Bars) {
    let on_terminal = io::stdout().is_terminal();
    let mut out = BufWriter::new(anstream::stdout());
    while let Ok(first) = messages.recv() {
        let mut progress = None;
        let write = || -> io::Result<()> {
            for message in iter::once(first).chain(messages.try_iter()) {
                match message {
                    Message::Line(text) if open.load(Ordering::Relaxed) => {
                        writeln!(out, "{}", shown(&text))?;
                    }
                    Message::Line(_) => {}
                    Message::Progress(newest) => progress = Some(newest),
                }
            }
            out.flush()
        };
        // A write to a pipe may hang for as long as the reader likes, and a thread that has a note
        // for standard error would wait for the bars meanwhile.
        let written = if on_terminal {
            bars.suspend(write)
        } else {
            write()
        };
        if let Some(progress) = progress {
            bars.set(&progress);
        }
        if let Err(error) = written {
            lose(&error);
            open.store(false, Ordering::Relaxed);
        }
    }
    if !open.load(Ordering::Relaxed) {
        // The rest of the buffer was refused before; dropping it would try again.
        drop(out.into_parts());
    }
}
