//! Invariants of a job, whatever happened to the processes that applied it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use countermand_core::{Phase, Verdict};
use countermand_emulator::{Audited, State, Truth};
use countermand_fleet::store::View;
use countermand_fleet::{JobRow, OperationProgress, now};
use serde_json::Value;

use crate::api::TOKEN;
use crate::process::Run;
use crate::world::{Kind, PASSWORD, World};

/// Figures of some runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) runs: u64,
    pub(crate) kills: u64,
    /// Those after the first request and before the last.
    pub(crate) kills_amid: u64,
    pub(crate) applied: u64,
    pub(crate) operations: usize,
    pub(crate) requests: usize,
    /// Results that were shown before a kill.
    pub(crate) shown: usize,
    /// Accepted cancels that were sent again after a kill, and the most after one.
    pub(crate) repeats: u64,
    pub(crate) most_repeats: u64,
}

impl Figures {
    pub(crate) fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.kills += other.kills;
        self.kills_amid += other.kills_amid;
        self.applied += other.applied;
        self.operations += other.operations;
        self.requests += other.requests;
        self.shown += other.shown;
        self.repeats += other.repeats;
        self.most_repeats = self.most_repeats.max(other.most_repeats);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs, {} kills ({} amid requests), {} times applied again; {} operations, {} requests, \
             {} results shown before a kill; {} repeated cancels, {} at most after one kill",
            self.runs,
            self.kills,
            self.kills_amid,
            self.applied,
            self.operations,
            self.requests,
            self.shown,
            self.repeats,
            self.most_repeats,
        )
    }
}

/// Observations of a job so far.
pub(crate) struct Past {
    /// Requests before the job, and before the process that runs.
    first: usize,
    applied: usize,
    started: usize,
    /// Requests before each process, and those of each killed one that others had to repeat.
    starts: Vec<usize>,
    repeats: BTreeMap<usize, BTreeSet<usize>>,
    begun: bool,
    /// Number of operations in the plan.
    pub(crate) planned: Option<usize>,
    /// Content of the file when the last process was killed.
    killed: Option<BTreeMap<String, JobRow>>,
}

impl Past {
    pub(crate) fn new(world: &World) -> Self {
        let first = world.fleet.requests();
        Self {
            first,
            applied: first,
            started: first,
            starts: Vec::new(),
            repeats: BTreeMap::new(),
            begun: false,
            planned: None,
            killed: None,
        }
    }

    /// The plan is made.
    pub(crate) fn planned(&mut self, world: &World) {
        self.begun = true;
        self.planned = Some(world.fleet.rows().len());
        self.applied = world.fleet.requests();
    }

    /// True if there is a job file to be applied.
    pub(crate) const fn has_begun(&self) -> bool {
        self.begun
    }

    /// The next process has started.
    pub(crate) fn started(&mut self, world: &World) {
        self.started = world.fleet.requests();
        self.starts.push(self.started);
    }

    /// It has ended, or was killed.
    pub(crate) fn ended(&mut self, world: &World, run: &Run, killed: bool, figures: &mut Figures) {
        keeps_secrets(world, run);
        let audit = audit(world);
        let mine = &audit[self.started..];
        if let Some(before) = self.killed.take() {
            for at in repeats(&audit[..self.started], mine, &before) {
                let process = self.starts.partition_point(|start| *start <= at);
                let lost = self.repeats.entry(process).or_default();
                // It is lost once, however often it is asked again for that.
                if !lost.insert(at) {
                    continue;
                }
                let repeats = lost.len() as u64;
                assert!(
                    repeats <= world.in_flight,
                    "I3: {repeats} repeats of what process {process} was told, {} in flight; {:?} of {audit:#?}",
                    world.in_flight,
                    self.starts,
                );
                figures.repeats += 1;
                figures.most_repeats = figures.most_repeats.max(repeats);
            }
        }
        if killed {
            figures.kills += 1;
            figures.kills_amid += u64::from(!mine.is_empty());
            let copy = tempfile::tempdir().unwrap();
            let Some(view) = as_left(world, copy.path()) else {
                assert!(mine.is_empty(), "sent without a job file: {mine:?}");
                for ending in ["", "-wal", "-shm", "-journal"] {
                    let _ = fs::remove_file(format!("{}{ending}", world.fleet.job));
                }
                return;
            };
            let rows = by_name(&view);
            figures.shown += shown_is_kept(run, &rows);
            let sends = view.spent(0, now(), None).unwrap().calls.len();
            let asked = audit.len() - self.applied;
            assert!(sends >= asked, "{sends} in the file, {asked} sent");
            for name in cancelled(&audit) {
                // Unsent again, if it was refused: then it is known that it left.
                let OperationProgress {
                    phase,
                    cancel_sent_at,
                    ..
                } = rows[name].progress;
                assert!(
                    phase != Phase::Unsent || cancel_sent_at.is_some(),
                    "intent: {name}"
                );
            }
            self.killed = Some(rows);
        }
        self.begun = true;
    }

