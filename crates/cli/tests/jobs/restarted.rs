//! Fault 48: the server's process is killed in the middle, and started again or not.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::ask;
use crate::process::{Process, Run, Running};

const TOKEN: &str = "emulator-token";
const COUNT: usize = 200;
/// Cancels that the first server accepts.
const ACCEPTED: usize = 60;
/// Cancels that it has not answered when it is killed.
const OPEN: usize = 10;

fn names() -> Vec<String> {
    let name = |id| format!("enterprises/e/devices/d{id:03}/operations/{}", 1000 + id);
    (0..COUNT).map(name).collect()
}

/// An emulator in a process of its own.
struct Emulator {
    process: Running,
    endpoint: String,
}

impl Emulator {
    /// Starts it with all operations pending.
    fn start(listen: &str, faults: &[&str]) -> Self {
        let args = ["emulator", "--devices", "0", "--listen", listen];
        let process = Process::new(&[&args[..], faults].concat()).start();
        process.until("the line that says where", |process| {
            process.stdout().ends_with('\n')
        });
        let ready: Value = serde_json::from_str(&process.stdout()).unwrap();
        let endpoint = ready["endpoint"].as_str().unwrap().to_owned();
        let devices = names().into_iter().map(|name| {
            let (device, id) = name.split_once("/operations/").unwrap();
            json!({"name": device, "operations": [{"id": id}]})
        });
        let devices = json!({"devices": devices.collect::<Vec<_>>()});
        post(&endpoint, "/_emulator/devices", &devices);
        Self { process, endpoint }
    }

    /// Starts it again where it was. Until all operations are there again it is unavailable: an API that
    /// comes back knows its enterprises.
    fn restart(endpoint: &str, folder: &Path) -> Self {
        let faults = folder.join("back.json");
        let unavailable = json!([{"fault": "unavailable", "times": null}]);
        std::fs::write(&faults, unavailable.to_string()).unwrap();
        let listen = endpoint.strip_prefix("http://").unwrap();
        let server = Self::start(listen, &["--faults", faults.to_str().unwrap()]);
        post(&server.endpoint, "/_emulator/faults", &json!([]));
        server
    }

    fn lines(&self, path: &str) -> Vec<Value> {
        let lines = ask(&self.endpoint, path, TOKEN);
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// True state of each operation.
    fn truth(&self) -> BTreeMap<String, String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let truth = self.lines("/_emulator/truth");
        let pairs = truth
            .iter()
            .map(|line| (text(&line["name"]), text(&line["state"])));
        pairs.collect()
    }

    /// Kills it when it has accepted all that it will accept and has more to answer.
    fn killed_in_the_middle(self, by: &Running) -> String {
        by.until("cancels", |_| {
            let audit = self.lines("/_emulator/audit");
            audit.len() >= ACCEPTED + OPEN
        });
        self.process.kill();
        self.endpoint
    }
}

fn post(endpoint: &str, path: &str, body: &Value) {
    let mut stream = TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).unwrap();
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

struct World {
    folder: tempfile::TempDir,
    server: Emulator,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let faults = folder.path().join("faults.json");
        let fault =
            json!([{"method": "cancel", "skip": ACCEPTED, "action": "stall", "times": null}]);
        std::fs::write(&faults, fault.to_string()).unwrap();
        let faults = ["--faults", faults.to_str().unwrap()];
        let server = Emulator::start("127.0.0.1:0", &faults);
        Self { folder, server }
    }

    fn process(&self, args: &[&str]) -> Process {
        Process::new(args)
            .inside(self.folder.path())
            .env("COUNTERMAND_ENDPOINT", &self.server.endpoint)
            .env("COUNTERMAND_TOKEN", TOKEN)
            .input(names().join("\n"))
    }
}

const OPTIONS: [&str; 4] = ["--quota", "none", "--in-flight", "10"];

fn cancel(deadline: &str) -> Vec<&str> {
    [&["cancel", "-", "--deadline", deadline], &OPTIONS[..]].concat()
}

/// The line of progress that tells the failure.
fn failing(running: &Running) -> String {
    running.until("a line of the failure", |running| {
        let told = running.stderr();
        told.split_inclusive('\n')
            .any(|line| line.contains("FAILING for ") && line.ends_with('\n'))
    });
    let told = running.stderr();
    let line = told.lines().find(|line| line.contains("FAILING for "));
    line.unwrap().to_owned()
}

