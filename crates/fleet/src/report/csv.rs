//! A table for spreadsheets, in which no text of a stranger becomes a formula.

use std::borrow::Cow;
use std::io::{self, Write};

use countermand_core::text::{is_hidden, printable};
use csv::{QuoteStyle, WriterBuilder};

use super::columns::{COLUMNS, Values};
use super::error::ReportError;
use super::row::Row;
use crate::counts::Counts;
use crate::job_row::JobRow;

/// Writes a header and a line for each row, RFC 4180, every field quoted.
///
/// The counts are returned, because a table has no place for them. Memory does not grow with the rows.
///
/// # Errors
/// Those of `rows` and of `out`; the part that was written stands.
pub fn csv<E>(
    out: impl Write,
    rows: impl IntoIterator<Item = Result<JobRow, E>>,
) -> Result<Counts, ReportError<E>> {
    let mut counts = Counts::default();
    let mut writer = WriterBuilder::new()
        .quote_style(QuoteStyle::Always)
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    writer
        .write_record(COLUMNS.iter().map(|column| column.name))
        .map_err(plain)?;
    for row in rows {
        let row = row.map_err(ReportError::Rows)?;
        counts.add(&row);
        let record = Row::of(&row);
        for column in &COLUMNS {
            let cell = cell(column.values, &record);
            writer.write_field(cell.as_bytes()).map_err(plain)?;
        }
        writer.write_record(None::<&[u8]>).map_err(plain)?;
    }
    writer.flush()?;
    Ok(counts)
}

/// The value of a column as text; empty where there is none.
fn cell<'a>(values: Values, row: &Row<'a>) -> Cow<'a, str> {
    match values {
        Values::Positions(of) => text(Some(of(row))),
        Values::Counts(of) => text(Some(of(row))),
        Values::Names(of) => disarm(spelled(of(row))),
        Values::Levels(of) => of(row)
            .map(|name| disarm(spelled(name)))
            .unwrap_or_default(),
        Values::Words(_, of) => of(row).unwrap_or_default().into(),
        Values::Texts(of) => of(row).map(harmless).unwrap_or_default(),
        Values::Digests(of) => text(of(row)),
        Values::Times(of) => text(of(row)),
        Values::Codes(of) => text(of(row)),
        Values::Flags(of) => text(of(row)),
    }
}

fn text<'a>(value: Option<impl ToString>) -> Cow<'a, str> {
    value
        .map(|value| value.to_string().into())
        .unwrap_or_default()
}

/// The text, unable to begin a formula and without control characters.
fn harmless(text: &str) -> Cow<'_, str> {
    disarm(printable(text))
}

/// A name, [`printable`] in a way that [`rearm`] undoes: a backslash that would read like the
/// beginning of a spelled character is spelled out itself.
fn spelled(name: &str) -> Cow<'_, str> {
    match name.contains(r"\u{") {
        true => Cow::Owned(printable(&name.replace(r"\u{", r"\u{5c}u{")).into_owned()),
        false => printable(name),
    }
}

/// Reads back a name that [`spelled`] wrote.
fn unspelled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(r"\u{") {
        out.push_str(before);
        let spelled = after.split_once('}').and_then(|(digits, after)| {
            let code = u32::from_str_radix(digits, 16).ok()?;
            let char = char::from_u32(code)?;
            (is_hidden(char) || char == '\\').then_some((char, after))
        });
        rest = match spelled {
            Some((char, after)) => {
                out.push(char);
                after
            }
            None => {
                out.push_str(r"\u{");
                after
            }
        };
    }
    out + rest
}

/// The text, unable to begin a formula (OWASP, "CSV Injection").
///
/// A formula begins a cell, and a program that takes another separator or quote than ours begins
/// cells where we do not. So each `=`, `+`, `-`, `@` (and its full-width form) that stands first, or
/// after a separator or a quote, with or without white space between, gets a `'` before it.
fn disarm(text: Cow<'_, str>) -> Cow<'_, str> {
    let starts = |(begins, char): (bool, char)| begins && is_formula(char);
    if !cells(&text).any(starts) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 4);
    for (begins, char) in cells(&text) {
        if starts((begins, char)) {
            out.push('\'');
        }
        out.push(char);
    }
    Cow::Owned(out)
}

/// The name that a cell of ours was made of. To [`disarm`] a quote is itself a place where a cell
/// may begin, so each `'` before one of those characters is one that was put there.
pub(crate) fn rearm(text: &str) -> String {
    let mut chars = text.chars().peekable();
    let mut out = String::with_capacity(text.len());
    while let Some(char) = chars.next() {
        if char != '\'' || !chars.peek().is_some_and(|next| is_formula(*next)) {
            out.push(char);
        }
    }
    unspelled(&out)
}

/// Each character, and whether a cell may begin with it.
fn cells(text: &str) -> impl Iterator<Item = (bool, char)> {
    text.chars().scan(true, |begins, char| {
        let here = *begins;
        *begins =
            matches!(char, ',' | ';' | '|' | ':' | '"' | '\'') || (here && char.is_whitespace());
        Some((here, char))
    })
}

const fn is_formula(char: char) -> bool {
    matches!(
        char,
        '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'
    )
}

/// The failure of the writer below, so that the caller sees its kind.
fn plain(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_disarmed() {
        for (text, expected) in [
            ("", ""),
            ("plain - text = fine", "plain - text = fine"),
            (
                "enterprises/e/devices/-d/operations/=1",
                "enterprises/e/devices/-d/operations/=1",
            ),
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("  =1", "  '=1"),
            ("\t=1", "\\t=1"),
            ("\r\n@x", "\\r\\n@x"),
            ("a;=1", "a;'=1"),
            ("a,\"=1\"", "a,\"'=1\""),
            ("a| +1", "a| '+1"),
            ("'=1", "''=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{0}\u{1b}[31m\u{202e}", "\\u{0}\\u{1b}[31m\\u{202e}"),
        ] {
            assert_eq!(harmless(text), expected, "{text:?}");
            assert_eq!(rearm(&disarm(text.into())), text, "{text:?}");
        }
    }

    #[test]
    fn fault_61_a_name_is_printable_and_reads_back_as_it_was() {
        for (name, shown) in [
            ("a/b", "a/b"),
            ("a\u{3164}b", r"a\u{3164}b"),
            ("\u{34f}\u{fe0f}\u{e0041}", r"\u{34f}\u{fe0f}\u{e0041}"),
            (r"a\u{3164}b", r"a\u{5c}u{3164}b"),
            (r"a\u{41}b\", r"a\u{5c}u{41}b\"),
            (r"\u{5c}u{", r"\u{5c}u{5c}u{"),
            ("=\u{200b}=1", r"'=\u{200b}=1"),
        ] {
            let told = disarm(spelled(name));
            assert_eq!(told, shown);
            assert_eq!(rearm(&told), name);
        }
        // Text of other programs stays as it is.
        assert_eq!(rearm(r"a\u{41}\u{zz}\u{"), r"a\u{41}\u{zz}\u{");
    }
}
