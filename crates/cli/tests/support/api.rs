//! An emulated API on a socket, and what really happened there.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use countermand_emulator::{Config, Fate, NewOperation, NewParent, Script, Server, Shared, State};
use countermand_emulator::{Quirks, Tls};
use tokio::runtime::Runtime;

use crate::process::Process;

pub(crate) const TOKEN: &str = "ya29.canary0123456789-token";

pub(crate) struct Api {
    pub(crate) shared: Shared,
    pub(crate) endpoint: String,
    pub(crate) names: Vec<String>,
    // Closed in this order.
    server: Server,
    _runtime: Runtime,
}

impl Api {
    /// One device with one WIPE for each fate.
    pub(crate) fn new(fates: impl IntoIterator<Item = Fate>) -> Self {
        let operations = fates.into_iter().map(NewOperation::new);
        Self::with(operations, Quirks::default(), None)
    }

    pub(crate) fn with(
        operations: impl IntoIterator<Item = NewOperation>,
        quirks: Quirks,
        tls: Option<&Tls>,
    ) -> Self {
        let shared = Shared::new(Config::default().parents(0).token(TOKEN).quirks(quirks));
        let names = operations
            .into_iter()
            .map(|operation| {
                let device = NewParent::with([operation]);
                shared.with(|emulator, now| emulator.add(now, device).unwrap().operations.remove(0))
            })
            .collect();
        Self::serve(shared, names, tls)
    }

    /// Serves an emulator; `names` are the operations that the test is about.
    pub(crate) fn serve(shared: Shared, names: Vec<String>, tls: Option<&Tls>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let address = ([127, 0, 0, 1], 0).into();
        let server = runtime.block_on(async {
            match tls {
                None => Server::bind(address, shared.clone()).await,
                Some(tls) => Server::bind_tls(address, shared.clone(), tls).await,
            }
        });
        let server = server.unwrap();
        Self {
            shared,
            endpoint: server.endpoint(),
            names,
            server,
            _runtime: runtime,
        }
    }

    pub(crate) fn faults(self, script: serde_json::Value) -> Self {
        let script = Script::from_value(script).unwrap();
        self.shared.with(|emulator, _| emulator.set_script(script));
        self
    }

    /// The command with these arguments, this API and its token.
    pub(crate) fn command(&self, args: &[&str]) -> Process {
        Process::new(args)
            .env("COUNTERMAND_ENDPOINT", &self.endpoint)
            .env("COUNTERMAND_TOKEN", TOKEN)
    }

    /// `cancel` with these options and all the names.
    pub(crate) fn cancel(&self, options: &[&str]) -> Process {
        let names = self.names.iter().map(String::as_str);
        let args: Vec<&str> = ["cancel"]
            .into_iter()
            .chain(options.iter().copied())
            .collect();
        self.command(&args.into_iter().chain(names).collect::<Vec<_>>())
    }

    /// Number of connections that it has taken.
    pub(crate) fn connections(&self) -> usize {
        self.server.connections()
    }

    /// Root of the API, with its version.
    pub(crate) fn endpoint_v1(&self) -> String {
        format!("{}/v1", self.endpoint)
    }

    pub(crate) fn states(&self) -> Vec<State> {
        self.shared.with(|emulator, now| {
            let states = self.names.iter();
            states
                .map(|name| emulator.truth_of(now, name).unwrap().state)
                .collect()
        })
    }

    /// The paths asked for so far, each with the status of its answer.
    pub(crate) fn asked(&self) -> Vec<(String, Option<u16>)> {
        self.shared.with(|emulator, _| {
            let audit = emulator.audit().iter();
            audit.map(|row| (row.path.clone(), row.status)).collect()
        })
    }

    /// Number of requests for a name.
    pub(crate) fn requests_for(&self, name: &str) -> usize {
        let asked = self.asked();
        asked.iter().filter(|(path, _)| path.contains(name)).count()
    }
}

/// Answer of a server to a GET with this token.
pub(crate) fn ask(endpoint: &str, path: &str, token: &str) -> String {
    let mut stream = TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The device carries it out at once, whatever is asked.
pub(crate) const COMPLETES: Fate = Fate::Completes {
    after: Duration::ZERO,
};

pub(crate) const FAILS: Fate = Fate::Fails {
    after: Duration::ZERO,
    code: 9,
};
