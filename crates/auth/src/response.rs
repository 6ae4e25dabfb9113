//! The answers of servers that give tokens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use countermand_core::{Timestamp, TransportError, TransportErrorKind};
use countermand_hyper::Token;
use http::header::{DATE, HeaderMap};
use http::{Response, StatusCode};
use serde_json::Value;
use zeroize::Zeroize;

use crate::document::{Document, Problem, Secret};
use crate::error::{rejected, unavailable};

/// Lifetime of a token whose server does not tell it, or tells nonsense.
pub(crate) const UNSAID: Duration = Duration::from_secs(300);

/// From how far off a clock is blamed.
const SKEW: Duration = Duration::from_secs(300);

/// An answer that was a JSON object with a status of success.
pub(crate) struct Answer {
    document: Document,
    headers: HeaderMap,
    from: String,
}

impl Answer {
    /// Reads an answer of `from`; an error of the server's becomes one that says what it said.
    pub(crate) fn read(from: &str, response: Response<Bytes>) -> Result<Self, TransportError> {
        let (head, body) = response.into_parts();
        let parsed = Document::parse(&body);
        overwrite(body);
        let document = match (parsed, head.status.is_success()) {
            (Ok(document), true) => document,
            // A captive portal, or a front end in trouble: it may pass.
            (Err(problem), true) => return Err(unavailable(format!("{from}: {problem}"))),
            (parsed, false) => {
                let document = parsed.ok();
                let told = document.as_ref().map(told).unwrap_or_default();
                if document.as_ref().is_some_and(needs_login) {
                    let problem = format!("{from} answered {}: {told}", head.status);
                    return Err(TransportError::new(
                        TransportErrorKind::LoginExpired,
                        problem,
                    ));
                }
                return Err(failed(from, head.status, &told, &head.headers));
            }
        };
        Ok(Self {
            document,
            headers: head.headers,
            from: from.to_owned(),
        })
    }

    /// The access token of the token endpoint's answer (RFC 6749, 5.1).
    pub(crate) fn token(&self) -> Result<Token, TransportError> {
        let token = self.text("access_token")?;
        let life = lifetime(self.document.field("expires_in"));
        Ok(self.made(token)?.expiring(life))
    }

    /// The refresh token that replaces the one that was sent.
    pub(crate) fn refresh_token(&self) -> Option<Secret> {
        self.document.secret("refresh_token").ok()
    }

    /// The access token of IAM's answer, which tells the end by the server's clock.
    pub(crate) fn impersonated(&self) -> Result<Token, TransportError> {
        let token = self.text("accessToken")?;
        let end = self.document.field("expireTime").and_then(Value::as_str);
        let end = end.and_then(Timestamp::parse_rfc3339);
        let life = match (end, date(&self.headers)) {
            (Some(end), Some(now)) if end > now => end.since(now),
            _ => UNSAID,
        };
        Ok(self.made(token)?.expiring(life))
    }

    fn text(&self, field: &str) -> Result<&str, TransportError> {
        let text = self.document.text(field);
        text.map_err(|problem| unavailable(format!("{}: {problem}", self.from)))
    }

    fn made(&self, token: &str) -> Result<Token, TransportError> {
        Token::new(token).map_err(|error| unavailable(format!("{}: {}", self.from, error.cause())))
    }
}

