//! An HTTP answer that is not success, read as far as it can be read.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use serde_json::Value;

use crate::duration;
use crate::error_table::ErrorKey;
use crate::printable::excerpt;
use crate::service::Service;
use crate::timestamp::Timestamp;
use crate::view::View;

/// An answer of a server (or of something in front of it) that is not success.
///
/// Reads Google's error envelope where there is one (AIP-193), an OAuth error, or nothing but the
/// beginning of the body. The message is escaped and cut, so that it can be printed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ApiError {
    http_status: u16,
    code: Option<i32>,
    status: Option<Box<str>>,
    message: Box<str>,
    reasons: Vec<Box<str>>,
    details: Vec<Value>,
    retry_delay: Option<Duration>,
    /// True for the envelope in which every method of the API answers an error.
    of_the_api: bool,
    meaning: Meaning,
}

/// The meaning of details and message, which outlives them.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Meaning {
    denial: ErrorKey,
    unmanaged: bool,
    quota_is_final: bool,
    quota_limit: Option<u64>,
    project_quota: Option<(u32, Duration)>,
}

/// Projects that gcloud's own client ids belong to: credentials of a user that name no quota project
/// are charged to them.
const PROJECTS_OF_GCLOUD: [&str; 2] = ["projects/764086051850", "projects/32555940559"];

/// Reasons of a 403 that concern every call, by `ErrorInfo` or `errors[]`.
const DENIALS: [(ErrorKey, &[&str]); 5] = [
    (
        ErrorKey::ScopeInsufficient,
        &["ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions"],
    ),
    (
        ErrorKey::ApiDisabled,
        &["SERVICE_DISABLED", "accessNotConfigured"],
    ),
    (ErrorKey::QuotaProjectDenied, &["USER_PROJECT_DENIED"]),
    (
        ErrorKey::PolicyViolated,
        &["SECURITY_POLICY_VIOLATED", "ORG_RESTRICTION_VIOLATION"],
    ),
    (
        ErrorKey::ProjectInvalid,
        &[
            "CONSUMER_INVALID",
            "CONSUMER_SUSPENDED",
            "RESOURCE_PROJECT_INVALID",
            "BILLING_DISABLED",
        ],
    ),
];

/// In the place of a text that repeats the access token.
const NOT_SHOWN: &str = "the text is not shown, because it repeats the access token";

/// A larger body is no error envelope; reading one as JSON would multiply it in memory.
const LARGEST_ENVELOPE: usize = 64 << 10;

/// No server means more than a day; longer delays are clamped to it.
const LONGEST_DELAY: Duration = Duration::from_secs(24 * 3600);

/// The longest time that a quota which is waited for is counted in; who is told to wait for more asks again.
const LONGEST_WINDOW: Duration = Duration::from_secs(3600);

impl ApiError {
    pub(crate) fn read(view: View<'_>) -> Self {
        let mut parsed = match view.body.len() {
            ..=LARGEST_ENVELOPE => {
                serde_json::from_slice::<Value>(without_mark(view.body)).unwrap_or_default()
            }
            _ => Value::Null,
        };
        // Front ends have been seen to wrap the envelope in an array.
        let mut envelope = match parsed.get_mut(0) {
            Some(first) => first.take(),
            None => parsed,
        };
        let mut answer = Self::bare(view.status.as_u16());
        // What a cache remembers of other requests is no answer to this one.
        let of_now = view.age().is_zero();
        let error = envelope.get_mut("error").map(Value::take);
        match error.unwrap_or_default() {
            error @ Value::Object(_) => answer.read_status(error),
            Value::String(error) => {
                let description = envelope["error_description"].as_str().unwrap_or(&error);
                answer.message = excerpt(description, 200).into();
                answer.reasons.push(excerpt(&error, 100).into());
            }
            _ => {}
        }
        if answer.message.is_empty() {
            answer.message = body_excerpt(view.body).into();
        }
        answer.of_the_api &= of_now;
        answer.retry_delay = answer
            .retry_info()
            .or_else(|| retry_after(view.headers))
            // No time at all is no hint: obeyed, it would only burn every attempt at once.
            .filter(|delay| !delay.is_zero())
            .map(|delay| delay.min(LONGEST_DELAY));
        answer.meaning = Meaning {
            denial: answer.find_denial(),
            unmanaged: answer.find_unmanaged(view.service),
            quota_is_final: answer.find_final_quota(),
            quota_limit: answer.find_quota_limit(),
            project_quota: answer.find_project_quota(),
        };
        answer
    }

