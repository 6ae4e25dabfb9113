//! Lengths of time as people type them: `30s`, `1.5m`, `500ms`, `2d`.

pub(crate) use countermand_fleet::parse_length as parse;

/// The default time limit of an operation: that of a policy, as a test says.
pub(crate) const DEADLINE: &str = "120s";

/// Help of `--deadline` in each command that has one for operations.
pub(crate) const DEADLINE_HELP: &str =
    "Time limit per operation, for example 30s or 5m; waiting for the quota is not counted";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_deadline_is_that_of_a_policy() {
        let policy = countermand_core::Policy::default();
        assert_eq!(parse(DEADLINE), Ok(policy.get_deadline()));
    }
}
