//! Clients of the lanes of a profile: one for all names where it has no lanes.

use std::collections::HashMap;
use std::sync::Arc;

use countermand::hyper::Transports;
use countermand::{Access, Client, ClientBuilder, ConnectError};
use countermand_core::{Endpoint, TransportError, TransportErrorKind};
use countermand_fleet::{
    CallersAccess, Lane, LaneAccessError, Meant, Profile, ProfileError, QuotaTerms,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::lock::Lock;
use crate::{errors, profile};

/// The ways to the servers of a client in one process, and the clients that were made so far.
pub(crate) struct Ways {
    pub(crate) profile: Arc<Profile>,
    /// Root of the API for lanes without one of their own.
    pub(crate) endpoint: Endpoint,
    /// The way to the server, without access, and with that of the caller.
    pub(crate) way: ClientBuilder,
    pub(crate) access: ClientBuilder,
    /// The argument that names this access, if one does.
    pub(crate) named: Option<&'static str>,
    /// Connections, which lanes with the same endpoint share.
    transports: Transports,
    made: Lock<HashMap<String, Client>>,
}

/// The reason why there is no client. Nothing was sent.
pub(crate) enum NoClient {
    Profile(ProfileError),
    Access(LaneAccessError),
    /// Of a lane; its name is empty where there is one for all.
    Connect(String, ConnectError),
    /// The lanes, where one is needed.
    Several(Vec<String>),
}

impl From<ProfileError> for NoClient {
    fn from(error: ProfileError) -> Self {
        Self::Profile(error)
    }
}

impl From<LaneAccessError> for NoClient {
    fn from(error: LaneAccessError) -> Self {
        Self::Access(error)
    }
}

impl NoClient {
    pub(crate) fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Profile(error) => profile::raised(py, &error),
            Self::Access(error @ LaneAccessError::Unused { .. }) => {
                PyValueError::new_err(error.to_string())
            }
            Self::Access(error) => {
                let kind = TransportErrorKind::CredentialsRejected;
                errors::error(py, &TransportError::new(kind, error.to_string()).into())
            }
            Self::Connect(lane, error) => errors::connect(py, &lane, error),
            Self::Several(lanes) => {
                let more = if lanes.len() > 5 { " and others" } else { "" };
                let lanes = lanes.iter().take(5).map(String::as_str);
                let lanes = lanes.collect::<Vec<_>>().join(", ");
                PyValueError::new_err(format!(
                    "this call takes names of one lane, and the client has {lanes}{more}: make a client for each, \
                     Client(profile=..., lane=...), or a plan"
                ))
            }
        }
    }
}

impl Ways {
    pub(crate) fn new(
        profile: Arc<Profile>,
        endpoint: Endpoint,
        (way, access): (ClientBuilder, ClientBuilder),
        named: Option<&'static str>,
    ) -> Self {
        Self {
            profile,
            endpoint,
            way,
            access,
            named,
            transports: Transports::default(),
            made: Lock::new(HashMap::new()),
        }
    }

    /// The lanes of the service of the client.
    fn own(&self, over: &QuotaTerms) -> Result<Vec<Lane>, ProfileError> {
        let mut lanes = self.profile.lanes(&self.endpoint, over)?;
        lanes.retain(|lane| lane.service == self.endpoint.service());
        Ok(lanes)
    }

    /// All lanes of the service.
    pub(crate) fn all(&self) -> Result<Vec<Lane>, ProfileError> {
        let over = QuotaTerms::default();
        let lanes = self.own(&over)?;
        match lanes.is_empty() {
            true => self
                .profile
                .lanes_for(&self.endpoint, &over, &Meant::default()),
            false => Ok(lanes),
        }
    }

    /// The lanes that a job of these names needs.
    pub(crate) fn lanes_for(
        &self,
        over: &QuotaTerms,
        meant: &Meant<'_>,
    ) -> Result<Vec<Lane>, ProfileError> {
        self.profile.lanes_for(&self.endpoint, over, meant)
    }

    /// The client of the lane of names, which have one.
    pub(crate) fn client_for(&self, meant: &Meant<'_>) -> Result<Client, NoClient> {
        // Most profiles have no lanes, and then nothing is to be found out.
        if self.profile.lanes.is_empty()
            && let Some(client) = self.known("")
        {
            return Ok(client);
        }
        let lane = one(self.lanes_for(&QuotaTerms::default(), meant)?)?;
        self.client(&lane)
    }

    /// The only lane.
    pub(crate) fn only_lane(&self, over: &QuotaTerms) -> Result<Lane, NoClient> {
        let lanes = match self.profile.lanes.is_empty() {
            true => self.lanes_for(over, &Meant::default()),
            false => self.own(over),
        };
        one(lanes?)
    }

    fn known(&self, lane: &str) -> Option<Client> {
        self.made.lock().get(lane).cloned()
    }

    /// The client of a lane, made when it is first needed.
    pub(crate) fn client(&self, lane: &Lane) -> Result<Client, NoClient> {
        match self.known(&lane.name) {
            Some(client) => Ok(client),
            None => self.connect(lane, &self.access(lane)?),
        }
    }

    /// The clients of lanes, none of which lacks its credentials.
    pub(crate) async fn clients(&self, lanes: &[Lane]) -> Result<Vec<Client>, NoClient> {
        let mut clients = Vec::new();
        for lane in lanes {
            if let Some(client) = self.known(&lane.name) {
                clients.push(client);
                continue;
            }
            let access = self.access(lane)?;
            let checked = access.check_credentials().await;
            checked.map_err(|error| NoClient::Connect(lane.name.clone(), error))?;
            clients.push(self.connect(lane, &access)?);
        }
        Ok(clients)
    }

    /// The access of a lane.
    pub(crate) fn access(&self, lane: &Lane) -> Result<Access, NoClient> {
        let caller = CallersAccess {
            way: self.way.clone(),
            access: &|| Ok::<_, NoClient>(self.access.clone()),
            // Another lane may use it.
            named: None,
        };
        let ways = self.profile.ways(std::slice::from_ref(lane), &caller)?;
        let way = ways
            .into_iter()
            .next()
            .unwrap_or_else(|| self.access.clone());
        let refuse = |error| NoClient::Connect(lane.name.clone(), error);
        way.resolve().map_err(refuse)
    }

    /// Makes and keeps the client of a lane.
    pub(crate) fn connect(&self, lane: &Lane, access: &Access) -> Result<Client, NoClient> {
        let client = access.connect_by(&self.transports);
        let client = client.map_err(|error| NoClient::Connect(lane.name.clone(), error))?;
        // Another thread may have made it meanwhile; what is not kept is dropped after the lock.
        let kept = self
            .made
            .lock()
            .entry(lane.name.clone())
            .or_insert_with(|| client.clone())
            .clone();
        drop(client);
        Ok(kept)
    }
}

fn one(lanes: Vec<Lane>) -> Result<Lane, NoClient> {
    <[Lane; 1]>::try_from(lanes)
        .map(|[lane]| lane)
        .map_err(|lanes| NoClient::Several(lanes.into_iter().map(|lane| lane.name).collect()))
}
