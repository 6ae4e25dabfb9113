//! The places that give out tokens: the token endpoint, the metadata server, the security token service and the IAM credentials API.
//!
//! One identity of each kind, whose secrets open nothing but this emulator. A request is checked as strictly as Google does,
//! as far as that is documented, so that a client that passes here asked for the right thing.

mod credentials;
mod door;
mod form;
mod jwt;
mod secrets;

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, header};
use serde::Serialize;
use serde_json::{Value, json};

pub use credentials::credentials;
pub(crate) use door::Door;

use crate::answer::{Failure, bare};
use crate::time::rfc3339;
use form::Form;
use secrets::{AUDIENCE, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, SERVICE_ACCOUNT, SUBJECT_TOKEN};

const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The scope that is enough to make tokens for service accounts, and for nothing else.
const IAM: &str = "https://www.googleapis.com/auth/iam";
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const LIFETIME: Duration = Duration::from_secs(3600);

/// A token that was given out; never its text.
///
/// A test compares the request of a client with it: principal, subject and scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Issued {
    /// The way it was asked for: `token`, `metadata`, `sts` or `generateAccessToken`.
    pub by: &'static str,
    /// Its owner: a service account, `user`, or the audience of a federation.
    pub principal: String,
    /// The user on whose behalf a service account acts (domain-wide delegation).
    pub subject: Option<String>,
    /// Scopes, separated by spaces.
    pub scope: String,
}

/// The tokens that were given out.
#[derive(Debug)]
pub(crate) struct Identity {
    /// The scope of the API.
    scope: &'static str,
    issued: Vec<Issued>,
    /// By token: its index, and its expiry in Unix milliseconds.
    known: HashMap<String, (usize, u64)>,
}

/// The use of a token.
pub(crate) enum Good {
    For(String),
    Expired,
    Never,
}

/// An answer before it is one: status and JSON.
type Answer = Result<Value, (u16, Value)>;

impl Identity {
    /// Nothing given out yet; `scope` is that of the API.
    pub(crate) fn new(scope: &'static str) -> Self {
        Self {
            scope,
            issued: Vec::new(),
            known: HashMap::new(),
        }
    }

    /// The use of an issued token now.
    pub(crate) fn look_up(&self, token: &str, now: u64) -> Good {
        match self.known.get(token) {
            None => Good::Never,
            Some((_, end)) if *end <= now => Good::Expired,
            Some((index, _)) => Good::For(self.issued[*index].scope.clone()),
        }
    }

    pub(crate) fn issued(&self) -> &[Issued] {
        &self.issued
    }

