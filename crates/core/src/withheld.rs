//! The secret of a request, which its answer may repeat.

use std::cmp::Reverse;
use std::fmt;
use std::ops::Range;

use http::HeaderValue;
use memchr::{memchr2, memchr2_iter};
use serde_json::Value;

/// The token of a request, as an extension of its response: neither errors made of the answer nor the
/// values that are read from it repeat the token.
///
/// The answer is read as it came, because a token may be part of a word or a number that it is read by.
/// Texts are masked afterwards. A name or a page token that repeats the token is refused instead: with
/// another text it would mean another thing, and as it is it would stand in the path of a request.
///
/// Found are the token itself, in capital and small letters alike, percent-encoded once or twice or with
/// the escapes of JSON, each also mixed with the others. In an answer that is not success, character
/// references of HTML, base64 that holds the token, and parts of 16 bytes and more are found, too.
#[derive(Clone)]
pub struct Withheld {
    header: HeaderValue,
    /// The length of the token, and of each text that repeats it without a longer spelling.
    length: usize,
    /// The rarest byte of the token, as a small and as a capital letter, and where it is.
    sign: Option<([u8; 2], usize)>,
}

/// The shortest end of a text that is taken for the beginning of a token.
const SHORTEST: usize = 6;

/// The shortest token for which names and words are searched: 128 bits, the least of RFC 6749 (10.10), are
/// no shorter, and a short text occurs in a name by chance.
const SHORTEST_OF_WORDS: usize = 16;

/// The shortest part of a token that is taken out: each half of a token that was split is of no shorter.
const SHORTEST_PART: usize = 16;

/// The bytes of an ordinary answer, the most frequent first: a sign is not among them, or late.
const FREQUENT: &[u8] =
    b"e\"o/atnisrmcdp:,0123456789 {}vlgyCTIEPWLuwhbfk.@ZMDORASNUV_-BFGHKxzjqXYJQ+~=";

impl Withheld {
    /// Withholds what the value of an `authorization` header has behind its scheme.
    #[must_use]
    pub fn new(authorization: HeaderValue) -> Self {
        let mut withheld = Self {
            header: authorization,
            length: 0,
            sign: None,
        };
        let token = withheld.token().as_bytes();
        let place = |sign: u8| {
            let cases = [sign.to_ascii_lowercase(), sign.to_ascii_uppercase()];
            Some((cases, token.iter().position(|byte| *byte == sign)?))
        };
        (withheld.length, withheld.sign) = (token.len(), rarest(token).and_then(place));
        withheld
    }

    fn token(&self) -> &str {
        let header = self.header.to_str().unwrap_or_default();
        header.rsplit(' ').next().unwrap_or_default()
    }

    /// Tells at little cost that a body repeats the token neither as it is nor with escapes; `true`
    /// tells nothing.
    #[must_use]
    pub fn may_be_in(&self, body: &[u8]) -> bool {
        body.len() > self.length && (self.is_in(body) || memchr2(b'%', b'\\', body).is_some())
    }

    /// Searches a body for the token as it is, by its rarest byte.
    fn is_in(&self, body: &[u8]) -> bool {
        let header = self.header.as_bytes();
        let token = &header[header.len() - self.length..];
        let Some(([small, capital], at)) = self.sign else {
            return false;
        };
        memchr2_iter(small, capital, body).any(|place| {
            let start = place.checked_sub(at);
            let found = start.and_then(|start| body.get(start..start + token.len()));
            found.is_some_and(|found| found.eq_ignore_ascii_case(token))
        })
    }

    /// The text without the token, nor the beginning of one where the text was cut.
    pub(crate) fn taken_out(&self, text: &str) -> String {
        let token = self.token().as_bytes();
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(found) = first(find(rest, token).into_iter().chain(part(rest, token))) {
            out.push_str(&rest[..found.start]);
            out.push_str(INSTEAD);
            rest = &rest[found.end..];
        }
        out.push_str(rest);
        out
    }

