//! Actions, performed by hyper as far as hyper can be made to.

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{pending, ready};
use futures_util::stream::{self, Stream, StreamExt};
use h2::Reason;
use http::{HeaderValue, Method, Request, Response, Version, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use tokio::sync::mpsc;

use crate::front_end::MAX_BODY;
use crate::reply::{Action, Breakage, Mangling};
use crate::shared::Shared;
use crate::site::Site;

const CHUNK: usize = 64 << 10;

/// The fault of the whole connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wreck {
    Reset,
    GoAway,
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Answers a request; one for the head of an answer without a body, which hyper leaves out of HTTP/1.1 alone.
pub(crate) async fn answer(
    shared: Shared,
    site: Site,
    wreck: mpsc::Sender<Wreck>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Box<dyn Error + Send + Sync>> {
    let head = request.method() == Method::HEAD;
    let answer = perform(shared, site, wreck, request).await?;
    Ok(if head { only_head(answer) } else { answer })
}

/// The answer without its body, whose length it still tells.
fn only_head(answer: Response<Body>) -> Response<Body> {
    let (mut parts, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact() {
        let length = HeaderValue::from(length);
        parts.headers.insert(header::CONTENT_LENGTH, length);
    }
    Response::from_parts(parts, Full::default().boxed_unsync())
}

/// Reads the request, asks the emulator, and does what it says.
async fn perform(
    shared: Shared,
    site: Site,
    wreck: mpsc::Sender<Wreck>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Box<dyn Error + Send + Sync>> {
    let multiplexed = request.version() == Version::HTTP_2;
    let (mut head, body) = request.into_parts();
    if let Some(refusal) = site.refusal(&head, &shared.hosts) {
        return Ok(refusal.map(|text| Full::new(text).boxed_unsync()));
    }
    head.extensions.insert(site);
    let body = match read(body).await {
        Ok(body) => body,
        Err(status) => {
            let request = Request::from_parts(head, Bytes::new());
            let mut refusal = shared.refuse(&request, status);
            // What is left of the body is in the way of another request.
            if !multiplexed {
                let close = HeaderValue::from_static("close");
                refusal.headers_mut().insert(header::CONNECTION, close);
            }
            return Ok(refusal.map(|text| Full::new(text).boxed_unsync()));
        }
    };
    let reply = shared.handle(&Request::from_parts(head, body));
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    let wrecked = async |kind| {
        // A connection that is already being wrecked needs no second blow.
        let _ = wreck.try_send(kind);
        pending().await
    };
    match reply.action {
        Action::Respond(response) => Ok(response.map(|body| Full::new(body).boxed_unsync())),
        Action::Break(breakage) => match breakage {
            Breakage::Stall | Breakage::BlackHole => pending().await,
            Breakage::RefusedStream if multiplexed => {
                Err(h2::Error::from(Reason::REFUSED_STREAM).into())
            }
            Breakage::EnhanceYourCalm if multiplexed => {
                Err(h2::Error::from(Reason::ENHANCE_YOUR_CALM).into())
            }
            Breakage::GoAway if multiplexed => wrecked(Wreck::GoAway).await,
            _ => wrecked(Wreck::Reset).await,
        },
        Action::Mangle(response, mangling) => Ok(mangle(response, mangling)),
    }
}

/// An answer that does not arrive as it was meant.
fn mangle(response: Response<Bytes>, mangling: Mangling) -> Response<Body> {
    match mangling {
        Mangling::StallBody { after } => claiming(response, |body| {
            stream::once(ready(prefix(&body, after))).chain(stream::pending())
        }),
        Mangling::Truncate { after } => claiming(response, |body| {
            // hyper drops what it has not written when a body ends early: let it write first.
            let end = async {
                tokio::task::yield_now().await;
                Bytes::new()
            };
            stream::once(ready(prefix(&body, after))).chain(stream::once(end))
        }),
        Mangling::Drip { interval } => claiming(response, |body| drip(body, interval)),
        Mangling::Flood { bytes, sized } => {
            let mut response = response.map(|_| streamed(flood(bytes)));
            if sized {
                response
                    .headers_mut()
                    .insert(header::CONTENT_LENGTH, bytes.into());
            }
            response
        }
    }
}

/// The body of a request, or the status that refuses it: before it comes where its length says enough.
async fn read(body: Incoming) -> Result<Bytes, u16> {
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(413);
    }
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(problem) if problem.is::<LengthLimitError>() => Err(413),
        Err(_) => Err(400),
    }
}

fn prefix(body: &Bytes, length: usize) -> Bytes {
    body.slice(..length.min(body.len()))
}

/// A response that promises its whole body, and sends what `send` makes of it.
fn claiming<S>(response: Response<Bytes>, send: impl FnOnce(Bytes) -> S) -> Response<Body>
where
    S: Stream<Item = Bytes> + Send + 'static,
{
    let length = HeaderValue::from(response.body().len());
    let mut response = response.map(|body| streamed(send(body)));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, length);
    response
}

/// A body whose length hyper does not know, so that it believes the header.
fn streamed(chunks: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    StreamBody::new(chunks.map(|chunk| Ok(Frame::data(chunk)))).boxed_unsync()
}

fn drip(body: Bytes, interval: Duration) -> impl Stream<Item = Bytes> {
    stream::unfold(body, move |mut left| async move {
        if left.is_empty() {
            return None;
        }
        tokio::time::sleep(interval).await;
        Some((left.split_to(1), left))
    })
}

fn flood(bytes: u64) -> impl Stream<Item = Bytes> {
    let spaces = Bytes::from(vec![b' '; CHUNK]);
    stream::unfold(bytes, move |left| {
        let chunk = spaces.slice(..left.min(CHUNK as u64) as usize);
        ready((left > 0).then(|| (chunk.clone(), left - chunk.len() as u64)))
    })
}
