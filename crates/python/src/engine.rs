//! The runtime of a process, and who drives it.
//!
//! A thread that waits for a call drives the runtime itself: handing the call to another thread and
//! waiting for that one to be woken, to answer and to wake this one takes longer than the call.
//! While no caller waits, a thread of its own keeps the runtime going: schedulers, the calls of asyncio,
//! and the connections, which have to answer pings.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use futures_util::future::{AbortHandle, BoxFuture, abortable};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedSender};

/// The keeper takes over when no thread has waited for this time. Calls that follow one another do not
/// wake it.
const LULL: Duration = Duration::from_millis(2);

/// Time limit of the end.
const FAREWELL: Duration = Duration::from_secs(1);

pub(crate) struct Engine {
    runtime: Runtime,
    /// Work to be started in the runtime. Starting it from here would wake the runtime up for each
    /// piece; this does for the first.
    starts: UnboundedSender<BoxFuture<'static, ()>>,
    /// Threads that wait, and how often one has begun to.
    waiting: AtomicUsize,
    turns: AtomicU64,
    keeper: Keeper,
    closed: AtomicBool,
}

#[derive(Default)]
struct Keeper {
    thread: std::sync::OnceLock<Thread>,
    /// It drives the runtime, or is about to.
    drives: AtomicBool,
    /// There is work for which no thread waits.
    urgent: AtomicBool,
    /// Makes it leave the runtime to another.
    leave: Notify,
}

thread_local! {
    /// True while this thread drives a runtime: Python code that is called then cannot wait for it.
    static DRIVES: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, its thread drives.
pub(crate) struct Turn<'a>(&'a Engine);

impl Engine {
    pub(crate) fn start() -> std::io::Result<Arc<Self>> {
        let runtime = Builder::new_current_thread()
            .thread_name("countermand")
            .enable_all()
            .build()?;
        let (starts, mut started) = mpsc::unbounded_channel();
        runtime.spawn(async move {
            while let Some(work) = started.recv().await {
                tokio::spawn(work);
            }
        });
        let engine = Arc::new(Self {
            runtime,
            starts,
            waiting: AtomicUsize::new(0),
            turns: AtomicU64::new(0),
            keeper: Keeper::default(),
            closed: AtomicBool::new(false),
        });
        let kept = Arc::clone(&engine);
        let thread = thread::Builder::new().name("countermand".to_owned());
        let keeper = thread.spawn(move || kept.keep())?;
        // No other thread sets it.
        let _ = engine.keeper.thread.set(keeper.thread().clone());
        Ok(engine)
    }

    pub(crate) fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Starts work that goes on by itself, until it is aborted.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let (work, handle) = abortable(work);
        let work = Box::pin(async {
            let _ = work.await;
        });
        // The receiver lives as long as the runtime.
        let _ = self.starts.send(work);
        self.keeper.urgent.store(true, SeqCst);
        if self.waiting.load(SeqCst) == 0 && !self.keeper.drives.load(SeqCst) {
            self.wake();
        }
        handle
    }

    /// Announces that this thread is going to drive; `None` if it drives already.
    pub(crate) fn turn(&self) -> Option<Turn<'_>> {
        if DRIVES.get() {
            return None;
        }
        self.waiting.fetch_add(1, SeqCst);
        self.turns.fetch_add(1, SeqCst);
        if self.keeper.drives.load(SeqCst) {
            self.keeper.leave.notify_one();
        }
        Some(Turn(self))
    }

    /// True if the interpreter is about to end, and so is everything here.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    /// Ends everything. What waits is given a second to notice.
    pub(crate) fn close(self: Arc<Self>) {
        self.closed.store(true, SeqCst);
        self.keeper.leave.notify_one();
        self.wake();
        let deadline = Instant::now() + FAREWELL;
        let mut engine = self;
        let mut pause = Duration::from_micros(50);
        loop {
            match Arc::try_unwrap(engine) {
                Ok(engine) => return engine.runtime.shutdown_timeout(FAREWELL),
                // A thread is stuck, and must not find it gone.
                Err(engine) if Instant::now() > deadline => return std::mem::forget(engine),
                Err(still) => engine = still,
            }
            thread::sleep(pause);
            pause = (2 * pause).min(Duration::from_millis(1));
        }
    }

    fn wake(&self) {
        if let Some(keeper) = self.keeper.thread.get() {
            keeper.unpark();
        }
    }

    /// Drives while no other thread does.
    fn keep(&self) {
        DRIVES.set(true);
        while !self.is_closed() {
            self.keeper.drives.store(true, SeqCst);
            // A thread that came before that was stored has not asked to be let in.
            if self.waiting.load(SeqCst) == 0 {
                self.runtime.block_on(self.keeper.leave.notified());
            }
            self.keeper.drives.store(false, SeqCst);
            while !self.is_closed() {
                self.keeper.urgent.store(false, SeqCst);
                let turns = self.turns.load(SeqCst);
                thread::park_timeout(LULL);
                let lull = self.turns.load(SeqCst) == turns || self.keeper.urgent.load(SeqCst);
                if lull && self.waiting.load(SeqCst) == 0 {
                    break;
                }
            }
        }
    }
}

impl Turn<'_> {
    /// Drives the runtime until the work is done, or for so long.
    pub(crate) fn drive<T>(
        &self,
        work: impl Future<Output = T>,
        most: Duration,
    ) -> Result<T, tokio::time::error::Elapsed> {
        // The timer has to be made in the runtime.
        let work = async { tokio::time::timeout(most, work).await };
        DRIVES.set(true);
        let done = self.0.runtime.block_on(work);
        DRIVES.set(false);
        done
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, SeqCst);
    }
}
