//! `countermand demo`: the main job on an emulated fleet, and whether its verdicts were true.

use std::time::Duration;

use countermand_core::{Endpoint, OperationName, Policy, Verdict, chain};
use countermand_emulator::{BadInput, Config, Fate, NewDevice, NewOperation};
use countermand_emulator::{Script, Server, Shared, State};
use countermand_hyper::{Client, HyperConfig, Token};
use serde_json::json;

use crate::again::Invocation;
use crate::args::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::names::Batch;
use crate::report::Report;
use crate::rescue::{self, Ending};
use crate::signals::Signals;
use crate::summary::Tally;

/// Long enough for every operation that will ever end, short enough to watch.
const DEADLINE: Duration = Duration::from_secs(6);

/// The token of the demo's own server; it opens nothing else.
const TOKEN: &str = "demo-token";

pub(crate) async fn run(global: &Global) -> Result<Exit, Failure> {
    let shared = Shared::new(Config::default().devices(0).token(TOKEN));
    let names = mistaken_wipes(&shared).map_err(|error| failed(&error))?;
    let server = Server::bind(([127, 0, 0, 1], 0).into(), shared.clone())
        .await
        .map_err(|error| failed(&error))?;
    let endpoint: Endpoint = server.endpoint().parse().map_err(|error| failed(&error))?;
    let connected = Token::new(TOKEN)
        .and_then(|token| Client::connect(endpoint, token, HyperConfig::default()));
    let client = connected
        .map_err(|error| failed(&chain(&error)))?
        .policy(Policy::default().deadline(DEADLINE));

    let mut report = Report::start(global.json);
    report.sentence(&format!(
        "An emulated Android Management API listens at {}.\n\
         {} devices have just been sent a WIPE by mistake. Some are offline and can be saved, one\n\
         is too quick, others fail, hang or lose their records; one answer is a 503 and one is lost\n\
         on the way. Countermanding them all, each within {} s:\n",
        server.endpoint(),
        names.len(),
        DEADLINE.as_secs(),
    ));
    let batch = Batch::of(names);
    report.align(&batch.names);
    let mut signals = Signals::listen()?;
    let mut tally = Tally::new(true);
    let mut claims = Vec::new();
    let ending = rescue::countermand(&client, batch, &report, &mut signals, |name, result| {
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
    let after = Duration::from_millis;
    let cancellable = [Fate::Cancellable; 7];
    let fates = [
        Fate::Completes { after: after(1500) },
        Fate::Fails {
            after: Duration::ZERO,
            code: 9,
        },
        Fate::Stuck,
        Fate::Vanishes,
        // Would be too late in a minute, is in time now.
        Fate::Acknowledged {
            after: after(60_000),
        },
    ];
    shared.with(|emulator, now| {
        let mut names = Vec::new();
        for (age, fate) in (240..).step_by(7).zip(cancellable.into_iter().chain(fates)) {
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
