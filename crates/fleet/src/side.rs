//! Lanes under way beside each other.

use std::collections::BTreeSet;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use countermand::hyper::SchedulerStream;
use countermand_core::{OperationName, Phase};
use countermand_scheduler::Event;
use futures_core::Stream;
use futures_util::stream::BoxStream;

/// Names of a lane, pulled as its scheduler has room for them.
pub(crate) type Names = BoxStream<'static, (OperationName, Phase)>;

/// Places of lanes that were polled: with a thousand lanes, only these are looked at.
pub(crate) type Polled = Arc<Mutex<BTreeSet<usize>>>;

/// Its contents, also after a panic elsewhere, which leaves them whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A lane under way: both the selection that polls it and its owner, which adds work, have it.
#[derive(Clone)]
pub(crate) struct Side {
    place: usize,
    polled: Polled,
    stream: Arc<Mutex<SchedulerStream<Names>>>,
}

impl Side {
    pub(crate) fn new(place: usize, polled: Polled, stream: SchedulerStream<Names>) -> Self {
        Self {
            place,
            polled,
            stream: Arc::new(Mutex::new(stream)),
        }
    }

    pub(crate) const fn place(&self) -> usize {
        self.place
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, SchedulerStream<Names>> {
        lock(&self.stream)
    }
}

impl Stream for Side {
    type Item = (usize, Event);

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<(usize, Event)>> {
        lock(&self.polled).insert(self.place);
        let event = pin!(&mut *self.lock()).poll_next(context);
        event.map(|event| event.map(|event| (self.place, event)))
    }
}
