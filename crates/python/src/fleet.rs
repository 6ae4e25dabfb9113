//! Calls of a client about many operations.

use std::path::PathBuf;

use countermand_fleet::store::{Digest, Kind, View};
use countermand_fleet::{
    Authorization, Confirmed, Estimate, Excluded, Job, Lane, Meant, Options, Plan, QuotaTerms,
    SearchLane, Settings, now,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::apply::{Work, begin};
use crate::arguments::{InFlight, QuotaText, Share};
use crate::call::Call;
use crate::client::NativeClient;
use crate::clock::Length;
use crate::files::{OpenFile, blocking};
use crate::find::Finder;
use crate::jobs::{self, NoPlan};
use crate::selection::Selection;
use crate::stream::Stream;
use crate::ways::NoClient;
use crate::{arguments, clock, job_errors, names, profile, quota};

#[pyfunction]
pub(crate) fn find(
    client: PyRef<'_, NativeClient>,
    py: Python<'_>,
    selection: &Bound<'_, PyAny>,
    quota: Option<QuotaText>,
    share: Option<Share>,
    in_flight: Option<InFlight>,
) -> PyResult<Finder> {
    let selection = Selection::of(selection, &client.endpoint)?;
    let terms = quota::terms(quota, share)?;
    let in_flight = client.options(in_flight, false).in_flight;
    let here = client.here(py, None)?;
    let raise = |error: NoClient| error.raise(py);
    let lanes = here.ways.lanes_for(&terms, &selection.meant());
    let lanes = lanes.map_err(|error| raise(error.into()))?;
    let clients = lanes.iter().map(|lane| here.ways.client(lane));
    let clients = clients.collect::<Result<Vec<_>, _>>().map_err(raise)?;
    let clients = clients.into_iter().map(|client| here.limited(client));
    let (above, parents) = (&selection.enterprises, &selection.parents);
    let searches = SearchLane::spread(&lanes, clients.collect(), in_flight, above, parents);
    let searches = searches.map_err(|error| PyValueError::new_err(error.to_string()))?;
    let service = client.endpoint.service();
    Ok(Finder::new(service, searches, here.raiser, selection))
}

/// The call that plans what a search finds, or what the caller has.
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
#[pyfunction]
pub(crate) fn plan(
    client: PyRef<'_, NativeClient>,
    py: Python<'_>,
    path: PathBuf,
    names: &Bound<'_, PyAny>,
    selection: Option<&Bound<'_, PyAny>>,
    by_harm: bool,
    max_age: Option<Length>,
    deadline: Option<Length>,
    quota: Option<QuotaText>,
    share: Option<Share>,
) -> PyResult<Call> {
    let selection = selection.map(|given| Selection::of(given, &client.endpoint));
    let selection = selection.transpose()?;
    let terms = quota::terms(quota, share)?;
    let mut settings = client.settings(Kind::Plan, deadline)?;
    if let Some(seconds) = max_age {
        settings.max_age = clock::seconds("max_age", seconds)?;
    }
    let place = |settings: &mut Settings, meant: &Meant<'_>| {
        let here = client.here(py, None)?;
        let lanes = here.ways.lanes_for(&terms, meant);
        settings.lanes = lanes.map_err(|error| profile::raised(py, &error))?;
        PyResult::Ok(())
    };
    // After a search of many minutes it would be late to hear of it.
    Job::may_be_made(&path).map_err(|error| job_errors::error(py, &error))?;
    let file = OpenFile::new()?;
    let found = match names.cast::<Finder>() {
        Ok(finder) => {
            let (finder, sought) = (finder.get(), finder.get().selection());
            let (own, service) = (client.endpoint.service(), finder.service());
            if service != own {
                return Err(job_errors::other_service(py, &path, service.id, own.id));
            }
            if let Some(meant) = &selection {
                sought.check(&meant.filter)?;
            }
            settings.enterprises.clone_from(&sought.enterprises);
            settings.filter = sought.filter.clone();
            place(&mut settings, &sought.meant())?;
            let lanes = settings.lanes.iter().map(|lane| &lane.name);
            if !lanes.eq(finder.lanes()) {
                return Err(PyValueError::new_err(
                    "the search is one of a client with other lanes: search with this client",
                ));
            }
            Ok((finder.begun(py)?, finder.raiser()))
        }
        Err(_) => {
            let items = jobs::items(names, &client.endpoint)?;
            if let Some(meant) = &selection {
                meant.check_given(&items)?;
                settings.filter = meant.filter.clone();
            }
            let operations = items.iter().map(|target| &target.name).collect();
            let meant = Meant {
                operations,
                ..Meant::default()
            };
            place(&mut settings, &meant)?;
            Err(items)
        }
    };
    let source = async move {
        let mut plan = Plan {
            by_harm,
            ..Plan::default()
        };
        match found {
            Ok((found, raiser)) => {
                let mut findings = found.all().await.ok_or(NoPlan::GivenUp)?;
                if let Some(error) = findings.failure {
                    return Err(NoPlan::Refused(error, raiser));
                }
                plan.found(&mut findings);
            }
            Err(items) => plan.targets = items,
        }
        if let Some(Selection { filter, .. }) = selection {
            let (now, mut excluded) = (now(), Excluded::default());
            plan.targets
                .retain(|target| filter.takes_target(target, now, &mut excluded));
            plan.left_out.extend(excluded.sentence(&filter));
        }
        Ok(plan)
    };
    Ok(jobs::plan(path, settings, source, file))
}

