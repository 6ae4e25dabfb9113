//! The facts of a job in its report.

use std::time::Duration;

use countermand_core::{ListFilter, Service, Timestamp};
use serde::{Serialize, Serializer};

use super::job_counts::{JobCounts, Repeated};
use super::lanes::LaneCounts;
use crate::already_done::AlreadyDone;
use crate::counts::Counts;
use crate::not_searched::NotSearched;
use crate::progress::SearchProgress;
use crate::services::Services;
use crate::spell::counted;
use crate::store::{Digest, Missed, Vanished};

/// A job in a few facts, beside its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The kind of the job, in a word: `plan`, `rescue`.
    pub kind: String,
    /// The time at which the job was made.
    pub created: Timestamp,
    /// The time of the report.
    pub reported: Timestamp,
    /// The services of its operations: the id of the only one, `null` of several, which their lanes have.
    #[serde(rename = "service", serialize_with = "id_of")]
    pub services: Services,
    /// The filter that the server applied to the lists of the search.
    pub server_filter: Option<ListFilter>,
    /// The endpoint of the API, without credentials; of several lanes or files that of the first.
    pub endpoint: String,
    /// SHA-256 over the operations that the plan would cancel.
    pub digest: Option<Digest>,
    /// The quota the job kept, in words, like `80 % of 600/60s, 1000/100s`; `None` of several lanes.
    pub quota: Option<String>,
    /// Its lanes, if they have names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lanes: Vec<LaneCounts>,
    /// The job files, where there are several: then digest and quota are theirs, and so are the lanes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobCounts>,
    /// Operations that are in more than one of the files, and counted in each.
    #[serde(skip_serializing_if = "Repeated::is_empty")]
    pub repeated: Repeated,
    /// The searches of several files that have been added up.
    #[serde(skip)]
    pub(super) searches: Vec<(Timestamp, Option<SearchProgress>, AlreadyDone)>,
    /// The search of a rescue, as far as it has come, or that before a plan.
    pub search: Option<SearchProgress>,
    /// The runs so far, in order.
    pub runs: Vec<RunSpan>,
    /// Names that were given more than once, and are counted once.
    pub duplicates: u64,
    /// Operations that a search has seen, that are meant, and that were done before.
    pub already_done: AlreadyDone,
    /// Devices that vanished while they were searched, and were probably wiped.
    pub vanished: Vec<Vanished>,
    /// Operations that no list of the search has.
    pub not_searched: NotSearched,
    /// Lists that were not read to their end: the job lacks the operations there.
    #[serde(skip)]
    pub missed: Vec<Missed>,
    /// Other facts for an operator: lists that a search skipped, failures that a run met.
    pub notes: Vec<String>,
    /// The command that goes on with the job, if there is something to go on with; `None` of several jobs, which have
    /// their own.
    pub resume: Option<String>,
    /// Operations whose accepted cancel was not verified, because that was not asked for.
    #[serde(skip)]
    pub not_verified: u64,
}

/// A run of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "a span of time")]
pub struct RunSpan {
    /// The time of its begin.
    pub begun: Timestamp,
    /// The time of its end; `None` while it goes on, or if it was killed.
    pub ended: Option<Timestamp>,
}

fn id_of<S: Serializer>(services: &Services, serializer: S) -> Result<S::Ok, S::Error> {
    services.only().map(|only| only.id).serialize(serializer)
}

impl Summary {
    /// An empty summary of a job of this kind, of the default service.
    #[must_use]
    pub fn new(
        kind: impl Into<String>,
        endpoint: impl Into<String>,
        created: Timestamp,
        reported: Timestamp,
    ) -> Self {
        Self {
            kind: kind.into(),
            created,
            reported,
            services: Services::new([Service::DEFAULT]),
            server_filter: None,
            endpoint: endpoint.into(),
            digest: None,
            quota: None,
            lanes: Vec::new(),
            jobs: Vec::new(),
            repeated: Repeated::default(),
            searches: Vec::new(),
            search: None,
            runs: Vec::new(),
            duplicates: 0,
            already_done: AlreadyDone::default(),
            vanished: Vec::new(),
            not_searched: NotSearched::default(),
            missed: Vec::new(),
            notes: Vec::new(),
            resume: None,
            not_verified: 0,
        }
    }

    /// The endpoints of all lanes and files, each once.
    pub(super) fn endpoints(&self) -> Vec<&str> {
        let mut all = Vec::new();
        let lanes = self.lanes.iter().map(|lane| &*lane.endpoint);
        let files = self.jobs.iter().flat_map(|job| {
            let lanes = job.lanes.iter().map(|lane| &*lane.endpoint);
            lanes.chain(job.lanes.is_empty().then_some(&*job.endpoint))
        });
        for endpoint in lanes.chain(files) {
            if !all.contains(&endpoint) {
                all.push(endpoint);
            }
        }
        match all[..] {
            [] => vec![&self.endpoint],
            _ => all,
        }
    }

    /// The command that goes on with the job, or those of several.
    pub(super) fn commands(&self) -> impl Iterator<Item = &str> {
        let each = self.jobs.iter().filter_map(|job| job.resume.as_deref());
        self.resume.as_deref().into_iter().chain(each)
    }

    /// A rescue's search has not come to its end, so that the next run goes on with it. A plan, which has a
    /// digest, is not searched again.
    #[must_use]
    pub fn search_is_open(&self) -> bool {
        if !self.jobs.is_empty() {
            return self.jobs.iter().any(|job| job.search_is_open);
        }
        self.digest.is_none() && self.search.is_some_and(|search| search.is_open())
    }

    /// `2 lists were not searched to the end: …`; `None` where all were.
    pub(super) fn incomplete(&self) -> Option<String> {
        let not_attempted = self.search.map_or(0, |search| search.not_attempted);
        let count = self.missed.len() as u64 + not_attempted;
        let was = if count == 1 { "was" } else { "were" };
        (count > 0).then(|| {
            let act = match self.services.have_parent_records() {
                true => format!("their {} may act", self.services.nouns(1)),
                false => "they go on".to_owned(),
            };
            format!(
                "{} {was} not searched to the end: operations there are not in this job, and {act}",
                counted(count, "list")
            )
        })
    }
}

impl Counts {
    /// From the start of the first run (of the first cancel, if no run is known) until the last
    /// cancel left: the figure that decides about devices. `None` before any cancel; while some are
    /// unsent it still grows.
    #[must_use]
    pub fn time_to_last_cancel(&self, summary: &Summary) -> Option<Duration> {
        self.time_to(self.last_cancel_sent_at, summary)
    }

    /// From the same start until the last verdict was known.
    #[must_use]
    pub fn time_to_last_verdict(&self, summary: &Summary) -> Option<Duration> {
        self.time_to(self.last_known, summary)
    }

    fn time_to(&self, end: Option<Timestamp>, summary: &Summary) -> Option<Duration> {
        let began = summary.runs.iter().map(|run| run.begun).min();
        Some(end?.since(began.or(self.first_cancel_sent_at)?))
    }
}