    /// Holds everything against the truth.
    pub(crate) fn end(&self, world: &World, figures: &mut Figures) {
        let audit = audit(world);
        figures.operations += world.fleet.names.len();
        figures.requests += audit.len();
        only_what_was_asked(world, &audit);
        within_the_share(world, &audit[self.first..]);
        reported(world);
    }
}

fn audit(world: &World) -> Vec<Audited> {
    let shared = &world.fleet.shared;
    shared.with(|emulator, _| emulator.audit().to_vec())
}

fn truth(world: &World) -> BTreeMap<String, Truth> {
    let truth = world.fleet.shared.with(|emulator, now| emulator.truth(now));
    let names = truth.into_iter().map(|truth| (truth.name.clone(), truth));
    names.collect()
}

/// The job as a killed process has left it; the file itself is for the next process to take up.
fn as_left(world: &World, folder: &Path) -> Option<View> {
    let (from, to) = (&world.fleet.job, folder.join("job"));
    for end in ["", "-wal", "-journal"] {
        let mut to = to.clone().into_os_string();
        to.push(end);
        let _ = fs::copy(format!("{from}{end}"), to);
    }
    View::open(to).ok()
}

fn by_name(view: &View) -> BTreeMap<String, JobRow> {
    let rows = view.rows().map(Result::unwrap);
    rows.map(|row| (row.target.name.to_string(), row)).collect()
}

/// The operation of a path, if it is one's.
fn operation(row: &Audited) -> Option<&str> {
    let path = row.path.split('?').next()?.strip_prefix("/v1/")?;
    let name = path.strip_suffix(":cancel").unwrap_or(path);
    (name.split('/').count() == 6).then_some(name)
}

fn is_cancel(row: &Audited) -> bool {
    row.path.ends_with(":cancel")
}

fn cancelled(audit: &[Audited]) -> impl Iterator<Item = &str> {
    audit
        .iter()
        .filter(|row| is_cancel(row))
        .filter_map(operation)
}

/// I3: where the cancels stand that were accepted before a kill and sent again after it, though the
/// file did not ask for that.
fn repeats(before: &[Audited], after: &[Audited], file: &BTreeMap<String, JobRow>) -> Vec<usize> {
    let mut accepted = BTreeMap::new();
    for (at, row) in before.iter().enumerate() {
        if is_cancel(row) && row.status == Some(200) {
            accepted.extend(operation(row).map(|name| (name, at)));
        }
    }
    let again: BTreeSet<_> = cancelled(after).collect();
    accepted.retain(|name, _| again.contains(name));
    accepted.retain(|name, _| match &file[*name].progress {
        // Pending to the deadline, or an error: asked again on purpose.
        OperationProgress {
            resolution: Some(resolution),
            ..
        } => {
            assert!(resolution.is_worth_again(), "{name}: {resolution:?}");
            false
        }
        standing => {
            assert_ne!(standing.phase, Phase::Accepted, "{name} was answered");
            true
        }
    });
    accepted.into_values().collect()
}

/// I7: what was shown is in the file, with the same verdict.
fn shown_is_kept(run: &Run, rows: &BTreeMap<String, JobRow>) -> usize {
    let mut shown = 0;
    // A line that was cut off was not shown.
    for line in run
        .stdout
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["schema"], "countermand.outcome/1");
        let resolution = rows[line["name"].as_str().unwrap()]
            .progress
            .resolution
            .as_ref();
        let resolution = resolution.unwrap_or_else(|| panic!("I7: {line} is not in the file"));
        let kept = serde_json::to_value(resolution.verdict).unwrap();
        assert_eq!(kept, line["verdict"], "I7: {line}");
        shown += 1;
    }
    shown
}

/// I6: neither on the outputs nor in any file.
pub(crate) fn keeps_secrets(world: &World, run: &Run) {
    let mut texts = vec![
        run.stdout.clone().into_bytes(),
        run.stderr.clone().into_bytes(),
    ];
    for entry in fs::read_dir(world.fleet.folder()).unwrap() {
        texts.push(fs::read(entry.unwrap().path()).unwrap());
    }
    for text in texts {
        for secret in [TOKEN, PASSWORD] {
            let found = text
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "I6: {secret}");
        }
    }
}

