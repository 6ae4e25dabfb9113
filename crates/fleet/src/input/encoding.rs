//! Text in UTF-16, as PowerShell and Excel write it, as UTF-8.

use std::io::{self, Read};

/// The longest text in UTF-16 that is read, in bytes: it is held in memory.
const LIMIT: u64 = 1 << 30;

/// A byte order of UTF-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

/// The byte order of a text in UTF-16 by its first bytes; `None` for UTF-8 and everything that is taken
/// for it.
pub(super) fn utf16(head: &[u8]) -> Option<ByteOrder> {
    match head {
        [0xff, 0xfe, ..] => return Some(ByteOrder::Little),
        [0xfe, 0xff, ..] => return Some(ByteOrder::Big),
        _ => {}
    }
    // Without a mark: four characters of ASCII, each beside a zero.
    let head = head.first_chunk::<8>()?;
    let pairs = |zero: usize| {
        head.chunks_exact(2)
            .all(|pair| pair[zero] == 0 && pair[1 - zero].is_ascii() && pair[1 - zero] != 0)
    };
    match (pairs(1), pairs(0)) {
        (true, false) => Some(ByteOrder::Little),
        (false, true) => Some(ByteOrder::Big),
        _ => None,
    }
}

/// Reads a text in UTF-16 to its end. What is no character becomes a byte that is in no text of UTF-8:
/// the name that it is part of is refused for it.
pub(super) fn decoded(reader: impl Read, order: ByteOrder) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        let problem = "it is too long for a text in UTF-16; save it as UTF-8";
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    let (units, rest) = bytes.as_chunks::<2>();
    let units = units.iter().map(|unit| match order {
        ByteOrder::Little => u16::from_le_bytes(*unit),
        ByteOrder::Big => u16::from_be_bytes(*unit),
    });
    let mut text = Vec::with_capacity(bytes.len());
    for char in char::decode_utf16(units) {
        match char {
            Ok(char) => text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(_) => text.push(0xff),
        }
    }
    if !rest.is_empty() {
        text.push(0xff);
    }
    Ok(text)
}
