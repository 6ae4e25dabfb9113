//! `countermand simulate`: when the last cancel would be sent, without a server or waiting.

use std::cmp::Ordering;
use std::time::Duration;

use countermand_core::text::json_line;
use countermand_emulator::{Simulated, Simulation};
use countermand_fleet::{Lane, Meant, Options, spell};
use serde::Serialize;

use crate::args::Global;
use crate::args::emulated::Simulate;
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;

/// The width of the longest bar of the plot.
const WIDTH: u64 = 50;

/// The simulated run of a lane. Lanes have nothing in common but the limit of requests in flight, so that each runs alone.
#[derive(Serialize)]
struct OfLane {
    #[serde(flatten)]
    simulated: Simulated,
    /// Its name, if it has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    lane: String,
}

pub(crate) fn run(global: &Global, options: &Simulate) -> Result<Exit, Failure> {
    // A simulation has no endpoint: lanes of all services are at their own.
    let (at, terms) = (global.meant.endpoint(), options.budget.terms());
    let lanes = match global.profile.lanes.is_empty() {
        true => (global.profile).lanes_for(&at, &terms, &Meant::default()),
        false => global.profile.lanes(&at, &terms),
    };
    let lanes = lanes.map_err(|error| connect::wrong(&error))?;
    let in_flight = Options {
        in_flight: options.flight.in_flight(global.usual()),
        ..Options::default()
    };
    let in_flight = in_flight.in_flight_of_each(lanes.len());
    let of_lane = |lane: Lane| {
        let simulated = simulated(options, &lane, in_flight);
        Ok(OfLane {
            simulated: match &*lane.name {
                "" => simulated?,
                name => simulated.map_err(|failure| failure.within(&format!("lane {name}")))?,
            },
            lane: lane.name,
        })
    };
    let runs = lanes
        .into_iter()
        .map(of_lane)
        .collect::<Result<Vec<_>, Failure>>()?;
    let text = match global.json {
        true => (runs.iter().map(json_line).collect::<Result<Vec<_>, _>>())
            .map(|lines| lines.join("\n")),
        false => Ok(text(&runs)),
    };
    let text = text.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    streams::print(&text);
    Ok(Exit::Done)
}

fn simulated(options: &Simulate, lane: &Lane, in_flight: usize) -> Result<Simulated, Failure> {
    let mut simulation = Simulation::new(lane.service, options.operations);
    if let Some(word) = &options.pattern {
        let chosen = simulation.pattern(word);
        simulation = chosen.map_err(|problem| Failure::usage(format!("--pattern: {problem}")))?;
    }
    simulation.per_parent = options.per_device;
    simulation.quota = lane.quota();
    simulation.server_quota.clone_from(&options.server_quota);
    simulation.windows = options.window.with(options.phase)?;
    simulation.in_flight = Some(in_flight);
    simulation.fail = options.fail;
    simulation.fates = options.fates.clone();
    simulation.seed = options.seed;
    simulation
        .run()
        .map_err(|problem| Failure::new(Exit::Failed, format!("cannot simulate: {problem}")))
}

/// The run, or of several lanes a line for each and the one that ends last.
fn text(runs: &[OfLane]) -> String {
    let end = |run: &&OfLane| run.simulated.last_cancel_s;
    let later = |one: &&OfLane, other: &&OfLane| {
        let order = end(one).partial_cmp(&end(other));
        order.unwrap_or(Ordering::Equal)
    };
    let Some(last) = runs.iter().max_by(later) else {
        return String::new();
    };
    let of_last = of_one(&last.simulated);
    if last.lane.is_empty() {
        return of_last;
    }
    let width = runs.iter().map(|run| run.lane.len()).max().unwrap_or(0);
    let width = width.max("lane".len());
    let mut text = format!(
        "{:width$}  {:>10}  {:>14}  {:>14}\n",
        "lane", "operations", "last cancel", "last verdict"
    );
    for OfLane { simulated, lane } in runs {
        let time = |seconds| spell(Duration::from_secs_f64(seconds));
        text.push_str(&format!(
            "{lane:width$}  {:>10}  {:>14}  {:>14}\n",
            simulated.operations,
            time(simulated.last_cancel_s),
            time(simulated.last_verdict_s),
        ));
    }
    format!(
        "{text}\nThe lane {} has the last cancel:\n\n{of_last}",
        last.lane
    )
}

fn of_one(simulated: &Simulated) -> String {
    let time = |seconds| spell(Duration::from_secs_f64(seconds));
    let mut verdicts: Vec<String> = simulated
        .verdicts
        .iter()
        .map(|(verdict, count)| format!("{count} {verdict}"))
        .collect();
    if simulated.errors > 0 {
        verdicts.push(format!("{} without a verdict", simulated.errors));
    }
    let mut text = format!(
        "{} operations: {}\n\
         pattern       {}\n\
         last cancel   after {} ({:.1} s)\n\
         last verdict  after {} ({:.1} s)\n\
         requests      {}, {} refused for the quota, {} failed\n\n\
         {:>12}  cancels # and looks .\n",
        simulated.operations,
        verdicts.join(", "),
        simulated.pattern,
        time(simulated.last_cancel_s),
        simulated.last_cancel_s,
        time(simulated.last_verdict_s),
        simulated.last_verdict_s,
        simulated.requests,
        simulated.refused,
        simulated.failed,
        "from",
    );
    let most = simulated
        .schedule
        .iter()
        .map(|row| row.cancels + row.looks)
        .max();
    let most = most.unwrap_or(0).max(1);
    // A request too few for a whole mark is shown all the same.
    let bar = |count: u64, mark: &str| mark.repeat((count * WIDTH).div_ceil(most) as usize);
    for row in &simulated.schedule {
        let bars = bar(row.cancels, "#") + &bar(row.looks, ".");
        let sent = row.cancels + row.looks;
        text.push_str(&format!("{:>12}  {bars} {sent}\n", time(row.from_s)));
    }
    text.truncate(text.trim_end().len());
    text
}