    /// A 2xx that is not success, with what is wrong with it.
    pub(crate) fn malformed(view: View<'_>, problem: impl fmt::Display) -> Self {
        let problem = excerpt(&problem.to_string(), 200);
        let message = match body_excerpt(view.body) {
            _ if view.repeats_token => format!("{problem}; {NOT_SHOWN}"),
            body if body.is_empty() => format!("{problem}; the body is empty"),
            body => format!("{problem}; the body is {body}"),
        };
        Self::with_message(view.status.as_u16(), &message)
    }

    /// A status with a message of our own.
    pub(crate) fn with_message(http_status: u16, message: &str) -> Self {
        Self {
            message: message.into(),
            ..Self::bare(http_status)
        }
    }

    /// The word of the API that its list is not complete.
    pub(crate) fn of_partial_list(message: &str) -> Self {
        Self {
            of_the_api: true,
            ..Self::with_message(200, message)
        }
    }

    fn bare(http_status: u16) -> Self {
        Self {
            http_status,
            code: None,
            status: None,
            message: Box::default(),
            reasons: Vec::new(),
            details: Vec::new(),
            retry_delay: None,
            of_the_api: false,
            meaning: Meaning {
                denial: ErrorKey::PermissionDenied,
                unmanaged: false,
                quota_is_final: false,
                quota_limit: None,
                project_quota: None,
            },
        }
    }

    /// A 2xx whose body is not JSON at all.
    pub(crate) fn of_no_method(view: View<'_>) -> Self {
        let excerpt = match view.repeats_token {
            true => NOT_SHOWN.to_owned(),
            false => body_excerpt(view.body),
        };
        Self::with_message(view.status.as_u16(), &excerpt)
    }

    /// The same with its meaning and without any text of the server.
    pub(crate) fn without_text(self) -> Self {
        Self {
            status: None,
            message: NOT_SHOWN.into(),
            reasons: Vec::new(),
            details: Vec::new(),
            ..self
        }
    }

    fn read_status(&mut self, mut error: Value) {
        self.code = error["code"].as_i64().and_then(|code| code.try_into().ok());
        self.of_the_api = self.code.is_some();
        self.status = error["status"]
            .as_str()
            .map(|status| excerpt(status, 100).into());
        self.message = excerpt(error["message"].as_str().unwrap_or_default(), 200).into();
        if let Some(Value::Array(details)) = error.get_mut("details").map(Value::take) {
            self.details = details;
        }
        let legacy = error["errors"].as_array().into_iter().flatten();
        let legacy = legacy
            .filter_map(|one| one["reason"].as_str())
            .filter(|reason| !STATUS_AGAIN.contains(reason));
        let typed = self.of_type("google.rpc.ErrorInfo");
        let reasons = typed.filter_map(|one| one["reason"].as_str()).chain(legacy);
        self.reasons = reasons.map(|reason| excerpt(reason, 100).into()).collect();
    }

    /// The HTTP status.
    #[must_use]
    pub const fn http_status(&self) -> u16 {
        self.http_status
    }

    /// `error.code` of the envelope: the HTTP status again, in what has been seen.
    #[must_use]
    pub const fn code(&self) -> Option<i32> {
        self.code
    }

