//! Fault 53: a page of a front end or a captive portal answers instead of the API, to searches.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::api::TOKEN;
use crate::process::{Process, Run, Running};

const PAGE: &str = "<!DOCTYPE html><html><body>Sign in to the guest network</body></html>";

/// A server that answers each request with this status and a page, for ever.
fn portal(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.1 {status}\r\nlocation: http://portal.test/\r\n");
            let length = PAGE.len();
            let _ = write!(
                stream,
                "{head}content-type: text/html\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{PAGE}"
            );
        }
    });
    format!("http://{address}")
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn start(&self, endpoint: &str, args: &[&str]) -> Running {
        let process = Process::new(args).inside(self.0.path());
        process
            .env("COUNTERMAND_ENDPOINT", endpoint)
            .env("COUNTERMAND_TOKEN", TOKEN)
            .start()
    }

    /// The files in it: jobs and what belongs to them.
    fn files(&self) -> usize {
        std::fs::read_dir(self.0.path()).unwrap().count()
    }
}

const FIND: &[&str] = &["find", "enterprises/e"];
const PLAN: &[&str] = &["plan", "enterprises/e", "--output", "wipes.job"];
const RESCUE: &[&str] = &[
    "rescue",
    "enterprises/e",
    "--job",
    "wipes.job",
    "--confirm",
    "e",
];

fn line<'a>(run: &'a Run, start: &str) -> &'a str {
    let mut lines = run.stderr.lines().filter(|line| line.starts_with(start));
    let line = lines.next().unwrap_or_else(|| panic!("{run:?}"));
    assert_eq!(lines.next(), None, "{run:?}");
    line
}

#[test]
fn fault_53_a_page_ends_find_and_plan_at_once_and_only_what_is_true_is_told() {
    for status in ["200 OK", "302 Found", "404 Not Found"] {
        for args in [FIND, PLAN] {
            let place = Place::new();
            let begun = Instant::now();
            let run = place.start(&portal(status), args).wait();
            assert!(begun.elapsed() < Duration::from_secs(5), "{run:?}");
            assert_eq!(run.code, 5, "{run:?}");
            assert_eq!(place.files(), 0, "{run:?}");
            let stopped = line(&run, "stopped: ");
            assert!(
                stopped.starts_with("stopped: something other than the API answered"),
                "{run:?}"
            );
            assert!(stopped.contains("check the endpoint, the proxy and the network"));
            assert!(
                stopped.contains("; 1 list could not be read; "),
                "no operation is known: {run:?}"
            );
            assert!(!run.stderr.contains("it is tried again"), "{run:?}");
            let all = format!("{}{}", run.stderr, run.stdout);
            assert!(!all.contains("no operation was seen"), "{run:?}");
            assert!(
                all.contains("nothing was found, and not everything could be searched"),
                "{run:?}"
            );
        }
    }
}

/// As the words of a gateway's failures are, it may pass.
#[test]
fn fault_53_a_page_with_503_is_named_and_has_an_end() {
    for args in [FIND, PLAN] {
        let place = Place::new();
        let running = place.start(&portal("503 Service Unavailable"), args);
        running.until("a line of the failure", |running| {
            [
                "FAILING for",
                "something in front of the API fails",
                "given up in ",
            ]
            .iter()
            .all(|words| running.stderr().contains(words))
        });
        running.signal("TERM");
        let run = running.wait();
        assert_eq!(run.code, 143, "{run:?}");
        assert_eq!(place.files(), 0, "{run:?}");
        assert!(run.stderr.contains("it is tried again"), "{run:?}");
    }
}

#[test]
fn fault_53_a_rescue_names_the_page_at_once_and_stops_safely() {
    for status in ["200 OK", "302 Found", "503 Service Unavailable"] {
        let place = Place::new();
        let endpoint = portal(status);
        let running = place.start(&endpoint, RESCUE);
        running.until("the failure", |running| {
            running.stderr().contains("failing: something ")
        });
        running.until("a line of progress", |running| {
            let told = running.stderr();
            told.contains("FAILING for") && told.contains("Ctrl-C is safe")
        });
        running.signal("INT");
        let run = running.wait();
        assert_eq!(run.code, 130, "{run:?}");
        assert!(run.stdout.contains("the search is not finished"), "{run:?}");
        assert!(!run.stderr.contains("search ends in"), "{run:?}");
        assert!(!run.stdout.contains("The last cancel"), "{run:?}");
    }
}
