//! `countermand plan`.

use std::collections::BTreeMap;
use std::time::Duration;

use countermand_core::Timestamp;
use countermand_fleet::input::{Evidence, LeftOut};
use countermand_fleet::report::vanished;
use countermand_fleet::store::{JobError, Kind, Record, Settings, Vanished};
use countermand_fleet::{
    self as fleet, Age, Estimate, Excluded, FoundOperation, Job, Options, PlanSummary, Resolution,
    SearchCost, now,
};
use countermand_fleet::{grouped, spell};
use serde::Serialize;

use crate::args::Global;
use crate::args::jobs::{FormatWord, OrderWord, Plan};
use crate::args::resume::Way;
use crate::commands::find::{INCOMPLETE, search};
use crate::commands::open;
use crate::commands::sources::{Given, Sources};
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::results::Report;
use crate::signals::{Hangup, Signals};

const STOPPED: &str = "stopped; nothing was sent, and no file was written";

pub(crate) async fn run(global: &Global, options: Plan) -> Result<Exit, Failure> {
    if options.output.exists() {
        let path = countermand_core::shown_path(&options.output);
        return Err(Failure::usage(format!(
            "{path} exists; give another name, or `apply` that job"
        )));
    }
    let mut signals = Signals::listen(Hangup::Ends)?;
    let given = Given {
        names: options.names,
        files: options.from,
        format: options.format.map(FormatWord::format),
        skip_invalid: options.skip_invalid,
    };
    let report = Report::start(global.json);
    let (mut report, mut sources) = Sources::read(given, global, report, &mut signals).await?;
    report.brief = global.brief;
    let terms = &options.terms;
    let settings = terms.settings(Kind::Plan, &sources.endpoint, &sources.enterprises)?;
    let filter = settings.filter.clone();
    // A search may take long: what will not be written is not searched.
    Job::may_be_made(&options.output).map_err(|error| open::uncreated(&error, "--output"))?;

    let begun = now();
    let mut records = Vec::new();
    let mut items = Vec::new();
    let mut excluded = Excluded::default();
    for (item, evidence) in std::mem::take(&mut sources.given) {
        if filter.takes_item(&item, begun, &mut excluded) {
            records.extend(evidence.map(|evidence| proven(&item, evidence, begun)));
            items.push(item);
        }
    }
    let mut exit = match sources.refused {
        0 => Exit::Done,
        _ => Exit::Failed,
    };
    let (mut missed, mut not_attempted) = (0, 0);
    let mut gone = Vec::new();
    let mut seen: Vec<String> = excluded.sentence(&filter).into_iter().collect();
    if sources.search() {
        let client = tokio::select! {
            client = connect::client(global) => client?,
            exit = signals.next() => return Err(Failure::new(exit, STOPPED)),
        };
        let (quota, in_flight) = (settings.quota(), terms.flight.in_flight);
        if global.verbose == 0 {
            report.output.expect(0, settings.quota().pace());
        }
        let found = |item: &FoundOperation| items.push(item.clone());
        let from = (&client, &sources, filter);
        let searched = search(from, quota, in_flight, &report, &mut signals, found).await;
        if let Some(stopped) = &searched.stopped {
            let text = stopped.sentence(items.len());
            report.output.note(&format!("{text}; no file was written"));
            report.output.finish().await;
            return Ok(searched.exit);
        }
        (exit, missed) = (exit.max(searched.exit), searched.missed.len());
        seen.extend(searched.excluded);
        gone = searched.vanished;
        records.extend(gone.iter().cloned().map(Record::Vanished));
        not_attempted = searched.not_attempted;
        records.extend(searched.missed);
        records.extend(searched.note);
        // So that the first run does not spend it again.
        records.extend(searched.cost.map(SearchCost::records).unwrap_or_default());
    }
    if items.is_empty() {
        if !gone.is_empty() {
            report.output.note(vanished(&gone).trim_end());
        }
        let what = match missed {
            0 => "nothing to do: no operation is pending that is meant",
            _ => INCOMPLETE,
        };
        let seen: String = seen.iter().map(|seen| format!("; {seen}")).collect();
        report.sentence(&format!("{what}{seen}; no file was written"));
        report.output.finish().await;
        return Ok(exit);
    }
    let plan = fleet::Plan {
        items,
        known: records,
        by_harm: matches!(options.order, OrderWord::Harm),
    };
    let options_of_run = Options {
        in_flight: terms.flight.in_flight,
        ..Options::default()
    };
    let path = &options.output;
    let mut way = Way::of(global);
    way.flight = terms.flight;
    let written = plan.write(path, &settings, begun, |job| {
        let estimate = Estimate::of(job, options_of_run)?;
        Ok(Line {
            schema: "countermand.plan/1",
            path: path.to_string_lossy().into_owned(),
            digest: job
                .digest()
                .map(|digest| digest.to_string())
                .unwrap_or_default(),
            endpoint: settings.endpoint.clone(),
            operations: job.operations(),
            duplicates: job.duplicates(),
            refused: sources.refused,
            left_out: sources.left_out.clone(),
            shown: Shown::of(job)?,
            missed,
            not_attempted,
            vanished: gone,
            last_cancel_s: estimate.last_cancel.as_secs_f64(),
            last_verdict_s: estimate.last_verdict.as_secs_f64(),
            apply: way.apply(path, job)?,
        })
    });
    let plan = written.map_err(|error| open::uncreated(&error, "--output"))?;
    match global.json {
        _ if global.brief => {}
        true => report.json(&plan),
        false => report.sentence(&plan.text(&settings)),
    }
    report.output.finish().await;
    Ok(exit)
}

