//! Servers that break HTTP/2, and servers that lie in it.
//!
//! A real server of HTTP/2 reads the requests and knows the truth. What it sends goes through
//! [`Between`], which replaces the frames of an answer by those of a row of the table.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use countermand_hyper::HyperConfig;
use http::Response;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::common::{endpoint, listen};
use crate::{AT_FIRST, Mode, Truth, World, judge, run, try_each};

/// From what was kept, and what an honest server would have said, to the frames of an answer.
type Answer = dyn Fn(&mut Vec<Told>, Told) -> Result<Vec<u8>, Vec<u8>> + Send + Sync;

/// A way to answer.
pub(crate) struct Lie {
    name: String,
    truth: Truth,
    /// Sent after the server's settings.
    hello: Vec<u8>,
    /// In the place of an answer; the connection is closed after an `Err`.
    answer: Box<Answer>,
}

/// Answer of an honest server.
#[derive(Clone)]
struct Told {
    stream: u32,
    body: Vec<u8>,
}

impl Told {
    fn head(&self) -> Vec<u8> {
        headers(self.stream, END_HEADERS, &OK)
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        frame(DATA, flags, self.stream, &self.body)
    }

    /// The whole answer, as it should be.
    fn whole(&self) -> Vec<u8> {
        [self.head(), self.data(END_STREAM)].concat()
    }

    /// The whole answer, if this were the block of its headers.
    fn with_block(&self, block: &[u8]) -> Vec<u8> {
        let head = frame(HEADERS, END_HEADERS, self.stream, block);
        [head, self.data(END_STREAM)].concat()
    }

    /// The whole answer with more headers.
    fn with_headers(&self, fields: &[(&str, &str)]) -> Vec<u8> {
        self.with_block(&block(&[&OK[..], fields].concat()))
    }
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

const OK: [(&str, &str); 2] = [(":status", "200"), ("content-type", "application/json")];

/// Codes of errors (RFC 9113, 7), and their names.
const CODES: [(u32, &str); 5] = [
    (0, "NO_ERROR"),
    (2, "INTERNAL_ERROR"),
    (7, "REFUSED_STREAM"),
    (8, "CANCEL"),
    (11, "ENHANCE_YOUR_CALM"),
];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
    [&head, payload].concat()
}

/// Literal fields without indexing and without Huffman's code (RFC 7541, 6.2.2).
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let string = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let fields = fields.iter();
    fields
        .flat_map(|(name, value)| [vec![0], string(name), string(value)].concat())
        .collect()
}

fn headers(stream: u32, flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, flags, stream, &block(fields))
}

fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

fn goaway(last: u32, code: u32) -> Vec<u8> {
    let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
    frame(GOAWAY, 0, 0, &payload)
}

fn setting(id: u8, value: u32) -> Vec<u8> {
    frame(
        SETTINGS,
        0,
        0,
        &[&[0, id], &value.to_be_bytes()[..]].concat(),
    )
}

/// Serves one connection: a server of HTTP/2 behind [`Between`].
pub(crate) async fn serve_http2<S>(client: S, lie: Arc<Lie>, mode: Mode, world: Arc<Mutex<World>>)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (near, far) = tokio::io::duplex(1 << 20);
    let number = world.lock().unwrap().connect();
    let between = Between {
        lie: Arc::clone(&lie),
        greets: mode == Mode::Always || number <= AT_FIRST,
        connection: number,
        world: Arc::clone(&world),
    };
    let server = async move {
        let mut builder = h2::server::Builder::new();
        builder.max_concurrent_streams(100);
        let Ok(mut connection) = builder.handshake::<_, Bytes>(far).await else {
            return;
        };
        while let Some(Ok((request, mut response))) = connection.accept().await {
            let (method, path) = (request.method().clone(), request.uri().path());
            let place = (number, response.stream_id().as_u32());
            let body = world
                .lock()
                .unwrap()
                .answer((method, path), place, lie.truth, mode);
            let head = Response::builder().header("content-type", "application/json");
            if let Ok(mut stream) = response.send_response(head.body(()).unwrap(), false) {
                drop(stream.send_data(body.into(), true));
            }
        }
    };
    tokio::join!(server, between.relay(client, near));
}

