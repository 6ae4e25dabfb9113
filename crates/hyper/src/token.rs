//! Access tokens and where they come from.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

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
    /// Fails with [`Token`](TransportErrorKind::Token) if it is worth trying again, else with
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

/// A file that holds nothing but a token, and that something else keeps fresh.
///
/// It is read again when its time of modification or its length changes, or when a fresh token is
/// asked for. White space around the token is ignored.
#[derive(Clone, Debug)]
pub struct TokenFile(Arc<File>);

#[derive(Debug)]
struct File {
    path: PathBuf,
    read: Mutex<Option<(Stamp, Token)>>,
}

/// What changes when a file changes.
type Stamp = (Option<SystemTime>, u64);

impl TokenFile {
    /// Reads `path` when the first token is needed.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(File {
            path: path.into(),
            read: Mutex::new(None),
        }))
    }
}

impl TokenSource for TokenFile {
    fn token(&self, fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        let file = Arc::clone(&self.0);
        Box::pin(async move {
            tokio::task::spawn_blocking(move || file.token(fresh))
                .await
                .unwrap_or_else(|error| Err(credentials(error.to_string())))
        })
    }
}

impl File {
    fn token(&self, fresh: bool) -> Result<Token, TransportError> {
        let stamp = fs::metadata(&self.path)
            .map(|metadata| (metadata.modified().ok(), metadata.len()))
            .map_err(|error| about(&self.path, error))?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        match &*read {
            Some((seen, token)) if !fresh && *seen == stamp => return Ok(token.clone()),
            _ => {}
        }
        // Bytes that are not UTF-8 are not echoed: they may be a secret of another sort.
        let text = fs::read_to_string(&self.path).map_err(|error| about(&self.path, error))?;
        let token = Token::new(text.trim()).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            about(&self.path, cause.unwrap_or_default())
        })?;
        *read = Some((stamp, token.clone()));
        Ok(token)
    }
}

fn about(path: &Path, problem: impl fmt::Display) -> TransportError {
    credentials(format!("the token file {}: {problem}", path.display()))
}

fn credentials(problem: String) -> TransportError {
    TransportError::new(TransportErrorKind::Credentials, problem)
}
