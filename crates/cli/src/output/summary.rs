//! Results of `cancel`: counted and summarised as the operations of a job are.

use std::collections::HashMap;
use std::time::Duration;

use countermand_core::{Error, ErrorKind, OperationName, Outcome, Phase, Verdict};
use countermand_fleet::report::{Overview, RunSpan, Summary};
use countermand_fleet::{JobRow, OperationProgress, Resolution, Services, Target, counted, now};

use crate::args::resume::Invocation;
use crate::exit::Exit;

/// The operations of a `cancel` as rows of a job that has no file.
#[derive(Debug)]
pub(crate) struct Tally {
    summary: Summary,
    overview: Overview,
    /// With it, an accepted cancel alone is not a result.
    verifying: bool,
    exit: Exit,
    /// The phases of the operations without a result.
    open: HashMap<OperationName, Phase>,
    /// For each of those, the time from the begin until it was asked: a cancel was accepted, or the first one left that
    /// was not refused.
    sent: HashMap<OperationName, Duration>,
    /// Operations to be cancelled again.
    again: Vec<OperationName>,
}

impl Tally {
    /// Of names without a result; `refused` names were bad, and `duplicates` came again.
    pub(crate) fn new(
        names: &[OperationName],
        verifying: bool,
        refused: u64,
        duplicates: u64,
    ) -> Self {
        let begun = now();
        let mut summary = Summary::new("cancel", "", begun, begun);
        if let Some(name) = names.first() {
            summary.services = Services::new([name.service()]);
        }
        summary.duplicates = duplicates;
        summary.runs.push(RunSpan { begun, ended: None });
        if refused > 0 {
            let skipped = format!("{} skipped", counted(refused, "bad name"));
            summary.notes.push(skipped);
        }
        Self {
            summary,
            overview: Overview::default(),
            verifying,
            exit: if refused > 0 {
                Exit::Failed
            } else {
                Exit::Done
            },
            open: names
                .iter()
                .map(|name| (name.clone(), Phase::Unsent))
                .collect(),
            sent: HashMap::new(),
            again: Vec::new(),
        }
    }

    /// Takes in that a cancel has left, so long after the begin.
    pub(crate) fn sent(&mut self, name: OperationName, after: Duration) {
        self.sent.entry(name).or_insert(after);
    }

    /// Takes in that the server has accepted a cancel, so long after the begin.
    pub(crate) fn accepted(&mut self, name: OperationName, after: Duration) {
        self.sent.insert(name.clone(), after);
        self.open.insert(name, Phase::Accepted);
    }

    /// Takes in that no more comes for an operation: it was asked unless each cancel was refused.
    fn asked(&mut self, name: &OperationName, refused: bool) {
        if let (Some(after), false) = (self.sent.remove(name), refused) {
            let at = self.summary.created.saturating_add(after);
            let last = &mut self.overview.counts.last_cancel_sent_at;
            *last = (*last).max(Some(at));
        }
    }

    /// Takes in the phase of an operation under way.
    pub(crate) fn phase(&mut self, name: OperationName, phase: Phase) {
        if phase == Phase::Unsent {
            self.sent.remove(&name);
        }
        self.open.insert(name, phase);
    }

    /// Takes in a result. One that only says that nothing was attempted leaves the operation unsent.
    pub(crate) fn add(&mut self, name: OperationName, result: &Result<Outcome, Error>) {
        let phase = self.open.remove(&name).unwrap_or_default();
        let refused = matches!(result, Err(error) if !error.maybe_delivered());
        self.asked(&name, refused);
        let exit = match result {
            Ok(outcome) if outcome.verdict == Verdict::Unverified && !self.verifying => {
                self.summary.not_verified += u64::from(name.pattern().has_get);
                Exit::Done
            }
            result => Exit::of_result(result),
        };
        self.exit = self.exit.max(exit);
        let unsent = matches!(result, Err(error)
            if matches!(error.kind(), ErrorKind::NotAttempted { .. }) && !error.maybe_delivered());
        self.row(name, |progress| {
            progress.attempts = match result {
                Ok(outcome) => outcome.attempts,
                Err(error) => error.attempts(),
            };
            if !unsent {
                progress.phase = match result {
                    Err(error) if !error.maybe_delivered() => Phase::Unsent,
                    _ => phase,
                };
                progress.resolution = Some(Resolution::of(now(), result));
            }
        });
    }

    fn row(&mut self, name: OperationName, known: impl FnOnce(&mut OperationProgress)) {
        let position = self.overview.counts.rows + 1;
        let mut row = JobRow::new(position, Target::new(name));
        known(&mut row.progress);
        if row.taken_up(false).is_some() {
            self.again.push(row.target.name.clone());
        }
        self.overview.add(row);
    }

    /// Takes in the end. Returns the operations without a result, in this order, and whether a cancel
    /// may have been sent for each.
    pub(crate) fn end(&mut self, names: &[OperationName]) -> Vec<(OperationName, bool)> {
        let mut left = Vec::new();
        for name in names {
            if let Some(phase) = self.open.remove(name) {
                self.asked(name, phase == Phase::Unsent);
                self.row(name.clone(), |progress| progress.phase = phase);
                left.push((name.clone(), phase != Phase::Unsent));
            }
        }
        left
    }

    /// Exit of a run with these results: a failure that stopped it is the error of one of them.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// The summary, as of a job: the bad news first, then the counts, then the next command.
    pub(crate) fn sentences(&mut self, invocation: &Invocation) -> String {
        if !self.again.is_empty() {
            let mut next = invocation.clone();
            // What was accepted is to be verified; what failed goes on as it was asked for.
            let verify = self.summary.not_verified > 0;
            next.args.retain(|arg| !verify || arg != "--no-verify");
            self.summary.resume = Some(next.for_names(&self.again));
        }
        let text = self.overview.sentences(&self.summary);
        text.trim_end().to_owned()
    }
}
