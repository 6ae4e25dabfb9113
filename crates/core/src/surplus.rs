//! Signs and words around a name in a text as people paste it: quotes, brackets, a comma, other words.
//!
//! The API would take nearly every character in an id, so that a request with `…/17,` is answered by a 404, which
//! reads as if the operation were gone. Ids of Google's hold letters, digits and a few signs.

use crate::name_error::NameErrorKind;

/// The fault of a text that holds a name and more.
pub(crate) struct Surplus<N> {
    pub(crate) kind: NameErrorKind,
    /// Its place, as a byte offset.
    pub(crate) at: usize,
    /// The name in the text, where one stands there alone.
    pub(crate) name: Option<N>,
}

/// Signs that end a sentence, a line of a log or a bold word, and no id.
const ENDS: [char; 5] = ['.', ':', '!', '?', '*'];

/// True for characters that stand between words or around them.
fn is_stray(char: char) -> bool {
    match char {
        ',' | ';' | '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '|'
        | '\\' => true,
        _ if char.is_ascii() => !char.is_ascii_graphic(),
        _ => !char.is_alphanumeric(),
    }
}

/// True for characters that a URL has, and no name of it: that of a query, of a fragment and of an encoded byte.
fn is_of_url(char: char) -> bool {
    matches!(char, '?' | '#' | '%')
}

/// True if a name is nothing but a name.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.contains(|char| is_stray(char) || is_of_url(char)) && !name.ends_with(ENDS)
}

/// A text without blanks around it and the end of a line behind it.
pub(crate) fn line_of(text: &str) -> &str {
    let blank = |char| matches!(char, ' ' | '\t' | '\u{a0}' | '\u{feff}');
    // A line of a file has its end; in a name and before it, that is a control character as any other.
    let line = text.strip_suffix("\r\n").or(text.strip_suffix('\n'));
    line.unwrap_or(text).trim_matches(blank)
}

/// The fault of a text that is a name by the pattern of the API, if `is_name`, or holds one: `name_in` tells which
/// words are names.
pub(crate) fn surplus<N>(
    text: &str,
    is_name: bool,
    name_in: impl Fn(&str) -> Option<N>,
) -> Option<Surplus<N>> {
    let line = line_of(text);
    // The query of a URL is no part of the name, and its bytes are decoded. A full name is no URL.
    let is_path = line.starts_with('/') && !line.starts_with("//");
    let is_url = is_path || line.contains("://");
    let named = match is_url {
        true => &line[..line.find(['?', '#']).unwrap_or(line.len())],
        false => line,
    };
    let several = line.split_whitespace().nth(1).is_some();
    let (at, char) = match several {
        true => line.char_indices().find(|(_, char)| char.is_whitespace()),
        false => named
            .char_indices()
            .find(|(_, char)| is_stray(*char) || !is_url && is_of_url(*char))
            .or_else(|| {
                let last = named.char_indices().next_back();
                last.filter(|(_, char)| ENDS.contains(char))
            }),
    }?;
    let words = line
        .split(|char| is_stray(char) || !is_url && matches!(char, '?' | '#'))
        .map(|word| word.trim_end_matches(ENDS))
        // As every name has.
        .filter(|word| word.contains('/'));
    let found = words
        .clone()
        .find_map(|word| Some((word, name_in(word)?)))
        // `name=…` of a log.
        .or_else(|| {
            let mut values = words.filter_map(|word| {
                let (key, value) = word.split_once(['=', ':'])?;
                (!key.contains('/')).then_some(value)
            });
            values.find_map(|word| Some((word, name_in(word)?)))
        });
    if found.is_none() && !is_name {
        return None;
    }
    let bare = named.trim_matches(|char| is_stray(char) || ENDS.contains(&char));
    let kind = match &found {
        _ if several => NameErrorKind::MoreThanName,
        Some((word, _)) if *word != bare => NameErrorKind::MoreThanName,
        _ => NameErrorKind::Character(char),
    };
    let begin = text.find(line).unwrap_or(0);
    Some(Surplus {
        kind,
        at: begin + at,
        name: found.map(|(_, name)| name),
    })
}