    /// Searches a name, or a word that has a meaning, for the token.
    pub(crate) fn is_repeated_by(&self, word: &str) -> bool {
        let token = self.token().as_bytes();
        token.len() >= SHORTEST_OF_WORDS && find(word, token).is_some()
    }

    /// Takes the token out of every text of a value.
    pub(crate) fn take_out(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.taken_out(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.take_out(value)),
            Value::Object(fields) => {
                let old = std::mem::take(fields);
                fields.extend(old.into_iter().map(|(name, mut value)| {
                    self.take_out(&mut value);
                    (self.taken_out(&name), value)
                }));
            }
            _ => {}
        }
    }
}

const INSTEAD: &str = "(access token)";

/// The first place where a text has the token, or the beginning of one at its end.
fn find(text: &str, token: &[u8]) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let end = text.trim_end_matches('…').len();
    let spelled = || {
        let mut starts = 0..end;
        starts.find_map(|start| Some(start..start + spelled(&bytes[start..end], token)?))
    };
    let encoded =
        || runs(&bytes[..end]).find(|run| holds(&bytes[run.clone()], token, run.end == end));
    match token {
        [] => None,
        // The encoded one may hold letters that are the whole of a short token.
        _ if token.len() < SHORTEST => spelled(),
        _ => first(spelled().into_iter().chain(encoded())),
    }
}

/// The range that begins first, and of several the longest.
fn first(ranges: impl Iterator<Item = Range<usize>>) -> Option<Range<usize>> {
    ranges.min_by_key(|range| (range.start, Reverse(range.end)))
}

/// The first long part of a token that a text has, as where the token was split.
fn part(text: &str, token: &[u8]) -> Option<Range<usize>> {
    if token.len() < 2 * SHORTEST_PART {
        return None;
    }
    let bytes = text.as_bytes();
    (0..bytes.len()).find_map(|start| {
        let lengths = (0..=token.len() - SHORTEST_PART).map(|from| {
            let pairs = bytes[start..].iter().zip(&token[from..]);
            pairs
                .take_while(|(found, byte)| found.eq_ignore_ascii_case(byte))
                .count()
        });
        let longest = lengths.max().filter(|length| *length >= SHORTEST_PART)?;
        Some(start..start + longest)
    })
}

/// The length of the token at the beginning of a text, each of its bytes as it is or escaped; or of the
/// text, if it ends within the token.
fn spelled(text: &[u8], token: &[u8]) -> Option<usize> {
    let same = |found: u8, byte: u8| match token.len() {
        SHORTEST_OF_WORDS.. => found.eq_ignore_ascii_case(&byte),
        _ => found == byte,
    };
    let mut at = 0;
    for (count, byte) in token.iter().enumerate() {
        let rest = &text[at..];
        if rest.is_empty() {
            return (count >= SHORTEST).then_some(at);
        }
        at += match rest {
            [first, ..] if same(*first, *byte) => 1,
            [b'%', b'2', b'5', high, low, ..] if hex(&[*high, *low]) == Some((*byte).into()) => 5,
            [b'%', high, low, ..] if hex(&[*high, *low]) == Some((*byte).into()) => 3,
            [b'&', b'#', reference @ ..] if referred(reference) == Some((*byte).into()) => {
                3 + reference.iter().take_while(|byte| **byte != b';').count()
            }
            [b'\\', b'u', code @ ..] if code.get(..4).and_then(hex) == Some((*byte).into()) => 6,
            [b'\\', escaped, ..] if escaped == byte => 2,
            // An escape that was cut.
            [b'%' | b'\\' | b'&', cut @ ..] if cut.len() < 5 && count >= SHORTEST => {
                return cut
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'#')
                    .then_some(text.len());
            }
            _ => return None,
        };
    }
    Some(at)
}

