//! `bench-server DIRECTORY`: a lean server on one thread, the same for every client.
//!
//! It writes `ca.pem`, `cert.pem` and `key.pem` into the directory, prints its port, and answers
//! every POST with `{}` and every GET with an operation of 499 bytes that was cancelled, both with
//! ten headers as Google's front ends send them. It reads the bodies of requests, takes 100 streams
//! at a time on a connection of HTTP/2 and has no Nagle delay. `BENCH_DELAY_MS` makes it answer
//! later, `BENCH_ERRORS=N` refuses every Nth cancel, in turn with 404 and 503.

mod answer;
mod certificate;

use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use http::Request;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The settings from the environment.
#[derive(Clone)]
struct Settings {
    delay: Option<Duration>,
    errors: Option<u64>,
    cancels: Rc<Cell<u64>>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory: PathBuf = std::env::args_os().nth(1).ok_or("no directory")?.into();
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let settings = Settings {
        delay: number("BENCH_DELAY_MS").map(Duration::from_millis),
        errors: number("BENCH_ERRORS"),
        cancels: Rc::default(),
    };
    let acceptor = TlsAcceptor::from(certificate::make(&directory)?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    tokio::task::LocalSet::new().block_on(&runtime, serve(acceptor, settings))
}

#[expect(clippy::print_stdout, reason = "the driver reads it")]
async fn serve(acceptor: TlsAcceptor, settings: Settings) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (acceptor, settings) = (acceptor.clone(), settings.clone());
        tokio::task::spawn_local(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(move |request| answer(settings.clone(), request));
            let mut builder = auto::Builder::new(Local);
            builder.http2().max_concurrent_streams(streams());
            // The client notices a connection that fails.
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn streams() -> u32 {
    let streams = std::env::var("BENCH_STREAMS").ok();
    streams.and_then(|text| text.parse().ok()).unwrap_or(100)
}

async fn answer(
    settings: Settings,
    request: Request<Incoming>,
) -> Result<http::Response<answer::Body>, Infallible> {
    let (head, body) = request.into_parts();
    // A request whose body cannot be read is answered too: the client will notice.
    let _ = body.collect().await;
    if let Some(delay) = settings.delay {
        tokio::time::sleep(delay).await;
    }
    if head.method == http::Method::GET {
        return Ok(answer::operation(head.uri.path()));
    }
    let count = settings.cancels.get() + 1;
    settings.cancels.set(count);
    Ok(match settings.errors {
        Some(every) if count.is_multiple_of(2 * every) => answer::refusal(404),
        Some(every) if count.is_multiple_of(every) => answer::refusal(503),
        _ => answer::accepted(),
    })
}

/// Runs hyper's tasks on this thread.
#[derive(Clone, Copy)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}
