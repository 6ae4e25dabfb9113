//! The key of a service account, exchanged for access tokens.
//!
//! The API is not known to accept self-signed tokens, so the signed claims go to the token endpoint
//! (RFC 7523; <https://developers.google.com/identity/protocols/oauth2/service-account>).

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use countermand_core::TransportError;
use countermand_hyper::{BoxFuture, HyperConfig, Token};
use serde_json::json;
use zeroize::Zeroizing;

use crate::account::is_email;
use crate::address::{Address, base64url};
use crate::document::{Document, Problem};
use crate::error::rejected;
use crate::response::Answer;
use crate::rs256::Key;
use crate::source::Grant;

pub(crate) const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// The longest that claims may be good, in seconds.
const HOUR: u64 = 3600;

/// Claims begin so many seconds ago, for a clock that is a bit fast.
const LEEWAY: u64 = 10;

#[derive(Clone)]
pub(crate) struct ServiceAccount {
    email: String,
    key: Key,
    key_id: Option<String>,
    subject: Option<String>,
    token_uri: Address,
}

impl ServiceAccount {
    pub(crate) fn parse(document: &Document) -> Result<Self, Problem> {
        let email = document.text("client_email")?;
        is_email(email).map_err(|problem| format!("the field `client_email` {problem}"))?;
        // A variable, or a form, may have kept the line ends as they stand in JSON.
        let pem = Zeroizing::new(document.text("private_key")?.replace("\\n", "\n"));
        let key = Key::from_pem(&pem);
        let token_uri = document.optional("token_uri")?.unwrap_or(TOKEN_URI);
        Ok(Self {
            email: email.to_owned(),
            key: key.map_err(|problem| format!("the field `private_key` {problem}"))?,
            key_id: document.optional("private_key_id")?.map(str::to_owned),
            subject: None,
            token_uri: Address::new("token_uri", token_uri)?,
        })
    }

    pub(crate) fn email(&self) -> &str {
        &self.email
    }

    async fn exchange(&self, scope: &str, config: &HyperConfig) -> Result<Token, TransportError> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let begin = since.map_or(0, |since| since.as_secs().saturating_sub(LEEWAY));
        let assertion = self.assertion(scope, begin)?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.as_str()),
        ];
        let response = self.token_uri.post_form(config, &form, None).await?;
        Answer::read(&self.token_uri.shown(), response)?.token()
    }

    /// A JSON web token that asks for an access token of `scope`.
    fn assertion(&self, scope: &str, begin: u64) -> Result<Zeroizing<String>, TransportError> {
        let mut head = json!({"alg": "RS256", "typ": "JWT"});
        if let Some(id) = &self.key_id {
            head["kid"] = id.as_str().into();
        }
        let mut claims = json!({
            "iss": self.email,
            "scope": scope,
            "aud": self.token_uri.url(),
            "iat": begin,
            "exp": begin + HOUR,
        });
        if let Some(subject) = &self.subject {
            claims["sub"] = subject.as_str().into();
        }
        let head = base64url(head.to_string());
        let claims = base64url(claims.to_string());
        let signed = Zeroizing::new(format!("{head}.{claims}"));
        let signature = self.key.sign(signed.as_bytes());
        let signature = signature.ok_or_else(|| rejected("the private key does not sign"))?;
        let signature = base64url(signature);
        Ok(Zeroizing::new(format!("{}.{signature}", *signed)))
    }
}

impl Grant for ServiceAccount {
    fn grant<'a>(
        &'a self,
        scope: &'a str,
        _: bool,
        config: &'a HyperConfig,
    ) -> BoxFuture<'a, Result<Token, TransportError>> {
        Box::pin(self.exchange(scope, config))
    }

    fn on_behalf_of(&self, subject: &str) -> Option<Arc<dyn Grant>> {
        let mut account = self.clone();
        account.subject = Some(subject.to_owned());
        Some(Arc::new(account))
    }
}
