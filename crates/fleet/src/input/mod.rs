//! Names of operations that a caller has already: from files, standard input, answers, messages.
//!
//! A caller that has the names spends no quota to find them. [`read`] takes them as text, JSON or CSV, and
//! what else the input tells: the type and time of a command, and the end of an operation that is
//! done, which is evidence for a verdict. `docs/input.md` describes the formats.
//!
//! ```
//! use countermand_fleet::input;
//!
//! let text = "# wipes\nenterprises/LC01/devices/3f/operations/17\n\nenterprises/LC01/devices/..\n";
//! let mut entries = input::read(text.as_bytes(), None);
//! assert_eq!(entries.next().unwrap()?.target.name.id(), "17");
//! let refused = entries.next().unwrap().unwrap_err();
//! assert_eq!(refused.line, 4);
//! # Ok::<(), input::InputError>(())
//! ```

mod cut;
mod documents;
mod encoding;
mod entry;
mod error;
mod foreign;
mod format;
mod left_out;
mod lines;
mod meant;
mod table;
mod value;

use std::io::Read;

use countermand_core::{Endpoint, MAX_NAME_BYTES};

pub use self::cut::{Cut, searched};
use self::documents::{Documents, VALUE_LIMIT};
use self::entry::{Choice, Taken};
pub use self::entry::{Entry, Evidence, Others};
pub use self::error::{InputError, InputProblem};
pub use self::foreign::Foreign;
pub use self::format::Format;
use self::format::{Input, sniff};
pub use self::left_out::{LeftOut, LeftOutKind, Mistakes};
pub use self::lines::{as_given, next_line, parse_name};
use self::table::Table;
use self::value::Values;

/// Reads the operations of an input, in order, one at a time: it may be longer than memory.
///
/// Without a `format`, the first line that is not blank decides. Duplicates come as often as they
/// are given. Each bad name is an error with its line, and the ones after it are still read; an
/// input that cannot be read on, is of a kind that holds no names as text, or has no column of names,
/// ends with its error.
pub fn read<R: Read>(reader: R, format: Option<Format>) -> Entries<R> {
    Entries {
        source: Source::Unread(Some(reader), format),
        taken: Taken::default(),
    }
}

/// The operations of an input.
pub struct Entries<R: Read> {
    source: Source<R>,
    taken: Taken,
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
    /// Takes URLs of this endpoint as names; by default those of Google's.
    #[must_use]
    pub fn endpoint(mut self, endpoint: Endpoint) -> Self {
        self.taken.endpoint = endpoint;
        self
    }

    /// Takes names of other services as well, where they tell their service: full names, URLs, and relative ones of the
    /// default service.
    #[must_use]
    pub fn others(mut self, others: Others) -> Self {
        self.taken.others = others;
        self
    }

    /// Lets the first name tell the service, as one on a command line does: of a word such as `cloudbuild` the
    /// version that has such names, and without a word the service of a full name or a URL. Names of another
    /// service after it are refused.
    #[must_use]
    pub fn of_any_service(mut self, word: Option<String>) -> Self {
        self.taken.choice = Some(Choice { word });
        self
    }

    /// The endpoint of the names so far.
    #[must_use]
    pub const fn names_endpoint(&self) -> &Endpoint {
        &self.taken.endpoint
    }

    /// True while no name has told the service.
    #[must_use]
    pub const fn is_undecided(&self) -> bool {
        self.taken.choice.is_some()
    }

    /// Parts of the input so far that are neither operations nor mistakes, counted by kind.
    #[must_use]
    pub const fn left_out(&self) -> &LeftOut {
        &self.taken.left_out
    }

    fn open(&mut self, reader: R, format: Option<Format>) {
        self.source = match sniff(reader, format, &self.taken.endpoint) {
            Err((line, problem)) => {
                self.taken.end(line, problem);
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

    /// Reads on until something is ready; `false` at the end.
    fn advance(&mut self) -> bool {
        let taken = &mut self.taken;
        let more = match &mut self.source {
            Source::Over => return false,
            Source::Unread(reader, format) => {
                let format = *format;
                match reader.take() {
                    Some(reader) => {
                        self.open(reader, format);
                        true
                    }
                    None => false,
                }
            }
            Source::Lines(lines) => lines.read(taken),
            Source::Documents(input, documents, value) => match documents.next(input, value) {
                Ok(Some(line)) => {
                    Values { line, taken }.value(value);
                    true
                }
                Ok(None) => false,
                Err((line, problem)) => {
                    taken.end(line, problem);
                    false
                }
            },
            Source::Table(table) => table.read(taken),
        };
        if !more {
            self.source = Source::Over;
        }
        true
    }
}

impl<R: Read> Lines<R> {
    /// Reads a line; `false` at the end.
    fn read(&mut self, taken: &mut Taken) -> bool {
        let limit = if self.json {
            VALUE_LIMIT
        } else {
            MAX_NAME_BYTES
        };
        match next_line(&mut self.input, &mut self.line, limit) {
            Ok(false) => false,
            Ok(true) => {
                self.number += 1;
                self.take(limit, taken);
                true
            }
            Err(error) => {
                taken.end(self.number + 1, InputProblem::Read(error));
                false
            }
        }
    }

    fn take(&self, limit: usize, taken: &mut Taken) {
        let text = &self.line[..];
        let line = self.number;
        if text.trim_ascii().is_empty() || (!self.json && text.starts_with(b"#")) {
            return;
        }
        if self.json {
            match text.len() > limit {
                true => taken.refuse(line, InputProblem::TooLarge(limit), None),
                false => Values { line, taken }.value(text),
            }
            return;
        }
        taken.take_name(line, text);
    }
}

impl<R: Read> Iterator for Entries<R> {
    type Item = Result<Entry, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.taken.ready.pop_front() {
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
            .field("left_out", self.left_out())
            .finish_non_exhaustive()
    }
}
