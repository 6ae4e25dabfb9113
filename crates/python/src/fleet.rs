//! What a client does for fleets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use countermand_fleet::job::{Digest, Kind};
use countermand_fleet::{Authorization, Confirmed, Options, Settings, now};
use pyo3::prelude::*;

use crate::apply::{Applying, Work};
use crate::call::Call;
use crate::client::{Connected, NativeClient};
use crate::find::Finder;
use crate::jobs::{self, NoPlan, Source};
use crate::selection::Selection;
use crate::{clock, job_errors, names, quota};

#[pyfunction]
pub(crate) fn find(
    client: PyRef<'_, NativeClient>,
    py: Python<'_>,
    selection: Selection,
    quota: Option<&str>,
    share: f64,
    in_flight: Option<usize>,
) -> PyResult<Finder> {
    let quota = quota::quota(quota, share)?;
    let here = client.here(py, None)?;
    let Connected {
        client: caller,
        raiser,
    } = here;
    let caller = caller.in_flight(in_flight.unwrap_or(client.in_flight));
    Ok(Finder::new(caller, raiser, selection, quota))
}

/// The call that plans what a search finds, or what the caller has.
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
#[pyfunction]
pub(crate) fn plan(
    client: PyRef<'_, NativeClient>,
    py: Python<'_>,
    path: PathBuf,
    names: &Bound<'_, PyAny>,
    selection: Option<Selection>,
    by_harm: bool,
    max_age: f64,
    deadline: f64,
    quota: Option<&str>,
    share: f64,
) -> PyResult<Call> {
    let mut settings = client.settings(Kind::Plan, deadline, quota, share)?;
    settings.max_age = clock::seconds("max_age", max_age)?;
    // After a search of many minutes it would be late to hear of it.
    if path.symlink_metadata().is_ok() {
        return Err(job_errors::exists(py, &path));
    }
    let file = crate::files::OpenFile::new()?;
    let found = match names.cast::<Finder>() {
        Ok(finder) => Ok((finder.get().begun(py)?, finder.get().raiser())),
        Err(_) => Err(jobs::items(names, &client.endpoint)?),
    };
    let source = async move {
        let mut source = match found {
            Ok((found, raiser)) => {
                let found = found.all().await.ok_or(NoPlan::GivenUp)?;
                if let Some(error) = found.refused {
                    return Err(NoPlan::Refused(error, raiser));
                }
                Source::Found(found)
            }
            Err(items) => Source::Items(items),
        };
        if let Some(selection) = selection {
            let now = now();
            source.retain(|item| selection.filter.admits(item, now));
        }
        Ok(source)
    };
    Ok(jobs::plan(path, settings, source, by_harm, file))
}

#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
#[pyfunction]
pub(crate) fn rescue(
    client: PyRef<'_, NativeClient>,
    py: Python<'_>,
    path: PathBuf,
    selection: Selection,
    at_most: Option<u64>,
    deadline: f64,
    quota: Option<&str>,
    share: f64,
    in_flight: Option<usize>,
    watched: bool,
) -> PyResult<Applying> {
    let mut settings = client.settings(Kind::Rescue, deadline, quota, share)?;
    settings.enterprises = selection.enterprises;
    settings.filter = selection.filter;
    settings.max = at_most;
    let work = Work::Rescue(path, settings);
    client.run(py, work, in_flight, false, watched)
}

#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
#[pyfunction]
pub(crate) fn apply(
    client: PyRef<'_, NativeClient>,
    py: Python<'_>,
    path: PathBuf,
    digest: Option<[u8; 32]>,
    confirm: Option<BTreeMap<String, u64>>,
    in_flight: Option<usize>,
    recheck: bool,
    watched: bool,
) -> PyResult<Applying> {
    let counts = confirm.map(|counts| {
        let counts = counts.into_iter();
        let counts = counts.map(|(name, count)| {
            let name = names::enterprise(name.into_pyobject(py)?.as_any())?;
            Ok((name, Some(count)))
        });
        counts.collect::<PyResult<Confirmed>>()
    });
    let authorization = Authorization {
        endpoint: client.endpoint.clone(),
        digest: digest.map(Digest::new),
        confirmed: counts.transpose()?,
        max_age: None,
    };
    let work = Work::Apply(path, authorization);
    client.run(py, work, in_flight, recheck, watched)
}

impl NativeClient {
    fn settings(
        &self,
        kind: Kind,
        deadline: f64,
        quota: Option<&str>,
        share: f64,
    ) -> PyResult<Settings> {
        let mut settings = Settings::new(kind);
        settings.endpoint = self.endpoint.to_string();
        settings.deadline = clock::seconds("deadline", deadline)?;
        quota::of_job(&mut settings, quota, share)?;
        Ok(settings)
    }

    fn run(
        &self,
        py: Python<'_>,
        work: Work,
        in_flight: Option<usize>,
        recheck: bool,
        watched: bool,
    ) -> PyResult<Applying> {
        let Connected { client, raiser } = self.here(py, None)?;
        let options = Options {
            in_flight: in_flight.unwrap_or(self.in_flight).max(1),
            recheck,
        };
        Applying::new(py, client, raiser, work, options, watched)
    }
}
