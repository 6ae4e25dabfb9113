//! Credentials of every kind.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use countermand_core::TransportError;
use countermand_hyper::{HyperConfig, TokenSource, quota_project_header};
use http::HeaderValue;

use crate::account::is_email;
use crate::command::Command;
use crate::error::rejected;
use crate::impersonation::Impersonated;
use crate::metadata::Metadata;
use crate::source::{CredentialSource, Given, Grant};

/// The variable that names the project that pays, above what a file says.
const QUOTA_PROJECT: &str = "GOOGLE_CLOUD_QUOTA_PROJECT";

/// A right to access tokens: a key, a refresh token, a metadata server, a command, another source.
///
/// `Debug` and [`description`](Self::description) say what it is, never what is in it. What is
/// wrong with credentials is a [`CredentialsRejected`](countermand_core::TransportErrorKind::CredentialsRejected) error that
/// names the file, the field and what was expected, and quotes nothing. Secrets are kept in memory
/// that is overwritten when the last clone is dropped; what TLS makes of a private key is not.
///
/// | kind | made by |
/// |---|---|
/// | the credentials of the environment | [`application_default`](Self::application_default) |
/// | a key, a refresh token, workload identity, impersonation, as a file of Google's | [`from_file`](Self::from_file), [`from_json`](Self::from_json) |
/// | a file with a bare token | [`from_token_file`](Self::from_token_file) |
/// | the metadata server of a machine at Google | [`metadata_server`](Self::metadata_server) |
/// | a command that prints a token | [`command`](Self::command) |
/// | any other source | [`from_tokens`](Self::from_tokens) |
///
/// On the emulator, which issues tokens as Google does:
///
/// ```
/// use countermand_auth::Credentials;
/// use countermand_emulator::{Config, Fate, Server, Shared, credentials};
/// use countermand_hyper::{Client, Endpoint, HyperConfig, OperationName, Token, core::Service};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let emulator = Shared::new(Config::default().parents(1).mix([(1, Fate::Cancellable)]));
/// let server = Server::bind(([127, 0, 0, 1], 0).into(), emulator.clone()).await?;
/// let endpoint: Endpoint = server.endpoint().parse()?;
/// let name: OperationName = emulator.with(|emulator, now| emulator.pending(now))[0].parse()?;
/// let file = |kind| credentials(kind, &server.endpoint()).expect("a kind of the emulator").to_string();
/// let json = |kind| Credentials::from_json(file(kind).as_bytes(), kind);
/// # let path = std::env::temp_dir().join(format!("countermand-doc-{}", std::process::id()));
/// # std::fs::write(&path, "emulator-token")?;
///
/// for credentials in [
///     json("service_account")?,
///     json("service_account")?.subject("admin@example.com")?,
///     json("authorized_user")?,
///     json("external_account")?,
///     json("impersonated_service_account")?,
///     Credentials::from_token_file(&path),
///     Credentials::command("echo emulator-token"),
///     Credentials::from_tokens(Token::new("emulator-token")?, "a token of this program"),
/// ] {
///     let config = HyperConfig::default();
///     let tokens = credentials.source(Service::DEFAULT.scope, &config)?;
///     let client = Client::connect(endpoint.clone(), tokens, config)?;
///     assert!(!client.get(&name).await?.done, "{}", credentials.description());
/// }
/// # std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Credentials {
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) description: String,
    pub(crate) quota_project: Option<HeaderValue>,
    pub(crate) warnings: Vec<String>,
    /// The universe of the accounts, if it is another than Google's own.
    pub(crate) universe: Option<String>,
    /// Nothing else was there, and whether this is, is not known.
    pub(crate) guessed: bool,
}

impl Credentials {
    /// The metadata server of a machine at Google, or at `GCE_METADATA_HOST`.
    ///
    /// # Errors
    /// `GCE_METADATA_HOST` is no host.
    pub fn metadata_server() -> Result<Self, TransportError> {
        Self::metadata_server_in(&|name: &str| std::env::var_os(name), None)
    }

    pub(crate) fn metadata_server_in(
        variable: &dyn Fn(&str) -> Option<OsString>,
        instead_of: Option<String>,
    ) -> Result<Self, TransportError> {
        let guessed = instead_of.is_some();
        let metadata = Metadata::new(variable, instead_of).map_err(rejected)?;
        let description = format!("the metadata server at {}", metadata.shown());
        Ok(Self {
            guessed,
            ..Self::of(Arc::new(metadata), description)
        })
    }

    /// A command line for the shell, which prints an access token, or a JSON object with
    /// `access_token` (or `token`) and `expires_in`. Without that it is run again every 5 minutes,
    /// and when a token was refused. It is given 10 s, and no standard input.
    #[must_use]
    pub fn command(line: impl Into<OsString>) -> Self {
        let description = "a command that prints a token".to_owned();
        Self::of(Arc::new(Command::new(line.into())), description)
    }

