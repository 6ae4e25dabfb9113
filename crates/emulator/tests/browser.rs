//! Web pages in a browser on the same machine, and other strangers, do not reach the emulator.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use countermand_emulator::{Config, Server, Shared, State};

struct World {
    shared: Shared,
    server: Server,
    name: String,
}

impl World {
    async fn new(config: Config) -> Self {
        let shared = Shared::new(config.parents(1).operations(1, 0));
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(here, shared.clone()).await.unwrap();
        let name = shared.with(|emulator, now| emulator.pending(now).remove(0));
        Self {
            shared,
            server,
            name,
        }
    }

    /// The status of a request with these header lines, and what comes after it.
    fn ask(&self, line: &str, headers: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.server.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        let request = format!(
            "{line} HTTP/1.1\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        (answer[9..12].parse().unwrap(), answer)
    }

    fn port(&self) -> u16 {
        self.server.address().port()
    }
}

const TOKENS: &str = "POST /_emulator/tokens";

#[tokio::test(flavor = "multi_thread")]
async fn fault_69_a_web_page_of_another_origin_changes_nothing() {
    let world = World::new(Config::default()).await;
    let host = format!("host: 127.0.0.1:{}\r\n", world.port());
    let (port, name) = (world.port(), world.name.clone());
    let origins = [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        "http://127.0.0.1".to_owned(),
        format!("https://127.0.0.1:{port}"),
        format!("http://localhost:{port}"),
        format!("http://127.0.0.1:{port}.evil.example"),
        "\u{e9}".to_owned(),
    ];
    for origin in origins {
        let headers = format!("{host}origin: {origin}\r\ncontent-type: text/plain\r\n");
        let token = "authorization: Bearer emulator-token\r\n";
        for (line, more) in [
            (TOKENS.to_owned(), ""),
            ("GET /_emulator/truth".to_owned(), ""),
            (format!("POST /v1/{name}:cancel"), token),
            ("POST /batch".to_owned(), token),
            ("POST /token".to_owned(), ""),
        ] {
            let body = if line == TOKENS {
                r#"{"tokens": ["x"]}"#
            } else {
                ""
            };
            let (status, answer) = world.ask(&line, &format!("{headers}{more}"), body);
            assert_eq!(status, 403, "{origin}: {line}: {answer}");
            assert!(!answer.contains("evil"), "{answer}");
        }
    }
    world.shared.with(|emulator, now| {
        assert_eq!(emulator.token(), "emulator-token");
        assert_eq!(emulator.truth_of(now, &name).unwrap().state, State::Pending);
        assert!(emulator.audit().is_empty());
    });
    // A page that the emulator served itself, and what is no browser.
    for origin in [
        format!("origin: http://127.0.0.1:{port}\r\n"),
        String::new(),
    ] {
        let headers = format!("{host}{origin}");
        assert_eq!(world.ask(TOKENS, &headers, r#"{"tokens": ["x"]}"#).0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_69_a_name_that_was_pointed_here_is_refused() {
    let world = World::new(Config::default().host("emulator.test")).await;
    let ask = |host: &str, origin: bool| {
        let mut headers = format!("host: {host}\r\n");
        if origin {
            headers += &format!("origin: http://{host}\r\n");
        }
        world.ask(TOKENS, &headers, r#"{"tokens": ["x"]}"#).0
    };
    let port = world.port();
    for host in [
        format!("evil.example:{port}"),
        "evil.example".to_owned(),
        "127.0.0.1.evil.example".to_owned(),
        "localhost.evil.example".to_owned(),
        "evil-localhost".to_owned(),
        "192.168.1.7".to_owned(),
        "user@127.0.0.1".to_owned() + ".example",
        String::new(),
        "a b".to_owned(),
    ] {
        assert_eq!((ask(&host, false), ask(&host, true)), (421, 421), "{host}");
    }
    let twice = "host: 127.0.0.1\r\nhost: evil.example\r\n";
    assert_eq!(world.ask(TOKENS, twice, "{}").0, 421);
    assert_eq!(
        world.shared.with(|emulator, _| emulator.token().to_owned()),
        "emulator-token"
    );
    for host in [
        format!("127.0.0.1:{port}"),
        "127.9.9.9".to_owned(),
        "LOCALHOST".to_owned(),
        "api.localhost:1".to_owned(),
        "localhost.".to_owned(),
        "[::1]:80".to_owned(),
        "Emulator.Test:8080".to_owned(),
    ] {
        assert_eq!((ask(&host, false), ask(&host, true)), (200, 200), "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_69_a_request_of_http_1_1_without_a_host_is_refused() {
    let world = World::new(Config::default()).await;
    let line = format!("POST /v1/{}:cancel", world.name);
    let bearer = "authorization: Bearer emulator-token\r\n";
    let (status, answer) = world.ask(&line, bearer, "");
    assert_eq!(status, 400, "{answer}");
    let truth = world
        .shared
        .with(|emulator, now| emulator.truth_of(now, &world.name));
    assert_eq!(truth.unwrap().state, State::Pending);
    let host = format!("host: 127.0.0.1:{}\r\n", world.port());
    assert_eq!(world.ask(&line, &format!("{host}{bearer}"), "").0, 200);
}
