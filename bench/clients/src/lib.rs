//! Countermand and raw hyper, doing the same [`Task`].

mod ours;
mod raw;

use bench_task::Task;

/// Does the task of this process, on one thread, by the client that `BENCH_CLIENT` names.
///
/// # Errors
/// The reason why the client could not do the task.
pub fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let task = Task::of_process()?;
    match std::env::var("BENCH_CLIENT")?.as_str() {
        "raw" => runtime.block_on(raw::run(&task)),
        "ours" => runtime.block_on(ours::run(&task)),
        other => Err(format!("unknown client {other}").into()),
    }
}
