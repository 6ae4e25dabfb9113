//! Profiles: their lanes, and to which of them a name belongs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use countermand::ClientBuilder;
use countermand_core::Service;
use countermand_fleet::store::Kind;
use countermand_fleet::{
    self as fleet, CredentialsPlace, Lane, LaneError, Meant, ProfileError, QuotaTerms, Settings,
    now,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyDict, PyString, PyTuple};

use crate::call::Call;
use crate::files::{OpenFile, blocking};
use crate::outcome::Operation;
use crate::{errors, exception, rows};

/// Contents of a `countermand.lanes.Profile`.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Profile(pub(crate) Arc<fleet::Profile>);

#[pymethods]
impl Profile {
    /// Reads the profile of a word, or without one that of the environment; `file` where the word is a path.
    #[staticmethod]
    fn load(py: Python<'_>, word: Option<OsString>, file: bool) -> PyResult<Self> {
        let read = py.detach(|| match word {
            Some(path) if file => fleet::Profile::read(path),
            word => fleet::Profile::load(word.as_deref()),
        });
        Self::made(py, read)
    }

    /// Reads the text of a file.
    #[staticmethod]
    fn parse(py: Python<'_>, text: &str, path: PathBuf) -> PyResult<Self> {
        Self::made(py, fleet::Profile::parse(text, path))
    }

    /// The text that reads as the same profile, also elsewhere.
    #[getter]
    fn text(&self) -> String {
        self.0.to_string()
    }

    #[getter]
    fn path(&self) -> PathBuf {
        self.0.path.clone()
    }

    /// The fields of each lane.
    fn lanes<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let mut quotas = HashMap::new();
        let mut fields = Vec::new();
        for lane in &self.0.lanes {
            if let Entry::Vacant(new) = quotas.entry(lane.service.id) {
                let endpoint = self.0.endpoint(lane.service);
                let lanes = self.0.lanes(&endpoint, &QuotaTerms::default());
                let lanes = lanes.map_err(|error| raised(py, &error))?.into_iter();
                new.insert(
                    lanes
                        .map(|own| (own.name.clone(), own))
                        .collect::<HashMap<_, _>>(),
                );
            }
            let quota = quotas
                .get(lane.service.id)
                .and_then(|own| own.get(&lane.name));
            if let Some(own) = quota {
                fields.push(self::fields(py, lane, own)?);
            }
        }
        Ok(fields)
    }

    /// The profile of a lane alone.
    fn only(&self, name: &str) -> Option<Self> {
        let only = self.0.only(name)?;
        Some(Self(Arc::new(only)))
    }

    /// The call that makes the file of the feed of the only lane, of which nothing was sent.
    fn begin(&self, py: Python<'_>, path: PathBuf) -> PyResult<Call> {
        let lane = self.0.lanes.first();
        let service = lane.map_or(Service::DEFAULT, |lane| lane.service);
        let named = ClientBuilder::new().service(service).named_endpoint();
        let named = named.map_err(|error| errors::connect(py, "", error))?;
        let endpoint = named.unwrap_or_else(|| self.0.endpoint(service));
        let mut settings = Settings::at(Kind::Feed, &endpoint);
        let lanes = self.0.lanes(&endpoint, &QuotaTerms::default());
        settings.lanes = lanes.map_err(|error| raised(py, &error))?;
        let file = OpenFile::new()?;
        let make = move || {
            let made = fleet::Feed::create(path, &settings, now());
            drop(file);
            made
        };
        Ok(blocking(make, |py, ()| Ok(py.None())))
    }

    /// The name of the lane to which an operation belongs.
    fn lane_of(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<String> {
        let service = self.service_of(name)?;
        let endpoint = self.0.endpoint(service);
        let name = rows::one(name, &endpoint)?;
        let meant = Meant {
            operations: vec![&name],
            ..Meant::default()
        };
        let lanes = self.0.lanes_for(&endpoint, &QuotaTerms::default(), &meant);
        let lanes = lanes.map_err(|error| raised(py, &error))?;
        Ok(lanes
            .into_iter()
            .next()
            .map_or_else(String::new, |lane| lane.name))
    }
}

