//! Lines of bounded length: a file without line ends must not fill the memory.

use std::io::{self, BufRead};

use countermand_core::text::{looks_secret, shown};
use countermand_core::{Endpoint, MAX_NAME_BYTES, OperationName};

use super::error::InputProblem;

/// Reads a line without its end (`\n`, or `\r\n`) into `line`; `false` at the end of the input.
///
/// Of a line of more than `limit` bytes only `limit + 1` are kept, which shows that it was too long;
/// the rest of it is read and forgotten.
///
/// # Errors
/// The input's, interruptions aside.
pub fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>, limit: usize) -> io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let chunk = match input.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if chunk.is_empty() {
            break;
        }
        any = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let text = &chunk[..end.unwrap_or(chunk.len())];
        // One more for a `\r`, one more to be too long.
        let room = limit.saturating_add(2).saturating_sub(line.len());
        line.extend_from_slice(&text[..text.len().min(room)]);
        let used = text.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    if line.len() <= limit + 1 && line.last() == Some(&b'\r') {
        line.pop();
    }
    line.truncate(limit + 1);
    Ok(any)
}

/// Reads a name out of bytes that may be anything, as a line or an argument of a command is. Blanks around it
/// are cut off, and so is what makes it a URL of the endpoint ([`Endpoint::parse_given`]).
///
/// # Errors
/// [`InputProblem::Name`], [`TooLong`](InputProblem::TooLong), [`Encoding`](InputProblem::Encoding).
pub fn parse_name(bytes: &[u8], endpoint: &Endpoint) -> Result<OperationName, InputProblem> {
    match std::str::from_utf8(bytes) {
        Ok(text) => endpoint.parse_given(text).map_err(InputProblem::Name),
        // A cut in the middle of a character makes a text that is too long look ill encoded.
        Err(_) if bytes.len() > MAX_NAME_BYTES => Err(InputProblem::TooLong),
        Err(error) => Err(InputProblem::Encoding(error.valid_up_to())),
    }
}

/// A refused name as it was given, no longer than shows that it is too long. One that looks like a
/// secret is described instead.
#[must_use]
pub fn as_given(text: &[u8]) -> String {
    let whole = String::from_utf8_lossy(text);
    if looks_secret(&whole).is_some() {
        return shown(&whole).into_owned();
    }
    let end = text.len().min(MAX_NAME_BYTES + 1);
    String::from_utf8_lossy(&text[..end]).into_owned()
}
