//! Servers and proxies that break their protocol, and that lie in it: no answer of theirs makes an
//! operation `cancelled` that is not, each name comes out once, repeats are bounded, and it ends.
#![cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../common/mod.rs"]
mod common;
mod http1;
mod http2;
mod proxy;
mod tls;

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countermand_core::Phase;
use countermand_hyper::{
    Client, Endpoint, HyperConfig, OperationName, Policy, Quota, Token, Verdict, monotonic_now,
};
use countermand_scheduler::Event;
use futures_util::stream::{self, StreamExt};
use http::Method;

const NAMES: usize = 8;
const DEADLINE: Duration = Duration::from_secs(3);

/// One table after the other: what is late because the machine is busy is no finding.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The most requests of one method for one name: ten attempts, as often sent again where the server
/// said that it had not processed them, and what the looks take until the deadline.
const REPEATS: u32 = 60;

/// Number of requests, or connections, that are lied to before the server comes to its senses.
const AT_FIRST: u32 = 3;

/// Number of handshakes that are broken off there: each is a failure of all who wait for it, and
/// two would open the circuit for 5 s.
const HANDSHAKES_AT_FIRST: u32 = 1;

/// Truth of a row's answers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Truth {
    /// They claim that the operation is cancelled, which it is not: not to be believed.
    False,
    /// The server does what it says, and every client understands it.
    Works,
    /// The server does what it says, but the client may not hear of it.
    Lost,
    /// They claim what is not so in a form that is good, so that a cancel which was not made is taken
    /// for accepted; or the server never comes to its senses, or the client has given up for good before it
    /// does. No verdict is believed.
    Pretended,
}

/// True states, and the requests for them.
#[derive(Default)]
struct World {
    cancelled: HashSet<String>,
    requests: HashMap<(Method, String), u32>,
    /// Requests that are lied to, by connection and stream.
    lied_to: HashSet<(u32, u32)>,
    lies: u32,
    connections: u32,
}

impl World {
    /// The number of a new connection.
    fn connect(&mut self) -> u32 {
        self.connections += 1;
        self.connections
    }

    /// Carries out a request on a stream, and answers it.
    fn answer(
        &mut self,
        (method, path): (Method, &str),
        place: (u32, u32),
        truth: Truth,
        mode: Mode,
    ) -> String {
        let name = path.trim_start_matches("/v1/");
        let name = name.trim_end_matches(":cancel").to_owned();
        *self
            .requests
            .entry((method.clone(), name.clone()))
            .or_default() += 1;
        let lies = mode == Mode::Always || self.lies < AT_FIRST;
        if lies {
            self.lies += 1;
            self.lied_to.insert(place);
        }
        let pretends = lies && matches!(truth, Truth::False | Truth::Pretended);
        if method == Method::POST {
            if !pretends {
                self.cancelled.insert(name);
            }
            return "{}".to_owned();
        }
        match pretends || self.cancelled.contains(&name) {
            true => format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#),
            false => format!(r#"{{"name":"{name}"}}"#),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Always,
    AtFirst,
}

fn names() -> Vec<OperationName> {
    let name = |id| {
        format!("enterprises/LC01/devices/3f/operations/{id}")
            .parse()
            .unwrap()
    };
    (0..NAMES).map(name).collect()
}

/// Result of a run, and the time that it took.
struct Run {
    verdicts: HashMap<String, Option<Verdict>>,
    took: Duration,
}

/// The real client, which gives up when nothing has answered for one deadline.
async fn run(endpoint: Endpoint, config: HyperConfig) -> Run {
    let begun = Instant::now();
    let policy = Policy::default()
        .deadline(DEADLINE)
        .attempt_timeout(Duration::from_secs(1))
        .backoff(Duration::from_millis(10), Duration::from_millis(200))
        .poll_interval(Duration::from_millis(20), Duration::from_millis(200));
    let token = Token::new("token").unwrap();
    let client = Client::connect(endpoint, token, config)
        .unwrap()
        .policy(policy)
        .seed(7);
    let scheduler = client.scheduler().quota(Quota::unlimited());
    let names = names().into_iter().map(|name| (name, Phase::Unsent));
    let mut events = client.run(scheduler, stream::iter(names));
    let mut verdicts = HashMap::new();
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    loop {
        tokio::select! {
            event = events.next() => match event {
                None => break,
                Some(Event::Finished { name, result }) => {
                    let verdict = result.ok().map(|outcome| outcome.verdict);
                    let twice = verdicts.insert(name.to_string(), verdict);
                    assert_eq!(twice, None, "{name} came out twice");
                }
                Some(_) => {}
            },
            _ = tick.tick() => {
                let outage = events.outage();
                if outage.is_some_and(|outage| monotonic_now() - outage.since >= DEADLINE) {
                    events.stop("nothing answers");
                }
            }
        }
    }
    Run {
        verdicts,
        took: begun.elapsed(),
    }
}

/// Lists the defects of a run; empty without any.
fn judge(run: &Run, world: &World, truth: Truth, mode: Mode) -> String {
    let mut wrong = String::new();
    let cancelled = |verdict: &Option<Verdict>| *verdict == Some(Verdict::Cancelled);
    for (name, verdict) in &run.verdicts {
        if cancelled(verdict) && !world.cancelled.contains(name) {
            writeln!(wrong, "{name} is said to be cancelled, which is a lie").unwrap();
        }
    }
    if run.verdicts.len() != NAMES {
        writeln!(wrong, "{} names came out", run.verdicts.len()).unwrap();
    }
    let count = run
        .verdicts
        .values()
        .filter(|verdict| cancelled(verdict))
        .count();
    let recovers = mode == Mode::AtFirst && truth != Truth::Pretended;
    if count < NAMES && (truth == Truth::Works || recovers) {
        writeln!(wrong, "{count} of {NAMES} cancelled: {:?}", run.verdicts).unwrap();
    }
    let most = world.requests.values().max().copied().unwrap_or_default();
    if most > REPEATS {
        writeln!(wrong, "sent {most} times").unwrap();
    }
    // Both deadlines of an operation, the one of an outage, and the time of an attempt.
    if run.took > DEADLINE * 4 {
        writeln!(wrong, "took {:?}", run.took).unwrap();
    }
    wrong
}

/// Tries each row with a server that lies always, and with one that lies at first; a run gives the name
/// of its row and what was not as it should be.
async fn try_each<R>(
    rows: Vec<R>,
    at_once: usize,
    try_one: impl AsyncFn(Arc<R>, Mode) -> (String, String),
) {
    let _turn = TURN.lock().await;
    let rows = rows.into_iter().map(Arc::new);
    let runs =
        rows.flat_map(|row| [Mode::Always, Mode::AtFirst].map(|mode| (Arc::clone(&row), mode)));
    let wrong: Vec<String> = stream::iter(runs)
        .map(|(row, mode)| {
            let tried = try_one(row, mode);
            async move {
                let (name, wrong) = tried.await;
                (!wrong.is_empty()).then(|| format!("{name} ({mode:?}):\n{wrong}"))
            }
        })
        .buffer_unordered(at_once)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
