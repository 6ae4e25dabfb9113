//! A user who has logged in with `gcloud auth application-default login`.

use countermand_core::TransportError;

use crate::config::HyperConfig;
use crate::credentials::answer::Answer;
use crate::credentials::document::{Document, Problem, Secret};
use crate::credentials::service_account::TOKEN_URI;
use crate::credentials::source::Grant;
use crate::credentials::wire::Address;
use crate::token::Token;
use crate::transport::BoxFuture;

pub(super) struct AuthorizedUser {
    client_id: String,
    client_secret: Secret,
    refresh_token: Secret,
    token_uri: Address,
}

impl AuthorizedUser {
    pub(super) fn parse(document: &Document) -> Result<Self, Problem> {
        let token_uri = document.optional("token_uri")?.unwrap_or(TOKEN_URI);
        Ok(Self {
            client_id: document.text("client_id")?.to_owned(),
            client_secret: document.secret("client_secret")?,
            refresh_token: document.secret("refresh_token")?,
            token_uri: Address::new("token_uri", token_uri)?,
        })
    }

    /// What the user agreed to at the login decides the scopes: asking for others fails, and asking
    /// for fewer is of no use.
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
    fn grant<'a>(
        &'a self,
        _: &'a str,
        _: bool,
        config: &'a HyperConfig,
    ) -> BoxFuture<'a, Result<Token, TransportError>> {
        Box::pin(self.refresh(config))
    }
}