    /// `error.status` of the envelope: a `google.rpc.Code` as a word, `PERMISSION_DENIED`.
    #[must_use]
    pub fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    /// The server's message, or the beginning of the body where there is none; at most 200
    /// characters, control characters escaped.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The reason by `google.rpc.ErrorInfo`, else the older `errors[].reason`, else the OAuth error.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reasons.first().map(AsRef::as_ref)
    }

    /// `error.details` as it came: objects with `@type`, unknown types included.
    #[must_use]
    pub fn details(&self) -> &[Value] {
        &self.details
    }

    /// Delay that the server asked for: `google.rpc.RetryInfo`, else `Retry-After`; at most a day.
    #[must_use]
    pub const fn retry_delay(&self) -> Option<Duration> {
        self.retry_delay
    }

    /// The limit by `quota_limit_value`, where an exhausted quota names one.
    #[must_use]
    pub const fn quota_limit(&self) -> Option<u64> {
        self.meaning.quota_limit
    }

    fn find_quota_limit(&self) -> Option<u64> {
        self.metadata("quota_limit_value")?.parse().ok()
    }

    /// The limit that an exhausted quota of the project names, and in how long: by `quota_unit`
    /// (`1/min/{project}`), a minute if there is none. `None` for the quota of a single resource.
    #[must_use]
    pub const fn project_quota(&self) -> Option<(u32, Duration)> {
        self.meaning.project_quota
    }

    fn find_project_quota(&self) -> Option<(u32, Duration)> {
        let limit = u32::try_from(self.find_quota_limit()?).ok()?;
        let unit = self.metadata("quota_unit").unwrap_or("1/min/{project}");
        let mut parts = unit.split('/').skip(1);
        let span = match parts.next()? {
            "min" => Duration::from_secs(60),
            "s" => Duration::from_secs(1),
            "h" => Duration::from_secs(3600),
            other => duration::parse(other)?,
        };
        let of_the_project = parts.next() == Some("{project}") && parts.next().is_none();
        (of_the_project && span <= LONGEST_WINDOW).then_some((limit, span))
    }

    /// True where waiting cannot help: the quota is zero, or counted per day.
    #[must_use]
    pub const fn quota_is_final(&self) -> bool {
        self.meaning.quota_is_final
    }

    fn find_final_quota(&self) -> bool {
        let per_day = |text: &str| {
            let mut parts = text.split('/');
            let span = parts.nth(1).and_then(duration::parse);
            text.contains("/d/")
                || text.to_ascii_lowercase().contains("perday")
                || span.is_some_and(|span| span >= LONGEST_DELAY)
        };
        self.find_quota_limit() == Some(0)
            || self.metadata("quota_unit").is_some_and(per_day)
            || self.metadata("quota_limit").is_some_and(per_day)
            || self.has_reason(&["dailyLimitExceeded", "quotaExceeded"])
    }

    /// True for the envelope of the API's errors: something else in front of it answers
    /// without one.
    #[must_use]
    pub const fn is_of_the_api(&self) -> bool {
        self.of_the_api
    }

    /// The row of a 403: it concerns a part of the names, or one of the things that concern every call.
    pub(crate) const fn denial(&self) -> ErrorKey {
        self.meaning.denial
    }

    fn find_denial(&self) -> ErrorKey {
        let known = DENIALS
            .iter()
            .find(|(_, reasons)| self.has_reason(reasons))
            .map(|(key, _)| *key);
        let consumer = self.metadata("consumer");
        let of_gcloud = consumer.is_some_and(|project| PROJECTS_OF_GCLOUD.contains(&project));
        match known {
            Some(ErrorKey::ScopeInsufficient) => ErrorKey::ScopeInsufficient,
            _ if of_gcloud => ErrorKey::QuotaProjectMissing,
            Some(key) => key,
            // What Google's front door for all APIs says is never about some names alone.
            None if self.has_domain("googleapis.com") => ErrorKey::CallerDenied,
            None => ErrorKey::PermissionDenied,
        }
    }

    /// True for a 400 that is about the parent, which left the management, and not about the request.
    pub(crate) const fn is_unmanaged(&self) -> bool {
        self.meaning.unmanaged
    }

    fn find_unmanaged(&self, service: &Service) -> bool {
        let words = service.unmanaged_parent.filter(|_| self.http_status == 400);
        words.is_some_and(|words| self.message.to_ascii_lowercase().contains(words))
    }

    /// True for the message of a 404 with the status of an internal error.
    pub(crate) fn is_not_found(&self) -> bool {
        &*self.message == "Requested entity was not found."
    }

    /// True for a 403 that is an exhausted quota in its older form.
    pub(crate) fn is_rate_limit(&self) -> bool {
        self.status() == Some("RESOURCE_EXHAUSTED")
            || self.has_reason(&[
                "rateLimitExceeded",
                "userRateLimitExceeded",
                "RATE_LIMIT_EXCEEDED",
                "dailyLimitExceeded",
                "quotaExceeded",
            ])
    }

    /// The page on which a disabled API is enabled.
    pub(crate) fn activation_url(&self, service: &Service) -> String {
        let mut links = self
            .of_type("google.rpc.Help")
            .flat_map(|help| help["links"].as_array())
            .flatten();
        let url = self
            .metadata("activationUrl")
            .or_else(|| links.find_map(|link| link["url"].as_str()));
        match url {
            Some(url) => excerpt(url, 300),
            None => format!(
                "https://console.cloud.google.com/apis/library/{}",
                service.host
            ),
        }
    }

    fn has_reason(&self, known: &[&str]) -> bool {
        self.reasons.iter().any(|reason| known.contains(&&**reason))
    }

    fn has_domain(&self, domain: &str) -> bool {
        self.of_type("google.rpc.ErrorInfo")
            .any(|info| info["domain"].as_str() == Some(domain))
    }

    fn of_type<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a Value> {
        self.details.iter().filter(move |detail| {
            detail["@type"]
                .as_str()
                .and_then(|url| url.rsplit('/').next())
                == Some(name)
        })
    }

    fn metadata(&self, key: &str) -> Option<&str> {
        self.of_type("google.rpc.ErrorInfo")
            .find_map(|info| info["metadata"][key].as_str())
    }

    fn retry_info(&self) -> Option<Duration> {
        self.of_type("google.rpc.RetryInfo")
            .find_map(|info| info["retryDelay"].as_str().and_then(duration::parse))
    }
}

