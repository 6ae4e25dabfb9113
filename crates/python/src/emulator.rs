//! The emulator on a port of this machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use countermand_core::Service;
use countermand_emulator::{Action, Config, Quirks, Script, Server, Shared};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arguments;
use crate::lock::Lock;
use crate::process::{self, Native};
use crate::services::Chosen;

/// A server in this process; a forked child can call it but not stop it.
#[pyclass(module = "countermand._countermand", frozen)]
pub(crate) struct Emulator {
    shared: Shared,
    server: Lock<Option<Native<Server>>>,
    #[pyo3(get)]
    endpoint: String,
    #[pyo3(get)]
    enterprise: String,
    /// The id of the service.
    #[pyo3(get)]
    service: &'static str,
    #[pyo3(get)]
    parent: Option<String>,
    /// The word for parents on the emulator's own endpoints.
    #[pyo3(get)]
    collection: &'static str,
    /// The part of a full name before the relative one.
    #[pyo3(get)]
    before_names: String,
}

#[pymethods]
impl Emulator {
    #[new]
    #[pyo3(signature = (*, service, devices, pending, history, seed, token, faults, quirks))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        service: Chosen,
        devices: &Bound<'_, PyAny>,
        pending: &Bound<'_, PyAny>,
        history: &Bound<'_, PyAny>,
        seed: &Bound<'_, PyAny>,
        token: &Bound<'_, PyAny>,
        faults: &str,
        quirks: &str,
    ) -> PyResult<Self> {
        let count = |what, given| {
            let most = u64::from(u32::MAX);
            arguments::whole(what, given, 0..=most).map(|count| count as usize)
        };
        let bad = |problem: String| PyValueError::new_err(problem);
        let Chosen(service) = service;
        let script =
            Script::parse(service, faults).map_err(|error| bad(format!("faults: {error}")))?;
        let quirks: Quirks =
            serde_json::from_str(quirks).map_err(|error| bad(format!("quirks: {error}")))?;
        let start = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let config = Config::default()
            .service(service)
            .parents(count("devices", devices)?)
            .operations(count("pending", pending)?, count("history", history)?)
            .seed(arguments::whole("seed", seed, 0..=u64::MAX)?)
            .token(arguments::text("token", token)?)
            .start(start.as_millis() as u64)
            .quirks(quirks)
            .script(script);
        let shared = Shared::new(config);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let engine = process::engine(py)?;
        let server = py.detach(|| {
            engine
                .handle()
                .block_on(Server::bind(address, shared.clone()))
        })?;
        let (enterprise, parent) = shared.with(|emulator, _| {
            let parent = emulator.parent().map(|parent| parent.to_string());
            (emulator.grandparent().to_owned(), parent)
        });
        Ok(Self {
            endpoint: server.endpoint(),
            enterprise,
            service: service.id,
            parent,
            collection: service.level_above(1).collection,
            before_names: match *service == *Service::DEFAULT {
                true => String::new(),
                false => format!("//{}/", service.host),
            },
            shared,
            server: Lock::new(Some(Native::new(server))),
        })
    }

    /// Calls one of the emulator's own endpoints: a body, or `ValueError` with the problem.
    #[pyo3(signature = (method, endpoint, body, root=""))]
    fn admin(&self, method: &str, endpoint: &str, body: String, root: &str) -> PyResult<String> {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{root}/_emulator/{endpoint}"))
            .body(Bytes::from(body))
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let Action::Respond(response) = self.shared.handle(&request).action else {
            return Err(PyValueError::new_err("the emulator did not answer"));
        };
        let text = String::from_utf8_lossy(response.body()).into_owned();
        match response.status().is_success() {
            true => Ok(text),
            false => Err(PyValueError::new_err(problem(text))),
        }
    }

    fn close(&self) {
        self.server.take();
    }
}

/// The error in an answer of the emulator's own endpoints.
fn problem(text: String) -> String {
    let json = serde_json::from_str::<serde_json::Value>(&text);
    let problem = json
        .ok()
        .and_then(|json| Some(json.get("error")?.as_str()?.to_owned()));
    problem.unwrap_or(text)
}
