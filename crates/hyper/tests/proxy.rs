//! Proxies, for clients that ask for one; and the requests that they see.
#![cfg(any(feature = "ring", feature = "aws-lc-rs"))]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{self, cancel, listen, read_head};
use countermand_core::Service;
use countermand_core::text::chain;
use countermand_emulator::{Config, Fate, Server, Shared, Tls};
use countermand_hyper::{
    Client, Endpoint, ErrorKind, Hyper, HyperConfig, OperationName, Policy, Token, Transport,
    TransportErrorKind, Verdict,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const TOKEN: &str = "canary-token";

/// A proxy, and all that its clients have told it.
struct Proxy {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    /// Makes the tunnels it is asked for, or answers so.
    async fn new(refusal: Option<&'static str>) -> Self {
        let (listener, address) = listen().await;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let ears = Arc::clone(&ears);
                tokio::spawn(async move {
                    let head = read_head(&mut client).await;
                    ears.lock().unwrap().extend_from_slice(head.as_bytes());
                    if let Some(refusal) = refusal {
                        client.write_all(refusal.as_bytes()).await.unwrap();
                        return;
                    }
                    let target = head.split(' ').nth(1).unwrap();
                    let server = TcpStream::connect(target).await.unwrap();
                    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                    relay(client, server, &ears).await;
                });
            }
        });
        Self { address, heard }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

