//! A run of a scheduler, followed to its end.

use std::pin::pin;

use countermand_scheduler::Event;
use futures_util::future::{Either, select};
use futures_util::{Stream, StreamExt};

use crate::progress::Now;
use crate::stream::Stopped;
use crate::watcher::Watcher;

/// A scheduler under way.
pub(crate) trait Run: Stream<Item = Event> + Unpin {
    /// Its state at this moment.
    fn now(&self) -> Now;
}

/// Follows a run to its end. `false` if it is to end early: it was asked to, or `take` says so.
pub(crate) async fn follow(
    run: &mut impl Run,
    mut watcher: Watcher,
    stopped: &mut Stopped,
    mut take: impl FnMut(Event) -> bool,
) -> bool {
    let ended = loop {
        let event = match select(&mut *stopped, pin!(watcher.wait(run.next()))).await {
            Either::Left(_) => break false,
            Either::Right((event, _)) => event,
        };
        if let Some(event) = event {
            let Some(event) = event else { break true };
            if !take(event) {
                break false;
            }
        }
        watcher.look(|| run.now());
    };
    watcher.end(|| run.now());
    ended
}