/// I2.
fn only_what_was_asked(world: &World, audit: &[Audited]) {
    let asked: BTreeSet<_> = world.fleet.names.iter().map(String::as_str).collect();
    let devices: BTreeSet<_> = asked
        .iter()
        .map(|name| name.split("/operations/").next().unwrap())
        .collect();
    for row in audit {
        if let Some(name) = operation(row) {
            assert!(asked.contains(name), "I2: {row:?}");
            continue;
        }
        let path = row.path.split('?').next().unwrap();
        let name = path.strip_prefix("/v1/").unwrap();
        let whole = format!("enterprises/{}/devices", world.fleet.enterprise());
        let searched = world.kind != Kind::Names
            && (name == whole
                || name.strip_suffix("/operations").is_some_and(|device| {
                    device.starts_with(&whole) && !world.spared.contains(device)
                }));
        assert!(searched || devices.contains(name), "I2: {row:?}");
        assert_eq!(row.method, "GET", "I2: {row:?}");
    }
    for (name, truth) in truth(world) {
        let touched = truth.state == State::Cancelled && world.spared.contains(&name);
        assert!(!touched, "I2: {name} was cancelled");
    }
}

/// I4: in every window, over all processes.
fn within_the_share(world: &World, audit: &[Audited]) {
    let came: Vec<_> = audit
        .iter()
        .map(|row| Duration::from_millis(row.time))
        .collect();
    let view = View::open(&world.fleet.job).unwrap();
    let spent = view.spent(0, now(), None).unwrap().calls;
    let newest = spent.iter().map(|call| call.age).max().unwrap();
    let sent: Vec<_> = spent.iter().map(|call| newest - call.age).collect();
    let refused = audit.iter().filter(|row| row.status == Some(429)).count();
    assert_eq!(
        refused, 0,
        "I4: refused for the quota {:?} of {audit:#?}, sent {sent:?}",
        world.windows
    );
    for (share, span) in world.shares() {
        // As the client has it, exactly; on its way to the server a request takes the time that a
        // busy machine likes.
        for (times, span, what) in [(&sent, span, "sent"), (&came, span / 2, "came")] {
            for window in times.windows(share + 1) {
                let took = window[share].saturating_sub(window[0]);
                assert!(took >= span, "I4: {} {what} in {took:?}", share + 1);
            }
        }
    }
}

/// True if nothing is left to apply but operations that stay pending for ever.
pub(crate) fn is_done(world: &World) -> bool {
    let truth = truth(world);
    let Ok(view) = View::open(&world.fleet.job) else {
        return false;
    };
    let rows = by_name(&view);
    world.fleet.names.iter().all(|name| {
        let Some(row) = rows.get(name) else {
            // Over before a search saw it, so that nothing can be done any more.
            return world.kind != Kind::Names && is_over(&truth[name]);
        };
        let resolution = row.progress.resolution.as_ref();
        resolution.is_some_and(|resolution| match resolution.verdict {
            Some(Verdict::Pending | Verdict::Unverified) => truth[name].fate == "stuck",
            Some(_) => true,
            None => !resolution.is_worth_again(),
        })
    })
}

/// True if the operation has ended, and not for a cancel.
fn is_over(truth: &Truth) -> bool {
    !matches!(truth.state, State::Pending | State::Cancelled)
}

/// I1, I5 and I6 of the report, which is written by the command.
fn reported(world: &World) {
    let truth = truth(world);
    let run = world.fleet.command(&["report", &world.fleet.job]).run();
    assert_eq!(run.code, 0, "{run:?}");
    keeps_secrets(world, &run);
    let mut rows = run.json();
    let end = rows.pop().unwrap();
    assert_eq!(end["schema"], "countermand.report/1");
    let mut names: Vec<_> = rows
        .iter()
        .map(|row| row["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    let meant = world.fleet.names.iter();
    let meant = meant.filter(|name| {
        world.kind == Kind::Names || names.contains(name) || !is_over(&truth[*name])
    });
    let mut planned: Vec<_> = meant.cloned().collect();
    planned.sort();
    assert_eq!(names, planned, "I1");
    for row in &rows {
        let truth = &truth[row["name"].as_str().unwrap()];
        let said = match row["verdict"].as_str() {
            Some("cancelled") => State::Cancelled,
            Some("completed") => State::Completed,
            Some("failed") => State::Failed,
            Some("gone") => State::Gone,
            Some("pending" | "unverified") => State::Pending,
            None if row["error"]["kind"] == "not_found" => State::Gone,
            _ => panic!("I5: {row}"),
        };
        assert_eq!(said, truth.state, "I5: {row} {truth:?}");
    }
    let html = world.fleet.file("report.html");
    let args = [
        "report",
        &world.fleet.job,
        "--output",
        html.to_str().unwrap(),
    ];
    let run = world.fleet.command(&args).run();
    assert_eq!(run.code, 0, "{run:?}");
    keeps_secrets(world, &run);
}