/// The character of a reference of HTML, by what stands behind `&#`.
fn referred(reference: &[u8]) -> Option<u32> {
    let end = reference.iter().take(8).position(|byte| *byte == b';')?;
    match &reference[..end] {
        [b'x' | b'X', digits @ ..] => hex(digits),
        digits => std::str::from_utf8(digits).ok()?.parse().ok(),
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| {
        Some(number * 16 + char::from(*digit).to_digit(16)?)
    })
}

/// The parts of a text that may be base64.
fn runs(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let of_base64 = |byte: &u8| sextet(*byte).is_some();
        let start = from + text[from..].iter().position(of_base64)?;
        let length = text[start..].iter().position(|byte| !of_base64(byte));
        from = length.map_or(text.len(), |length| start + length);
        Some(start..from)
    })
}

/// Searches base64 for the token, with any text around it, and for its beginning where the text ends.
fn holds(run: &[u8], token: &[u8], cut: bool) -> bool {
    let shortest = if cut { SHORTEST } else { token.len() };
    run.len() * 3 / 4 >= shortest
        && (0..4).any(|skipped| {
            let decoded = decoded(run.get(skipped..).unwrap_or_default());
            let begun = |length: &usize| decoded.ends_with(&token[..*length]);
            decoded.windows(token.len()).any(|part| part == token)
                || (cut && (SHORTEST..token.len()).any(|length| begun(&length)))
        })
}

fn decoded(run: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(run.len());
    let (mut bits, mut count) = (0_u32, 0);
    for sextet in run.iter().filter_map(|byte| sextet(*byte)) {
        bits = (bits << 6) | sextet;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count).to_le_bytes()[0]);
        }
    }
    out
}