/// Between the client and the server.
struct Between {
    lie: Arc<Lie>,
    /// Says what comes after the settings.
    greets: bool,
    connection: u32,
    world: Arc<Mutex<World>>,
}

impl Between {
    async fn relay<S>(self, client: S, server: tokio::io::DuplexStream)
    where
        S: AsyncRead + AsyncWrite,
    {
        let (from_client, to_client) = tokio::io::split(client);
        let (from_server, to_server) = tokio::io::split(server);
        // If one side is closed, so is the other one.
        let forth = pin!(forth(from_client, to_server));
        let back = pin!(self.back(from_server, to_client));
        futures_util::future::select(forth, back).await;
    }

    /// From the server to the client: answers that are lied to are replaced.
    async fn back(
        self,
        mut server: impl AsyncRead + Unpin,
        mut client: impl AsyncWrite + Unpin,
    ) -> Option<()> {
        let (mut bodies, mut kept) = (HashMap::<u32, Vec<u8>>::new(), Vec::new());
        let mut greeted = false;
        loop {
            let (head, payload) = read_frame(&mut server).await?;
            let stream = u32::from_be_bytes(head[5..].try_into().unwrap());
            let lied_to = self
                .world
                .lock()
                .unwrap()
                .lied_to
                .contains(&(self.connection, stream));
            let (mut out, mut ends) = (Vec::new(), false);
            match head[3] {
                DATA | HEADERS if lied_to => {
                    let body = bodies.entry(stream).or_default();
                    if head[3] == DATA {
                        body.extend_from_slice(&payload);
                    }
                    if head[4] & END_STREAM != 0 {
                        let body = bodies.remove(&stream).unwrap();
                        match (self.lie.answer)(&mut kept, Told { stream, body }) {
                            Ok(frames) => out = frames,
                            Err(frames) => (out, ends) = (frames, true),
                        }
                    }
                }
                _ => out = [&head, &payload[..]].concat(),
            }
            if head[3] == SETTINGS && !greeted && self.greets {
                out.extend_from_slice(&self.lie.hello);
            }
            greeted |= head[3] == SETTINGS;
            client.write_all(&out).await.ok()?;
            client.flush().await.ok()?;
            if ends {
                return None;
            }
        }
    }
}

/// From the client to the server, which is told to use no table of headers, so that a block of its
/// can be left out. It hears only of the settings that it has made itself.
async fn forth(
    mut client: impl AsyncRead + Unpin,
    mut server: impl AsyncWrite + Unpin,
) -> Option<()> {
    let mut preface = [0; 24];
    client.read_exact(&mut preface).await.ok()?;
    server.write_all(&preface).await.ok()?;
    let (mut settings, mut acknowledged) = (false, false);
    loop {
        let (mut head, mut payload) = read_frame(&mut client).await?;
        if head[3] == SETTINGS && head[4] & ACK == 0 && !settings {
            settings = true;
            payload.extend_from_slice(&[0, 1, 0, 0, 0, 0]);
            head[..3].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes()[1..]);
        } else if head[3] == SETTINGS
            && head[4] & ACK != 0
            && std::mem::replace(&mut acknowledged, true)
        {
            continue;
        }
        server
            .write_all(&[&head, &payload[..]].concat())
            .await
            .ok()?;
    }
}

async fn read_frame(stream: &mut (impl AsyncRead + Unpin)) -> Option<([u8; 9], Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.ok()?;
    Some((head, payload))
}

fn lie(name: &str, truth: Truth, answer: impl Fn(Told) -> Vec<u8> + Send + Sync + 'static) -> Lie {
    Lie {
        name: name.to_owned(),
        truth,
        hello: Vec::new(),
        answer: Box::new(move |_, told| Ok(answer(told))),
    }
}

/// Answers as they should be.
pub(crate) fn honest() -> Arc<Lie> {
    Arc::new(lie("nothing odd", Truth::Works, |told| told.whole()))
}

/// Something that a server says first on each connection; its answers are as they should be.
fn hello(name: &str, truth: Truth, hello: Vec<u8>) -> Lie {
    Lie {
        hello,
        ..lie(name, truth, |told| told.whole())
    }
}

