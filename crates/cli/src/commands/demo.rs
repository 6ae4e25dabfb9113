//! `countermand demo`: the rescue of an emulated fleet, and whether its verdicts were true.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use countermand::hyper::{create_new, private_folder};
use countermand_core::{Verdict, chain, json_line};
use countermand_emulator::{BadInput, Config, Fate, NewOperation, NewParent};
use countermand_emulator::{Script, Server, ServerQuota, Shared, State};
use countermand_fleet::grouped;
use countermand_fleet::report::{Form, Overview};
use countermand_fleet::store::{JobError, Kind, View};
use countermand_fleet::{PlanSummary, now, phrases, quoted};
use countermand_scheduler::{Quota, Window};
use serde_json::json;

use crate::args::{Args, Command, Global};
use crate::commands::{apply, open, plan};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;

const DEVICES: usize = 2000;

/// Factor by which the emulator's clock runs faster than the real one.
const TIME_SCALE: u32 = 60;

/// The token of the demo's own server; it opens nothing else.
const TOKEN: &str = "demo-token";

pub(crate) async fn run(global: &Global) -> Result<Exit, Failure> {
    // Among other people's files: a folder that none of them can have prepared.
    let folder = private_folder(&std::env::temp_dir(), "countermand-demo-");
    let folder = folder.map_err(|error| failed(&error))?;
    let shared = Shared::new(
        Config::default()
            .parents(0)
            .start(now().unix_millis().unsigned_abs())
            .token(TOKEN)
            .quota(ServerQuota::from(&Quota::default()))
            .time_scale(TIME_SCALE),
    );
    mistakes(&shared).map_err(|error| failed(&error))?;
    let server = Server::bind(([127, 0, 0, 1], 0).into(), shared.clone())
        .await
        .map_err(|error| failed(&error))?;
    let token = folder.join("token");
    secret(&token).map_err(|error| failed(&error))?;
    let enterprise = shared.with(|emulator, _| emulator.grandparent().to_owned());
    let (job, page) = (folder.join("wipes.job"), folder.join("report.html"));
    streams::note(&format!(
        "{} emulated devices have just been sent a WIPE by mistake; most can be saved.\n\
         The emulator's clock runs {TIME_SCALE} times as fast as yours, and so does its quota.",
        grouped(DEVICES as u64),
    ));
    let shell = Shell {
        hidden: vec![
            "--endpoint".into(),
            server.endpoint().into(),
            "--token-file".into(),
            token.into(),
        ],
    };
    let quota = faster();
    let per_resource = quota.get_per_resource();
    let per_resource = per_resource.map_or_else(|| "none".to_owned(), |window| window.to_string());
    let quota = quota.to_string();
    let mut plan = vec!["plan", &enterprise, "--type", "WIPE"];
    streams::note(&format!(
        "\n$ countermand {} --output wipes.job",
        plan.join(" ")
    ));
    plan.extend([
        "--deadline",
        "3s",
        "--quota",
        &quota,
        "--per-resource",
        &per_resource,
    ]);
    let mut plan: Vec<OsString> = plan.iter().map(OsString::from).collect();
    plan.extend(["--output".into(), job.clone().into()]);
    shell.run(plan).await?;

    let lost = |error: JobError| open::failure(&error);
    let Ok(view) = View::open(&job) else {
        return Err(failed(&"the plan was not written"));
    };
    let planned = PlanSummary::of(&view).map_err(lost)?.enterprises;
    let phrases = phrases(Kind::Plan, &planned);
    let phrases: String = phrases
        .iter()
        .map(|phrase| format!(" --confirm {phrase}"))
        .collect();
    drop(view);
    streams::note(&format!("$ countermand apply wipes.job{phrases}"));
    let mut apply: Vec<OsString> = vec!["apply".into(), job.clone().into()];
    apply.extend(phrases.split_whitespace().map(OsString::from));
    let exit = shell.run(apply).await?;
    if matches!(exit, Exit::Interrupted | Exit::Terminated | Exit::HungUp) {
        return Ok(exit);
    }

    let view = View::open(&job).map_err(lost)?;
    let job = quoted(job.as_os_str());
    let resume = format!("countermand apply {job}{phrases}");
    let saved = Form::Html.save(&page, &view, Some(resume));
    saved.map_err(|error| failed(&chain(&error)))?;
    let counts = Overview::of(view.rows()).map_err(lost)?.counts;
    let Compared {
        right,
        all,
        requests,
        refused,
    } = compare(&shared, &view).map_err(lost)?;
    let exit = if right < all { Exit::Failed } else { exit };
    if global.json {
        let line = json_line(&json!({
            "schema": "countermand.demo/1",
            "counts": counts,
            "true_verdicts": right,
            "requests": requests,
            "refused_for_quota": refused,
            "job": view.path(),
            "report": page,
        }));
        streams::print(&line.map_err(|error| failed(&error))?);
        return Ok(exit);
    }
    streams::print(&format!(
        "The emulator knows what really happened: {} of {} verdicts are true\n\
         ({} requests, {} refused for the quota).{}",
        grouped(right),
        grouped(all),
        grouped(requests),
        grouped(refused),
        match exit {
            Exit::Completed => " Exit code 3, as documented.",
            _ => "",
        },
    ));
    streams::print(&format!(
        "\nTo try next:\n  \
         countermand status {job}\n  \
         countermand report {job} -o -\n  \
         countermand doctor\n\
         The report is in {}",
        page.display(),
    ));
    Ok(exit)
}

