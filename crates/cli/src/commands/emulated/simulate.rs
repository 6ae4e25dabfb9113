//! `countermand simulate`: when the last cancel would be sent, without a server or waiting.

use std::time::Duration;

use countermand_emulator::{Simulated, Simulation};
use countermand_fleet::spell;
use countermand_scheduler::Quota;

use crate::args::Global;
use crate::args::emulated::Simulate;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;

/// The width of the longest bar of the plot.
const WIDTH: u64 = 50;

pub(crate) fn run(global: &Global, options: &Simulate) -> Result<Exit, Failure> {
    let mut simulation = Simulation::new(global.meant, options.operations);
    if let Some(word) = &options.pattern {
        let chosen = simulation.pattern(word);
        simulation = chosen.map_err(|problem| Failure::usage(format!("--pattern: {problem}")))?;
    }
    simulation.per_parent = options.per_device;
    simulation.quota = options.budget.terms().over(Quota::of_service(global.meant));
    simulation.server_quota.clone_from(&options.server_quota);
    simulation.windows = options.window.with(options.phase)?;
    simulation.in_flight = Some(options.flight.in_flight(global.usual()));
    simulation.fail = options.fail;
    simulation.fates = options.fates.clone();
    simulation.seed = options.seed;
    let simulated = simulation
        .run()
        .map_err(|problem| Failure::new(Exit::Failed, format!("cannot simulate: {problem}")))?;
    let text = match global.json {
        true => countermand_core::text::json_line(&simulated)
            .map_err(|error| Failure::new(Exit::Failed, error.to_string()))?,
        false => text(&simulated),
    };
    streams::print(&text);
    Ok(Exit::Done)
}

fn text(simulated: &Simulated) -> String {
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
