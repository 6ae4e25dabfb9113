//! Names of operations that somebody has already: from files, standard input, answers, messages.
//!
//! Whoever has the names spends no quota to find them. [`read`] takes them as text, JSON or CSV, and
//! what else the input tells: the type and time of a command, and the end of an operation that is
//! done, which is evidence for a verdict. `docs/input.md` describes the formats.
//!
//! ```
//! use countermand_fleet::input;
//!
//! let text = "# wipes\nenterprises/LC01/devices/3f/operations/17\n\nenterprises/LC01/devices/..\n";
//! let mut entries = input::read(text.as_bytes(), None);
//! assert_eq!(entries.next().unwrap()?.item.name.operation(), "17");
//! let refused = entries.next().unwrap().unwrap_err();
//! assert_eq!(refused.line, 4);
//! # Ok::<(), input::InputError>(())
//! ```

mod documents;
mod error;
mod format;
mod lines;
mod table;
mod value;

use std::collections::VecDeque;
use std::io::Read;

use countermand_core::{MAX_NAME_BYTES, Operation};

use self::documents::Documents;
pub use self::error::{InputError, InputProblem};
pub use self::format::Format;
use self::format::{Input, sniff};
pub use self::lines::{next_line, parse_name};
use self::table::Table;
use self::value::Taken;
use crate::Item;

/// The longest JSON value, in bytes: more than Pub/Sub gives in one answer.
const VALUE_LIMIT: usize = 16 << 20;
/// The longest record of a table, in bytes.
const RECORD_LIMIT: usize = 1 << 20;

/// An operation of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The line it stands on, or its JSON value begins on, counted from 1.
    pub line: u64,
    /// The operation, and what the input tells of its command.
    pub item: Item,
    /// What the input proves, if the operation is done: its verdict needs no request.
    pub evidence: Option<Evidence>,
}

/// An operation that is done, as the server told it to somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Evidence {
    /// The operation; [`Operation::verdict`] gives its end.
    pub operation: Operation,
    /// SHA-256 of its JSON as it was given, byte for byte. Of a line of a report: the hash that
    /// stands there, of the answer that the report rests on.
    pub body_sha256: Option<[u8; 32]>,
}

/// Reads the operations of an input, in order, one at a time: it may be longer than memory.
///
/// Without a `format`, the first line that is not blank decides. Duplicates come as often as they
/// are given. Each bad name is an error with its line, and the ones after it are still read; an
/// input that cannot be read on, or has no column of names, ends with its error.
pub fn read<R: Read>(reader: R, format: Option<Format>) -> Entries<R> {
    Entries {
        source: Source::Unread(Some(reader), format),
        ready: VecDeque::new(),
        other_messages: 0,
    }
}

/// The operations of an input.
pub struct Entries<R: Read> {
    source: Source<R>,
    ready: VecDeque<Result<Entry, InputError>>,
    other_messages: u64,
}

enum Source<R: Read> {
    Unread(Option<R>, Option<Format>),
    Lines(Lines<R>),
    Documents(Input<R>, Documents, Vec<u8>),
    Table(Box<Table<Input<R>>>),
    Over,
}

struct Lines<R: Read> {
    input: Input<R>,
    number: u64,
    line: Vec<u8>,
    json: bool,
}

impl<R: Read> Entries<R> {
    /// How many Pub/Sub messages so far were of other kinds than `COMMAND`, and were left out.
    #[must_use]
    pub const fn other_messages(&self) -> u64 {
        self.other_messages
    }

    fn open(&mut self, reader: R, format: Option<Format>) {
        self.source = match sniff(reader, format) {
            Err(error) => {
                self.fail(1, InputProblem::Read(error));
                Source::Over
            }
            Ok(sniffed) => match sniffed.format {
                Format::Csv => {
                    let table = Table::new(sniffed.input, sniffed.separator, sniffed.skipped);
                    Source::Table(Box::new(table))
                }
                Format::Json if !sniffed.value_a_line => {
                    let documents = Documents::new(sniffed.skipped + 1);
                    Source::Documents(sniffed.input, documents, Vec::new())
                }
                format => Source::Lines(Lines {
                    input: sniffed.input,
                    number: sniffed.skipped,
                    line: Vec::new(),
                    json: format == Format::Json,
                }),
            },
        };
    }

    fn fail(&mut self, line: u64, problem: InputProblem) {
        self.ready.push_back(Err(InputError::new(line, problem)));
    }

    /// Reads on until something is ready; `false` at the end.
    fn advance(&mut self) -> bool {
        match &mut self.source {
            Source::Over => return false,
            Source::Unread(reader, format) => {
                let format = *format;
                match reader.take() {
                    Some(reader) => self.open(reader, format),
                    None => self.source = Source::Over,
                }
            }
            Source::Lines(lines) => {
                let limit = if lines.json {
                    VALUE_LIMIT
                } else {
                    MAX_NAME_BYTES
                };
                match next_line(&mut lines.input, &mut lines.line, limit) {
                    Ok(false) => self.source = Source::Over,
                    Ok(true) => {
                        lines.number += 1;
                        let mut taken = Vec::new();
                        lines.take(limit, &mut taken, &mut self.other_messages);
                        self.ready.extend(taken);
                    }
                    Err(error) => {
                        let line = lines.number + 1;
                        self.source = Source::Over;
                        self.fail(line, InputProblem::Read(error));
                    }
                }
            }
            Source::Documents(input, documents, value) => match documents.next(input, value) {
                Ok(Some(line)) => {
                    let mut entries = Vec::new();
                    Taken {
                        line,
                        entries: &mut entries,
                        other_messages: &mut self.other_messages,
                    }
                    .value(value);
                    self.ready.extend(entries);
                }
                Ok(None) => self.source = Source::Over,
                Err((line, problem)) => {
                    self.source = Source::Over;
                    self.fail(line, problem);
                }
            },
            Source::Table(table) => match table.next() {
                Some(entry) => self.ready.push_back(entry),
                None => self.source = Source::Over,
            },
        }
        true
    }
}

impl<R: Read> Lines<R> {
    fn take(
        &self,
        limit: usize,
        entries: &mut Vec<Result<Entry, InputError>>,
        other_messages: &mut u64,
    ) {
        let text = &self.line[..];
        let line = self.number;
        if text.trim_ascii().is_empty() || (!self.json && text.starts_with(b"#")) {
            return;
        }
        if self.json {
            match text.len() > limit {
                true => entries.push(Err(InputError::new(line, InputProblem::TooLarge(limit)))),
                false => Taken {
                    line,
                    entries,
                    other_messages,
                }
                .value(text),
            }
            return;
        }
        entries.push(match parse_name(text) {
            Ok(name) => Ok(Entry {
                line,
                item: Item::new(name),
                evidence: None,
            }),
            Err(problem) => {
                let mut error = InputError::new(line, problem);
                error.given = Some(cut(text));
                Err(error)
            }
        });
    }
}

/// A name as it was given, no longer than shows that it is too long.
fn cut(text: &[u8]) -> String {
    let end = text.len().min(MAX_NAME_BYTES + 1);
    String::from_utf8_lossy(&text[..end]).into_owned()
}

impl<R: Read> Iterator for Entries<R> {
    type Item = Result<Entry, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(entry);
            }
            if !self.advance() {
                return None;
            }
        }
    }
}

impl<R: Read> std::fmt::Debug for Entries<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entries")
            .field("other_messages", &self.other_messages)
            .finish_non_exhaustive()
    }
}
