//! The table of errors: one row for each thing that can happen.
//!
//! Command line, jobs, Python and documentation look their decisions up here, and an error that was
//! stored as JSON is read back into the key of its row. No other place compares a word or a text of
//! ours.

use serde_json::Value;

use crate::service::Service;
use crate::words::words;

words! {
    /// Action after an error: the one retry table of Rust, Python, command line and simulation.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[expect(clippy::exhaustive_enums, reason = "drivers act on each of them")]
    pub enum RetryAction {
        /// Passing: pause, then send it again.
        Backoff = "backoff",
        /// Not processed: send it again at once, without counting it.
        Immediate = "immediate",
        /// The token was refused: get a fresh one and send it again, once.
        RefreshToken = "refresh_token",
        /// In doubt: look at the operation.
        Poll = "poll",
        /// Final.
        Fail = "fail",
    }
}

words! {
    /// The operations that an error concerns.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[expect(
        clippy::exhaustive_enums,
        reason = "a caller with many operations acts on each of them"
    )]
    pub enum FailureScope {
        /// This operation alone.
        Operation = "operation",
        /// Every operation under the same [`denied_resource`](crate::Name::denied_resource).
        DeniedResource = "denied_resource",
        /// Every operation: going on would only repeat the error.
        Everything = "everything",
    }
}

/// Exit class of a command that met an error and nothing worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a command line has a code for each"
)]
pub enum ExitClass {
    /// A person has to set something right (exit code 1).
    Failed,
    /// The fate of the operation is not known: run it again (exit code 5).
    Unresolved,
    /// The quota is used up (exit code 6).
    Quota,
    /// Credentials or permission (exit code 4).
    Denied,
}

/// A row of the table of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorRow {
    /// A stable snake_case word, different for each row.
    pub word: &'static str,
    /// The word of the family it belongs to, in the words of [`ErrorKind`](crate::ErrorKind).
    pub kind: &'static str,
    /// Text of a few words.
    pub text: &'static str,
    /// Action that may help.
    pub retry_action: RetryAction,
    /// The scope of the failure.
    pub failure_scope: FailureScope,
    /// True where the request left, or may have: false only where the transport knows that nothing did, so
    /// that it counts neither as an attempt nor against a quota.
    pub may_have_left: bool,
    /// True where a cancel that ended so may have reached the server and taken effect.
    pub maybe_delivered: bool,
    /// Exit class of a command that met it.
    pub exit: ExitClass,
    /// True where the same operation is worth another run, perhaps after something was set right.
    pub again: bool,
    /// Advice with places for what is special about a service.
    pub(crate) advice: &'static str,
    /// The class of the Python exception, in `countermand.errors`.
    pub exception: &'static str,
}

impl ErrorRow {
    /// Advice in a sentence for an operator of a service.
    #[must_use]
    pub fn advice(&self, service: &Service) -> String {
        service.fill(self.advice)
    }
}

impl ExitClass {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Failed, Self::Unresolved, Self::Quota, Self::Denied];

    /// The exit code of the command line.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Denied => 4,
            Self::Unresolved => 5,
            Self::Quota => 6,
        }
    }
}

/// Makes the enum of keys and its rows out of one list.
macro_rules! table {
    ($($(#[$doc:meta])* $key:ident {
        $word:literal in $kind:literal, $text:literal;
        $retry_action:ident, $failure_scope:ident, $delivered:ident, $exit:ident, $again:ident, $exception:literal;
        $advice:literal
    })+) => {
        /// The key of a row of the table of errors: what happened, without its details.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKey {
            $($(#[$doc])* $key,)+
        }

        impl ErrorKey {
            /// Every key, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$key,)+];

            /// The row.
            #[must_use]
            pub const fn row(self) -> &'static ErrorRow {
                match self {
                    $(Self::$key => &ErrorRow {
                        word: $word,
                        kind: $kind,
                        text: $text,
                        retry_action: RetryAction::$retry_action,
                        failure_scope: FailureScope::$failure_scope,
                        may_have_left: table!(@left $delivered),
                        maybe_delivered: table!(@$delivered),
                        exit: ExitClass::$exit,
                        again: table!(@$again),
                        advice: $advice,
                        exception: $exception,
                    },)+
                }
            }
        }
    };
    (@maybe) => { true };
    (@never) => { false };
    (@unsent) => { false };
    (@left unsent) => { false };
    (@left $other:ident) => { true };
    (@again) => { true };
    (@settled) => { false };
}

