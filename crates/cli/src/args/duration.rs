//! Lengths of time as people type them: `30s`, `1.5m`, `500ms`, `2d`.

pub(crate) use countermand_fleet::parse_length as parse;
