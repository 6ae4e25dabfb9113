//! Writing a plan: all of it at once, or no file.

use std::path::Path;

use countermand_core::Timestamp;

use crate::job_row::FoundOperation;
use crate::order;
use crate::store::{Job, JobError, Kind, Record, Settings};

/// What goes into a plan.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the caller fills it in")]
pub struct Plan {
    /// The operations, in the order in which they were given or found.
    pub items: Vec<FoundOperation>,
    /// What is known besides: the calls that the search has spent, what it could not read, what
    /// evidence proves already.
    pub known: Vec<Record>,
    /// Sends first what does most harm, on devices seen last, instead of what was given first.
    pub by_harm: bool,
}

impl Plan {
    /// Writes the file, lets `look` read it while it is open, and closes it.
    ///
    /// Operations and what is known of them become a plan in one transaction, so that no plan is
    /// complete without what it cost. After an error there is no file.
    ///
    /// # Errors
    /// A file that exists is left alone; the disk's; those of `look`.
    pub fn write<T>(
        self,
        path: impl AsRef<Path>,
        settings: &Settings,
        created: Timestamp,
        look: impl FnOnce(&Job) -> Result<T, JobError>,
    ) -> Result<T, JobError> {
        let Self {
            mut items,
            known,
            by_harm,
        } = self;
        debug_assert_eq!(settings.kind, Kind::Plan, "a rescue is not planned");
        if by_harm {
            order::by_harm(&mut items);
        }
        let (job, seen) = Job::create_with(path, settings, created, |job| {
            job.add(items)?;
            job.freeze_with(&known)?;
            look(job)
        })?;
        job.close()?;
        Ok(seen)
    }
}
