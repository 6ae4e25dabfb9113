//! From options and environment to a client.

use std::ffi::OsString;
use std::sync::Arc;

use countermand_auth::{Credentials, Mtls};
use countermand_core::text::chain;
use countermand_core::{Endpoint, Service, TransportError, TransportErrorKind};
use countermand_hyper::{Client, HyperConfig, SecretFile, Token, billed_to};

use crate::access::Access;
use crate::connect_error::ConnectError;

const ENDPOINT: &str = "COUNTERMAND_ENDPOINT";
const TOKEN: &str = "COUNTERMAND_TOKEN";

/// Makes a [`Client`] of options, and of the environment where an option is not set.
///
/// | | option | environment | else |
/// |---|---|---|---|
/// | endpoint | [`endpoint`](Self::endpoint) | `COUNTERMAND_ENDPOINT` | Google's |
/// | scope of the tokens | [`scope`](Self::scope) | | that of the [`service`](Self::service) |
/// | tokens | [`credentials`](Self::credentials) | `COUNTERMAND_TOKEN` | application default credentials |
/// | project that pays | [`quota_project`](Self::quota_project) | `GOOGLE_CLOUD_QUOTA_PROJECT` | the credentials' |
/// | client certificate | [`config`](Self::config) | [`Mtls`] | none |
///
/// With a client certificate of the environment, Google's endpoint is that for mutual TLS. A service whose host is
/// not `*.googleapis.com` has no endpoint of its own here: the tokens go there only if the endpoint is named.
///
/// ```no_run
/// use countermand::{ClientBuilder, Credentials};
///
/// let client = ClientBuilder::new()
///     .credentials(Credentials::from_file("key.json")?)
///     .subject("admin@example.com")
///     .connect()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientBuilder {
    service: Option<&'static Service>,
    scope: Option<String>,
    endpoint: Option<Endpoint>,
    config: HyperConfig,
    credentials: Option<Credentials>,
    subject: Option<String>,
    impersonate: Option<String>,
    quota_project: Option<String>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ClientBuilder {
    /// Sets no option.
    pub fn new() -> Self {
        Self {
            service: None,
            scope: None,
            endpoint: None,
            config: HyperConfig::default(),
            credentials: None,
            subject: None,
            impersonate: None,
            quota_project: None,
        }
    }

    /// The service of the operations, which says endpoint, scope and quota: by default that of the
    /// [`endpoint`](Self::endpoint), else the Android Management API.
    pub const fn service(mut self, service: &'static Service) -> Self {
        self.service = Some(service);
        self
    }

    /// The OAuth scope of the tokens: that of the [service](Self::service) by default. Three services document
    /// none.
    pub fn scope(mut self, scope: impl Into<Option<String>>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Root and version of the API. Google's own stands for Google's endpoint for mutual TLS as well.
    pub fn endpoint(mut self, endpoint: impl Into<Option<Endpoint>>) -> Self {
        self.endpoint = endpoint.into();
        self
    }

    /// Settings of the transport: CA file, proxy, time-outs.
    pub fn config(mut self, config: HyperConfig) -> Self {
        self.config = config;
        self
    }

    /// The credentials that give tokens.
    pub fn credentials(mut self, credentials: impl Into<Option<Credentials>>) -> Self {
        self.credentials = credentials.into();
        self
    }

    /// The user of the domain on whose behalf the key of a service account acts
    /// ([`Credentials::subject`]).
    pub fn subject(mut self, email: impl Into<String>) -> Self {
        self.subject = Some(email.into());
        self
    }

    /// The service account that the credentials impersonate; of several, separated by commas, each
    /// impersonates the next ([`Credentials::impersonate`]).
    pub fn impersonate(mut self, email: impl Into<String>) -> Self {
        self.impersonate = Some(email.into());
        self
    }

    /// The project that pays for the calls and whose quota they use.
    pub fn quota_project(mut self, project: impl Into<String>) -> Self {
        self.quota_project = Some(project.into());
        self
    }

    /// The service of the operations.
    #[must_use]
    pub const fn get_service(&self) -> &'static Service {
        match (self.service, &self.endpoint) {
            (Some(service), _) => service,
            (None, Some(endpoint)) => endpoint.service(),
            (None, None) => Service::DEFAULT,
        }
    }

    /// The OAuth scope that is set, or that of the service; empty where there is none.
    #[must_use]
    pub fn get_scope(&self) -> &str {
        self.scope.as_deref().unwrap_or(self.get_service().scope)
    }

    /// The endpoint that is set.
    #[must_use]
    pub const fn get_endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }

    /// Settings of the transport.
    #[must_use]
    pub const fn get_config(&self) -> &HyperConfig {
        &self.config
    }

    /// The credentials that are set.
    #[must_use]
    pub const fn get_credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The user of the domain that is set.
    #[must_use]
    pub fn get_subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The service account that is set.
    #[must_use]
    pub fn get_impersonate(&self) -> Option<&str> {
        self.impersonate.as_deref()
    }

    /// The project that is set.
    #[must_use]
    pub fn get_quota_project(&self) -> Option<&str> {
        self.quota_project.as_deref()
    }

    /// A client; connects when the first request is made.
    ///
    /// # Errors
    /// Those of [`resolve`](Self::resolve) and of [`Access::connect`].
    pub fn connect(&self) -> Result<Client, ConnectError> {
        self.resolve()?.connect()
    }

    /// Endpoint, transport settings and tokens of the client. Reads small files, and connects to
    /// nothing.
    ///
    /// # Errors
    /// An option, a variable or a file cannot be used, or there are no credentials.
    pub fn resolve(&self) -> Result<Access, ConnectError> {
        self.resolve_in(&|name: &str| std::env::var_os(name))
    }

    /// As [`resolve`](Self::resolve), in an environment whose variables are those that `variable` knows.
    ///
    /// # Errors
    /// As for [`resolve`](Self::resolve).
    pub fn resolve_in(
        &self,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Access, ConnectError> {
        let service = self.get_service();
        let mtls = Mtls::from_environment_in(variable).map_err(ConnectError::Option)?;
        let endpoint = match self.named_endpoint_in(variable)? {
            Some(endpoint) if endpoint != service.endpoint() => endpoint,
            // A token of Google's is worth more than a file that describes a service.
            None if !service.is_googles() => {
                let message = format!(
                    "{} of {} is not a host of Google's: to send tokens there, name the endpoint {} \
                     (--endpoint URL, in Python endpoint=URL)",
                    service.host,
                    service.id,
                    service.endpoint()
                );
                let kind = TransportErrorKind::NotAllowed;
                return Err(ConnectError::Option(TransportError::new(kind, message)));
            }
            _ => mtls.endpoint(service),
        };
        self.config.check(&endpoint).map_err(ConnectError::Option)?;
        let config = match endpoint.is_plaintext() {
            true => self.config.clone(),
            false => mtls.configure(self.config.clone()),
        };
        let (mut credentials, unnamed) = match &self.credentials {
            Some(credentials) => (credentials.clone(), false),
            None => of_environment(variable)?,
        };
        if let Some(email) = &self.subject {
            credentials = credentials.subject(email).map_err(ConnectError::Option)?;
        }
        if let Some(accounts) = &self.impersonate {
            credentials = credentials
                .impersonate_in(accounts, variable)
                .map_err(ConnectError::Option)?;
        }
        if self.get_scope().is_empty() && credentials.need_scope() {
            return Err(ConnectError::Option(TransportError::new(
                TransportErrorKind::CredentialsRejected,
                format!(
                    "{} documents no OAuth scope, and {} needs one: set the scope (--scope SCOPE, in Python scope=SCOPE), or give an access token",
                    service.id,
                    credentials.description()
                ),
            )));
        }
        let tokens = credentials.source_in(self.get_scope(), &config, variable);
        let tokens = tokens.map_err(ConnectError::Option)?;
        let mut warnings = credentials.warnings().to_vec();
        warnings.extend(
            mtls.certificate()
                .and_then(|(_, key)| SecretFile::new(key).exposure()),
        );
        Ok(Access {
            service,
            scope: self.get_scope().to_owned(),
            tokens: match &self.quota_project {
                None => Arc::new(tokens),
                Some(project) => {
                    Arc::new(billed_to(project, tokens).map_err(ConnectError::Option)?)
                }
            },
            endpoint,
            config,
            credentials,
            warnings,
            unnamed,
        })
    }

    /// The endpoint of the options, else that of the environment, if either names one.
    ///
    /// # Errors
    /// [`Endpoint`](ConnectError::Endpoint).
    pub fn named_endpoint(&self) -> Result<Option<Endpoint>, ConnectError> {
        self.named_endpoint_in(&|name: &str| std::env::var_os(name))
    }

    fn named_endpoint_in(
        &self,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Option<Endpoint>, ConnectError> {
        let named = variable(ENDPOINT).filter(|url| !url.is_empty());
        let endpoint: Option<Endpoint> = match (&self.endpoint, named) {
            (Some(endpoint), _) => Some(endpoint.clone()),
            (None, Some(url)) => {
                let endpoint = url.to_string_lossy().parse();
                Some(endpoint.map_err(ConnectError::Endpoint)?)
            }
            (None, None) => None,
        };
        Ok(endpoint.map(|endpoint| endpoint.of_service(self.get_service())))
    }
}

/// The credentials of the environment; true if they are the default ones.
fn of_environment(
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(Credentials, bool), ConnectError> {
    let Some(token) = variable(TOKEN).filter(|token| !token.is_empty()) else {
        let credentials = Credentials::application_default_in(variable);
        return Ok((credentials.map_err(ConnectError::NoCredentials)?, true));
    };
    // What is not UTF-8 is not visible ASCII either, and is refused as such.
    let token = Token::new(&token.to_string_lossy()).map_err(|error| {
        let problem = format!("{TOKEN}: {}", chain(&error));
        ConnectError::Credentials(TransportError::new(
            TransportErrorKind::CredentialsRejected,
            problem,
        ))
    })?;
    let description = format!("the token in {TOKEN}");
    Ok((Credentials::from_tokens(token, &description), false))
}
