//! Proxies that break off, and proxies that lie.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::common::{listen, read_head};
use crate::http2::{honest, serve_http2};
use crate::tls::Identity;
use crate::{HANDSHAKES_AT_FIRST, Mode, Truth, World, judge, run, try_each};

struct Lie {
    name: &'static str,
    truth: Truth,
    /// Answer of the proxy to a request for a tunnel.
    answer: &'static str,
    /// Number of bytes of the server that a tunnel lets through before it breaks.
    lets_through: usize,
    /// Number of tunnels that get this answer; the others are good until they break.
    refuses_after: usize,
}

const GOOD: &str = "HTTP/1.1 200 Connection established\r\n\r\n";

fn lies() -> Vec<Lie> {
    use Truth::{Lost, Pretended, Works};
    let says = |name, answer| Lie {
        name,
        truth: Lost,
        answer,
        lets_through: usize::MAX,
        refuses_after: 0,
    };
    // A refusal that the next try would meet again is final.
    let refuses = |name, answer| Lie {
        truth: Pretended,
        ..says(name, answer)
    };
    /// As many as it takes to be in the middle of the run.
    const SOME: usize = 3000;
    vec![
        Lie {
            truth: Works,
            ..says("nothing odd", GOOD)
        },
        Lie {
            truth: Works,
            ..says(
                "headers and a reason of its own",
                "HTTP/1.0 200 Fine, go on\r\nVia: 1.1 proxy\r\nX-Y: Z\r\n\r\n",
            )
        },
        Lie {
            lets_through: SOME,
            ..says("each tunnel breaks in the middle", GOOD)
        },
        Lie {
            lets_through: 0,
            ..says("each tunnel breaks at once", GOOD)
        },
        // From here on it does not come back, as far as the run is concerned.
        Lie {
            truth: Pretended,
            lets_through: SOME,
            refuses_after: 1,
            ..says("it dies in the middle", "")
        },
        Lie {
            truth: Pretended,
            lets_through: SOME,
            refuses_after: 1,
            ..says(
                "407 in the middle",
                "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n",
            )
        },
        Lie {
            truth: Pretended,
            lets_through: SOME,
            refuses_after: 1,
            ..says("403 in the middle", "HTTP/1.1 403 Forbidden\r\n\r\n")
        },
        Lie {
            truth: Pretended,
            lets_through: SOME,
            refuses_after: 1,
            ..says(
                "HTML after 200 in the middle",
                "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>Log in</html>",
            )
        },
        refuses(
            "HTML after 200",
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 19\r\n\r\n<html>Log in</html>",
        ),
        refuses(
            "an answer of the API after 200",
            "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        ),
        refuses(
            "an answer of the API instead of a tunnel",
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        ),
        refuses(
            "302",
            "HTTP/1.1 302 Found\r\nlocation: https://evil.example/\r\n\r\n",
        ),
        says("502", "HTTP/1.1 502 Bad Gateway\r\n\r\n"),
        says(
            "503 with HTML",
            "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 13\r\n\r\n<html></html>",
        ),
        says("100", "HTTP/1.1 100 Continue\r\n\r\n"),
        refuses("another protocol", "220 smtp.example ready\r\n\r\n"),
        says("nothing", ""),
        says("half a head", "HTTP/1.1 200 OK\r\nx: "),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_breaks_or_lies_makes_nothing_cancelled() {
    let identity = Arc::new(Identity::new());
    try_each(lies(), 8, async |lie, mode| {
        let world = Arc::new(Mutex::new(World::default()));
        let (listener, server_address) = listen().await;
        let server = {
            let (world, acceptor) = (Arc::clone(&world), identity.acceptor(&["h2"]));
            tokio::spawn(async move {
                while let Ok((tcp, _)) = listener.accept().await {
                    let (world, acceptor) = (Arc::clone(&world), acceptor.clone());
                    tokio::spawn(async move {
                        if let Ok(tls) = acceptor.accept(tcp).await {
                            serve_http2(tls, honest(), mode, world).await;
                        }
                    });
                }
            })
        };
        let (listener, address) = listen().await;
        let asked = Arc::new(AtomicUsize::new(0));
        let proxy = {
            let (lie, asked) = (Arc::clone(&lie), Arc::clone(&asked));
            tokio::spawn(async move {
                while let Ok((client, _)) = listener.accept().await {
                    let number = asked.fetch_add(1, Ordering::Relaxed);
                    let lies = mode == Mode::Always || number < HANDSHAKES_AT_FIRST as usize;
                    tokio::spawn(tunnel(client, Arc::clone(&lie), number, lies));
                }
            })
        };
        let config = identity
            .config()
            .connect_timeout(Duration::from_millis(700))
            .proxy(format!("http://{address}"), "");
        let run = run(crate::common::endpoint("https", server_address), config).await;
        server.abort();
        proxy.abort();
        let mut wrong = judge(&run, &world.lock().unwrap(), lie.truth, mode);
        if asked.load(Ordering::Relaxed) > 300 {
            wrong += "the proxy was asked too often\n";
        }
        (lie.name.to_owned(), wrong)
    })
    .await;
}

async fn tunnel(mut client: TcpStream, lie: Arc<Lie>, number: usize, lies: bool) -> Option<()> {
    let head = read_head(&mut client).await;
    let target = head.split(' ').nth(1)?;
    let good =
        !lies || number < lie.refuses_after || lie.answer == GOOD || lie.truth == Truth::Works;
    if !good {
        client.write_all(lie.answer.as_bytes()).await.ok()?;
        // Some wait for more, some hang up.
        if lie.answer.ends_with("\r\n\r\n") {
            let _ = tokio::time::timeout(Duration::from_secs(5), client.read(&mut [0; 4096])).await;
        }
        return None;
    }
    let answer = if lie.truth == Truth::Works {
        lie.answer
    } else {
        GOOD
    };
    client.write_all(answer.as_bytes()).await.ok()?;
    let server = TcpStream::connect(target).await.ok()?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let mut left = if lies { lie.lets_through } else { usize::MAX };
    let back = async {
        let mut buffer = [0; 1024];
        while left > 0 {
            let read = from_server
                .read(&mut buffer)
                .await
                .ok()
                .filter(|read| *read > 0)?;
            let passed = read.min(left);
            left -= passed;
            to_client.write_all(&buffer[..passed]).await.ok()?;
        }
        Some(())
    };
    tokio::select! {
        _ = back => {}
        _ = tokio::io::copy(&mut from_client, &mut to_server) => {}
    }
    None
}
