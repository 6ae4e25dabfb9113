//! Searches, runs and the doctor, and a client of the facade, within a runtime that lacks timers or I/O.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use countermand::{Client, ClientBuilder, Credentials, Endpoint, OperationName, Token};
use countermand_core::GrandparentName;
use countermand_core::text::chain;
use countermand_fleet::store::Kind;
use countermand_fleet::{
    Authorization, AuthorizedJob, CheckOutcome, Diagnosis, Filter, Found, Job, Options,
    PlanSummary, Run, Search, Settings, Target, now,
};
use countermand_scheduler::Event;
use futures_util::{FutureExt, StreamExt};
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

/// Sources that ask a server: over a transport of their own, before that of the client is used.
#[test]
fn each_exchange_for_a_token_fails() {
    for (runtime, problem) in runtimes() {
        for kind in [
            "authorized_user",
            "external_account",
            "impersonated_service_account",
        ] {
            let file = countermand_emulator::credentials(kind, "http://127.0.0.1:9").unwrap();
            let credentials = Credentials::from_json(file.to_string().as_bytes(), kind).unwrap();
            let client = builder(credentials).connect().unwrap();
            let error = runtime.block_on(client.countermand(&name())).unwrap_err();
            assert!(chain(&error).contains(problem), "{kind}: {}", chain(&error));
            assert!(!error.maybe_delivered());
        }
    }
}

/// No runtime at all: each call is polled once, which is enough for its error.
#[test]
fn without_a_runtime_everything_fails() {
    let problem = "no tokio runtime is running";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "ya29.file").unwrap();
    let user = countermand_emulator::credentials("authorized_user", "http://127.0.0.1:9").unwrap();
    for credentials in [
        Credentials::from_tokens(Token::new("t").unwrap(), "a token"),
        Credentials::command("echo ya29.command"),
        Credentials::from_token_file(&file),
        Credentials::from_json(user.to_string().as_bytes(), "user").unwrap(),
    ] {
        let client = builder(credentials).connect().unwrap();
        let error = client.countermand(&name()).now_or_never().unwrap();
        let error = error.unwrap_err();
        assert!(chain(&error).contains(problem), "{}", chain(&error));
        assert!(!error.maybe_delivered());
    }

    let client = client();
    let filter = Filter::default();
    let mut search = Search::new(&client, client.scheduler(), [enterprise()], [], filter);
    let mut told = String::new();
    while let Some(found) = search.next().now_or_never().unwrap() {
        told = format!("{told}{found:?}");
    }
    assert!(told.contains(problem), "{told}");

    let mut run = Run::begin(&client, authorized(&folder.path().join("wipes.job"))).unwrap();
    let mut told = String::new();
    while let Some(event) = run.next().now_or_never().unwrap() {
        if let Event::Finished { result, .. } = event {
            told = chain(&result.unwrap_err());
        }
    }
    assert!(told.contains(problem), "{told}");

    let token = Credentials::from_tokens(Token::new("t").unwrap(), "a token");
    let access = builder(token).resolve().unwrap();
    let diagnosis = Diagnosis::of(&access, None).now_or_never().unwrap();
    assert!(diagnosis.to_string().contains(problem), "{diagnosis}");
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
    settings.lane_mut().endpoint = ENDPOINT.to_owned();
    let mut job = Job::create(path, &settings, now()).unwrap();
    job.add([Target::new(name())]).unwrap();
    job.freeze().unwrap();
    job
}

fn authorized(path: &Path) -> AuthorizedJob {
    let job = job(path);
    let counts = PlanSummary::of(&job).unwrap().enterprises.into_iter();
    let authorization = Authorization {
        endpoint: ENDPOINT.parse().unwrap(),
        confirmed: Some(counts.map(|(name, count)| (name, Some(count))).collect()),
        ..Authorization::default()
    };
    authorization.check(job, Options::default(), now()).unwrap()
}

#[test]
fn a_run_fails_and_sends_nothing() {
    for (runtime, problem) in runtimes() {
        let folder = tempfile::tempdir().unwrap();
        let authorized = authorized(&folder.path().join("wipes.job"));
        runtime.block_on(async {
            let mut run = Run::begin(client(), authorized).unwrap();
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
            assert_eq!(ended.job.settings().lane().endpoint, ENDPOINT);
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

/// Each error of a program that spawns its work, or that collects errors by `?` into one box.
#[test]
fn each_error_is_one_of_any_thread() {
    const fn any_thread<E: std::error::Error + Send + Sync + 'static>() {}
    any_thread::<countermand::ConnectError>();
    any_thread::<countermand::Error>();
    any_thread::<countermand_core::EndpointError>();
    any_thread::<countermand_core::NameError>();
    any_thread::<countermand_core::PageTokenError>();
    any_thread::<countermand_core::TransportError>();
    any_thread::<countermand_fleet::FilterError>();
    any_thread::<countermand_fleet::input::InputError>();
    any_thread::<countermand_fleet::report::ReportError<std::io::Error>>();
    any_thread::<countermand_fleet::JobError>();
    any_thread::<countermand_fleet::NotAuthorized>();
    any_thread::<countermand_fleet::Refusal>();
    any_thread::<countermand_scheduler::QuotaError>();
    any_thread::<countermand_scheduler::ShareError>();
}
