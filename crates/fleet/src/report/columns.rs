//! The columns of a table of rows: the one description for CSV, NDJSON, Arrow and Python.

use countermand_core::{Phase, Service, Timestamp, Verdict};

use super::row::Row;
use crate::row_state::RowState;
use crate::store::Digest;

/// A column.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub values: Values,
    /// The field of a line of NDJSON that has it as a part; `None` if it is a field itself.
    pub part_of: Option<&'static str>,
}

/// The columns, in order.
///
/// The default service has columns for its own levels. A job of another one has none in them: `parent` is what its
/// operations belong to, whatever the service.
pub const COLUMNS: [Column; 27] = [
    field("position", Values::Positions(|row| row.position)),
    field("name", Values::Names(|row| row.name.as_str())),
    field(
        Service::DEFAULT.level_above(2).noun,
        Values::Levels(|row| row.level(1)),
    ),
    field(
        Service::DEFAULT.level_above(1).noun,
        Values::Levels(|row| row.level(2)),
    ),
    field("type", Values::Texts(|row| row.kind)),
    field("create_time", Values::Times(|row| row.create_time)),
    field("device_seen", Values::Times(|row| row.device_seen)),
    field(
        "state",
        Values::Words(&RowState::WORDS, |row| Some(row.state.as_str())),
    ),
    field(
        "verdict",
        Values::Words(&Verdict::WORDS, |row| Some(row.verdict?.as_str())),
    ),
    field("phase", Values::Words(&Phase::WORDS, |row| Some(row.phase))),
    field("attempts", Values::Counts(|row| row.attempts)),
    field("cancel_sent_at", Values::Times(|row| row.cancel_sent_at)),
    field("accepted_at", Values::Times(|row| row.accepted_at)),
    field("resolved_at", Values::Times(|row| row.resolved_at)),
    field("verified_at", Values::Times(|row| row.verified_at)),
    field("body_sha256", Values::Digests(|row| row.body_sha256)),
    part("done", OPERATION, Values::Flags(|row| row.done())),
    part("code", OPERATION, Values::Codes(|row| row.code())),
    part("message", OPERATION, Values::Texts(|row| row.message())),
    part("problem", ERROR, Values::Texts(|row| row.problem())),
    part(
        "problem_message",
        ERROR,
        Values::Texts(|row| row.problem_message()),
    ),
    field("parent_exists", Values::Flags(|row| row.parent_exists)),
    field("from_input", Values::Flags(|row| Some(row.from_input))),
    field("service", Values::Names(|row| row.name.service().id)),
    field("parent", Values::Names(|row| row.parent())),
    field("lane", Values::Texts(|row| row.lane)),
    field("job", Values::Texts(|row| row.job)),
];

/// The field of a line that holds the operation.
pub(super) const OPERATION: &str = "operation";
/// The field of a line that holds the error.
pub(super) const ERROR: &str = "error";

const fn field(name: &'static str, values: Values) -> Column {
    Column {
        name,
        values,
        part_of: None,
    }
}

const fn part(name: &'static str, of: &'static str, values: Values) -> Column {
    Column {
        name,
        values,
        part_of: Some(of),
    }
}

/// The values of a column, by their type.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_enums, reason = "a format writes each of them")]
pub enum Values {
    /// Positions, in every row.
    Positions(fn(&Row<'_>) -> u64),
    /// Small numbers, in every row.
    Counts(fn(&Row<'_>) -> u32),
    /// Names of resources, in every row.
    Names(for<'a> fn(&Row<'a>) -> &'a str),
    /// Names of resources of the default service; of another one none.
    Levels(for<'a> fn(&Row<'a>) -> Option<&'a str>),
    /// All words that there can be, and those of the rows.
    Words(
        &'static [&'static str],
        fn(&Row<'_>) -> Option<&'static str>,
    ),
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
