//! Which format an input has, by its first line.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a caller offers each of them")]
pub enum Format {
    /// A name a line; blank lines and lines that begin with `#` are left out.
    Text,
    /// JSON: a value a line, values of several lines, or lists of values. A value is a name, an
    /// object with a `name`, an operation as the API answers it, a page of a list of operations, or
    /// a Pub/Sub message as it is pushed or pulled.
    Json,
    /// A table with a header that has a column `name`, `operation` or `operation_name`, separated by
    /// commas, semicolons or tabs; or a single column of names without a header.
    Csv,
}

/// An input whose first line is known: it comes again before the rest.
pub(super) type Input<R> = Chain<Cursor<Vec<u8>>, BufReader<R>>;

/// So much is looked at.
const PEEK: usize = 64 * 1024;

/// What the first line shows.
pub(super) struct Sniffed<R: Read> {
    pub(super) input: Input<R>,
    /// Blank lines before it.
    pub(super) skipped: u64,
    pub(super) format: Format,
    /// Whether JSON comes as a value on each line.
    pub(super) value_a_line: bool,
    pub(super) separator: u8,
}

/// Reads up to the first line that is not blank. A byte order mark is left out.
pub(super) fn sniff<R: Read>(reader: R, format: Option<Format>) -> io::Result<Sniffed<R>> {
    let mut reader = BufReader::new(reader);
    let mut head = Vec::new();
    let mut skipped = 0;
    let mut first = true;
    loop {
        let whole = peek(&mut reader, &mut head)?;
        if first && head.starts_with(b"\xef\xbb\xbf") {
            head.drain(..3);
        }
        first = false;
        // A stretch of blanks longer than any line is no reason to keep it.
        let blank = head.trim_ascii().is_empty();
        if !blank || head.is_empty() {
            let line = if whole { &head[..] } else { &[] };
            let (detected, separator) = detect(&head);
            return Ok(Sniffed {
                skipped,
                format: format.unwrap_or(detected),
                value_a_line: !line.trim_ascii_start().starts_with(b"[")
                    && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok(),
                separator,
                input: Cursor::new(head).chain(reader),
            });
        }
        skipped += u64::from(head.ends_with(b"\n"));
        head.clear();
    }
}

/// Reads a line with its end, or as much of it as is looked at; whether it is whole.
fn peek(reader: &mut impl BufRead, head: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        let chunk = match reader.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() {
            return Ok(true);
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |end| end + 1);
        let room = PEEK.saturating_sub(head.len());
        let used = used.min(room);
        head.extend_from_slice(&chunk[..used]);
        reader.consume(used);
        if head.ends_with(b"\n") {
            return Ok(true);
        }
        if room == used {
            return Ok(false);
        }
    }
}

fn detect(head: &[u8]) -> (Format, u8) {
    let line = head.trim_ascii();
    let separator = [b',', b';', b'\t']
        .into_iter()
        .find(|separator| line.contains(separator));
    let is_header = || header(line, separator.unwrap_or(b',')).is_some();
    let format = match line.first() {
        Some(b'{' | b'[') => Format::Json,
        Some(b'#') => Format::Text,
        Some(b'"') => match serde_json::from_slice::<String>(line) {
            Ok(text) if text.starts_with("enterprises/") => Format::Json,
            _ => Format::Csv,
        },
        // Also a name and more on its line: as text, the rest would become part of the name.
        Some(_) if separator.is_some() || is_header() => Format::Csv,
        _ => Format::Text,
    };
    (format, separator.unwrap_or(b','))
}

/// Which column has the names.
fn header(line: &[u8], separator: u8) -> Option<usize> {
    let line = String::from_utf8_lossy(line);
    column(line.split(char::from(separator)))
}

/// Which of the columns of a header has the names: `name` before the others.
pub(super) fn column<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<usize> {
    ["name", "operation", "operation_name"]
        .iter()
        .find_map(|wanted| {
            let mut names = names.clone();
            names.position(|name| name.trim().trim_matches('"').eq_ignore_ascii_case(wanted))
        })
}
