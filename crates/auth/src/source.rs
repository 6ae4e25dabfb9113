//! The source of the tokens that credentials are exchanged for.

use std::fmt;
use std::sync::Arc;

use countermand_core::TransportError;
use countermand_hyper::{BoxFuture, HyperConfig, Token, TokenSource};
use http::HeaderValue;

/// A right to access tokens, which is exchanged for them.
pub(crate) trait Grant: Send + Sync {
    /// An access token of this scope, by connections such as `config` describes. `fresh`: the last
    /// one was refused.
    fn grant<'a>(
        &'a self,
        scope: &'a str,
        fresh: bool,
        config: &'a HyperConfig,
    ) -> BoxFuture<'a, Result<Token, TransportError>>;

    /// False where it gives tokens of scopes that were chosen before.
    fn needs_scope(&self) -> bool {
        true
    }

    /// A token that is there without waiting, as [`TokenSource::at_hand`] has it.
    fn at_hand(&self) -> Option<Token> {
        None
    }

    /// The right to act on behalf of a user, where there is one.
    fn on_behalf_of(&self, _subject: &str) -> Option<Arc<dyn Grant>> {
        None
    }
}

/// A [`TokenSource`] of the tokens that [`Credentials`](crate::Credentials) are exchanged for.
///
/// It keeps none: its tokens say how long they are good, and [`Authorized`](countermand_hyper::Authorized)
/// keeps them. Cheap to clone.
#[derive(Clone)]
pub struct CredentialSource {
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) scope: Arc<str>,
    pub(crate) config: Arc<HyperConfig>,
    pub(crate) quota_project: Option<HeaderValue>,
    pub(crate) universe: Option<String>,
}

impl TokenSource for CredentialSource {
    fn token(&self, fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        self.grant.grant(&self.scope, fresh, &self.config)
    }

    fn at_hand(&self) -> Option<Token> {
        self.grant.at_hand()
    }

    fn quota_project(&self) -> Option<HeaderValue> {
        self.quota_project.clone()
    }

    fn universe_domain(&self) -> Option<&str> {
        self.universe.as_deref()
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialSource")
            .field("scope", &self.scope)
            .field("quota_project", &self.quota_project)
            .finish_non_exhaustive()
    }
}

/// Tokens of another source, whatever the scope.
pub(crate) struct Given(pub(crate) Arc<dyn TokenSource>);

impl Grant for Given {
    fn grant<'a>(
        &'a self,
        _: &'a str,
        fresh: bool,
        _: &'a HyperConfig,
    ) -> BoxFuture<'a, Result<Token, TransportError>> {
        self.0.token(fresh)
    }

    fn needs_scope(&self) -> bool {
        false
    }

    fn at_hand(&self) -> Option<Token> {
        self.0.at_hand()
    }
}