// key { word in family, text;
//       retry action, failure scope, delivered (unsent: nothing left), exit class, worth another run, exception; advice }
table! {
    /// 400 and what else blames the request.
    InvalidArgument {
        "invalid_argument" in "invalid_argument", "invalid argument";
        Fail, Operation, never, Failed, settled, "InvalidArgument";
        "check the name; sending it again will not help"
    }
    /// 401, also after the token was refreshed once.
    Unauthenticated {
        "unauthenticated" in "unauthenticated", "not authenticated";
        RefreshToken, Everything, never, Denied, again, "Unauthenticated";
        "get a new access token with the scope {scope} and run it again"
    }
    /// 403 about a part of the names, such as one enterprise's.
    PermissionDenied {
        "permission_denied" in "permission_denied", "permission denied";
        Fail, DeniedResource, never, Denied, again, "PermissionDenied";
        "the token's project does not manage this {denied} (or the {denied} was deleted): check both"
    }
    /// 403: the token is for other APIs.
    ScopeInsufficient {
        "scope_insufficient" in "permission_denied", "permission denied";
        Fail, Everything, never, Denied, again, "PermissionDenied";
        "get a token with the scope {scope}"
    }
    /// 403: the API is not enabled in the project.
    ApiDisabled {
        "api_disabled" in "permission_denied", "permission denied";
        Fail, Everything, never, Denied, again, "PermissionDenied";
        "enable the {title} for the project"
    }
    /// 403: the credentials of a user of gcloud name no quota project.
    QuotaProjectMissing {
        "quota_project_missing" in "permission_denied", "permission denied";
        Fail, Everything, never, Denied, again, "PermissionDenied";
        "the credentials name no quota project, so that gcloud's own project was charged: run `gcloud auth application-default set-quota-project PROJECT`, or give --quota-project PROJECT (in Python quota_project=)"
    }
    /// 403: the caller may not charge the quota project.
    QuotaProjectDenied {
        "quota_project_denied" in "permission_denied", "permission denied";
        Fail, Everything, never, Denied, again, "PermissionDenied";
        "the caller may not use the quota project: give the caller the role roles/serviceusage.serviceUsageConsumer on it (`gcloud projects add-iam-policy-binding`), or name another one with --quota-project PROJECT (in Python quota_project=)"
    }
    /// 403: a policy of the organization, such as a VPC Service Controls perimeter.
    PolicyViolated {
        "policy_violated" in "permission_denied", "permission denied";
        Fail, Everything, never, Denied, again, "PermissionDenied";
        "a policy of the organization (VPC Service Controls or context-aware access) refuses this caller or this network: run it from an allowed network, or ask the administrator of the organization"
    }
    /// 403: the project that is charged does not exist, is suspended or has no billing.
    ProjectInvalid {
        "project_invalid" in "permission_denied", "permission denied";
        Fail, Everything, never, Denied, again, "PermissionDenied";
        "the project that is charged does not exist, is suspended or has no billing: check it in the Google Cloud console, or name another one with --quota-project PROJECT (in Python quota_project=)"
    }
    /// 403: another reason of Google's for all APIs.
    CallerDenied {
        "caller_denied" in "permission_denied", "permission denied";
        Fail, Everything, never, Denied, again, "PermissionDenied";
        "Google refuses this caller everywhere, for the reason above: check the account, its project and the policies of the organization"
    }
    /// 404 (or a 500 that says the same): finished and dropped, or its parent is gone.
    NotFound {
        "not_found" in "not_found", "not found";
        Poll, Operation, never, Failed, settled, "NotFound";
        "check the name; the server drops finished operations, so it may have executed: check the {parent}"
    }
    /// 404, and the parent has no record either.
    ParentNotFound {
        "parent_not_found" in "not_found", "not found";
        Poll, Operation, never, Failed, settled, "NotFound";
        "the {parent} has no record either: the operation may have executed, check the {parent} itself"
    }
    /// 400 FAILED_PRECONDITION or 409: perhaps already finished.
    FailedPrecondition {
        "failed_precondition" in "failed_precondition", "failed precondition";
        Poll, Operation, never, Failed, settled, "FailedPrecondition";
        "the server refuses to cancel it now: look at it again with get"
    }
    /// 400: the parent left the management.
    ParentNotManaged {
        "parent_not_managed" in "failed_precondition", "failed precondition";
        Poll, Operation, never, Failed, settled, "FailedPrecondition";
        "the {parent} is no longer managed, perhaps because the operation has executed: check the {parent} itself"
    }
    /// 429, or a 403 that means the same.
    ResourceExhausted {
        "resource_exhausted" in "resource_exhausted", "quota exhausted";
        Backoff, Operation, never, Quota, again, "ResourceExhausted";
        "the project's quota is used up: wait a minute and run it again"
    }
    /// 429 that waiting does not help against: the quota is zero, or counted per day.
    QuotaFinal {
        "quota_final" in "resource_exhausted", "quota exhausted";
        Fail, Everything, never, Quota, again, "ResourceExhausted";
        "the quota is zero or used up for the day: raise it in the Google Cloud console"
    }
    /// 501: this server cannot cancel.
    Unimplemented {
        "unimplemented" in "unimplemented", "not supported";
        Fail, Operation, never, Failed, settled, "Unimplemented";
        "this server does not offer cancel: check the endpoint"
    }
    /// The service has no such method for names like this one: nothing was sent.
    NoMethod {
        "no_method" in "unimplemented", "the service has no such method";
        Fail, Operation, unsent, Failed, settled, "Unimplemented";
        "name a resource for which the service has the method"
    }
    /// 408 and 5xx of the API.
    Unavailable {
        "unavailable" in "unavailable", "unavailable";
        Backoff, Operation, maybe, Unresolved, again, "Unavailable";
        "the API has a passing problem: run it again"
    }
    /// 408, 429 and 5xx without the API's envelope: something in front of it fails.
    Gateway {
        "gateway" in "unavailable", "something in front of the API fails";
        Backoff, Operation, maybe, Unresolved, again, "Unavailable";
        "a gateway, a proxy or Google's front end has a passing problem: run it again"
    }
    /// An answer that no method of the API gave: a page of a front end, a captive portal, a filter.
    NotTheApi {
        "not_the_api" in "not_the_api", "something other than the API answered";
        Backoff, Everything, maybe, Unresolved, again, "NotTheApi";
        "check the endpoint, the proxy and the network (captive portal, web filter), then run it again"
    }
    /// A redirect, which is never followed.
    Redirected {
        "redirected" in "redirected", "something other than the API answered with a redirect";
        Backoff, Everything, maybe, Unresolved, again, "Redirected";
        "check the endpoint, the proxy and the network (captive portal, web filter), then run it again"
    }
    /// A 2xx with JSON that is not what the method answers.
    Malformed {
        "malformed" in "malformed", "not an answer of this method";
        Poll, Operation, maybe, Unresolved, again, "Malformed";
        "the answer cannot be read: check the endpoint and proxies, then run it again"
    }
    /// The answer tells of another operation.
    Misattributed {
        "misattributed" in "misattributed", "the answer tells of another operation";
        Poll, Operation, maybe, Unresolved, again, "Misattributed";
        "a cache or proxy mixes up answers: check the endpoint, then run it again"
    }
    /// No connection: nothing was sent.
    Connect {
        "connect" in "transport", "no connection";
        Backoff, Operation, unsent, Unresolved, again, "TransportError";
        "check the network and run it again"
    }
    /// A proxy refused to connect to the server: nothing was sent to the server.
    Proxy {
        "proxy" in "transport", "the proxy refuses the connection";
        Fail, Everything, unsent, Denied, again, "TransportError";
        "check the user, the password and the rules of the proxy that HTTPS_PROXY names, or add the host to NO_PROXY"
    }
    /// The server could not prove who it is: nothing was sent.
    Tls {
        "tls" in "transport", "the server's identity could not be verified";
        Fail, Everything, unsent, Failed, again, "TlsError";
        "check the endpoint, the clock and the certificate authorities (--ca-file)"
    }
    /// The server said that it did not process the request.
    Unprocessed {
        "unprocessed" in "transport", "the server did not process the request";
        Immediate, Operation, never, Unresolved, again, "TransportError";
        "run it again"
    }
    /// The server asked for less.
    EnhanceYourCalm {
        "enhance_your_calm" in "transport", "the server asked for fewer requests";
        Backoff, Operation, maybe, Unresolved, again, "TransportError";
        "run it again, with fewer requests in flight"
    }
    /// The connection was lost after a part of the request had been sent.
    ConnectionLost {
        "connection_lost" in "transport", "the connection was lost before an answer came";
        Backoff, Operation, maybe, Unresolved, again, "TransportError";
        "check the network and run it again"
    }
    /// No complete answer in time.
    TimedOut {
        "timed_out" in "transport", "no complete answer came in time";
        Backoff, Operation, maybe, Unresolved, again, "TimedOut";
        "check the network and run it again"
    }
    /// The answer was larger than the cap.
    TooLarge {
        "too_large" in "transport", "the answer was too large and was cut";
        Poll, Operation, maybe, Unresolved, again, "TransportError";
        "the answer cannot be read: check the endpoint and proxies, then run it again"
    }
    /// No token for now: nothing was sent.
    TokenUnavailable {
        "token_unavailable" in "transport", "no token could be had for now";
        Backoff, Operation, unsent, Denied, again, "CredentialsError";
        "check where the token comes from"
    }
    /// No token at all: nothing was sent.
    CredentialsRejected {
        "credentials_rejected" in "transport", "the credentials give no token";
        Fail, Everything, unsent, Denied, again, "CredentialsError";
        "check where the token comes from"
    }
    /// The login of a user is over: nothing was sent.
    LoginExpired {
        "login_expired" in "transport", "the login is over";
        Fail, Everything, unsent, Denied, again, "CredentialsError";
        "log in again: `gcloud auth application-default login --scopes={scope},https://www.googleapis.com/auth/cloud-platform` (`gcloud auth login` does not renew these credentials)"
    }
    /// The transport's settings forbid the request: nothing was sent.
    NotAllowed {
        "not_allowed" in "transport", "the transport's settings forbid the request";
        Fail, Everything, unsent, Failed, again, "TransportError";
        "check the endpoint; plain http is for loopback only, unless --allow-plaintext (in Python allow_plaintext=True) allows it"
    }
    /// An earlier failure concerns this one as well. Its exit class is that failure's.
    NotAttempted {
        "not_attempted" in "not_attempted", "not attempted";
        Fail, Operation, unsent, Unresolved, again, "NotAttempted";
        "solve the cause and run it again"
    }
    /// The caller, or a signal, stopped the run.
    Stopped {
        "stopped" in "stopped", "the run was stopped";
        Fail, Everything, unsent, Unresolved, again, "NotAttempted";
        "run it again to go on"
    }
}

