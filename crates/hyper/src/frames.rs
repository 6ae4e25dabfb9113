//! Heads that HTTP/2 forbids and h2 lets through.
//!
//! An answer has one pseudo header, `:status` (RFC 9113, 8.3.2). h2 refuses one without it, a second
//! one, and pseudo headers after others; it drops `:path` and its like without a word, and neither its
//! errors nor hyper's tell that they were there. A client then takes for an answer what was made for
//! something else, by a server or a proxy that mixes up its messages. It is no answer, and the
//! connection ends. The heads are therefore looked at on their way to h2.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose reader gets frames of HTTP/2, which are looked at as they come.
pub(crate) struct Watched<S> {
    stream: S,
    frames: Frames,
}

impl<S> Watched<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            frames: Frames::default(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.frames.take(&buffer.filled()[before..])?;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

const HEADERS: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

const FORBIDDEN: &str = "malformed HTTP/2: an answer has a pseudo header other than :status";

/// Changes of the table's size before the first field (RFC 7541, 4.2).
const RESIZES: usize = 2;

/// Bytes at the front of a head that tell whether a second pseudo header follows the first: padding,
/// priority, changes of the table's size, `:status` and the name of what follows.
const FRONT: usize = 64;

/// Position of the server in its frames.
#[derive(Default)]
struct Frames {
    /// The header of the frame, as far as it has come.
    header: [u8; 9],
    known: usize,
    /// Bytes of the frame that are still to come.
    left: usize,
    /// The front of a head that comes in pieces, as far as it has come.
    front: Option<Front>,
}

#[derive(Clone, Copy)]
struct Front {
    bytes: [u8; FRONT],
    known: usize,
}

impl Default for Front {
    fn default() -> Self {
        Self {
            bytes: [0; FRONT],
            known: 0,
        }
    }
}

impl Frames {
    /// Takes bytes that the server has sent.
    fn take(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            if self.known < 9 {
                match data.split_first_chunk() {
                    Some((header, rest)) if self.known == 0 => {
                        (self.header, data) = (*header, rest);
                    }
                    _ => {
                        let part = data.len().min(9 - self.known);
                        self.header[self.known..self.known + part].copy_from_slice(&data[..part]);
                        self.known += part;
                        data = &data[part..];
                        if self.known < 9 {
                            return Ok(());
                        }
                    }
                }
                self.known = 9;
                let [a, b, c, kind, ..] = self.header;
                self.left = u32::from_be_bytes([0, a, b, c]) as usize;
                if kind == HEADERS {
                    // Nearly always it is there at once, and is not kept.
                    match data.get(..self.left.min(FRONT)) {
                        Some(front) => self.check(front)?,
                        None => self.front = Some(Front::default()),
                    }
                }
            }
            let part = data.len().min(self.left);
            if let Some(front) = &mut self.front {
                let kept = part.min(FRONT - front.known);
                front.bytes[front.known..front.known + kept].copy_from_slice(&data[..kept]);
                front.known += kept;
            }
            self.left -= part;
            data = &data[part..];
            if self.left == 0 {
                self.known = 0;
                if let Some(front) = self.front.take() {
                    self.check(&front.bytes[..front.known])?;
                }
            }
        }
        Ok(())
    }

    /// Refuses a head of which this is the front.
    fn check(&self, front: &[u8]) -> io::Result<()> {
        let [a, b, c, _, flags, ..] = self.header;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        match is_forbidden(flags, length, front) {
            true => Err(io::Error::new(io::ErrorKind::InvalidData, FORBIDDEN)),
            false => Ok(()),
        }
    }
}

