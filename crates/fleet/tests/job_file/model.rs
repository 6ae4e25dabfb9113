//! Random records against a model in memory, reopened at random.

use std::collections::BTreeMap;
use std::time::Duration;

use countermand_core::{Call, Phase, Verdict};
use countermand_fleet::store::{Job, Kind, Record, Settings};
use countermand_fleet::{Counts, OperationProgress, Resolution, RowState, Target};
use countermand_scheduler::{PastCall, Window};
use proptest::prelude::*;
use serde_json::json;

use crate::{at, dump, name};

const NAMES: usize = 6;
const HOUR: i64 = 3_600_000;

/// Expected content of a job file.
#[derive(Default)]
struct Model {
    names: Vec<usize>,
    duplicates: u64,
    standings: BTreeMap<usize, OperationProgress>,
    devices: Vec<usize>,
    seen: BTreeMap<usize, i64>,
    searched: BTreeMap<usize, i64>,
    sends: Vec<(i64, Call, usize)>,
    limits: Vec<(u64, u32)>,
    pause: Option<(i64, i64)>,
    notes: usize,
    runs: Vec<(i64, Option<i64>)>,
}

/// A record in the numbers that a model understands.
#[derive(Clone, Debug)]
enum Step {
    Reopen { closed: bool },
    Begun(i64),
    Ended(i64),
    Found(usize),
    Device(usize, Option<i64>),
    Searched(usize, i64),
    Sent(usize, Call, i64),
    Listed(usize, i64),
    Accepted(usize, i64),
    Finished(usize, i64, Option<Verdict>),
    Paused(i64, i64),
    Lowered(u64, u32),
    Note(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let number = 0..NAMES;
    let millis = 0..3 * HOUR;
    let verdict = prop::option::of(prop::sample::select(&Verdict::ALL[..]));
    let call = prop::sample::select(&Call::ALL[..]);
    let step = prop_oneof![
        1 => any::<bool>().prop_map(|closed| Step::Reopen { closed }),
        1 => millis.clone().prop_map(Step::Begun),
        1 => millis.clone().prop_map(Step::Ended),
        4 => number.clone().prop_map(Step::Found),
        2 => (number.clone(), prop::option::of(millis.clone())).prop_map(|(n, t)| Step::Device(n, t)),
        2 => (number.clone(), millis.clone()).prop_map(|(n, t)| Step::Searched(n, t)),
        6 => (number.clone(), call, millis.clone()).prop_map(|(n, c, t)| Step::Sent(n, c, t)),
        2 => (number.clone(), millis.clone()).prop_map(|(n, t)| Step::Listed(n, t)),
        4 => (number.clone(), millis.clone()).prop_map(|(n, t)| Step::Accepted(n, t)),
        6 => (number, millis.clone(), verdict).prop_map(|(n, t, v)| Step::Finished(n, t, v)),
        1 => (millis.clone(), millis.clone()).prop_map(|(a, b)| Step::Paused(a, b)),
        1 => (1..3_u64, 1..9_u32).prop_map(|(s, c)| Step::Lowered(s, c)),
        1 => millis.prop_map(Step::Note),
    ];
    prop::collection::vec(step, 0..60)
}

fn resolution(millis: i64, verdict: Option<Verdict>) -> Resolution {
    let mut resolution = Resolution::new(at(millis), verdict);
    match verdict {
        Some(_) => resolution.operation = Some(json!({"done": true, "millis": millis})),
        None => resolution.error = Some(json!({"kind": "unavailable", "message": "a \u{0} b"})),
    }
    resolution.parent_exists = [None, Some(false), Some(true)][millis as usize % 3];
    resolution
}

impl Model {
    /// The record of a step, if the job has what it is about.
    fn step(&mut self, step: &Step) -> Option<Record> {
        let known = |number: &usize| self.names.contains(number).then(|| name(*number));
        Some(match step {
            Step::Reopen { .. } => return None,
            Step::Begun(millis) => {
                self.runs.push((*millis, None));
                Record::Begun {
                    at: at(*millis),
                    uptime: None,
                }
            }
            Step::Ended(millis) => {
                if let Some(run) = self.runs.last_mut() {
                    run.1 = Some(*millis);
                }
                let how = "drained".to_owned();
                Record::Ended {
                    at: at(*millis),
                    how,
                }
            }
            Step::Found(number) => {
                match known(number) {
                    Some(_) => self.duplicates += 1,
                    None => self.names.push(*number),
                }
                Record::Found(target(*number))
            }
            Step::Device(number, seen) => {
                self.device(*number);
                if let Some(seen) = seen {
                    self.seen.insert(*number, *seen);
                }
                let name = name(*number).parent();
                Record::Device {
                    name,
                    seen: seen.map(at),
                }
            }
            Step::Searched(number, millis) => {
                self.device(*number);
                self.searched.insert(*number, *millis);
                let device = name(*number).parent();
                Record::Searched {
                    device,
                    at: at(*millis),
                }
            }
            Step::Listed(number, millis) => {
                self.sends.push((*millis, Call::ListOperations, *number));
                self.prune(*millis);
                Record::Sent {
                    lane: 0,
                    operation: None,
                    resource: name(*number).parent().to_string(),
                    call: Call::ListOperations,
                    at: at(*millis),
                    sending: None,
                    refused: false,
                }
            }
            Step::Sent(number, call, millis) => {
                let operation = Some(known(number)?);
                let refused = millis % 3 == 0;
                let standing = self.standings.entry(*number).or_default();
                standing.attempts += 1;
                if *call == Call::Cancel {
                    standing.cancel_sent_at = standing.cancel_sent_at.or(Some(at(*millis)));
                    if !refused && standing.accepted_at.is_none() {
                        let first = &mut standing.maybe_delivered_at;
                        *first = first.or(Some(at(*millis)));
                    }
                    if standing.phase == Phase::Unsent {
                        standing.phase = Phase::MaybeSent;
                    }
                }
                self.sends.push((*millis, *call, *number));
                self.prune(*millis);
                Record::Sent {
                    lane: 0,
                    operation,
                    resource: name(*number).parent().to_string(),
                    call: *call,
                    at: at(*millis),
                    sending: None,
                    refused,
                }
            }
            Step::Accepted(number, millis) => {
                let name = known(number)?;
                let standing = self.standings.entry(*number).or_default();
                standing.phase = Phase::Accepted;
                standing.accepted_at = standing.accepted_at.or(Some(at(*millis)));
                Record::Accepted {
                    name,
                    at: at(*millis),
                }
            }
            Step::Finished(number, millis, verdict) => {
                let name = known(number)?;
                let new = resolution(*millis, *verdict);
                let standing = self.standings.entry(*number).or_default();
                let keep = match &standing.resolution {
                    None => false,
                    Some(old) if old.is_settled() => true,
                    Some(old) => old.verdict.is_some() && verdict.is_none(),
                };
                if !keep {
                    standing.resolution = Some(new.clone());
                } else if standing.resolution.as_ref().unwrap().verdict != *verdict {
                    self.notes += 1;
                }
                Record::Finished {
                    name,
                    resolution: new,
                }
            }
            Step::Paused(millis, until) => {
                self.pause = Some((*millis, *until));
                let (at, until) = (at(*millis), at(*until));
                Record::Paused {
                    lane: 0,
                    at,
                    until,
                    limit: None,
                }
            }
            Step::Lowered(span, calls) => {
                match self.limits.iter_mut().find(|(known, _)| known == span) {
                    Some((_, limit)) => *limit = (*limit).min(*calls),
                    None => self.limits.push((*span, *calls)),
                }
                let span = Duration::from_secs(*span);
                Record::Lowered {
                    lane: 0,
                    limit: *calls,
                    span,
                }
            }
            Step::Note(millis) => {
                self.notes += 1;
                let (kind, text) = ("circuit".to_owned(), "opened".to_owned());
                Record::Note {
                    at: at(*millis),
                    kind,
                    text,
                }
            }
        })
    }

