//! Reads names without keeping signals waiting.

use std::ffi::OsString;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::names::{Batch, Refused};
use crate::report::Report;

/// Reads the names on a thread of its own (a terminal or a slow pipe takes its time) and reports
/// the bad ones. The report comes back with them.
pub(crate) async fn names(
    report: Report,
    given: Vec<OsString>,
    refuse: fn(&Report, &Refused),
) -> Result<(Report, Batch), Failure> {
    let reading = tokio::task::spawn_blocking(move || {
        let batch = Batch::read(&given, |refused| refuse(&report, &refused));
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
        Ok(batch) => Ok((report, batch)),
        Err(error) => {
            report.output.finish().await;
            Err(failed(error.to_string()))
        }
    }
}
