//! The columns of a table of rows: the one description for CSV and for Arrow.

use countermand_core::Timestamp;

use super::row::Row;
use crate::store::Digest;

/// The columns, in order. New ones are only ever added at the end.
pub const COLUMNS: [(&str, Values); 21] = [
    ("position", Values::Positions(|row| row.position)),
    ("name", Values::Names(|row| row.name)),
    ("type", Values::Texts(|row| row.kind)),
    ("create_time", Values::Times(|row| row.create_time)),
    ("device_seen", Values::Times(|row| row.device_seen)),
    ("state", Values::Words(|row| row.state.as_str())),
    ("verdict", Values::Texts(|row| Some(row.verdict?.as_str()))),
    ("phase", Values::Words(|row| row.phase)),
    ("attempts", Values::Counts(|row| row.attempts)),
    ("cancel_sent_at", Values::Times(|row| row.cancel_sent_at)),
    ("accepted_at", Values::Times(|row| row.accepted_at)),
    ("resolved_at", Values::Times(|row| row.resolved_at)),
    ("verified_at", Values::Times(|row| row.verified_at)),
    ("body_sha256", Values::Digests(|row| row.body_sha256)),
    ("done", Values::Flags(|row| row.done())),
    ("code", Values::Codes(|row| row.code())),
    ("message", Values::Texts(|row| row.message())),
    ("problem", Values::Texts(|row| row.problem())),
    (
        "problem_message",
        Values::Texts(|row| row.problem_message()),
    ),
    ("parent_exists", Values::Flags(|row| row.parent_exists)),
    ("from_input", Values::Flags(|row| Some(row.from_input))),
];

/// The values of a column, by their type.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a format writes each of them")]
pub enum Values {
    /// Positions, in every row.
    Positions(fn(&Row<'_>) -> u64),
    /// Small numbers, in every row.
    Counts(fn(&Row<'_>) -> u32),
    /// Names of operations, in every row.
    Names(for<'a> fn(&Row<'a>) -> &'a str),
    /// Words of this program, in every row.
    Words(fn(&Row<'_>) -> &'static str),
    /// Texts, of a server or of this program.
    Texts(for<'a> fn(&Row<'a>) -> Option<&'a str>),
    /// Hashes of answers.
    Digests(fn(&Row<'_>) -> Option<Digest>),
    /// Times.
    Times(fn(&Row<'_>) -> Option<Timestamp>),
    /// Codes of errors.
    Codes(fn(&Row<'_>) -> Option<i64>),
    /// True or false.
    Flags(fn(&Row<'_>) -> Option<bool>),
}
