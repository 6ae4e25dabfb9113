//! Values that people give, shown only where they do not look like a secret.
//!
//! A key where its path belongs, a token where a name belongs: an error that repeats the value
//! writes the secret to logs and tickets. Every error that shows what was given asks here first.

use std::borrow::Cow;
use std::path::Path;

use crate::printable::{excerpt, printable};

/// A longer value is neither a path nor a name nor an option's value.
const LONGEST: usize = 1024;

/// Beginnings of tokens and secrets of the services that people use beside this API.
const MARKS: [&str; 12] = [
    "ya29.",
    "1//0",
    "eyj",
    "gocspx-",
    "aiza",
    "ghp_",
    "github_pat_",
    "glpat-",
    "hvs.",
    "xoxb-",
    "xoxp-",
    "bearer ",
];

/// Words before the `=` or `:` of a secret in a query, a form or a setting.
const FIELDS: [&str; 6] = [
    "token=",
    "secret=",
    "password=",
    "passwd=",
    "key=",
    "assertion=",
];

/// The kind of secret that a value looks like, as a noun with its article; `None` if it can be a
/// path, a name or another value that may be shown.
///
/// A guess by the form: keys in PEM, JSON, tokens with a known beginning, URLs with a password,
/// several lines, more than 1,024 bytes, and text that only chance or encryption writes.
///
/// ```
/// use countermand_core::text::looks_secret;
/// assert_eq!(looks_secret("/etc/countermand/key.json"), None);
/// assert_eq!(looks_secret("enterprises/LC01/devices/3f/operations/17"), None);
/// assert_eq!(looks_secret("ya29.a0AfB_byC"), Some("an access token"));
/// assert_eq!(looks_secret(r#"{"type": "service_account"}"#), Some("JSON"));
/// ```
#[must_use]
pub fn looks_secret(value: &str) -> Option<&'static str> {
    let text = value.trim_matches(|char: char| char.is_whitespace() || char == '\u{feff}');
    let lower = text.to_ascii_lowercase();
    if lower.contains("-----begin") || lower.contains("private key") {
        return Some(match lower.contains("private key") {
            true => "a private key",
            false => "PEM",
        });
    }
    if text.starts_with(['{', '[']) && !is_address(text) || text.contains("\":") {
        return Some("JSON");
    }
    if has_mark(&lower) {
        return Some("an access token");
    }
    if has_password(text) {
        return Some("a URL with a password");
    }
    if FIELDS.iter().any(|field| lower.contains(field)) {
        return Some("a secret with its name");
    }
    if text.contains(['\n', '\r']) {
        return Some("a text of several lines");
    }
    if text.len() > LONGEST {
        return Some("a text that is too long");
    }
    is_random(text).then_some("a key or a token")
}

/// The value as an error may show it: [`printable`](crate::text::printable), or what it
/// [looks like](looks_secret) in its place.
///
/// ```
/// use countermand_core::text::shown;
/// assert_eq!(shown("key.json"), "key.json");
/// assert_eq!(shown("ya29.a0AfB_byC"), "(a value of 14 characters that looks like an access token)");
/// ```
#[must_use]
pub fn shown(value: &str) -> Cow<'_, str> {
    withheld(value).map_or_else(|| printable(value), Cow::Owned)
}

/// A path as [`shown`] gives a text.
#[must_use]
pub fn shown_path(path: &Path) -> String {
    shown(&path.to_string_lossy()).into_owned()
}

/// The text of an error about a file: `what`, its path and the problem.
///
/// A value that [looks like a secret](looks_secret) is no path: then the text says that a path was
/// expected, and where the secret belongs.
///
/// ```
/// use std::path::Path;
/// use countermand_core::text::path_problem;
/// let text = path_problem("the token file", Path::new("/run/token"), "it is empty");
/// assert_eq!(text, "the token file /run/token: it is empty");
/// ```
#[must_use]
pub fn path_problem(what: &str, path: &Path, problem: impl std::fmt::Display) -> String {
    let given = path.to_string_lossy();
    match withheld(&given) {
        None => format!("{what} {}: {problem}", printable(&given)),
        Some(withheld) => format!(
            "{what}: expected the path of a file, found {withheld}; write a secret into a file with mode 0600 and give its path"
        ),
    }
}

/// At most `limit` characters of a value, [`shown`].
#[must_use]
pub fn shown_excerpt(value: &str, limit: usize) -> String {
    withheld(value).unwrap_or_else(|| excerpt(value, limit))
}

