//! Authorization of a run: the caller says which server and which operations, and the job file has to
//! agree.
//!
//! A job file may come from anywhere. It decides neither where a token goes nor what is cancelled:
//! both are named by the caller, and only the agreement of the two starts a run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use countermand_core::text::{printable, shown};
use countermand_core::{Endpoint, GrandparentName, ParentName, Timestamp};

use crate::lane::Lane;
use crate::not_searched::NotSearched;
use crate::schedule::Options;
use crate::services::Services;
use crate::spell::phrase;
use crate::spell::{counted, grouped, spell};
use crate::store::{Contents, Digest, Job, JobError, Kind, Record, Settings};

/// Number of differences that are listed; the rest is counted.
const LISTED: usize = 5;

/// Enterprises that a caller has confirmed, with the number of operations, if one was told.
pub type Confirmed = BTreeMap<GrandparentName, Option<u64>>;

/// Statements of a caller about the job that is to be applied.
///
/// ```
/// use countermand_fleet::store::Kind;
/// use countermand_fleet::{Authorization, Job, Options, Plan, Refusal, Settings, Target, now};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("wipes.job");
/// # let name = "enterprises/LC01/devices/3f/operations/17".parse()?;
/// # let plan = Plan { targets: vec![Target::new(name)], ..Plan::default() };
/// # plan.write(&path, &Settings::new(Kind::Plan), now(), |_| Ok(()))?;
///
/// let (job, options) = (Job::open(&path, now())?, Options::default());
/// let mut authorization = Authorization::default(); // Google's server, nothing is confirmed
/// let refused = authorization.check(job, options, now()).unwrap_err();
/// assert!(matches!(refused.refusal(), Refusal::NotConfirmed { .. }));
///
/// authorization.confirmed = Some([("enterprises/LC01".parse()?, Some(1))].into());
/// let (job, _) = refused.into_parts();
/// let authorized = authorization.check(job, options, now())?; // for `Run::begin`
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the caller fills it in")]
pub struct Authorization {
    /// The endpoint that this run names: Google's, if it names none.
    pub endpoint: Endpoint,
    /// The lanes that this run names, of a job with several: which token goes where is never the file's to say.
    pub lanes: Vec<Lane>,
    /// The digest of the plan that the caller has seen, if any.
    pub digest: Option<Digest>,
    /// The enterprises and counts that the caller has confirmed; `None` if nothing was said.
    pub confirmed: Option<Confirmed>,
    /// The greatest age of a plan that was never applied, instead of the job's own.
    pub max_age: Option<Duration>,
}

/// Reason why a job is not applied. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The job is for another server than this run.
    #[error(
        "{} is for {}, and this run would send to {run}: the server of a job has to be named for each run",
        match &**lane {
            "" => "the job".to_owned(),
            lane => format!("the lane {} of the job", shown(lane)),
        },
        printable(job)
    )]
    OtherEndpoint {
        /// The lane of the job; empty for the only one.
        lane: String,
        /// The job's.
        job: String,
        /// The run's.
        run: String,
    },
    /// A lane of the job is none of this run's, or has other names there.
    #[error("the job has {}, and this run has {run}", lane_words(lane))]
    OtherLane {
        /// The name of the job's; empty for the only lane of a job.
        lane: String,
        /// Lanes of the run, in words.
        run: String,
    },
    /// The job is for another service than this run.
    #[error("the job is for the service {job}, and this run is for {run}")]
    OtherService {
        /// The id of the job's.
        job: &'static str,
        /// The id of the run's.
        run: &'static str,
    },
    /// The file holds another plan than the one that was seen.
    #[error(
        "the file holds another plan than the one that was seen: its digest is {found}, expected {seen}"
    )]
    OtherPlan {
        /// The digest of the one that was seen.
        seen: Digest,
        /// The digest of the one in the file.
        found: String,
    },
    /// The plan is too old: its operations may have changed.
    #[error("the plan is {} old, the greatest age is {}: its operations may have changed", spell(*age), spell(*max_age))]
    Stale {
        /// Age of the plan.
        age: Duration,
        /// Greatest age that is allowed.
        max_age: Duration,
    },
    /// The counts were not confirmed, or others were.
    #[error("{}", not_confirmed(*kind, planned, confirmed.as_ref()))]
    NotConfirmed {
        /// The kind of the job: of a rescue only the enterprises count.
        kind: Kind,
        /// Number of operations of each enterprise in the job.
        planned: BTreeMap<GrandparentName, u64>,
        /// Confirmation that was given, if any.
        confirmed: Option<Confirmed>,
    },
    /// A rescue that was stopped before it recorded its enterprises.
    #[error(
        "the job file names nothing to search: the rescue was stopped before it began; start the rescue again"
    )]
    Empty,
    /// The file cannot be read.
    #[error(transparent)]
    Job(#[from] JobError),
}