    fn device(&mut self, number: usize) {
        if !self.devices.contains(&number) {
            self.devices.push(number);
        }
    }

    fn prune(&mut self, newest: i64) {
        self.sends.retain(|(millis, ..)| *millis >= newest - HOUR);
    }

    fn compare(&self, job: &Job, now: i64) {
        assert_eq!(job.operations(), self.names.len() as u64);
        assert_eq!(job.duplicates(), self.duplicates);
        let rows = job.rows().collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(rows.len(), self.names.len());
        for (row, (position, number)) in rows.iter().zip((1..).zip(&self.names)) {
            assert_eq!((row.position, &row.target), (position, &target(*number)));
            let standing = self.standings.get(number).cloned().unwrap_or_default();
            assert_eq!(row.progress, standing);
            assert_eq!(job.row(&name(*number)).unwrap().as_ref(), Some(row));
        }
        let counts = job.counts();
        let mut counted = Counts::default();
        rows.iter().for_each(|row| counted.add(row));
        assert_eq!(*counts, counted, "kept counts are those of the rows");
        // The same again, without the library's way to count.
        let progress = || rows.iter().map(|row| &row.progress);
        let number = |is: &dyn Fn(&OperationProgress) -> bool| {
            progress().filter(|progress| is(progress)).count() as u64
        };
        for verdict in Verdict::ALL {
            let with = number(&|progress| {
                let resolution = progress.resolution.as_ref();
                resolution.and_then(|resolution| resolution.verdict) == Some(verdict)
            });
            let without = match verdict {
                Verdict::Unverified => {
                    number(&|row| row.resolution.is_none() && row.phase != Phase::Unsent)
                }
                _ => 0,
            };
            assert_eq!(counts.of(verdict.into()), with + without, "{verdict}");
        }
        let errors = number(&|progress| {
            let resolution = progress.resolution.as_ref();
            resolution.is_some_and(|resolution| resolution.verdict.is_none())
        });
        assert_eq!(counts.of(RowState::Error), errors);
        let unsent = number(&|row| row.resolution.is_none() && row.phase == Phase::Unsent);
        assert_eq!(counts.of(RowState::Unsent), unsent);
        assert_eq!(counts.states.values().sum::<u64>(), counts.rows);
        let sent = number(&|row| row.cancel_sent_at.is_some());
        assert_eq!(counts.cancels_sent, sent);
        let accepted = number(&|row| row.phase == Phase::Accepted);
        assert_eq!(counts.cancels_accepted, accepted);
        let resolved = number(&|row| row.resolution.is_some());
        assert_eq!(counts.resolved, resolved);
        let attempts = progress().map(|row| u64::from(row.attempts)).sum::<u64>();
        assert_eq!(counts.attempts, attempts);
        let first = progress().filter_map(|row| row.cancel_sent_at).min();
        assert_eq!(counts.first_cancel_sent_at, first);
        let last = progress().filter_map(OperationProgress::asked_at).max();
        assert_eq!(counts.last_cancel_sent_at, last);
        // An end of which no request was sent is the word of an input.
        let asked = |row: &&OperationProgress| row.attempts > 0 || row.phase != Phase::Unsent;
        let known = progress().filter_map(|row| {
            let verdict = row.resolution.as_ref()?.verdict?;
            let known = verdict == Verdict::Gone || (verdict.is_final() && asked(&row));
            row.resolution.as_ref().filter(|_| known)
        });
        assert_eq!(counts.last_known, known.map(|known| known.at).max());
        let some = !self.names.is_empty() || !self.devices.is_empty();
        let enterprise = some.then(|| (name(0).parent().parent(), counts.rows));
        assert_eq!(job.enterprises().unwrap(), enterprise.into_iter().collect());

        let devices = job.devices().map(|device| {
            let device = device.unwrap();
            (device.name, device.seen, device.searched)
        });
        let expected = self.devices.iter().map(|number| {
            let seen = self.seen.get(number).map(|millis| at(*millis));
            let searched = self.searched.get(number).map(|millis| at(*millis));
            (name(*number).parent(), seen, searched)
        });
        assert!(devices.eq(expected));

        let spent = job.spent(0, at(now), None).unwrap();
        let calls = self.sends.iter().map(|(millis, call, number)| {
            let age = Duration::from_millis((now - millis).max(0) as u64);
            PastCall::new(age, *call, name(*number).parent().to_string())
        });
        assert_eq!(spent.calls, calls.collect::<Vec<_>>());
        let lowered = self.limits.iter();
        let lowered = lowered.map(|(span, calls)| Window::new(*calls, Duration::from_secs(*span)));
        assert_eq!(spent.lowered, lowered.collect::<Vec<_>>());
        let pause = self
            .pause
            .map_or(0, |(at, until)| (until - now).min(until - at).max(0) as u64);
        assert_eq!(
            spent.pause.unwrap_or_default(),
            Duration::from_millis(pause)
        );
        assert_eq!(job.notes().count(), self.notes);
        let runs = job
            .runs()
            .map(|run| run.map(|run| (run.begun, run.ended)).unwrap());
        let expected = self.runs.iter();
        assert!(runs.eq(expected.map(|(begun, ended)| (at(*begun), ended.map(at)))));
    }
}

fn target(number: usize) -> Target {
    let mut target = Target::new(name(number));
    if number.is_multiple_of(2) {
        target.command.kind = Some("WIPE".to_owned());
        target.command.create_time = Some(at(-(number as i64)));
        target.command.duration = Some(Duration::new(600, number as u32));
        target.command.error_code = Some("NULL_VALUE".to_owned());
        target.device_seen = Some(at(-1));
    }
    target
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_job_is_what_was_recorded(steps in steps(), group in 1..8_usize, now in 0..4 * HOUR) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("job");
        let mut job = Job::create(&path, &Settings::new(Kind::Rescue), at(0)).unwrap();
        let mut model = Model::default();
        for steps in steps.chunks(group) {
            let records = steps.iter().filter_map(|step| model.step(step)).collect::<Vec<_>>();
            job.record(&records).unwrap();
            for step in steps {
                if let Step::Reopen { closed } = step {
                    let before = dump(&job);
                    match closed {
                        true => job.close().unwrap(),
                        false => drop(job),
                    }
                    job = Job::open(&path, at(now)).unwrap();
                    assert_eq!(dump(&job), before);
                }
            }
        }
        model.compare(&job, now);
        drop(job);
        model.compare(&Job::open(&path, at(now)).unwrap(), now);
    }
}

#[test]
fn a_record_about_an_unknown_operation_undoes_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let mut job = crate::plan(&folder.path().join("job"), 2);
    let before = dump(&job);
    let records = [crate::sent(1, at(1)), crate::sent(7, at(1))];
    let error = job.record(&records).unwrap_err();
    assert!(error.to_string().contains(name(7).as_str()), "{error}");
    assert_eq!(dump(&job), before);
    let error = job.record(&[Record::Found(target(7))]).unwrap_err();
    assert!(
        error.to_string().contains("cannot be changed any more"),
        "{error}"
    );
}
