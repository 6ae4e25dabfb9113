//! Many operations under one quota: a scheduler without a clock or a socket.
//!
//! ```
//! use std::{thread, time::Instant};
//! use countermand_core::{OperationName, Phase, Time, Transmit, TransportError, Verdict};
//! use countermand_emulator::{Config, Emulator, Fate};
//! use countermand_scheduler::{Event, NextStep, Scheduler};
//!
//! // The emulator, in the place of your HTTP client and of the server.
//! let mut emulator = Emulator::new(Config::default().parents(3).mix([(1, Fate::Cancellable)]));
//! let names: Vec<OperationName> =
//!     emulator.pending(Default::default()).iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
//! let token = format!("Bearer {}", emulator.token());
//! let start = Instant::now();
//! let mut send = |transmit: Transmit| -> Result<http::Response<bytes::Bytes>, TransportError> {
//!     let mut request = transmit.request.map(bytes::Bytes::from);
//!     request.headers_mut().insert("authorization", token.parse().expect("a header"));
//!     emulator.handle(start.elapsed(), &request).deliver(transmit.timeout).1
//! };
//!
//! let now = || Time::after(start.elapsed());
//! let mut scheduler = Scheduler::new(1); // a seed
//! for name in &names {
//!     scheduler.push(name.clone(), Phase::Unsent);
//! }
//! scheduler.close(); // no more names come
//! loop {
//!     match scheduler.next_step(now()) {
//!         NextStep::Send(ticket, transmit) => {
//!             scheduler.sent(ticket.id(), now());
//!             let answer = send(transmit); // many may be under way
//!             scheduler.answer(ticket, now(), answer.as_ref().map_err(Clone::clone));
//!         }
//!         NextStep::Wait(until) => thread::sleep(until - now()),
//!         NextStep::Idle => unreachable!("every answer was brought"),
//!         NextStep::Done => break,
//!     }
//! }
//! let mut cancelled = 0;
//! while let Some(event) = scheduler.next_event() {
//!     if let Event::Finished { result: Ok(outcome), .. } = event {
//!         cancelled += usize::from(outcome.verdict == Verdict::Cancelled);
//!     }
//! }
//! assert_eq!(cancelled, names.len());
//! # Ok::<(), countermand_core::NameError>(())
//! ```
//!
//! An operator who has sent thousands of mistaken WIPEs needs the last cancel out as early as the
//! quota allows, and then the truth about each device. [`Scheduler`] hands out requests by
//! [`next_step`](Scheduler::next_step), takes answers by [`answer`](Scheduler::answer), and tells what happens
//! by [`next_event`](Scheduler::next_event). A driver that knows when a request leaves tells it by
//! [`sent`](Scheduler::sent).
//!
//! Its rules:
//! 1. A free slot goes to the cancels that are due again, then to new cancels, then to lists, then to
//!    looks at operations, then to looks at parents. Under a quota each of them leaves room for what
//!    goes before it: a list for the cancels that the lists under way may find, a look for all lists
//!    that are to come as well, so that no known cancel waits for a window that they have spent.
//! 2. In every window of the [`Quota`] no more is sent than its share, retries included. A refusal
//!    for the quota pauses every operation; a lower limit that the server names is adopted.
//! 3. A failure is taken for what it concerns: one operation, a part of the names (a few denials in a row
//!    close it), or everything (the scheduler stops). What was not sent then is
//!    [`NotAttempted`](countermand_core::ErrorKind::NotAttempted).
//! 4. A storm of passing failures opens a circuit: one probe each 5 s until the server is back. No
//!    operation is given up for it. Where something other than the API answers (a captive portal, a
//!    front end) and the API has not answered yet, the first such answer opens it, and stops the
//!    scheduler. So does a deadline in which nothing but failures has come. A scheduler that is to
//!    [probe on](Scheduler::probe_on) goes on.
//! 5. Every name that was pushed comes out once; one pushed twice is counted and left out.
//! 6. An operation takes its name and eight bytes while it waits for its turn.
//! 7. Where names have to be found first, [`search`](Scheduler::search) reads lists under the same
//!    quota. What is pushed from a page goes out before the next list is asked for; parents are
//!    listed before operations (for up to 5 s, while that can go on), and the operations of the
//!    parent that was seen last come first.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod answers;
mod circuit_breaker;
mod event;
mod finds;
mod in_flight;
mod list;
mod outage;
mod queue;
mod quota;
mod rate_limiter;
mod room;
mod schedule;
mod scheduler;
mod scope;
mod simulate;

pub use event::{Event, NextStep, Progress, Ticket};
pub use list::List;
pub use outage::Outage;
pub use quota::{Quota, QuotaError, ShareError, Window};
pub use rate_limiter::{PastCall, RateLimiter, Reservation};
pub use scheduler::Scheduler;
pub use simulate::simulate;
