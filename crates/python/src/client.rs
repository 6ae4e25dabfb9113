//! The client behind `Client` and `AsyncClient`.

use std::path::PathBuf;
use std::sync::Arc;

use countermand::{Client, ClientBuilder, ConnectError, HyperConfig};
use countermand_core::{self as core, Endpoint, OperationName, Outcome, Policy, Service};
use countermand_fleet::{FilterError, Lane, Meant, Pace, Profile};
use futures_util::StreamExt;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::arguments::{Attempts, InFlight, QuotaText, ServerSide, Share};
use crate::call::{Call, Ready};
use crate::clock::Length;
use crate::feed::Feed;
use crate::lock::Lock;
use crate::outcome::{self, Operation};
use crate::process::Native;
use crate::raiser::Raiser;
use crate::services::Chosen;
use crate::stream::Stream;
use crate::token::Origin;
use crate::ways::{NoClient, Ways};
use crate::{arguments, bulk, clock, errors, names, policy, quota, rows, selection, wire};

/// Makes the calls; a forked child connects anew.
///
/// Its lanes are those of a profile, each with a client of its own; without a profile there is one for all names.
#[pyclass(module = "countermand._countermand", name = "Client", frozen)]
pub(crate) struct NativeClient {
    pub(crate) endpoint: Endpoint,
    warnings: Vec<String>,
    policy: Policy,
    pub(crate) in_flight: Option<InFlight>,
    pub(crate) profile: Arc<Profile>,
    way: ClientBuilder,
    quota_project: Option<String>,
    origin: Origin,
    /// `None` after closing.
    connected: Lock<Option<Native<Connected>>>,
}

/// The clients of one process, under the limits of this one.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) ways: Arc<Ways>,
    policy: Policy,
    in_flight: Option<InFlight>,
    pub(crate) raiser: Raiser,
}

