//! Servers that break HTTP/1.1, and servers that lie in it.

use std::sync::{Arc, Mutex};

use countermand_hyper::HyperConfig;
use http::Method;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::common::{endpoint, listen};
use crate::{Mode, Truth, World, judge, run, try_each};

/// A way to answer; the connection is closed after an `Err`.
struct Lie {
    name: &'static str,
    truth: Truth,
    answer: fn(&str) -> Result<Vec<u8>, Vec<u8>>,
}

/// An answer as it should be.
pub(crate) fn whole(body: &str) -> Vec<u8> {
    head(
        "HTTP/1.1 200 OK",
        &[&format!("content-length: {}", body.len())],
        body,
    )
}

fn head(status: &str, fields: &[&str], body: &str) -> Vec<u8> {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    format!("{status}\r\n{fields}\r\n{body}").into_bytes()
}

/// Serves one connection by `answer`, which gets what an honest server would say; as long as the
/// requests are lied to.
pub(crate) async fn serve<S>(
    mut stream: S,
    truth: Truth,
    mode: Mode,
    world: Arc<Mutex<World>>,
    answer: impl Fn(&str) -> Result<Vec<u8>, Vec<u8>>,
) -> Option<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let number = world.lock().unwrap().connect();
    for request in 1.. {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        let mut words = head.split([' ', '?']);
        let (method, path) = (words.next()?.parse::<Method>().ok()?, words.next()?);
        let (body, lied_to) = {
            let mut world = world.lock().unwrap();
            let body = world.answer((method, path), (number, request), truth, mode);
            (body, world.lied_to.contains(&(number, request)))
        };
        let (out, ends) = match lied_to {
            false => (whole(&body), false),
            true => match answer(&body) {
                Ok(out) => (out, false),
                Err(out) => (out, true),
            },
        };
        stream.write_all(&out).await.ok()?;
        if ends {
            stream.shutdown().await.ok()?;
            break;
        }
    }
    Some(())
}

