//! Many operations under one quota: a scheduler without a clock or a socket.
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
//!
//! ```
//! use std::time::Instant;
//! use countermand_scheduler::{Event, NextStep, Scheduler};
//! use countermand_core::{Phase, Time, Verdict};
//! # fn send(request: http::Request<()>) -> http::Response<String> {
//! #     http::Response::new(if request.method() == "POST" { "{}".to_owned() } else {
//! #         let name = request.uri().path().trim_start_matches("/v1/");
//! #         format!(r#"{{"name":"{name}","done":true,"error":{{"code":1}}}}"#)
//! #     })
//! # }
//!
//! let start = Instant::now();
//! let now = || Time::after(start.elapsed());
//! let mut scheduler = Scheduler::new(1);
//! for id in ["17", "18"] {
//!     scheduler.push(format!("enterprises/LC01/devices/3f/operations/{id}").parse()?, Phase::Unsent);
//! }
//! scheduler.close();
//! loop {
//!     match scheduler.next_step(now()) {
//!         NextStep::Send(ticket, transmit) => {
//!             scheduler.sent(ticket.id(), now());
//!             let response = send(transmit.request); // yours, and many may be under way
//!             scheduler.answer(ticket, now(), Ok(&response));
//!         }
//!         NextStep::Wait(until) => std::thread::sleep(until - now()),
//!         NextStep::Idle => unreachable!("every answer was brought"),
//!         NextStep::Done => break,
//!     }
//! }
//! let mut cancelled = 0;
//! while let Some(event) = scheduler.next_event() {
//!     if let Event::Finished { result: Ok(outcome), .. } = event {
//!         cancelled += u32::from(outcome.verdict == Verdict::Cancelled);
//!     }
//! }
//! assert_eq!(cancelled, 2);
//! # Ok::<(), countermand_core::NameError>(())
//! ```

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
