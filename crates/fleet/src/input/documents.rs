//! JSON values that take several lines, one after the other, without holding more than one.

use std::io::BufRead;

use super::error::InputProblem;

/// The longest JSON value, in bytes: more than Pub/Sub gives in one answer.
pub(super) const VALUE_LIMIT: usize = 16 << 20;

/// Cuts a stream of JSON into its values. Lists at the top are opened: their elements are values.
///
/// Finds only where values end; whether they are JSON is for the parser to say.
pub(super) struct Documents {
    /// The line that is being read, from 1.
    line: u64,
    in_list: bool,
    /// True if nothing more can be read from the input.
    lost: bool,
}

/// Context in which a value is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Between,
    /// In so many brackets.
    Nested(usize),
    /// In a text, in so many brackets; whether the last character was a backslash.
    Text(usize, bool),
    /// In a number or a word.
    Word,
}

impl Documents {
    pub(super) const fn new(line: u64) -> Self {
        Self {
            line,
            in_list: false,
            lost: false,
        }
    }

    /// Reads the next value into `value`: the line it begins on, or the end. After an error nothing
    /// more comes, because it is not known where the next value would begin.
    pub(super) fn next(
        &mut self,
        input: &mut impl BufRead,
        value: &mut Vec<u8>,
    ) -> Result<Option<u64>, (u64, InputProblem)> {
        value.clear();
        if self.lost {
            return Ok(None);
        }
        let read = self.read(input, value);
        self.lost = !matches!(read, Ok(Some(_)));
        read
    }

    fn read(
        &mut self,
        input: &mut impl BufRead,
        value: &mut Vec<u8>,
    ) -> Result<Option<u64>, (u64, InputProblem)> {
        let mut place = Place::Between;
        let mut begin = self.line;
        loop {
            let chunk = match input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err((self.line, InputProblem::Read(error))),
            };
            if chunk.is_empty() {
                return match place {
                    Place::Between if self.in_list => Err((self.line, ends_early())),
                    Place::Between => Ok(None),
                    Place::Word => Ok(Some(begin)),
                    Place::Nested(_) | Place::Text(..) => Err((begin, ends_early())),
                };
            }
            for (at, byte) in chunk.iter().copied().enumerate() {
                if place == Place::Between {
                    begin = self.line;
                }
                let next = self.step(place, byte);
                if place == Place::Word && next == Place::Between {
                    // The byte that ended the word is looked at again.
                    input.consume(at);
                    return Ok(Some(begin));
                }
                self.line += u64::from(byte == b'\n');
                if next != Place::Between || place != Place::Between {
                    value.push(byte);
                }
                if value.len() > VALUE_LIMIT {
                    return Err((begin, InputProblem::TooLarge(VALUE_LIMIT)));
                }
                if place != Place::Between && next == Place::Between {
                    input.consume(at + 1);
                    return Ok(Some(begin));
                }
                place = next;
            }
            let used = chunk.len();
            input.consume(used);
        }
    }

    const fn step(&mut self, place: Place, byte: u8) -> Place {
        match (place, byte) {
            (Place::Between, b' ' | b'\t' | b'\r' | b'\n' | b',') => Place::Between,
            (Place::Between, b'[') if !self.in_list => {
                self.in_list = true;
                Place::Between
            }
            (Place::Between, b']') if self.in_list => {
                self.in_list = false;
                Place::Between
            }
            (Place::Between, b'{' | b'[') => Place::Nested(1),
            (Place::Between, b'"') => Place::Text(0, false),
            (Place::Between, _) => Place::Word,
            (Place::Nested(depth), b'{' | b'[') => Place::Nested(depth + 1),
            (Place::Nested(1), b'}' | b']') => Place::Between,
            (Place::Nested(depth), b'}' | b']') => Place::Nested(depth - 1),
            (Place::Nested(depth), b'"') => Place::Text(depth, false),
            (Place::Nested(_), _) => place,
            (Place::Text(depth, false), b'\\') => Place::Text(depth, true),
            (Place::Text(0, false), b'"') => Place::Between,
            (Place::Text(depth, false), b'"') => Place::Nested(depth),
            (Place::Text(depth, _), _) => Place::Text(depth, false),
            (
                Place::Word,
                b' ' | b'\t' | b'\r' | b'\n' | b',' | b']' | b'[' | b'{' | b'}' | b'"',
            ) => Place::Between,
            (Place::Word, _) => Place::Word,
        }
    }
}

const fn ends_early() -> InputProblem {
    InputProblem::Json {
        what: "it ends too early",
        line: 0,
        column: 0,
    }
}
