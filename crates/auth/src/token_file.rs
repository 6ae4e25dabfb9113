//! A token in a file that another program keeps fresh.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use countermand_core::text::shown_path;
use countermand_core::{TransportError, TransportErrorKind};
use countermand_hyper::{BoxFuture, SecretFile, Token, TokenSource, runtime};

/// A file that holds nothing but a token, and that another program keeps fresh.
///
/// It is read again when its time of modification or its length changes, or when a fresh token is
/// asked for. White space around the token is ignored.
///
/// `gcloud … > token` leaves the file empty for a second: when it cannot be read again, the token
/// read last stays in use, and where a fresh one is asked for the failure is one that may pass
/// ([`TokenUnavailable`](TransportErrorKind::TokenUnavailable)). Before the first token was read, it is
/// [`CredentialsRejected`](TransportErrorKind::CredentialsRejected).
#[derive(Clone, Debug)]
pub struct TokenFile(Arc<File>);

struct File {
    file: SecretFile,
    known: Mutex<Option<Known>>,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("File").field(&self.file).finish()
    }
}

/// The token that was read last.
#[derive(Clone, Debug)]
struct Known {
    stamp: Stamp,
    token: Token,
    /// True once it was logged that a newer one cannot be read.
    complained: bool,
}

/// Time of modification and length, one of which changes when the file changes.
type Stamp = (Option<SystemTime>, u64);

impl TokenFile {
    /// Reads the file when the first token is needed. A pipe is read once, so its token is never
    /// replaced.
    #[must_use]
    pub fn new(file: impl Into<SecretFile>) -> Self {
        Self(Arc::new(File {
            file: file.into(),
            known: Mutex::new(None),
        }))
    }

    /// The path, as it was given.
    #[must_use]
    pub fn path(&self) -> &std::path::Path {
        self.0.file.path()
    }
}

impl TokenSource for TokenFile {
    fn token(&self, fresh: bool) -> BoxFuture<'_, Result<Token, TransportError>> {
        let file = Arc::clone(&self.0);
        Box::pin(async move {
            runtime::check()?;
            tokio::task::spawn_blocking(move || file.token(fresh))
                .await
                .unwrap_or_else(|error| {
                    Err(TransportError::new(
                        TransportErrorKind::TokenUnavailable,
                        error,
                    ))
                })
        })
    }
}

impl File {
    fn token(&self, fresh: bool) -> Result<Token, TransportError> {
        let known = self.known().clone();
        if known.is_none()
            && let Some(problem) = self.file.exposure()
        {
            tracing::warn!(problem, "secret exposed");
        }
        // The lock is free while the file is read: a slow disk is slow for one thread.
        match (self.read(known.as_ref().filter(|_| !fresh)), known) {
            (Ok(read), _) => {
                let token = read.token.clone();
                *self.known() = Some(read);
                Ok(token)
            }
            (Err(problem), Some(known)) if !fresh => {
                if !known.complained {
                    let path = shown_path(self.file.path());
                    tracing::warn!(path, problem, "token file unreadable, the last token stays");
                }
                if let Some(known) = &mut *self.known() {
                    known.complained = true;
                }
                Ok(known.token)
            }
            (Err(problem), known) => Err(TransportError::new(
                match known {
                    Some(_) => TransportErrorKind::TokenUnavailable,
                    None => TransportErrorKind::CredentialsRejected,
                },
                self.file.problem("the token file", problem),
            )),
        }
    }

    /// The token in the file, or `known` if the file has not changed since.
    ///
    /// A failure says what is wrong, never what is in the file.
    fn read(&self, known: Option<&Known>) -> Result<Known, String> {
        // Of a pipe there is nothing newer.
        let metadata = self.file.metadata()?;
        let stamp = metadata.map_or((None, 0), |metadata| {
            (metadata.modified().ok(), metadata.len())
        });
        if let Some(known) = known
            && known.stamp == stamp
        {
            return Ok(known.clone());
        }
        let bytes = self.file.read(SecretFile::CAP)?;
        let token = str::from_utf8(&bytes)
            .map_err(|error| error.to_string())?
            .trim();
        if token.starts_with('{') {
            return Err("it holds JSON where a bare token is expected".to_owned());
        }
        let token = Token::new(token).map_err(|error| error.cause())?;
        Ok(Known {
            stamp,
            token,
            complained: false,
        })
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
