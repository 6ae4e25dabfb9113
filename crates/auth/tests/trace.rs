//! No secret leaves the process, whatever is logged: the client runs in a process of its own with
//! every crate's log at its most talkative, and all that it writes is searched.
#![cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and writes what is searched"
)]

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use countermand_auth::TokenFile;
use countermand_core::text::chain;
use countermand_emulator::{
    Config, Fate, NewOperation, NewParent, Quirks, Script, Server, Shared, Tls,
};
use countermand_hyper::core::Cancellation;
use countermand_hyper::{
    Authorized, Client, Endpoint, Hyper, HyperConfig, OperationName, Policy, Step, Token, Transmit,
    Transport,
};
use futures_util::stream::StreamExt;
use serde_json::json;

const TOKEN: &str = "canary-token";
const PASSWORD: &str = "canary-new-password";
const MESSAGE: &str = "canary-lost-mode-message";

/// Environment variables by which the client's process is told everything: it has no arguments.
const ENDPOINT: &str = "COUNTERMAND_TEST_ENDPOINT";
const AUTHORITY: &str = "COUNTERMAND_TEST_CA";
const PRIOR: &str = "COUNTERMAND_TEST_PRIOR_KNOWLEDGE";
const NAMES: &str = "COUNTERMAND_TEST_NAMES";

/// Operations whose answers hold secrets, however little was asked for; the fourth is answered with
/// less than JSON, the fifth with a token that is refused.
fn emulator() -> (Shared, Vec<String>) {
    let params = json!({ "newPassword": PASSWORD, "startLostModeParams": {
        "lostMessage": { "defaultMessage": MESSAGE } } });
    let mut quirks = Quirks::default();
    quirks.ignore_fields = true;
    let operation = || {
        let params = params.as_object().unwrap().clone();
        NewOperation::new(Fate::Cancellable)
            .params(params)
            .quirks(quirks)
    };
    let shared = Shared::new(Config::default().parents(0).token(TOKEN).quirks(quirks));
    let names = shared.with(|emulator, now| {
        let device = NewParent::with([(); 6].map(|()| operation()));
        let names = emulator.add(now, device).unwrap().operations;
        let script = json!([
            { "method": "get", "name": names[3], "times": null, "action": "truncate", "after": 300 },
            { "fault": "unauthenticated", "name": names[4] },
            { "fault": "reset-after", "name": names[5] },
        ]);
        emulator.set_script(Script::from_value(script).unwrap());
        names
    });
    (shared, names)
}

#[tokio::test]
async fn no_secret_in_anything_that_a_client_writes_with_every_log_at_trace() {
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    for (tls, http2) in [(true, true), (true, false), (false, true), (false, false)] {
        let (shared, names) = emulator();
        let directory = tempfile::tempdir().unwrap();
        let authority = Tls::localhost().unwrap();
        let server = match tls {
            true => Server::bind_tls(here, shared.clone(), &authority).await,
            false => Server::bind(here, shared.clone()).await,
        };
        let server = server.unwrap();
        let mut client = Command::new(env::current_exe().unwrap());
        client
            .args(["the_client", "--exact", "--ignored", "--nocapture"])
            .env(ENDPOINT, server.endpoint())
            .env(NAMES, names.join(" "))
            .env("COUNTERMAND_TOKEN", TOKEN)
            .env("RUST_BACKTRACE", "full");
        if tls {
            client.env(AUTHORITY, authority.write_to(directory.path()).unwrap());
        }
        if http2 {
            client.env(PRIOR, "1");
        }
        let output = tokio::task::spawn_blocking(move || client.output());
        let output = output.await.unwrap().unwrap();
        let written = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        let written = written.join("\n");
        assert!(output.status.success(), "{written}");
        for secret in ["canary", "Y2FuYXJ5"] {
            let line = written.lines().find(|line| line.contains(secret));
            assert!(
                line.is_none(),
                "tls {tls}, http2 {http2}: {}",
                line.unwrap_or_default()
            );
        }
        // It was told everything, and the secrets were there to be told.
        for part in [
            "TRACE",
            "hyper_util::",
            "countermand_hyper",
            "a panic of ours",
            "the client is done",
        ] {
            assert!(written.contains(part), "{part} is not in\n{written}");
        }
        assert_eq!(written.contains("h2::"), http2, "{written}");
        let asked =
            shared.with(|emulator, _| emulator.audit().iter().filter(|row| row.had_token).count());
        assert!(asked > 10, "{asked} requests had the token");
    }
}

#[tokio::test]
#[ignore = "started by the test above"]
async fn the_client() {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let Ok(endpoint) = env::var(ENDPOINT) else {
        return;
    };
    let endpoint: Endpoint = endpoint.parse().unwrap();
    let http2 = env::var_os(PRIOR).is_some();
    let mut config = HyperConfig::default()
        .http2_prior_knowledge(http2)
        .http1_only(!http2);
    if let Some(path) = env::var_os(AUTHORITY) {
        config = config.ca_file(PathBuf::from(path));
    }
    let secret = env::var("COUNTERMAND_TOKEN").unwrap();
    let token = Token::new(&secret).unwrap();
    let client = Client::connect(endpoint.clone(), token.clone(), config.clone()).unwrap();
    let client = client.policy(Policy::default().max_attempts(2));
    let names = env::var(NAMES).unwrap();
    let names = names.split(' ').map(|name| name.parse().unwrap());
    let names = names.collect::<Vec<OperationName>>();

    // What is asked for, and everything that comes of it, as any program may print it.
    let listed = client
        .list_operations(&names[0].parent(), None)
        .collect::<Vec<_>>()
        .await;
    assert_eq!(listed.len(), 6);
    println!("{listed:?}");
    for name in &names {
        let got = client.get(name).await;
        println!(
            "{got:?} {}",
            got.as_ref()
                .err()
                .map(|error| chain(error))
                .unwrap_or_default()
        );
        let ended = client.countermand(name).await;
        println!("{ended:?}");
        if let Err(error) = ended {
            println!(
                "{} {} {}",
                chain(&error),
                error.advice(),
                serde_json::to_string(&error).unwrap()
            );
        }
    }
    let all = client
        .countermand_all(names.clone())
        .collect::<Vec<_>>()
        .await;
    println!("{all:?}");

    // What holds secrets, as a debugger shows it, and in a panic.
    let hyper = Hyper::new(&endpoint, config.clone()).unwrap();
    let authorized = Authorized::new(endpoint, token.clone(), hyper.clone());
    let file = TokenFile::new("/nonexistent");
    let Step::Send(attempt) =
        Cancellation::new(names[0].clone()).start(countermand_hyper::monotonic_now(), 1)
    else {
        panic!("a cancellation begins with a request");
    };
    let shown =
        format!("{client:?} {config:?} {hyper:?} {authorized:?} {file:?} {token:?} {attempt:?}");
    println!("{shown}");
    // A request with its token, as a decorator of a transport may print it.
    let decorated = Authorized::new(
        Endpoint::default(),
        token,
        |transmit: Transmit| async move {
            println!("{transmit:?}");
            Ok(http::Response::new(bytes::Bytes::new()))
        },
    );
    decorated
        .send(attempt.transmit(countermand_hyper::monotonic_now()))
        .await
        .unwrap();
    let panicked = std::panic::catch_unwind(|| panic!("a panic of ours: {shown}"));
    panicked.unwrap_err();
    println!("the client is done");
}
