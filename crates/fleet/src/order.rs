//! Order in which operations are cancelled.

use std::cmp::Reverse;

use crate::job_row::Target;

/// Types whose effect cannot be undone, or is felt at once, the worst first.
const DESTRUCTIVE: [&str; 9] = [
    "WIPE",
    "RELINQUISH_OWNERSHIP",
    "RESET_PASSWORD",
    "CLEAR_APP_DATA",
    "REMOVE_ESIM",
    "LOCK",
    "START_LOST_MODE",
    "REBOOT",
    "STOP_LOST_MODE",
];

/// Puts the operations that do the most harm first, and of those the ones whose device was seen
/// last: it is the most likely to be told next. Operations of an unknown type come before the
/// harmless types. Otherwise the order stays.
pub fn by_harm(targets: &mut [Target]) {
    targets.sort_by_key(|target| (rank(target), Reverse(target.device_seen)));
}

fn rank(target: &Target) -> usize {
    let Some(kind) = target.command.kind.as_deref() else {
        return DESTRUCTIVE.len();
    };
    let known = DESTRUCTIVE.iter().position(|known| *known == kind);
    known.unwrap_or(DESTRUCTIVE.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use countermand_core::Timestamp;

    #[test]
    fn the_worst_first_and_then_the_device_that_was_seen_last() {
        let target = |id: u32, kind: Option<&str>, seen: Option<i64>| {
            let name = format!("enterprises/e/devices/d/operations/{id}");
            let mut target = Target::new(name.parse().unwrap());
            target.command.kind = kind.map(str::to_owned);
            target.device_seen = seen.map(Timestamp::from_unix_millis);
            target
        };
        let mut targets = vec![
            target(1, Some("REQUEST_DEVICE_INFO"), Some(9)),
            target(2, None, Some(1)),
            target(3, Some("LOCK"), Some(9)),
            target(4, Some("WIPE"), None),
            target(5, Some("WIPE"), Some(1)),
            target(6, Some("WIPE"), Some(2)),
            target(7, Some("WIPE"), Some(2)),
        ];
        by_harm(&mut targets);
        let ids = targets.iter().map(|target| target.name.id());
        assert_eq!(ids.collect::<String>(), "6754321");
    }
}