#[pymethods]
impl NativeClient {
    #[new]
    #[pyo3(signature = (*, service, scope, endpoint, token, source, quota_project, ca_file, deadline, attempt_timeout, max_attempts, in_flight,
        allow_plaintext, proxy_from_env, user_agent, profile))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        service: Option<Chosen>,
        scope: Option<&Bound<'_, PyAny>>,
        endpoint: Option<&Bound<'_, PyAny>>,
        token: Option<&Bound<'_, PyAny>>,
        source: Option<&Bound<'_, PyAny>>,
        quota_project: Option<&Bound<'_, PyAny>>,
        ca_file: Option<PathBuf>,
        deadline: Option<Length>,
        attempt_timeout: Option<Length>,
        max_attempts: Option<Attempts>,
        in_flight: Option<InFlight>,
        allow_plaintext: bool,
        proxy_from_env: bool,
        user_agent: Option<&Bound<'_, PyAny>>,
        profile: Option<&crate::profile::Profile>,
    ) -> PyResult<Self> {
        let profile = profile.map(|profile| Arc::clone(&profile.0));
        let profile = profile.unwrap_or_default();
        let usual = &profile.defaults;
        let policy = match usual.deadline {
            Some(deadline) => Policy::default().deadline(deadline),
            None => Policy::default(),
        };
        let policy = policy::policy(policy, deadline, attempt_timeout, max_attempts, None)?;
        let mut config = HyperConfig::default()
            .allow_plaintext(allow_plaintext)
            .proxy_from_env(proxy_from_env || usual.proxy_from_env);
        if let Some(path) = ca_file.as_ref().or(usual.ca_file.as_ref()) {
            config = config.ca_file(path);
        }
        if let Some(program) = user_agent {
            config = config.user_agent(arguments::text("user_agent", program)?);
        }
        let mut way = ClientBuilder::new().config(config);
        let service = service.map(|Chosen(service)| service);
        let service = service.or(usual.service).unwrap_or(Service::DEFAULT);
        way = way.service(service);
        if let Some(given) = scope {
            way = way.scope(arguments::text("scope", given)?);
        }
        if let Some(given) = endpoint {
            let url = arguments::text("endpoint", given)?;
            way = way.endpoint(wire::endpoint(Some(&url), service)?);
        }
        let named = way.named_endpoint();
        let named = named.map_err(|error| errors::connect(py, "", error))?;
        let usual_endpoint = usual.endpoint.clone();
        let named = named.or_else(|| usual_endpoint.map(|it| it.of_service(service)));
        let quota_project = quota_project.map(|given| arguments::text("quota_project", given));
        let in_flight = in_flight.or(usual.in_flight.map(InFlight));
        let mut this = Self {
            endpoint: named.clone().unwrap_or_else(|| service.endpoint()),
            warnings: Vec::new(),
            policy,
            in_flight,
            profile,
            way: way.endpoint(named),
            quota_project: quota_project.transpose()?,
            origin: Origin::new(py, token, source)?,
            connected: Lock::new(None),
        };
        let connected = this
            .connect(py)
            .map_err(|error| errors::connect(py, "", error))?;
        let begun = this.begin(py, &connected);
        begun.map_err(|error| error.raise(py))??;
        *this.connected.lock() = Some(Native::new(connected));
        Ok(this)
    }

    /// The same connections and the same tokens under other limits; its own where there is `None`.
    fn with_options(
        &self,
        py: Python<'_>,
        deadline: Option<Length>,
        attempt_timeout: Option<Length>,
        max_attempts: Option<Attempts>,
        in_flight: Option<InFlight>,
    ) -> PyResult<Self> {
        let policy = self.policy.clone();
        let policy = policy::policy(policy, deadline, attempt_timeout, max_attempts, None)?;
        let mut connected = self.here(py, None)?;
        connected.policy = policy.clone();
        connected.in_flight = in_flight.or(connected.in_flight);
        Ok(Self {
            endpoint: self.endpoint.clone(),
            warnings: Vec::new(),
            policy,
            in_flight: connected.in_flight,
            profile: Arc::clone(&self.profile),
            way: self.way.clone(),
            quota_project: self.quota_project.clone(),
            origin: self.origin.clone_ref(py),
            connected: Lock::new(Some(Native::new(connected))),
        })
    }

    /// Warnings about files that hold secrets.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// The id of the service.
    #[getter]
    fn service(&self) -> &'static str {
        self.endpoint.service().id
    }

    #[getter]
    fn endpoint(&self) -> String {
        self.endpoint.to_string()
    }

    fn cancel(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<Call> {
        let name = rows::one(name, &self.endpoint)?;
        let (client, raiser) = self.client_of(py, None, &name)?;
        Ok(Call::new(async move {
            let result = client.cancel(&name).await;
            raiser.ready(result, |py, ()| Ok(py.None()))
        }))
    }

    fn get(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<Call> {
        let name = rows::one(name, &self.endpoint)?;
        names::check_method(py, &name, core::Call::Get)?;
        let (client, raiser) = self.client_of(py, None, &name)?;
        Ok(Call::new(async move {
            raiser.ready(client.get(&name).await, operation)
        }))
    }

    fn list_operations(
        &self,
        py: Python<'_>,
        parent: &Bound<'_, PyAny>,
        filter: Option<ServerSide>,
    ) -> PyResult<Stream> {
        let parent = names::callable(parent, &self.endpoint, core::Call::ListOperations)?;
        let filter = filter.map(|ServerSide(filter)| filter);
        if filter.is_some() {
            let checked = parent.check_filter().map_err(FilterError::from);
            checked.map_err(selection::refused)?;
        }
        let here = self.here(py, None)?;
        let meant = Meant {
            parents: std::slice::from_ref(&parent),
            ..Meant::default()
        };
        let client = here.ways.client_for(&meant);
        let client = here.limited(client.map_err(|error| error.raise(py))?);
        let raiser = here.raiser;
        let operations = client.list_operations(&parent, filter);
        Ok(Stream::new(
            operations.map(move |result| raiser.ready(result, operation)),
        ))
    }

    fn countermand(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        deadline: Option<Length>,
    ) -> PyResult<Call> {
        let name = rows::one(name, &self.endpoint)?;
        let (client, raiser) = self.client_of(py, deadline, &name)?;
        Ok(Call::new(async move {
            let result = client.countermand(&name).await;
            raiser.ready(result.map(|outcome| (name, outcome)), verdict)
        }))
    }

    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn countermand_all(
        &self,
        py: Python<'_>,
        quota: Option<QuotaText>,
        share: Option<Share>,
        in_flight: Option<InFlight>,
        watched: bool,
        journal: Option<Py<PyAny>>,
        deadline: Option<Length>,
    ) -> PyResult<(Stream, Feed)> {
        let terms = quota::terms(quota, share)?;
        let mut here = self.here(py, deadline)?;
        here.in_flight = in_flight.or(here.in_flight);
        let lane = here.ways.only_lane(&terms);
        let lane = lane.map_err(|error| error.raise(py))?;
        let client = here.ways.client(&lane).map_err(|error| error.raise(py))?;
        let (client, quota) = (here.limited(client), lane.quota());
        let pace = Pace::of(&quota, self.endpoint.service());
        let client = client.quota(quota);
        let raiser = here.raiser;
        // Without a profile every name is of the only one.
        let lane = (!lane.name.is_empty()).then_some(lane);
        let of = (&self.endpoint, lane);
        bulk::begin(py, &client, of, watched, pace, journal, raiser)
    }

    fn close(&self) {
        *self.connected.lock() = None;
    }
}

impl NativeClient {
    /// The clients of this process, made anew if this is a child of the one that made them.
    pub(crate) fn here(&self, py: Python<'_>, deadline: Option<Length>) -> PyResult<Connected> {
        let deadline = deadline
            .map(|it| clock::seconds("deadline", it))
            .transpose()?;
        let mut here = {
            let mut connected = self.connected.lock();
            match connected.as_ref().map(Native::get) {
                None => Err(PyRuntimeError::new_err("the client is closed"))?,
                Some(Some(here)) => Ok(here.clone()),
                Some(None) => self
                    .connect(py)
                    .inspect(|here| *connected = Some(Native::new(here.clone()))),
            }
        }
        .map_err(|error| errors::connect(py, "", error))?;
        if let Some(deadline) = deadline {
            here.policy = here.policy.deadline(deadline);
        }
        Ok(here)
    }

    /// The client of the lane of an operation.
    fn client_of(
        &self,
        py: Python<'_>,
        deadline: Option<Length>,
        name: &OperationName,
    ) -> PyResult<(Client, Raiser)> {
        let here = self.here(py, deadline)?;
        let meant = Meant {
            operations: vec![name],
            ..Meant::default()
        };
        let client = here.ways.client_for(&meant);
        let client = client.map_err(|error| error.raise(py))?;
        Ok((here.limited(client), here.raiser))
    }

    /// Clients of this process, none of which is made yet.
    fn connect(&self, py: Python<'_>) -> Result<Connected, ConnectError> {
        let credentials = self.origin.credentials(py);
        let (credentials, callback) = credentials.map_err(ConnectError::Credentials)?;
        let mut access = self.way.clone().credentials(credentials);
        if let Some(project) = &self.quota_project {
            access = access.quota_project(project);
        }
        let named = match (&self.origin, &self.quota_project) {
            (Origin::Environment, None) => None,
            (Origin::Environment, Some(_)) => Some("quota_project=..."),
            _ => Some("token=..."),
        };
        let profile = Arc::clone(&self.profile);
        let way = self.way.clone();
        let ways = Ways::new(profile, self.endpoint.clone(), (way, access), named);
        Ok(Connected {
            ways: Arc::new(ways),
            policy: self.policy.clone(),
            in_flight: self.in_flight,
            raiser: Raiser(callback),
        })
    }

    /// Makes the client of the only lane: what cannot work is better known now than at the first call. Those of
    /// several lanes are made when they are needed.
    fn begin(&mut self, py: Python<'_>, connected: &Connected) -> Result<PyResult<()>, NoClient> {
        let ways = &connected.ways;
        let lanes = ways.all()?;
        self.profile.check_named(&lanes, ways.named)?;
        let [lane] = &lanes[..] else {
            return Ok(Ok(()));
        };
        let access = ways.access(lane)?;
        ways.connect(lane, &access)?;
        self.endpoint = access.endpoint().clone();
        self.warnings = access.warnings().to_vec();
        if !access.may_lack_credentials() {
            return Ok(Ok(()));
        }
        let lane = lane.name.clone();
        let checked = Call::new(async move {
            let found = access.check_credentials().await;
            let ready: Ready = Box::new(move |py| match found {
                Ok(()) => Ok(py.None()),
                Err(error) => Err(errors::connect(py, &lane, error)),
            });
            ready
        });
        Ok(checked.wait(py).map(|_| ()))
    }
}

impl Connected {
    /// A client under these limits.
    pub(crate) fn limited(&self, client: Client) -> Client {
        let client = client.policy(self.policy.clone());
        match self.in_flight {
            Some(InFlight(requests)) => client.in_flight(requests),
            None => client,
        }
    }

    /// The clients of the lanes of a job.
    pub(crate) async fn clients(&self, lanes: &[Lane]) -> Result<Vec<Client>, NoClient> {
        let clients = self.ways.clients(lanes).await?;
        let limited = clients.into_iter().map(|client| self.limited(client));
        Ok(limited.collect())
    }
}

fn operation(py: Python<'_>, operation: countermand_core::Operation) -> PyResult<Py<PyAny>> {
    Ok(Py::new(py, Operation(operation))?.into_any())
}

fn verdict(py: Python<'_>, (name, outcome): (OperationName, Outcome)) -> PyResult<Py<PyAny>> {
    outcome::outcome(py, &name, outcome).map(Bound::unbind)
}