/// A job that its caller may run: all that [`Run::begin`](crate::Run::begin) takes, and only an
/// [`Authorization`] makes it.
#[derive(Debug)]
pub struct AuthorizedJob {
    pub(crate) job: Job,
    pub(crate) options: Options,
}

/// A rescue that its caller may begin; there is no file of it yet.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorizedRescue {
    settings: Settings,
    devices: Vec<ParentName>,
}

/// A refusal, and the job that it is about.
#[derive(Debug, thiserror::Error)]
#[error("{refusal}")]
pub struct NotAuthorized {
    // The mutex makes the error one of any thread, as `?` into `Box<dyn Error + Send + Sync>` asks for.
    job: Box<Mutex<Job>>,
    refusal: Refusal,
}

impl NotAuthorized {
    /// The reason.
    #[must_use]
    pub const fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// The job, still locked, and the reason.
    #[must_use]
    pub fn into_parts(self) -> (Job, Refusal) {
        let job = self.job.into_inner();
        (job.unwrap_or_else(PoisonError::into_inner), self.refusal)
    }
}

impl Authorization {
    /// Compares it with a job that is to be applied.
    ///
    /// Sending anything needs the endpoint; cancelling needs the counts as well, each time: that a
    /// job was begun, and by whom, is only what its file says. Of a rescue the enterprises are
    /// enough. A plan must not be too old until its first run begins. Looking again
    /// (`options.recheck`) cancels nothing and needs no counts.
    ///
    /// # Errors
    /// The reason why it must not be applied, with the job: a caller may say more, and ask again.
    pub fn check(
        &self,
        job: Job,
        options: Options,
        now: Timestamp,
    ) -> Result<AuthorizedJob, NotAuthorized> {
        match self.compare(&job, options, now) {
            Ok(()) => Ok(AuthorizedJob { job, options }),
            Err(refusal) => Err(NotAuthorized {
                job: Box::new(Mutex::new(job)),
                refusal,
            }),
        }
    }

    /// Compares it with a rescue that is to begin: the enterprises of its settings and of these devices
    /// are confirmed. A count that looks like a limit is refused.
    ///
    /// # Errors
    /// [`Refusal::OtherEndpoint`], [`Refusal::NotConfirmed`], and [`Refusal::Empty`] for a rescue of
    /// nothing.
    pub fn check_rescue(
        &self,
        settings: Settings,
        devices: Vec<ParentName>,
    ) -> Result<AuthorizedRescue, Refusal> {
        self.is_for(&settings)?;
        let of_devices = devices.iter().map(ParentName::parent);
        let named = settings.enterprises.iter().cloned().chain(of_devices);
        let named = named.map(|name| (name, 0)).collect();
        confirm(Kind::Rescue, named, self.confirmed.clone())?;
        Ok(AuthorizedRescue { settings, devices })
    }

    /// Refuses the settings of a job of another service or another server than those of this run.
    ///
    /// # Errors
    /// [`Refusal::OtherService`], [`Refusal::OtherEndpoint`].
    pub fn is_for(&self, settings: &Settings) -> Result<(), Refusal> {
        if self.lanes.is_empty() && settings.has_one_lane() {
            return same_place(settings.lane(), &self.endpoint);
        }
        settings.lanes.iter().try_for_each(|lane| self.has(lane))
    }

