//! `countermand emulator`.

use std::time::{SystemTime, UNIX_EPOCH};

use countermand_core::Service;
use countermand_emulator::{Config, Hints, Script, Server, ServerQuota, Shared, Tls};
use serde::Serialize;

use crate::args::Global;
use crate::args::emulated::{Emulator, HintsWord, Limits};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::streams;
use crate::output::writer::Output;
use crate::signals::{Hangup, Signals};

/// Line that is printed when the server is ready.
#[derive(Serialize)]
struct Ready<'a> {
    schema: &'static str,
    endpoint: String,
    service: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    enterprise: Option<&'a str>,
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<String>,
}

/// Serves until a signal comes, which is how it is meant to end.
pub(crate) async fn run(global: &Global, options: Emulator) -> Result<Exit, Failure> {
    let service = global.meant;
    let is_default = *service == *Service::DEFAULT;
    let parents = if is_default { 200 } else { 3 };
    let mut config = Config::default()
        .service(service)
        .seed(options.seed)
        .parents(options.devices.unwrap_or(parents))
        .token(&options.token)
        .start(unix_ms())
        .quota(quota(options.limits)?)
        .time_scale(options.time_scale);
    if let Some(path) = &options.faults {
        let problem = |error: &dyn std::fmt::Display| {
            Failure::usage(countermand_core::text::path_problem(
                "cannot use",
                path,
                error,
            ))
        };
        let text = std::fs::read_to_string(path).map_err(|error| problem(&error))?;
        let script = Script::parse(service, &text).map_err(|error| problem(&error))?;
        config = config.script(script);
    }
    for name in &options.allow_hosts {
        config = config.host(name);
    }
    if !options.listen.ip().to_canonical().is_loopback() {
        streams::note(&format!(
            "warning: other machines can reach an emulator that listens on {}, and its endpoints under /_emulator/ \
             ask for no password; listen on 127.0.0.1 unless other machines are to use it",
            options.listen.ip()
        ));
    }
    let mut signals = Signals::listen(Hangup::Ends)?;
    let shared = Shared::new(config);
    let cannot_listen = format!("cannot listen on {}", options.listen);
    let (server, ca_file) = match &options.tls {
        None => (Server::bind(options.listen, shared.clone()).await, None),
        Some(directory) => {
            let tls = Tls::localhost().map_err(|error| failed("cannot make keys", &error))?;
            let path = tls.write_to(directory).map_err(|error| {
                Failure::usage(countermand_core::text::path_problem(
                    "cannot write into",
                    directory,
                    error,
                ))
            })?;
            let server = Server::bind_tls(options.listen, shared.clone(), &tls).await;
            (server, Some(path.display().to_string()))
        }
    };
    let server = server.map_err(|error| failed(&cannot_listen, &error))?;
    let ready = shared.with(|emulator, _| {
        countermand_core::text::json_line(&Ready {
            schema: "countermand.emulator/1",
            endpoint: server.endpoint(),
            service: service.id,
            parent: emulator.parent().map(|parent| parent.to_string()),
            enterprise: is_default.then(|| emulator.grandparent()),
            token: emulator.token(),
            ca_file,
        })
    });
    let output = Output::start();
    output.line(ready.map_err(|error| failed("cannot say where it listens", &error))?);
    output.finish().await;
    let signal = signals.next().await;
    drop(server);
    match signal {
        Exit::HungUp => Ok(signal),
        _ => Ok(Exit::Done),
    }
}

fn quota(limits: Limits) -> Result<ServerQuota, Failure> {
    let hints = match limits.hints {
        HintsWord::None => Hints::None,
        HintsWord::RetryInfo => Hints::RetryInfo,
        HintsWord::RetryAfter => Hints::RetryAfter,
    };
    Ok(ServerQuota::default()
        .windows(limits.quota)
        .per_resource(limits.per_resource)
        .kind(limits.window.with(limits.phase)?)
        .hints(hints)
        .count_refused(limits.count_refused))
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("{what}: {error}"))
}

/// The wall clock, in Unix milliseconds: emulated commands are of today.
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
