//! 100,000 operations over HTTP/2, by a client that is alone in a process so that its memory can be
//! measured.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic, and reports"
)]

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use countermand_core::{OperationName, Phase, Verdict};
use countermand_emulator::{Config, Fate, Server, Shared};
use countermand_hyper::{Client, HyperConfig, Token};
use countermand_scheduler::Event;
use countermand_scheduler::Quota;
use futures_util::stream::{self, StreamExt};

const OPERATIONS: usize = 100_000;

/// The most that the client may take, in bytes.
const MOST: usize = (20 << 20) + 200 * OPERATIONS;

/// Environment variable that gives the client process the address of the server.
const ENDPOINT: &str = "COUNTERMAND_TEST_ENDPOINT";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_over_http_2_lose_nothing_and_take_little() {
    let shared = Shared::new(
        Config::default()
            .parents(200)
            .operations(OPERATIONS / 200, 0)
            .mix([(1, Fate::Cancellable)]),
    );
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind(here, shared.clone()).await.unwrap();
    let names = shared.with(|emulator, now| emulator.pending(now));
    assert_eq!(names.len(), OPERATIONS);

    let mut client = Command::new(env::current_exe().unwrap())
        .args(["the_client", "--exact", "--ignored", "--nocapture"])
        .env(ENDPOINT, server.endpoint())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = client.stdin.take().unwrap();
    // If the client ends early, its output says why.
    std::thread::spawn(move || names.iter().try_for_each(|name| writeln!(stdin, "{name}")));
    let output = tokio::task::spawn_blocking(|| client.wait_with_output());
    let output = output.await.unwrap().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}");
    let told = |what: &str| {
        let line = told.lines().find_map(|line| line.strip_prefix(what));
        line.unwrap_or_else(|| panic!("no {what} in {told}"))
            .parse::<usize>()
            .unwrap()
    };
    assert_eq!(told("cancelled: "), OPERATIONS);
    let truth = shared.with(|emulator, now| emulator.truth(now));
    let cancelled = truth.into_iter().filter(|truth| truth.cancelled);
    assert_eq!(cancelled.count(), OPERATIONS);
    if cfg!(target_os = "linux") {
        let peak = told("peak: ");
        println!("{} MiB", peak >> 20);
        assert!(peak < MOST, "{peak} bytes of {MOST}");
    }
}

/// No quota; names are read as they are pulled.
#[tokio::test]
#[ignore = "a part of the other test, in a process of its own"]
async fn the_client() {
    let endpoint = env::var(ENDPOINT).unwrap().parse().unwrap();
    let token = Token::new("emulator-token").unwrap();
    let config = HyperConfig::default().http2_prior_knowledge(true);
    let client = Client::connect(endpoint, token, config).unwrap();
    let client = client.quota(Quota::unlimited());
    let names = BufReader::new(io::stdin()).lines().map(|line| {
        let name: OperationName = line.unwrap().parse().unwrap();
        (name, Phase::Unsent)
    });
    let mut running = client.run(client.scheduler(), stream::iter(names));
    let mut cancelled = 0;
    while let Some(event) = running.next().await {
        if let Event::Finished { result, name } = event {
            let outcome = result.unwrap_or_else(|error| panic!("{name}: {error}"));
            cancelled += usize::from(outcome.verdict == Verdict::Cancelled);
        }
    }
    println!("\ncancelled: {cancelled}");
    if cfg!(target_os = "linux") {
        println!("peak: {}", peak());
    }
}

/// The peak of this process's memory, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse::<usize>().unwrap() << 10
}
