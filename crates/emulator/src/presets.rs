//! The faults that have names, written in the same form that a script has.

use countermand_core::Service;
use serde_json::Value;

use crate::bad_input::BadInput;

/// A fault with a name: `{"fault": "quota"}` in a script stands for its `entry`, and further fields override those of the entry.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Preset {
    /// The kind of trouble it belongs to. Presets of one number are variants of one trouble; the number alone names the first.
    pub number: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The entry it stands for, as JSON. `{host}`, `{title}` and `{denied}` stand for the service's host, its title and the noun
    /// of the resource that a denial concerns.
    pub entry: &'static str,
}

const fn preset(number: &'static str, name: &'static str, entry: &'static str) -> Preset {
    Preset {
        number,
        name,
        entry,
    }
}

/// Every preset.
pub const PRESETS: &[Preset] = &[
    preset("1", "refused", r#"{"action": "refuse"}"#),
    preset("1", "reset-before", r#"{"action": "reset"}"#),
    preset("2", "reset-after", r#"{"action": "reset", "effect": true}"#),
    preset("3", "black-hole", r#"{"action": "black-hole"}"#),
    preset("5", "stall", r#"{"action": "stall"}"#),
    preset("5", "stall-after", r#"{"action": "stall", "effect": true}"#),
    preset("6", "stall-body", r#"{"action": "stall-body", "after": 1}"#),
    preset("6", "drip", r#"{"action": "drip", "interval_ms": 10000}"#),
    preset("8", "go-away", r#"{"action": "go-away"}"#),
    preset("9", "refused-stream", r#"{"action": "refused-stream"}"#),
    preset(
        "9",
        "enhance-your-calm",
        r#"{"action": "enhance-your-calm"}"#,
    ),
    preset("13", "invalid-argument", r#"{"status": 400}"#),
    preset("14", "token-expired", UNAUTHENTICATED),
    preset(
        "15",
        "unauthenticated",
        r#"{"status": 401, "times": null, "headers": {"www-authenticate": "Bearer realm=\"https://accounts.google.com/\""}}"#,
    ),
    preset("16", "forbidden-enterprise", FORBIDDEN),
    preset("16", "scope-insufficient", SCOPE),
    preset("16", "service-disabled", SERVICE_DISABLED),
    preset("17", "quota-limit", QUOTA_LIMIT),
    preset("17", "rate-limit-403", RATE_LIMIT_403),
    preset("18", "quota-zero", QUOTA_ZERO),
    preset("19", "quota", r#"{"status": 429}"#),
    preset(
        "20",
        "retry-after",
        r#"{"status": 429, "headers": {"retry-after": "7"}}"#,
    ),
    preset(
        "20",
        "retry-after-negative",
        r#"{"status": 429, "headers": {"retry-after": "-5"}}"#,
    ),
    preset(
        "20",
        "retry-after-huge",
        r#"{"status": 429, "headers": {"retry-after": "1000000000"}}"#,
    ),
    preset(
        "20",
        "retry-after-past",
        r#"{"status": 503, "headers": {"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}}"#,
    ),
    preset(
        "20",
        "retry-after-garbage",
        r#"{"status": 503, "headers": {"retry-after": "soon, perhaps"}}"#,
    ),
    preset("20", "retry-info", RETRY_INFO),
    preset("21", "not-found", r#"{"method": "cancel", "status": 404}"#),
    preset(
        "21",
        "purged",
        r#"{"method": "cancel", "set": {"fate": "purged"}}"#,
    ),
    preset(
        "21",
        "vanishes",
        r#"{"method": "cancel", "set": {"fate": "vanishes"}}"#,
    ),
    preset(
        "21",
        "wiped",
        r#"{"method": "cancel", "set": {"fate": "wiped"}}"#,
    ),
    preset(
        "22",
        "failed-precondition",
        r#"{"method": "cancel", "set": {"fate": "acknowledged", "quirks": {"finished_cancel": "failed-precondition"}}}"#,
    ),
    preset(
        "22",
        "conflict",
        r#"{"method": "cancel", "status": 409, "effect": true}"#,
    ),
    preset(
        "23",
        "unimplemented",
        r#"{"method": "cancel", "status": 501, "times": null}"#,
    ),
    preset("24", "internal", r#"{"status": 500}"#),
    preset(
        "24",
        "bad-gateway",
        r#"{"status": 502, "body": "<!DOCTYPE html>\n<title>Error 502 (Server Error)!!1</title>\n<p><b>502.</b> That’s an error.\n"}"#,
    ),
    preset("24", "unavailable", r#"{"status": 503}"#),
    preset(
        "24",
        "gateway-timeout",
        r#"{"status": 504, "effect": true}"#,
    ),
    preset("24", "missing-as-500", MISSING_AS_500),
    preset(
        "25",
        "redirect",
        r#"{"status": 302, "headers": {"location": "http://127.0.0.2:9/elsewhere"}}"#,
    ),
    preset(
        "26",
        "html-success",
        r#"{"status": 200, "body": "<html><body>Sign in to the guest network</body></html>"}"#,
    ),
    preset(
        "26",
        "cut-success",
        r#"{"status": 200, "body": "{\"done\": tru"}"#,
    ),
    preset(
        "26",
        "invalid-json",
        r#"{"status": 200, "body": "{'done': True}"}"#,
    ),
    preset("26", "list-success", r#"{"status": 200, "body": [{}]}"#),
    preset(
        "26",
        "wrong-type",
        r#"{"status": 200, "body": {"name": 7, "done": "yes", "error": {"code": "1"}}}"#,
    ),
    preset(
        "26",
        "byte-order-mark",
        r#"{"status": 200, "body": "\ufeff{}"}"#,
    ),
    preset(
        "26",
        "duplicate-keys",
        r#"{"status": 200, "body": "{\"done\": true, \"error\": {\"code\": 1, \"code\": 13}, \"done\": false}"}"#,
    ),
    preset(
        "26",
        "nesting",
        r#"{"status": 200, "generated": "nesting"}"#,
    ),
    preset(
        "27",
        "flood",
        r#"{"action": "flood", "status": 200, "mib": 64, "sized": true}"#,
    ),
    preset(
        "27",
        "flood-unsized",
        r#"{"action": "flood", "status": 200, "mib": 64, "sized": false}"#,
    ),
    preset("27", "truncated", r#"{"action": "truncate", "after": 1}"#),
    preset(
        "28",
        "gzip-bomb",
        r#"{"status": 200, "generated": "gzip-bomb", "headers": {"content-encoding": "gzip"}}"#,
    ),
    preset(
        "29",
        "stuck",
        r#"{"method": "cancel", "set": {"fate": "stuck"}}"#,
    ),
    preset(
        "30",
        "completes",
        r#"{"method": "cancel", "set": {"fate": "completes"}}"#,
    ),
    preset(
        "31",
        "failed",
        r#"{"method": "cancel", "set": {"fate": "fails", "code": 9}}"#,
    ),
    preset(
        "31",
        "code-without-done",
        r#"{"method": "cancel", "set": {"quirks": {"shape": "code-without-done"}}}"#,
    ),
    preset(
        "31",
        "both-results",
        r#"{"method": "cancel", "set": {"quirks": {"shape": "both"}}}"#,
    ),
    preset(
        "31",
        "no-result",
        r#"{"method": "cancel", "set": {"fate": "completes", "quirks": {"shape": "no-result"}}}"#,
    ),
    preset(
        "32",
        "other-name",
        r#"{"method": "cancel", "set": {"quirks": {"other_name": true}}}"#,
    ),
    preset(
        "33",
        "flapping",
        r#"{"method": "cancel", "set": {"quirks": {"shape": "flapping"}}}"#,
    ),
    preset("44", "hostile-message", HOSTILE),
];

const UNAUTHENTICATED: &str = r#"{"status": 401, "body": {"error": {"code": 401, "status": "UNAUTHENTICATED",
    "message": "Request had invalid authentication credentials.",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_EXPIRED", "domain": "googleapis.com"}]}}}"#;

const FORBIDDEN: &str = r#"{"times": null, "status": 403, "body": {"error": {"code": 403,
    "status": "PERMISSION_DENIED", "message": "Caller is not authorized to manage {denied}."}}}"#;

const SCOPE: &str = r#"{"times": null, "status": 403, "body": {"error": {"code": 403, "status": "PERMISSION_DENIED",
    "message": "Request had insufficient authentication scopes.",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "domain": "googleapis.com", "metadata": {"service": "{host}"}}]}}}"#;

const SERVICE_DISABLED: &str = r#"{"times": null, "status": 403, "body": {"error": {"code": 403,
    "status": "PERMISSION_DENIED", "message": "{title} has not been used in project 7 before or it is disabled.",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED", "domain": "googleapis.com",
        "metadata": {"service": "{host}", "consumer": "projects/7",
            "activationUrl": "https://console.developers.google.com/apis/api/{host}/overview?project=7"}}]}}}"#;

const QUOTA_LIMIT: &str = r#"{"status": 429, "body": {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED",
    "message": "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service '{host}'.",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED", "domain": "googleapis.com",
        "metadata": {"service": "{host}", "quota_limit": "RequestsPerMinutePerProject",
            "quota_limit_value": "600", "quota_unit": "1/min/{project}", "consumer": "projects/7"}}]}}}"#;

