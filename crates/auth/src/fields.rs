//! The fields of credentials files: each is used, or of no use here, or told.

use countermand_core::text::shown;

use crate::document::{Document, Problem};

/// Fields of every kind.
const COMMON: [&str; 3] = ["type", "quota_project_id", "universe_domain"];

/// The fields of a kind that are used, or that say nothing of how to get a token.
const fn of_kind(kind: &str) -> &'static [&'static str] {
    match kind.as_bytes() {
        b"service_account" => &[
            "project_id",
            "private_key_id",
            "private_key",
            "client_email",
            "client_id",
            "auth_uri",
            "token_uri",
            "auth_provider_x509_cert_url",
            "client_x509_cert_url",
        ],
        b"authorized_user" => &[
            "account",
            "client_id",
            "client_secret",
            "refresh_token",
            "token_uri",
            // What google-auth writes beside it.
            "token",
            "expiry",
            "scopes",
        ],
        b"external_account" => &[
            "audience",
            "subject_token_type",
            "token_url",
            "token_info_url",
            "credential_source",
            "service_account_impersonation_url",
            "service_account_impersonation",
            "client_id",
            "client_secret",
            "workforce_pool_user_project",
        ],
        b"external_account_authorized_user" => &[
            "audience",
            "client_id",
            "client_secret",
            "refresh_token",
            "token_url",
            "token_info_url",
            "revoke_url",
            "account",
            "token",
            "expiry",
            "scopes",
        ],
        b"impersonated_service_account" => &[
            "service_account_impersonation_url",
            "source_credentials",
            "delegates",
        ],
        _ => &[],
    }
}

/// A sentence for each field that is not known.
pub(crate) fn unknown(document: &Document) -> Vec<String> {
    let known = of_kind(document.optional("type").ok().flatten().unwrap_or_default());
    let names = document.names().filter(|name| {
        !COMMON.contains(name) && !known.contains(name) && document.field(name).is_some()
    });
    let mut told: Vec<String> = names
        .map(|name| format!("the field `{}` is not known and not used", shown(name)))
        .collect();
    if let Ok(Some(source)) = document.object("source_credentials") {
        told.extend(unknown(&source));
    }
    told
}

/// The universe of the accounts, if it is another than Google's own.
pub(crate) fn universe(document: &Document) -> Result<Option<String>, Problem> {
    let field = "universe_domain";
    let named = document.optional(field)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    match named {
        None | Some("googleapis.com") => match document.object("source_credentials")? {
            Some(source) => universe(&source),
            None => Ok(None),
        },
        Some(domain) if domain.bytes().all(plain) => Ok(Some(domain.to_owned())),
        Some(_) => Err(format!("the field `{field}` is no domain")),
    }
}
