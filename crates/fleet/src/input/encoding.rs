//! Text in UTF-16, as PowerShell and Excel write it, read as UTF-8.

use std::io::{self, BufRead, Read};

/// A byte order of UTF-16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

/// The encoding of a text by its first bytes, and the length of its byte order mark; `None` for
/// UTF-8 and everything that is taken for it.
pub(super) fn utf16(head: &[u8]) -> Option<(ByteOrder, usize)> {
    match head {
        [0xff, 0xfe, ..] => return Some((ByteOrder::Little, 2)),
        [0xfe, 0xff, ..] => return Some((ByteOrder::Big, 2)),
        _ => {}
    }
    // Without a mark: four characters of ASCII, each beside a zero.
    let head = head.first_chunk::<8>()?;
    let pairs = |zero: usize| {
        head.chunks_exact(2)
            .all(|pair| pair[zero] == 0 && pair[1 - zero].is_ascii() && pair[1 - zero] != 0)
    };
    match (pairs(1), pairs(0)) {
        (true, false) => Some((ByteOrder::Little, 0)),
        (false, true) => Some((ByteOrder::Big, 0)),
        _ => None,
    }
}

/// A reader of bytes as they are, or of UTF-16 as UTF-8.
pub(super) struct Decoded<R> {
    input: R,
    order: Option<ByteOrder>,
    /// Characters that were decoded and not handed out.
    ready: Vec<u8>,
    given: usize,
    /// The first half of a unit, of a pair of units.
    half: Option<u8>,
    high: Option<u16>,
}

impl<R> Decoded<R> {
    pub(super) const fn new(input: R, order: Option<ByteOrder>) -> Self {
        Self {
            input,
            order,
            ready: Vec::new(),
            given: 0,
            half: None,
            high: None,
        }
    }

    fn unit(&mut self, unit: u16) {
        if let Some(high) = self.high.take() {
            match char::decode_utf16([high, unit]).next() {
                Some(Ok(char)) => return self.char(char),
                _ => self.broken(),
            }
        }
        match char::decode_utf16([unit]).next() {
            Some(Ok(char)) => self.char(char),
            _ if unit < 0xdc00 => self.high = Some(unit),
            _ => self.broken(),
        }
    }

    fn char(&mut self, char: char) {
        let mut buffer = [0; 4];
        let text = char.encode_utf8(&mut buffer);
        self.ready.extend_from_slice(text.as_bytes());
    }

    /// A byte that is in no text of UTF-8: the name that it is part of is refused for it.
    fn broken(&mut self) {
        self.ready.push(0xff);
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(order) = self.order else {
            return self.input.read(buffer);
        };
        while self.given == self.ready.len() {
            self.ready.clear();
            self.given = 0;
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                if self.half.take().is_some() || self.high.take().is_some() {
                    self.broken();
                    continue;
                }
                return Ok(0);
            }
            let chunk = chunk[..chunk.len().min(4096)].to_vec();
            self.input.consume(chunk.len());
            for byte in chunk {
                match self.half.take() {
                    None => self.half = Some(byte),
                    Some(first) => self.unit(match order {
                        ByteOrder::Little => u16::from_le_bytes([first, byte]),
                        ByteOrder::Big => u16::from_be_bytes([first, byte]),
                    }),
                }
            }
        }
        let rest = &self.ready[self.given..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}