fn withheld(value: &str) -> Option<String> {
    looks_secret(value).map(|like| {
        let length = value.chars().count();
        format!("(a value of {length} characters that looks like {like})")
    })
}

/// An IPv6 address in brackets, as a URL or `NO_PROXY` has it.
fn is_address(text: &str) -> bool {
    let host = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    host.is_some_and(|(host, _)| host.parse::<std::net::Ipv6Addr>().is_ok())
}

/// True where one of the marks stands at the beginning of a word.
fn has_mark(lower: &str) -> bool {
    MARKS.iter().any(|mark| {
        lower.match_indices(mark).any(|(at, _)| {
            let before = lower[..at].chars().next_back();
            let begins = before.is_none_or(|char| !char.is_alphanumeric() && char != '_');
            // A short one only with as much behind it as a token has.
            begins && (mark.len() > 4 || lower.len() - at >= 16)
        })
    })
}

/// True for a password before an `@`.
fn has_password(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    match rest.rsplit_once('@') {
        Some((user, _)) => !scheme.is_empty() || user.contains(':'),
        None => false,
    }
}

/// True where a part of it is letters and digits in a disorder that no person writes.
fn is_random(text: &str) -> bool {
    let class = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        _ => 2,
    };
    let runs = text
        .as_bytes()
        .split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'+');
    let padded = text.len() >= 12
        && text.ends_with('=')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte));
    padded
        || runs.filter(|run| run.len() >= 24).any(|run| {
            let changes = run
                .windows(2)
                .filter(|pair| class(pair[0]) != class(pair[1]));
            let classes = [0, 1, 2].map(|one| run.iter().any(|byte| class(*byte) == one));
            // What a key in DER begins with, in base64.
            run.starts_with(b"MII")
                || classes.iter().all(|there| *there) && changes.count() * 3 >= run.len()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Secrets where something else belongs, each with a canary that may not be repeated.
    const SECRETS: [&str; 16] = [
        r#"{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----\ncanary"}"#,
        "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----\ncanary",
        "[{\"canary\": 1}]",
        "\u{feff}{\"canary\"",
        r#"  "client_secret": "canary","#,
        "ya29.canary",
        "Bearer canary",
        "/home/x/ya29.a0canary",
        "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.canary",
        "1//0canary-refresh",
        "GOCSPX-canary",
        "https://user:canary@proxy.example:3128",
        "alice:canary@proxy.example",
        "https://api.example/v1?access_token=canary",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDcanary",
    ];

    #[test]
    fn fault_55_what_looks_like_a_secret_is_described_and_not_repeated() {
        let long = format!("{}canary", "word/".repeat(400));
        let lines = "first\nsecond canary";
        for secret in SECRETS.into_iter().chain([&*long, lines]) {
            let text = shown(secret);
            assert!(!text.contains("canary"), "{text}");
            assert!(text.contains("looks like"), "{text}");
            assert_eq!(shown_excerpt(secret, 5), text);
            assert_eq!(shown_path(Path::new(secret)), text);
        }
    }

    #[test]
    fn fault_55_what_can_be_a_path_or_a_name_is_shown() {
        for plain in [
            "key.json",
            "/run/secrets/token",
            "C:\\keys\\rescue key.json",
            "/dev/fd/63",
            "/tmp/.tmpAbC123/bad.json",
            "/tmp/pytest-of-root/pytest-0/test_fault_55_a_key_where_its_path0/key.json",
            "/home/u/AndroidManagementRescueJobOfNovember2026/My-Company-Rescue-2026-11-28.job",
            "/nix/store/0c0xj9k3v1m2n4p5q6r7s8t9v0w1x2y3-gcloud/key.json",
            "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "enterprises/LC0123abcd/devices/3f0a9c1d2e4b5a67/operations/1699999999999",
            "https://androidmanagement.googleapis.com/v1/enterprises/LC01",
            "rescue@acme.iam.gserviceaccount.com",
            "[::1]:443",
            "600/60s,1000/x",
            "fast",
            "12O",
            "",
        ] {
            assert_eq!(looks_secret(plain), None, "{plain}");
            assert_eq!(shown(plain), plain);
        }
        assert_eq!(shown("a\u{202e}b"), r"a\u{202e}b");
        assert_eq!(shown_excerpt("abcdef", 3), "abc…");
    }
}
