//! Credentials, and the files that hold them.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use countermand_core::{TransportError, shown_path};
use http::HeaderValue;

use crate::config::HyperConfig;
use crate::credentials::authorized_user::AuthorizedUser;
use crate::credentials::command::Command;
use crate::credentials::document::{Document, Problem};
use crate::credentials::external_account::ExternalAccount;
use crate::credentials::federated_user::FederatedUser;
use crate::credentials::fields::{universe, unknown};
use crate::credentials::impersonated::Impersonated;
use crate::credentials::metadata::Metadata;
use crate::credentials::refused;
use crate::credentials::service_account::ServiceAccount;
use crate::credentials::source::{CredentialSource, Given, Grant};
use crate::secret_file::{CAP, GivenFile, exposure};
use crate::token::{TokenSource, project_header};

/// The variable that names the project that pays, above what a file says.
const QUOTA_PROJECT: &str = "GOOGLE_CLOUD_QUOTA_PROJECT";

/// What somebody has to get access tokens with.
///
/// `Debug` and [`description`](Self::description) say what it is, never what is in it. What is
/// wrong with credentials is a [`Credentials`](crate::TransportErrorKind::CredentialsRejected) error that
/// names the file, the field and what was expected, and quotes nothing. Secrets are kept in memory
/// that is overwritten when the last clone is dropped; what TLS makes of a private key is not.
#[derive(Clone)]
pub struct Credentials {
    pub(super) grant: Arc<dyn Grant>,
    pub(super) description: String,
    pub(super) quota_project: Option<HeaderValue>,
    pub(super) warnings: Vec<String>,
    /// The universe of the accounts, if it is another than Google's own.
    universe: Option<String>,
    /// Nothing else was there, and whether this is, is not known.
    guessed: bool,
}

