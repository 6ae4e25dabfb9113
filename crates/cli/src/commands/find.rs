//! `countermand find`.

use countermand_fleet::report::vanished;
use countermand_fleet::store::Missed;
use countermand_fleet::{Findings, Found, Search, Services, Target};
use countermand_fleet::{JobProgress, Pace, counted, grouped, now};
use futures_util::StreamExt;

use crate::args::Global;
use crate::args::jobs::Find;
use crate::commands::names::{Given, Names, searched};
use crate::commands::stop::Stop;
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::results::Report;
use crate::signals::{Hangup, NOTHING_SENT, Signals};

pub(crate) async fn run(global: &Global, options: Find) -> Result<Exit, Failure> {
    let endpoint = global.place();
    let filter =
        (options.selection).filter(&Services::new([global.meant]), |_| endpoint.clone())?;
    let mut signals = Signals::listen(Hangup::Ends)?;
    let (given, report) = (Given::searched(options.names), Report::start(global.json));
    let (mut report, sources) = Names::read(given, global, report, &mut signals).await?;
    if !sources.operations.is_empty() {
        return Err(Failure::usage(format!(
            "find searches {}; operations have names already",
            searched(global.meant)
        )));
    }
    sources.check(&filter)?;
    let (meant, terms) = (sources.meant(), options.budget.terms());
    let client = connect::client_for(global, &sources.endpoint, &meant, &terms);
    let (client, quota) = signals.unless(client, NOTHING_SENT).await??;
    let in_flight = options.flight.in_flight(global.usual());
    if global.verbose == 0 {
        report.output.expect(Pace::of(&quota, global.meant));
    }
    let mut count = 0;
    let show = |target: &Target| {
        count += 1;
        match options.names_only {
            true => report.output.line(target.name.to_string()),
            false => report.target(target),
        }
    };
    let filtered = filter.server_side.is_some();
    let scheduler = client.scheduler().quota(quota).in_flight(in_flight);
    let places = (sources.enterprises.clone(), sources.devices.clone());
    let search = Search::new(&client, scheduler, places.0, places.1, filter);
    let searched = follow_search(
        (Services::new([global.meant]), search),
        &report,
        &mut signals,
        show,
    )
    .await;
    let findings = &searched.findings;
    if !findings.vanished.is_empty() {
        report.output.note(vanished(&findings.vanished).trim_end());
    }
    let missed = findings.missed.iter();
    let missed = missed.map(|(resource, error)| Missed::new(now(), resource, error));
    report.not_seen(
        &Services::new([global.meant]),
        &missed.collect::<Vec<_>>(),
        &findings.vanished,
        &findings.not_searched,
    );
    if let Some(others) = findings.not_searched.sentence() {
        report.output.note(&others);
    }
    if let Some(stopped) = searched.stopped(count) {
        let text = format!("{stopped}; the list is not complete");
        report.output.note(&text);
    } else if count == 0 {
        let excluded = findings.excluded.as_deref();
        report
            .output
            .note(&match (findings.missed.is_empty(), excluded) {
                (true, None) if filtered => {
                    "nothing found: the server lists no operation for the filter".to_owned()
                }
                (true, None) => "nothing found: no operation was seen".to_owned(),
                (true, Some(excluded)) => format!("nothing found: {excluded}"),
                (false, None) => INCOMPLETE.to_owned(),
                (false, Some(excluded)) => format!("{INCOMPLETE}; {excluded}"),
            });
    }
    let exit = searched.exit();
    tokio::select! {
        _ = report.output.finish() => Ok(exit),
        // Told again, it does not wait for a reader either.
        exit = signals.next() => Ok(exit),
    }
}

/// Said where nothing was found, but lists could not be read.
pub(crate) const INCOMPLETE: &str = "nothing was found, and not everything could be searched";

/// The end of a search.
pub(crate) struct Searched {
    pub(crate) findings: Findings,
    /// The signal that stopped it.
    pub(crate) signal: Option<Exit>,
}

impl Searched {
    /// The exit code that it asks for.
    pub(crate) fn exit(&self) -> Exit {
        let missed = self.findings.missed.iter();
        let missed = missed.map(|(_, error)| Exit::of_error(error));
        let cause = self.findings.cause.as_ref();
        let failures = missed.chain(cause.map(|cause| cause.exit_class().into()));
        self.signal.unwrap_or(failures.max().unwrap_or(Exit::Done))
    }

    /// `stopped by a signal: 3 operations found, 20 of 120 devices searched`, where one stopped it;
    /// operations that were given count as found.
    pub(crate) fn stopped(&self, found: usize) -> Option<String> {
        self.signal?;
        let progress = self.findings.progress;
        let found = counted(found as u64, "operation");
        let devices = counted(progress.devices, progress.noun());
        let known = if progress.all_listed {
            ""
        } else {
            " listed so far"
        };
        let searched = grouped(progress.searched);
        Some(format!(
            "stopped by a signal: {found} found, {searched} of {devices}{known} searched"
        ))
    }
}

/// Follows a search, hands over each operation as it is found, and complains of lists that could not be read.
pub(crate) async fn follow_search(
    (services, mut search): (Services, Search),
    report: &Report,
    signals: &mut Signals,
    mut found: impl FnMut(&Target),
) -> Searched {
    let mut searched = Searched {
        findings: Findings::default(),
        signal: None,
    };
    let mut stop = Stop::of(services);
    let mut ticks = report.output.ticks();
    loop {
        let one = tokio::select! {
            biased;
            () = ticks.next() => {
                let (standing, outage) = (search.progress(), search.outage());
                let devices = Some(search.search_progress());
                let counted = JobProgress::of_scheduler(&standing, 0, devices);
                report.output.progress(&standing, counted, outage);
                continue;
            }
            exit = signals.next() => {
                searched.signal = Some(exit);
                break;
            }
            one = search.next() => one,
        };
        let Some(one) = one else { break };
        let lane = search.lane();
        match &one {
            Found::Operation(target) => found(target),
            Found::Vanished(_) => {}
            Found::Missed { error, .. } => stop.tell_list(report, lane, error),
            Found::ResourceClosed(enterprise) => report.denied(enterprise),
            Found::Stopped(cause) => stop.stopped(lane, cause.clone()),
            Found::Failing(cause) => report.failing(lane, cause),
            Found::Paused(pause) => report.paused(lane, *pause),
        }
        searched.findings.take(one);
        if !report.output.is_open() {
            break;
        }
    }
    searched.findings.end(&mut search);
    stop.lists(searched.findings.progress.not_attempted);
    stop.tell(report, false);
    report.output.clear_progress();
    searched
}
