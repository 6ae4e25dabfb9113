//! Settings of a job: kept in its file, so that each run does the same.

use std::fmt::Display;
use std::time::Duration;

use countermand_core::{Endpoint, GrandparentName, Policy};
use countermand_scheduler::Window;
use serde::{Deserialize, Serialize};

use super::error::JobErrorKind;
use super::kind::Kind;
use crate::filter::Filter;
use crate::job_row::JobRow;
use crate::kept_service::KeptService;
use crate::lane::{Lane, Lanes};
use crate::seconds;
use crate::services::Services;

/// The settings of a job, as readable JSON in its file.
///
/// Durations are `600s`, windows `600/60s,1000/100s`. A field that this version does not know is
/// an error: to leave it out could mean to cancel more than was wanted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Settings {
    /// The kind of the job.
    pub kind: Kind,
    /// The owners of quotas among which its calls are spread; nearly always one.
    pub lanes: Vec<Lane>,
    /// The time limit of an operation.
    #[serde(with = "seconds")]
    pub deadline: Duration,
    /// The greatest age of a plan when it is first applied.
    #[serde(with = "seconds")]
    pub max_age: Duration,
    /// The enterprises that are searched; empty when names were given.
    pub enterprises: Vec<GrandparentName>,
    /// The filter of the search.
    pub filter: Filter,
    /// The greatest number of operations that a rescue cancels.
    pub max: Option<u64>,
}

/// The same as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    kind: Kind,
    lanes: Vec<Lane>,
    #[serde(with = "seconds")]
    deadline: Duration,
    #[serde(with = "seconds")]
    max_age: Duration,
    enterprises: Vec<String>,
    filter: Filter,
    max: Option<u64>,
}

/// The services of the lanes, which are looked at first.
#[derive(Deserialize)]
struct OfLanes {
    lanes: Vec<OfLane>,
}

#[derive(Deserialize)]
struct OfLane {
    service: KeptService,
}

impl Settings {
    /// The number of operations that a rescue cancels at most, unless its caller says another.
    pub const MAX_OF_RESCUE: u64 = 10_000;

    /// The number of operations, from the first one, that a run takes up.
    pub(crate) fn most(&self) -> u64 {
        let max = self.max.filter(|_| self.kind == Kind::Rescue);
        max.unwrap_or(u64::MAX)
    }

    /// The row, with the words of the limit of a rescue about it.
    pub(crate) fn limited(&self, mut row: JobRow) -> JobRow {
        row.beyond_max = row.position > self.most();
        row
    }

