//! The decision about a request, whatever it is for: the API, a batch of calls, discovery or the emulator itself.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request};

use crate::admin;
use crate::answer::{Style, answer, bare, page};
use crate::batch::{self, Answers};
use crate::discovery;
use crate::emulator::{Emulator, OWN};
use crate::front_end;
use crate::reply::Reply;
use crate::site;

impl Emulator {
    /// Decides one request, `now` after the start. The time it takes does not depend on the size of the fleet.
    pub fn handle(&mut self, now: Duration, request: &Request<Bytes>) -> Reply {
        let understood = front_end::understand(request);
        if let Some(endpoint) = request.uri().path().strip_prefix(OWN) {
            return Reply::at_once(match understood {
                Ok(request) => admin::handle(self, now, &request, endpoint),
                Err(status) => page(status, self.unix_ms(now)),
            });
        }
        match understood {
            Ok(request) if batch::is_batch(&*request) => self.batch(now, &request),
            Ok(request) if discovery::is_asked(self.service(), &*request) => {
                let document = self.discovery(&site::root(&request));
                let document = answer(Ok(document), Style::default(), self.unix_ms(now));
                self.told(now, &request, Reply::at_once(document))
            }
            Ok(request) => self.call(now, &request),
            Err(status) => self.refused(now, request, status),
        }
    }

    fn refused(&mut self, now: Duration, request: &Request<Bytes>, status: u16) -> Reply {
        let mut reply = Reply::at_once(self.refuse(now, request, status));
        reply.effect = false;
        reply
    }

    /// Decides the calls of a batch, one after the other; the slowest one is how long it takes.
    fn batch(&mut self, now: Duration, request: &Request<Bytes>) -> Reply {
        let parts = match batch::parse(request) {
            Ok(parts) => parts,
            Err(problem) => {
                let text = HeaderValue::from_static("text/html; charset=UTF-8");
                let refusal = bare(400, text, problem.into(), self.unix_ms(now));
                let mut reply = Reply::at_once(refusal);
                reply.effect = false;
                return self.told(now, request, reply);
            }
        };
        let mut answers = Answers::default();
        let (mut delay, mut effect) = (Duration::ZERO, false);
        for part in &parts {
            let reply = match front_end::understand(&part.request) {
                Ok(request) => self.call(now, &request),
                Err(status) => self.refused(now, &part.request, status),
            };
            delay = delay.max(reply.delay);
            effect |= reply.effect;
            answers.push(part, reply.action);
        }
        let reply = Reply {
            delay,
            effect,
            action: answers.action(self.unix_ms(now)),
        };
        self.told(now, request, reply)
    }
}
