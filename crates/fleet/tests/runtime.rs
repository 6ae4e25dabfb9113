//! Searches, runs and the doctor, and a client of the facade, within a runtime that lacks timers or I/O.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use countermand::{Client, ClientBuilder, Credentials, Endpoint, OperationName, Token};
use countermand_core::GrandparentName;
use countermand_core::text::chain;
use countermand_fleet::store::Kind;
use countermand_fleet::{
    Authorization, CheckOutcome, Diagnosis, Filter, Found, Job, Options, PlanSummary, Run, Search,
    Settings, Target, now,
};
use countermand_scheduler::Event;
use futures_util::StreamExt;
use tokio::runtime::{Builder, Runtime};

const ENDPOINT: &str = "http://127.0.0.1:9/v1";

fn name() -> OperationName {
    "enterprises/e/devices/d/operations/1".parse().unwrap()
}

fn enterprise() -> GrandparentName {
    "enterprises/e".parse().unwrap()
}

/// Runtimes that lack timers, I/O or both, and how the error of each begins.
fn runtimes() -> [(Runtime, &'static str); 3] {
    let builder = Builder::new_current_thread;
    [
        (builder().build(), "the tokio runtime has no "),
        (
            builder().enable_time().build(),
            "the tokio runtime has no I/O",
        ),
        (
            builder().enable_io().build(),
            "the tokio runtime has no timers",
        ),
    ]
    .map(|(runtime, problem)| (runtime.unwrap(), problem))
}

fn builder(credentials: Credentials) -> ClientBuilder {
    let endpoint: Endpoint = ENDPOINT.parse().unwrap();
    ClientBuilder::new()
        .endpoint(endpoint)
        .credentials(credentials)
}

fn client() -> Client {
    let token = Credentials::from_tokens(Token::new("t").unwrap(), "a token");
    builder(token).connect().unwrap()
}

#[test]
fn each_source_of_tokens_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "ya29.file").unwrap();
    for (runtime, problem) in runtimes() {
        for (what, credentials) in [
            ("command", Credentials::command("echo ya29.command")),
            ("file", Credentials::from_token_file(&file)),
        ] {
            let client = builder(credentials).connect().unwrap();
            let error = runtime.block_on(client.countermand(&name())).unwrap_err();
            assert!(chain(&error).contains(problem), "{what}: {}", chain(&error));
            assert!(!error.maybe_delivered());
        }
    }
}

#[test]
fn a_search_fails() {
    for (runtime, problem) in runtimes() {
        let client = client();
        runtime.block_on(async {
            let scheduler = client.scheduler();
            let filter = Filter::default();
            let mut search = Search::new(&client, scheduler, [enterprise()], [], filter);
            let mut told = Vec::new();
            while let Some(found) = search.next().await {
                told.push(format!("{found:?}"));
                assert!(
                    matches!(found, Found::Missed { .. } | Found::Stopped(_)),
                    "{told:?}"
                );
            }
            assert!(told.iter().any(|told| told.contains(problem)), "{told:?}");
        });
    }
}

fn job(path: &Path) -> Job {
    let mut settings = Settings::new(Kind::Plan);
    settings.endpoint = ENDPOINT.to_owned();
    let mut job = Job::create(path, &settings, now()).unwrap();
    job.add([Target::new(name())]).unwrap();
    job.freeze().unwrap();
    job
}

#[test]
fn a_run_fails_and_sends_nothing() {
    for (runtime, problem) in runtimes() {
        let folder = tempfile::tempdir().unwrap();
        let job = job(&folder.path().join("wipes.job"));
        let counts = PlanSummary::of(&job).unwrap().enterprises.into_iter();
        let authorization = Authorization {
            endpoint: ENDPOINT.parse().unwrap(),
            confirmed: Some(counts.map(|(name, count)| (name, Some(count))).collect()),
            ..Authorization::default()
        };
        let authorized = authorization.check(job, Options::default(), now()).unwrap();
        runtime.block_on(async {
            let mut run = Run::begin(&client(), authorized).unwrap();
            let mut problems = Vec::new();
            while let Some(event) = run.next().await {
                if let Event::Finished { result, .. } = event {
                    let error = result.unwrap_err();
                    assert!(!error.maybe_delivered());
                    problems.push(chain(&error));
                }
            }
            assert!(
                problems.iter().all(|told| told.contains(problem)),
                "{problems:?}"
            );
            let ended = run.end("all was tried");
            assert_eq!(ended.job.settings().endpoint, ENDPOINT);
        });
    }
}

#[test]
fn the_doctor_tells_it() {
    for (runtime, problem) in runtimes() {
        let token = Credentials::from_tokens(Token::new("t").unwrap(), "a token");
        let access = builder(token).resolve().unwrap();
        let diagnosis = runtime.block_on(Diagnosis::of(&access, None));
        let failed: Vec<_> = diagnosis
            .checks
            .iter()
            .filter(|check| check.outcome == CheckOutcome::Fail)
            .collect();
        assert_eq!(failed.len(), 1, "{diagnosis}");
        assert!(failed[0].message.contains(problem), "{diagnosis}");
    }
}
