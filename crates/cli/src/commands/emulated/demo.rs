//! `countermand demo`: the rescue of an emulated fleet, and whether its verdicts were true.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use countermand_core::Verdict;
use countermand_core::text::{chain, json_line};
use countermand_emulator::{BadInput, Config, Fate, NewOperation, NewParent};
use countermand_emulator::{Script, Server, ServerQuota, Shared, State};
use countermand_fleet::grouped;
use countermand_fleet::report::{Form, Jobs};
use countermand_fleet::store::{JobError, Kind, View};
use countermand_fleet::{create_new, now, phrases, quoted};
use countermand_scheduler::{Quota, Window};
use serde_json::json;

use crate::args::{Args, Command, Global};
use crate::commands::{apply, open, plan};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;
use crate::system;

const DEVICES: usize = 2000;

/// Factor by which the emulator's clock runs faster than the real one.
const TIME_SCALE: u32 = 60;

/// The token of the demo's own server; it opens nothing else.
const TOKEN: &str = "demo-token";

pub(crate) async fn run(global: &Global) -> Result<Exit, Failure> {
    // Among other people's files: a folder that none of them can have prepared.
    let mut options = tempfile::Builder::new();
    let folder = system::private(options.prefix("countermand-demo-"))
        .tempdir()
        .map_err(|error| failed(&error))?
        .keep();
    let shared = fleet().map_err(|error| failed(&error))?;
    let server = Server::bind(([127, 0, 0, 1], 0).into(), shared.clone())
        .await
        .map_err(|error| failed(&error))?;
    let token = folder.join("token");
    secret(&token).map_err(|error| failed(&error))?;
    streams::note(&format!(
        "{} emulated devices have just been sent a WIPE by mistake; most can be saved.\n\
         The emulator's clock runs {TIME_SCALE} times as fast as yours, and so does its quota.",
        grouped(DEVICES as u64),
    ));
    let shell = Shell {
        json: global.json,
        hidden: vec![
            "--endpoint".into(),
            server.endpoint().into(),
            "--token-file".into(),
            token.into(),
        ],
    };
    let enterprise = shared.with(|emulator, _| emulator.grandparent().to_owned());
    let job = folder.join("wipes.job");
    let confirm = shell.plan(&enterprise, &job).await?;
    let exit = shell.apply(&job, &confirm).await?;
    if matches!(exit, Exit::Interrupted | Exit::Terminated | Exit::HungUp) {
        return Ok(exit);
    }
    let view = View::open(&job).map_err(lost)?;
    let page = folder.join("report.html");
    // Its server ends with it: no command goes on with the job.
    let saved = Form::Html.save(&page, &Jobs::one(&view, None));
    saved.map_err(|error| failed(&chain(&error)))?;
    let compared = compare(&shared, &view).map_err(lost)?;
    let exit = match compared.right < compared.all {
        true => Exit::Failed,
        false => exit,
    };
    tell(global, &view, &page, &compared, exit)?;
    Ok(exit)
}

/// Tells how many verdicts are true, and where the job and its report are.
fn tell(
    global: &Global,
    view: &View,
    page: &Path,
    compared: &Compared,
    exit: Exit,
) -> Result<(), Failure> {
    if global.json {
        let line = json_line(&json!({
            "schema": "countermand.demo/1",
            "counts": view.counts(),
            "true_verdicts": compared.right,
            "requests": compared.requests,
            "refused_for_quota": compared.refused,
            "job": view.path(),
            "report": page,
        }));
        streams::print(&line.map_err(|error| failed(&error))?);
        return Ok(());
    }
    streams::print(&format!(
        "The emulator knows what really happened: {} of {} verdicts are true\n\
         ({} requests, {} refused for the quota).{}",
        grouped(compared.right),
        grouped(compared.all),
        grouped(compared.requests),
        grouped(compared.refused),
        match exit {
            Exit::Executed => " Exit code 3, as documented.",
            _ => "",
        },
    ));
    let job = quoted(view.path().as_os_str());
    streams::print(&format!(
        "\nTo try next:\n  \
         countermand status {job}\n  \
         countermand report {job} -o -\n  \
         countermand doctor\n\
         The report is in {}",
        page.display(),
    ));
    Ok(())
}

fn lost(error: JobError) -> Failure {
    open::failure(&error)
}

/// Writes the token as every token should be: readable by its owner only.
fn secret(path: &Path) -> io::Result<()> {
    create_new(path)?.write_all(TOKEN.as_bytes())
}

/// Runs commands with arguments that the reader has no need to see: the address of the emulator.
struct Shell {
    hidden: Vec<OsString>,
    /// Standard output is for the one line at the end.
    json: bool,
}

impl Shell {
    /// Plans the cancellation of all WIPEs; returns the options that confirm the plan.
    async fn plan(&self, enterprise: &str, job: &Path) -> Result<String, Failure> {
        let quota = faster();
        let per_resource = quota.get_per_resource();
        let per_resource =
            per_resource.map_or_else(|| "none".to_owned(), |window| window.to_string());
        let quota = quota.to_string();
        let shown = ["plan", enterprise, "--type", "WIPE"];
        streams::note(&format!(
            "\n$ countermand {} --output wipes.job",
            shown.join(" ")
        ));
        let hidden = [
            "--deadline",
            "3s",
            "--quota",
            &quota,
            "--per-resource",
            &per_resource,
            "--output",
        ];
        let words = shown.iter().chain(&hidden).map(OsString::from);
        self.run(words.chain([job.into()])).await?;
        let Ok(view) = View::open(job) else {
            return Err(failed(&"the plan was not written"));
        };
        let planned = view.enterprises().map_err(lost)?;
        let phrases = phrases(Kind::Plan, view.services(), &planned).into_iter();
        Ok(phrases
            .map(|phrase| format!(" --confirm {phrase}"))
            .collect())
    }

    async fn apply(&self, job: &Path, confirm: &str) -> Result<Exit, Failure> {
        streams::note(&format!("$ countermand apply wipes.job{confirm}"));
        let confirm = confirm.split_whitespace().map(OsString::from);
        self.run(
            [OsString::from("apply"), job.into()]
                .into_iter()
                .chain(confirm),
        )
        .await
    }

    async fn run(&self, words: impl Iterator<Item = OsString>) -> Result<Exit, Failure> {
        let mut typed = vec!["countermand".into()];
        typed.extend(words);
        typed.extend(self.hidden.iter().cloned());
        let Args { global, command } =
            Args::try_parse_from(typed).map_err(|error| failed(&error))?;
        let global = Global {
            brief: true,
            json: self.json,
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
        let name = row.target.name;
        let verdict = row
            .progress
            .resolution
            .and_then(|resolution| resolution.verdict);
        let truth = shared.with(|emulator, now| emulator.truth_of(now, name.as_str()));
        let state = truth.map(|truth| truth.state);
        all += 1;
        match verdict == state.map(expected) {
            true => right += 1,
            false => streams::note(&format!("WRONG: {name} is {state:?}, not {verdict:?}")),
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

/// The emulated fleet: each device was sent a WIPE, some besides it a LOCK that is meant, and a few calls
/// go wrong.
fn fleet() -> Result<Shared, BadInput> {
    let shared = Shared::new(
        Config::default()
            .parents(0)
            .start(now().unix_millis().unsigned_abs())
            .token(TOKEN)
            .quota(ServerQuota::from(&Quota::default()))
            .time_scale(TIME_SCALE),
    );
    mistakes(&shared)?;
    Ok(shared)
}

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