    /// Compares a lane of a job with the one of this name of the run.
    fn has(&self, lane: &Lane) -> Result<(), Refusal> {
        let refuse = |run: String| {
            let lane = lane.name.clone();
            Err(Refusal::OtherLane { lane, run })
        };
        // Without a profile each service has a lane, at its own server.
        let beside = match self.lanes.is_empty() {
            true => Lane::beside(&self.endpoint, lane.service),
            false => None,
        };
        let mut lanes = self.lanes.iter().chain(&beside);
        let Some(own) = lanes.find(|own| own.name == lane.name) else {
            return refuse(match self.lanes.len() {
                0 => "no lanes".to_owned(),
                count => format!("{}, none of this name", counted(count as u64, "lane")),
            });
        };
        if !own.is_same(lane) {
            let what = "other names, another service, another project or another region for it";
            return refuse(what.to_owned());
        }
        let at = own.endpoint.parse::<Endpoint>();
        match at.map(|at| at.of_service(own.service)) {
            Ok(at) => same_place(lane, &at),
            Err(_) => Err(Refusal::OtherEndpoint {
                lane: lane.name.clone(),
                job: lane.endpoint.clone(),
                run: own.endpoint.clone(),
            }),
        }
    }

    fn compare(&self, job: &Contents, options: Options, now: Timestamp) -> Result<(), Refusal> {
        let settings = job.settings();
        self.is_for(settings)?;
        if let Some(seen) = self.digest
            && job.digest() != Some(seen)
        {
            let found = job.digest().map(|digest| digest.to_string());
            let found = found.unwrap_or_else(|| format!("a {}", settings.kind));
            return Err(Refusal::OtherPlan { seen, found });
        }
        if options.recheck {
            return Ok(());
        }
        if let Some((age, max_age)) = stale(job, self.max_age, now)? {
            return Err(Refusal::Stale { age, max_age });
        }
        confirm(settings.kind, job.enterprises()?, self.confirmed.clone())
    }
}

impl AuthorizedRescue {
    /// The settings of its job.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Makes its file.
    ///
    /// # Errors
    /// A file that exists is left alone; the disk's.
    pub fn create(
        self,
        path: impl AsRef<Path>,
        options: Options,
        now: Timestamp,
    ) -> Result<AuthorizedJob, JobError> {
        let others = Record::not_searched(&NotSearched::of(&self.devices), now);
        let devices = self.devices.into_iter();
        let devices = devices.map(|name| Record::Device { name, seen: None });
        let devices: Vec<_> = devices.chain(others).collect();
        let (job, ()) = Job::create_with(path, &self.settings, now, |job| job.record(&devices))?;
        Ok(AuthorizedJob { job, options })
    }
}

impl AuthorizedJob {
    /// The job.
    #[must_use]
    pub const fn job(&self) -> &Job {
        &self.job
    }

    /// Gives it back, not run.
    #[must_use]
    pub fn into_job(self) -> Job {
        self.job
    }
}

/// The age of a plan that was never applied and is too old for that, and its greatest age; `max_age`
/// instead of its own.
pub(crate) fn stale(
    job: &Contents,
    max_age: Option<Duration>,
    now: Timestamp,
) -> Result<Option<(Duration, Duration)>, JobError> {
    let settings = job.settings();
    if settings.kind != Kind::Plan || job.runs().next().transpose()?.is_some() {
        return Ok(None);
    }
    let ages = (
        now.since(job.created()),
        max_age.unwrap_or(settings.max_age),
    );
    Ok(Some(ages).filter(|(age, most)| age > most))
}