const QUOTA_ZERO: &str = r#"{"times": null, "status": 429, "body": {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED",
    "message": "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute' of service '{host}'.",
    "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED", "domain": "googleapis.com",
        "metadata": {"service": "{host}", "quota_limit": "RequestsPerMinutePerProject",
            "quota_limit_value": "0", "consumer": "projects/7"}}]}}}"#;

const RATE_LIMIT_403: &str = r#"{"status": 403, "body": {"error": {"code": 403, "message": "Rate Limit Exceeded",
    "errors": [{"domain": "usageLimits", "reason": "rateLimitExceeded", "message": "Rate Limit Exceeded"}]}}}"#;

const RETRY_INFO: &str = r#"{"status": 429, "body": {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded.",
    "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "45.837906927s"}]}}}"#;

const MISSING_AS_500: &str = r#"{"status": 500, "body": {"error": {"code": 500, "status": "INTERNAL",
    "message": "Requested entity was not found."}}}"#;

const HOSTILE: &str = r#"{"status": 400, "body": {"error": {"code": 400, "status": "INVALID_ARGUMENT\r\nx: y",
    "message": "\u001b[2J\u001b]0;owned\u0007 line\r\nset-cookie: a=b\u0000 \u202eexe.sj"}}}"#;

/// The entry with its preset, if it names one, filled in below its own fields.
pub(crate) fn expand(service: &Service, entry: Value) -> Result<Value, BadInput> {
    let Value::Object(mut own) = entry else {
        return Err(BadInput::new("a fault is an object"));
    };
    let Some(word) = own.remove("fault") else {
        return Ok(own.into());
    };
    let named = word
        .as_str()
        .map(str::to_owned)
        .unwrap_or_else(|| word.to_string());
    let known = |preset: &&Preset| preset.name == named || preset.number == named;
    let preset = PRESETS.iter().find(known).ok_or_else(|| {
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        BadInput::new(format!(
            "unknown fault `{named}`, expected one of {}",
            names.join(", ")
        ))
    })?;
    let mut full: Value = serde_json::from_str(&service.fill(preset.entry))
        .map_err(|problem| BadInput::new(problem.to_string()))?;
    if let Value::Object(fields) = &mut full {
        fields.append(&mut own);
    }
    Ok(full)
}
