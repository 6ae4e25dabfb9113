//! Sans-IO core of Countermand, which cancels Android Management API operations and proves it.
//!
//! You bring the transport, the clock and the randomness; this crate brings
//! - [`OperationName`], [`DeviceName`], [`EnterpriseName`]: names that cannot be bad;
//! - [`wire`]: requests and the strict reading of answers;
//! - [`Cancellation`]: the step machine that cancels one operation, retries, looks and polls until the
//!   [`Verdict`] is known.
//!
//! ```
//! use std::time::Instant;
//! use countermand_core::{Cancellation, OperationName, Step, Verdict};
//! # fn send(request: http::Request<()>) -> http::Response<&'static str> {
//! #     http::Response::new(if request.method() == "POST" { "{}" } else {
//! #         r#"{"name":"enterprises/LC01/devices/3f/operations/17","done":true,"error":{"code":1}}"#
//! #     })
//! # }
//!
//! let name: OperationName = "enterprises/LC01/devices/3f/operations/17".parse()?;
//! let mut step = Cancellation::new(name).start(Instant::now(), 1);
//! let outcome = loop {
//!     step = match step {
//!         Step::Send(attempt) => {
//!             let transmit = attempt.transmit(Instant::now());
//!             let response = send(transmit.request); // yours: any HTTP client
//!             attempt.response(Instant::now(), &response)
//!         }
//!         Step::Wait(pause) => {
//!             std::thread::sleep(pause.until().saturating_duration_since(Instant::now()));
//!             pause.resume(Instant::now())
//!         }
//!         Step::Done(result) => break result?,
//!     }
//! };
//! assert_eq!(outcome.verdict, Verdict::Cancelled);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `devices.delete` and `enterprises.delete` also wipe devices, but give no operation: no client
//! can cancel those.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod api_error;
mod caching;
pub mod cancellation;
mod endpoint;
mod error;
mod error_kind;
mod error_table;
mod given;
mod json;
mod name;
mod name_check;
mod name_error;
mod operation;
mod pages;
mod policy;
mod printable;
mod read;
mod resource;
mod retry;
mod rng;
mod shown;
mod step;
mod time;
mod transport_error;
mod verdict;
mod view;
pub mod wire;
mod withheld;

pub use api_error::ApiError;
pub use cancellation::{Cancellation, Phase};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{Error, chain};
pub use error_kind::{Cause, ErrorKind};
pub use error_table::{ErrorFacts, ErrorKey, ErrorRow, ExitClass, FailureScope, RetryAction};
pub use name::{DeviceName, EnterpriseName, MAX_NAME_BYTES, OperationName};
pub use name_error::{NameError, NameErrorKind};
pub use operation::{Command, Operation, Status};
pub use pages::{
    Device, DevicePage, OperationPage, Page, PageToken, PageTokenError, Pages, Unreadable,
};
pub use policy::Policy;
pub use printable::{excerpt, is_hidden, json_line, printable, printable_lines, write_json_line};
pub use read::Read;
pub use resource::Resource;
pub use rng::Rng;
pub use shown::{looks_secret, path_problem, shown, shown_excerpt, shown_path};
pub use step::{Attempt, Call, Departure, Pause, Step, TicketId, Transmit};
pub use time::{Timestamp, format_duration, parse_duration};
pub use transport_error::{LostConnection, TransportError, TransportErrorKind};
pub use verdict::{Outcome, Verdict};
pub use withheld::Withheld;
