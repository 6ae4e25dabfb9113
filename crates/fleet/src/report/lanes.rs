//! The lanes of a job in figures.

use std::collections::HashMap;
use std::fmt;

use countermand_core::Service;
use countermand_core::text::printable;
use countermand_scheduler::Window;
use serde::Serialize;

use crate::counts::Counts;
use crate::lane::Lane;
use crate::store::{Contents, JobError};

/// A lane of a job, and what became of its operations.
///
/// `Display` is a line: `north (project emm-north), 80 % of 600/60s: 40 operations: 40 cancelled`, with the endpoint if it is
/// not Google's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LaneCounts {
    /// Its name.
    pub name: String,
    /// The id of the service of its operations.
    pub service: &'static str,
    /// The project whose quota it uses.
    pub project: Option<String>,
    /// The region whose quota it uses.
    pub region: Option<String>,
    /// Its endpoint.
    pub endpoint: String,
    /// That is a server of Google.
    #[serde(skip)]
    at_google: bool,
    /// Its quota in words, like `80 % of 600/60s and 1000/100s`.
    pub quota: Option<String>,
    /// Its operations by state.
    pub counts: Counts,
}

impl LaneCounts {
    /// The lanes of a job, in their order; none for a job with one lane without a name. Reads every row then.
    ///
    /// # Errors
    /// The disk's.
    pub fn of_job(job: &Contents) -> Result<Vec<Self>, JobError> {
        let settings = job.settings();
        if settings.has_one_lane() {
            return Ok(Vec::new());
        }
        let empty = settings.lanes.iter().map(|lane| Self {
            name: lane.name.clone(),
            service: lane.service.id,
            project: lane.project.clone(),
            region: lane.region.clone(),
            endpoint: lane.endpoint.clone(),
            at_google: lane.is_at_google(),
            quota: quota(lane),
            counts: Counts::default(),
        });
        let mut all: Vec<_> = empty.collect();
        let names = settings.lanes.iter().zip(0..);
        let places: HashMap<&str, usize> = names.map(|(lane, at)| (&*lane.name, at)).collect();
        for row in job.rows() {
            let row = row?;
            if let Some(&place) = row.lane.as_deref().and_then(|lane| places.get(lane)) {
                all[place].counts.add(&row);
            }
        }
        Ok(all)
    }
}

impl fmt::Display for LaneCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let project = self
            .project
            .iter()
            .map(|project| format!("project {project}"));
        let region = self.region.iter().map(|region| format!("region {region}"));
        let other = self.service != Service::DEFAULT.id && self.service != self.name;
        let service = other.then(|| self.service.to_owned()).into_iter();
        let owner = service
            .chain(project)
            .chain(region)
            .collect::<Vec<_>>()
            .join(", ");
        write!(f, "{}", self.name)?;
        if !owner.is_empty() {
            write!(f, " ({})", printable(&owner))?;
        }
        if !self.at_google {
            write!(f, " at {}", printable(&self.endpoint))?;
        }
        let quota = self.quota.as_deref().unwrap_or("no quota");
        write!(f, ", {quota}: {}", self.counts.sentence())
    }
}

/// `80 % of 600/60s and 1000/100s`; `None` without a limit.
pub(super) fn quota(lane: &Lane) -> Option<String> {
    let windows: Vec<String> = lane.quota.iter().map(Window::to_string).collect();
    if windows.is_empty() {
        return None;
    }
    let share = (lane.share * 100.0).round();
    let assumed = match lane.quota().is_assumed(lane.service) {
        true => " (assumed, none is documented)",
        false => "",
    };
    Some(format!("{share} % of {}{assumed}", windows.join(" and ")))
}
