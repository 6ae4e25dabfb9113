//! Names out of a table.

use std::io::BufRead;

use countermand_core::Endpoint;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::cut::Cut;
use super::entry::Taken;
use super::error::InputProblem;
use super::format::{CALLED, column};
use super::left_out::LeftOutKind;
use super::lines::next_line;
use super::meant::{begins_name, is_operation};
use super::value::Values;
use crate::job_row::Target;
use crate::report::{COLUMNS, rearm};

/// The longest record of a table, in bytes.
const RECORD_LIMIT: usize = 1 << 20;

/// Reads records one by one.
///
/// The parser is given line after line, so that each record has its line, and a quote that is never
/// closed is found out: with a line end behind it, only a record within quotes is not over.
pub(super) struct Table<R> {
    input: R,
    parser: Reader,
    /// The line that is being read, with its end, and how much of it the parser has had.
    line: Vec<u8>,
    given: usize,
    number: u64,
    record: Record,
    names: Names,
}

/// The fields of a record, one after the other, and where each ends.
#[derive(Default)]
struct Record {
    /// The line it begins on; `None` between records.
    begin: Option<u64>,
    bytes: Vec<u8>,
    written: usize,
    ends: Vec<usize>,
    fields: usize,
}

/// Place of the names in a row.
enum Names {
    /// The header was not read.
    Unread,
    /// The header was read; the cells below decide.
    Open(Open),
    /// In this column; `ours` are disarmed, as reports write them.
    Column { at: usize, ours: bool },
    /// In the data of messages, as BigQuery stores those that Pub/Sub pushes.
    Messages { attributes: usize, data: usize },
}

/// A header, and the records below it that hold no name and decide nothing.
struct Open {
    line: u64,
    /// The columns that are called as columns of names are, the most usual first.
    called: Vec<usize>,
    held: Vec<(u64, Vec<Vec<u8>>)>,
    bytes: usize,
}

/// Number of records, and of their bytes, that may come before the first name.
const HELD: usize = 1000;
const HELD_BYTES: usize = 1 << 20;

impl Record {
    fn get(&self, field: usize) -> Option<&[u8]> {
        let ends = &self.ends[..self.fields];
        let begin = field
            .checked_sub(1)
            .map_or(Some(&0), |before| ends.get(before))?;
        self.bytes.get(*begin..*ends.get(field)?)
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.fields).filter_map(|field| self.get(field))
    }
}

impl<R: BufRead> Table<R> {
    /// Of what follows so many lines.
    pub(super) fn new(input: R, separator: u8, lines: u64) -> Self {
        Self {
            input,
            parser: ReaderBuilder::new().delimiter(separator).build(),
            line: Vec::new(),
            given: 0,
            number: lines,
            record: Record::default(),
            names: Names::Unread,
        }
    }

    /// Takes the entry of the next record; `false` at the end.
    pub(super) fn read(&mut self, taken: &mut Taken) -> bool {
        let result = match self.next_record() {
            Ok(Some(line)) => self.take(line, taken).map(|()| true),
            Ok(None) => self.close(taken).map(|()| false),
            Err(error) => self.close(taken).and(Err(error)),
        };
        result.unwrap_or_else(|(line, problem)| {
            taken.end(line, problem);
            false
        })
    }