    /// A job of this kind for the default service's endpoint, with the documented quota, the deadline of a
    /// [`Policy`] and a plan that is good for an hour.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self::at(kind, &Endpoint::default())
    }

    /// The same for another endpoint, and its service.
    #[must_use]
    pub fn at(kind: Kind, endpoint: &Endpoint) -> Self {
        Self {
            kind,
            lanes: vec![Lane::at(endpoint)],
            deadline: Policy::default().get_deadline(),
            max_age: Duration::from_secs(3600),
            enterprises: Vec::new(),
            filter: Filter::default(),
            max: None,
        }
    }

    /// Reads what stands in a file.
    ///
    /// # Errors
    /// [`Service`](JobErrorKind::Service) for a service that this process does not know, or knows by another
    /// description; [`Damaged`](JobErrorKind::Damaged).
    pub(super) fn read(text: &str) -> Result<Self, JobErrorKind> {
        let damaged =
            |error: &dyn Display| JobErrorKind::damaged(format_args!("settings: {error}"));
        if let Ok(OfLanes { lanes }) = serde_json::from_str(text) {
            let known = lanes
                .iter()
                .try_for_each(|lane| lane.service.known().map(|_| ()));
            known.map_err(|what| JobErrorKind::Service { what })?;
        }
        let kept: Kept = serde_json::from_str(text).map_err(|error| damaged(&error))?;
        Lanes::new(&kept.lanes).map_err(|error| damaged(&error))?;
        let services = Services::new(kept.lanes.iter().map(|lane| lane.service));
        let enterprises = kept.enterprises.iter();
        let enterprises = enterprises.map(|name| services.parse(name).ok_or(name));
        Ok(Self {
            kind: kept.kind,
            lanes: kept.lanes,
            deadline: kept.deadline,
            max_age: kept.max_age,
            enterprises: enterprises
                .collect::<Result<_, _>>()
                .map_err(|_| damaged(&"the name of a resource"))?,
            filter: kept.filter,
            max: kept.max,
        })
    }

    /// The first lane, which is nearly always the only one.
    ///
    /// # Panics
    /// Without a lane: those of a file have been checked.
    #[must_use]
    pub fn lane(&self) -> &Lane {
        self.lanes.first().expect("a job has a lane")
    }

    /// The same, to be changed.
    ///
    /// # Panics
    /// As of [`lane`](Self::lane).
    pub fn lane_mut(&mut self) -> &mut Lane {
        self.lanes.first_mut().expect("a job has a lane")
    }

    /// The services of its lanes.
    #[must_use]
    pub fn services(&self) -> Services {
        Services::new(self.lanes.iter().map(|lane| lane.service))
    }

    /// True for a job as nearly all are: its lanes are not to be spoken of.
    #[must_use]
    pub fn has_one_lane(&self) -> bool {
        matches!(&*self.lanes, [only] if only.name.is_empty())
    }

    /// A sentence about the quota where it is an assumption.
    #[must_use]
    pub fn assumed_quota(&self) -> Option<String> {
        let assumed = |lane: &&Lane| lane.quota().is_assumed(lane.service);
        self.lanes.iter().find(assumed).map(|lane| {
            let windows = lane.quota.iter().map(Window::to_string);
            format!(
                "The quota of {} is not documented: {} is assumed (--quota, in Python quota=, gives another one), and a lower one that the \
                 server names is kept.",
                lane.service.title,
                windows.collect::<Vec<_>>().join(" and ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use countermand_core::Service;
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::store::Digest;

    #[test]
    fn settings_read_back_what_they_wrote() {
        let mut settings = Settings::new(Kind::Rescue);
        for _ in 0..2 {
            let json = serde_json::to_string(&settings).unwrap();
            assert_eq!(Settings::read(&json).unwrap(), settings);
            settings.lane_mut().quota.clear();
            settings.lane_mut().per_resource = None;
            settings.deadline = Duration::from_millis(1500);
        }
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let json = serde_json::to_string(&Settings::new(Kind::Plan)).unwrap();
        let json = json.replacen('{', r#"{"only_on_sundays":true,"#, 1);
        let error = Settings::read(&json).unwrap_err();
        assert!(error.to_string().contains("only_on_sundays"), "{error}");
    }

    fn described(id: &str, title: &str) -> String {
        format!(
            r#"{{"schema":"countermand.service/1","id":"{id}","title":"{title}","host":"{}.example",
            "names":[{{"pattern":"projects/{{project}}/operations/{{operation}}"}}]}}"#,
            id.replace('.', "-")
        )
    }

    #[test]
    fn a_job_is_of_one_service() {
        let service = Service::named("documentai.v1beta3").unwrap();
        let mut settings = Settings::at(Kind::Rescue, &service.endpoint());
        let name = GrandparentName::parse(service, "projects/p").unwrap();
        settings.enterprises.push(name);
        let json = serde_json::to_string(&settings).unwrap();
        assert!(
            json.contains(r#""service":{"id":"documentai.v1beta3"}"#),
            "{json}"
        );
        let read = Settings::read(&json).unwrap();
        assert_eq!(read, settings);
        assert_eq!(read.enterprises[0].service().id, "documentai.v1beta3");
        let unknown = json.replace("documentai.v1beta3", "nothing.v1");
        let error = Settings::read(&unknown).unwrap_err();
        assert!(matches!(&error, JobErrorKind::Service { what } if what.contains("nothing.v1")));
        let digest = json.replace(r#"beta3"}"#, r#"beta3","sha256":"00"}"#);
        let error = Settings::read(&digest).unwrap_err().to_string();
        assert!(error.contains("another description"), "{error}");
    }

    #[test]
    fn fault_57_a_service_in_a_file_is_known_by_its_digest() {
        let text = described("private.v1", "One");
        let service = Service::from_json(text.as_bytes()).unwrap();
        let settings = Settings::at(Kind::Plan, &service.endpoint());
        assert_eq!(
            settings.other_endpoints(),
            ["https://private-v1.example/v1"]
        );
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(Settings::read(&json).unwrap(), settings);
        // As in a process that has read no file, or another one.
        let error = Settings::read(&json.replace("private.v1", "absent.v1")).unwrap_err();
        assert!(error.to_string().contains("--service-file FILE"), "{error}");
        let digest = |text: &str| Digest::new(Sha256::digest(text).into()).to_string();
        let (digest, other) = (digest(&text), digest(&described("private.v1", "Two")));
        assert!(json.contains(&digest), "{json}");
        let error = Settings::read(&json.replace(&digest, &other)).unwrap_err();
        for part in [&digest, &other] {
            assert!(error.to_string().contains(part.as_str()), "{error}");
        }
    }
}
