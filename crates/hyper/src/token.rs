//! Access tokens and their source.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countermand_core::text::looks_secret;
use countermand_core::{Endpoint, TransportError, TransportErrorKind};
use http::HeaderValue;
use memchr::memchr_iter;
use zeroize::Zeroizing;

use crate::moment::Moment;
use crate::transport::BoxFuture;

/// An OAuth 2.0 access token. It never prints.
///
/// Its memory, which all clones and the header of each request share, is overwritten when the last
/// of them is dropped. Copies that a connection makes to encrypt and send it are not.
#[derive(Clone)]
pub struct Token {
    secret: Arc<Secret>,
    life: Option<Life>,
}

struct Secret {
    header: HeaderValue,
    /// The part of the header that is searched in answers; empty in a token that is too short.
    searched: Range<usize>,
}

/// Lifetime of a token, and its begin.
#[derive(Clone, Copy)]
pub(crate) struct Life {
    pub(crate) length: Duration,
    pub(crate) begin: Moment,
}

/// The shortest and the longest life of a token that is believed. With a shorter one every request
/// would wait for a token, and Google's live an hour.
const LIFE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(3600));

impl Token {
    /// A token that can travel in a header.
    ///
    /// # Errors
    /// [`CredentialsRejected`](TransportErrorKind::CredentialsRejected) if it is empty, has a character other than
    /// visible ASCII, such as a line end, or is something else than a token: credentials in JSON, a
    /// key, the path of a file. The message does not repeat it.
    pub fn new(token: &str) -> Result<Self, TransportError> {
        if let Some(problem) = mistaken(token) {
            return Err(credentials(problem.to_owned()));
        }
        let problem = match token.bytes().position(|byte| !byte.is_ascii_graphic()) {
            _ if token.is_empty() => "the access token is empty".to_owned(),
            Some(at) => format!(
                "the access token has a space, a line end or another impossible byte at position {at}"
            ),
            None => {
                // Of the right size at once: one that grew would leave copies behind.
                let mut value = Zeroizing::new(Vec::with_capacity(BEARER.len() + token.len()));
                value.extend_from_slice(BEARER);
                value.extend_from_slice(token.as_bytes());
                match HeaderValue::from_maybe_shared(Bytes::from_owner(value)) {
                    Ok(mut header) => {
                        header.set_sensitive(true);
                        let searched = searched(token);
                        return Ok(Self {
                            secret: Arc::new(Secret { header, searched }),
                            life: None,
                        });
                    }
                    Err(_) => "the access token cannot be in a header".to_owned(),
                }
            }
        };
        Err(credentials(problem))
    }

    /// Sets the lifetime of the token from now on; 10 s at least and an hour at most.
    ///
    /// A source whose tokens say so need not keep them: [`Authorized`](crate::Authorized) does,
    /// and asks for another one before the time is up.
    #[must_use]
    pub fn expiring(mut self, after: Duration) -> Self {
        self.life = Some(Life {
            length: after.clamp(LIFE.0, LIFE.1),
            begin: Moment::now(),
        });
        self
    }

    /// The rest of its [lifetime](Self::expiring), if that is known.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        let life = self.life?;
        Some(life.length.saturating_sub(life.begin.instant.elapsed()))
    }

    pub(crate) const fn life(&self) -> Option<Life> {
        self.life
    }

    /// The value of the `authorization` header, marked sensitive.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        self.secret.header.clone()
    }

    /// Tells whether a text of the server repeats the token, also with escapes of URLs, JSON or HTML.
    pub(crate) fn is_repeated_by(&self, text: &[u8]) -> bool {
        let part = &self.secret.header.as_bytes()[self.secret.searched.clone()];
        part.first().is_some_and(|first| {
            text.len() >= part.len()
                && memchr_iter(*first, text).any(|at| text[at..].starts_with(part))
        })
    }
}

/// The shortest text that is searched in answers: tokens have 128 bits and more (RFC 6749, 10.10), and a
/// shorter text occurs by chance.
const SHORTEST: usize = 16;

/// The part of a token that tells that a text repeats it, in bytes of the header: the longest one of letters
/// and digits alone, which no encoding escapes, or all of the token where that is short.
fn searched(token: &str) -> Range<usize> {
    let parts = token.split(|char: char| !char.is_ascii_alphanumeric());
    let longest = parts.max_by_key(|part| part.len()).unwrap_or_default();
    // Capitals are rare in answers, so that the search hardly ever stops at one.
    let capital = longest.find(|char: char| char.is_ascii_uppercase());
    let part = [&longest[capital.unwrap_or(0)..], longest, token]
        .into_iter()
        .find(|part| part.len() >= SHORTEST);
    let start = BEARER.len() + part.and_then(|part| token.find(part)).unwrap_or_default();
    start..start + part.map_or(0, str::len)
}

