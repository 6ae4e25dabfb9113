//! From the options to a client.

use std::future::ready;
use std::path::Path;

use countermand::hyper::{SecretFile, Transports, token_fn};
use countermand::{Access, Client, ClientBuilder, ConnectError, Credentials, HyperConfig};
use countermand_core::text::path_problem;
use countermand_core::{Endpoint, Service, TransportError, TransportErrorKind};
use countermand_fleet::{
    CallersAccess, Lane, LaneAccessError, Meant, ProfileError, QuotaTerms, few,
};
use countermand_scheduler::Quota;

use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;

/// A client for names of one lane, and the quota of that lane.
pub(crate) async fn client_for(
    global: &Global,
    at: &Endpoint,
    meant: &Meant<'_>,
    over: &QuotaTerms,
) -> Result<(Client, Quota), Failure> {
    let lanes = global.profile.lanes_for(at, over, meant);
    let lanes = lanes.map_err(|error| wrong(&error))?;
    let clients = match &lanes[..] {
        [_] => clients(global, &lanes).await?,
        _ => Vec::new(),
    };
    let one = clients.into_iter().zip(&lanes).next();
    one.map(|(client, lane)| (client, lane.quota()))
        .ok_or_else(|| {
            let names = few(lanes.iter().map(|lane| &*lane.name));
            Failure::usage(format!(
                "the names are of several lanes ({names}): this command takes those of one, `plan` and `rescue` take \
                 all; nothing was sent"
            ))
        })
}

/// A client for each lane of a job, with the credentials of that lane. Those to the same endpoint share connections.
pub(crate) async fn clients(global: &Global, lanes: &[Lane]) -> Result<Vec<Client>, Failure> {
    let caller = CallersAccess {
        way: builder(global),
        access: &|| with_access(global),
        named: global.access_option(),
    };
    let ways = global.profile.ways(lanes, &caller)?;
    let mut clients = Vec::new();
    let transports = Transports::default();
    for (lane, way) in lanes.iter().zip(ways) {
        let client = resolve(&way)
            .await
            .and_then(|access| connect(&access, &transports));
        clients.push(match &*lane.name {
            "" => client?,
            name => client.map_err(|failure| failure.within(&format!("lane {name}")))?,
        });
    }
    Ok(clients)
}

/// The lanes of this run, of a profile that has any.
pub(crate) fn lanes(global: &Global, endpoint: &Endpoint) -> Result<Vec<Lane>, Failure> {
    let lanes = global.profile.lanes(endpoint, &QuotaTerms::default());
    lanes.map_err(|error| wrong(&error))
}

impl From<LaneAccessError> for Failure {
    fn from(error: LaneAccessError) -> Self {
        match error {
            LaneAccessError::Unused { .. } => Self::usage(format!("{error}; nothing was sent")),
            _ => Self::new(Exit::Denied, format!("{error}; nothing was sent")),
        }
    }
}

/// A mistake in a profile, or in names that do not fit it.
pub(crate) fn wrong(error: &ProfileError) -> Failure {
    Failure::usage(format!("{error}; nothing was sent"))
}

fn connect(access: &Access, transports: &Transports) -> Result<Client, Failure> {
    for warning in access.warnings() {
        streams::note(&format!("warning: {warning}"));
    }
    access.connect_by(transports).map_err(failure)
}

/// The service that a file describes, where one is given.
pub(crate) fn described(global: &Global) -> Result<Option<&'static Service>, Failure> {
    let path = global.service_file.as_ref();
    path.map(countermand::service_from_file)
        .transpose()
        .map_err(failure)
}

/// The service of the options, else the one that the name of an operation tells, else that of the profile.
pub(crate) fn service(global: &Global, name: Option<&str>) -> Result<&'static Service, Failure> {
    let service = global.profile.service(global.service.as_deref(), name);
    service.map_err(|error| Failure::usage(format!("{error} (`countermand services` lists all)")))
}

/// The endpoint of the options, else that of the environment, else that of the profile.
pub(crate) fn endpoint(global: &Global) -> Result<Option<Endpoint>, Failure> {
    let named = builder(global).named_endpoint().map_err(failure)?;
    let usual = global.profile.defaults.endpoint.clone();
    Ok(named.or_else(|| usual.map(|endpoint| endpoint.of_service(global.meant))))
}