fn tells_all(line: &str, end: &str) {
    // A connection that is about to break may take one more request of each that wait.
    let sent = line.split("cancels sent ").nth(1).unwrap();
    let (sent, _) = sent.split_once('/').unwrap();
    let sent: usize = sent.parse().unwrap();
    assert!(
        (ACCEPTED + OPEN..=ACCEPTED + 2 * OPEN).contains(&sent),
        "{line}"
    );
    let counts = format!("/{COUNT} ({ACCEPTED} accepted), verdicts 0/{COUNT}, FAILING for ");
    for words in [&*counts, " connection", end] {
        assert!(line.contains(words), "{words:?} is not in {line:?}");
    }
    assert!(
        line.contains("next try ") || line.contains("a try is under way"),
        "{line}"
    );
    for left in ["last cancel in", "last verdict in"] {
        assert!(!line.contains(left), "nothing is estimated: {line}");
    }
}

/// Each word that was told of a name is so in truth: the first server's promises went with it.
fn is_true(run: &Run, truth: &BTreeMap<String, String>) {
    assert_eq!(run.code, 5, "{run:?}");
    let states = truth.values();
    let cancelled = states.filter(|state| *state == "cancelled").count();
    assert_eq!(cancelled, COUNT - ACCEPTED, "{run:?}");
    let pending = truth.values().filter(|state| *state == "pending").count();
    assert_eq!(pending, ACCEPTED, "{run:?}");
}

#[test]
fn fault_48_cancel_survives_a_server_that_is_killed_and_started_again() {
    let world = World::new();
    let running = world.process(&cancel("25s")).start();
    let endpoint = world.server.killed_in_the_middle(&running);
    tells_all(&failing(&running), ", given up in ");
    let server = Emulator::restart(&endpoint, world.folder.path());
    let run = running.wait();
    let truth = server.truth();
    is_true(&run, &truth);
    for (name, state) in &truth {
        assert_eq!(run.verdict(name), state, "{name}");
    }
    assert!(run.stderr.contains("the server is back"), "{run:?}");
}

#[test]
fn fault_48_apply_survives_a_server_that_is_killed_and_started_again() {
    let world = World::new();
    let plan = [
        &["plan", "-", "--output", "a.job", "--deadline", "25s"],
        &OPTIONS[..],
    ];
    let run = world.process(&plan.concat()).run();
    assert_eq!(run.code, 0, "{run:?}");
    let apply = ["apply", "a.job", "--confirm", "e:200", "--in-flight", "10"];
    let running = world.process(&apply).start();
    let (again, report) = (world.process(&apply), world.process(&["report", "a.job"]));
    let status = world.process(&["status", "a.job", "--json"]);
    let endpoint = world.server.killed_in_the_middle(&running);
    tells_all(
        &failing(&running),
        ", Ctrl-C is safe: the run can be resumed",
    );
    let status = &status.run().json()[0]["progress"];
    assert_eq!(status["cancels_accepted"], ACCEPTED, "{status}");
    assert!(status["last_cancel_in_s"].is_null(), "{status}");
    let server = Emulator::restart(&endpoint, world.folder.path());
    let run = running.wait();
    let truth = server.truth();
    is_true(&run, &truth);
    let rows = report.run().json();
    let mut count = 0;
    for row in rows.iter().filter(|row| row["name"].is_string()) {
        assert_eq!(row["state"], truth[row["name"].as_str().unwrap()], "{row}");
        count += 1;
    }
    assert_eq!(count, COUNT);
    // Cancels that the first server had accepted are sent again.
    let run = again.run();
    assert_eq!(run.code, 0, "{run:?}");
    assert!(server.truth().values().all(|state| state == "cancelled"));
}

#[test]
fn fault_48_cancel_ends_one_deadline_after_a_server_that_was_killed() {
    let world = World::new();
    let running = world.process(&cancel("6s")).start();
    world.server.killed_in_the_middle(&running);
    let killed = Instant::now();
    let run = running.wait();
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
    assert_eq!(run.code, 5, "{run:?}");
    assert!(
        run.stderr.contains("no request has succeeded for 6 s"),
        "{run:?}"
    );
    let lines = |word: &str| {
        let lines = run.stdout.lines();
        lines.filter(|line| line.starts_with(word)).count()
    };
    assert_eq!(lines("unverified "), ACCEPTED, "{run:?}");
    assert_eq!(lines("cancelled "), 0, "{run:?}");
    let left = run.stderr.split(" operations were not attempted; ").next();
    let left = left.unwrap().split_whitespace().next_back().unwrap();
    let left: usize = left.parse().unwrap();
    let most = COUNT - ACCEPTED - OPEN;
    assert!((most - OPEN..=most).contains(&left), "{run:?}");
}
