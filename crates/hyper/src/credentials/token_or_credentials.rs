//! A file with a token or with credentials: its content tells which.

use std::path::PathBuf;

use countermand_core::{TransportError, looks_secret};

use crate::credentials::Credentials;
use crate::credentials::refused;
use crate::secret_file::{CAP, GivenFile};
use crate::token_file::TokenFile;

/// The source of tokens that a file holds.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a caller acts on each")]
pub enum TokenOrCredentials {
    /// A bare token, read again when the file changes.
    Token(TokenFile),
    /// Google's JSON, which is exchanged for tokens.
    Credentials(Credentials),
}

impl TokenOrCredentials {
    /// Looks into the file. One that is not there yet is taken for one with a token.
    ///
    /// # Errors
    /// It holds JSON that gives no token, or what is given is no path but looks like a secret.
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, TransportError> {
        let file = GivenFile::new(path);
        match file.read(CAP) {
            Ok(bytes) if is_json(&bytes) => Credentials::from_given(&file).map(Self::Credentials),
            Err(problem) if looks_secret(&file.path().to_string_lossy()).is_some() => {
                Err(refused(file.problem("the token", problem)))
            }
            _ => Ok(Self::Token(TokenFile::of(file))),
        }
    }
}

fn is_json(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.trim_ascii_start().starts_with(b"{")
}
