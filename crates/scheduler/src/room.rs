//! Room in the quota for cancels that are known and may not be sent yet, and for those that lists
//! may find.

use std::time::Duration;

use countermand_core::Time;

use crate::queue::Class;
use crate::scheduler::Scheduler;

/// A place that comes back so soon, or within two round trips, is as good as free: a cancel does not
/// wait for long, and a server that is slow beside its windows is kept busy.
const SOON: Duration = Duration::from_secs(1);

/// As many calls as no window has.
const ALL: usize = u32::MAX as usize;

impl Scheduler {
    /// The moment from which on a request of this class leaves enough of the quota to those that go
    /// before it.
    ///
    /// A cancel goes before all. Lists leave room for cancels that failed, and for what the lists under
    /// way may find. Looks do so for the lists that are still to come as well. Each of them comes to an
    /// answer or a time, so that no place stays free for longer.
    pub(crate) fn room_at(&self, class: Class, now: Time) -> Time {
        if self.rate_limiter.quota().get_windows().is_empty() {
            return now;
        }
        let room = match class {
            Class::AskAgain | Class::Ask => 0,
            Class::ListParents => self.room_for_lists_under_way(),
            // Where nothing else is under way it takes the last place: its cancel would not leave
            // earlier if the place stayed free.
            Class::List if self.flying_lists.operations == 0 => self.queue.failed_cancels(),
            Class::List => self.room_for_lists_under_way() + self.finds.expected(1),
            Class::FirstLook | Class::Look | Class::Parent => {
                let lists = self.queue.lists();
                let blocked = self.queue.blocked_cancels();
                match lists.parents + self.flying_lists.parents {
                    0 => {
                        self.room_for_lists_under_way()
                            + lists.operations
                            + self.finds.expected(lists.operations)
                            + blocked.min(self.rate_limiter.due_of_a_resource())
                    }
                    // The parents on them are not known, nor how many there are.
                    _ => ALL,
                }
            }
        };
        match room {
            0 => now,
            room => {
                let at = self.rate_limiter.project_allows(now, room + 1);
                let soon = SOON.max(self.finds.took * 2);
                (at - soon).max(now)
            }
        }
    }

    pub(crate) fn room_for_lists_under_way(&self) -> usize {
        let finds = self.finds.expected(self.flying_lists.operations);
        self.queue.failed_cancels() + finds
    }
}
