//! The task of every client of the benchmark, and the form of its answer.

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
    /// Cancels that are each followed by a get, one after the other.
    ConfirmSerial,
    /// Cancels that are each followed by a get, many at a time.
    ConfirmBulk,
    /// As `ConfirmBulk`, with all cancels before the first get, for clients that can do that.
    Scheduler,
}

/// `CLIENT WORK N`; environment variables name the server, the same for every client in every
/// language.
#[derive(Debug)]
pub struct Task {
    /// The kind of work.
    pub work: Work,
    /// Number of operations.
    pub operations: usize,
    /// Number of requests in flight: `BENCH_IN_FLIGHT`, 100.
    pub in_flight: usize,
    /// `https://localhost:PORT`, from `BENCH_ROOT`.
    pub root: String,
    /// A file with the certificate authority, from `BENCH_CA`.
    pub ca: PathBuf,
    /// The access token, from `BENCH_TOKEN`.
    pub token: String,
}

impl Task {
    /// Reads the arguments and the environment of this process.
    ///
    /// # Errors
    /// The argument or variable that is missing or unreadable.
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

    /// True if each cancel is followed by a get.
    #[must_use]
    pub fn confirms(&self) -> bool {
        !matches!(self.work, Work::Serial | Work::Bulk)
    }

    /// True if one operation ends before the next begins.
    #[must_use]
    pub fn is_serial(&self) -> bool {
        matches!(self.work, Work::Serial | Work::ConfirmSerial)
    }

    /// Prints the result on one line: operations that succeeded, and those that were refused.
    #[expect(clippy::print_stdout, reason = "the driver reads it")]
    pub fn report(&self, good: usize, refused: usize) {
        let allocations = crate::Counting::so_far();
        println!(r#"{{"good":{good},"refused":{refused},"allocations":{allocations}}}"#);
    }
}
