//! The commands that run on an emulated service.

pub(crate) mod demo;
pub(crate) mod emulator;
pub(crate) mod simulate;
