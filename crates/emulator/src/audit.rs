//! The requests that came.

use serde::Serialize;

use crate::percent::decode_query;

/// One request as the emulator saw it; never its token.
///
/// A test compares a client's claims and its behaviour (calls, their rate, with a token or without) with these.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Audited {
    /// The request's number, from 1.
    pub n: u64,
    /// Milliseconds since the emulator's start, on its own clock.
    pub time: u64,
    /// The HTTP method.
    pub method: String,
    /// Path and query as they arrived, with secrets in the query struck out.
    pub path: String,
    /// The status of the answer, `None` when there was no answer.
    pub status: Option<u16>,
    /// True if the request carried a token, in a header or in the query.
    pub had_token: bool,
    /// True if the request was carried out, whatever was answered.
    pub effect: bool,
}

/// Path and query for the audit.
pub(crate) fn without_secrets(uri: &http::Uri) -> String {
    let Some(query) = uri.query() else {
        return uri.path().to_owned();
    };
    let pairs: Vec<&str> = query
        .split('&')
        .map(|pair| {
            let key = pair.split_once('=').map_or(pair, |(key, _)| key);
            match decode_query(key).as_deref() {
                Some("access_token") => "access_token=...",
                Some("oauth_token") => "oauth_token=...",
                Some("key") => "key=...",
                _ => pair,
            }
        })
        .collect();
    format!("{}?{}", uri.path(), pairs.join("&"))
}