/// Tells whether the head of an answer, of which this is the front, has a pseudo header besides
/// `:status`.
/// It can only stand first or second: h2 refuses one after any other field, and a second `:status`.
/// A field of the dynamic table was there before as one of these, or is none.
fn is_forbidden(flags: u8, length: usize, front: &[u8]) -> bool {
    let (mut before, mut after) = (0, 0);
    if flags & PADDED != 0 {
        before = 1;
        after = front.first().map_or(0, |padding| usize::from(*padding));
    }
    if flags & PRIORITY != 0 {
        before += 5;
    }
    // h2 refuses one that has more padding than there is room for.
    let end = length.saturating_sub(after).min(front.len());
    let mut block = front.get(before..end).unwrap_or_default();
    let ended = flags & END_HEADERS != 0;
    for _ in 0..RESIZES {
        if block.first().is_some_and(|byte| byte & 0xe0 == 0x20) {
            let Some((_, rest)) = integer(block, 5) else {
                return true;
            };
            block = rest;
        }
    }
    for _ in 0..2 {
        if block.is_empty() {
            // A head is cut here only to hide the rest of it.
            return !ended;
        }
        match field(block) {
            Some((Name::Forbidden, _)) => return true,
            Some((Name::Other, rest)) => block = rest,
            // The name came, the value is longer than what is kept: that is no status.
            None => return false,
        }
    }
    false
}

/// The name of a field.
#[derive(PartialEq)]
enum Name {
    /// A pseudo header other than `:status`.
    Forbidden,
    Other,
}

/// The name of the first field of a block, and the rest of it, which is empty after the last one.
fn field(block: &[u8]) -> Option<(Name, &[u8])> {
    let first = *block.first()?;
    let bits = match first {
        0x80.. => 7,
        0x40.. => 6,
        _ => 4,
    };
    let (index, mut rest) = integer(block, bits)?;
    let mut name = match index {
        // Those of the static table (RFC 7541, appendix A); 8 to 14 are `:status`.
        1..=7 => Name::Forbidden,
        _ => Name::Other,
    };
    if first >= 0x80 {
        return Some((name, rest));
    }
    if index == 0 {
        let (huffman, text, after) = string(rest)?;
        name = match (huffman, text) {
            (false, b":status") | (true, STATUS) => Name::Other,
            (false, [b':', ..]) => Name::Forbidden,
            // A colon in Huffman's code is 1011100.
            (true, [first, ..]) if first >> 1 == 0b101_1100 => Name::Forbidden,
            _ => Name::Other,
        };
        rest = after;
    }
    // The name counts, however long the value is.
    let rest = match string(rest) {
        Some((.., rest)) => rest,
        None if name == Name::Forbidden => &[],
        None => return None,
    };
    Some((name, rest))
}

/// `:status` in Huffman's code.
const STATUS: &[u8] = &[0xb8, 0x84, 0x8d, 0x36, 0xa3];

/// A text: true if it is in Huffman's code, the text, and the bytes after it.
fn string(block: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let huffman = block.first()? & 0x80 != 0;
    let (length, rest) = integer(block, 7)?;
    let (text, rest) = rest.split_at_checked(length)?;
    Some((huffman, text, rest))
}