#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
#[pyfunction]
pub(crate) fn rescue(
    client: PyRef<'_, NativeClient>,
    py: Python<'_>,
    path: PathBuf,
    selection: &Bound<'_, PyAny>,
    at_most: Option<&Bound<'_, PyAny>>,
    deadline: Option<Length>,
    quota: Option<QuotaText>,
    share: Option<Share>,
    in_flight: Option<InFlight>,
    watched: bool,
) -> PyResult<Stream> {
    let selection = Selection::of(selection, &client.endpoint)?;
    let at_most = at_most.map(|most| arguments::whole("at_most", most, 0..=u64::MAX));
    let mut settings = client.settings(Kind::Rescue, deadline)?;
    let here = client.here(py, None)?;
    let terms = quota::terms(quota, share)?;
    let lanes = here.ways.lanes_for(&terms, &selection.meant());
    settings.lanes = lanes.map_err(|error| profile::raised(py, &error))?;
    settings.enterprises = selection.enterprises;
    settings.filter = selection.filter;
    settings.max = at_most.transpose()?;
    // The call itself names what is searched.
    let parents = selection.parents.iter().map(|name| name.parent());
    let named = settings.enterprises.iter().cloned().chain(parents);
    let authorization = Authorization {
        endpoint: client.endpoint.clone(),
        lanes: client.lanes(py)?,
        confirmed: Some(named.map(|name| (name, None)).collect()),
        ..Authorization::default()
    };
    let rescue = authorization.check_rescue(settings, selection.parents);
    let rescue = rescue.map_err(|refusal| job_errors::refusal(py, &refusal))?;
    let work = Work::Rescue(path, rescue);
    client.run(py, work, in_flight, false, watched)
}

#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
#[pyfunction]
pub(crate) fn apply(
    client: PyRef<'_, NativeClient>,
    py: Python<'_>,
    path: PathBuf,
    digest: Option<[u8; 32]>,
    confirm: Option<&Bound<'_, PyDict>>,
    in_flight: Option<InFlight>,
    recheck: bool,
    watched: bool,
) -> PyResult<Stream> {
    let counts = confirm.map(|counts| {
        let counts = counts.iter().map(|(name, count)| {
            let name = names::enterprise(&name, &client.endpoint)?;
            let count = match count.is_none() {
                true => None,
                false => Some(arguments::whole(
                    "a count of confirm",
                    &count,
                    0..=u64::MAX,
                )?),
            };
            Ok((name, count))
        });
        counts.collect::<PyResult<Confirmed>>()
    });
    let authorization = Authorization {
        endpoint: client.endpoint.clone(),
        lanes: client.lanes(py)?,
        digest: digest.map(Digest::new),
        confirmed: counts.transpose()?,
        max_age: None,
    };
    let work = Work::Apply(path, authorization);
    client.run(py, work, in_flight, recheck, watched)
}

/// The call for how long a job will take.
#[pyfunction]
pub(crate) fn job_estimate(
    client: PyRef<'_, NativeClient>,
    path: PathBuf,
    in_flight: Option<InFlight>,
) -> PyResult<Call> {
    let file = OpenFile::new()?;
    let options = client.options(in_flight, false);
    let look = move || {
        let estimate = Estimate::of(&*View::open(path)?, options)?;
        drop(file);
        Ok(estimate)
    };
    Ok(blocking(look, |py, estimate| {
        let times = (
            estimate.last_cancel.as_secs_f64(),
            estimate.last_verdict.as_secs_f64(),
        );
        let class = py.import("countermand.rows")?.getattr("Estimate")?;
        Ok(class.call1(times)?.unbind())
    }))
}

impl NativeClient {
    pub(crate) fn settings(&self, kind: Kind, deadline: Option<Length>) -> PyResult<Settings> {
        let mut settings = Settings::at(kind, &self.endpoint);
        let usual = &self.profile.defaults;
        let deadline = deadline.map(|seconds| clock::seconds("deadline", seconds));
        if let Some(deadline) = deadline.transpose()?.or(usual.deadline) {
            settings.deadline = deadline;
        }
        if let Some(max_age) = usual.max_age {
            settings.max_age = max_age;
        }
        Ok(settings)
    }

    /// The lanes of this client, if its profile has any.
    fn lanes(&self, py: Python<'_>) -> PyResult<Vec<Lane>> {
        let lanes = self.profile.lanes(&self.endpoint, &QuotaTerms::default());
        lanes.map_err(|error| profile::raised(py, &error))
    }

    pub(crate) fn options(&self, in_flight: Option<InFlight>, recheck: bool) -> Options {
        let mut options = Options {
            recheck,
            ..Options::default()
        };
        if let Some(InFlight(requests)) = in_flight.or(self.in_flight) {
            options.in_flight = requests;
        }
        options
    }

    fn run(
        &self,
        py: Python<'_>,
        work: Work,
        in_flight: Option<InFlight>,
        recheck: bool,
        watched: bool,
    ) -> PyResult<Stream> {
        let connected = self.here(py, None)?;
        let options = self.options(in_flight, recheck);
        begin(py, connected, work, options, watched)
    }
}