    /// Tokens of any other source.
    #[must_use]
    pub fn from_tokens(source: impl TokenSource + 'static, description: &str) -> Self {
        let quota_project = source.quota_project();
        let universe = source.universe_domain().map(str::to_owned);
        let given = Given(Arc::new(source));
        Self {
            quota_project,
            universe,
            ..Self::of(Arc::new(given), description.to_owned())
        }
    }

    fn of(grant: Arc<dyn Grant>, description: String) -> Self {
        Self {
            grant,
            description,
            quota_project: None,
            warnings: Vec::new(),
            universe: None,
            guessed: false,
        }
    }

    /// Acts on behalf of a user of the domain (domain-wide delegation).
    ///
    /// # Errors
    /// They are not a service account's key, or `email` is no address.
    pub fn subject(mut self, email: &str) -> Result<Self, TransportError> {
        is_email(email).map_err(|problem| rejected(format!("the subject {problem}")))?;
        let Some(grant) = self.grant.on_behalf_of(email) else {
            let what = &self.description;
            return Err(rejected(format!(
                "a subject goes with the key of a service account, not with {what}"
            )));
        };
        self.grant = grant;
        self.description = format!("{} on behalf of {email}", self.description);
        Ok(self)
    }

    /// Acts as a service account that these credentials may impersonate (role
    /// `iam.serviceAccountTokenCreator`), by IAM's `generateAccessToken`. Of several accounts,
    /// separated by commas, each impersonates the next, and the last one acts.
    ///
    /// # Errors
    /// `email` is neither an address nor the number of an account.
    pub fn impersonate(self, email: &str) -> Result<Self, TransportError> {
        self.impersonate_in(email, &|name: &str| std::env::var_os(name))
    }

    /// As [`impersonate`](Self::impersonate), in an environment whose variables are those that `variable`
    /// knows.
    ///
    /// # Errors
    /// As for [`impersonate`](Self::impersonate).
    pub fn impersonate_in(
        mut self,
        email: &str,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, TransportError> {
        let problem = |problem| rejected(format!("the service account to impersonate {problem}"));
        let universe = self.universe.as_deref();
        let impersonated = Impersonated::of(email, universe, self.grant, variable);
        let impersonated = impersonated.map_err(problem)?;
        let email = impersonated.email().to_owned();
        self.grant = Arc::new(impersonated);
        self.description = format!("{email}, impersonated by {}", self.description);
        Ok(self)
    }

    /// Fails where a metadata server was only guessed to be there and is not. Otherwise it does nothing.
    ///
    /// For programs that rather fail before their first request than with it. Its future may be dropped
    /// at any time.
    ///
    /// # Errors
    /// There are no credentials.
    pub async fn found(&self, scope: &str, config: &HyperConfig) -> Result<(), TransportError> {
        match self.guessed {
            true => self.source(scope, config)?.token(false).await.map(|_| ()),
            false => Ok(()),
        }
    }

    /// True if it is not known whether there are any: [`found`](Self::found) asks.
    #[must_use]
    pub const fn are_guessed(&self) -> bool {
        self.guessed
    }

    /// True if they give tokens of a scope that is asked for: a key of a service account does, the login of a
    /// user and a token that is there do not.
    #[must_use]
    pub fn need_scope(&self) -> bool {
        self.grant.needs_scope()
    }

    /// Their kind and origin, in words that can be shown.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Warnings for a person, such as that others can read the file. They are logged as well.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// A source of their access tokens of this scope, over connections such as `config` describes (its
    /// CA file, its time-outs, but never its client certificate).
    ///
    /// The project that pays is `GOOGLE_CLOUD_QUOTA_PROJECT`, else the file's `quota_project_id`.
    ///
    /// # Errors
    /// `GOOGLE_CLOUD_QUOTA_PROJECT` is no project.
    pub fn source(
        &self,
        scope: &str,
        config: &HyperConfig,
    ) -> Result<CredentialSource, TransportError> {
        self.source_in(scope, config, &|name: &str| std::env::var_os(name))
    }

    /// As [`source`](Self::source), in an environment whose variables are those that `variable` knows.
    ///
    /// # Errors
    /// As for [`source`](Self::source).
    pub fn source_in(
        &self,
        scope: &str,
        config: &HyperConfig,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<CredentialSource, TransportError> {
        let named = variable(QUOTA_PROJECT).filter(|project| !project.is_empty());
        Ok(CredentialSource {
            grant: Arc::clone(&self.grant),
            universe: self.universe.clone(),
            scope: scope.into(),
            config: Arc::new(config.clone()),
            quota_project: match named {
                Some(project) => Some(quota_project_header(&project.to_string_lossy())?),
                None => self.quota_project.clone(),
            },
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.description)
    }
}
