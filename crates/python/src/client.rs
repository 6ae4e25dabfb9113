//! The client behind `Client` and `AsyncClient`.

use std::path::PathBuf;

use countermand::{Access, Client, ClientBuilder, ConnectError, HyperConfig};
use countermand_core::{self as core, Endpoint, OperationName, Outcome, Policy};
use countermand_fleet::{FilterError, Pace};
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
use crate::services::or_default;
use crate::stream::Stream;
use crate::token::{Callback, Origin};
use crate::{arguments, bulk, clock, errors, names, policy, quota, rows, selection, wire};

/// Makes the calls; a forked child connects anew.
#[pyclass(module = "countermand._countermand", name = "Client", frozen)]
pub(crate) struct NativeClient {
    pub(crate) endpoint: Endpoint,
    warnings: Vec<String>,
    policy: Policy,
    pub(crate) in_flight: Option<InFlight>,
    builder: ClientBuilder,
    origin: Origin,
    /// `None` after closing.
    connected: Lock<Option<Native<Connected>>>,
}

/// The client of one process.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) raiser: Raiser,
}

#[pymethods]
impl NativeClient {
    #[new]
    #[pyo3(signature = (*, service, scope, endpoint, token, source, quota_project, ca_file, deadline, attempt_timeout, max_attempts, in_flight,
        allow_plaintext, proxy_from_env, user_agent))]
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
    ) -> PyResult<Self> {
        let policy = policy::policy(
            Policy::default(),
            deadline,
            attempt_timeout,
            max_attempts,
            None,
        )?;
        let mut config = HyperConfig::default()
            .allow_plaintext(allow_plaintext)
            .proxy_from_env(proxy_from_env);
        if let Some(path) = ca_file {
            config = config.ca_file(path);
        }
        if let Some(program) = user_agent {
            config = config.user_agent(arguments::text("user_agent", program)?);
        }
        let mut builder = ClientBuilder::new().config(config);
        let service = or_default(service);
        builder = builder.service(service);
        if let Some(given) = scope {
            builder = builder.scope(arguments::text("scope", given)?);
        }
        if let Some(given) = endpoint {
            let url = arguments::text("endpoint", given)?;
            builder = builder.endpoint(wire::endpoint(Some(&url), service)?);
        }
        if let Some(given) = quota_project {
            builder = builder.quota_project(arguments::text("quota_project", given)?);
        }
        let origin = Origin::new(py, token, source)?;
        let access = access(py, &builder, &origin);
        let (access, callback) = access.map_err(|error| errors::connect(py, error))?;
        let this = Self {
            endpoint: access.endpoint().clone(),
            warnings: access.warnings().to_vec(),
            policy,
            in_flight,
            builder,
            origin,
            connected: Lock::new(None),
        };
        // What cannot work is better known now than at the first call.
        let connected = this.connect(&access, callback);
        let connected = connected.map_err(|error| errors::connect(py, error))?;
        *this.connected.lock() = Some(Native::new(connected));
        if access.may_lack_credentials() {
            Call::new(async move {
                let found = access.check_credentials().await;
                let ready: Ready = Box::new(move |py| match found {
                    Ok(()) => Ok(py.None()),
                    Err(error) => Err(errors::connect(py, error)),
                });
                ready
            })
            .wait(py)?;
        }
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
        let Connected { client, raiser } = self.here(py, None)?;
        let client = with_in_flight(client.policy(policy.clone()), in_flight);
        Ok(Self {
            endpoint: self.endpoint.clone(),
            warnings: Vec::new(),
            policy,
            in_flight: in_flight.or(self.in_flight),
            builder: self.builder.clone(),
            origin: self.origin.clone_ref(py),
            connected: Lock::new(Some(Native::new(Connected { client, raiser }))),
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
        let Connected { client, raiser } = self.here(py, None)?;
        let name = rows::one(name, &self.endpoint)?;
        Ok(Call::new(async move {
            let result = client.cancel(&name).await;
            raiser.ready(result, |py, ()| Ok(py.None()))
        }))
    }

    fn get(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<Call> {
        let Connected { client, raiser } = self.here(py, None)?;
        let name = rows::one(name, &self.endpoint)?;
        names::check_method(py, &name, core::Call::Get)?;
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
        let Connected { client, raiser } = self.here(py, None)?;
        let parent = names::callable(parent, &self.endpoint, core::Call::ListOperations)?;
        let filter = filter.map(|ServerSide(filter)| filter);
        if filter.is_some() {
            let checked = parent.check_filter().map_err(FilterError::from);
            checked.map_err(selection::refused)?;
        }
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
        let Connected { client, raiser } = self.here(py, deadline)?;
        let name = rows::one(name, &self.endpoint)?;
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
        let quota = quota::quota(quota, share, self.endpoint.service())?;
        let pace = Pace::of(&quota, self.endpoint.service());
        let Connected { client, raiser } = self.here(py, deadline)?;
        let client = with_in_flight(client.quota(quota), in_flight);
        bulk::begin(py, &client, &self.endpoint, watched, pace, journal, raiser)
    }

    fn close(&self) {
        *self.connected.lock() = None;
    }
}

impl NativeClient {
    /// The client of this process, made anew if this is a child of the one that made it.
    pub(crate) fn here(&self, py: Python<'_>, deadline: Option<Length>) -> PyResult<Connected> {
        let deadline = deadline
            .map(|it| clock::seconds("deadline", it))
            .transpose()?;
        let mut here = {
            let mut connected = self.connected.lock();
            match connected.as_ref().map(Native::get) {
                None => Err(PyRuntimeError::new_err("the client is closed"))?,
                Some(Some(here)) => Ok(here.clone()),
                Some(None) => access(py, &self.builder, &self.origin)
                    .and_then(|(access, callback)| self.connect(&access, callback))
                    .inspect(|here| *connected = Some(Native::new(here.clone()))),
            }
        }
        .map_err(|error| errors::connect(py, error))?;
        if let Some(deadline) = deadline {
            here.client = here.client.policy(self.policy.clone().deadline(deadline));
        }
        Ok(here)
    }

    fn connect(
        &self,
        access: &Access,
        callback: Option<Callback>,
    ) -> Result<Connected, ConnectError> {
        let client = access.connect()?.policy(self.policy.clone());
        Ok(Connected {
            client: with_in_flight(client, self.in_flight),
            raiser: Raiser(callback),
        })
    }
}

/// The client with this limit; its own where there is none.
pub(crate) fn with_in_flight(client: Client, in_flight: Option<InFlight>) -> Client {
    match in_flight {
        Some(InFlight(requests)) => client.in_flight(requests),
        None => client,
    }
}

/// The access of this process, and the function behind its tokens.
fn access(
    py: Python<'_>,
    builder: &ClientBuilder,
    origin: &Origin,
) -> Result<(Access, Option<Callback>), ConnectError> {
    let credentials = origin.credentials(py);
    let (credentials, callback) = credentials.map_err(ConnectError::Credentials)?;
    let access = builder.clone().credentials(credentials).resolve()?;
    Ok((access, callback))
}

fn operation(py: Python<'_>, operation: countermand_core::Operation) -> PyResult<Py<PyAny>> {
    Ok(Py::new(py, Operation(operation))?.into_any())
}

fn verdict(py: Python<'_>, (name, outcome): (OperationName, Outcome)) -> PyResult<Py<PyAny>> {
    outcome::outcome(py, &name, outcome).map(Bound::unbind)
}
