//! Way to the server of each lane: its own credentials, or those of the caller.

use countermand::{ClientBuilder, Credentials};
use countermand_core::Service;
use countermand_core::text::path_problem;

use super::{CredentialsPlace, Profile, ProfileLane};
use crate::lane::Lane;

/// The access that a caller has without a profile: that of the lanes that name no credentials.
#[expect(clippy::exhaustive_structs, reason = "the caller fills it in")]
#[expect(missing_debug_implementations, reason = "it has a function")]
pub struct CallersAccess<'a, E> {
    /// The way to the server, without access.
    pub way: ClientBuilder,
    /// The same with the caller's access; called once, if a lane needs it.
    pub access: &'a dyn Fn() -> Result<ClientBuilder, E>,
    /// The argument that names this access, if one does, for an error.
    pub named: Option<&'a str>,
}

/// Credentials of lanes that cannot be used. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaneAccessError {
    /// The caller names an access that no lane would use.
    #[error("{argument} has no effect: the profile names credentials for each lane that is used")]
    Unused {
        /// The argument that names it.
        argument: String,
    },
    /// A file of credentials cannot be used.
    #[error("lane {lane}: {problem}")]
    Credentials {
        /// The lane.
        lane: String,
        /// The reason.
        problem: String,
    },
}

impl Profile {
    /// Refuses an argument that names the caller's access where each of these lanes has its own.
    ///
    /// # Errors
    /// [`LaneAccessError::Unused`].
    pub fn check_named(&self, lanes: &[Lane], named: Option<&str>) -> Result<(), LaneAccessError> {
        match named {
            Some(argument) if lanes.iter().all(|lane| self.has_own(lane)) => {
                let argument = argument.to_owned();
                Err(LaneAccessError::Unused { argument })
            }
            _ => Ok(()),
        }
    }

    fn has_own(&self, lane: &Lane) -> bool {
        let lane = self.lane(lane.service, &lane.name);
        lane.is_some_and(|lane| lane.credentials.is_some())
    }

    /// The way to the server of each of these lanes of a job, in their order.
    ///
    /// # Errors
    /// [`LaneAccessError`], and that of the caller's access.
    pub fn ways<E: From<LaneAccessError>>(
        &self,
        lanes: &[Lane],
        caller: &CallersAccess<'_, E>,
    ) -> Result<Vec<ClientBuilder>, E> {
        self.check_named(lanes, caller.named)?;
        let shared = match lanes.iter().all(|lane| self.has_own(lane)) {
            // That of the caller would be read for nothing.
            true => caller.way.clone(),
            false => (caller.access)()?,
        };
        let ways = lanes
            .iter()
            .map(|lane| match self.lane(lane.service, &lane.name) {
                None => Ok(way_of(lane.service, shared.clone())),
                Some(lane) => {
                    let way = match lane.credentials {
                        Some(_) => &caller.way,
                        None => &shared,
                    };
                    lane.configure(way_of(lane.service, way.clone()))
                }
            });
        let ways = ways.collect::<Result<_, _>>();
        ways.map_err(E::from)
    }
}

/// The way of a caller, for a service: of another one than the caller's it leads to that one's own server, never to that of
/// the caller.
fn way_of(service: &'static Service, way: ClientBuilder) -> ClientBuilder {
    match way.get_service() == service {
        true => way,
        false => way.service(service).endpoint(service.endpoint()),
    }
}

impl ProfileLane {
    /// The way to the server of this lane: over that of the caller, whose credentials stay where the lane names none.
    fn configure(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, LaneAccessError> {
        if let Some(endpoint) = &self.endpoint {
            builder = builder.endpoint(endpoint.clone());
        }
        let found = self.credentials.as_ref().map(CredentialsPlace::find);
        let refuse = |problem| LaneAccessError::Credentials {
            lane: self.name.clone(),
            problem,
        };
        if let Some(credentials) = found.transpose().map_err(refuse)? {
            builder = builder.credentials(credentials);
        }
        if let Some(accounts) = &self.impersonate {
            builder = builder.impersonate(accounts);
        }
        if let Some(email) = &self.subject {
            builder = builder.subject(email);
        }
        if let Some(project) = &self.quota_project {
            builder = builder.quota_project(project);
        }
        Ok(builder)
    }
}

impl CredentialsPlace {
    fn find(&self) -> Result<Credentials, String> {
        let found = match self {
            Self::File(path) => Credentials::from_file(path),
            Self::TokenFile(path) => {
                let file = countermand::hyper::SecretFile::new(path);
                // At once, instead of once for each operation.
                let readable = file.check_readable();
                readable.map_err(|error| path_problem("cannot read", path, error))?;
                Ok(Credentials::from_token_file(file))
            }
            Self::Command(line) => Ok(Credentials::command(line)),
            Self::Default => Credentials::application_default(),
        };
        found.map_err(|error| error.cause())
    }
}