impl ErrorKey {
    /// The key with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|key| key.row().word == word)
    }

    /// The word of its row.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().word
    }

    /// Exit class of a command that met it, where `cause` is what an operation was not attempted for, and
    /// `maybe_delivered` tells that an attempt is in doubt.
    fn exit_class(self, cause: Option<Self>, maybe_delivered: bool) -> ExitClass {
        match (cause, self.row().exit) {
            (Some(cause), _) => cause.exit_class(None, maybe_delivered),
            (None, ExitClass::Failed) if maybe_delivered => ExitClass::Unresolved,
            (None, exit) => exit,
        }
    }
}

/// Facts of an error that decisions need, of one that has just happened and of one that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorFacts {
    /// Key of its row in the table.
    pub key: ErrorKey,
    /// The error behind an operation that was not attempted.
    pub cause: Option<ErrorKey>,
    /// True where a cancel may have been delivered all the same.
    pub maybe_delivered: bool,
}

impl ErrorFacts {
    pub(crate) const fn new(key: ErrorKey, cause: Option<ErrorKey>, maybe_delivered: bool) -> Self {
        Self {
            key,
            cause,
            maybe_delivered,
        }
    }

    /// Reads the JSON of an [`Error`](crate::Error), also one of an earlier version, which has no
    /// `key`. `None` if it is none, or has a word that this version does not know.
    ///
    /// ```
    /// use countermand_core::{ErrorFacts, ErrorKey, ExitClass};
    /// use serde_json::json;
    ///
    /// let stored = json!({"kind": "transport", "transport": "credentials_rejected"});
    /// let facts = ErrorFacts::stored(&stored).expect("a word of the table");
    /// assert_eq!(facts.key, ErrorKey::CredentialsRejected);
    /// assert_eq!(facts.exit_class(), ExitClass::Denied);
    /// ```
    #[must_use]
    pub fn stored(error: &Value) -> Option<Self> {
        let key = ["key", "transport", "kind"]
            .into_iter()
            .find_map(|field| error.get(field)?.as_str())?;
        Some(Self {
            key: ErrorKey::from_word(key)?,
            cause: error
                .get("cause")
                .and_then(Value::as_str)
                .and_then(ErrorKey::from_word),
            maybe_delivered: error
                .get("maybe_delivered")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        })
    }

