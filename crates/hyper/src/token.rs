//! Access tokens and where they come from.

use std::fmt;
use std::sync::Arc;

use countermand_core::{TransportError, TransportErrorKind};
use http::HeaderValue;

use crate::transport::BoxFuture;

/// An OAuth 2.0 access token. It never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(HeaderValue);

impl Token {
    /// A token that can travel in a header.
    ///
    /// # Errors
    /// [`Credentials`](TransportErrorKind::Credentials) if it is empty or has a character other
    /// than visible ASCII, such as a line end. The message does not repeat it.
    pub fn new(token: &str) -> Result<Self, TransportError> {
        let problem = match token.bytes().position(|byte| !byte.is_ascii_graphic()) {
            _ if token.is_empty() => "the access token is empty".to_owned(),
            Some(at) => format!(
                "the access token has a space, a line end or another impossible byte at position {at}"
            ),
            None => match HeaderValue::try_from(format!("Bearer {token}")) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    return Ok(Self(value));
                }
                Err(_) => "the access token is too long".to_owned(),
            },
        };
        Err(credentials(problem))
    }

    /// The value of the `authorization` header, marked sensitive.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl std::str::FromStr for Token {
    type Err = TransportError;

    fn from_str(token: &str) -> Result<Self, TransportError> {
        Self::new(token)
    }
}

/// Where tokens come from.
///
/// Asked before each attempt, so it should keep a token for as long as it is good.
pub trait TokenSource: Send + Sync {
    /// A token; a new one if `fresh`, because the server refused the last one.
    ///
    /// # Errors
    /// [`Token`](TransportErrorKind::Token) if it is worth trying again, else
    /// [`Credentials`](TransportErrorKind::Credentials).
    fn token(&self, fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>>;
}

/// Always the same.
impl TokenSource for Token {
    fn token(&self, _: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

impl<T: TokenSource + ?Sized> TokenSource for Arc<T> {
    fn token(&self, fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        (**self).token(fresh)
    }
}

/// A source that calls a closure. See [`token_fn`].
#[derive(Clone, Debug)]
pub struct TokenFn<F>(F);

/// Makes a source of a closure.
///
/// ```
/// use countermand_hyper::{Token, token_fn};
///
/// # async fn ask_metadata_server(_: bool) -> String { String::new() }
/// let asynchronous = token_fn(|fresh| async move { Token::new(&ask_metadata_server(fresh).await) });
/// let synchronous = token_fn(|_| std::future::ready(Token::new("ya29.a0")));
/// ```
pub const fn token_fn<F, Answer>(closure: F) -> TokenFn<F>
where
    F: Fn(bool) -> Answer + Send + Sync,
    Answer: Future<Output = Result<Token, TransportError>> + Send,
{
    TokenFn(closure)
}

impl<F, Answer> TokenSource for TokenFn<F>
where
    F: Fn(bool) -> Answer + Send + Sync,
    Answer: Future<Output = Result<Token, TransportError>> + Send + 'static,
{
    fn token(&self, fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        Box::pin((self.0)(fresh))
    }
}

fn credentials(problem: String) -> TransportError {
    TransportError::new(TransportErrorKind::Credentials, problem)
}
