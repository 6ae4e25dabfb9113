//! Texts of servers and files, made fit to be shown: the one place that says which characters a
//! person does not see or a program acts on.

use std::borrow::Cow;
use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

/// The text with every control and invisible character spelled out, as `\u{202e}` or `\n`.
///
/// What is left of it neither moves a cursor, nor colours a terminal, nor turns the text around it,
/// nor ends a line for any program; what a person reads is what is there. Spelled out are control
/// characters, format characters (bidirectional controls, zero-width characters, tags), line and
/// paragraph separators, and characters that are drawn as nothing or as a blank although they are
/// letters or marks, like U+3164.
///
/// ```
/// use countermand_core::text::printable;
/// assert_eq!(printable("nothing to do"), "nothing to do");
/// assert_eq!(printable("a\u{1b}[31m\u{202e}\r\n"), r"a\u{1b}[31m\u{202e}\r\n");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    spelled(text, is_hidden)
}

/// As [`printable`], but line ends and tabs stay: for texts of several lines, each line of which is
/// our own.
#[must_use]
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    spelled(text, |char| is_hidden(char) && !matches!(char, '\n' | '\t'))
}

fn spelled(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        if hidden(char) {
            spell(&mut out, char);
        } else {
            out.push(char);
        }
    }
    Cow::Owned(out)
}

/// At most `limit` characters of `text`, [`printable`].
#[must_use]
pub fn excerpt(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit) + 3);
    for (count, char) in text.chars().enumerate() {
        if count == limit {
            out.push('…');
            break;
        }
        if is_hidden(char) {
            spell(&mut out, char);
        } else {
            out.push(char);
        }
    }
    out
}

fn spell(out: &mut String, char: char) {
    // Leaves nothing that a terminal would act on.
    out.extend(char.escape_default());
}

/// The value as JSON in one line, with hidden characters as `\u202e`.
///
/// A JSON string may hold U+2028 or U+0085 as it is, and programs that split a text into lines
/// (Python's `splitlines`) end one there. The same value comes out when it is parsed.
///
/// # Errors
/// Those of `value`'s serializer.
pub fn json_line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut out = Vec::with_capacity(128);
    write_json_line(&mut out, value)?;
    // Both the serializer and the escapes write whole characters.
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// As [`json_line`], into a writer, without a line end.
///
/// # Errors
/// Those of `value`'s serializer, and the writer's.
pub fn write_json_line(
    out: impl io::Write,
    value: &impl Serialize,
) -> Result<(), serde_json::Error> {
    value.serialize(&mut Serializer::with_formatter(out, Escaping))
}

struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hidden) {
            let (plain, hidden) = rest.split_at(at);
            CompactFormatter.write_string_fragment(writer, plain)?;
            let mut chars = hidden.chars();
            if let Some(char) = chars.next() {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

/// Control, format and separator characters (Cc, Cf, Zl, Zp), Default_Ignorable_Code_Point,
/// noncharacters, and the blank of Braille, by Unicode 16. The space characters are seen as spaces.
#[must_use]
pub const fn is_hidden(char: char) -> bool {
    if char.is_ascii() {
        return char.is_ascii_control();
    }
    matches!(char,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}'
        | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{fff0}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    ) || (char as u32) & 0xfffe == 0xfffe
}

/// `an enterprise`, `a project`.
#[must_use]
pub fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {noun}")
}

#[cfg(test)]
mod tests {
    use regex_syntax::hir::{Class, HirKind};

    use super::*;

    /// The characters of a class by the tables of another library.
    fn class(pattern: &str) -> impl Fn(char) -> bool {
        let hir = regex_syntax::parse(pattern).unwrap().into_kind();
        let HirKind::Class(Class::Unicode(class)) = hir else {
            panic!("{pattern} is a class");
        };
        move |char| {
            class
                .ranges()
                .binary_search_by(|range| {
                    use std::cmp::Ordering;
                    match () {
                        () if range.end() < char => Ordering::Less,
                        () if range.start() > char => Ordering::Greater,
                        () => Ordering::Equal,
                    }
                })
                .is_ok()
        }
    }

    #[test]
    fn fault_61_every_hidden_character_is_spelled_out_and_no_other() {
        let hidden = class(
            r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{Noncharacter_Code_Point}\x{2800}]",
        );
        let mut shown = String::new();
        for char in '\0'..=char::MAX {
            let code = u32::from(char);
            assert_eq!(is_hidden(char), hidden(char), "U+{code:04X}");
            if hidden(char) {
                let text = char.to_string();
                let spelled = printable(&text);
                assert!(spelled.starts_with('\\'), "U+{code:04X}: {spelled}");
                assert!(spelled.bytes().all(|byte| byte.is_ascii_graphic()));
                assert_eq!(excerpt(&text, 1), spelled);
                let kept = ['\n', '\t'].contains(&char);
                assert_eq!(printable_lines(&text) == text, kept, "U+{code:04X}");
            } else {
                shown.push(char);
            }
        }
        assert_eq!(printable(&shown), shown);
        assert_eq!(printable_lines(&shown), shown);
    }

    /// As a value, as a key, and as a line that every program sees as one.
    #[test]
    fn fault_61_json_of_any_character_is_one_line_and_the_same_value() {
        let all: Vec<char> = ('\0'..=char::MAX).collect();
        for chars in all.chunks(997) {
            let text: String = chars.iter().collect();
            let value = serde_json::json!({ text.clone(): text });
            let line = json_line(&value).unwrap();
            assert!(
                !line.chars().any(is_hidden),
                "U+{:04X}",
                u32::from(chars[0])
            );
            assert!(serde_json::from_str::<serde_json::Value>(&line).unwrap() == value);
        }
    }
}
