//! Order in which operations are cancelled.

use std::cmp::Reverse;

use crate::job_row::FoundOperation;

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
pub fn by_harm(items: &mut [FoundOperation]) {
    items.sort_by_key(|item| (rank(item), Reverse(item.device_seen)));
}

fn rank(item: &FoundOperation) -> usize {
    let Some(kind) = item.command.kind.as_deref() else {
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
        let item = |id: u32, kind: Option<&str>, seen: Option<i64>| {
            let name = format!("enterprises/e/devices/d/operations/{id}");
            let mut item = FoundOperation::new(name.parse().unwrap());
            item.command.kind = kind.map(str::to_owned);
            item.device_seen = seen.map(Timestamp::from_unix_millis);
            item
        };
        let mut items = vec![
            item(1, Some("REQUEST_DEVICE_INFO"), Some(9)),
            item(2, None, Some(1)),
            item(3, Some("LOCK"), Some(9)),
            item(4, Some("WIPE"), None),
            item(5, Some("WIPE"), Some(1)),
            item(6, Some("WIPE"), Some(2)),
            item(7, Some("WIPE"), Some(2)),
        ];
        by_harm(&mut items);
        let ids = items.iter().map(|item| item.name.id());
        assert_eq!(ids.collect::<String>(), "6754321");
    }
}