/// Compares the confirmation with the job: the number of operations of each enterprise, of a rescue
/// the enterprises alone.
fn confirm(
    kind: Kind,
    planned: BTreeMap<GrandparentName, u64>,
    confirmed: Option<Confirmed>,
) -> Result<(), Refusal> {
    match (kind, &confirmed) {
        (Kind::Rescue, _) if planned.is_empty() => Err(Refusal::Empty),
        // An earlier version has written such plans. What is confirmed and not there is refused all the same.
        (Kind::Plan | Kind::Feed, None) if planned.is_empty() => Ok(()),
        (_, Some(said)) if differences(kind, &planned, said).is_empty() => Ok(()),
        _ => Err(Refusal::NotConfirmed {
            kind,
            planned,
            confirmed,
        }),
    }
}

impl Settings {
    /// The endpoints of its lanes that are not Google's, each once: people have to see them.
    #[must_use]
    pub fn other_endpoints(&self) -> Vec<&str> {
        let mut others = Vec::new();
        for lane in self.lanes.iter().filter(|lane| !lane.is_at_google()) {
            if !others.contains(&&*lane.endpoint) {
                others.push(&*lane.endpoint);
            }
        }
        others
    }

    /// The endpoint, if a run of the job has to name it: it is not the one that the service has by itself.
    pub(crate) fn named_endpoint(&self) -> Option<String> {
        // Those of lanes stand in the profile of a run.
        if !self.has_one_lane() {
            return None;
        }
        let lane = self.lane();
        let own = lane.service.is_googles() && is_at(lane, &lane.service.endpoint());
        (!own).then(|| lane.endpoint.clone())
    }
}

fn lane_words(lane: &str) -> String {
    match lane {
        "" => "one lane without a name".to_owned(),
        lane => format!("the lane {}", shown(lane)),
    }
}

/// Refuses a lane of a job that is of another service or for another server than this one.
fn same_place(lane: &Lane, run: &Endpoint) -> Result<(), Refusal> {
    if lane.service != run.service() {
        let (job, run) = (lane.service.id, run.service().id);
        return Err(Refusal::OtherService { job, run });
    }
    match is_at(lane, run) {
        true => Ok(()),
        false => Err(Refusal::OtherEndpoint {
            lane: lane.name.clone(),
            job: lane.endpoint.clone(),
            run: run.to_string(),
        }),
    }
}

/// True if a lane of a job is for this server. Google's endpoint for mutual TLS is the same server: the
/// choice between the two depends on the environment and not on the job.
pub(crate) fn is_at(lane: &Lane, endpoint: &Endpoint) -> bool {
    let Ok(job) = lane.endpoint.parse::<Endpoint>() else {
        return false;
    };
    let job = job.of_service(lane.service);
    let google = [lane.service.endpoint(), lane.service.mtls_endpoint()];
    job == *endpoint || google.contains(&job) && google.contains(endpoint)
}

fn not_confirmed(
    kind: Kind,
    planned: &BTreeMap<GrandparentName, u64>,
    confirmed: Option<&Confirmed>,
) -> String {
    let Some(confirmed) = confirmed else {
        return format!("not confirmed: the job {}", subject(kind, planned));
    };
    let mut all = differences(kind, planned, confirmed);
    let more = all.len().saturating_sub(LISTED);
    all.truncate(LISTED);
    if more > 0 {
        all.push(format!("{more} more differ"));
    }
    format!("the confirmation does not match: {}", all.join("; "))
}

/// `has 2,000 operations of enterprises/LC01 and 3 of enterprises/LC02`.
fn subject(kind: Kind, planned: &BTreeMap<GrandparentName, u64>) -> String {
    let each = planned.iter().enumerate();
    let each = each.map(|(at, (enterprise, count))| match kind {
        Kind::Plan | Kind::Feed if at == 0 => {
            format!("{} of {enterprise}", counted(*count, "operation"))
        }
        Kind::Plan | Kind::Feed => format!("{} of {enterprise}", grouped(*count)),
        Kind::Rescue => enterprise.to_string(),
    });
    let verb = match kind {
        Kind::Plan | Kind::Feed => "has",
        Kind::Rescue => "searches, and cancels what it finds in,",
    };
    format!("{verb} {}", each.collect::<Vec<_>>().join(" and "))
}