/// A number whose first byte has so many bits of it (RFC 7541, 5.1), and the bytes after it.
fn integer(block: &[u8], bits: u32) -> Option<(usize, &[u8])> {
    let (first, mut rest) = block.split_first()?;
    let most = (1 << bits) - 1;
    let mut number = usize::from(first & most);
    if number < usize::from(most) {
        return Some((number, rest));
    }
    for shift in [0, 7, 14, 21] {
        let (byte, after) = rest.split_first()?;
        number += usize::from(byte & 0x7f) << shift;
        rest = after;
        if byte & 0x80 == 0 {
            return Some((number, rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).expect("as written here");
        [&[0, 0, length, HEADERS, flags, 0, 0, 0, 1], payload].concat()
    }

    /// True if these frames pass, however they are cut.
    fn passes(bytes: &[u8]) -> bool {
        let whole = Frames::default().take(bytes).is_ok();
        for cut in 0..bytes.len() {
            let mut frames = Frames::default();
            let (first, second) = bytes.split_at(cut);
            let passes = frames
                .take(first)
                .and_then(|()| frames.take(second))
                .is_ok();
            assert_eq!(passes, whole, "cut at {cut}");
        }
        let mut frames = Frames::default();
        let passes = bytes
            .chunks(1)
            .try_for_each(|byte| frames.take(byte))
            .is_ok();
        assert_eq!(passes, whole, "byte by byte");
        whole
    }

    #[test]
    fn a_head_has_no_pseudo_header_but_status() {
        let good: [(u8, &[u8]); 12] = [
            (END_HEADERS, &[0x88]),
            (END_HEADERS, &[0x88, 0x5f, 1, b'x']),
            (END_HEADERS, &[0xbe, 0xbf]),
            (
                END_HEADERS,
                &[0x48, 3, b'2', b'0', b'1', 0x40, 1, b'x', 1, b'y'],
            ),
            (END_HEADERS, &[0x08, 0x82, 0x10, 0x1f, 0x0f, 0x2d, 1, b'x']),
            (
                END_HEADERS,
                &[
                    0, 7, b':', b's', b't', b'a', b't', b'u', b's', 3, b'2', b'0', b'0',
                ],
            ),
            (
                END_HEADERS,
                &[0, 0x85, 0xb8, 0x84, 0x8d, 0x36, 0xa3, 3, b'2', b'0', b'0'],
            ),
            (END_HEADERS, &[0x20, 0x3f, 0x61, 0x88]),
            (END_HEADERS | PADDED, &[3, 0x88, 0x84, 0x84, 0x84]),
            (
                END_HEADERS | PADDED | PRIORITY,
                &[1, 0, 0, 0, 0, 9, 0x88, 0x84],
            ),
            (END_HEADERS, &[]),
            (0, &[0x88, 0x5f, 1, b'x']),
        ];
        for (flags, payload) in good {
            assert!(passes(&head(flags, payload)), "{flags} {payload:?}");
        }
        // Longer than the front of it that is looked at.
        let long = [&[0x5f, 100][..], &[b'x'; 100]].concat();
        for (front, pass) in [
            (&[0x88][..], true),
            (&[0x88, 0x84], false),
            (&[0x84], false),
        ] {
            let payload = [front, &long].concat();
            assert_eq!(passes(&head(END_HEADERS, &payload)), pass, "{front:?}");
        }
        let bad: [(u8, &[u8]); 13] = [
            (END_HEADERS, &[0x88, 0x84]),
            (END_HEADERS, &[0x84, 0x88]),
            (END_HEADERS, &[0x88, 0x81]),
            (END_HEADERS, &[0x88, 0x41, 1, b'x']),
            (END_HEADERS, &[0x88, 0x04, 1, b'x']),
            (END_HEADERS, &[0x88, 0x14, 1, b'x']),
            (END_HEADERS, &[0x88, 0, 2, b':', b'x', 1, b'y']),
            (END_HEADERS, &[0x88, 0, 0x82, 0xb9, 0xff, 1, b'y']),
            (END_HEADERS, &[0x3f, 0x61, 0x88, 0x84]),
            (END_HEADERS, &[0x48, 3, b'2', b'0', b'0', 0x84]),
            (END_HEADERS, &[0x88, 0x04, 0x7f, 0xff]),
            (
                END_HEADERS | PADDED | PRIORITY,
                &[1, 0, 0, 0, 0, 9, 0x88, 0x84, 0],
            ),
            (0, &[0x88]),
        ];
        for (flags, payload) in bad {
            assert!(!passes(&head(flags, payload)), "{flags} {payload:?}");
        }
    }

    #[test]
    fn what_is_no_head_is_not_looked_at() {
        let data = [&[0, 0, 3, 0, 1, 0, 0, 0, 1][..], &[0x88, 0x84, 0x84]].concat();
        let empty = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        let all = [
            &empty[..],
            &data,
            &empty,
            &head(END_HEADERS, &[0x88]),
            &empty,
        ]
        .concat();
        assert!(passes(&all));
        assert!(!passes(
            &[&all[..], &head(END_HEADERS, &[0x88, 0x84])].concat()
        ));
    }
}
