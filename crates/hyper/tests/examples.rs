//! The examples, run as a reader would: each against an emulator on a port.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::common;
use countermand_core::{OperationName, Service};
use countermand_emulator::{Config, Fate, Script, Server, Shared};
use serde_json::json;
use tokio::process::Command;

/// Folder in which cargo puts the examples, next to this test's own binary.
fn example(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    deps.parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples")
        .join(name)
}

/// Runs an example on an operation of a fate, behind a fault that passes.
async fn run(name: &str, service: &'static Service, fate: Fate) -> (String, bool) {
    let script = json!([{"method": "cancel", "status": 503, "headers": {"retry-after": "0"}}]);
    let script = Script::of(service, script).unwrap();
    let config = Config::default().service(service).parents(1);
    let shared = Shared::new(config.mix([(1, fate)]).script(script));
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), shared.clone())
        .await
        .unwrap();
    let operation = shared.with(|emulator, now| emulator.pending(now).remove(0));
    let output = Command::new(example(name))
        .arg(OperationName::parse(service, &operation).unwrap().as_str())
        .env("COUNTERMAND_ENDPOINT", server.endpoint())
        .env(
            "COUNTERMAND_TOKEN",
            shared.with(|emulator, _| emulator.token().to_owned()),
        )
        .output()
        .await
        .unwrap();
    let verdict = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let truth = shared.with(|emulator, now| emulator.truth_of(now, &operation).unwrap());
    assert_eq!(
        verdict == "cancelled",
        truth.cancelled,
        "{name}: {verdict} {truth:?}"
    );
    (verdict, output.status.success())
}

async fn tells_the_truth(name: &str) {
    // The request that cancels a job of Dataflow has a body.
    let dataflow = Service::named("dataflow.v1b3").unwrap();
    for service in [Service::DEFAULT, dataflow] {
        assert_eq!(
            run(name, service, Fate::Cancellable).await,
            ("cancelled".to_owned(), true),
            "{name}"
        );
    }
    // After the start of the example, and before its second look.
    let after = std::time::Duration::from_millis(300);
    assert_eq!(
        run(name, Service::DEFAULT, Fate::Completes { after }).await,
        ("completed".to_owned(), false),
        "{name}"
    );
}

#[tokio::test]
async fn by_hand() {
    tells_the_truth("by_hand").await;
}

#[tokio::test]
async fn by_hand_sends_no_token_where_tls_is_due() {
    let (listener, address) = common::listen().await;
    let output = Command::new(example("by_hand"))
        .arg(common::NAME)
        .env("COUNTERMAND_ENDPOINT", format!("https://{address}"))
        .env("COUNTERMAND_TOKEN", "canary")
        .output();
    tokio::select! {
        output = output => {
            let output = output.unwrap();
            let text = String::from_utf8(output.stderr).unwrap();
            assert!(text.contains("plain http"), "{text}");
            assert!(!output.status.success());
        }
        _ = listener.accept() => panic!("it connected"),
    }
}

#[tokio::test]
async fn ureq() {
    tells_the_truth("ureq").await;
}

#[tokio::test]
async fn reqwest() {
    tells_the_truth("reqwest").await;
}

#[tokio::test]
async fn tower() {
    tells_the_truth("tower").await;
}

#[tokio::test]
async fn scheduler_by_hand() {
    let script: Script =
        r#"[{"method": "cancel", "status": 503, "headers": {"retry-after": "1"}}]"#
            .parse()
            .unwrap();
    let shared = Shared::new(
        Config::default()
            .parents(5)
            .mix([(1, Fate::Cancellable)])
            .script(script),
    );
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), shared.clone())
        .await
        .unwrap();
    let names = shared.with(|emulator, now| emulator.pending(now));
    let output = Command::new(example("scheduler_by_hand"))
        .args(&names)
        .env("COUNTERMAND_ENDPOINT", server.endpoint())
        .env(
            "COUNTERMAND_TOKEN",
            shared.with(|emulator, _| emulator.token().to_owned()),
        )
        .output()
        .await
        .unwrap();
    let mut lines = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    lines.sort();
    let mut expected = names
        .iter()
        .map(|name| format!("cancelled {name}"))
        .collect::<Vec<_>>();
    expected.sort();
    assert_eq!(lines, expected);
    assert!(output.status.success());
    assert!(shared.with(|emulator, now| {
        names
            .iter()
            .all(|name| emulator.truth_of(now, name).unwrap().cancelled)
    }));
}
