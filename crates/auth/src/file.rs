//! A file with a token or with credentials: its content tells which.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use countermand_core::{TransportError, looks_secret, shown_path};
use countermand_hyper::{SecretFile, exposure, quota_project_header};
use http::HeaderValue;

use crate::authorized_user::AuthorizedUser;
use crate::credentials::Credentials;
use crate::document::{Document, Problem};
use crate::error::rejected;
use crate::external_account::ExternalAccount;
use crate::external_account_authorized_user::FederatedUser;
use crate::fields::{universe, unknown};
use crate::impersonation::Impersonated;
use crate::service_account::ServiceAccount;
use crate::source::Grant;
use crate::token_file::TokenFile;

impl Credentials {
    /// Reads a file as `gcloud` and the console write them: `service_account`, `authorized_user`,
    /// `external_account` (from a file or a URL), `external_account_authorized_user` or
    /// `impersonated_service_account`. Reads it once; a field that is not known is a
    /// [warning](Self::warnings).
    ///
    /// # Errors
    /// It cannot be read, or is no such file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, TransportError> {
        Self::from_given(&SecretFile::new(path.as_ref()))
    }

    /// The same for a file that may have been read already.
    pub(crate) fn from_given(file: &SecretFile) -> Result<Self, TransportError> {
        let (what, path) = ("the credentials file", file.path());
        let read = file.read(SecretFile::CAP);
        let bytes = read.map_err(|problem| rejected(file.problem(what, problem)))?;
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
        parsed.map_err(|problem| rejected(format!("{name}: {problem}")))
    }
}

/// The source of tokens that a file holds.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller acts on each")]
pub enum TokenOrCredentials {
    /// A bare token, read again when the file changes.
    Token(TokenFile),
    /// Google's JSON, which is exchanged for tokens.
    Credentials(Credentials),
}

impl TokenOrCredentials {
    /// Looks into the file. One that is not there yet is taken for one with a token.
    ///
    /// # Errors
    /// It holds JSON that gives no token, or what is given is no path but looks like a secret.
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, TransportError> {
        let file = SecretFile::new(path);
        match file.read(SecretFile::CAP) {
            Ok(bytes) if is_json(&bytes) => Credentials::from_given(&file).map(Self::Credentials),
            Err(problem) if looks_secret(&file.path().to_string_lossy()).is_some() => {
                Err(rejected(file.problem("the token", problem)))
            }
            _ => Ok(Self::Token(TokenFile::of(file))),
        }
    }
}

fn is_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().starts_with(b"{")
}

/// What a credentials document is, and the words for it.
fn parse(document: &Document) -> Result<(Arc<dyn Grant>, String), Problem> {
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
            let source = document.object("source_credentials")?.ok_or(
                "the field `source_credentials` is missing, expected the credentials of the one who impersonates",
            )?;
            let (by, _) =
                parse(&source).map_err(|problem| format!("`source_credentials`: {problem}"))?;
            let account = Impersonated::parse(document, by)?;
            let shown = format!("the impersonated service account {}", account.email());
            (Arc::new(account), shown)
        }
        _ => return Err(format!("the field `type` is none of {kinds}")),
    })
}

fn quota_project(document: &Document) -> Result<Option<HeaderValue>, Problem> {
    let field = "quota_project_id";
    let project = document.optional(field)?.map(quota_project_header);
    let project = project.transpose();
    project.map_err(|_| format!("the field `{field}` is no id of a project"))
}
