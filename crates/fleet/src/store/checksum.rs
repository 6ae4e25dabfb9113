//! Checksums over rows, and the digest over a plan.
//!
//! Each value goes in by its type and length, so that no two rows give the same bytes: `0` for
//! NULL; `1` and eight bytes, big-endian, for an INTEGER; `2` or `3`, the length in eight bytes,
//! big-endian, and the bytes for a TEXT or a BLOB.

use std::fmt;

use rusqlite::types::{Value, ValueRef};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// SHA-256 over the operations of a plan, in order, and the settings: the confirmed plan is the one
/// that is run.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of these bytes, to be compared with that of a plan.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Bytes that are hashed at once.
const CHUNK: usize = 4096;

/// Takes values in, one after the other.
#[derive(Default)]
pub(super) struct Hasher {
    hash: Sha256,
    /// Bytes yet to be hashed: many small pieces one by one would take far longer.
    waiting: Vec<u8>,
}

impl Hasher {
    pub(super) fn add(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => self.waiting.push(0),
            ValueRef::Integer(number) => {
                self.waiting.push(1);
                self.waiting.extend_from_slice(&number.to_be_bytes());
            }
            ValueRef::Text(bytes) => self.bytes(2, bytes),
            ValueRef::Blob(bytes) => self.bytes(3, bytes),
            // No column holds one; a file that does was made by something else.
            ValueRef::Real(number) => self.bytes(4, &number.to_be_bytes()),
        }
        if self.waiting.len() >= CHUNK {
            self.hash.update(&self.waiting);
            self.waiting.clear();
        }
    }

    fn bytes(&mut self, kind: u8, bytes: &[u8]) {
        self.waiting.push(kind);
        let length = bytes.len() as u64;
        self.waiting.extend_from_slice(&length.to_be_bytes());
        self.waiting.extend_from_slice(bytes);
    }

    pub(super) fn finish(mut self) -> Digest {
        self.hash.update(&self.waiting);
        Digest(self.hash.finalize().into())
    }

    /// The first eight bytes as one number, big-endian: enough against accidents.
    fn short(self) -> i64 {
        let [a, b, c, d, e, f, g, h, ..] = self.finish().0;
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// The fingerprint of a name: 16 bytes that tell it from a million others.
pub(super) fn fingerprint(name: &str) -> u128 {
    let mut hasher = Hasher::default();
    hasher.add(ValueRef::Text(name.as_bytes()));
    let Digest(bytes) = hasher.finish();
    let half = bytes.iter().take(16);
    half.fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// The checksum of a row: over the table's name and every other column, in order.
pub(super) fn checksum<'a>(table: &str, values: impl IntoIterator<Item = ValueRef<'a>>) -> i64 {
    let mut hasher = Hasher::default();
    hasher.add(ValueRef::Text(table.as_bytes()));
    values.into_iter().for_each(|value| hasher.add(value));
    hasher.short()
}

/// As [`checksum`], of a row that is yet to be written.
pub(super) fn checksum_of(table: &str, values: &[Value]) -> i64 {
    checksum(table, values.iter().map(ValueRef::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_differ_have_other_checksums() {
        let text = |text: &str| Value::Text(text.to_owned());
        let rows = [
            vec![text("ab"), text("c")],
            vec![text("a"), text("bc")],
            vec![text("abc"), Value::Null],
            vec![Value::Null, text("abc")],
            vec![Value::Integer(1), text("")],
            vec![Value::Blob(vec![1]), text("")],
            vec![Value::Blob(vec![1])],
        ];
        let mut sums = rows
            .iter()
            .map(|row| checksum_of("t", row))
            .collect::<Vec<_>>();
        sums.push(checksum_of("u", &rows[0]));
        let count = sums.len();
        sums.sort_unstable();
        sums.dedup();
        assert_eq!(sums.len(), count);
    }
}