/// Lifetime of a token by its `expires_in`. A value that is absent, no number, or not above zero counts
/// as not told. More than an hour is not believed either, see [`Token::expiring`].
pub(crate) fn lifetime(expires_in: Option<&Value>) -> Duration {
    let seconds = match expires_in {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    seconds
        .filter(|seconds| *seconds > 0.0)
        .map_or(UNSAID, |seconds: f64| {
            Duration::from_secs_f64(seconds.min(3600.0))
        })
}

/// Overwrites a body, unless the connection holds on to a part of it.
fn overwrite(body: Bytes) {
    if let Ok(mut body) = body.try_into_mut() {
        let bytes: &mut BytesMut = &mut body;
        bytes.as_mut().zeroize();
    }
}

/// The server's text of an error: in OAuth's fields (RFC 6749, 5.2) or in those of Google's APIs.
fn told(document: &Document) -> String {
    let words = |field: &str, document: &Document| -> Option<String> {
        document.field(field)?.as_str().map(harmless)
    };
    let (code, text) = match document.object("error") {
        Ok(Some(error)) => (words("status", &error), words("message", &error)),
        _ => (
            words("error", document),
            words("error_description", document),
        ),
    };
    [code, text]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(": ")
}

/// True where a person has to log in again: an organisation can limit how long a login is good, and the
/// token endpoint then asks for a proof of reauthentication (RAPT).
fn needs_login(document: &Document) -> bool {
    let word = |field: &str| document.field(field).and_then(Value::as_str);
    let described = word("error_description").is_some_and(|text| {
        let text = text.to_ascii_lowercase();
        text.contains("reauth") || text.contains("rapt")
    });
    let subtype = matches!(
        word("error_subtype"),
        Some("invalid_rapt" | "rapt_required")
    );
    word("error") == Some("invalid_grant") && (subtype || described)
}

/// A text of the server's that can be printed: escaped, cut, and without words that are long enough
/// to be a piece of a secret that it repeats.
fn harmless(text: &str) -> String {
    // The name of a permission is long, and has dots and no digits.
    let plain = |word: &str| {
        word.contains('.')
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphabetic() || b".,'\"".contains(&byte))
    };
    let words = text.split_whitespace().map(|word| match word.len() {
        ..=32 => word.escape_default().to_string(),
        33..=80 if plain(word) => word.escape_default().to_string(),
        _ => "[...]".to_owned(),
    });
    let mut short: String = words.collect::<Vec<_>>().join(" ");
    if short.len() > 200 {
        // Escaped, so that every byte is a character.
        short.truncate(200);
        short.push_str("...");
    }
    short
}

fn failed(from: &str, status: StatusCode, told: &str, headers: &HeaderMap) -> TransportError {
    let mut problem = format!("{from} answered {status}");
    if !told.is_empty() {
        problem = format!("{problem}: {told}");
    }
    if let Some(skew) = date(headers).and_then(skew) {
        problem = format!("{problem} ({skew})");
    }
    let for_now = ["temporarily_unavailable", "server_error", "slow_down"];
    match may_pass(status) || for_now.iter().any(|code| told.starts_with(code)) {
        true => unavailable(problem),
        false => rejected(problem),
    }
}

/// True for a status that may be another one next time. A redirect comes from a portal on the way.
pub(crate) fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 300..400 | 408 | 425 | 429 | 500..)
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    Timestamp::parse_http_date(headers.get(DATE)?.to_str().ok()?)
}

/// The difference of this machine's clock and the server's, if that may be the cause.
fn skew(server: Timestamp) -> Option<Problem> {
    let here = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    let here = Timestamp::from_unix_millis(i64::try_from(here.as_millis()).ok()?);
    let (off, word) = match here > server {
        true => (here.since(server), "ahead of"),
        false => (server.since(here), "behind"),
    };
    (off > SKEW).then(|| {
        let seconds = off.as_secs();
        format!("the clock of this machine is {seconds} s {word} the server's")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fault_34_a_life_that_makes_no_sense_is_short_and_none_is_longer_than_an_hour() {
        for (said, believed) in [
            (json!(null), 300),
            (json!(3599), 3599),
            (json!(1.5e3), 1500),
            (json!("3599"), 3599),
            (json!("soon"), 300),
            (json!(""), 300),
            (json!("NaN"), 300),
            (json!("inf"), 3600),
            (json!(0), 300),
            (json!(-5), 300),
            (json!("-5"), 300),
            (json!(1_000_000_000_000_u64), 3600),
            (json!(1e300), 3600),
            (json!([3600]), 300),
            (json!(true), 300),
        ] {
            assert_eq!(lifetime(Some(&said)).as_secs(), believed, "{said}");
        }
        assert_eq!(lifetime(None).as_secs(), 300);
    }

    #[test]
    fn what_a_server_repeats_of_a_secret_is_not_repeated() {
        let text = format!("bad token {} \u{1b}[2J end", "1//secret".repeat(8));
        assert_eq!(harmless(&text), "bad token [...] \\u{1b}[2J end");
        assert!(harmless(&"word ".repeat(500)).len() < 210);
    }
}