    /// Exit class of a command that met it.
    #[must_use]
    pub fn exit_class(self) -> ExitClass {
        self.key.exit_class(self.cause, self.maybe_delivered)
    }

    /// True where the operation is worth another run, perhaps after something was set right, or to learn its
    /// fate: a run that was stopped before it looked leaves a 404 or a refusal behind a cancel in doubt.
    #[must_use]
    pub const fn is_worth_again(self) -> bool {
        self.key.row().again || self.maybe_delivered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn what_ends_as_unresolved_is_worth_another_run() {
        for &key in ErrorKey::ALL {
            let facts = ErrorFacts::new(key, None, true);
            assert!(facts.is_worth_again(), "{key:?}");
            let facts = ErrorFacts::new(key, None, false);
            let unresolved = facts.exit_class() == ExitClass::Unresolved;
            assert!(!unresolved || facts.is_worth_again(), "{key:?}");
        }
    }

    #[test]
    fn words_are_different_and_lead_back() {
        let words: HashSet<_> = ErrorKey::ALL.iter().map(|key| key.as_str()).collect();
        assert_eq!(words.len(), ErrorKey::ALL.len());
        for key in ErrorKey::ALL {
            assert_eq!(ErrorKey::from_word(key.as_str()), Some(*key));
            let row = key.row();
            // An older version looks a stored error up by its family, which has a row of its own.
            assert!(
                row.kind == "transport" || words.contains(row.kind),
                "{row:?}"
            );
            assert!(!row.advice.ends_with('.') && !row.advice.is_empty());
        }
        assert_eq!(ErrorKey::from_word("transport"), None);
    }
}
