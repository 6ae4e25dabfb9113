//! Reads names without keeping signals waiting.

use std::ffi::OsString;

use crate::args::Global;
use crate::commands::names::{Batch, Refused};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::results::Report;

/// Reads the names on a thread of its own (a terminal or a slow pipe takes its time) and reports
/// the bad ones. The report comes back with them.
pub(crate) async fn names(
    report: Report,
    given: Vec<OsString>,
    global: &Global,
    refuse: fn(&Report, &Refused),
) -> Result<(Report, Batch), Failure> {
    let endpoint = global.endpoint.clone().unwrap_or_default();
    let reading = tokio::task::spawn_blocking(move || {
        let batch = Batch::read(&given, &endpoint, |refused| refuse(&report, &refused));
        if let Ok(batch) = &batch {
            let sentences = batch.sentences();
            sentences.for_each(|sentence| report.output.note(&sentence));
            report.left_out(&batch.left_out);
        }
        (report, batch)
    });
    let failed = |error: String| {
        let message = format!("cannot read names from standard input: {error}; nothing was sent");
        Failure::new(Exit::Failed, message)
    };
    let (report, batch) = reading.await.map_err(|error| failed(error.to_string()))?;
    match batch {
        // A pipe whose writer has failed gives nothing, and must not look like success.
        Ok(batch) if batch.is_empty() => {
            report.output.finish().await;
            Err(no_names("standard input"))
        }
        Ok(batch) => Ok((report, batch)),
        Err(error) => {
            report.output.finish().await;
            Err(failed(error.to_string()))
        }
    }
}

/// An input without a single name: what was to write it has probably failed.
pub(crate) fn no_names(place: &str) -> Failure {
    Failure::usage(format!(
        "no names of operations were found in {place}; nothing was sent"
    ))
}
