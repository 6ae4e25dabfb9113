//! Bodies that no script would want to spell out.

use std::sync::OnceLock;

use bytes::Bytes;
use serde::Deserialize;

/// The word for such a body.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Generated {
    /// A list in a list, 10,000 times.
    Nesting,
    /// 16 MiB of zero bytes, compressed.
    GzipBomb,
}

impl Generated {
    pub(crate) fn bytes(self) -> Bytes {
        // Made once: a script may ask for as many of them as it has entries.
        static NESTING: OnceLock<Bytes> = OnceLock::new();
        static GZIP_BOMB: OnceLock<Bytes> = OnceLock::new();
        match self {
            Self::Nesting => NESTING
                .get_or_init(|| format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)).into()),
            Self::GzipBomb => GZIP_BOMB.get_or_init(|| gzip_bomb(16 << 20)),
        }
        .clone()
    }
}

/// A gzip stream of `length` zero bytes or a little more. It has no checksum: a bomb goes off before that is read.
fn gzip_bomb(length: usize) -> Bytes {
    let mut bits = Bits {
        bytes: vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255],
        used: 8,
    };
    // One last block with the fixed codes: a zero byte, then "258 bytes from 1 byte ago" as often as needed.
    bits.push(0b011, 3);
    bits.push_code(0b0011_0000, 8);
    for _ in 0..length / 258 {
        bits.push_code(0b1100_0101, 8);
        bits.push_code(0, 5);
    }
    bits.push_code(0, 7);
    bits.bytes.into()
}

struct Bits {
    bytes: Vec<u8>,
    /// Bits taken of the last byte.
    used: u8,
}

impl Bits {
    /// Lowest bit first, as deflate packs plain values.
    fn push(&mut self, value: u16, count: u8) {
        for bit in 0..count {
            if self.used == 8 {
                self.bytes.push(0);
                self.used = 0;
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << self.used;
            }
            self.used += 1;
        }
    }

    /// Highest bit first, as deflate packs codes.
    fn push_code(&mut self, code: u16, count: u8) {
        for bit in (0..count).rev() {
            self.push(code >> bit & 1, 1);
        }
    }
}