/// Writes the token as every token should be: readable by its owner only.
fn secret(path: &Path) -> io::Result<()> {
    create_new(path)?.write_all(TOKEN.as_bytes())
}

/// Runs commands with arguments that the reader has no need to see: the address of the emulator.
struct Shell {
    hidden: Vec<OsString>,
}

impl Shell {
    async fn run(&self, words: Vec<OsString>) -> Result<Exit, Failure> {
        let mut typed = vec!["countermand".into()];
        typed.extend(words);
        typed.extend(self.hidden.iter().cloned());
        let Args { global, command } =
            Args::try_parse_from(typed).map_err(|error| failed(&error))?;
        let global = Global {
            brief: true,
            ..global
        };
        match command {
            Command::Plan(options) => plan::run(&global, options).await,
            Command::Apply(options) => apply::apply(&global, options).await,
            _ => Err(failed(&"it has no such command")),
        }
    }
}

/// The documented quota on a clock that runs so much faster.
fn faster() -> Quota {
    let quota = Quota::default();
    let faster = |window: &Window| Window::new(window.limit(), window.span() / TIME_SCALE);
    let per_resource = quota.get_per_resource().as_ref().map(faster);
    let windows: Vec<Window> = quota.get_windows().iter().map(faster).collect();
    quota.windows(windows).per_resource(per_resource)
}

/// The verdicts compared with the true states in the emulator.
struct Compared {
    right: u64,
    all: u64,
    requests: u64,
    /// Requests that were answered with 429.
    refused: u64,
}

fn compare(shared: &Shared, view: &View) -> Result<Compared, JobError> {
    let (mut right, mut all) = (0, 0);
    for row in view.rows() {
        let row = row?;
        let name = row.item.name;
        let verdict = row
            .progress
            .resolution
            .and_then(|resolution| resolution.verdict);
        let truth = shared.with(|emulator, now| emulator.truth_of(now, name.as_str()));
        let state = truth.map(|truth| truth.state);
        all += 1;
        match verdict == state.map(expected) {
            true => right += 1,
            false => streams::print(&format!("WRONG: {name} is {state:?}, not {verdict:?}")),
        }
    }
    shared.with(|emulator, _| {
        let audit = emulator.audit();
        let refused = audit.iter().filter(|row| row.status == Some(429));
        Ok(Compared {
            right,
            all,
            requests: audit.len() as u64,
            refused: refused.count() as u64,
        })
    })
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

/// Sends each device a WIPE, some besides it a LOCK that is meant, and lets a few calls go wrong.
fn mistakes(shared: &Shared) -> Result<(), BadInput> {
    // On the emulator's clock.
    let after = |seconds| Duration::from_secs(seconds);
    shared.with(|emulator, now| {
        for number in 0..DEVICES {
            let fate = match number % 100 {
                3 => Fate::Completes { after: after(60) },
                18 => Fate::Fails {
                    after: after(300),
                    code: 9,
                },
                31 => Fate::Vanishes,
                // Only a few: they are waited for.
                47 if number < 300 => Fate::Stuck,
                // Somewhere in the fleet a device comes online every few seconds.
                n if n % 12 == 5 => Fate::Acknowledged {
                    after: after(number as u64),
                },
                _ => Fate::Cancellable,
            };
            let wipe = NewOperation::new(fate).age(120).duration(24 * 3600);
            let lock = NewOperation::new(Fate::Cancellable).kind("LOCK").age(600);
            let lock = (number % 10 == 0).then(|| lock.duration(24 * 3600));
            emulator.add(now, NewParent::with(lock.into_iter().chain([wipe])))?;
        }
        emulator.set_script(Script::from_value(json!([
            {"fault": "unavailable", "probability": 0.01, "times": 20},
            {"fault": "reset-after", "method": "cancel", "probability": 0.01, "times": 10},
        ]))?);
        Ok(())
    })
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("the demo cannot go on: {error}"))
}
