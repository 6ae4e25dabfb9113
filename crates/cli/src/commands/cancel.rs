//! `countermand cancel`.

use countermand_core::Policy;

use crate::args::Global;
use crate::args::operations::Cancel;
use crate::args::resume::Invocation;
use crate::commands::batch::{self, Ending, Left};
use crate::commands::names::{Given, Names};
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::results::Report;
use crate::output::streams;
use crate::output::summary::{Tally, counted};
use crate::signals::{Hangup, Signals};

pub(crate) async fn run(
    global: &Global,
    options: Cancel,
    invocation: &Invocation,
) -> Result<Exit, Failure> {
    let mut signals = Signals::listen(Hangup::Outlived)?;
    let given = Given {
        skip_invalid: Some(options.skip_invalid),
        ..Given::operations(options.names.names, Report::refused)
    };
    let report = Report::start(global.json);
    let (mut report, read) = Names::read(given, global, report, &mut signals).await?;
    report.left_out(&read.left_out);
    let (names, duplicates) = read.each_once();
    let mut tally = Tally::new(!options.no_verify);
    tally.input(read.refused, duplicates);
    if duplicates > 0 {
        report.output.note(&format!(
            "{} left out: each name is countermanded once",
            counted(duplicates, "duplicate"),
        ));
    }
    if names.is_empty() {
        report.sentence("no name is left; nothing was sent");
        return Ok(end(report, &mut signals, tally.exit(), None).await);
    }

    let client = tokio::select! {
        client = connect::client(global) => client?,
        exit = signals.next() => return Err(Failure::new(exit, "stopped; nothing was sent")),
    };
    let policy = Policy::default()
        .deadline(options.deadline)
        .verify(!options.no_verify);
    let client = client
        .policy(policy)
        .quota(options.budget.quota())
        .in_flight(options.in_flight);
    report.align(&names);
    if global.verbose == 0 {
        let expected = names.len() as u64;
        report
            .output
            .expect(expected, options.budget.quota().pace());
    }
    let (ending, last_cancel) = batch::countermand(
        &client,
        names,
        &report,
        global.json,
        &mut signals,
        |name, result| {
            tally.add(name, &result);
        },
    )
    .await;
    let (exit, left) = match ending {
        Ending::Aborted(exit) => return Ok(exit),
        Ending::Finished => (tally.exit(), Vec::new()),
        Ending::Stopped(exit, left) => (exit, left),
    };
    tally.left(left.len() as u64);
    tally.last_cancel(last_cancel);
    let summary = tally.sentences(invocation);
    report.sentence(&format!("\n{summary}"));
    if !left.is_empty() {
        say_left(&report, &left, invocation);
    }
    let summary = (!global.json).then_some(summary.as_str());
    Ok(end(report, &mut signals, exit, summary).await)
}

/// Waits for standard output. A summary that could not be written there goes to standard error;
/// a signal ends the waiting.
async fn end(report: Report, signals: &mut Signals, exit: Exit, summary: Option<&str>) -> Exit {
    tokio::select! {
        written = report.output.finish() => {
            if !written {
                streams::note("warning: standard output was closed, results are missing there");
                summary.into_iter().for_each(streams::note);
            }
            exit
        }
        signal = signals.next() => signal,
    }
}

/// Names the operations left undone, and the command to go on.
fn say_left(report: &Report, left: &[Left], invocation: &Invocation) {
    let started = left.iter().filter(|left| left.started).count();
    let names: Vec<_> = left.iter().map(|left| left.name.clone()).collect();
    report.output.note(&format!(
        "{} not done, for {started} of which a cancel may have been sent; to go on:\n  {}",
        left.len(),
        invocation.for_names(&names),
    ));
    for Left { name, started } in left {
        report.interrupted(name, *started);
    }
}