/// Endpoint and tokens by the options and the environment. Without credentials it fails.
pub(crate) async fn access(global: &Global) -> Result<Access, Failure> {
    resolve(&with_access(global)?).await
}

/// The way to the server, with the access that options name.
fn with_access(global: &Global) -> Result<ClientBuilder, Failure> {
    let mut builder = builder(global).credentials(credentials(global)?);
    let options = &global.access;
    if let Some(email) = &options.subject {
        builder = builder.subject(email);
    }
    if let Some(accounts) = &options.impersonate_service_account {
        builder = builder.impersonate(accounts);
    }
    if let Some(project) = &options.quota_project {
        builder = builder.quota_project(project);
    }
    Ok(builder)
}

/// The access that a builder gives.
async fn resolve(builder: &ClientBuilder) -> Result<Access, Failure> {
    let named = builder.get_credentials().is_some();
    let access = builder.resolve().map_err(|error| match (error, named) {
        (ConnectError::Credentials(error), false) => {
            let options = "a file is named with --token-file, or with --credentials";
            Failure::new(Exit::Denied, format!("{}; {options}", error.cause()))
        }
        (error, _) => failure(error),
    })?;
    access.check_credentials().await.map_err(failure)?;
    Ok(access)
}

/// The same, with tokens that fail and say why where there are no credentials.
pub(crate) async fn access_or_none(global: &Global) -> Result<Access, Failure> {
    match access(global).await {
        Err(problem) if problem.exit == Exit::Denied => {
            let problem = problem.to_string();
            let none = token_fn(move |_| {
                let kind = TransportErrorKind::CredentialsRejected;
                ready(Err(TransportError::new(kind, problem.clone())))
            });
            let builder = builder(global).credentials(Credentials::from_tokens(none, "none"));
            builder.resolve().map_err(failure)
        }
        access => access,
    }
}

/// The way to the server.
fn builder(global: &Global) -> ClientBuilder {
    let mut config = HyperConfig::default()
        .allow_plaintext(global.allow_plaintext)
        .proxy_from_env(global.proxy_from_env || global.profile.defaults.proxy_from_env);
    let of_profile = global.profile.defaults.ca_file.as_ref();
    if let Some(path) = global.ca_file.as_ref().or(of_profile) {
        config = config.ca_file(or_stdin(path));
    }
    ClientBuilder::new()
        .service(global.meant)
        .scope(global.scope.clone())
        .endpoint(global.endpoint.clone())
        .config(config)
}

/// The credentials that an option names.
fn credentials(global: &Global) -> Result<Option<Credentials>, Failure> {
    if let Some(path) = &global.token_file {
        let file = SecretFile::new(or_stdin(path));
        // At once, instead of once for each operation.
        file.check_readable().map_err(|error| {
            Failure::new(Exit::Denied, path_problem("cannot read", path, error))
        })?;
        return Ok(Some(Credentials::from_token_file(file)));
    }
    if let Some(path) = &global.access.credentials {
        let credentials = Credentials::from_file(or_stdin(path));
        return credentials.map(Some).map_err(|error| denied(&error));
    }
    let command = global.access.token_command.as_ref();
    Ok(command.map(Credentials::command))
}

/// The path of standard input for `-`.
fn or_stdin(path: &Path) -> &Path {
    match path.as_os_str() == "-" {
        true => Path::new("/dev/stdin"),
        false => path,
    }
}

fn failure(error: ConnectError) -> Failure {
    match error {
        ConnectError::Endpoint(error) => Failure::usage(format!("COUNTERMAND_ENDPOINT: {error}")),
        ConnectError::Option(error) => Failure::usage(error.cause()),
        ConnectError::Credentials(error) => denied(&error),
        ConnectError::NoCredentials(error) => {
            let options = "--token-file FILE, --credentials FILE or --token-command COMMAND";
            let problem = format!(
                "there is no access token: set the environment variable COUNTERMAND_TOKEN or give {options}; {}",
                error.cause()
            );
            Failure::new(Exit::Denied, problem)
        }
    }
}

fn denied(error: &TransportError) -> Failure {
    Failure::new(Exit::Denied, error.cause())
}