impl Profile {
    fn made(py: Python<'_>, read: Result<fleet::Profile, ProfileError>) -> PyResult<Self> {
        read.map(|profile| Self(Arc::new(profile)))
            .map_err(|error| raised(py, &error))
    }

    /// The service of a name: the one that it tells, else that of the profile.
    fn service_of(&self, name: &Bound<'_, PyAny>) -> PyResult<&'static Service> {
        if let Ok(operation) = name.cast::<Operation>() {
            return Ok(operation.get().0.name.service());
        }
        let text = match name.cast::<PyString>() {
            Ok(text) => text.to_str()?.to_owned(),
            Err(_) => match name.getattr_opt("name")? {
                Some(name) => name.extract()?,
                // It is refused as a name.
                None => String::new(),
            },
        };
        let service = self.0.service(None, Some(&text));
        service.map_err(|error| PyValueError::new_err(error.to_string()))
    }
}

/// The fields of a lane of a profile, whose quota is that of `own`.
fn fields<'py>(
    py: Python<'py>,
    lane: &fleet::ProfileLane,
    own: &Lane,
) -> PyResult<Bound<'py, PyDict>> {
    let windows = own.quota.iter().map(ToString::to_string);
    let windows = windows.collect::<Vec<_>>().join(",");
    let parents = lane.parents.iter().map(ToString::to_string);
    let path = |path: &PathBuf| path.to_string_lossy().into_owned();
    let place = lane.credentials.as_ref().map(|place| match place {
        CredentialsPlace::File(file) => ("file", path(file)),
        CredentialsPlace::TokenFile(file) => ("token_file", path(file)),
        CredentialsPlace::Command(line) => ("command", line.clone()),
        CredentialsPlace::Default => ("default", String::new()),
    });
    let fields = PyDict::new(py);
    fields.set_item("name", &lane.name)?;
    fields.set_item("service", lane.service.id)?;
    fields.set_item("project", &lane.project)?;
    fields.set_item("quota_project", &lane.quota_project)?;
    fields.set_item("region", &lane.region)?;
    let parents = parents.collect::<Vec<_>>();
    fields.set_item("parents", PyTuple::new(py, parents)?)?;
    let endpoint = lane.endpoint.as_ref().map(ToString::to_string);
    fields.set_item("endpoint", endpoint)?;
    let windows = Some(windows).filter(|windows| !windows.is_empty());
    fields.set_item("quota", windows)?;
    let each = own.per_resource.as_ref().map(ToString::to_string);
    fields.set_item("per_resource", each)?;
    fields.set_item("share", own.share)?;
    fields.set_item("credentials", place)?;
    fields.set_item("impersonate", &lane.impersonate)?;
    fields.set_item("subject", &lane.subject)?;
    Ok(fields)
}

/// The exception for a mistake in a profile, or for a name that does not fit it.
pub(crate) fn raised(py: Python<'_>, error: &ProfileError) -> PyErr {
    let attributes = || {
        let kwargs = [("path", &error.path)].into_py_dict(py)?;
        kwargs.set_item("lane", &error.lane)?;
        Ok(kwargs)
    };
    let class = exception::class(py, exception::OF_LANES, "ProfileError");
    exception::make(&class, &error.to_string(), attributes())
}

/// The exception for a name that is not of the lane of a client.
pub(crate) fn not_of_lane(py: Python<'_>, error: &LaneError) -> PyErr {
    let attributes = || {
        let kwargs = [("path", "")].into_py_dict(py)?;
        kwargs.set_item("lane", py.None())?;
        Ok(kwargs)
    };
    let class = exception::class(py, exception::OF_LANES, "ProfileError");
    exception::make(&class, &error.to_string(), attributes())
}
