//! A user of a workforce pool who has logged in with `gcloud auth application-default login`
//! (`external_account_authorized_user`).

use std::sync::Mutex;

use countermand_core::TransportError;
use countermand_hyper::{BoxFuture, HyperConfig, Token};

use crate::address::{Address, ClientAuth};
use crate::document::{Document, Problem, Secret};
use crate::response::Answer;
use crate::source::Grant;

pub(crate) struct FederatedUser {
    client: ClientAuth,
    /// The server may replace it with each answer.
    refresh_token: Mutex<Secret>,
    token_url: Address,
}

impl FederatedUser {
    pub(crate) fn parse(document: &Document) -> Result<Self, Problem> {
        Ok(Self {
            client: ClientAuth::new(document.text("client_id")?, document.text("client_secret")?)?,
            refresh_token: Mutex::new(document.secret("refresh_token")?),
            token_url: Address::new("token_url", document.text("token_url")?)?,
        })
    }

    async fn refresh(&self, config: &HyperConfig) -> Result<Token, TransportError> {
        let refresh_token = self.refresh_token().clone();
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.reveal()),
        ];
        let response = self
            .token_url
            .post_form(config, &form, Some(&self.client))
            .await?;
        let answer = Answer::read(&self.token_url.shown(), response)?;
        let token = answer.token()?;
        if let Some(next) = answer.refresh_token() {
            *self.refresh_token() = next;
        }
        Ok(token)
    }

    fn refresh_token(&self) -> std::sync::MutexGuard<'_, Secret> {
        self.refresh_token
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Grant for FederatedUser {
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
