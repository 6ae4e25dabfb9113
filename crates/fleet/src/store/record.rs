//! Records that a run may write into its job file.

use std::time::Duration;

use countermand_core::{Call, GrandparentName, OperationName, ParentName, Phase, Timestamp};

use super::note::{Missed, Note, Vanished};
use super::uptime::Uptime;
use crate::already_done::AlreadyDone;
use crate::job_row::{OperationProgress, Resolution, Target};
use crate::not_searched::NotSearched;

/// Something that has happened, or is about to, in a run.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a program that runs jobs writes each of them"
)]
pub enum Record {
    /// A run begins.
    Begun {
        /// The time of it.
        at: Timestamp,
        /// The machine's uptime then, where that is known.
        uptime: Option<Uptime>,
    },
    /// The search before a plan has ended.
    SearchEnded {
        /// The time of it.
        at: Timestamp,
        /// The machine's uptime then.
        uptime: Uptime,
    },
    /// The run ends.
    Ended {
        /// The time of it.
        at: Timestamp,
        /// The way in which it ended, in a few words.
        how: String,
    },
    /// A rescue has found an operation. One that is there counts as a duplicate.
    Found(Target),
    /// A rescue has found a device, or knows better when it last reported.
    Device {
        /// Its name.
        name: ParentName,
        /// The time of its last report.
        seen: Option<Timestamp>,
    },
    /// All operations of a device have been listed.
    Searched {
        /// Its name.
        device: ParentName,
        /// The time of it.
        at: Timestamp,
    },
    /// The list of an enterprise's devices has come to its end.
    Listed {
        /// The enterprise.
        enterprise: GrandparentName,
        /// The time of it.
        at: Timestamp,
    },
    /// A device was listed and is gone now: nothing of it is left to be searched.
    Vanished(Vanished),
    /// A list could not be read to its end: operations in it may have been missed.
    Missed(Missed),
    /// A request is about to leave, an intent: to be recorded before it does. [`Sent`](Self::Sent) or
    /// [`NotSent`](Self::NotSent) follows, unless the process is killed: then it may have left.
    Sending {
        /// The lane that pays for it.
        lane: usize,
        /// Of which operation, if it is about one.
        operation: Option<OperationName>,
        /// The device or enterprise whose quota it counts against.
        resource: String,
        /// The method.
        call: Call,
        /// The time at which it was recorded.
        at: Timestamp,
    },
    /// A request has left, or may have: a fact.
    Sent {
        /// The lane that pays for it.
        lane: usize,
        /// Of which operation, if it is about one.
        operation: Option<OperationName>,
        /// The device or enterprise whose quota it counts against.
        resource: String,
        /// The method.
        call: Call,
        /// The time at which it left.
        at: Timestamp,
        /// The time at which the intent was recorded, if it was.
        sending: Option<Timestamp>,
        /// It is a cancel that the server is known to have refused: it has not asked for anything.
        refused: bool,
    },
    /// A request never left: the intent is void.
    NotSent {
        /// The lane that pays for it.
        lane: usize,
        /// Of which operation, if it is about one.
        operation: Option<OperationName>,
        /// The device or enterprise whose quota it does not count against.
        resource: String,
        /// The method.
        call: Call,
        /// The time at which the intent was recorded.
        sending: Timestamp,
        /// The phase of the operation without it.
        phase: Phase,
    },
    /// Every cancel of an operation that left was refused: none has arrived.
    Refused {
        /// The operation.
        name: OperationName,
    },
    /// The server has accepted the cancellation of an operation.
    Accepted {
        /// The operation.
        name: OperationName,
        /// The time of it.
        at: Timestamp,
    },
    /// Something was found out about an operation. It replaces what was known unless it tells
    /// less: what is settled stays, a verdict is not replaced by an error.
    Finished {
        /// The operation.
        name: OperationName,
        /// The resolution.
        resolution: Resolution,
    },
    /// The server refused a call for its quota: no request leaves for a while.
    Paused {
        /// The lane whose quota it is.
        lane: usize,
        /// The time of the refusal.
        at: Timestamp,
        /// The end of the pause.
        until: Timestamp,
        /// The limit it named.
        limit: Option<u64>,
    },
    /// The server named a lower limit than ours.
    Lowered {
        /// The lane whose quota it is.
        lane: usize,
        /// The number of calls.
        limit: u32,
        /// In how long.
        span: Duration,
    },
    /// Something that is worth telling.
    Note {
        /// The time of it.
        at: Timestamp,
        /// A word for its kind.
        kind: String,
        /// Text about the event.
        text: String,
    },
}

impl Record {
    /// The note of operations that a search has seen and that were done before; `None` where there are none.
    pub(crate) fn already_done(done: &AlreadyDone, at: Timestamp) -> Option<Self> {
        (done.operations > 0).then(|| Self::Note {
            at,
            kind: Note::ALREADY_DONE.to_owned(),
            // Names and numbers have a JSON.
            text: serde_json::to_string(done).unwrap_or_default(),
        })
    }

    /// The note of operations that a search does not see; `None` where there are none.
    pub(crate) fn not_searched(others: &NotSearched, at: Timestamp) -> Option<Self> {
        (!others.is_empty()).then(|| Self::Note {
            at,
            kind: Note::NOT_SEARCHED.to_owned(),
            text: others.to_json(),
        })
    }

    /// Changes the state of its operation: the rule for the row in the file, and for the row of
    /// which the disk took no more.
    pub(crate) fn apply(&self, progress: &mut OperationProgress) {
        match self {
            Self::Sending { call, .. } => {
                // It may leave, and a crash keeps that from being known: it counts until it is void.
                progress.attempts = progress.attempts.saturating_add(1);
                if (*call, progress.phase) == (Call::Cancel, Phase::Unsent) {
                    progress.phase = Phase::MaybeSent;
                }
            }
            Self::Sent {
                call,
                at,
                sending,
                refused,
                ..
            } => {
                let new = u32::from(sending.is_none());
                progress.attempts = progress.attempts.saturating_add(new);
                if *call == Call::Cancel {
                    progress.cancel_sent_at.get_or_insert(*at);
                    if !refused && progress.accepted_at.is_none() {
                        progress.maybe_delivered_at.get_or_insert(*at);
                    }
                    if progress.phase == Phase::Unsent {
                        progress.phase = Phase::MaybeSent;
                    }
                }
            }
            Self::NotSent { call, phase, .. } => {
                progress.attempts = progress.attempts.saturating_sub(1);
                let void = progress.cancel_sent_at.is_none() && progress.phase == Phase::MaybeSent;
                if void && *call == Call::Cancel {
                    progress.phase = *phase;
                }
            }
            Self::Refused { .. } if progress.phase == Phase::MaybeSent => {
                progress.phase = Phase::Unsent;
            }
            Self::Accepted { at, .. } => {
                progress.phase = Phase::Accepted;
                progress.accepted_at.get_or_insert(*at);
            }
            Self::Finished { resolution, .. } => {
                let old = progress.resolution.as_ref();
                if old.is_none_or(|old| !old.outweighs(resolution)) {
                    progress.resolution = Some(resolution.clone());
                }
            }
            _ => {}
        }
    }

    /// The operation it is about, if there is one in the job.
    pub(crate) const fn operation(&self) -> Option<&OperationName> {
        match self {
            Self::Sending { operation, .. }
            | Self::Sent { operation, .. }
            | Self::NotSent { operation, .. } => operation.as_ref(),
            Self::Refused { name } | Self::Accepted { name, .. } | Self::Finished { name, .. } => {
                Some(name)
            }
            _ => None,
        }
    }
}
