//! Credentials as a file or an environment variable gives them.

use countermand_auth::Credentials;
use countermand_core::text::chain;
use countermand_hyper::Token;
use serde_json::Value;

/// The fields that hold secrets.
const SECRET: [&str; 4] = [
    "private_key",
    "client_secret",
    "refresh_token",
    "access_token",
];

/// Shorter secrets may be part of any message by chance.
const LONG: usize = 12;

/// Credentials, as a token and as the JSON of a file: no message and no `Debug` repeats a secret.
pub fn credentials(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let shown = match Token::new(text) {
            Ok(token) => format!("{token:?}"),
            Err(error) => format!("{error:?} {}", chain(&error)),
        };
        assert!(text.len() < LONG || !shown.contains(text), "{shown}");
    }
    let parsed = Credentials::from_json(data, "the file");
    let acting =
        parsed.and_then(|credentials| credentials.impersonate("a@b.iam.gserviceaccount.com"));
    let shown = match &acting {
        Ok(credentials) => format!("{credentials:?} {}", credentials.description()),
        Err(error) => format!("{error:?} {}", chain(error)),
    };
    let Ok(Value::Object(fields)) = serde_json::from_slice(data) else {
        return;
    };
    let open = |text: &str| {
        let others = fields
            .iter()
            .filter(|(name, _)| !SECRET.contains(&name.as_str()));
        others
            .into_iter()
            .any(|(name, value)| name.contains(text) || value.to_string().contains(text))
    };
    for secret in SECRET.iter().filter_map(|name| fields.get(*name)?.as_str()) {
        // A value that another field has as well is no secret.
        assert!(
            secret.len() < LONG || open(secret) || !shown.contains(secret),
            "{shown}"
        );
    }
}