async fn relay(client: TcpStream, server: TcpStream, ears: &Mutex<Vec<u8>>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = async move { tokio::io::copy(&mut from_server, &mut to_client).await };
    let forth = async move {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            ears.lock().unwrap().extend_from_slice(&buffer[..read]);
            if to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(back, forth).0.ok();
}

/// An emulator with TLS, the settings to reach it, and an operation to cancel.
struct World {
    shared: Shared,
    _server: Server,
    endpoint: Endpoint,
    config: HyperConfig,
    name: OperationName,
    _authority: tempfile::TempDir,
}

async fn world() -> World {
    let shared = Shared::new(
        Config::default()
            .parents(1)
            .operations(1, 1)
            .mix([(1, Fate::Cancellable)])
            .token(TOKEN),
    );
    let tls = Tls::localhost().unwrap();
    let authority = tempfile::tempdir().unwrap();
    let config = HyperConfig::default().ca_file(tls.write_to(authority.path()).unwrap());
    let here = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::bind_tls(here, shared.clone(), &tls).await.unwrap();
    World {
        endpoint: server.endpoint().parse().unwrap(),
        name: shared.with(|emulator, now| emulator.pending(now)[0].parse().unwrap()),
        shared,
        _server: server,
        config,
        _authority: authority,
    }
}

impl World {
    async fn countermand(&self, config: HyperConfig) -> Verdict {
        let token = Token::new(TOKEN).unwrap();
        let client = Client::connect(self.endpoint.clone(), token, config).unwrap();
        client.countermand(&self.name).await.unwrap().verdict
    }
}

#[tokio::test]
async fn what_goes_through_a_proxy_stays_between_client_and_server() {
    let (world, proxy) = (world().await, Proxy::new(None).await);
    for http1 in [false, true] {
        let config = world
            .config
            .clone()
            .proxy(proxy.url(), "")
            .http1_only(http1);
        assert_eq!(world.countermand(config).await, Verdict::Cancelled);
    }
    let heard = proxy.heard();
    let server = world.endpoint.to_string();
    let server = server
        .strip_prefix("https://")
        .unwrap()
        .strip_suffix("/v1")
        .unwrap();
    let asked = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n\r\n");
    assert_eq!(heard.matches(&asked).count(), 2, "{heard:?}");
    assert!(
        !heard.contains(TOKEN) && !heard.contains("enterprises"),
        "{heard:?}"
    );
    // The emulator was asked with the token, so there was something to hear.
    assert!(
        world
            .shared
            .with(|emulator, _| emulator.audit().iter().all(|row| row.had_token))
    );
}

#[tokio::test]
async fn hosts_that_are_excepted_are_reached_without_it() {
    let (world, proxy) = (world().await, Proxy::new(None).await);
    let port = world.endpoint.uri("/".parse().unwrap()).port_u16().unwrap();
    let with_port = format!("127.0.0.1:{port}");
    for except in [
        "127.0.0.1",
        "example.com, 127.0.0.0/8",
        "*",
        "127.*",
        &with_port,
    ] {
        let config = world.config.clone().proxy(proxy.url(), except);
        assert_eq!(world.countermand(config).await, Verdict::Cancelled);
    }
    assert_eq!(proxy.heard(), "");
}

#[tokio::test]
async fn plain_text_goes_past_it() {
    let proxy = Proxy::new(None).await;
    let endpoint = common::serve("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    let hyper = Hyper::new(&endpoint, HyperConfig::default().proxy(proxy.url(), "")).unwrap();
    hyper.send(cancel(&endpoint)).await.unwrap();
    assert_eq!(proxy.heard(), "");
}

#[tokio::test]
async fn its_password_is_for_it_alone_and_never_shown() {
    let (world, proxy) = (world().await, Proxy::new(None).await);
    let url = format!("http://user:canary-password@{}", proxy.address);
    let config = world.config.clone().proxy(&url, "");
    assert!(!format!("{config:?}").contains("canary"), "{config:?}");
    assert_eq!(world.countermand(config).await, Verdict::Cancelled);
    // user:canary-password in base64.
    let password = "Proxy-Authorization: Basic dXNlcjpjYW5hcnktcGFzc3dvcmQ=\r\n";
    assert!(proxy.heard().contains(password), "{}", proxy.heard());
}

/// Outcome of a countermand of an operation at a host that only the proxy knows, the number of
/// requests to the proxy, and the text that is told.
async fn refused_by(answer: &'static str, user: &str) -> (TransportErrorKind, usize, String) {
    let proxy = Proxy::new(Some(answer)).await;
    let endpoint: Endpoint = "https://api.example".parse().unwrap();
    let url = format!("http://{user}{}", proxy.address);
    let config = HyperConfig::default().proxy(url, "");
    let client = Client::connect(endpoint, Token::new(TOKEN).unwrap(), config).unwrap();
    let client = client.policy(Policy::default().max_attempts(2));
    let name: OperationName = "enterprises/e/devices/d/operations/1".parse().unwrap();
    let error = client.countermand(&name).await.unwrap_err();
    let text = format!("{} {error:?}", chain(&error));
    for part in ["api.example", &proxy.address.to_string()] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("canary"), "{text}");
    assert!(!error.maybe_delivered(), "{text}");
    let heard = proxy.heard();
    // The proxy resolves the server's name; this machine has not.
    assert!(
        heard.starts_with("CONNECT api.example:443 HTTP/1.1\r\n"),
        "{heard}"
    );
    assert!(!heard.contains(TOKEN), "{heard}");
    let ErrorKind::Transport(transport) = error.kind() else {
        panic!("{text}");
    };
    (transport.kind(), heard.matches("CONNECT").count(), text)
}

#[tokio::test]
async fn fault_56_a_refusal_of_the_proxy_is_final_and_named_with_its_status() {
    use TransportErrorKind::{Connect, Proxy};
    let user = "alice:canary-password@";
    for (answer, user, kind, repeated, words) in [
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            "",
            Proxy,
            false,
            "its URL has none (407",
        ),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            user,
            Proxy,
            false,
            "does not accept",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\n\r\n<html>blocked",
            user,
            Proxy,
            false,
            "403 Forbidden",
        ),
        (
            "HTTP/1.0 302 Found\r\nlocation: http://login\r\n\r\n",
            user,
            Proxy,
            false,
            "302 Found",
        ),
        (
            "HTTP/1.1 405 x\r\n\r\n",
            user,
            Proxy,
            false,
            "405 Method Not Allowed",
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\n<html>log in</html>",
            user,
            Proxy,
            false,
            "page of its own",
        ),
        (
            "SMTP ready\r\n\r\n",
            user,
            Proxy,
            false,
            "as an HTTP proxy does",
        ),
        // These may pass.
        (
            "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
            user,
            Connect,
            true,
            "502 Bad Gateway",
        ),
        (
            "HTTP/1.1 429 x\r\n\r\n",
            user,
            Connect,
            true,
            "429 Too Many Requests",
        ),
        (
            "HTTP/1.1 200 OK\r\n",
            user,
            Connect,
            true,
            "without a complete answer",
        ),
        ("", user, Connect, true, "without a complete answer"),
    ] {
        let (found, times, text) = refused_by(answer, user).await;
        assert_eq!((found, times > 1), (kind, repeated), "{answer}: {text}");
        assert!(text.contains(words), "{words} is not in {text}");
    }
}