    /// Takes the record that was read.
    fn take(&mut self, line: u64, taken: &mut Taken) -> Result<(), (u64, InputProblem)> {
        match &mut self.names {
            Names::Unread => match self.header(line, &taken.endpoint)? {
                // The first record has a name already.
                Names::Column { at, ours } => {
                    self.names = Names::Column { at, ours };
                    if !ours {
                        self.entry(line, at, ours, taken);
                    }
                }
                names => self.names = names,
            },
            _ if self.record.iter().all(|cell| cell.trim_ascii().is_empty()) => {}
            Names::Column { at, ours } => {
                let (at, ours) = (*at, *ours);
                self.entry(line, at, ours, taken);
            }
            Names::Messages { attributes, data } => {
                let cell = |at: usize| std::str::from_utf8(self.record.get(at)?).ok();
                let (attributes, data) = (cell(*attributes), cell(*data));
                match data {
                    Some(data) => Values { line, taken }.parts(attributes, data),
                    None => taken.refuse(line, InputProblem::Field, None),
                }
            }
            Names::Open(open) => match open.decide(&self.record, &taken.endpoint) {
                Ok(Some(at)) => self.settle(at, Some(line), taken),
                Ok(None) => {
                    open.hold(line, &self.record);
                    if open.held.len() > HELD || open.bytes > HELD_BYTES {
                        self.close(taken)?;
                    }
                }
                Err(problem) => return Err((line, problem)),
            },
        }
        Ok(())
    }

    /// Takes the records that were held back, by the name of a column, because no cell decided.
    fn close(&mut self, taken: &mut Taken) -> Result<(), (u64, InputProblem)> {
        let Names::Open(open) = &self.names else {
            return Ok(());
        };
        match open.called() {
            Some(at) => self.settle(at, None, taken),
            // A header without a record is a table without operations, if it is one of names.
            None => {
                let line = open.line;
                self.names = Names::Column { at: 0, ours: false };
                let cut = Cut::of_service(taken.endpoint.service());
                return Err((line, InputProblem::Column(cut)));
            }
        }
        Ok(())
    }

    /// The names stand in this column: takes the records that were held back, and the one that was
    /// read.
    fn settle(&mut self, at: usize, line: Option<u64>, taken: &mut Taken) {
        let names = Names::Column { at, ours: false };
        if let Names::Open(open) = std::mem::replace(&mut self.names, names) {
            for (line, cells) in open.held {
                self.cell(line, cells.get(at).map(Vec::as_slice), false, taken);
            }
        }
        if let Some(line) = line {
            self.entry(line, at, false, taken);
        }
    }

    /// Reads the next record: the line it begins on, or the end.
    fn next_record(&mut self) -> Result<Option<u64>, (u64, InputProblem)> {
        loop {
            if self.given == self.line.len() && !self.next_line()? {
                return match self.record.begin {
                    Some(begin) => Err((begin, InputProblem::Quote)),
                    None => Ok(None),
                };
            }
            let rest = &self.line[self.given..];
            let begin = match self.record.begin {
                Some(begin) => begin,
                None if rest.trim_ascii().is_empty() => {
                    self.given = self.line.len();
                    continue;
                }
                None => self.number,
            };
            let record = &mut self.record;
            if record.begin.is_none() {
                (record.written, record.fields) = (0, 0);
                record.begin = Some(begin);
            }
            let (result, read, written, fields) = self.parser.read_record(
                rest,
                &mut record.bytes[record.written..],
                &mut record.ends[record.fields..],
            );
            self.given += read;
            record.written += written;
            record.fields += fields;
            if record.written > RECORD_LIMIT || record.fields > RECORD_LIMIT {
                return Err((begin, InputProblem::TooLarge(RECORD_LIMIT)));
            }
            match result {
                ReadRecordResult::Record => {
                    record.begin = None;
                    return Ok(Some(begin));
                }
                ReadRecordResult::OutputFull => record.bytes.resize(record.written * 2 + 1024, 0),
                ReadRecordResult::OutputEndsFull => record.ends.resize(record.fields * 2 + 32, 0),
                ReadRecordResult::InputEmpty | ReadRecordResult::End => {}
            }
        }
    }

    /// Reads a line and gives it its end again; `false` at the end of the input.
    fn next_line(&mut self) -> Result<bool, (u64, InputProblem)> {
        let read = next_line(&mut self.input, &mut self.line, RECORD_LIMIT);
        let line = self.number + 1;
        let read = read.map_err(|error| (line, InputProblem::Read(error)))?;
        self.given = 0;
        if !read {
            self.line.clear();
            return Ok(false);
        }
        self.number = line;
        if self.line.len() > RECORD_LIMIT {
            return Err((line, InputProblem::TooLarge(RECORD_LIMIT)));
        }
        self.line.push(b'\n');
        Ok(true)
    }

