//! Sans-IO core of Countermand, which cancels long-running operations of Google's APIs and proves it.
//!
//! ```
//! use std::{thread, time::Instant};
//! use countermand_core::{Cancellation, OperationName, Time, Transmit, TransportError, Verdict};
//! use countermand_emulator::{Config, Emulator, Fate};
//!
//! // The emulator, in the place of your HTTP client and of the server.
//! let mut emulator = Emulator::new(Config::default().parents(1).mix([(1, Fate::Cancellable)]));
//! let name: OperationName = emulator.pending(Default::default())[0].parse()?;
//! let token = format!("Bearer {}", emulator.token());
//!
//! let begun = Instant::now();
//! let now = || Time::after(begun.elapsed());
//! let send = |transmit: Transmit| -> Result<http::Response<bytes::Bytes>, TransportError> {
//!     let mut request = transmit.request.map(bytes::Bytes::from);
//!     request.headers_mut().insert("authorization", token.parse().expect("a header"));
//!     emulator.handle(begun.elapsed(), &request).deliver(transmit.timeout).1
//! };
//! let outcome = Cancellation::new(name).start(now(), 1).run(now, send, thread::sleep)?;
//! assert_eq!(outcome.verdict, Verdict::Cancelled);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Cancellation`] cancels one operation, retries, and polls until its [`Verdict`] is known. You bring the
//! HTTP client, the clock and a seed; the crate brings everything else:
//! - [`Step::run`] and [`Step::run_async`]: the loop of a blocking and of an asynchronous client;
//! - [`OperationName`]: a name that cannot be bad;
//! - [`Request`] and [`Response`]: what is sent, and the strict reading of what comes back;
//! - [`Service`]: what differs between APIs, as data; the Android Management API is the default;
//! - [`Fetch`] and [`Pages`]: gets and lists with the same retries;
//! - [`Error`]: what happened, to which operation, whether a cancel may have been delivered, what to do.
//!
//!
//! `devices.delete` and `enterprises.delete` also wipe devices, but give no operation: no client
//! can cancel those.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod api_error;
mod caching;
mod call;
mod cancellation;
mod chain;
mod driver;
pub mod duration;
mod endpoint;
mod error;
mod error_kind;
mod error_table;
mod fetch;
mod given;
mod json;
mod json_path;
mod metadata;
mod name;
mod name_error;
mod name_parse;
mod operation;
mod operation_reader;
mod outcome;
mod page;
mod pages;
mod percent;
mod policy;
mod printable;
mod project;
mod request;
mod resource;
mod resource_reader;
mod resource_state;
mod response;
mod retry;
mod rng;
mod service;
pub mod services;
mod shown;
mod step;
mod surplus;
mod time;
mod timestamp;
mod transmit;
mod transport_error;
mod verdict;
mod view;
mod words;

pub mod text {
    //! Texts of servers, files and callers, made fit to be shown to a person.

    pub use crate::chain::chain;
    pub use crate::printable::{
        excerpt, is_hidden, json_line, printable, printable_lines, with_article, write_json_line,
    };
    pub use crate::shown::{looks_secret, path_problem, shown, shown_excerpt, shown_path};
}

pub use api_error::ApiError;
pub use call::Call;
pub use cancellation::Cancellation;
pub use endpoint::{Endpoint, EndpointError};
pub use error::Error;
pub use error_kind::{Cause, ErrorKind};
pub use error_table::{ErrorFacts, ErrorKey, ErrorRow, ExitClass, FailureScope, RetryAction};
pub use fetch::Fetch;
pub use json_path::put_at;
pub use metadata::Metadata;
pub use name::{GrandparentName, Name, OperationName, ParentName};
pub use name_error::{MAX_NAME_BYTES, NameError, NameErrorKind};
pub use operation::{Operation, Status};
pub use operation_reader::{MetadataPaths, OperationReader};
pub use outcome::Outcome;
pub use page::{ListFilter, ListFilterError, Page, PageToken, PageTokenError, Parent};
pub use pages::Pages;
pub use policy::Policy;
pub use project::Project;
pub use request::{MAX_PAGE_SIZE, PageQuery, Request};
pub use resource::Resource;
pub use resource_state::{CancelAnswer, Identity, Reading, ResourceState, State, StateMeaning};
pub use response::Response;
pub use rng::Rng;
pub use service::{CancelMethod, CancelVerb, Ids, Level, NamePattern, RegionalHosts, Service};
pub use services::{ServiceFileError, UnknownService};
pub use step::{Attempt, Pause, Phase, Step};
pub use time::Time;
pub use timestamp::Timestamp;
pub use transmit::{Departure, TicketId, Transmit};
pub use transport_error::{LostConnection, TransportError, TransportErrorKind};
pub use verdict::Verdict;
pub use view::RepeatsToken;
