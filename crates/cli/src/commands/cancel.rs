//! `countermand cancel`.

use std::collections::HashSet;

use countermand::Client;
use countermand::hyper::monotonic_now;
use countermand_core::{Call, Outcome, Phase, Policy, Resource};
use countermand_fleet::{Pace, Services, counted};
use countermand_scheduler::{Event, Quota};
use futures_util::stream;

use crate::args::Global;
use crate::args::operations::Cancel;
use crate::args::resume::Invocation;
use crate::commands::follow::{Cancelling, Ending, follow, is_left};
use crate::commands::names::{Given, Names};
use crate::commands::stop::Stop;
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::results::Report;
use crate::output::summary::Tally;
use crate::signals::{Hangup, NOTHING_SENT, Signals};

pub(crate) async fn run(global: &Global, options: Cancel) -> Result<Exit, Failure> {
    let mut signals = Signals::listen(Hangup::Outlived)?;
    let invocation = Invocation::of(global, options.names.names.clone());
    let given = Given {
        skip_invalid: Some(options.skip_invalid),
        ..Given::operations(options.names.names.clone(), Report::refused)
    };
    let report = Report::start(global.json);
    let (mut report, read) = Names::read(given, global, report, &mut signals).await?;
    let global = &read.of_service(global);
    report.left_out(&read.left_out);
    let told = read.operations.iter().map(|(target, _)| target);
    let told = told.filter(|target| target.was_told());
    let told: HashSet<_> = told.map(|target| target.name.clone()).collect();
    let (names, duplicates) = read.each_once();
    if duplicates > 0 {
        report.output.note(&format!(
            "{} left out: each name is countermanded once",
            counted(duplicates, "duplicate"),
        ));
    }
    let client = match names.is_empty() {
        true => None,
        false => Some(client(global, &read, &options, &mut signals).await?),
    };
    let mut tally = Tally::new(&names, !options.no_verify, read.refused, duplicates);
    let Some((client, quota)) = client else {
        report.sentence("no name is left; nothing was sent");
        return Ok(report.end(tally.exit(), None, &mut signals).await);
    };
    report.align(&names);
    if global.verbose == 0 {
        report.output.expect(Pace::of(&quota, global.meant));
    }
    let unsent = names.clone().into_iter().map(|name| (name, Phase::Unsent));
    let mut running = Cancelling {
        operations: names.len() as u64,
        running: client.run(client.scheduler(), stream::iter(unsent)),
    };
    let (mut stop, started) = (Stop::of(Services::new([global.meant])), monotonic_now());
    let take = |_: &_, event| match event {
        Event::Sending {
            resource: Resource::Operation(name),
            call: Call::Cancel,
        } => tally.phase(name, Phase::MaybeSent),
        Event::NotSent {
            resource: Resource::Operation(name),
            phase,
            ..
        } => tally.phase(name, phase),
        Event::Sent {
            resource: Resource::Operation(name),
            call: Call::Cancel,
            at,
        } => tally.sent(name, at - started),
        Event::Accepted { name } => tally.accepted(name, monotonic_now() - started),
        Event::Refused { name } => tally.phase(name, Phase::Unsent),
        Event::Finished { name, result } if is_left(&result) => {
            // A cancel that was refused before the signal came is not in doubt.
            if matches!(&result, Err(error) if !error.maybe_delivered()) {
                tally.phase(name, Phase::Unsent);
            }
        }
        Event::Finished { name, result } => {
            let result = match told.contains(&name) {
                true => Outcome::of_known(result),
                false => result,
            };
            let covered = stop.covers(None, &result);
            if global.json || !covered {
                report.outcome(&name, &result);
            }
            tally.add(name, &result);
        }
        Event::Stopped { cause } => stop.stopped(None, cause),
        _ => {}
    };
    let ending = follow(&mut running, &report, &mut signals, take).await;
    stop.tell(&report, global.json);
    let left = tally.end(&names);
    let exit = match ending {
        Ending::Aborted(exit) => return Ok(exit),
        Ending::Finished => tally.exit(),
        Ending::Stopped(exit) => exit,
    };
    let summary = tally.sentences(&invocation);
    report.sentence(&format!("\n{summary}"));
    for (name, started) in &left {
        report.interrupted(name, *started);
    }
    Ok(report.end(exit, Some(&summary), &mut signals).await)
}

async fn client(
    global: &Global,
    names: &Names,
    options: &Cancel,
    signals: &mut Signals,
) -> Result<(Client, Quota), Failure> {
    let policy = Policy::default()
        .deadline(options.deadline.get(global.usual()))
        .verify(!options.no_verify);
    let (meant, terms) = (names.meant(), options.budget.terms());
    let client = connect::client_for(global, &names.endpoint, &meant, &terms);
    let (client, quota) = signals.unless(client, NOTHING_SENT).await??;
    let client = client
        .policy(policy)
        .quota(quota.clone())
        .in_flight(options.flight.in_flight(global.usual()));
    Ok((client, quota))
}
