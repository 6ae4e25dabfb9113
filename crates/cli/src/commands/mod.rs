//! The commands, a file each, and the work that several of them share.

pub(crate) mod apply;
pub(crate) mod cancel;
pub(crate) mod confirm;
pub(crate) mod doctor;
#[cfg(feature = "emulator")]
pub(crate) mod emulated;
pub(crate) mod find;
pub(crate) mod follow;
pub(crate) mod manual;
pub(crate) mod names;
pub(crate) mod open;
pub(crate) mod plan;
pub(crate) mod read;
pub(crate) mod report;
pub(crate) mod rescue;
pub(crate) mod run;
pub(crate) mod services;
pub(crate) mod settings;
pub(crate) mod status;
pub(crate) mod stop;
