//! The job file: one SQLite file with the operations to be cancelled and the outcome of each.
//!
//! A transaction that is committed is on the disk, and stays there through `kill -9` and a power
//! failure. Opening a job checks all of it, so that a job never runs with fewer operations, or
//! others, than were planned. `docs/job-file.md` has the schema.

mod activity;
mod beside;
mod check;
mod checksum;
mod codec;
mod connection;
mod contents;
mod descriptor;
mod error;
mod exposure;
mod head;
mod job;
mod kind;
mod lock_owner;
mod note;
mod opening;
mod pages;
mod quota_log;
mod record;
mod recording;
mod schema;
mod settings;
mod transaction;
mod uptime;
mod view;

pub use self::activity::Activity;
pub(crate) use self::beside::is_of_job;
pub use self::checksum::Digest;
pub use self::contents::{Contents, Device, PastRun};
pub use self::error::{JobError, JobErrorKind};
pub use self::exposure::exposure;
pub use self::job::{Added, Job};
pub use self::kind::Kind;
pub use self::lock_owner::LockOwner;
pub use self::note::{Missed, Note, Vanished};
pub(crate) use self::quota_log::LEAVING;
pub use self::quota_log::Spending;
pub use self::record::Record;
pub use self::settings::Settings;
pub use self::uptime::Uptime;
pub use self::view::View;
