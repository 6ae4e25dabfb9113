//! `countermand demo`: the main job on an emulated fleet, and whether its verdicts were true.

use std::time::Duration;

use countermand_core::{Endpoint, OperationName, Policy, Quota, Verdict, Window, chain};
use countermand_emulator::{BadInput, Config, Fate, NewDevice, NewOperation};
use countermand_emulator::{Script, Server, ServerQuota, Shared, State};
use countermand_hyper::{Client, HyperConfig, Token};
use serde_json::json;

use crate::again::Invocation;
use crate::args::Global;
use crate::batch::{self, Ending};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::names::Batch;
use crate::report::Report;
use crate::signals::Signals;
use crate::summary::Tally;

/// Long enough for every operation that will ever end, short enough to watch.
const DEADLINE: Duration = Duration::from_secs(2);

/// How much faster than the real one the emulator's clock runs.
const TIME_SCALE: u32 = 20;

/// The server's quota, on its own clock.
const CALLS: u32 = 24;
const SPAN: Duration = Duration::from_secs(30);

/// The token of the demo's own server; it opens nothing else.
const TOKEN: &str = "demo-token";

pub(crate) async fn run(global: &Global) -> Result<Exit, Failure> {
    let limits = ServerQuota::default().windows([Window::new(CALLS, SPAN)]);
    let config = Config::default().devices(0).token(TOKEN);
    let shared = Shared::new(config.quota(limits).time_scale(TIME_SCALE));
    let names = mistaken_wipes(&shared).map_err(|error| failed(&error))?;
    let server = Server::bind(([127, 0, 0, 1], 0).into(), shared.clone())
        .await
        .map_err(|error| failed(&error))?;
    let endpoint: Endpoint = server.endpoint().parse().map_err(|error| failed(&error))?;
    let connected = Token::new(TOKEN)
        .and_then(|token| Client::connect(endpoint, token, HyperConfig::default()));
    let client = connected
        .map_err(|error| failed(&chain(&error)))?
        .policy(Policy::default().deadline(DEADLINE))
        .quota(Quota::default().windows([Window::new(CALLS, SPAN / TIME_SCALE)]));

    let mut report = Report::start(global.json);
    report.sentence(&format!(
        "An emulated Android Management API listens at {}, its clock {TIME_SCALE} times as fast as yours.\n\
         {} devices have just been sent a WIPE by mistake. Most are offline and can be saved, some\n\
         acknowledge while this runs, others fail, hang or lose their records; one answer is a 503\n\
         and one is lost on the way. The quota is {CALLS} calls in {} s of that clock, of which a share\n\
         of 0.8 is ours: cancels go first, then the looks at what became of them.\n",
        server.endpoint(),
        names.len(),
        SPAN.as_secs(),
    ));
    let batch = Batch::of(names);
    report.align(&batch.names);
    let mut signals = Signals::listen()?;
    let mut tally = Tally::new(true);
    let mut claims = Vec::new();
    let (ending, last_cancel) =
        batch::countermand(&client, batch, &report, &mut signals, |name, result| {
            let verdict = result.as_ref().ok().map(|outcome| outcome.verdict);
            claims.push((name.clone(), verdict));
            tally.add(name, &result);
        })
        .await;
    if let Ending::Stopped(exit, _) | Ending::Aborted(exit) = ending {
        return Ok(exit);
    }
    let typed = Invocation {
        args: vec!["cancel".into()],
        names: Vec::new(),
    };
    tally.last_cancel(last_cancel);
    report.sentence(&format!("\n{}", tally.sentences(&typed)));
    let exit = compare(&report, &shared, &claims, tally.exit());
    report.output.finish().await;
    Ok(exit)
}

/// Holds the verdicts against what the emulator knows to be true.
fn compare(
    report: &Report,
    shared: &Shared,
    claims: &[(OperationName, Option<Verdict>)],
    exit: Exit,
) -> Exit {
    let mut wrong = 0;
    for (name, verdict) in claims {
        let truth = shared.with(|emulator, now| emulator.truth_of(now, name.as_str()));
        let state = truth.map(|truth| truth.state);
        if *verdict != state.map(expected) {
            wrong += 1;
            report.sentence(&format!("WRONG: {name} is {state:?}, not {verdict:?}"));
        }
    }
    let requests = shared.with(|emulator, _| emulator.audit().len());
    let (right, all) = (claims.len() - wrong, claims.len());
    report.sentence(&format!(
        "\nThe emulator knows what really happened: {right} of {all} verdicts are true ({requests} requests)."
    ));
    if wrong > 0 {
        return Exit::Failed;
    }
    report.sentence(&format!(
        "Exit code {}, as documented, because some completed anyway.",
        exit.code()
    ));
    exit
}

const fn expected(state: State) -> Verdict {
    match state {
        State::Pending => Verdict::Pending,
        State::Cancelled => Verdict::Cancelled,
        State::Completed => Verdict::Completed,
        State::Failed => Verdict::Failed,
        State::Expired => Verdict::Expired,
        State::Gone => Verdict::Gone,
    }
}

/// Sends each device of a small fleet one WIPE, and arranges for two calls to go wrong.
fn mistaken_wipes(shared: &Shared) -> Result<Vec<OperationName>, BadInput> {
    // On the emulator's clock.
    let after = Duration::from_secs;
    let quick = [
        Fate::Completes { after: after(30) },
        Fate::Fails {
            after: Duration::ZERO,
            code: 9,
        },
        Fate::Stuck,
        Fate::Vanishes,
        // Acknowledged while the cancels are sent: this one would be later.
        Fate::Acknowledged { after: after(900) },
    ];
    // The quota lets these be asked too late.
    let late = [Fate::Acknowledged { after: after(36) }; 2];
    let offline = [Fate::Cancellable; 33];
    let fates = offline[..3].iter().chain(&quick).chain(&offline[3..]);
    let fates = fates.chain(&late).copied();
    shared.with(|emulator, now| {
        let mut names = Vec::new();
        for (age, fate) in (240..).step_by(7).zip(fates) {
            let wipe = NewOperation::new(fate).age(age).duration(24 * 3600);
            let added = emulator.add(now, NewDevice::with([wipe]))?;
            let parsed = added.operations.iter().map(|name| name.parse());
            names.extend(parsed.filter_map(Result::<OperationName, _>::ok));
        }
        emulator.set_script(Script::from_value(json!([
            {"fault": "unavailable", "method": "cancel", "name": names[1].as_str()},
            {"fault": "reset-after", "method": "cancel", "name": names[2].as_str()},
        ]))?);
        Ok(names)
    })
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("the demo cannot start: {error}"))
}