impl Credentials {
    /// Reads a file as `gcloud` and the console write them: `service_account`, `authorized_user`,
    /// `external_account` (from a file or a URL), `external_account_authorized_user` or
    /// `impersonated_service_account`. Reads it once; a field that is not known is a
    /// [warning](Self::warnings).
    ///
    /// # Errors
    /// It cannot be read, or is no such file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TransportError> {
        Self::from_given(&GivenFile::new(path.as_ref()))
    }

    /// The same for a file that may have been read already.
    pub(crate) fn from_given(file: &GivenFile) -> Result<Self, TransportError> {
        let (what, path) = ("the credentials file", file.path());
        let read = file.read(CAP);
        let bytes = read.map_err(|problem| refused(file.problem(what, problem)))?;
        let name = format!("{what} {}", shown_path(path));
        let mut credentials = Self::from_json(&bytes, &name)?;
        if let Some(problem) = exposure(path) {
            tracing::warn!(problem, "secret exposed");
            credentials.warnings.push(problem);
        }
        Ok(credentials)
    }

    /// Reads the JSON of such a file; `name` is what errors call it.
    ///
    /// # Errors
    /// It is no such JSON.
    pub fn from_json(json: &[u8], name: &str) -> Result<Self, TransportError> {
        let parsed = Document::parse(json).and_then(|document| {
            let (grant, kind) = parse(&document)?;
            let unknown = unknown(&document).into_iter();
            Ok(Self {
                universe: universe(&document)?,
                grant,
                description: format!("{kind} of {name}"),
                quota_project: quota_project(&document)?,
                warnings: unknown.map(|it| format!("{name}: {it}")).collect(),
                guessed: false,
            })
        });
        parsed.map_err(|problem| refused(format!("{name}: {problem}")))
    }

    /// The metadata server of a machine at Google, or at `GCE_METADATA_HOST`.
    ///
    /// # Errors
    /// `GCE_METADATA_HOST` is no host.
    pub fn metadata_server() -> Result<Self, TransportError> {
        Self::metadata_server_in(&|name: &str| std::env::var_os(name), None)
    }

    pub(super) fn metadata_server_in(
        variable: &dyn Fn(&str) -> Option<OsString>,
        instead_of: Option<String>,
    ) -> Result<Self, TransportError> {
        let guessed = instead_of.is_some();
        let metadata = Metadata::new(variable, instead_of).map_err(refused)?;
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

    /// Tokens of any other source, to [impersonate](Self::impersonate) with.
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

    /// On behalf of a user of the domain (domain-wide delegation).
    ///
    /// # Errors
    /// They are not a service account's key, or `email` is no address.
    pub fn subject(mut self, email: &str) -> Result<Self, TransportError> {
        is_email(email).map_err(|problem| refused(format!("the subject {problem}")))?;
        let Some(grant) = self.grant.on_behalf_of(email) else {
            let what = &self.description;
            return Err(refused(format!(
                "a subject goes with the key of a service account, not with {what}"
            )));
        };
        self.grant = grant;
        self.description = format!("{} on behalf of {email}", self.description);
        Ok(self)
    }

    /// As a service account that these credentials may impersonate (role
    /// `iam.serviceAccountTokenCreator`), by IAM's `generateAccessToken`. Of several accounts,
    /// separated by commas, each impersonates the next, and the last one is who acts.
    ///
    /// # Errors
    /// `email` is neither an address nor the number of an account.
    pub fn impersonate(self, email: &str) -> Result<Self, TransportError> {
        self.impersonate_in(email, &|name: &str| std::env::var_os(name))
    }

    fn impersonate_in(
        mut self,
        email: &str,
        variable: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, TransportError> {
        let problem = |problem| refused(format!("the service account to impersonate {problem}"));
        let universe = self.universe.as_deref();
        let impersonated = Impersonated::of(email, universe, self.grant, variable);
        let impersonated = impersonated.map_err(problem)?;
        let email = impersonated.email().to_owned();
        self.grant = Arc::new(impersonated);
        self.description = format!("{email}, impersonated by {}", self.description);
        Ok(self)
    }

    /// Whether there is anything at all: fails where a metadata server was only guessed to be there
    /// and is not. Otherwise it does nothing.
    ///
    /// For programs that rather fail before their first request than with it.
    ///
    /// # Errors
    /// There are no credentials.
    pub async fn found(&self, config: &HyperConfig) -> Result<(), TransportError> {
        match self.guessed {
            true => self.source(config)?.token(false).await.map(|_| ()),
            false => Ok(()),
        }
    }

    /// What they are, in words that can be shown.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What a person should be told, such as that others can read the file. It is logged as well.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// A source of their access tokens, over connections such as `config` describes (its CA file,
    /// its time-outs, but never its client certificate).
    ///
    /// The project that pays is `GOOGLE_CLOUD_QUOTA_PROJECT`, else the file's `quota_project_id`.
    ///
    /// # Errors
    /// `GOOGLE_CLOUD_QUOTA_PROJECT` is no project.
    pub fn source(&self, config: &HyperConfig) -> Result<CredentialSource, TransportError> {
        let named = std::env::var(QUOTA_PROJECT).ok();
        let named = named.filter(|project| !project.is_empty());
        Ok(CredentialSource {
            grant: Arc::clone(&self.grant),
            universe: self.universe.clone(),
            config: Arc::new(config.clone()),
            quota_project: match named {
                Some(project) => Some(project_header(&project)?),
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

/// What a credentials document is, and the words for it.
pub(super) fn parse(document: &Document) -> Result<(Arc<dyn Grant>, String), Problem> {
    let kinds = "service_account, authorized_user, external_account, external_account_authorized_user or impersonated_service_account";
    if document.field("type").is_none()
        && (document.field("installed").is_some() || document.field("web").is_some())
    {
        return Err(format!(
            "it is the secret of an OAuth client, which gives no token by itself; expected {kinds}"
        ));
    }
    Ok(match document.text("type")? {
        "service_account" => {
            let account = ServiceAccount::parse(document)?;
            let shown = format!("the service account {}", account.email());
            (Arc::new(account), shown)
        }
        "authorized_user" => (
            Arc::new(AuthorizedUser::parse(document)?),
            "the user".to_owned(),
        ),
        "external_account" => (
            Arc::new(ExternalAccount::parse(document)?),
            "the external account".to_owned(),
        ),
        "external_account_authorized_user" => (
            Arc::new(FederatedUser::parse(document)?),
            "the user of a workforce pool".to_owned(),
        ),
        "impersonated_service_account" => {
            let account = Impersonated::parse(document)?;
            let shown = format!("the impersonated service account {}", account.email());
            (Arc::new(account), shown)
        }
        _ => return Err(format!("the field `type` is none of {kinds}")),
    })
}

fn quota_project(document: &Document) -> Result<Option<HeaderValue>, Problem> {
    let field = "quota_project_id";
    let project = document.optional(field)?.map(project_header);
    let project = project.transpose();
    project.map_err(|_| format!("the field `{field}` is no id of a project"))
}

/// Whether it can be the address of a user or of a service account, in a path or in claims.
pub(super) fn is_email(text: &str) -> Result<(), Problem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@.-_+'".contains(&byte);
    match text.split_once('@') {
        Some((name, domain))
            if !name.is_empty()
                && !domain.is_empty()
                && !domain.contains('@')
                && text.len() <= 320
                && text.bytes().all(plain) =>
        {
            Ok(())
        }
        _ => Err("is no e-mail address".to_owned()),
    }
}

/// Whether it can be a service account's address or its number.
pub(super) fn is_account(text: &str) -> Result<(), Problem> {
    let number = (1..=30).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    match number || is_email(text).is_ok() {
        true => Ok(()),
        false => Err("is neither an e-mail address nor the number of an account".to_owned()),
    }
}