/// What the input proves of an operation.
fn proven(item: &FoundOperation, evidence: Evidence, at: Timestamp) -> Record {
    let operation = &evidence.operation;
    let mut resolution = Resolution::new(at, operation.verdict());
    resolution.operation = serde_json::to_value(operation).ok();
    resolution.body_sha256 = evidence.body_sha256;
    Record::Finished {
        name: item.name.clone(),
        resolution,
    }
}

/// What is planned, counted.
#[derive(Serialize)]
struct Shown {
    types: BTreeMap<String, u64>,
    enterprises: BTreeMap<String, u64>,
    ages: BTreeMap<&'static str, u64>,
}

/// `countermand.plan/1`: times are in seconds from the start of `apply`.
#[derive(Serialize)]
struct Line {
    schema: &'static str,
    path: String,
    digest: String,
    /// The endpoint of the API.
    endpoint: String,
    operations: u64,
    duplicates: u64,
    /// Bad names that were left out.
    refused: u64,
    /// Parts of the input that are neither names nor mistakes.
    left_out: LeftOut,
    #[serde(flatten)]
    shown: Shown,
    /// Lists that could not be read to their end.
    missed: usize,
    /// Lists that were not asked for, after a failure.
    #[serde(skip)]
    not_attempted: u64,
    /// Devices that vanished while they were searched.
    vanished: Vec<Vanished>,
    last_cancel_s: f64,
    last_verdict_s: f64,
    /// The command that applies it.
    apply: String,
}

impl Shown {
    fn of(job: &Job) -> Result<Self, JobError> {
        let PlanSummary {
            types,
            enterprises,
            ages,
            ..
        } = PlanSummary::of(job)?;
        let word = |kind: Option<String>| kind.unwrap_or_else(|| "unknown".to_owned());
        Ok(Self {
            types: types
                .into_iter()
                .map(|(kind, count)| (word(kind), count))
                .collect(),
            enterprises: enterprises
                .into_iter()
                .map(|(name, count)| (name.to_string(), count))
                .collect(),
            ages: ages
                .into_iter()
                .map(|(age, count)| (age.as_str(), count))
                .collect(),
        })
    }
}

/// An age as people read it.
const fn age(age: Age) -> &'static str {
    match age {
        Age::Minutes => "under 10 min",
        Age::Hour => "10 to 60 min",
        Age::Day => "1 to 24 h",
        Age::Older => "over a day",
        Age::Unknown => "of unknown age",
    }
}

impl Line {
    /// How long it will take, by the quota. Without one the speed of the server decides, which is not known.
    fn times(&self, settings: &Settings) -> String {
        if settings.quota.is_empty() {
            return "No quota is kept, so how long it takes is up to the server.".to_owned();
        }
        format!(
            "Last cancel after {} at the soonest, last verdict after {}, with {} % of the quota.",
            spell(Duration::from_secs_f64(self.last_cancel_s)),
            spell(Duration::from_secs_f64(self.last_verdict_s)),
            (settings.share * 1000.0).round() / 10.0
        )
    }

    fn text(&self, settings: &Settings) -> String {
        let list = |counts: Vec<(&str, u64)>| {
            let parts = counts.into_iter().map(|(word, count)| {
                format!("{} {}", grouped(count), countermand_core::printable(word))
            });
            parts.collect::<Vec<_>>().join(", ")
        };
        let pairs = |map: &'_ BTreeMap<String, u64>| -> String {
            list(
                map.iter()
                    .map(|(word, count)| (word.as_str(), *count))
                    .collect(),
            )
        };
        let ages = Age::ALL.into_iter().filter_map(|one| {
            let count = self.shown.ages.get(one.as_str())?;
            Some((age(one), *count))
        });
        let enterprises = self.shown.enterprises.iter().map(|(name, count)| {
            let count = crate::output::summary::counted(*count, "operation");
            format!("{count} in {}", countermand_core::printable(name))
        });
        let mut text = format!(
            "{} to be cancelled: {}\n  {}\n  {}\n",
            crate::output::summary::counted(self.operations, "operation"),
            pairs(&self.shown.types),
            enterprises.collect::<Vec<_>>().join(", "),
            list(ages.collect()),
        );
        if let Some(endpoint) = settings.other_endpoint() {
            text.push_str(&format!("  at {endpoint}, which is not Google's server\n"));
        }
        if self.duplicates > 0 {
            let duplicates = crate::output::summary::counted(self.duplicates, "duplicate");
            text.push_str(&format!("  {duplicates} left out\n"));
        }
        if self.refused > 0 {
            let refused = crate::output::summary::counted(self.refused, "bad name");
            text.push_str(&format!("  {refused} left out\n"));
        }
        if self.missed > 0 {
            let lists = crate::output::summary::counted(self.missed as u64, "list");
            let others = match self.not_attempted {
                0 => String::new(),
                count => format!(" and {} not asked for after that", grouped(count)),
            };
            text.push_str(&format!(
                "  WARNING: {lists} could not be read{others}, operations in there are missing\n"
            ));
        }
        text.push_str(&vanished(&self.vanished));
        text.push_str(&format!(
            "{}\n\
             Nothing was cancelled. The plan is in {} (SHA-256 {}); to apply it:\n  {}",
            self.times(settings),
            self.path,
            self.digest,
            self.apply,
        ));
        text
    }
}
