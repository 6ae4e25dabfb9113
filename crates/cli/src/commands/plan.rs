//! `countermand plan`.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use countermand_core::Timestamp;
use countermand_core::text::{json_line, printable, shown_path};
use countermand_fleet::input::LeftOut;
use countermand_fleet::report::{LaneCounts, vanished};
use countermand_fleet::store::{Contents, JobError, JobErrorKind, Kind, Settings, Vanished, View};
use countermand_fleet::{self as fleet, Age, Estimate, Excluded, Findings, Job, Options};
use countermand_fleet::{
    Pace, PlanSummary, Search, SearchLane, counted, grouped, not_googles, now, spell,
};
use serde::Serialize;

use crate::args::Global;
use crate::args::jobs::{FormatWord, OrderWord, Plan};
use crate::args::resume::Way;
use crate::commands::find::{INCOMPLETE, follow_search};
use crate::commands::names::{Given, Names};
use crate::commands::open;
use crate::commands::settings::settings;
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::results::Report;
use crate::output::streams;
use crate::signals::{Hangup, Signals};

/// Number of lanes that are listed.
const LANES: usize = 20;

const STOPPED: &str = "stopped; nothing was sent, and no file was written";

/// The place of the plan: a file, or a folder with a file for each lane.
enum Place<'a> {
    File(&'a Path),
    Folder(&'a Path),
}

impl<'a> Place<'a> {
    /// The command line names one of them.
    fn of(options: &'a Plan) -> Self {
        match &options.split_lanes {
            Some(folder) => Self::Folder(folder),
            None => Self::File(options.output.as_deref().unwrap_or(Path::new(""))),
        }
    }

    /// A search may take long: what will not be written is not searched.
    fn check(&self, settings: &Settings) -> Result<(), Failure> {
        let checked = match self {
            Self::File(path) => Job::may_be_made(path),
            Self::Folder(folder) => fleet::Plan::may_be_split(folder, settings),
        };
        checked.map_err(|error| self.uncreated(&error))
    }

    /// Writes the plan, and gives what is to be told of each file.
    fn write(
        &self,
        plan: fleet::Plan,
        settings: &Settings,
        created: Timestamp,
        line: impl Fn(&Contents) -> Result<Line, JobError>,
    ) -> Result<Vec<Line>, Failure> {
        match self {
            Self::File(path) => {
                let line = plan.write(path, settings, created, |job| line(job));
                line.map(|line| vec![line])
            }
            Self::Folder(folder) => {
                let paths = plan.write_split(folder, settings, created);
                paths.and_then(|paths| {
                    let paths = paths.iter();
                    paths.map(|path| line(&*View::open(path)?)).collect()
                })
            }
        }
        .map_err(|error| self.uncreated(&error))
    }

    fn uncreated(&self, error: &JobError) -> Failure {
        match self {
            Self::File(_) => open::uncreated(error, "--output FILE"),
            Self::Folder(_) if matches!(error.kind(), JobErrorKind::Exists) => {
                let text = "something stands there already, which was left alone; nothing was sent: give another \
                            folder: --split-lanes DIR";
                Failure::usage(format!("{}: {text}", shown_path(error.path())))
            }
            Self::Folder(_) => open::uncreated(error, "--split-lanes DIR"),
        }
    }
}

pub(crate) async fn run(global: &Global, options: Plan) -> Result<Exit, Failure> {
    let mut signals = Signals::listen(Hangup::Ends)?;
    let place = Place::of(&options);
    let given = Given {
        files: options.from.clone(),
        format: options.format.map(FormatWord::format),
        skip_invalid: Some(options.skip_invalid),
        from_file: Some("--from"),
        several: true,
        ..Given::to_search(options.names.clone())
    };
    let report = Report::start(global.json);
    let (mut report, mut sources) = Names::read(given, global, report, &mut signals).await?;
    let global = &sources.of_service(global);
    report.brief = global.brief;
    let (terms, begun) = (&options.terms, now());
    let settings = settings(Kind::Plan, global, terms, &sources)?;
    place.check(&settings)?;
    sources.check(&settings.filter)?;
    let mut plan = fleet::Plan {
        by_harm: matches!(options.order, OrderWord::Harm),
        ..fleet::Plan::default()
    };
    let mut excluded = Excluded::default();
    for (target, evidence) in std::mem::take(&mut sources.operations) {
        plan.give(target, evidence, (&settings.filter, begun), &mut excluded);
    }
    plan.left_out.extend(excluded.sentence(&settings.filter));
    let mut exit = match sources.refused {
        0 => Exit::Done,
        _ => Exit::Failed,
    };
    let mut findings = Findings::default();
    if sources.search() {
        let clients = connect::clients(global, &settings.lanes);
        let clients = signals.unless(clients, STOPPED).await??;
        if global.verbose == 0 {
            report.output.expect(Pace::of_job(&settings));
        }
        let in_flight = terms.flight.in_flight(global.usual());
        let (above, parents) = (&sources.enterprises, &sources.devices);
        let lanes = SearchLane::spread(&settings.lanes, clients, in_flight, above, parents);
        let lanes = lanes.map_err(|error| Failure::usage(format!("{error}; nothing was sent")))?;
        let search = Search::of_lanes(lanes, settings.filter.clone());
        let searched =
            follow_search((settings.services(), search), &report, &mut signals, |_| {}).await;
        exit = exit.max(searched.exit());
        let found = plan.targets.len() + searched.findings.targets.len();
        if let Some(stopped) = searched.stopped(found) {
            report
                .output
                .note(&format!("{stopped}; no file was written"));
            report.output.finish().await;
            return Ok(exit);
        }
        findings = searched.findings;
        plan.found(&mut findings);
    }
    if plan.targets.is_empty() {
        tell_nothing(&report, &findings, &plan.left_out);
    } else {
        let mut way = Way::of(global);
        way.in_flight = terms.flight.in_flight(global.usual());
        let lines = place.write(plan, &settings, begun, |job| {
            Line::of(job, way, &sources, &findings)
        })?;
        match global.json {
            _ if global.brief => {}
            true => lines.iter().for_each(|line| report.json(line)),
            false => report.sentence(&text(&place, &lines)),
        }
    }
    report.output.finish().await;
    Ok(exit)
}

/// Tells the reason why there is no plan; `seen` are clauses about names left out.
fn tell_nothing(report: &Report, findings: &Findings, seen: &[String]) {
    if !findings.vanished.is_empty() {
        report.output.note(vanished(&findings.vanished).trim_end());
    }
    let what = match findings.missed.len() {
        0 => "nothing to do: no pending operation was found that the options take",
        _ => INCOMPLETE,
    };
    let others = findings.not_searched.sentence();
    let seen = seen.iter().chain(&others);
    let seen: String = seen.map(|seen| format!("; {seen}")).collect();
    report.sentence(&format!("{what}{seen}; no file was written"));
}

/// `countermand.plan/1`: times are in seconds from the start of `apply`.
#[derive(Serialize)]
struct Line {
    schema: &'static str,
    path: String,
    /// The endpoint of the API.
    endpoint: String,
    #[serde(flatten)]
    summary: PlanSummary,
    /// Bad names that were left out.
    refused: u64,
    /// Parts of the input that are neither names nor mistakes.
    left_out: LeftOut,
    /// Lists that could not be read to their end.
    missed: usize,
    /// Lists that were not asked for, after a failure.
    #[serde(skip)]
    not_attempted: u64,
    /// Devices that vanished while they were searched.
    vanished: Vec<Vanished>,
    last_cancel_s: f64,
    last_verdict_s: f64,
    /// Its lanes, if they have names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lanes: Vec<LaneLine>,
    /// The command that applies it.
    apply: String,
}

/// A lane of a plan.
#[derive(Serialize)]
struct LaneLine {
    #[serde(flatten)]
    lane: LaneCounts,
    last_cancel_s: f64,
    last_verdict_s: f64,
}

impl LaneLine {
    fn all(job: &Contents, estimates: &[Estimate]) -> Result<Vec<Self>, JobError> {
        let lanes = LaneCounts::of_job(job)?.into_iter().zip(estimates);
        let line = |(lane, estimate): (_, &Estimate)| Self {
            lane,
            last_cancel_s: estimate.last_cancel.as_secs_f64(),
            last_verdict_s: estimate.last_verdict.as_secs_f64(),
        };
        Ok(lanes.map(line).collect())
    }
}

/// Shows what is about to be confirmed: with `--json` as the line of a plan, else on standard error.
pub(crate) fn show(global: &Global, job: &Job) -> Result<(), Failure> {
    let (names, findings) = (Names::default(), Findings::default());
    let line = Line::of(job, Way::of(global), &names, &findings);
    let line = line.map_err(|error| open::failure(&error))?;
    if global.json {
        let line = json_line(&line);
        streams::print(&line.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?);
        return Ok(());
    }
    let text = line.content() + &line.names();
    streams::note(text.trim_end());
    Ok(())
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

/// `2,000 WIPE, 3 LOCK`.
fn list<T: Display>(counts: impl IntoIterator<Item = (T, u64)>) -> String {
    let parts = counts.into_iter().map(|(word, count)| {
        let word = word.to_string();
        format!("{} {}", grouped(count), printable(&word))
    });
    parts.collect::<Vec<_>>().join(", ")
}

impl Line {
    fn of(
        job: &Contents,
        way: Way<'_>,
        sources: &Names,
        findings: &Findings,
    ) -> Result<Self, JobError> {
        let options = Options {
            in_flight: way.in_flight,
            ..Options::default()
        };
        let estimates = Estimate::of_lanes(job, options)?;
        let estimate = Estimate::longest(&estimates);
        Ok(Self {
            schema: "countermand.plan/1",
            path: job.path().to_string_lossy().into_owned(),
            endpoint: job.settings().lane().endpoint.clone(),
            summary: PlanSummary::of(job)?,
            refused: sources.refused,
            left_out: sources.left_out.clone(),
            missed: findings.missed.len(),
            not_attempted: findings.progress.not_attempted,
            vanished: findings.vanished.clone(),
            last_cancel_s: estimate.last_cancel.as_secs_f64(),
            last_verdict_s: estimate.last_verdict.as_secs_f64(),
            lanes: LaneLine::all(job, &estimates)?,
            apply: way.apply(job)?,
        })
    }

    /// Duration of the run, by the quota. Without one the speed of the server decides, which is not
    /// known.
    fn times(&self) -> String {
        let settings = &self.summary.settings;
        if self.last_verdict_s == 0.0 {
            return "Nothing is left to be sent.".to_owned();
        }
        if settings.lanes.iter().all(|lane| lane.quota.is_empty()) {
            return "No quota is kept, so how long it takes is up to the server.".to_owned();
        }
        let verdict = match self.summary.unverifiable < self.summary.to_cancel {
            true => {
                let verdict = spell(Duration::from_secs_f64(self.last_verdict_s));
                format!(", last verdict after {verdict}")
            }
            false => String::new(),
        };
        let assumed = settings.assumed_quota();
        let assumed = assumed
            .map(|sentence| format!("\n{sentence}"))
            .unwrap_or_default();
        let share = match &self.lanes[..] {
            [_, _, ..] => "all lanes side by side".to_owned(),
            _ => {
                let percent = (settings.lane().share * 1000.0).round() / 10.0;
                format!("with {percent} % of the quota")
            }
        };
        format!(
            "Estimate: last cancel after {} at the soonest{verdict}, {share}.{assumed}",
            spell(Duration::from_secs_f64(self.last_cancel_s)),
        )
    }

    /// The operations that are cancelled, by number, type, enterprise and age.
    fn content(&self) -> String {
        let PlanSummary {
            settings,
            to_cancel,
            types,
            enterprises,
            ages,
            ..
        } = &self.summary;
        // In the order of the words, as everywhere.
        let types: BTreeMap<&str, u64> = types
            .iter()
            .map(|(kind, count)| (kind.as_deref().unwrap_or("of unknown type"), *count))
            .collect();
        let enterprises = enterprises.iter().map(|(name, count)| {
            let count = counted(*count, "operation");
            format!("{count} in {}", printable(name.as_str()))
        });
        let operations = counted(self.summary.operations, "operation");
        let first = match *to_cancel == self.summary.operations {
            true => format!("{operations} to be cancelled"),
            false => {
                let standing = &self.summary.standing;
                let done = self.summary.input_sentence();
                let done = done.map(|done| format!("\n  {done}")).unwrap_or_default();
                let kind = settings.kind.as_str();
                format!(
                    "{operations} in the {kind}, {} to be cancelled\n  {standing}{done}\nAll of the {kind}",
                    grouped(*to_cancel)
                )
            }
        };
        let mut text = format!(
            "{first}: {}\n  {}\n  {}\n",
            list(types),
            enterprises.collect::<Vec<_>>().join(", "),
            list(ages.iter().map(|(one, count)| (age(*one), *count))),
        );
        for line in self.lanes.iter().take(LANES) {
            let time = match line.lane.counts.again {
                0 => String::new(),
                _ => {
                    let time = spell(Duration::from_secs_f64(line.last_cancel_s));
                    format!(", last cancel after {time}")
                }
            };
            text.push_str(&format!("  lane {}{time}\n", line.lane));
        }
        let more = self.lanes.len().saturating_sub(LANES);
        if more > 0 {
            text.push_str(&format!("  and {}\n", counted(more as u64, "more lane")));
        }
        let unknown = self.summary.types.get(&None).copied().unwrap_or(0);
        if unknown > 0 && !settings.filter.types.is_empty() {
            let unknown = counted(unknown, "operation");
            text.push_str(&format!(
                "  {unknown} of unknown type, which --type does not leave out\n"
            ));
        }
        if let Some(filter) = &settings.filter.server_side {
            let filter = printable(filter.as_str());
            text.push_str(&format!(
                "  found with the filter {filter}: what the server does not list for it was not seen\n"
            ));
        }
        text.push_str(&self.summary.already_done.lines());
        if let Some(others) = self.summary.not_searched.sentence() {
            text.push_str(&format!("  {others}\n"));
        }
        if let Some(warning) = self.summary.unverifiable_sentence() {
            text.push_str(&format!("  {warning}\n"));
        }
        if let Some(servers) = not_googles(&settings.other_endpoints()) {
            text.push_str(&format!("  at {servers}\n"));
        }
        text
    }

    /// The first names of those that the next run takes up.
    fn names(&self) -> String {
        let PlanSummary {
            first, to_cancel, ..
        } = &self.summary;
        let names = first.iter().map(|name| printable(name.as_str()));
        let mut text: String = names.map(|name| format!("  {name}\n")).collect();
        let more = to_cancel - first.len() as u64;
        if more > 0 {
            text.push_str(&format!("  and {} more\n", grouped(more)));
        }
        text
    }

    /// The lines about what is cancelled, and when.
    fn body(&self) -> String {
        let mut text = self.content();
        // So few are compared one by one with those that are meant.
        if self.summary.to_cancel as usize == self.summary.first.len() {
            text.push_str(&self.names());
        }
        if self.summary.duplicates > 0 {
            let duplicates = counted(self.summary.duplicates, "duplicate");
            text.push_str(&format!("  {duplicates} left out\n"));
        }
        text
    }

    /// The sentences about what is in no plan.
    fn missing(&self) -> String {
        let mut text = String::new();
        if self.refused > 0 {
            let names = counted(self.refused, "bad name");
            text.push_str(&format!("  {names} left out\n"));
        }
        if self.missed > 0 {
            let lists = counted(self.missed as u64, "list");
            let others = match self.not_attempted {
                0 => String::new(),
                count => format!(" and {} not asked for after that", grouped(count)),
            };
            text.push_str(&format!(
                "  WARNING: {lists} could not be read{others}, operations in there are missing\n"
            ));
        }
        text.push_str(&vanished(&self.vanished));
        text
    }

    fn digest(&self) -> String {
        let digest = self.summary.digest;
        digest.map(|digest| digest.to_string()).unwrap_or_default()
    }
}

/// The plan in sentences, and the commands that apply it.
fn text(place: &Place<'_>, lines: &[Line]) -> String {
    let first = lines.iter().take(LANES);
    let mut text = String::new();
    for line in first {
        text.push_str(&line.body());
        if let Place::Folder(_) = place {
            text.push_str(&format!("  {}\n", line.times().replace('\n', "\n  ")));
        }
    }
    let more = lines.len().saturating_sub(LANES);
    if more > 0 {
        text.push_str(&format!("and {}\n", counted(more as u64, "more lane")));
    }
    text.push_str(&lines.first().map(Line::missing).unwrap_or_default());
    match place {
        Place::File(_) => text.extend(lines.iter().map(|line| {
            format!(
                "{}\nNothing was cancelled. The plan is in {} (SHA-256 {}); to apply it:\n  {}",
                line.times(),
                line.path,
                line.digest(),
                line.apply
            )
        })),
        Place::Folder(folder) => {
            text.push_str(&format!(
                "Nothing was cancelled. {} in {}, one for each lane; to apply them, side by side or on machines of \
                 their own with the same profile:",
                counted(lines.len() as u64, "plan"),
                shown_path(folder)
            ));
            text.extend(lines.iter().map(|line| format!("\n  {}", line.apply)));
        }
    }
    text
}
