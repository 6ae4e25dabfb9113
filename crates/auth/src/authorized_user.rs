//! A user who has logged in with `gcloud auth application-default login`.

use countermand_core::TransportError;
use countermand_hyper::{BoxFuture, HyperConfig, Token};

use crate::address::Address;
use crate::document::{Document, Problem, Secret};
use crate::response::Answer;
use crate::service_account::TOKEN_URI;
use crate::source::Grant;

pub(crate) struct AuthorizedUser {
    client_id: String,
    client_secret: Secret,
    refresh_token: Secret,
    token_uri: Address,
}

impl AuthorizedUser {
    pub(crate) fn parse(document: &Document) -> Result<Self, Problem> {
        let token_uri = document.optional("token_uri")?.unwrap_or(TOKEN_URI);
        Ok(Self {
            client_id: document.text("client_id")?.to_owned(),
            client_secret: document.secret("client_secret")?,
            refresh_token: document.secret("refresh_token")?,
            token_uri: Address::new("token_uri", token_uri)?,
        })
    }

    /// Exchanges the refresh token. The scopes are those that the user agreed to at the login: a request
    /// for others fails, and one for fewer is of no use.
    async fn refresh(&self, config: &HyperConfig) -> Result<Token, TransportError> {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.reveal()),
            ("refresh_token", self.refresh_token.reveal()),
        ];
        let response = self.token_uri.post_form(config, &form, None).await?;
        Answer::read(&self.token_uri.shown(), response)?.token()
    }
}

impl Grant for AuthorizedUser {
    fn needs_scope(&self) -> bool {
        false
    }

    fn grant<'a>(
        &'a self,
        _: &'a str,
        _: bool,
        config: &'a HyperConfig,
    ) -> BoxFuture<'a, Result<Token, TransportError>> {
        Box::pin(self.refresh(config))
    }
}