    /// As if all of them had expired.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    pub(crate) fn answer(
        &mut self,
        door: Door,
        request: &Request<Bytes>,
        now: u64,
    ) -> Response<Bytes> {
        let result = match door {
            Door::Token => self.token(request, now),
            Door::Sts => self.exchange(request, now),
            Door::GenerateAccessToken => self.impersonate(request, now),
            Door::Metadata | Door::MetadataEmail if !asks_metadata(request) => {
                let error = "Missing required header: Metadata-Flavor";
                Err((403, json!({ "error": error })))
            }
            Door::Metadata => Ok(self.metadata(request, now)),
            Door::MetadataEmail => return text(SERVICE_ACCOUNT, true, now),
            Door::SubjectToken => match request.uri().query() {
                Some("json") => Ok(json!({"id_token": SUBJECT_TOKEN})),
                _ => return text(SUBJECT_TOKEN, false, now),
            },
        };
        let (code, value) = match result {
            Ok(value) => (200, value),
            Err(refusal) => refusal,
        };
        let json = HeaderValue::from_static("application/json; charset=UTF-8");
        let mut response = bare(code, json, value.to_string().into(), now);
        if door == Door::Metadata {
            flavour(&mut response);
        }
        response
    }

    fn issue(&mut self, issued: Issued, now: u64) -> String {
        let token = format!("ya29.emulator-canary-{}", self.issued.len() + 1);
        let end = now + LIFETIME.as_millis() as u64;
        self.known.insert(token.clone(), (self.issued.len(), end));
        self.issued.push(issued);
        token
    }

    fn token(&mut self, request: &Request<Bytes>, now: u64) -> Answer {
        let form = Form::of(request).ok_or_else(|| refuse(400, "invalid_request", "Bad form."))?;
        let issued = match form.field("grant_type") {
            Some(JWT_BEARER) => {
                let claims = jwt::verify(form.field("assertion").unwrap_or_default())
                    .map_err(|problem| refuse(400, "invalid_grant", problem))?;
                if claims.iss != SERVICE_ACCOUNT {
                    let problem = "Invalid grant: account not found";
                    return Err(refuse(400, "invalid_grant", problem));
                }
                Issued {
                    by: "token",
                    principal: claims.iss,
                    subject: claims.sub,
                    scope: claims.scope,
                }
            }
            Some("refresh_token") => {
                let client = (form.field("client_id"), form.field("client_secret"));
                if client != (Some(CLIENT_ID), Some(CLIENT_SECRET)) {
                    return Err(refuse(
                        401,
                        "invalid_client",
                        "The OAuth client was not found.",
                    ));
                }
                if form.field("refresh_token") != Some(REFRESH_TOKEN) {
                    let problem = "Token has been expired or revoked.";
                    return Err(refuse(400, "invalid_grant", problem));
                }
                Issued {
                    by: "token",
                    principal: "user".to_owned(),
                    subject: None,
                    scope: format!("{} {CLOUD_PLATFORM}", self.scope),
                }
            }
            _ => return Err(refuse(400, "unsupported_grant_type", "Invalid grant_type")),
        };
        let scope = issued.scope.clone();
        let token = self.issue(issued, now);
        Ok(
            json!({"access_token": token, "expires_in": LIFETIME.as_secs(), "scope": scope, "token_type": "Bearer"}),
        )
    }

    fn metadata(&mut self, request: &Request<Bytes>, now: u64) -> Value {
        let scopes = Form::parse(request.uri().query().unwrap_or_default())
            .and_then(|query| query.field("scopes").map(|scopes| scopes.replace(',', " ")));
        let issued = Issued {
            by: "metadata",
            principal: SERVICE_ACCOUNT.to_owned(),
            subject: None,
            scope: scopes.unwrap_or_else(|| CLOUD_PLATFORM.to_owned()),
        };
        let token = self.issue(issued, now);
        json!({"access_token": token, "expires_in": LIFETIME.as_secs(), "token_type": "Bearer"})
    }

    fn exchange(&mut self, request: &Request<Bytes>, now: u64) -> Answer {
        let invalid = |problem: &str| refuse(400, "invalid_request", problem);
        let form = Form::of(request).ok_or_else(|| invalid("Bad form."))?;
        if form.field("grant_type") != Some(TOKEN_EXCHANGE) {
            return Err(invalid("Invalid value for \"grant_type\"."));
        }
        if form.field("requested_token_type") != Some(ACCESS_TOKEN) {
            return Err(invalid("Invalid value for \"requested_token_type\"."));
        }
        if form.field("audience") != Some(AUDIENCE) {
            return Err(refuse(
                400,
                "invalid_target",
                "The target service indicated by the \"audience\" parameters is invalid.",
            ));
        }
        if form.field("subject_token_type").is_none() {
            return Err(invalid("Invalid value for \"subject_token_type\"."));
        }
        if form.field("subject_token") != Some(SUBJECT_TOKEN) {
            let problem = "The given credential is rejected by the attribute condition.";
            return Err(refuse(400, "invalid_grant", problem));
        }
        let Some(scope) = form.field("scope").filter(|scope| !scope.is_empty()) else {
            return Err(refuse(400, "invalid_scope", "Scope is missing."));
        };
        let issued = Issued {
            by: "sts",
            principal: AUDIENCE.to_owned(),
            subject: None,
            scope: scope.to_owned(),
        };
        let token = self.issue(issued, now);
        Ok(json!({
            "access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer",
            "expires_in": LIFETIME.as_secs(),
        }))
    }

    fn impersonate(&mut self, request: &Request<Bytes>, now: u64) -> Answer {
        let failure = |code: u16, status: &'static str, message: &str| {
            (code, Failure::new(code, status, message).body(true))
        };
        let token = request.headers().get(header::AUTHORIZATION);
        match self.look_up(token.and_then(bearer).unwrap_or_default(), now) {
            Good::For(scope)
                if scope
                    .split(' ')
                    .any(|scope| scope == CLOUD_PLATFORM || scope == IAM) => {}
            Good::For(_) => {
                let message = "Request had insufficient authentication scopes.";
                return Err(failure(403, "PERMISSION_DENIED", message));
            }
            Good::Expired | Good::Never => {
                let message = "Request had invalid authentication credentials.";
                return Err(failure(401, "UNAUTHENTICATED", message));
            }
        }
        let account = door::account(request.uri().path()).unwrap_or_default();
        if !account.ends_with(".gserviceaccount.com") || account.starts_with("forbidden") {
            let message = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).";
            return Err(failure(403, "PERMISSION_DENIED", message));
        }
        let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let scopes: Option<Vec<&str>> = asked["scope"]
            .as_array()
            .and_then(|scopes| scopes.iter().map(Value::as_str).collect());
        let Some(scopes) = scopes.filter(|scopes| !scopes.is_empty()) else {
            let message = "Request contains an invalid argument.";
            return Err(failure(400, "INVALID_ARGUMENT", message));
        };
        let issued = Issued {
            by: "generateAccessToken",
            principal: account,
            subject: None,
            scope: scopes.join(" "),
        };
        let token = self.issue(issued, now);
        let end = rfc3339(now + LIFETIME.as_millis() as u64);
        Ok(json!({"accessToken": token, "expireTime": end}))
    }
}

/// The token of a header `Authorization`; the scheme's case does not matter (RFC 9110, 11.1).
pub(crate) fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start_matches(' '))
}

/// An error in the words of token endpoints.
fn refuse(code: u16, error: &str, description: &str) -> (u16, Value) {
    (
        code,
        json!({"error": error, "error_description": description}),
    )
}

const FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");

/// True if the request is meant for a metadata server, and did not come through a proxy.
fn asks_metadata(request: &Request<Bytes>) -> bool {
    let headers = request.headers();
    headers.get(FLAVOR).is_some_and(|value| value == "Google")
        && !headers.contains_key("x-forwarded-for")
}

fn flavour(response: &mut Response<Bytes>) {
    let headers = response.headers_mut();
    headers.insert(FLAVOR, HeaderValue::from_static("Google"));
    let server = HeaderValue::from_static("Metadata Server for VM");
    headers.insert(header::SERVER, server);
}

fn text(text: &'static str, metadata: bool, now: u64) -> Response<Bytes> {
    let plain = HeaderValue::from_static("text/plain; charset=UTF-8");
    let mut response = bare(200, plain, Bytes::from_static(text.as_bytes()), now);
    if metadata {
        flavour(&mut response);
    }
    response
}