/// Parts of the confirmation that do not hold, a clause for each enterprise.
fn differences(
    kind: Kind,
    planned: &BTreeMap<GrandparentName, u64>,
    confirmed: &Confirmed,
) -> Vec<String> {
    let services = Services::new(planned.keys().map(GrandparentName::service));
    let of_planned = planned.iter().filter_map(|(enterprise, &count)| {
        let said = match confirmed.get(enterprise) {
            Some(None) if kind == Kind::Rescue => return None,
            Some(&Some(said)) if said == count => return None,
            // It would look like a limit, which it cannot be.
            Some(Some(said)) if kind == Kind::Rescue => {
                return Some(format!(
                    "{} of {enterprise} were confirmed, but a rescue cancels all that it finds: confirm {} without a number",
                    counted(*said, "operation"),
                    phrase(&services, enterprise)
                ));
            }
            Some(Some(said)) => format!("the confirmation says {}", grouped(*said)),
            Some(None) => "the confirmation has no number".to_owned(),
            None => "the confirmation does not name it".to_owned(),
        };
        Some(match kind {
            Kind::Plan | Kind::Feed => format!(
                "the job has {} of {enterprise}, {said}",
                counted(count, "operation")
            ),
            Kind::Rescue => format!("the rescue searches {enterprise}, which was not confirmed"),
        })
    });
    let others = confirmed
        .keys()
        .filter(|enterprise| !planned.contains_key(*enterprise));
    // A secret that was given where the enterprise belongs can be a name as well.
    let others = others.map(|enterprise| shown(enterprise.as_str()));
    let others = others.map(|enterprise| match kind {
        Kind::Plan | Kind::Feed => {
            format!("{enterprise} was confirmed, the job has no operation there")
        }
        Kind::Rescue => format!("{enterprise} was confirmed, the rescue does not search there"),
    });
    of_planned.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use countermand_core::Service;

    use super::*;

    fn is_for(settings: &Settings, endpoint: &Endpoint) -> bool {
        is_at(settings.lane(), endpoint)
    }

    fn name(id: &str) -> GrandparentName {
        format!("enterprises/{id}").parse().unwrap()
    }

    #[test]
    fn a_wrong_count_is_told_as_a_difference() {
        let planned = [(name("LC01"), 5000), (name("LC02"), 1)].into();
        let confirmed: Confirmed = [(name("LC01"), Some(9999)), (name("LC03"), None)].into();
        assert_eq!(
            not_confirmed(Kind::Plan, &planned, Some(&confirmed)),
            "the confirmation does not match: the job has 5,000 operations of enterprises/LC01, \
             the confirmation says 9,999; the job has 1 operation of enterprises/LC02, the confirmation does not name it; \
             enterprises/LC03 was confirmed, the job has no operation there"
        );
        assert_eq!(
            not_confirmed(Kind::Plan, &planned, None),
            "not confirmed: the job has 5,000 operations of enterprises/LC01 and 1 of enterprises/LC02"
        );
        let right: Confirmed = [(name("LC01"), Some(5000)), (name("LC02"), Some(1))].into();
        assert!(differences(Kind::Plan, &planned, &right).is_empty());
        let names: Confirmed = [(name("LC01"), None), (name("LC02"), Some(7))].into();
        assert_eq!(differences(Kind::Plan, &planned, &names).len(), 2);
        assert_eq!(
            differences(Kind::Rescue, &planned, &names),
            [
                "7 operations of enterprises/LC02 were confirmed, but a rescue cancels all that it finds: confirm LC02 without a number"
            ]
        );
        let names: Confirmed = [(name("LC01"), None), (name("LC02"), None)].into();
        assert!(differences(Kind::Rescue, &planned, &names).is_empty());
    }

    #[test]
    fn a_plan_of_nothing_takes_no_confirmation_of_something() {
        let nothing = BTreeMap::new;
        let confirmed: Confirmed = [(name("LC01"), Some(3))].into();
        assert!(confirm(Kind::Plan, nothing(), None).is_ok());
        assert!(confirm(Kind::Plan, nothing(), Some(Confirmed::new())).is_ok());
        let refused = confirm(Kind::Plan, nothing(), Some(confirmed)).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the confirmation does not match: enterprises/LC01 was confirmed, the job has no operation there"
        );
    }

    #[test]
    fn fault_57_only_googles_two_endpoints_are_one_server() {
        let mut settings = Settings::new(Kind::Plan);
        let other: Endpoint = "https://other.example".parse().unwrap();
        for google in [Endpoint::default(), Service::DEFAULT.mtls_endpoint()] {
            settings.lane_mut().endpoint = google.to_string();
            assert!(is_for(&settings, &Endpoint::default()));
            assert!(is_for(&settings, &Service::DEFAULT.mtls_endpoint()));
            assert!(!is_for(&settings, &other));
            assert!(settings.other_endpoints().is_empty());
        }
        settings.lane_mut().endpoint = other.to_string();
        assert!(is_for(&settings, &other));
        assert!(!is_for(&settings, &Endpoint::default()));
        assert!(!is_for(
            &settings,
            &"https://other.example/v2".parse().unwrap()
        ));
        assert!(!is_for(&settings, &"http://other.example".parse().unwrap()));
        assert_eq!(settings.other_endpoints(), ["https://other.example/v1"]);
        settings.lane_mut().endpoint = "no endpoint".to_owned();
        assert!(!is_for(&settings, &Endpoint::default()));
        assert_eq!(settings.other_endpoints(), ["no endpoint"]);
    }

    /// Without a profile a job of several services goes to Google's server of each, and to no other.
    #[test]
    fn fault_57_lanes_of_services_are_at_their_own_servers() {
        let batch = Service::named("batch.v1").unwrap();
        let place = Endpoint::default();
        let mut settings = Settings::new(Kind::Plan);
        let services = [Service::DEFAULT, batch];
        let lanes = services.map(|service| Lane::beside(&place, service).unwrap());
        settings.lanes = lanes.into();
        for own in [place, batch.endpoint(), Service::DEFAULT.mtls_endpoint()] {
            let authorization = Authorization {
                endpoint: own,
                ..Authorization::default()
            };
            authorization.is_for(&settings).unwrap();
            for change in [
                |lane: &mut Lane| lane.endpoint = "https://evil.example/v1".to_owned(),
                |lane: &mut Lane| lane.endpoint = Service::DEFAULT.endpoint().to_string(),
                |lane: &mut Lane| lane.name = "androidmanagement.v1x".to_owned(),
                |lane: &mut Lane| lane.project = Some("p".to_owned()),
            ] {
                let mut forged = settings.clone();
                change(&mut forged.lanes[1]);
                assert!(authorization.is_for(&forged).is_err());
            }
        }
        // A server that was named is of one service.
        let endpoint: Endpoint = "http://127.0.0.1:1".parse().unwrap();
        let authorization = Authorization {
            endpoint,
            ..Authorization::default()
        };
        assert!(authorization.is_for(&settings).is_err());
    }

    #[test]
    fn fault_57_a_regional_endpoint_is_googles_and_another_one_than_the_root() {
        let vertex = Service::named("aiplatform.v1").unwrap();
        let regional: Endpoint = "https://europe-west4-aiplatform.googleapis.com"
            .parse()
            .unwrap();
        let settings = Settings::at(Kind::Plan, &regional.clone().of_service(vertex));
        assert!(settings.other_endpoints().is_empty());
        let named = "https://europe-west4-aiplatform.googleapis.com/v1";
        assert_eq!(settings.named_endpoint().as_deref(), Some(named));
        assert!(is_for(&settings, &regional.of_service(vertex)));
        assert!(!is_for(&settings, &vertex.endpoint()));
    }
}
