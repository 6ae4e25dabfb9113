//! The format of an input, by its first line.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use countermand_core::Endpoint;

use super::cut::Cut;
use super::encoding::{decoded, utf16};
use super::error::InputProblem;
use super::foreign::{self, Foreign, MAGIC};
use super::meant::begins_name;

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
    /// A table with a header, separated by commas, semicolons or tabs: the column whose cells are names
    /// is taken, or the one that is called `name`, `operation` or `operation_name`. Or a single column
    /// of names without a header.
    Csv,
}

/// An input whose first line is known: it comes again before the rest.
pub(super) type Input<R> = Chain<Cursor<Vec<u8>>, BufReader<Text<R>>>;

/// An input as UTF-8: its first bytes, and the rest of a text in UTF-8.
type Text<R> = Chain<Cursor<Vec<u8>>, BufReader<R>>;

/// Number of bytes that are looked at.
const PEEK: usize = 64 * 1024;

/// The facts that the first line shows.
pub(super) struct Sniffed<R: Read> {
    pub(super) input: Input<R>,
    /// Blank lines before it.
    pub(super) skipped: u64,
    pub(super) format: Format,
    /// True if JSON comes as a value on each line.
    pub(super) value_a_line: bool,
    /// The byte between the cells of a table.
    pub(super) separator: u8,
}

/// Reads up to the first line that is not blank. A byte order mark is left out.
///
/// # Errors
/// The line and the problem, if the input cannot be read, or is of a kind that holds no names as
/// text.
pub(super) fn sniff<R: Read>(
    reader: R,
    format: Option<Format>,
    endpoint: &Endpoint,
) -> Result<Sniffed<R>, (u64, InputProblem)> {
    let mut reader = utf8(reader)?;
    let mut head = Vec::new();
    let mut skipped = 0;
    loop {
        let whole = peek(&mut reader, &mut head)
            .map_err(|error| (skipped + 1, InputProblem::Read(error)))?;
        // A stretch of blanks longer than any line is no reason to keep it.
        let blank = head.trim_ascii().is_empty();
        if !blank || head.is_empty() {
            if foreign::is_curl(&head) {
                let cut = Cut::of_service(endpoint.service());
                return Err((skipped + 1, InputProblem::Curl(cut)));
            }
            if let Some(kind) = foreign::by_line(&head) {
                return Err((skipped + 1, InputProblem::Foreign(kind)));
            }
            let line = if whole { &head[..] } else { &[] };
            if is_printed(&head, endpoint) {
                return Err((skipped + 1, InputProblem::Foreign(Foreign::Drawn)));
            }
            let (detected, separator) = detect(&head, endpoint);
            return Ok(Sniffed {
                skipped,
                format: format.unwrap_or(detected),
                value_a_line: !line.trim_ascii_start().starts_with(b"[")
                    && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok(),
                separator: separator.unwrap_or(b','),
                input: Cursor::new(head).chain(reader),
            });
        }
        skipped += u64::from(head.ends_with(b"\n"));
        head.clear();
    }
}

/// The text without a byte order mark.
fn utf8<R: Read>(reader: R) -> Result<BufReader<Text<R>>, (u64, InputProblem)> {
    let mut reader = BufReader::new(reader);
    let mut first = Vec::new();
    let read = reader.by_ref().take(MAGIC as u64).read_to_end(&mut first);
    read.map_err(|error| (1, InputProblem::Read(error)))?;
    if let Some(kind) = foreign::by_bytes(&first) {
        return Err((1, InputProblem::Foreign(kind)));
    }
    if let Some(order) = utf16(&first) {
        let rest = Cursor::new(first).chain(reader.by_ref());
        first = decoded(rest, order).map_err(|error| (1, InputProblem::Read(error)))?;
    }
    if first.starts_with(b"\xef\xbb\xbf") {
        first.drain(..3);
    }
    Ok(BufReader::new(Cursor::new(first).chain(reader)))
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

/// The format, and the separator of a table.
fn detect(head: &[u8], endpoint: &Endpoint) -> (Format, Option<u8>) {
    let line = head.trim_ascii();
    let separator = [b',', b';', b'\t']
        .into_iter()
        .find(|separator| line.contains(separator));
    let is_header = || header(line, separator.unwrap_or(b',')).is_some();
    let format = match line.first() {
        Some(b'{' | b'[') => Format::Json,
        Some(b'#') => Format::Text,
        Some(b'"') => match serde_json::from_slice::<String>(line) {
            Ok(text) if begins_name(&text, endpoint) => Format::Json,
            _ => Format::Csv,
        },
        Some(_) if line == b"null" => Format::Json,
        // Also a name and more on its line: as text, the rest would become part of the name.
        Some(_) if separator.is_some() || is_header() => Format::Csv,
        _ => Format::Text,
    };
    (format, separator)
}

/// True if a table begins here as databases and shells print it for people: with a rule or a bar, with a
/// bar between its columns, with a column that is padded, or with columns that spaces separate.
fn is_printed(head: &[u8], endpoint: &Endpoint) -> bool {
    let line = head.trim_ascii();
    let rule = line.starts_with(b"+-") && line.iter().all(|byte| b"+-=".contains(byte));
    let framed = line.len() > 1 && line.starts_with(b"|") && line.ends_with(b"|");
    let words = String::from_utf8_lossy(line);
    let bare = !begins_name(&words, endpoint)
        && !matches!(line.first(), Some(b'{' | b'[' | b'"' | b'#'))
        && !line.iter().any(|byte| b",;\t".contains(byte));
    let spaced = words.split_ascii_whitespace();
    let called = header(line, b'|').is_some();
    rule || framed
        || bare && called && (line.contains(&b'|') || head.starts_with(b" "))
        || bare && spaced.clone().count() > 1 && column(spaced).is_some()
}

/// The column that has the names.
fn header(line: &[u8], separator: u8) -> Option<usize> {
    let line = String::from_utf8_lossy(line);
    column(line.split(char::from(separator)))
}

/// Headers of columns of names, the most usual first.
pub(super) const CALLED: [&str; 3] = ["name", "operation", "operation_name"];

/// Which of the columns of a header is called as columns of names are: `name` before the others.
pub(super) fn column<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<usize> {
    CALLED.iter().find_map(|wanted| {
        let mut names = names.clone();
        names.position(|name| name.trim().trim_matches('"').eq_ignore_ascii_case(wanted))
    })
}