/// The value of a character of either alphabet of base64.
fn sextet(char: u8) -> Option<u32> {
    let value = match char {
        b'A'..=b'Z' => char - b'A',
        b'a'..=b'z' => char - b'a' + 26,
        b'0'..=b'9' => char - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(value.into())
}

/// The byte that is the least frequent in answers.
fn rarest(token: &[u8]) -> Option<u8> {
    token.iter().copied().max_by_key(|byte| {
        let rank = FREQUENT.iter().position(|frequent| frequent == byte);
        rank.unwrap_or(FREQUENT.len())
    })
}

impl fmt::Debug for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Withheld(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "ya29.a0Canary-Zm_9~+/x==";

    fn withheld(token: &str) -> Withheld {
        let header = HeaderValue::try_from(format!("Bearer {token}"));
        Withheld::new(header.expect("a token can be in a header"))
    }

    fn base64(bytes: &[u8], safe: bool) -> String {
        let alphabet: &[u8] = match safe {
            true => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
            false => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        };
        let mut out = String::new();
        for group in bytes.chunks(3) {
            let bits = (0..3).fold(0, |bits, at| {
                (bits << 8) | usize::from(group.get(at).copied().unwrap_or(0))
            });
            for at in 0..=group.len() {
                out.push(char::from(alphabet[(bits >> (18 - 6 * at)) & 63]));
            }
        }
        out
    }

    /// Every spelling of a token that is looked for, with its name.
    fn spellings(token: &str) -> Vec<String> {
        let each = |escape: &dyn Fn(char) -> String| token.chars().map(escape).collect::<String>();
        let mut all = vec![
            token.to_owned(),
            each(&|char| format!("%{:02X}", u32::from(char))),
            each(&|char| format!("%{:02x}", u32::from(char))),
            each(&|char| format!("\\u{:04x}", u32::from(char))),
            each(&|char| format!("%25{:02x}", u32::from(char))),
            each(&|char| format!("&#{};", u32::from(char))),
            each(&|char| format!("&#x{:X};", u32::from(char))),
            token.to_ascii_uppercase(),
            token.to_ascii_lowercase(),
            token.replace('/', "\\/"),
            token
                .replace('/', "%2F")
                .replace('+', "%2b")
                .replace('=', "%3D"),
        ];
        for before in ["", "x", "Bearer ", "ab"] {
            for after in ["", "/", " nor"] {
                let text = format!("{before}{token}{after}");
                all.extend([false, true].map(|safe| base64(text.as_bytes(), safe)));
            }
        }
        all
    }

    #[test]
    fn fault_55_every_spelling_is_taken_out_and_the_text_around_it_stays() {
        for token in [
            TOKEN,
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJjYW4",
            "0123456789abcdef",
        ] {
            let withheld = withheld(token);
            for spelling in spellings(token) {
                let text = format!("It may not: {spelling}, nor: {spelling}");
                let told = withheld.taken_out(&text);
                assert_eq!(
                    told, "It may not: (access token), nor: (access token)",
                    "{text}"
                );
                assert!(withheld.is_repeated_by(&text), "{text}");
                let escaped = spelling.contains(['%', '\\']) || spelling == token;
                assert!(!escaped || withheld.may_be_in(text.as_bytes()), "{text}");
                // A text that ends within it.
                for cut in 0..spelling.len() {
                    let text = format!("no: {}…", &spelling[..cut]);
                    let told = withheld.taken_out(&text);
                    let left = told.trim_start_matches("no: ").trim_end_matches('…');
                    let kept = left == &spelling[..cut];
                    assert!(!kept || cut < 6 * (SHORTEST + 7), "{text}: {told}");
                    assert!(kept || left == INSTEAD, "{text}: {told}");
                }
            }
        }
    }

    #[test]
    fn fault_55_one_spelling_hides_no_other_before_it() {
        let withheld = withheld(TOKEN);
        let all = spellings(TOKEN);
        for first in &all {
            for second in [&all[0], &all[1], &all[6]] {
                let told = withheld.taken_out(&format!("{first} and {second}."));
                assert_eq!(
                    told,
                    format!("{INSTEAD} and {INSTEAD}."),
                    "{first} {second}"
                );
            }
        }
    }

    #[test]
    fn fault_55_a_long_part_of_a_token_is_taken_out_and_a_short_one_stays() {
        let token = "ya29.a0AfB_byC7Qz-Xk93hTbLpWvRm2NcYd8GsJ4uE6oZ1i";
        let withheld = withheld(token);
        let (first, second) = token.split_at(24);
        let told = withheld.taken_out(&format!("{second}: {first}, {}.", &token[5..13]));
        assert_eq!(told, format!("{INSTEAD}: {INSTEAD}, {}.", &token[5..13]));
        let told = withheld.taken_out(&format!("<{}>", first.to_uppercase()));
        assert_eq!(told, format!("<{INSTEAD}>"));
    }

    #[test]
    fn what_does_not_repeat_the_token_stays_as_it_is() {
        let text = r#"{"name":"enterprises/LC01abcd89/devices/3f00c0ffee123456/operations/1786048723669","done":true,"error":{"code":1,"message":"The operation was cancelled."}}"#;
        for token in [TOKEN, "ya29.canary", "hunter2-hunter2"] {
            let withheld = withheld(token);
            assert_eq!(withheld.taken_out(text), text);
            assert!(!withheld.is_repeated_by(text));
        }
        assert!(!withheld(TOKEN).may_be_in(text.as_bytes()));
        assert_eq!(withheld("").taken_out(text), text);
        for body in [TOKEN.to_ascii_uppercase(), TOKEN.to_ascii_lowercase()] {
            let body = [b"{\"x~\":\"\xff", body.as_bytes(), b"~\"}"].concat();
            assert!(withheld(TOKEN).may_be_in(&body));
            assert!(!withheld(TOKEN).may_be_in(&body[..body.len() - 4]));
        }
        // A short token is in many names, and in no name on purpose.
        assert!(!withheld("operations").is_repeated_by(text));
    }
}
