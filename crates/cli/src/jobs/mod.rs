//! Commands of whole fleets: what to cancel is found and planned, or found and cancelled at once, in
//! a job file that can be resumed and reported.

pub(crate) mod apply;
pub(crate) mod confirm;
pub(crate) mod export;
pub(crate) mod find;
pub(crate) mod open;
pub(crate) mod plan;
pub(crate) mod rescue;
mod run;
mod selection;
mod sources;
pub(crate) mod status;
mod terms;
