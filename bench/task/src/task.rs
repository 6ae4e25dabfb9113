//! What every client of the benchmark is told, and how it answers.

use std::env;
use std::error::Error;
use std::path::PathBuf;

/// The kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Cancels, one after the other, over HTTP/1.1.
    Serial,
    /// Cancels, as many at a time as [`Task::in_flight`], over one connection of HTTP/2.
    Bulk,
    /// Cancels each of which is followed by a get, one after the other.
    ConfirmSerial,
    /// Cancels each of which is followed by a get, many at a time.
    ConfirmBulk,
    /// As `ConfirmBulk`, all cancels before the first get, where a client knows how.
    Scheduler,
}

/// `CLIENT WORK N`, and where the server is by environment variables, the same for every client in
/// every language.
#[derive(Debug)]
pub struct Task {
    /// What to do.
    pub work: Work,
    /// How many operations.
    pub operations: usize,
    /// How many requests at a time: `BENCH_IN_FLIGHT`, 100.
    pub in_flight: usize,
    /// `https://localhost:PORT`, from `BENCH_ROOT`.
    pub root: String,
    /// A file with the certificate authority, from `BENCH_CA`.
    pub ca: PathBuf,
    /// The access token, from `BENCH_TOKEN`.
    pub token: String,
}

impl Task {
    /// From the arguments and the environment of this process.
    ///
    /// # Errors
    /// What is missing or unreadable.
    pub fn of_process() -> Result<Self, Box<dyn Error>> {
        let mut arguments = env::args().skip(1);
        let work = match arguments.next().as_deref() {
            Some("serial") => Work::Serial,
            Some("bulk") => Work::Bulk,
            Some("confirm-serial") => Work::ConfirmSerial,
            Some("confirm-bulk") => Work::ConfirmBulk,
            Some("scheduler") => Work::Scheduler,
            other => return Err(format!("unknown work {other:?}").into()),
        };
        Ok(Self {
            work,
            operations: arguments.next().ok_or("no number of operations")?.parse()?,
            in_flight: env::var("BENCH_IN_FLIGHT").map_or(Ok(100), |text| text.parse())?,
            root: env::var("BENCH_ROOT")?,
            ca: env::var("BENCH_CA")?.into(),
            token: env::var("BENCH_TOKEN")?,
        })
    }

    /// The name of an operation, 72 bytes.
    #[must_use]
    pub fn name(index: usize) -> String {
        format!("enterprises/LC01abcd89/devices/{index:016x}/operations/1786048723669")
    }

    /// Whether each operation is looked at, too.
    #[must_use]
    pub fn confirms(&self) -> bool {
        !matches!(self.work, Work::Serial | Work::Bulk)
    }

    /// Whether one operation ends before the next begins.
    #[must_use]
    pub fn is_serial(&self) -> bool {
        matches!(self.work, Work::Serial | Work::ConfirmSerial)
    }

    /// Says how it went, on one line: operations that came out well, and those that were refused.
    #[expect(clippy::print_stdout, reason = "the driver reads it")]
    pub fn report(&self, good: usize, refused: usize) {
        let allocations = crate::Counting::so_far();
        println!(r#"{{"good":{good},"refused":{refused},"allocations":{allocations}}}"#);
    }
}
