//! Files with credentials or with a token.

use std::sync::Arc;

use countermand_core::TransportError;
use countermand_core::text::shown_path;
use countermand_hyper::{SecretFile, quota_project_header};
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
    pub fn from_file(file: impl Into<SecretFile>) -> Result<Self, TransportError> {
        let (what, file) = ("the credentials file", file.into());
        let read = file.read(SecretFile::CAP);
        let bytes = read.map_err(|problem| rejected(file.problem(what, problem)))?;
        let name = format!("{what} {}", shown_path(file.path()));
        let mut credentials = Self::from_json(&bytes, &name)?;
        if let Some(problem) = file.exposure() {
            tracing::warn!(problem, "secret exposed");
            credentials.warnings.push(problem);
        }
        Ok(credentials)
    }

    /// A file with a bare token, read again when it changes.
    pub fn from_token_file(file: impl Into<SecretFile>) -> Self {
        let file = file.into();
        let warnings = file.exposure().into_iter().collect();
        let description = format!("the token file {}", shown_path(file.path()));
        Self {
            warnings,
            ..Self::from_tokens(TokenFile::new(file), &description)
        }
    }

    /// A file with credentials in JSON or with a bare token: its content tells which.
    ///
    /// # Errors
    /// It cannot be read, or holds JSON that gives no token.
    pub fn from_any_file(file: impl Into<SecretFile>) -> Result<Self, TransportError> {
        let file = file.into();
        match file.read(SecretFile::CAP) {
            Ok(bytes) if is_json(&bytes) => Self::from_file(file),
            Ok(_) => Ok(Self::from_token_file(file)),
            Err(problem) => Err(rejected(file.problem("the token", problem))),
        }
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

fn is_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().starts_with(b"{")
}

/// The grant of a credentials document, and the words for it.
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