fn lies() -> Vec<Lie> {
    use Truth::{False, Lost, Pretended, Works};
    const STATUS: &str = "HTTP/1.1 200 OK";
    let lie = |name, truth, answer| Lie {
        name,
        truth,
        answer,
    };
    vec![
        lie("nothing odd", Works, |body| Ok(whole(body))),
        lie("content-length twice", False, |body| {
            let length = format!("content-length: {}", body.len());
            Ok(head(STATUS, &[&length, "content-length: 1"], body))
        }),
        lie("content-length of two numbers", False, |body| {
            Ok(head(
                STATUS,
                &[&format!("content-length: {}, 1", body.len())],
                body,
            ))
        }),
        lie("content-length too large, and the end", False, |body| {
            Err(head(STATUS, &["content-length: 5000"], body))
        }),
        lie("content-length too large, and silence", False, |body| {
            Ok(head(STATUS, &["content-length: 5000"], body))
        }),
        lie("content-length below zero", False, |body| {
            Ok(head(STATUS, &["content-length: -1"], body))
        }),
        lie("content-length over 2^64", False, |body| {
            Ok(head(
                STATUS,
                &["content-length: 18446744073709551618"],
                body,
            ))
        }),
        lie("content-length with a sign", False, |body| {
            Ok(head(
                STATUS,
                &[&format!("content-length: +{}", body.len())],
                body,
            ))
        }),
        lie(
            "content-length too small, and an answer to the next",
            Lost,
            |body| {
                let rest = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                Ok(head(
                    STATUS,
                    &[&format!("content-length: {}", body.len())],
                    &format!("{body}{rest}"),
                ))
            },
        ),
        lie("a chunk without a length", False, |body| {
            Ok(head(
                STATUS,
                &["transfer-encoding: chunked"],
                &format!("xyz\r\n{body}\r\n0\r\n\r\n"),
            ))
        }),
        lie("a chunk of 2^68 bytes", False, |body| {
            let chunk = format!("100000000000000002\r\n{body}\r\n0\r\n\r\n");
            Ok(head(STATUS, &["transfer-encoding: chunked"], &chunk))
        }),
        lie("chunks without a last one", False, |body| {
            let chunk = format!("{:x}\r\n{body}\r\n", body.len());
            Err(head(STATUS, &["transfer-encoding: chunked"], &chunk))
        }),
        lie("a chunk that is cut", False, |body| {
            Err(head(
                STATUS,
                &["transfer-encoding: chunked"],
                &format!("fff\r\n{body}"),
            ))
        }),
        lie("a chunk with a mebibyte of extensions", False, |body| {
            let extension = "x".repeat(1 << 20);
            let chunk = format!("{:x};{extension}\r\n{body}\r\n0\r\n\r\n", body.len());
            Ok(head(STATUS, &["transfer-encoding: chunked"], &chunk))
        }),
        lie("an unknown coding", False, |body| {
            Ok(head(
                STATUS,
                &["transfer-encoding: zip", "content-length: 2"],
                body,
            ))
        }),
        lie("a status of two digits", False, |body| {
            Ok(head("HTTP/1.1 20 OK", &[], body))
        }),
        lie("a status of four digits", False, |body| {
            Ok(head("HTTP/1.1 2000 OK", &[], body))
        }),
        lie("HTTP/3", False, |body| {
            Ok(head("HTTP/3 200 OK", &["content-length: 2"], body))
        }),
        lie("ICY 200", False, |body| {
            Ok(head("ICY 200 OK", &["content-length: 2"], body))
        }),
        lie("a body and no head", False, |body| {
            Err(body.as_bytes().to_vec())
        }),
        lie("the frames of HTTP/2", False, |_| {
            Ok([0, 0, 0, 4, 0, 0, 0, 0, 0].repeat(10))
        }),
        lie("a space in the name of a header", False, |body| {
            Ok(head(
                STATUS,
                &["x y: z", &format!("content-length: {}", body.len())],
                body,
            ))
        }),
        lie("NUL in a header", False, |body| {
            Ok(head(
                STATUS,
                &["x: \0", &format!("content-length: {}", body.len())],
                body,
            ))
        }),
        lie("10,000 headers", False, |body| {
            let many = vec!["x: y"; 10_000];
            Ok(head(STATUS, &many, body))
        }),
        lie("a status of 101", Pretended, |body| {
            let fields = ["upgrade: h2c", "connection: upgrade"];
            Ok(head("HTTP/1.1 101 Switching Protocols", &fields, body))
        }),
        lie("204 with a body", Pretended, |body| {
            Ok(head(
                "HTTP/1.1 204 No Content",
                &["content-length: 2"],
                body,
            ))
        }),
        lie("204, and an answer to the next", Pretended, |body| {
            let next = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            Ok(head("HTTP/1.1 204 No Content", &[], &next))
        }),
        lie("205 with a body", False, |body| {
            let length = format!("content-length: {}", body.len());
            Ok(head("HTTP/1.1 205 Reset Content", &[&length], body))
        }),
        lie(
            "203, of a proxy that has changed the answer",
            Pretended,
            |body| {
                let length = format!("content-length: {}", body.len());
                Ok(head(
                    "HTTP/1.1 203 Non-Authoritative Information",
                    &[&length],
                    body,
                ))
            },
        ),
        lie("206, a part of the answer", Pretended, |body| {
            let length = format!("content-length: {}", body.len());
            Ok(head("HTTP/1.1 206 Partial Content", &[&length], body))
        }),
        lie("an unknown success", Pretended, |body| {
            let length = format!("content-length: {}", body.len());
            Ok(head("HTTP/1.1 299 Fine", &[&length], body))
        }),
        lie("HTML by its type", Pretended, |body| {
            let length = format!("content-length: {}", body.len());
            Ok(head(
                "HTTP/1.1 200 OK",
                &[&length, "content-type: text/html"],
                body,
            ))
        }),
        lie("a text by its type", Pretended, |body| {
            let length = format!("content-length: {}", body.len());
            Ok(head(
                "HTTP/1.1 200 OK",
                &[&length, "content-type: text/plain; charset=UTF-8"],
                body,
            ))
        }),
        lie(
            "a warning that a proxy has changed the answer",
            Pretended,
            |body| {
                let length = format!("content-length: {}", body.len());
                Ok(head(
                    "HTTP/1.1 200 OK",
                    &[&length, "warning: 214 proxy \"Transformation Applied\""],
                    body,
                ))
            },
        ),
        lie(
            "an error and a response in one operation",
            Pretended,
            |body| Ok(whole(&body.replace(r#""done""#, r#""response":{},"done""#))),
        ),
        lie(
            "cancelled, with the errorCode of a failure",
            Pretended,
            |body| {
                let failed = r#""metadata":{"errorCode":"API_LEVEL"},"done""#;
                Ok(whole(&body.replace(r#""done""#, failed)))
            },
        ),
        lie("a cache that has just asked", Works, |body| {
            let length = format!("content-length: {}", body.len());
            Ok(head(STATUS, &[&length, "age: 0"], body))
        }),
        lie("no answer", Lost, |_| Ok(Vec::new())),
        lie("the end before the head", Lost, |_| Err(Vec::new())),
        lie("the end in the head", Lost, |_| {
            Err(b"HTTP/1.1 200 OK\r\ncontent-".to_vec())
        }),
        lie("the end in the body", False, |body| {
            let length = format!("content-length: {}", body.len());
            Err(head(STATUS, &[&length], &body[..body.len() / 2]))
        }),
        lie("the end after the answer", Lost, |body| Err(whole(body))),
        lie("an end that was announced", Works, |body| {
            let length = format!("content-length: {}", body.len());
            Err(head(STATUS, &[&length, "connection: close"], body))
        }),
        lie(
            "a body that the end of the connection ends",
            Works,
            |body| Err(head(STATUS, &[], body)),
        ),
        lie("chunks of a byte, with trailers", Works, |body| {
            let chunks: String = body
                .chars()
                .map(|byte| format!("1\r\n{byte}\r\n"))
                .collect();
            let chunks = format!("{chunks}0\r\nx: y\r\n\r\n");
            Ok(head(STATUS, &["transfer-encoding: chunked"], &chunks))
        }),
        lie("a status without a reason", Works, |body| {
            Ok(head(
                "HTTP/1.1 200",
                &[&format!("content-length: {}", body.len())],
                body,
            ))
        }),
        lie(
            "200 informational answers, then the answer",
            Works,
            |body| {
                let early = "HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n".repeat(200);
                Ok([early.as_bytes(), &whole(body)].concat())
            },
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_http1_does_not_allow_are_no_answers() {
    try_each(lies(), 48, async |lie, mode| {
        let world = Arc::new(Mutex::new(World::default()));
        let (listener, address) = listen().await;
        let (truth, answer) = (lie.truth, lie.answer);
        let server = {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, truth, mode, Arc::clone(&world), answer));
                }
            })
        };
        let run = run(endpoint("http", address), HyperConfig::default()).await;
        server.abort();
        let wrong = judge(&run, &world.lock().unwrap(), truth, mode);
        (lie.name.to_owned(), wrong)
    })
    .await;
}