/// Something wrong, and then a good answer on the same connection.
fn before(name: &str, truth: Truth, wrong: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static) -> Lie {
    lie(name, truth, move |told| {
        [wrong(told.stream), told.whole()].concat()
    })
}

/// Answers whose head or body is not what HTTP/2 allows.
fn malformed() -> Vec<Lie> {
    use Truth::False;
    let status =
        |status: &'static str| move |told: Told| told.with_block(&block(&[(":status", status)]));
    vec![
        lie("no END_STREAM, then RST_STREAM(NO_ERROR)", False, |told| {
            [told.head(), told.data(0), reset(told.stream, 0)].concat()
        }),
        lie(
            "no END_STREAM but all of content-length, then RST_STREAM(NO_ERROR)",
            False,
            |told| {
                let length = told.body.len().to_string();
                let head = headers(
                    told.stream,
                    END_HEADERS,
                    &[OK[0], ("content-length", &length)],
                );
                [head, told.data(0), reset(told.stream, 0)].concat()
            },
        ),
        lie("no END_STREAM, then RST_STREAM(CANCEL)", False, |told| {
            [told.head(), told.data(0), reset(told.stream, 8)].concat()
        }),
        lie("trailers with a second :status", False, |told| {
            let trailers = headers(told.stream, END_HEADERS | END_STREAM, &[(":status", "500")]);
            [told.head(), told.data(0), trailers].concat()
        }),
        lie("trailers without END_STREAM", False, |told| {
            let trailers = headers(told.stream, END_HEADERS, &[("x", "y")]);
            [told.head(), told.data(0), trailers].concat()
        }),
        lie("trailers with :path", False, |told| {
            let trailers = headers(told.stream, END_HEADERS | END_STREAM, &[(":path", "/")]);
            [told.head(), told.data(0), trailers].concat()
        }),
        lie(":path after :status", False, |told| {
            told.with_block(&block(&[OK[0], (":path", "/")]))
        }),
        lie(":path before :status", False, |told| {
            told.with_block(&block(&[(":path", "/"), OK[0]]))
        }),
        lie(":path of the static table", False, |told| {
            told.with_block(&[0x88, 0x84])
        }),
        lie(":method of the static table, first", False, |told| {
            told.with_block(&[0x82, 0x88])
        }),
        lie(":authority, to be indexed", False, |told| {
            told.with_block(&[0x88, 0x41, 1, b'x'])
        }),
        lie("an unknown pseudo header", False, |told| {
            told.with_headers(&[(":x", "y")])
        }),
        lie("no :status", False, |told| {
            told.with_block(&block(&OK[1..]))
        }),
        lie("an empty head", False, |told| told.with_block(&[])),
        lie("two :status, the same", False, |told| {
            told.with_block(&[0x88, 0x88])
        }),
        lie("two :status, 500 and 200", False, |told| {
            told.with_block(&[0x8e, 0x88])
        }),
        lie(":status after another header", False, |told| {
            told.with_block(&block(&[OK[1], OK[0]]))
        }),
        lie(":status of four digits", False, status("2000")),
        lie(":status 0200", False, status("0200")),
        lie(":status 099", False, status("099")),
        lie(":status of letters", False, status("abc")),
        lie(":status empty", False, status("")),
        lie(":status 101", False, status("101")),
        lie("upper case in a name", False, |told| {
            told.with_headers(&[("X-Upper", "y")])
        }),
        lie("an empty name", False, |told| {
            told.with_headers(&[("", "y")])
        }),
        lie("a line break in a value", False, |told| {
            told.with_headers(&[("x", "y\r\nz: 1")])
        }),
        lie("connection: close", False, |told| {
            told.with_headers(&[("connection", "close")])
        }),
        lie("transfer-encoding", False, |told| {
            told.with_headers(&[("transfer-encoding", "chunked")])
        }),
        lie("204 with a body", False, status("204")),
        lie("205 with a body", False, status("205")),
        lie("content-length too small", False, |told| {
            told.with_headers(&[("content-length", "1")])
        }),
        lie("content-length too large", False, |told| {
            told.with_headers(&[("content-length", "5000")])
        }),
        lie("content-length twice", False, |told| {
            let length = told.body.len().to_string();
            told.with_headers(&[("content-length", &length), ("content-length", "1")])
        }),
        lie("content-length of letters", False, |told| {
            told.with_headers(&[("content-length", "two")])
        }),
        lie(
            "content-length, and END_STREAM with the head",
            False,
            |told| {
                let fields = [OK[0], ("content-length", "2")];
                headers(told.stream, END_HEADERS | END_STREAM, &fields)
            },
        ),
        lie("DATA before HEADERS", False, |told| {
            [told.data(END_STREAM), told.head()].concat()
        }),
        lie(
            "an informational answer with END_STREAM, then a body",
            False,
            |told| {
                let early = headers(told.stream, END_HEADERS | END_STREAM, &[(":status", "103")]);
                [early, told.data(END_STREAM)].concat()
            },
        ),
        lie("an informational answer, then a body", False, |told| {
            let early = headers(told.stream, END_HEADERS, &[(":status", "103")]);
            [early, told.data(END_STREAM)].concat()
        }),
    ]
}