/// The problem with a text that would be sent as a token and is none.
fn mistaken(token: &str) -> Option<&'static str> {
    let text = token.trim_start();
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    let drive =
        || matches!(text.as_bytes(), [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic());
    // Base64 may begin with a slash.
    let path = begins(&["/", "./", "../", "~/"]) && looks_secret(text).is_none()
        || begins(&["file:"])
        || [".json", ".txt", ".pem", ".p12"]
            .iter()
            .any(|ending| text.ends_with(ending));
    if begins(&["{"]) {
        Some("the access token is JSON, as credentials are: give the path of their file")
    } else if text.contains("-----BEGIN") {
        Some("the access token is a key in PEM: give the path of the credentials file that has it")
    } else if path || drive() {
        Some("the access token looks like the path of a file: give it as a path")
    } else if text
        .get(..7)
        .is_some_and(|word| word.eq_ignore_ascii_case("bearer "))
    {
        Some("the access token begins with the word Bearer: give the token alone")
    } else if begins(&["$"]) {
        Some("the access token is a variable that was not replaced by its value")
    } else {
        None
    }
}

/// Two are the same if their text is.
impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.secret, &other.secret) || self.secret.header == other.secret.header
    }
}

impl Eq for Token {}

const BEARER: &[u8] = b"Bearer ";

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

/// A source of tokens.
///
/// Asked before each attempt, so it should keep a token for as long as it is good, unless its tokens
/// [say how long that is](Token::expiring): then [`Authorized`](crate::Authorized) keeps them and
/// has one caller at a time ask for the next.
///
/// ```
/// use std::time::Duration;
/// use countermand_emulator::{Config, Fate, Server, Shared};
/// use countermand_hyper::{BoxFuture, Client, Endpoint, HyperConfig, OperationName, Token, TokenSource, TransportError};
///
/// /// Tokens of a vault.
/// struct Vault;
///
/// impl TokenSource for Vault {
///     fn token(&self, _fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
///         // Asked again in an hour, or when the server refuses this one.
///         Box::pin(async { Ok(Token::new("emulator-token")?.expiring(Duration::from_secs(3600))) })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let emulator = Shared::new(Config::default().parents(1).mix([(1, Fate::Cancellable)]));
/// let server = Server::bind(([127, 0, 0, 1], 0).into(), emulator.clone()).await?;
/// let name: OperationName = emulator.with(|emulator, now| emulator.pending(now))[0].parse()?;
/// let client = Client::connect(server.endpoint().parse::<Endpoint>()?, Vault, HyperConfig::default())?;
/// client.cancel(&name).await?;
/// # Ok(())
/// # }
/// ```
///
/// [`token_fn`] makes one of a closure.
pub trait TokenSource: Send + Sync {
    /// A token; a new one if `fresh`, because the server refused the last one.
    ///
    /// # Cancellation safety
    /// The future may be dropped: after 10 s, and with the request that waits for it where the source
    /// keeps its tokens itself. The fetch of a token that [`Authorized`](crate::Authorized) keeps goes
    /// on without the request.
    ///
    /// # Errors
    /// [`TokenUnavailable`](TransportErrorKind::TokenUnavailable) if it is worth trying again, else
    /// [`CredentialsRejected`](TransportErrorKind::CredentialsRejected).
    fn token(&self, fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>>;

    /// A token that the source has without waiting, to be sent instead of one that is asked for; by
    /// default none. Spares each request a future where the token is always the same.
    fn at_hand(&self) -> Option<Token> {
        None
    }

    /// The project that pays, for the header `x-goog-user-project`: by default the token's own.
    ///
    /// Asked once, when a client is made.
    fn quota_project(&self) -> Option<HeaderValue> {
        None
    }

    /// The universe that the tokens are of, if it is another than `googleapis.com`: they are not
    /// sent to Google's endpoint.
    ///
    /// Asked once, when a client is made.
    fn universe_domain(&self) -> Option<&str> {
        None
    }
}

/// Refuses tokens of another universe where the endpoint is Google's own.
///
/// # Errors
/// [`CredentialsRejected`](TransportErrorKind::CredentialsRejected), with a remedy.
pub fn check_universe(endpoint: &Endpoint, tokens: &dyn TokenSource) -> Result<(), TransportError> {
    match tokens.universe_domain() {
        Some(domain) if endpoint.host().ends_with(".googleapis.com") => Err(credentials(format!(
            "the credentials are of the universe {domain}, and the endpoint is Google's own: name the endpoint of the API there"
        ))),
        _ => Ok(()),
    }
}

/// Always the same.
impl TokenSource for Token {
    fn token(&self, _: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }

