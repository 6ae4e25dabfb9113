//! `countermand find`.

use std::time::Duration;

use countermand_core::chain;
use countermand_fleet::report::vanished;
use countermand_fleet::store::{Missed, Record, Vanished};
use countermand_fleet::{Filter, Found, FoundOperation, Search, SearchCost, SearchProgress, now};
use countermand_fleet::{counted, grouped};
use countermand_hyper::Client;
use countermand_scheduler::Quota;
use futures_util::StreamExt;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::args::Global;
use crate::args::jobs::Find;
use crate::commands::sources::{Given, Sources};
use crate::commands::stop::Stop;
use crate::connect;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::results::Report;
use crate::signals::{Hangup, Signals};

pub(crate) async fn run(global: &Global, options: Find) -> Result<Exit, Failure> {
    let endpoint = global.endpoint.clone().unwrap_or_default();
    let filter = options.selection.filter(&endpoint)?;
    let mut signals = Signals::listen(Hangup::Ends)?;
    let (given, report) = (Given::names(options.names), Report::start(global.json));
    let (mut report, sources) = Sources::read(given, global, report, &mut signals).await?;
    if !sources.given.is_empty() {
        return Err(Failure::usage(
            "find searches enterprises and devices; operations have names already",
        ));
    }
    let client = tokio::select! {
        client = connect::client(global) => client?,
        exit = signals.next() => return Err(Failure::new(exit, "stopped; nothing was sent")),
    };
    let quota = options.budget.quota();
    let in_flight = options.flight.in_flight;
    if global.verbose == 0 {
        report.output.expect(0, options.budget.quota().pace());
    }
    let mut count = 0;
    let show = |item: &FoundOperation| {
        count += 1;
        match options.names_only {
            true => report.output.line(item.name.to_string()),
            false => report.item(item),
        }
    };
    let from = (&client, &sources, filter);
    let searched = search(from, quota, in_flight, &report, &mut signals, show).await;
    if !searched.vanished.is_empty() {
        report.output.note(vanished(&searched.vanished).trim_end());
    }
    if let Some(stopped) = &searched.stopped {
        let text = stopped.sentence(count);
        report
            .output
            .note(&format!("{text}; the list is not complete"));
    } else if count == 0 {
        let excluded = searched.excluded.as_deref();
        report
            .output
            .note(&match (searched.missed.is_empty(), excluded) {
                (true, None) => "nothing found: no operation was seen".to_owned(),
                (true, Some(excluded)) => format!("nothing found: {excluded}"),
                (false, None) => INCOMPLETE.to_owned(),
                (false, Some(excluded)) => format!("{INCOMPLETE}; {excluded}"),
            });
    }
    tokio::select! {
        _ = report.output.finish() => Ok(searched.exit),
        // Told again, it does not wait for a reader either.
        exit = signals.next() => Ok(exit),
    }
}

/// Where no progress is told it is not asked for, and any period will do.
const IDLE: Duration = Duration::from_secs(60);

/// Said where nothing was found, but lists could not be read.
pub(crate) const INCOMPLETE: &str = "nothing was found, and not everything could be searched";

/// What a search came to.
pub(crate) struct Searched {
    pub(crate) exit: Exit,
    /// Lists that could not be read.
    pub(crate) missed: Vec<Record>,
    /// Lists that were not asked for.
    pub(crate) not_attempted: u64,
    /// The note about these lists, for a plan.
    pub(crate) note: Option<Record>,
    /// Devices that vanished meanwhile.
    pub(crate) vanished: Vec<Vanished>,
    /// What it took of the quota.
    pub(crate) cost: Option<SearchCost>,
    /// A clause about the operations that were seen and left out.
    pub(crate) excluded: Option<String>,
    /// Its progress, if a signal stopped it.
    pub(crate) stopped: Option<Stopped>,
}

/// The progress of a search that a signal has stopped.
pub(crate) struct Stopped(SearchProgress);

impl Stopped {
    /// `stopped by a signal: 3 operations found, 20 of 120 devices searched`.
    pub(crate) fn sentence(&self, found: usize) -> String {
        let Self(progress) = self;
        let found = counted(found as u64, "operation");
        let devices = counted(progress.devices, "device");
        let known = if progress.all_listed {
            ""
        } else {
            " listed so far"
        };
        let searched = grouped(progress.done());
        format!("stopped by a signal: {found} found, {searched} of {devices}{known} searched")
    }
}

/// Searches, hands over what is found as it is found, and complains of what could not be read.
pub(crate) async fn search(
    (client, sources, filter): (&Client, &Sources, Filter),
    quota: Quota,
    in_flight: usize,
    report: &Report,
    signals: &mut Signals,
    mut found: impl FnMut(&FoundOperation),
) -> Searched {
    let scheduler = client.scheduler().quota(quota).in_flight(in_flight);
    let (enterprises, devices) = (sources.enterprises.clone(), sources.devices.clone());
    let mut search = Search::new(client, scheduler, enterprises, devices, filter);
    let mut searched = Searched {
        exit: Exit::Done,
        missed: Vec::new(),
        not_attempted: 0,
        note: None,
        vanished: Vec::new(),
        cost: None,
        excluded: None,
        stopped: None,
    };
    let mut stop = Stop::default();
    let every = report.output.progress_every();
    let period = every.unwrap_or(IDLE);
    let mut tick = interval_at(Instant::now() + period, period);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let one = tokio::select! {
            biased;
            _ = tick.tick(), if every.is_some() => {
                let (standing, outage) = (search.progress(), search.outage());
                let devices = Some(search.search_progress());
                report.output.progress(&standing, None, devices, outage);
                continue;
            }
            exit = signals.next() => {
                searched.exit = exit;
                searched.stopped = Some(Stopped(search.search_progress()));
                break;
            }
            one = search.next() => one,
        };
        let Some(one) = one else { break };
        match one {
            Found::Operation(item) => found(&item),
            Found::Vanished(vanished) => searched.vanished.push(vanished),
            Found::Missed { resource, error } => {
                searched.exit = searched.exit.max(Exit::of_error(&error));
                let problem = chain(&error);
                if !stop.covers_list(&error) {
                    report
                        .output
                        .note(&format!("not searched: {problem}; {}", error.advice()));
                }
                let missed = Missed::new(now(), &resource, &error);
                searched.missed.push(Record::Missed(missed));
            }
            Found::EnterpriseClosed(enterprise) => report
                .output
                .note(&format!("{enterprise} denies everything and is left alone")),
            Found::Stopped(cause) => {
                searched.exit = searched.exit.max(cause.exit_class().into());
                stop.stopped(cause);
            }
            Found::Failing(_) if report.brief => {}
            Found::Failing(cause) => {
                report
                    .output
                    .note(&format!("failing: {cause}; it is tried again"));
            }
            Found::Held(pause) => report.output.note(&format!(
                "the quota is used up: everything waits for {:.1} s",
                pause.as_secs_f64()
            )),
        }
        if !report.output.is_open() {
            break;
        }
    }
    let progress = search.search_progress();
    if searched.stopped.is_none() {
        searched.not_attempted = progress.not_attempted;
        searched.note = progress.note_of_not_attempted(now());
    }
    stop.lists(progress.not_attempted);
    stop.tell(report, false);
    report.output.clear_progress();
    searched.cost = Some(search.cost());
    searched.excluded = search.excluded();
    searched
}
