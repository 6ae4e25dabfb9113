//! Names out of a table.

use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use super::error::{InputError, InputProblem};
use super::format::column;
use super::lines::{next_line, parse_name};
use super::{Entry, RECORD_LIMIT};
use crate::Item;
use crate::report::{COLUMNS, rearm};

/// Reads records one by one.
///
/// The parser is given line after line, so that each record has its line, and a quote that nobody
/// closes is found out: with a line end behind it, only a record within quotes is not over.
pub(super) struct Table<R> {
    input: R,
    parser: Reader,
    /// The line that is being read, with its end, and how much of it the parser has had.
    line: Vec<u8>,
    given: usize,
    number: u64,
    record: Record,
    column: Option<Column>,
    over: bool,
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

/// Where the names stand.
#[derive(Clone, Copy)]
struct Column {
    at: usize,
    /// Whether the table is a report of ours, whose names are disarmed.
    ours: bool,
}

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
            column: None,
            over: false,
        }
    }

    pub(super) fn next(&mut self) -> Option<Result<Entry, InputError>> {
        while !self.over {
            let line = match self.read() {
                Ok(Some(line)) => line,
                Ok(None) => {
                    self.over = true;
                    break;
                }
                Err((line, problem)) => {
                    self.over = true;
                    return Some(Err(InputError::new(line, problem)));
                }
            };
            let Some(column) = self.column else {
                match self.header() {
                    // It was a header.
                    Ok(true) => continue,
                    Ok(false) => return Some(self.entry(line, 0, false)),
                    Err(problem) => {
                        self.over = true;
                        return Some(Err(InputError::new(line, problem)));
                    }
                }
            };
            if self.is_blank() {
                continue;
            }
            return Some(self.entry(line, column.at, column.ours));
        }
        None
    }

    /// Reads the next record: the line it begins on, or the end.
    fn read(&mut self) -> Result<Option<u64>, (u64, InputProblem)> {
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

    fn is_blank(&self) -> bool {
        self.record
            .iter()
            .all(|field| field.trim_ascii().is_empty())
    }

    /// Finds the column by the first record; whether that is a header.
    fn header(&mut self) -> Result<bool, InputProblem> {
        let texts: Vec<_> = self.record.iter().map(String::from_utf8_lossy).collect();
        if let Some(at) = column(texts.iter().map(|text| &**text)) {
            let ours = texts.iter().map(|text| &**text).eq(COLUMNS);
            self.column = Some(Column { at, ours });
            return Ok(true);
        }
        let names = texts.len() == 1 && texts[0].starts_with("enterprises/");
        if !names {
            return Err(InputProblem::Column);
        }
        self.column = Some(Column { at: 0, ours: false });
        Ok(false)
    }

    fn entry(&self, line: u64, at: usize, ours: bool) -> Result<Entry, InputError> {
        let field = self.record.get(at);
        let field = field.ok_or_else(|| InputError::new(line, InputProblem::Field))?;
        let name = match std::str::from_utf8(field) {
            Ok(text) if ours => parse_name(rearm(text).as_bytes()),
            _ => parse_name(field),
        };
        match name {
            Ok(name) => Ok(Entry {
                line,
                item: Item::new(name),
                evidence: None,
            }),
            Err(problem) => {
                let mut error = InputError::new(line, problem);
                error.given = Some(super::cut(field));
                Err(error)
            }
        }
    }
}