/// Frames that no server may send, each before an answer that is well formed.
fn broken_frames() -> Vec<Lie> {
    use Truth::False;
    let raw = |name: &str, kind, flags, payload: &'static [u8]| {
        before(name, False, move |stream| {
            frame(kind, flags, stream, payload)
        })
    };
    let connection = |name: &str, kind, flags, payload: &'static [u8]| {
        before(name, False, move |_| frame(kind, flags, 0, payload))
    };
    let hpack =
        |name: &str, block: &'static [u8]| lie(name, False, move |told| told.with_block(block));
    vec![
        raw("DATA with more padding than payload", DATA, PADDED, &[9, 1]),
        raw("DATA with padding and no length of it", DATA, PADDED, &[]),
        raw(
            "HEADERS with more padding than payload",
            HEADERS,
            PADDED | END_HEADERS,
            &[9, 0x88],
        ),
        raw(
            "HEADERS with a priority that is cut",
            HEADERS,
            0x20 | END_HEADERS,
            &[0, 0, 0],
        ),
        raw("RST_STREAM of 3 bytes", RST_STREAM, 0, &[0; 3]),
        raw("SETTINGS on a stream", SETTINGS, 0, &[]),
        raw("PING on a stream", PING, 0, &[0; 8]),
        raw("GOAWAY on a stream", GOAWAY, 0, &[0; 8]),
        raw("WINDOW_UPDATE of 0 on a stream", WINDOW_UPDATE, 0, &[0; 4]),
        raw("WINDOW_UPDATE of 2 bytes", WINDOW_UPDATE, 0, &[0; 2]),
        raw(
            "CONTINUATION without HEADERS",
            CONTINUATION,
            END_HEADERS,
            &[0x88],
        ),
        raw(
            "PUSH_PROMISE",
            PUSH_PROMISE,
            END_HEADERS,
            &[0, 0, 0, 2, 0x82, 0x87, 0x84, 0x41, 1, b'x'],
        ),
        connection("DATA on the connection", DATA, 0, b"{}"),
        connection("HEADERS on the connection", HEADERS, END_HEADERS, &[0x88]),
        connection("RST_STREAM on the connection", RST_STREAM, 0, &[0; 4]),
        connection("PING of 7 bytes", PING, 0, &[0; 7]),
        connection("GOAWAY of 7 bytes", GOAWAY, 0, &[0; 7]),
        connection("SETTINGS of 5 bytes", SETTINGS, 0, &[0; 5]),
        connection(
            "SETTINGS, acknowledged with a payload",
            SETTINGS,
            ACK,
            &[0; 6],
        ),
        connection("SETTINGS_ENABLE_PUSH 2", SETTINGS, 0, &[0, 2, 0, 0, 0, 2]),
        connection(
            "SETTINGS_INITIAL_WINDOW_SIZE over 2^31",
            SETTINGS,
            0,
            &[0, 4, 255, 255, 255, 255],
        ),
        connection(
            "SETTINGS_MAX_FRAME_SIZE of 1",
            SETTINGS,
            0,
            &[0, 5, 0, 0, 0, 1],
        ),
        connection("WINDOW_UPDATE of 0", WINDOW_UPDATE, 0, &[0; 4]),
        connection(
            "WINDOW_UPDATE over 2^31",
            WINDOW_UPDATE,
            0,
            &[0x7f, 255, 255, 255],
        ),
        before("a frame larger than allowed", False, |stream| {
            frame(DATA, 0, stream, &[b' '; 100_000])
        }),
        before(
            "RST_STREAM of a stream that was never opened",
            False,
            |_| reset(100_001, 8),
        ),
        before("HEADERS of a stream that was never opened", False, |_| {
            headers(100_001, END_HEADERS, &OK)
        }),
        before("HEADERS of a stream of the server", False, |_| {
            headers(2, END_HEADERS, &OK)
        }),
        before("DATA of a stream that was never opened", False, |_| {
            frame(DATA, 0, 100_001, b"{}")
        }),
        before("another frame in the middle of a head", False, |stream| {
            [
                frame(HEADERS, 0, stream, &[0x88]),
                frame(PING, 0, 0, &[0; 8]),
            ]
            .concat()
        }),
        before("CONTINUATION of another stream", False, |stream| {
            let head = frame(HEADERS, 0, stream, &[0x88]);
            [head, frame(CONTINUATION, END_HEADERS, stream + 2, &[])].concat()
        }),
        before("5,000 empty CONTINUATIONs", False, |stream| {
            let head = frame(HEADERS, 0, stream, &[0x88]);
            [head, frame(CONTINUATION, 0, stream, &[]).repeat(5_000)].concat()
        }),
        lie("a head of a mebibyte", False, |told| {
            let value = "x".repeat(255);
            let filler = block(&[("x", &value)]).repeat(60);
            let more = frame(CONTINUATION, 0, told.stream, &filler).repeat(70);
            let last = frame(CONTINUATION, END_HEADERS, told.stream, &[]);
            [
                frame(HEADERS, 0, told.stream, &[0x88]),
                more,
                last,
                told.data(END_STREAM),
            ]
            .concat()
        }),
        hpack("an index of 0", &[0x88, 0x80]),
        hpack("an index that was never made", &[0x88, 0xff, 0x20]),
        hpack(
            "an index without an end",
            &[0x88, 0xff, 255, 255, 255, 255, 255, 255, 255],
        ),
        hpack("a field that is cut", &[0x88, 0, 5, b'x']),
        hpack(
            "Huffman's code without an end",
            &[0x88, 0, 1, b'x', 0x84, 255, 255, 255, 255],
        ),
        hpack(
            "a table larger than allowed",
            &[0x3f, 0xe1, 0xff, 0x7f, 0x88],
        ),
        hpack("a table resized in the middle", &[0x88, 0x20]),
        hpack("garbage", &[0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed, 0xfa, 0xce]),
        before("an answer of HTTP/1.1", False, |_| {
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec()
        }),
        Lie {
            answer: Box::new(|kept, told| {
                // Of two gets of one operation, the first of which has timed out, each has its own answer.
                if told.body.len() > 2 {
                    kept.retain(|kept| kept.body != told.body);
                }
                kept.push(told);
                let [one, other] = &kept[..] else {
                    return Ok(Vec::new());
                };
                let swap = |a: &Told, b: &Told| Told {
                    stream: a.stream,
                    body: b.body.clone(),
                };
                let both = [swap(one, other).whole(), swap(other, one).whole()].concat();
                kept.clear();
                Ok(both)
            }),
            ..lie("answers swapped between streams", Truth::Pretended, |_| {
                Vec::new()
            })
        },
        Lie {
            answer: Box::new(|kept, told| {
                // The answer for one operation is given for another.
                let other = kept
                    .iter()
                    .find(|kept| kept.body.len() > 2 && kept.body != told.body)
                    .map(|kept| kept.body.clone());
                kept.push(told.clone());
                Ok(other.map_or(Vec::new(), |body| Told { body, ..told }.whole()))
            }),
            ..lie(
                "the answer about another operation",
                Truth::Pretended,
                |_| Vec::new(),
            )
        },
    ]
}

