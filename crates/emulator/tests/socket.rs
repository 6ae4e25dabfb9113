//! HTTP/1.1, byte by byte.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use countermand_emulator::{Config, Fate, NewOperation, NewParent, Server, Shared, State};

const DEADLINE: Duration = Duration::from_secs(10);

struct Setup {
    shared: Shared,
    server: Server,
    name: String,
}

impl Setup {
    async fn new(script: &str) -> Self {
        let shared = Shared::new(Config::default().parents(0).script(script.parse().unwrap()));
        let device = NewParent::with([NewOperation::new(Fate::Cancellable)]);
        let name =
            shared.with(|emulator, now| emulator.add(now, device).unwrap().operations.remove(0));
        let server = Server::bind(([127, 0, 0, 1], 0).into(), shared.clone())
            .await
            .unwrap();
        Self {
            shared,
            server,
            name,
        }
    }

    /// Sends the bytes of a cancel with these further header lines.
    fn cancel(&self, more: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.server.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let head = format!(
            "POST /v1/{}:cancel HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer emulator-token\r\n{more}\r\n",
            self.name
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    fn state(&self) -> State {
        self.shared
            .with(|emulator, now| emulator.truth_of(now, &self.name).unwrap().state)
    }
}

const EMPTY: &str = "content-length: 0\r\nconnection: close\r\n";

/// Everything until the end, as text.
fn rest(mut stream: TcpStream) -> String {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a whole head").1
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_post_needs_a_content_length() {
    let setup = Setup::new("[]").await;
    let refused = rest(setup.cancel("connection: close\r\n"));
    assert!(refused.starts_with("HTTP/1.1 411 "), "{refused}");
    assert_eq!(setup.state(), State::Pending);
    let accepted = rest(setup.cancel(EMPTY));
    assert!(accepted.starts_with("HTTP/1.1 200 "), "{accepted}");
    assert_eq!(body(&accepted), "{}\n");
    assert_eq!(setup.state(), State::Cancelled);
    assert_eq!(setup.server.connections(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_endpoints_answer_without_a_token() {
    let setup = Setup::new("[]").await;
    let mut stream = TcpStream::connect(setup.server.address()).unwrap();
    stream
        .write_all(b"GET /_emulator/truth HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    let answer = rest(stream);
    let row: serde_json::Value = serde_json::from_str(body(&answer)).unwrap();
    assert_eq!(
        (&row["name"], &row["state"]),
        (&setup.name.as_str().into(), &"pending".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_is_a_reset_before_and_after_the_effect() {
    for (script, state) in [
        (r#"[{"fault": "reset-before"}]"#, State::Pending),
        (r#"[{"fault": "reset-after"}]"#, State::Cancelled),
        (r#"[{"fault": "refused"}]"#, State::Pending),
        (r#"[{"fault": "go-away"}]"#, State::Pending),
        (r#"[{"fault": "refused-stream"}]"#, State::Pending),
    ] {
        let setup = Setup::new(script).await;
        let problem = setup.cancel(EMPTY).read(&mut [0; 16]).unwrap_err();
        assert_eq!(problem.kind(), ErrorKind::ConnectionReset, "{script}");
        assert_eq!(setup.state(), state, "{script}");
        // The server itself is as well as before.
        assert!(rest(setup.cancel(EMPTY)).starts_with("HTTP/1.1 200 "));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_never_come() {
    let setup = Setup::new(r#"[{"fault": "stall-after"}]"#).await;
    let mut stream = setup.cancel(EMPTY);
    let deadline = Instant::now() + DEADLINE;
    while setup.state() != State::Cancelled {
        assert!(Instant::now() < deadline, "the request never took effect");
        std::thread::yield_now();
    }
    stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let problem = stream.read(&mut [0; 16]).unwrap_err();
    assert!(
        matches!(problem.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_after_one_byte() {
    let setup = Setup::new(r#"[{"fault": "stall-body"}]"#).await;
    let mut stream = setup.cancel(EMPTY);
    let (mut answer, mut byte) = (String::new(), [0]);
    while !answer.ends_with("\r\n\r\n{") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(char::from(byte[0]));
    }
    assert!(answer.contains("content-length: 3\r\n"), "{answer}");
    stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    assert!(stream.read_exact(&mut byte).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_before_its_length_and_one_that_drips() {
    let setup =
        Setup::new(r#"[{"fault": "truncated"}, {"fault": "drip", "interval_ms": 1}]"#).await;
    let answer = rest(setup.cancel(EMPTY));
    assert!(answer.contains("content-length: 3\r\n"), "{answer}");
    assert_eq!(body(&answer), "{");
    let answer = rest(setup.cancel(EMPTY));
    assert_eq!(body(&answer), "{}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_with_and_without_a_length() {
    let setup =
        Setup::new(r#"[{"fault": "flood", "mib": 2}, {"fault": "flood-unsized", "mib": 2}]"#).await;
    let answer = rest(setup.cancel(EMPTY));
    assert!(answer.contains("content-length: 2097152\r\n"));
    assert_eq!(body(&answer).len(), 2 << 20);
    let answer = rest(setup.cancel(EMPTY));
    assert!(answer.contains("transfer-encoding: chunked\r\n"));
    assert!(answer.len() > 2 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_large_is_refused() {
    let setup = Setup::new("[]").await;
    let mut stream = setup.cancel("content-length: 2000000\r\nconnection: close\r\n");
    // The server may close before it has seen everything.
    let _ = stream.write_all(&vec![b' '; 2_000_000]);
    let mut start = [0; 12];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 413");
    assert_eq!(setup.state(), State::Pending);
}

/// A body that is announced too large is refused before it comes: a client that waits for `100 Continue`, or for its own
/// disk, has no reason to send it.
#[tokio::test(flavor = "multi_thread")]
async fn fault_68_a_request_that_will_be_too_large_is_refused_at_once() {
    let setup = Setup::new("[]").await;
    for more in ["", "expect: 100-continue\r\n"] {
        let length = "content-length: 99999999999\r\n";
        let answer = rest(setup.cancel(&format!("{length}connection: close\r\n{more}")));
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(answer.contains("\r\ncontent-type: text/html"), "{answer}");
        assert!(body(&answer).contains("too large"), "{answer}");
    }
    let audit = setup.shared.with(|emulator, _| emulator.audit().to_vec());
    let statuses = audit.iter().map(|line| (line.status, line.effect));
    assert_eq!(statuses.collect::<Vec<_>>(), [(Some(413), false); 2]);
    assert!(audit[0].path.ends_with(":cancel") && audit[0].had_token);
}

/// A body that breaks the rules of chunks is answered, as a head that breaks them is.
#[tokio::test(flavor = "multi_thread")]
async fn fault_68_a_body_that_cannot_be_read_is_answered() {
    let setup = Setup::new("[]").await;
    let mut stream = setup.cancel("transfer-encoding: chunked\r\n");
    stream.write_all(b"zz\r\n{}\r\n0\r\n\r\n").unwrap();
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(body(&answer).contains("malformed"), "{answer}");
    // Cut by a client that still listens.
    let mut stream = setup.cancel("content-length: 5\r\n");
    stream.write_all(b"{}").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(setup.state(), State::Pending);
    let audit = setup.shared.with(|emulator, _| emulator.audit().to_vec());
    let statuses = audit.iter().map(|line| (line.status, line.effect));
    assert_eq!(statuses.collect::<Vec<_>>(), [(Some(400), false); 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_server_closes_its_port_and_its_connections() {
    let setup = Setup::new(r#"[{"fault": "stall", "times": null}]"#).await;
    let mut stream = setup.cancel(EMPTY);
    let deadline = Instant::now() + DEADLINE;
    while setup.shared.with(|emulator, _| emulator.audit().is_empty()) {
        assert!(Instant::now() < deadline, "the request never came");
        std::thread::yield_now();
    }
    let address = setup.server.address();
    drop(setup.server);
    assert!(matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_)));
    while TcpStream::connect(address).is_ok() {
        assert!(Instant::now() < deadline, "the port is still open");
        tokio::task::yield_now().await;
    }
}
