//! The answer to a call that is over the quota.

use std::time::Duration;

use countermand_core::Service;
use serde_json::json;

use crate::answer::Failure;
use crate::meter::{Exceeded, Scope};
use crate::quota::Hints;

const PROJECT: &str = "7";

/// 429 as Google words it; `time_scale` makes of the emulator's time the client's.
pub(crate) fn refusal(
    service: &Service,
    exceeded: &Exceeded,
    hints: Hints,
    time_scale: u32,
) -> Failure {
    let host = service.host;
    let (phrase, word, unit) = period(exceeded.window.span());
    let (whose, scope, of) = match exceeded.scope {
        Scope::Project => ("", "PerProject", "{project}"),
        Scope::Resource => (
            " per method and resource",
            "PerProjectPerMethodPerResource",
            "{project}/{method}/{resource}",
        ),
    };
    let message = format!(
        "Quota exceeded for quota metric 'Requests' and limit 'Requests per {phrase}{whose}' of service '{host}' for consumer 'project_number:{PROJECT}'."
    );
    let mut failure = Failure::new(429, "RESOURCE_EXHAUSTED", message).detail(json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": {
            "service": host,
            "consumer": format!("projects/{PROJECT}"),
            "quota_location": "global",
            "quota_metric": format!("{host}/requests"),
            "quota_limit": format!("RequestsPer{word}{scope}"),
            "quota_limit_value": exceeded.window.limit().to_string(),
            "quota_unit": format!("1/{unit}/{of}"),
        },
    }));
    // Rounded up: a client that waits for exactly as long finds the window open.
    let rest = Duration::from_nanos(u64::from(time_scale) - 1);
    let wait = exceeded.wait.saturating_add(rest) / time_scale;
    match hints {
        Hints::None => {}
        Hints::RetryInfo => {
            failure = failure.detail(json!({
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": format!("{}.{:09}s", wait.as_secs(), wait.subsec_nanos()),
            }));
        }
        Hints::RetryAfter => {
            let begun = u64::from(wait.subsec_nanos() > 0);
            failure.retry_after = Some(wait.as_secs().saturating_add(begun));
        }
    }
    failure
}

/// A span in a sentence, in a limit's name and in a unit.
fn period(span: Duration) -> (String, String, String) {
    let (phrase, word, unit) = match (span.as_secs(), span.subsec_nanos()) {
        (1, 0) => ("second", "Second", "s"),
        (60, 0) => ("minute", "Minute", "min"),
        (3600, 0) => ("hour", "Hour", "h"),
        (86_400, 0) => ("day", "Day", "d"),
        _ => {
            let seconds = span.as_secs_f64();
            return (
                format!("{seconds} seconds"),
                format!("{seconds}Seconds"),
                format!("{seconds}s"),
            );
        }
    };
    (phrase.to_owned(), word.to_owned(), unit.to_owned())
}
