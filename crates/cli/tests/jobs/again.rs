//! The printed command that goes on takes the same way to the server, and repeats no secret.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use countermand_emulator::{Fate, NewOperation, Quirks, State, Tls};

use crate::api::{Api, TOKEN};
use crate::fleet::{Fleet, resume};
use crate::process::Process;

/// A proxy that opens every tunnel, and counts them.
struct Proxy {
    address: SocketAddr,
    tunnels: Arc<AtomicUsize>,
}

impl Proxy {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let tunnels = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&tunnels);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, count) = (client.unwrap(), Arc::clone(&count));
                thread::spawn(move || tunnel(client, &count));
            }
        });
        Self { address, tunnels }
    }

    fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::SeqCst)
    }
}

/// Either side may go at any time.
fn tunnel(mut client: TcpStream, count: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::new(client.try_clone().ok()?);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let target = first.strip_prefix("CONNECT ")?.split(' ').next()?;
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).ok()?;
    }
    let mut server = TcpStream::connect(target).ok()?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    count.fetch_add(1, Ordering::SeqCst);
    let (mut back, mut into) = (server.try_clone().ok()?, client.try_clone().ok()?);
    thread::spawn(move || io::copy(&mut back, &mut into));
    io::copy(&mut reader, &mut server).ok().map(drop)
}

/// A fleet behind TLS and a proxy, with a plan, and the options that reach it.
fn behind_a_proxy(proxy: &Proxy) -> (Fleet, Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let tls = Tls::localhost().unwrap();
    let authority = tls.write_to(folder.path()).unwrap();
    let operations = [(); 2].map(|()| NewOperation::new(Fate::Cancellable));
    let fleet = Fleet::of(Api::with(operations, Quirks::default(), Some(&tls)));
    let ca = fleet.file("the authority.pem");
    std::fs::copy(authority, &ca).unwrap();
    let token = fleet.file("the token");
    std::fs::write(&token, TOKEN).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&token, mode).unwrap();
    let options = [
        "--proxy-from-env",
        "--ca-file",
        ca.to_str().unwrap(),
        "--token-file",
        token.to_str().unwrap(),
    ];
    let options = options.map(str::to_owned).to_vec();
    (fleet, options, format!("http://{}", proxy.address))
}

fn through(process: Process, proxy: &str) -> Process {
    process
        .without("COUNTERMAND_ENDPOINT")
        .without("COUNTERMAND_TOKEN")
        .env("HTTPS_PROXY", proxy)
        .env("NO_PROXY", "")
}

/// As a page shows it.
fn in_page(page: &str) -> String {
    let text = page.replace("&#39;", "'").replace("&#x27;", "'");
    let (_, rest) = text.split_once("countermand apply ").unwrap();
    let end = rest.find('<').unwrap();
    format!("countermand apply {}", &rest[..end])
}

#[test]
fn finding_38_the_printed_command_takes_the_same_way() {
    for source in ["plan", "status", "report"] {
        let proxy = Proxy::new();
        let (fleet, options, url) = behind_a_proxy(&proxy);
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let endpoint = ["--endpoint", &fleet.endpoint];
        let plan = [
            &["plan", "-", "--output", &fleet.job],
            &options[..],
            &endpoint,
        ]
        .concat();
        let plan = fleet.command(&plan).input(fleet.names.join("\n"));
        let run = through(plan, &url).run();
        assert_eq!(run.code, 0, "{run:?}");
        let line = match source {
            "plan" => resume(&run),
            "status" => {
                let status = [&["status", &fleet.job], &options[..]].concat();
                resume(&through(fleet.command(&status), &url).run())
            }
            _ => {
                let page = fleet.file("report.html");
                let page = page.to_str().unwrap();
                let report = ["report", &fleet.job, "--output", page];
                let report = [&report, &options[..]].concat();
                let run = through(fleet.command(&report), &url).run();
                assert_eq!(run.code, 0, "{run:?}");
                in_page(&std::fs::read_to_string(page).unwrap())
            }
        };
        assert!(!line.contains(TOKEN), "{line}");
        let run = through(Process::shell(&line), &url).run();
        assert_eq!(run.code, 0, "{source} {line} {run:?}");
        assert_eq!(fleet.states(), [State::Cancelled; 2], "{source}");
        assert!(proxy.tunnels() > 0, "{source}: past the proxy: {line}");
    }
}

/// A run that could not reach the server, with the token's command: it goes on where that is typed.
#[test]
fn finding_30_the_printed_command_names_what_it_does_not_repeat() {
    let fleet = Fleet::planned([Fate::Cancellable], &[]);
    let command = format!("echo {TOKEN}");
    let more = ["--token-command", &command, "--quota-project", "a-project"];
    let status = [&["status", &fleet.job], &more[..]].concat();
    let line = resume(&fleet.command(&status).run());
    assert!(!line.contains(TOKEN), "{line}");
    let words = "--quota-project a-project --token-command '...' # with your --token-command";
    assert!(line.contains(words), "{line}");
    let mine = line.replacen("'...'", &format!("'{command}'"), 1);
    let run = Process::shell(&mine).run();
    assert_eq!(run.code, 0, "{mine} {run:?}");
    assert_eq!(fleet.states(), [State::Cancelled]);
}