    /// Finds the columns by the first record.
    fn header(&self, line: u64, endpoint: &Endpoint) -> Result<Names, (u64, InputProblem)> {
        let texts: Vec<_> = self.record.iter().map(String::from_utf8_lossy).collect();
        let at = |wanted: &str| {
            let is = |text: &str| text.trim().eq_ignore_ascii_case(wanted);
            texts.iter().position(|text| is(text))
        };
        let first = column(texts.iter().map(|text| &**text));
        let ours = COLUMNS.iter().map(|column| column.name);
        if let Some(at) = first.filter(|_| texts.iter().map(|text| &**text).eq(ours)) {
            return Ok(Names::Column { at, ours: true });
        }
        if let (Some(attributes), Some(data)) = (at("attributes"), at("data"))
            && first.is_none()
        {
            return Ok(Names::Messages { attributes, data });
        }
        if first.is_none() && texts.iter().any(|text| begins_name(text, endpoint)) {
            // A comma behind a name, as in a list, makes a cell with nothing in it.
            let mut filled = (0..texts.len()).filter(|at| !texts[*at].trim().is_empty());
            return match (filled.next(), filled.next()) {
                (Some(at), None) => Ok(Names::Column { at, ours: false }),
                _ => {
                    let cut = Cut::of_service(endpoint.service());
                    Err((line, InputProblem::Column(cut)))
                }
            };
        }
        Ok(Names::Open(Open {
            line,
            called: CALLED.iter().filter_map(|called| at(called)).collect(),
            held: Vec::new(),
            bytes: 0,
        }))
    }

    fn entry(&self, line: u64, at: usize, ours: bool, taken: &mut Taken) {
        self.cell(line, self.record.get(at), ours, taken);
    }

    fn cell(&self, line: u64, cell: Option<&[u8]>, ours: bool, taken: &mut Taken) {
        let Some(cell) = cell else {
            return taken.refuse(line, InputProblem::Field, None);
        };
        if is_blank(cell) {
            return taken.left_out.add(LeftOutKind::EmptyCell, line);
        }
        match std::str::from_utf8(cell) {
            Ok(text) if ours => {
                if let Some(name) = taken.exact_name(line, &rearm(text)) {
                    taken.take(line, Target::new(name), None);
                }
            }
            _ => taken.take_name(line, cell),
        }
    }
}

impl Open {
    /// The column that a record shows the names to stand in.
    fn decide(&self, record: &Record, endpoint: &Endpoint) -> Result<Option<usize>, InputProblem> {
        let is_named = |cell| is_operation(cell, endpoint);
        let named = |at: &usize| record.get(*at).is_some_and(is_named);
        if let Some(at) = self.called.iter().find(|at| named(at)) {
            return Ok(Some(*at));
        }
        let mut others = (0..record.fields).filter(named);
        match (others.next(), others.next()) {
            (Some(_), Some(_)) => Err(InputProblem::Columns),
            (at, _) => Ok(at),
        }
    }

    fn hold(&mut self, line: u64, record: &Record) {
        let cells: Vec<Vec<u8>> = record.iter().map(<[u8]>::to_vec).collect();
        self.bytes += cells.iter().map(|cell| cell.len() + 32).sum::<usize>();
        self.held.push((line, cells));
    }

    /// The column by its name alone: one without a text in it before one with texts that are no
    /// names.
    fn called(&self) -> Option<usize> {
        let is_empty = |at: &&usize| {
            let mut cells = self.held.iter().filter_map(|(_, cells)| cells.get(**at));
            cells.all(|cell| is_blank(cell))
        };
        let empty = self.called.iter().find(is_empty);
        empty.or(self.called.first()).copied()
    }
}

/// True if a cell holds nothing, in the words of databases too.
fn is_blank(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    cell.is_empty() || cell.eq_ignore_ascii_case(b"null") || cell == b"\\N"
}
