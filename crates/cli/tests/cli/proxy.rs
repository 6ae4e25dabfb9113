//! The proxy that the environment names, for runs that ask for it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use countermand_emulator::{Fate, NewOperation, Quirks, Tls};

use crate::api::{Api, TOKEN};
use crate::process::Process;

/// Refuses every tunnel, and keeps what it heard.
struct Proxy {
    address: SocketAddr,
    heard: Arc<Mutex<String>>,
}

impl Proxy {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(String::new()));
        let ears = Arc::clone(&heard);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut buffer = [0; 4096];
                let read = stream.read(&mut buffer).unwrap();
                ears.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&buffer[..read]));
                stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").unwrap();
            }
        });
        Self { address, heard }
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

#[test]
fn no_proxy_hears_of_it_unless_the_option_says_so() {
    let (proxy, directory) = (Proxy::new(), tempfile::tempdir().unwrap());
    let tls = Tls::localhost().unwrap();
    let authority = tls.write_to(directory.path()).unwrap();
    let operations = [(); 2].map(|()| NewOperation::new(Fate::Cancellable));
    let api = Api::with(operations, Quirks::default(), Some(&tls));
    let url = format!("http://user:canary-password@{}", proxy.address);
    let cancel = |options: &[&str], name: &str| -> Process {
        let shared = ["cancel", name, "--ca-file", authority.to_str().unwrap()];
        let arguments = shared.into_iter().chain(options.iter().copied());
        let variables = [
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
        ];
        variables.iter().fold(
            api.command(&arguments.collect::<Vec<_>>()),
            |process, name| process.env(name, &url),
        )
    };
    let run = cancel(&[], &api.names[0]).run();
    assert_eq!(run.code, 0, "{run:?}");
    let run = cancel(&["--proxy-from-env"], &api.names[1])
        .env("NO_PROXY", "127.0.0.1")
        .run();
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(proxy.heard(), "");

    let run = cancel(
        &["--proxy-from-env", "--deadline", "1s", "-vvv"],
        &api.names[1],
    )
    .run();
    assert_ne!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains(&proxy.address.to_string()), "{run:?}");
    let server = api.endpoint.strip_prefix("https://").unwrap();
    let heard = proxy.heard();
    assert!(
        heard.starts_with(&format!("CONNECT {server} HTTP/1.1\r\n")),
        "{heard}"
    );
    assert!(
        !heard.contains(TOKEN) && !heard.contains("enterprises/"),
        "{heard}"
    );
    assert!(!format!("{run:?}").contains("canary-password"), "{run:?}");

    // Not silently past a proxy whose scheme is not supported.
    let run = cancel(&["--proxy-from-env"], &api.names[1])
        .env("HTTPS_PROXY", "socks5://x")
        .run();
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("proxy"), "{run:?}");
}

#[test]
fn fault_56_a_proxy_that_refuses_is_4_and_asked_once() {
    let proxy = Proxy::new();
    let name = "enterprises/e/devices/d/operations/";
    let names = [1, 2, 3].map(|number| format!("{name}{number}"));
    let arguments = [
        "cancel",
        &names[0],
        &names[1],
        &names[2],
        "--proxy-from-env",
    ];
    let run = Process::new(&arguments)
        .env("COUNTERMAND_ENDPOINT", "https://api.example")
        .env("COUNTERMAND_TOKEN", TOKEN)
        .env(
            "HTTPS_PROXY",
            &format!("http://alice:canary@{}", proxy.address),
        )
        .env("NO_PROXY", "")
        .run();
    assert_eq!(run.code, 4, "{run:?}");
    let text = format!("{}{}", run.stdout, run.stderr);
    assert!(text.contains("403 Forbidden"), "{run:?}");
    assert!(!text.contains("canary"), "{run:?}");
    assert_eq!(
        proxy.heard().matches("CONNECT").count(),
        1,
        "{}",
        proxy.heard()
    );
}

#[test]
fn fault_56_a_password_that_is_not_encoded_is_refused_before_anything_is_looked_up() {
    for password in ["can#ary", "can@ary", "can/ary", "can?ary", "can ary"] {
        let run = Process::new(&[
            "cancel",
            "enterprises/e/devices/d/operations/1",
            "--proxy-from-env",
        ])
        .env("COUNTERMAND_TOKEN", TOKEN)
        .env(
            "HTTPS_PROXY",
            &format!("http://alice:{password}@proxy.invalid:1"),
        )
        .run();
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(run.stderr.contains("percent-encode"), "{run:?}");
        assert!(!run.stderr.contains("--allow-plaintext"), "{run:?}");
        for part in ["can", "ary", "alice"] {
            let told = run.stderr.replace("percent-encode", "");
            assert!(!told.contains(part), "{part} {run:?}");
        }
    }
}

#[test]
fn fault_56_a_proxy_that_is_set_and_not_used_is_mentioned_when_connecting_fails() {
    let name = "enterprises/e/devices/d/operations/1";
    for arguments in [&["get", name][..], &["doctor"]] {
        let process = || {
            Process::new(arguments)
                .env("COUNTERMAND_ENDPOINT", "https://nowhere.invalid")
                .env("COUNTERMAND_TOKEN", TOKEN)
                .env("HTTPS_PROXY", "http://alice:canary@127.0.0.1:1")
        };
        let run = process().env("NO_PROXY", "").run();
        let text = format!("{}{}", run.stdout, run.stderr);
        assert_eq!(
            text.matches("HTTPS_PROXY is set and not used").count(),
            1,
            "{run:?}"
        );
        assert!(!text.contains("canary"), "{run:?}");
        let run = process().env("NO_PROXY", "*.invalid").run();
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(!text.contains("is set and not used"), "{run:?}");
    }
}

#[test]
fn fault_56_doctor_leaves_the_name_to_the_proxy() {
    let proxy = Proxy::new();
    let run = Process::new(&["doctor", "--json", "--proxy-from-env"])
        .env("COUNTERMAND_ENDPOINT", "https://nowhere.invalid")
        .env("COUNTERMAND_TOKEN", TOKEN)
        .env(
            "HTTPS_PROXY",
            &format!("http://alice:canary@{}", proxy.address),
        )
        .env("NO_PROXY", "")
        .run();
    // The name cannot be looked up: what is told is what the proxy says.
    assert_eq!(run.code, 4, "{run:?}");
    let report = run.json().remove(0);
    let row = |check: &str| {
        let rows = report["checks"].as_array().unwrap();
        let row = rows.iter().find(|row| row["check"] == check).unwrap();
        (row["outcome"].as_str().unwrap(), row["message"].to_string())
    };
    let (outcome, message) = row("name");
    assert_eq!(outcome, "skipped", "{run:?}");
    assert!(message.contains(&proxy.address.to_string()), "{run:?}");
    let (outcome, message) = row("connection");
    assert_eq!(outcome, "fail", "{run:?}");
    assert!(message.contains("403 Forbidden"), "{run:?}");
    assert!(
        proxy.heard().starts_with("CONNECT nowhere.invalid:443"),
        "{}",
        proxy.heard()
    );
    assert!(!run.stdout.contains("canary"), "{run:?}");
}