/// Odd, but every client has to understand it.
fn odd() -> Vec<Lie> {
    use Truth::Works;
    vec![
        lie("nothing odd", Works, |told| told.whole()),
        lie("RST_STREAM(NO_ERROR) after END_STREAM", Works, |told| {
            [told.whole(), reset(told.stream, 0)].concat()
        }),
        lie("END_STREAM in an empty frame", Works, |told| {
            let end = frame(DATA, END_STREAM, told.stream, &[]);
            [told.head(), told.data(0), end].concat()
        }),
        lie("one byte in each frame", Works, |told| {
            let mut out = told.head();
            for byte in &told.body {
                out.extend(frame(DATA, 0, told.stream, &[*byte]));
            }
            [out, frame(DATA, END_STREAM, told.stream, &[])].concat()
        }),
        lie("DATA with padding", Works, |told| {
            let padded = [&[5], &told.body[..], &[0; 5]].concat();
            [
                told.head(),
                frame(DATA, PADDED | END_STREAM, told.stream, &padded),
            ]
            .concat()
        }),
        lie("HEADERS with padding and priority", Works, |told| {
            let padded = [&[5, 0, 0, 0, 0, 9], &block(&OK)[..], &[0; 5]].concat();
            let head = frame(HEADERS, PADDED | 0x20 | END_HEADERS, told.stream, &padded);
            [head, told.data(END_STREAM)].concat()
        }),
        lie("a head in pieces", Works, |told| {
            let block = block(&[&OK[..], &OK[1..]].concat());
            let (first, rest) = block.split_at(50);
            let more = frame(CONTINUATION, END_HEADERS, told.stream, rest);
            [
                frame(HEADERS, 0, told.stream, first),
                more,
                told.data(END_STREAM),
            ]
            .concat()
        }),
        lie("a table of headers that is used", Works, |told| {
            let block = [
                &[0x20, 0x3f, 0x61, 0x88, 0x40, 1, b'x', 1][..],
                b"y",
                &[0xbe],
            ]
            .concat();
            told.with_block(&block)
        }),
        lie(":status as a literal that is indexed", Works, |told| {
            told.with_block(&[
                0x3f, 0x61, 0x48, 3, b'2', b'0', b'0', 0x40, 1, b'x', 1, b'y',
            ])
        }),
        lie("103, then the answer", Works, |told| {
            [
                headers(told.stream, END_HEADERS, &[(":status", "103")]),
                told.whole(),
            ]
            .concat()
        }),
        lie(
            "200 informational answers, then the answer",
            Works,
            |told| {
                let early = headers(told.stream, END_HEADERS, &[(":status", "103"), ("x", "y")]);
                [early.repeat(200), told.whole()].concat()
            },
        ),
        lie("200 PINGs, then the answer", Works, |told| {
            [frame(PING, 0, 0, &[7; 8]).repeat(200), told.whole()].concat()
        }),
        lie("200 SETTINGS, then the answer", Works, |told| {
            [frame(SETTINGS, 0, 0, &[]).repeat(200), told.whole()].concat()
        }),
        lie("frames of an unknown kind", Works, |told| {
            [
                frame(0xbe, 0xff, 0, &[1; 100]),
                frame(0xbf, 0, told.stream, &[]),
                told.whole(),
            ]
            .concat()
        }),
        lie("PRIORITY", Works, |told| {
            [
                frame(PRIORITY, 0, told.stream, &[0, 0, 0, 0, 9]),
                told.whole(),
            ]
            .concat()
        }),
        lie("windows wide open", Works, |told| {
            let wider = |stream| frame(WINDOW_UPDATE, 0, stream, &[0x3f, 255, 0, 0]);
            [wider(told.stream), told.whole()].concat()
        }),
        // A stream that sends nothing any more has no window that could be too large.
        lie("WINDOW_UPDATE over 2^31 on a stream", Truth::Lost, |told| {
            let wider = frame(WINDOW_UPDATE, 0, told.stream, &[0x7f, 255, 255, 255]);
            [wider, told.whole()].concat()
        }),
        hello("one stream at a time", Works, setting(3, 1)),
        hello("a window of 0", Works, setting(4, 0)),
        hello("no push, no connect, no table", Works, {
            [setting(2, 0), setting(8, 0), setting(1, 0)].concat()
        }),
        lie("frames on a stream that is closed", Truth::Lost, |told| {
            [
                told.whole(),
                told.data(0),
                told.head(),
                reset(told.stream, 8),
            ]
            .concat()
        }),
        lie("END_STREAM twice", Truth::Lost, |told| {
            [told.whole(), told.data(END_STREAM)].concat()
        }),
        lie("no answer", Truth::Lost, |_| Vec::new()),
        lie("a head and no more", Truth::Lost, |told| told.head()),
        lie("a body without an end", Truth::Lost, |told| {
            [told.head(), told.data(0)].concat()
        }),
        lie("an informational answer and no more", Truth::Lost, |told| {
            headers(told.stream, END_HEADERS, &[(":status", "103")])
        }),
        hello("no stream at all", Truth::Pretended, setting(3, 0)),
        hello(
            "a frame size of 2^24, and no list of headers",
            Truth::Lost,
            [setting(5, (1 << 24) - 1), setting(6, 0)].concat(),
        ),
        hello("an answer before the request", Truth::Lost, {
            Told {
                stream: 1,
                body: b"{}".to_vec(),
            }
            .whole()
        }),
        hello("GOAWAY at once", Truth::Lost, goaway(0, 0)),
        hello(
            "GOAWAY for the future",
            Truth::Lost,
            goaway((1 << 31) - 1, 0),
        ),
        hello("RST_STREAM before the request", Truth::Lost, reset(1, 7)),
    ]
}

