//! The native half of the Python package `countermand`: types and calls, no logic of its own.

#![deny(unsafe_code)]

mod apply;
mod arguments;
mod arrow;
mod bulk;
mod call;
mod client;
mod clock;
mod emulator;
mod engine;
mod errors;
mod event;
mod exception;
mod feed;
mod files;
mod find;
mod fleet;
mod inbox;
mod job_errors;
mod jobs;
mod journal;
mod lanes;
mod lock;
mod names;
mod once;
mod outcome;
mod pages;
mod policy;
mod process;
mod profile;
mod progress;
mod quota;
mod raiser;
mod rate_limiter;
mod report;
mod rows;
mod run;
mod sansio;
mod scheduler;
mod selection;
mod services;
mod simulation;
mod stream;
mod token;
mod watcher;
mod ways;
mod wire;

// In a free-threaded build Python turns the GIL on: what happens at a fork relies on it.
#[pyo3::pymodule(gil_used = true)]
mod _countermand {
    use std::borrow::Cow;
    use std::ffi::OsString;

    use pyo3::exceptions::PyImportError;
    use pyo3::prelude::*;
    use pyo3::types::IntoPyDict;

    use crate::process;

    #[pymodule_export]
    use crate::{
        call::{Call, Running},
        client::NativeClient,
        emulator::Emulator,
        feed::Feed,
        find::Finder,
        fleet::{apply, find, job_estimate, plan, rescue},
        inbox::Inbox,
        jobs::{job_exposure, job_facts, job_report, job_status},
        lanes::{LaneRow, LaneRows, lane_feed},
        names::{check_name, name_parts, quoted},
        outcome::Operation,
        pages::Pages,
        profile::Profile,
        rate_limiter::RateLimiter,
        report::Report,
        rows::found_json,
        sansio::{Cancellation, Done, Send, Wait},
        scheduler::{Scheduler, Ticket},
        services::{described_service, scope, service_json, services},
        simulation::simulate,
        stream::Stream,
        wire::{
            Request, build_cancel, build_get, build_get_device, build_list_operations,
            parse_cancel, parse_device, parse_operation, parse_operations,
        },
    };

    #[expect(non_upper_case_globals, reason = "the name is Python's")]
    #[pymodule_export]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    /// The number of operations that a rescue cancels at most, by default.
    #[pymodule_export]
    const AT_MOST: u64 = countermand_fleet::Settings::MAX_OF_RESCUE;

    /// The columns of a report, in order, each with the field of a row's JSON that has it as a part.
    #[pyfunction]
    fn report_columns() -> Vec<(&'static str, Option<&'static str>)> {
        let columns = countermand_fleet::report::COLUMNS.iter();
        columns
            .map(|column| (column.name, column.part_of))
            .collect()
    }

    /// Runs the command `countermand` with its arguments, the program's name first.
    #[pyfunction]
    fn run(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
        py.detach(|| countermand_cli::run(arguments))
    }

    /// A text of a stranger with every control and invisible character spelled out.
    #[pyfunction]
    #[pyo3(signature = (text, /))]
    fn printable(text: &str) -> Cow<'_, str> {
        countermand_core::text::printable(text)
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // Runtime, classes and exit hooks are of the process: the end of a sub-interpreter would end them
        // for the others.
        let py = module.py();
        if !process::is_main_interpreter(py) {
            return Err(PyImportError::new_err(
                "countermand does not run in a sub-interpreter: import it in the main interpreter, or in \
                 another process (multiprocessing)",
            ));
        }
        // Windows has no forks.
        if let Ok(register) = py.import("os")?.getattr("register_at_fork") {
            let hooks = [("after_in_child", wrap_pyfunction!(process::forked, module)?)];
            register.call((), Some(&hooks.into_py_dict(py)?))?;
        }
        let shut_down = wrap_pyfunction!(process::shut_down, module)?;
        py.import("atexit")?
            .call_method1("register", (shut_down,))?;
        Ok(())
    }
}
