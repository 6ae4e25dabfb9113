//! The paths where tokens are given out.

use http::{Method, Request};

use crate::percent::decode;

/// A way to a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Token,
    Metadata,
    MetadataEmail,
    SubjectToken,
    Sts,
    GenerateAccessToken,
}

impl Door {
    /// The words a script has for them.
    pub(crate) const WORDS: [(&str, Self); 5] = [
        ("token", Self::Token),
        ("metadata", Self::Metadata),
        ("subject-token", Self::SubjectToken),
        ("sts", Self::Sts),
        ("generateAccessToken", Self::GenerateAccessToken),
    ];

    pub(crate) fn route<B>(request: &Request<B>) -> Option<Self> {
        const ACCOUNT: &str = "/computeMetadata/v1/instance/service-accounts/default/";
        let path = request.uri().path();
        match (request.method(), path) {
            (&Method::POST, "/token") => Some(Self::Token),
            (&Method::POST, "/v1/token") => Some(Self::Sts),
            (&Method::GET, "/subject-token") => Some(Self::SubjectToken),
            (&Method::POST, _) if account(path).is_some() => Some(Self::GenerateAccessToken),
            (&Method::GET, _) => match path.strip_prefix(ACCOUNT)? {
                "token" => Some(Self::Metadata),
                "email" => Some(Self::MetadataEmail),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The service account in the path of `generateAccessToken`.
pub(crate) fn account(path: &str) -> Option<String> {
    let account = path
        .strip_prefix("/v1/projects/-/serviceAccounts/")?
        .strip_suffix(":generateAccessToken")?;
    Some(decode(account)?.into_owned())
}
