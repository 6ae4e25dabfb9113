//! Job files that are reported together: one table, one summary. One file is a list of one.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use countermand_core::Timestamp;

use super::job_counts::{JobCounts, Repeated};
use super::summary::Summary;
use crate::counts::Counts;
use crate::job_row::JobRow;
use crate::services::Services;
use crate::store::{Activity, Contents, JobError, JobErrorKind};

/// Number of repeated names that are kept.
const FIRST: usize = 5;

/// Job files, each with the command that goes on with it.
#[derive(Debug)]
pub struct Jobs<'a> {
    parts: Vec<(&'a Contents, Option<String>)>,
}

impl<'a> Jobs<'a> {
    /// A single one.
    #[must_use]
    pub fn one(job: &'a Contents, resume: Option<String>) -> Self {
        let parts = vec![(job, resume)];
        Self { parts }
    }

    /// Several, in this order.
    ///
    /// # Errors
    /// [`JobErrorKind::Twice`] for a file that is among them twice, whatever its names.
    pub fn new(
        parts: impl IntoIterator<Item = (&'a Contents, Option<String>)>,
    ) -> Result<Self, JobError> {
        let parts: Vec<_> = parts.into_iter().collect();
        let mut files = BTreeSet::new();
        for (job, _) in &parts {
            if !files.insert(job.file()) {
                return Err(JobErrorKind::Twice.at(job.path()));
            }
        }
        Ok(Self { parts })
    }

    /// The files.
    pub fn files(&self) -> impl Iterator<Item = &'a Contents> + use<'a, '_> {
        self.parts.iter().map(|(job, _)| *job)
    }

    /// Every operation, file by file; with several files each row names its own.
    ///
    /// # Errors
    /// The disk's; then there is no more of that file.
    pub fn rows(&self) -> impl Iterator<Item = Result<JobRow, JobError>> + use<'a, '_> {
        let several = self.parts.len() > 1;
        self.files().flat_map(move |job| {
            let path = several.then(|| Arc::from(&*path(job)));
            job.rows().map(move |row| {
                let mut row = row?;
                row.job.clone_from(&path);
                Ok(row)
            })
        })
    }

    /// The summary at `now`: of several jobs what they have together, and the counts of each.
    ///
    /// # Errors
    /// The disk's.
    pub fn summary(&self, now: Timestamp) -> Result<Summary, JobError> {
        let parts = self.parts.iter().map(|(job, resume)| {
            let summary = Summary::of_job(job, now, resume.clone())?;
            Ok((*job, summary))
        });
        let mut parts = parts.collect::<Result<Vec<_>, JobError>>()?;
        if let [_] = &parts[..]
            && let Some((_, only)) = parts.pop()
        {
            return Ok(only);
        }
        let mut whole = Summary::new("", "", now, now);
        for (job, summary) in parts {
            let first = whole.jobs.is_empty();
            whole.take(path(job), job.counts().clone(), summary, first);
        }
        whole.runs.sort_by_key(|run| run.begun);
        whole.repeated = self.repeated()?;
        Ok(whole)
    }

    fn repeated(&self) -> Result<Repeated, JobError> {
        let mut repeated = Repeated::default();
        let (mut seen, mut told) = (HashSet::new(), HashSet::new());
        for row in self.rows() {
            let name = row?.target.name;
            if !seen.insert(name.clone()) && told.insert(name.clone()) {
                repeated.operations += 1;
                if repeated.first.len() < FIRST {
                    repeated.first.push(name);
                }
            }
        }
        Ok(repeated)
    }
}

fn path(job: &Contents) -> String {
    job.path().to_string_lossy().into_owned()
}

impl Summary {
    /// Takes in the summary of one of several jobs.
    fn take(&mut self, path: String, counts: Counts, one: Self, first: bool) {
        let search_is_open = one.search_is_open();
        // The files of one plan share its search: they were made at one moment.
        let searched = (one.created, one.search, one.already_done.clone());
        if first {
            self.kind.clone_from(&one.kind);
            self.created = one.created;
            self.services = one.services.clone();
            self.endpoint.clone_from(&one.endpoint);
            self.server_filter.clone_from(&one.server_filter);
        }
        if self.kind != one.kind {
            "several".clone_into(&mut self.kind);
        }
        if self.server_filter != one.server_filter {
            self.server_filter = None;
        }
        let services = self.services.iter().chain(one.services.iter());
        self.services = Services::new(services);
        self.created = self.created.min(one.created);
        if !self.searches.contains(&searched) {
            self.search = match (self.search, one.search) {
                (Some(all), Some(more)) => Some(all.with(more)),
                (all, more) => all.or(more),
            };
            self.already_done.merge(one.already_done);
            self.searches.push(searched);
        }
        self.runs.extend(one.runs);
        self.duplicates += one.duplicates;
        for vanished in one.vanished {
            if !self.vanished.contains(&vanished) {
                self.vanished.push(vanished);
            }
        }
        for missed in one.missed {
            if !self.missed.contains(&missed) {
                self.missed.push(missed);
            }
        }
        self.not_searched.merge(one.not_searched);
        let notes = one.notes.iter().map(|note| format!("{path}: {note}"));
        self.notes.extend(notes);
        self.jobs.push(JobCounts {
            path,
            kind: one.kind,
            service: one.services.only().map(|only| only.id),
            endpoint: one.endpoint,
            digest: one.digest,
            activity: None,
            counts,
            lanes: one.lanes,
            resume: one.resume,
            search_is_open,
        });
    }

    /// Tells the use that is made of each of several files.
    pub(super) fn used(&mut self, activities: &[Activity]) {
        for (job, activity) in self.jobs.iter_mut().zip(activities) {
            job.activity = Some(activity.as_str());
        }
    }
}
