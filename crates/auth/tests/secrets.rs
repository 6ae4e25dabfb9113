//! Canaries: no secret in what is logged, at any level, by any library below.
#![cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use countermand_core::Service;
use std::io::Write;
use std::sync::{Arc, Mutex};

use countermand_auth::Credentials;
use countermand_emulator::{
    Config, Fate, NewOperation, NewParent, Script, Server, Shared, Tls, credentials,
};
use countermand_hyper::{Client, HyperConfig, OperationName, Policy, TokenSource};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

/// The log so far.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Every secret of the emulator's identities has one of these in it.
const SECRETS: [&str; 5] = ["canary", "PRIVATE KEY", "MIIE", "GOCSPX", "eyJ"];

#[tokio::test]
async fn a_canary_is_in_no_log_debug_or_error() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let mut shown = String::new();

    let tls = Tls::localhost().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let ca = tls.write_to(directory.path()).unwrap();
    for (secure, http1_only) in [(false, true), (true, false), (true, true)] {
        let shared = Shared::new(Config::default().parents(0).token("ya29.canary-token"));
        let address = ([127, 0, 0, 1], 0).into();
        let server = match secure {
            true => Server::bind_tls(address, shared.clone(), &tls).await,
            false => Server::bind(address, shared.clone()).await,
        };
        let root = server.as_ref().unwrap().endpoint();
        let config = HyperConfig::default().ca_file(&ca).http1_only(http1_only);
        for kind in [
            "service_account",
            "authorized_user",
            "external_account",
            "impersonated_service_account",
        ] {
            let file = credentials(kind, &root).unwrap().to_string();
            let credentials = Credentials::from_json(file.as_bytes(), kind).unwrap();
            let source = credentials.source(Service::DEFAULT.scope, &config).unwrap();
            let client =
                Client::connect(root.parse().unwrap(), source.clone(), config.clone()).unwrap();
            let client = client.policy(Policy::default().max_attempts(2));
            shown += &format!("{credentials:?} {source:?} {client:?}");
            let new = NewParent::with([NewOperation::new(Fate::Cancellable)]);
            let added = shared.with(|emulator, now| emulator.add(now, new).unwrap());
            let name: OperationName = added.operations[0].parse().unwrap();
            client.countermand(&name).await.unwrap();
            let token = source.token(true).await.unwrap();
            shown += &format!("{token:?}");
            // In trouble, where a server repeats what it was sent.
            for fault in [
                json!({"method": "token", "status": 400, "body": {"error": "invalid_grant", "error_description": "1//canary-refresh-token-of-the-emulator eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.e30"}}),
                json!({"method": "sts", "status": 500, "body": "canary"}),
                json!({"method": "token", "body": "canary"}),
                json!({"method": "generateAccessToken", "action": "reset"}),
            ] {
                let script = Script::from_value(json!([fault])).unwrap();
                shared.with(|emulator, _| emulator.set_script(script));
                if let Err(error) = source.token(true).await {
                    shown += &format!("{error:?} {}", countermand_core::text::chain(&error));
                }
            }
            let script = Script::from_value(json!([])).unwrap();
            shared.with(|emulator, _| emulator.set_script(script));
        }
    }
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(logged.contains("answered") && logged.contains("TRACE"));
    for secret in SECRETS {
        assert!(!shown.contains(secret), "{shown}");
        let line = logged.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret}");
    }
}
