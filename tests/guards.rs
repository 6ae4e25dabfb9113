//! The cost of an operation, as counts that do not depend on the machine's load: allocations, and
//! instructions where valgrind is installed. Never times.
//!
//! A program of its own (`harness = false`), because it prints the counts that it skipped, and because
//! it starts itself again under valgrind. Bounds are the measured counts plus 10 % (1 % for the cancel of
//! a client), for the debug profile of rustc 1.95; when one is exceeded, `make bench` shows the cost in time.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may panic and reports"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::env;
use std::future::{pending, ready};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use countermand_core::{Endpoint, Operation, OperationName, Request, Verdict};
use countermand_emulator::{Config, Fate, Server, Shared};
use countermand_hyper::{Authorized, Client, HyperConfig, Token, Transmit};
use countermand_scheduler::Quota;
use futures_util::stream::{self, StreamExt};
use http::{Method, Response};

/// The system's allocator, with counters.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is handed to the system's allocator unchanged.
#[expect(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A kind of work, done for a number of operations.
struct Work {
    name: &'static str,
    run: fn(u32),
    /// The bounds: allocations and instructions of one operation.
    allocations: u64,
    instructions: u64,
}

const WORKS: [Work; 8] = [
    Work {
        name: "core: build a cancel",
        run: build,
        allocations: 3,
        instructions: 14_900,
    },
    Work {
        name: "core: name, cancel, answer",
        run: codec,
        allocations: 4,
        instructions: 27_300,
    },
    Work {
        name: "core: operation",
        run: operation,
        allocations: 2,
        instructions: 76_000,
    },
    Work {
        name: "client: cancel",
        run: cancel,
        allocations: 6,
        instructions: 28_700,
    },
    Work {
        name: "client: countermand",
        run: countermand,
        allocations: 14,
        instructions: 144_800,
    },
    Work {
        name: "scheduler",
        run: scheduler,
        allocations: 25,
        instructions: 207_700,
    },
    Work {
        name: "socket: cancel, HTTP/1.1",
        run: in_series,
        allocations: 13,
        instructions: 244_000,
    },
    Work {
        name: "socket: cancel, HTTP/2",
        run: in_bulk,
        allocations: 19,
        instructions: 313_000,
    },
];

const NAME: &str = "enterprises/LC01abcd89/devices/3f00c0ffee123456/operations/1786048723669";

/// Environment variable with the work of a process under valgrind and its count; or `serve`.
const VARIABLE: &str = "COUNTERMAND_GUARD";
const SERVE: &str = "serve";

/// Environment variable with the address of the server and an operation there.
const SERVER: &str = "COUNTERMAND_GUARD_SERVER";

fn main() -> ExitCode {
    let order = env::var(VARIABLE);
    if order.as_deref() == Ok(SERVE) {
        serve();
    }
    if let Ok(order) = order {
        let (index, count) = order.split_once(' ').unwrap();
        (WORKS[index.parse::<usize>().unwrap()].run)(count.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let (mut server, address) = start_server();
    // SAFETY: no other thread has been started.
    #[expect(unsafe_code, reason = "for the works that are done in this process")]
    unsafe {
        env::set_var(SERVER, address);
    }
    let mut failed = false;
    let mut check = |work: &Work, what: &str, count: u64, most: u64| {
        let word = if count <= most { "ok" } else { "TOO MANY" };
        println!(
            "{:<28} {count:>8} {what}, at most {most}: {word}",
            work.name
        );
        failed |= count > most;
    };
    for work in &WORKS {
        let count = per_operation(|count| {
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            (work.run)(count);
            ALLOCATIONS.load(Ordering::Relaxed) - before
        });
        check(work, "allocations", count, work.allocations);
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("instructions: SKIPPED, valgrind is not installed");
    } else {
        for (index, work) in WORKS.iter().enumerate() {
            let count = per_operation(|count| instructions(index, count));
            check(work, "instructions", count, work.instructions);
        }
    }
    server.kill().unwrap();
    server.wait().unwrap();
    ExitCode::from(u8::from(failed))
}

/// A server process, so that its work is not counted, and its address.
fn start_server() -> (Child, String) {
    let mut server = Command::new(env::current_exe().unwrap())
        .env(VARIABLE, SERVE)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let told = server.stdout.take().unwrap();
    BufReader::new(told).read_line(&mut address).unwrap();
    (server, address.trim().to_owned())
}

fn serve() -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let one = Config::default()
            .parents(1)
            .operations(1, 0)
            .mix([(1, Fate::Cancellable)]);
        let shared = Shared::new(one);
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(here, shared.clone()).await.unwrap();
        let names = shared.with(|emulator, now| emulator.pending(now));
        println!("{} {}", server.endpoint(), names[0]);
        pending().await
    })
}