/// The frames of an answer up to a phase.
type SoFar = fn(&Told) -> Vec<u8>;

/// Points in an answer at which it is broken off.
const PHASES: [(&str, SoFar); 4] = [
    ("before the head", |_| Vec::new()),
    ("after the head", Told::head),
    ("in the body", |told| {
        let half = &told.body[..told.body.len() / 2];
        [told.head(), frame(DATA, 0, told.stream, half)].concat()
    }),
    ("after the answer", Told::whole),
];

/// Every way to break off, in every phase.
fn broken_off() -> Vec<Lie> {
    let mut lies = Vec::new();
    for (phase, so_far) in PHASES {
        let complete = phase == "after the answer";
        let truth = if complete { Truth::Lost } else { Truth::False };
        for (code, word) in CODES {
            lies.push(lie(
                &format!("RST_STREAM({word}) {phase}"),
                truth,
                move |told| [so_far(&told), reset(told.stream, code)].concat(),
            ));
            lies.push(lie(
                &format!("GOAWAY(this one, {word}) {phase}"),
                truth,
                move |told| [so_far(&told), goaway(told.stream, code)].concat(),
            ));
            lies.push(lie(
                &format!("GOAWAY(0, {word}) {phase}"),
                truth,
                move |told| [so_far(&told), goaway(0, code)].concat(),
            ));
        }
        lies.push(Lie {
            answer: Box::new(move |_, told| Err(so_far(&told))),
            ..lie(&format!("the connection ends {phase}"), truth, |_| {
                Vec::new()
            })
        });
    }
    lies
}

/// Every row against the real client, with a server that lies always, and with one that lies at first.
async fn try_all(lies: Vec<Lie>) {
    try_each(lies, 48, async |lie, mode| {
        let world = Arc::new(Mutex::new(World::default()));
        let (listener, address) = listen().await;
        let server = {
            let (lie, world) = (Arc::clone(&lie), Arc::clone(&world));
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    stream.set_nodelay(true).unwrap();
                    let (lie, world) = (Arc::clone(&lie), Arc::clone(&world));
                    tokio::spawn(serve_http2(stream, lie, mode, world));
                }
            })
        };
        let config = HyperConfig::default().http2_prior_knowledge(true);
        let run = run(endpoint("http", address), config).await;
        server.abort();
        let wrong = judge(&run, &world.lock().unwrap(), lie.truth, mode);
        (lie.name.clone(), wrong)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finding_43_answers_that_http2_does_not_allow_are_no_answers() {
    try_all(malformed()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_http2_does_not_allow_are_no_answers() {
    try_all(broken_frames()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_odd_but_allowed_is_understood() {
    try_all(odd()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_broken_off_is_no_answer() {
    try_all(broken_off()).await;
}
