//! Delays as servers write them, and durations and quotas as people write them.

use std::time::Duration;

use countermand_core::{Service, Timestamp, duration};
use countermand_scheduler::{Quota, Window};
use http::{HeaderValue, Response, StatusCode};

/// The longest delay of a server that is obeyed.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Delays: a text in every place where one may stand; a line end separates it from a `Date`.
pub fn delay(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (text, date) = text.split_once('\n').unwrap_or((&text, ""));
    let body = serde_json::json!({ "error": { "code": 429, "details": [
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": text } ] } });
    for (status, body) in [(429, body.to_string()), (503, String::new())] {
        let mut answer = Response::new(body);
        *answer.status_mut() = StatusCode::from_u16(status).expect("a status");
        for (name, value) in [("retry-after", text), ("date", date)] {
            if let Ok(value) = HeaderValue::from_str(value) {
                answer.headers_mut().insert(name, value);
            }
        }
        let error = Service::DEFAULT
            .check_success(&answer)
            .expect_err("not a success");
        assert!(error.kind().server_delay() <= Some(LONGEST), "{error:?}");
        let _ = Timestamp::from_headers(answer.headers());
    }
    if let Some(duration) = duration::parse(text) {
        assert_eq!(duration::parse(&duration::format(duration)), Some(duration));
    }
    if let Some(time) = Timestamp::parse_rfc3339(text) {
        assert_eq!(Timestamp::parse_rfc3339(&time.to_string()), Some(time));
    }
    let _ = Timestamp::parse_http_date(text);
    if let Ok(window) = text.parse::<Window>() {
        assert_eq!(
            window.to_string().parse::<Window>().ok(),
            Some(window),
            "{text}"
        );
    }
    let _ = text.parse::<Quota>();
}