/// The difference of two lengths of a run, so that one-time work does not count.
fn per_operation(mut run: impl FnMut(u32) -> u64) -> u64 {
    let (few, many) = (200, 1200);
    // Everything that is set up lazily is there before the count begins.
    run(few);
    let less = run(few);
    let more = run(many);
    (more.saturating_sub(less)).div_ceil(u64::from(many - few))
}

/// The instructions of this program for `count` operations of this work.
fn instructions(index: usize, count: u32) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().unwrap())
        .env(VARIABLE, format!("{index} {count}"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let (_, total) = told.split_once("Collected : ").expect(&told);
    total.split_whitespace().next().unwrap().parse().unwrap()
}

fn build(count: u32) {
    // A constant name, and a name of its own, as on a command line.
    let endpoints = [
        Endpoint::default(),
        "http://127.0.0.1:8080".parse().unwrap(),
    ];
    let name: OperationName = NAME.parse().unwrap();
    for endpoint in endpoints.iter().cycle().take(count as usize) {
        drop(Request::Cancel(name.clone()).http(endpoint));
    }
}

fn codec(count: u32) {
    let (endpoint, answer) = (Endpoint::default(), Response::new("{}"));
    for _ in 0..count {
        let name: OperationName = NAME.parse().unwrap();
        let cancel = Request::Cancel(name);
        drop(cancel.http(&endpoint));
        cancel.read(&answer).unwrap();
    }
}

fn operation(count: u32) {
    let name: OperationName = NAME.parse().unwrap();
    let answer = Response::new(cancelled(NAME));
    for _ in 0..count {
        let operation = Operation::read(name.clone(), &answer).unwrap();
        assert_eq!(operation.verdict(), Some(Verdict::Cancelled));
    }
}

fn cancel(count: u32) {
    with_client(async |client| {
        let name = NAME.parse().unwrap();
        for _ in 0..count {
            client.cancel(&name).await.unwrap();
        }
    });
}

fn countermand(count: u32) {
    with_client(async |client| {
        let name = NAME.parse().unwrap();
        for _ in 0..count {
            let outcome = client.countermand(&name).await.unwrap();
            assert_eq!(outcome.verdict, Verdict::Cancelled);
        }
    });
}

fn scheduler(count: u32) {
    with_client(async |client| {
        let names = (0..count).map(|index| format!("{NAME}{index}").parse().unwrap());
        let results = client.countermand_all(names.collect::<Vec<_>>());
        let good = results
            .filter(|(_, result)| {
                ready(matches!(result, Ok(outcome) if outcome.verdict == Verdict::Cancelled))
            })
            .count()
            .await;
        assert_eq!(good, count as usize);
    });
}

fn in_series(count: u32) {
    with_connection(HyperConfig::default(), async |client, name| {
        for _ in 0..count {
            client.cancel(name).await.unwrap();
        }
    });
}

fn in_bulk(count: u32) {
    let config = HyperConfig::default().http2_prior_knowledge(true);
    with_connection(config, async |client, name| {
        let cancels = stream::iter(0..count).map(|_| client.cancel(name));
        let mut ended = cancels.buffer_unordered(100);
        while let Some(result) = ended.next().await {
            result.unwrap();
        }
    });
}

/// A client as a user has it, with the server in the other process.
fn with_connection(config: HyperConfig, work: impl AsyncFnOnce(&Client, &OperationName)) {
    let server = env::var(SERVER).unwrap();
    let (endpoint, name) = server.split_once(' ').unwrap();
    let (endpoint, name) = (endpoint.parse().unwrap(), name.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let token = Token::new("emulator-token").unwrap();
        let client = Client::connect(endpoint, token, config).unwrap();
        work(&client, &name).await;
    });
}

/// A client as a user has it, with tokens, over a function as its server.
fn with_client(work: impl AsyncFnOnce(&Client)) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let server = |transmit: Transmit| {
        let body = match *transmit.request.method() {
            Method::POST => Bytes::from_static(b"{}"),
            _ => {
                let path = transmit.request.uri().path();
                Bytes::from(cancelled(path.strip_prefix("/v1/").unwrap()))
            }
        };
        ready(Ok(Response::new(body)))
    };
    // Of the alphabet of real tokens: the search for it in answers ends as early as for a real one.
    let token = Token::new("ya29.a0AfB_byC-Q7xKzJq9VwXcanary").unwrap();
    let client = Client::new(Authorized::new(Endpoint::default(), token, server));
    runtime.block_on(work(&client.quota(Quota::unlimited())));
}

/// An operation of 499 bytes, for a name of 72; one allocation, because the server's count too.
fn cancelled(name: &str) -> String {
    let (head, tail) = include_str!("../crates/core/benches/operation.json")
        .split_once("{name}")
        .unwrap();
    [head, name, tail].concat()
}