    fn at_hand(&self) -> Option<Token> {
        Some(self.clone())
    }
}

impl<T: TokenSource + ?Sized> TokenSource for Arc<T> {
    fn token(&self, fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        (**self).token(fresh)
    }

    fn at_hand(&self) -> Option<Token> {
        (**self).at_hand()
    }

    fn quota_project(&self) -> Option<HeaderValue> {
        (**self).quota_project()
    }

    fn universe_domain(&self) -> Option<&str> {
        (**self).universe_domain()
    }
}

/// A source whose calls another project pays for. See [`billed_to`].
#[derive(Clone, Debug)]
pub struct Billed<S> {
    source: S,
    project: HeaderValue,
}

/// Lets a project pay for the calls, and lend its quota: it is named in `x-goog-user-project`,
/// which goes where the token goes and nowhere else.
///
/// # Errors
/// [`CredentialsRejected`](TransportErrorKind::CredentialsRejected) if `project` cannot be the id of one.
pub fn billed_to<S: TokenSource>(project: &str, source: S) -> Result<Billed<S>, TransportError> {
    Ok(Billed {
        source,
        project: quota_project_header(project)?,
    })
}

/// The value of `x-goog-user-project` for the id of a project, or its number; ids of organizations'
/// projects have a domain in front.
///
/// # Errors
/// [`CredentialsRejected`](TransportErrorKind::CredentialsRejected) if it cannot be one.
pub fn quota_project_header(project: &str) -> Result<HeaderValue, TransportError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':');
    let refused = || credentials("the quota project is no id of a project".to_owned());
    match project.len() {
        1..=200 if project.bytes().all(plain) && looks_secret(project).is_none() => {
            HeaderValue::try_from(project).map_err(|_| refused())
        }
        _ => Err(refused()),
    }
}

impl<S: TokenSource> TokenSource for Billed<S> {
    fn token(&self, fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        self.source.token(fresh)
    }

    fn at_hand(&self) -> Option<Token> {
        self.source.at_hand()
    }

    fn quota_project(&self) -> Option<HeaderValue> {
        Some(self.project.clone())
    }

    fn universe_domain(&self) -> Option<&str> {
        self.source.universe_domain()
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
    TransportError::new(TransportErrorKind::CredentialsRejected, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_55_each_text_that_repeats_a_token_is_found() {
        for text in [
            "ya29.a0Canary0123456789-Zm_9~+/x==",
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJjYW4",
            "0123456789abcdef",
            "a.b.c.d.e.f.g.h.i",
        ] {
            let token = Token::new(text).unwrap();
            let each = |escape: &dyn Fn(char) -> String| {
                let marked = |char: char| match char.is_ascii_alphanumeric() {
                    true => char.to_string(),
                    false => escape(char),
                };
                text.chars().map(marked).collect::<String>()
            };
            let spellings = [
                text.to_owned(),
                each(&|char| format!("%{:02X}", u32::from(char))),
                each(&|char| format!("%25{:02x}", u32::from(char))),
                each(&|char| format!("\\u{:04x}", u32::from(char))),
                each(&|char| format!("\\{char}")),
                each(&|char| format!("&#{};", u32::from(char))),
            ];
            // One that is all marks is found as it is.
            let escaped = if text.starts_with("a.b") {
                1
            } else {
                spellings.len()
            };
            for spelling in &spellings[..escaped] {
                for (before, after) in [("", ""), ("Bearer ", "."), ("\u{e9}\"", "\" and more")] {
                    let body = format!("{before}{spelling}{after}");
                    assert!(token.is_repeated_by(body.as_bytes()), "{body}");
                }
            }
        }
    }

    #[test]
    fn what_does_not_repeat_the_token_is_not_taken_for_it() {
        let body = br#"{"name":"enterprises/LC01abcd89/devices/3f00c0ffee123456/operations/1786048723669","done":true,"error":{"code":1,"message":"The operation was cancelled."}}"#;
        for text in [
            "ya29.a0Canary0123456789-Zm_9",
            // Short ones are in many answers by chance.
            "1",
            "operations",
            "1786048723669",
        ] {
            assert!(!Token::new(text).unwrap().is_repeated_by(body), "{text}");
        }
        assert!(Token::new("3f00c0ffee123456").unwrap().is_repeated_by(body));
        assert!(!Token::new("0123456789abcdef").unwrap().is_repeated_by(b""));
    }
}
