//! Texts of strangers, made fit to be shown.

use std::borrow::Cow;

/// The text with every control and invisible character spelled out, as `\u{202e}` or `\n`.
///
/// What is left of it neither moves a cursor, nor colours a terminal, nor turns the text around it;
/// what a person reads is what is there.
///
/// ```
/// use countermand_core::printable;
/// assert_eq!(printable("nothing to do"), "nothing to do");
/// assert_eq!(printable("a\u{1b}[31m\u{202e}\r\n"), r"a\u{1b}[31m\u{202e}\r\n");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_hidden) {
        let mut out = String::with_capacity(text.len() + 16);
        text.chars().for_each(|char| push(&mut out, char));
        Cow::Owned(out)
    } else {
        Cow::Borrowed(text)
    }
}

/// At most `limit` characters of `text`, [`printable`].
pub(crate) fn excerpt(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit) + 3);
    for (count, char) in text.chars().enumerate() {
        if count == limit {
            out.push('…');
            break;
        }
        push(&mut out, char);
    }
    out
}

fn push(out: &mut String, char: char) {
    if is_hidden(char) {
        // `escape_default` leaves nothing a terminal would act on.
        out.extend(char.escape_default());
    } else {
        out.push(char);
    }
}

fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}
