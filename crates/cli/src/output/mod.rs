//! Results on standard output, everything else on standard error.

pub(crate) mod json;
pub(crate) mod logging;
pub(crate) mod progress;
pub(crate) mod results;
mod screen;
pub(crate) mod streams;
pub(crate) mod summary;
pub(crate) mod writer;
