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
mod feed;
mod files;
mod find;
mod fleet;
mod inbox;
mod job_errors;
mod jobs;
mod lock;
mod names;
mod once;
mod outcome;
mod pages;
mod process;
mod progress;
mod quota;
mod rate_limiter;
mod report;
mod rows;
mod sansio;
mod scheduler;
mod selection;
mod token;
mod wire;

use std::ffi::OsString;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Runs the command `countermand` with its arguments, the program's name first.
#[pyfunction]
fn run(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| countermand_cli::run(arguments))
}

/// A text of a stranger with every control and invisible character spelled out.
#[pyfunction]
#[pyo3(signature = (text, /))]
fn printable(text: &str) -> std::borrow::Cow<'_, str> {
    countermand_core::printable(text)
}

/// Whether this is the first interpreter of the process, which has the number 0.
fn is_main_interpreter(_: Python<'_>) -> bool {
    // SAFETY: this thread is attached to an interpreter, which lives as long as that.
    #[expect(unsafe_code, reason = "Python's own API has no other way")]
    let number =
        unsafe { pyo3::ffi::PyInterpreterState_GetID(pyo3::ffi::PyInterpreterState_Get()) };
    number == 0
}

// In a free-threaded build Python turns the GIL on: what happens at a fork relies on it.
#[pymodule(gil_used = true)]
fn _countermand(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // Runtime, classes and exit hooks are of the process: the end of a sub-interpreter would end them
    // for the others.
    if !is_main_interpreter(module.py()) {
        return Err(PyImportError::new_err(
            "countermand does not run in a sub-interpreter: import it in the main interpreter, or in \
             another process (multiprocessing)",
        ));
    }
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<names::OperationName>()?;
    module.add_class::<outcome::Operation>()?;
    module.add_class::<client::NativeClient>()?;
    module.add_class::<bulk::Bulk>()?;
    module.add_class::<bulk::Results>()?;
    module.add_class::<apply::Applying>()?;
    module.add_class::<find::Finder>()?;
    module.add_class::<report::Report>()?;
    module.add_class::<scheduler::Scheduler>()?;
    module.add_class::<scheduler::Ticket>()?;
    module.add_class::<call::Call>()?;
    module.add_class::<call::Running>()?;
    module.add_class::<inbox::Inbox>()?;
    module.add_class::<emulator::Emulator>()?;
    module.add_class::<sansio::Cancellation>()?;
    module.add_class::<sansio::Send>()?;
    module.add_class::<sansio::Wait>()?;
    module.add_class::<sansio::Done>()?;
    module.add_class::<wire::Request>()?;
    module.add_class::<pages::Pages>()?;
    module.add_class::<rate_limiter::RateLimiter>()?;
    wire::add(module)?;
    module.add_function(wrap_pyfunction!(run, module)?)?;
    module.add_function(wrap_pyfunction!(printable, module)?)?;
    module.add_function(wrap_pyfunction!(quota::is_default_quota, module)?)?;
    module.add_function(wrap_pyfunction!(fleet::find, module)?)?;
    module.add_function(wrap_pyfunction!(fleet::plan, module)?)?;
    module.add_function(wrap_pyfunction!(fleet::rescue, module)?)?;
    module.add_function(wrap_pyfunction!(fleet::apply, module)?)?;
    module.add_function(wrap_pyfunction!(jobs::job_exposure, module)?)?;
    module.add_function(wrap_pyfunction!(jobs::job_facts, module)?)?;
    module.add_function(wrap_pyfunction!(jobs::job_status, module)?)?;
    module.add_function(wrap_pyfunction!(jobs::job_estimate, module)?)?;
    module.add_function(wrap_pyfunction!(jobs::job_report, module)?)?;
    // Windows has no forks.
    if let Ok(register) = module.py().import("os")?.getattr("register_at_fork") {
        let hooks = PyDict::new(module.py());
        hooks.set_item("after_in_child", wrap_pyfunction!(process::forked, module)?)?;
        register.call((), Some(&hooks))?;
    }
    let shut_down = wrap_pyfunction!(process::shut_down, module)?;
    module
        .py()
        .import("atexit")?
        .call_method1("register", (shut_down,))?;
    Ok(())
}