/// A page that comes a while after the tunnel was promised.
#[tokio::test]
async fn fault_56_a_page_in_the_tunnel_is_final() {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            read_head(&mut client).await;
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            // It waits for the first bytes of TLS, so that the page is in the tunnel.
            let mut hello = [0; 16];
            client.read_exact(&mut hello).await.unwrap();
            client.write_all(b"<html>log in</html>").await.unwrap();
        }
    });
    let endpoint: Endpoint = "https://api.example".parse().unwrap();
    let config = HyperConfig::default().proxy(format!("http://{address}"), "");
    let hyper = Hyper::new(&endpoint, config).unwrap();
    let error = hyper.send(cancel(&endpoint)).await.unwrap_err();
    let text = chain(&error);
    assert_eq!(error.kind(), TransportErrorKind::Proxy, "{text}");
    assert!(
        text.contains("does not speak TLS") && text.contains(&address.to_string()),
        "{text}"
    );
}

#[test]
fn fault_56_an_exception_that_is_not_understood_is_refused_by_name() {
    let config = HyperConfig::default().proxy("http://127.0.0.1:1", "ok.example,<local>");
    let error = Hyper::new(&Endpoint::default(), config).unwrap_err();
    assert_eq!(error.kind(), TransportErrorKind::NotAllowed);
    assert!(
        chain(&error).contains("NO_PROXY has the entry <local>"),
        "{}",
        chain(&error)
    );
}

#[tokio::test]
async fn one_that_says_nothing_is_covered_by_the_connect_time_out() {
    let (listener, address) = listen().await;
    let endpoint: Endpoint = "https://api.example".parse().unwrap();
    let config = HyperConfig::default()
        .proxy(format!("http://{address}"), "")
        .connect_timeout(Duration::from_millis(300));
    let hyper = Hyper::new(&endpoint, config).unwrap();
    let error = hyper.send(cancel(&endpoint)).await.unwrap_err();
    assert_eq!(
        error.kind(),
        TransportErrorKind::Connect,
        "{}",
        chain(&error)
    );
    drop(listener);
}

/// Not silently past it.
#[test]
fn a_url_that_is_none_is_refused_and_not_repeated() {
    for url in [
        "",
        "canary 1",
        "socks5://user:canary@host",
        "https://canary:3128",
        "http://",
    ] {
        let config = HyperConfig::default().proxy(url, "");
        let error = Hyper::new(&Endpoint::default(), config).unwrap_err();
        let text = chain(&error);
        assert_eq!(
            error.kind(),
            TransportErrorKind::NotAllowed,
            "{url}: {text}"
        );
        assert!(text.contains("proxy") && !text.contains("canary"), "{text}");
    }
}

/// The CONNECT requests stand for the connections: no name of Google's is resolved here.
#[tokio::test]
async fn each_location_is_asked_at_its_host() {
    let service = Service::named("documentai.v1").unwrap();
    let proxy = Proxy::new(Some("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")).await;
    let config = HyperConfig::default().proxy(proxy.url(), "");
    let client = Client::connect(service.endpoint(), Token::new(TOKEN).unwrap(), config).unwrap();
    for location in ["us", "eu", "mars", "us"] {
        let text = format!("projects/p/locations/{location}/operations/1");
        let name = OperationName::parse(service, &text).unwrap();
        assert!(client.cancel(&name).await.is_err());
    }
    let heard = proxy.heard();
    let asked = heard
        .lines()
        .filter_map(|line| line.strip_prefix("CONNECT "));
    let hosts: Vec<_> = asked.filter_map(|line| line.split(':').next()).collect();
    let [us, eu, root] =
        ["us.rep.", "eu.rep.", ""].map(|place| format!("documentai.{place}googleapis.com"));
    assert_eq!(hosts, [us.as_str(), &eu, &root, &us]);
    assert!(!heard.contains(TOKEN), "{heard}");
}
