//! Texts for standard output and standard error, on which nothing acts but line ends.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::OnceLock;

use countermand_core::text::printable_lines;

/// Writes a line to standard error. If that fails, there is no other place to report it.
pub(crate) fn note(line: &str) {
    let _ = writeln!(anstream::stderr(), "{}", shown(line));
}

/// Writes a text to standard output at once.
pub(crate) fn print(text: &str) {
    let mut out = anstream::stdout();
    if let Err(error) = writeln!(out, "{}", shown(text)).and_then(|()| out.flush()) {
        lose(&error);
    }
}

/// The first failure of standard output for want of room.
static LOST: OnceLock<String> = OnceLock::new();

/// Remembers that results did not get out. A reader that goes away, such as `head`, wanted no more, and a
/// terminal that is closed shows no more; a full disk loses what was to be kept, and the exit code says so.
pub(crate) fn lose(error: &io::Error) {
    use io::ErrorKind as Kind;
    if let Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge = error.kind() {
        let _ = LOST.set(error.to_string());
    }
}

/// The reason for which results did not get out, if any.
pub(crate) fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// Whatever is printed passes here: of a text only our own colours reach a terminal as they are.
/// Texts of others are spelled out where they are quoted; this holds where that was forgotten.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(COLOUR) {
        return printable_lines(text);
    }
    let mut parts = text.split(COLOUR);
    let mut out = printable_lines(parts.next().unwrap_or_default()).into_owned();
    for part in parts {
        let end = part.find(|char: char| !(char.is_ascii_digit() || char == ';'));
        match end.map(|end| part.split_at(end)) {
            Some((colour, rest)) if rest.starts_with('m') => {
                out.extend([COLOUR, colour, &printable_lines(rest)]);
            }
            _ => out.extend([&*printable_lines(COLOUR), &printable_lines(part)]),
        }
    }
    Cow::Owned(out)
}

/// Begin of a colour, on a terminal.
const COLOUR: &str = "\u{1b}[";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_61_only_colours_pass() {
        for (text, told) in [
            ("two\n\tlines", "two\n\tlines"),
            (
                "\u{1b}[1m\u{1b}[31mred\u{1b}[0m",
                "\u{1b}[1m\u{1b}[31mred\u{1b}[0m",
            ),
            ("\u{1b}[1;31mred\u{1b}[m", "\u{1b}[1;31mred\u{1b}[m"),
            ("a\u{1b}[2Jb\u{1b}[3", r"a\u{1b}[2Jb\u{1b}[3"),
            ("a\u{1b}]0;title\u{7}\r", r"a\u{1b}]0;title\u{7}\r"),
            (
                "\u{1b}[31mx\u{202e}\u{9b}2J",
                "\u{1b}[31mx\\u{202e}\\u{9b}2J",
            ),
            ("\u{1b}[\u{1b}[1mx", "\\u{1b}[\u{1b}[1mx"),
        ] {
            assert_eq!(shown(text), told);
        }
    }
}