/// Reasons of the older `errors[]` that repeat the status and give no reason.
const STATUS_AGAIN: [&str; 11] = [
    "aborted",
    "authError",
    "backendError",
    "badRequest",
    "conflict",
    "failedPrecondition",
    "forbidden",
    "internalError",
    "invalid",
    "notFound",
    "notImplemented",
];

/// `Retry-After` in seconds, or as a date against the answer's own `Date`; anything else is ignored.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let (at, now) = (
        Timestamp::parse_http_date(text)?,
        Timestamp::from_headers(headers)?,
    );
    Some(at.since(now))
}

/// True for a body that may be JSON that was cut or is of another shape, and not a text or a page.
pub(crate) fn may_be_json(body: &[u8]) -> bool {
    let body = without_mark(body).trim_ascii_start();
    match body.first() {
        None | Some(b'{' | b'[' | b'"') => true,
        Some(_) => serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok(),
    }
}

/// A body without the byte order mark that some proxies add.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// The first 200 bytes of a body, escaped; of JSON only how long it is, because an operation's
/// metadata may echo a password.
fn body_excerpt(body: &[u8]) -> String {
    let body = without_mark(body);
    let start: Cow<'_, str> = String::from_utf8_lossy(&body[..body.len().min(200)]);
    match start.trim_start().bytes().next() {
        Some(b'{' | b'[') => format!("{} bytes of JSON", body.len()),
        Some(b'"') => format!("{} bytes, a JSON string", body.len()),
        _ => excerpt(start.trim(), 200),
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.http_status)?;
        if let Some(status) = &self.status {
            write!(f, " {}", excerpt(status, 40))?;
        }
        if let Some(reason) = self.reason() {
            write!(f, " ({})", excerpt(reason, 60))?;
        }
        if !self.message.is_empty() {
            // What follows brings its own punctuation.
            write!(f, ": {}", self.message.trim_end_matches('.'))?;
        }
        Ok(())
    }
}
