//! Countermand for fleets: from "which are they?" to "here is the proof for each".
//!
//! ```
//! use countermand_core::{Endpoint, GrandparentName};
//! use countermand_fleet::store::Kind;
//! use countermand_fleet::{Authorization, Filter, Findings, Found, Job, Options, Plan, RowState, Run, Search, Services, Settings, now};
//! use countermand::Client;
//! use futures_util::StreamExt;
//!
//! type Failure = Box<dyn std::error::Error + Send + Sync>;
//!
//! async fn cancel_wipes(
//!     client: Client,
//!     endpoint: Endpoint, // the client's
//!     enterprise: GrandparentName,
//!     path: std::path::PathBuf,
//! ) -> Result<(), Failure> {
//!     let mut filter = Filter::default();
//!     filter.add_type(&Services::new([enterprise.service()]), "WIPE")?;
//!     let mut search = Search::new(&client, client.scheduler(), [enterprise.clone()], [], filter);
//!     let mut findings = Findings::default();
//!     while let Some(found) = search.next().await {
//!         if let Found::Missed { resource, error } = &found {
//!             eprintln!("{resource} was not read: {error}");
//!         }
//!         findings.take(found);
//!     }
//!     findings.end(&mut search);
//!
//!     let mut settings = Settings::new(Kind::Plan);
//!     settings.lane_mut().endpoint = endpoint.to_string(); // Google's, unless it is said
//!     let count = findings.targets.len() as u64;
//!     let mut plan = Plan { by_harm: true, ..Plan::default() };
//!     plan.found(&mut findings); // and what it has spent: the run goes on with the quota that is left
//!     plan.write(&path, &settings, now(), |_| Ok(()))?;
//!
//!     // Perhaps later, and in another process.
//!     let (job, options) = (Job::open(&path, now())?, Options::default());
//!     let confirmed = Some([(enterprise, Some(count))].into());
//!     let authorization = Authorization { endpoint, confirmed, ..Authorization::default() };
//!     let mut run = Run::begin(&client, authorization.check(job, options, now())?)?;
//!     while run.next().await.is_some() {} // the events, for a progress bar
//!     let ended = run.end("all was tried");
//!     for row in ended.rows() {
//!         let row = row?;
//!         println!("{}: {}", row.target.name, row.meaning());
//!     }
//!     ended.job.close()?;
//!     Ok(())
//! }
//! # use countermand_emulator::{Config, Fate, Shared};
//! # use countermand::{Token, hyper::Authorized};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Failure> {
//! # let shared = Shared::new(Config::default().parents(3).mix([(1, Fate::Cancellable)]));
//! # let endpoint: Endpoint = "http://127.0.0.1".parse()?;
//! # let transport = Authorized::new(endpoint.clone(), Token::new("emulator-token")?, shared.clone());
//! # let client = Client::new(transport).endpoint(endpoint.clone());
//! # let enterprise = shared.with(|emulator, _| emulator.grandparent().parse())?;
//! # let wipes = |emulator: &mut countermand_emulator::Emulator, now| {
//! #     let truth = emulator.truth(now).into_iter().filter(|row| row.kind == "WIPE");
//! #     truth.map(|row| row.state).collect::<Vec<_>>()
//! # };
//! # assert!(shared.with(wipes).contains(&countermand_emulator::State::Pending));
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("wipes.job");
//! # tokio::spawn(cancel_wipes(client, endpoint, enterprise, path)).await??;
//! # assert!(!shared.with(wipes).contains(&countermand_emulator::State::Pending));
//! # Ok(())
//! # }
//! ```
//!
//! - [`Search`] finds the pending operations of enterprises and devices that a [`Filter`] means.
//! - [`Job`] is a file that holds the operations to be cancelled and the outcome of each.
//! - [`Authorization`] compares a job with the caller's statement of the server and of the operations.
//!   Only its [check](Authorization::check) makes the [`AuthorizedJob`] that [`Run::begin`] takes.
//! - [`Run`] applies a job, resumes it after a crash, and, for a rescue, searches and cancels at
//!   once.
//! - [`Diagnosis`] checks everything between this machine and a cancelled operation.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod already_done;
mod authorize;
mod check;
mod clock;
mod counts;
mod doctor;
mod estimate;
mod feed;
mod filter;
pub mod input;

mod job_row;
mod journal;
mod kept_service;
mod lane;
mod length;
mod not_searched;
pub mod order;
mod output_file;
mod plan;
mod plan_summary;
mod profile;
mod progress;
pub mod report;
mod resume;
mod row_state;
mod run;
mod schedule;
mod search;
mod seconds;
mod services;
mod side;
mod spell;
mod spelling;
mod split;
pub mod store;
mod system;

pub use already_done::AlreadyDone;
pub use authorize::{
    Authorization, AuthorizedJob, AuthorizedRescue, Confirmed, NotAuthorized, Refusal,
};
pub use check::{Check, CheckOutcome, CheckResult};
pub use clock::now;
pub use counts::Counts;
pub use doctor::Diagnosis;
pub use estimate::Estimate;
pub use feed::{Feed, FeedFile};
pub use filter::{Excluded, Filter, FilterError, KNOWN_TYPES};
pub use job_row::{JobRow, OperationProgress, Resolution, Target};
pub use lane::{Lane, LaneError, Lanes, ParentPattern, serves_one};
pub use length::parse_length;
pub use not_searched::NotSearched;
pub use output_file::{OutputFile, create_new};
pub use plan::Plan;
pub use plan_summary::{Age, PlanSummary};
pub use profile::access::{CallersAccess, LaneAccessError};
pub use profile::{
    CredentialsPlace, Defaults, Meant, Profile, ProfileError, ProfileLane, QuotaTerms,
};
pub use progress::{Failing, JobProgress, Meter, Pace, SearchProgress};
pub use resume::{Resume, confirmed, path_word, phrases, quoted, service_option};
pub use row_state::RowState;
pub use run::{Clients, Ended, Run};
pub use schedule::Options;
pub use search::{Findings, Found, Search, SearchCost, SearchLane, decisive};
pub use services::Services;
pub use spell::{counted, few, grouped, not_googles, phrase, spell};
pub use spelling::SameProject;
pub use store::{Job, JobError, Settings};
