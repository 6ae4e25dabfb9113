//! One operation, and its state at an instant.

use countermand_core::NamePattern;
use serde_json::{Map, Value};

use crate::fate::Fate;
use crate::quirks::{Expiry, Quirks};
use crate::truth::{State, Truth};

/// An operation. Instants are Unix milliseconds, lengths are milliseconds.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) name: String,
    /// The pattern of its name, which says whether it is an operation or a resource with a state of its own.
    pub(crate) pattern: &'static NamePattern,
    pub(crate) parent: usize,
    /// Decides among what the description leaves open.
    pub(crate) choice: u64,
    pub(crate) kind: String,
    pub(crate) params: Map<String, Value>,
    pub(crate) created: u64,
    pub(crate) added: u64,
    pub(crate) validity: Option<u64>,
    pub(crate) fate: Fate,
    pub(crate) quirks: Option<Box<Quirks>>,
    pub(crate) cancel_asked: Option<u64>,
    /// Gets since it finished, or since the cancel where the shape depends on that.
    pub(crate) views: u32,
}

impl Operation {
    /// One of these, always the same one.
    pub(crate) fn choose<'a, T>(&self, among: &'a [T]) -> Option<&'a T> {
        let nth = self.choice.checked_rem(among.len() as u64)?;
        among.get(nth as usize)
    }

    /// Its own quirks, or else those of the server.
    pub(crate) fn quirks(&self, server: &Quirks) -> Quirks {
        self.quirks.as_deref().copied().unwrap_or(*server)
    }

    /// The state at `now`: the first event decides.
    pub(crate) fn state(&self, server: &Quirks, now: u64) -> State {
        let delay = self.quirks(server).cancel_delay_ms;
        let executed = self
            .fate
            .delay()
            .map(|after| self.added.saturating_add(after.as_millis() as u64));
        let done = match self.fate {
            Fate::Acknowledged { .. } | Fate::Completes { .. } => State::Completed,
            Fate::Fails { .. } => State::Failed,
            _ => State::Gone,
        };
        let (cancel, cancelled) = match self.fate {
            Fate::Cancellable
            | Fate::Acknowledged { .. }
            | Fate::Wiped { .. }
            | Fate::Fails { .. } => (
                self.cancel_asked.map(|asked| asked.saturating_add(delay)),
                State::Cancelled,
            ),
            Fate::Vanishes => (self.cancel_asked, State::Gone),
            Fate::Completes { .. } | Fate::Purged { .. } | Fate::Expires | Fate::Stuck => {
                (None, State::Cancelled)
            }
        };
        let validity = self.validity.filter(|_| self.fate != Fate::Stuck);
        let expiry = validity.map(|validity| self.created.saturating_add(validity));
        // At the same instant the execution was first: a cancel has to be early to be believed.
        [
            (executed, done),
            (cancel, cancelled),
            (expiry, State::Expired),
        ]
        .into_iter()
        .filter_map(|(at, state)| at.filter(|at| *at <= now).map(|at| (at, state)))
        .min_by_key(|(at, _)| *at)
        .map_or(State::Pending, |(_, state)| state)
    }

    /// The row of the ground truth.
    pub(crate) fn truth(&self, server: &Quirks, now: u64) -> Truth {
        let state = self.state(server, now);
        Truth {
            name: self.name.clone(),
            kind: self.kind.clone(),
            fate: self.fate.kind(),
            state,
            cancelled: state == State::Cancelled,
        }
    }

    /// True if the server shows it as finished.
    pub(crate) fn shown_done(&self, state: State, quirks: &Quirks) -> bool {
        match state {
            State::Cancelled | State::Completed | State::Failed => true,
            State::Expired => quirks.expiry == Expiry::Error4,
            State::Pending | State::Gone => false,
        }
    }

    /// True if the server says that it does not exist.
    pub(crate) fn shown_missing(&self, state: State, quirks: &Quirks) -> bool {
        state == State::Gone || (state == State::Expired && quirks.expiry == Expiry::NotFound)
    }
}
